"""What the database refuses of a step: a change that the life cycle does not know, one that nobody recorded, an end
without true evidence, a second open step, and a lost patient also when two people close two covers at one moment.

Programs that ran before 0008 must have ended: they close steps without evidence. The column that goes, the old free
list of ``Closure``, was never written by any of them.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

OPEN = ["proposed", "planned", "booked", "not_attended", "deferred", "lost_suspected", "performed", "reported"]
ENDED = ["closed", "declined", "moved", "superseded", "cancelled"]
TO_ARRANGE = ["planned", "booked", "not_attended", "deferred", "lost_suspected"]

# The same table as lifecycles.FOLLOW_UP, as pairs of states; a test holds them together.
LEGAL = sorted(
    {
        ("proposed", "planned"),
        ("booked", "planned"),
        ("booked", "not_attended"),
        ("lost_suspected", "planned"),
        ("proposed", "performed"),
        ("performed", "reported"),
        ("performed", "planned"),
        ("reported", "planned"),
    }
    | {(state, goal) for state in TO_ARRANGE for goal in ("booked", "deferred", "lost_suspected", "performed")}
    | {(state, ended) for state in OPEN for ended in ENDED}
)
ENDED_BY = {
    "examined": "closed",
    "signed": "closed",
    "discharged": "closed",
    "deceased": "closed",
    "declined": "declined",
    "withdrawn": "declined",
    "transferred": "moved",
    "superseded": "superseded",
    "nothing_left": "cancelled",
    "entered_in_error": "cancelled",
}
ENDS_CARE = ("discharged", "deceased", "declined", "withdrawn", "transferred")


def listed(states):
    return "(" + ", ".join(f"'{state}'" for state in states) + ")"


def rows(pairs):
    return ", ".join(f"('{first}', '{second}')" for first, second in pairs)


UNCOVERED = """
CREATE OR REPLACE VIEW nodules_app_uncovered_nodule AS
SELECT n.id AS nodule_id, n.patient_id
FROM nodules_app_nodule n
WHERE n.state = 'active'
  AND NOT EXISTS (
      SELECT 1 FROM nodules_app_followup f
      JOIN nodules_app_followup_nodules fn ON fn.followup_id = f.id
      WHERE fn.nodule_id = n.id AND f.state IN {open})
  AND NOT EXISTS (
      SELECT 1 FROM nodules_app_closure c
      WHERE c.patient_id = n.patient_id AND c.ended_at IS NULL);
"""

# Steps that were closed before there was evidence: by the exam that the newer answer rests on, or by the newer step.
FILL = """
DO $$
DECLARE
    step RECORD;
    newer RECORD;
    proof bigint;
    exam bigint;
BEGIN
    FOR step IN SELECT * FROM nodules_app_followup WHERE state = 'closed' AND evidence_id IS NULL ORDER BY id LOOP
        SELECT f.* INTO newer FROM nodules_app_followup f
        WHERE f.patient_id = step.patient_id AND f.id <> step.id
        ORDER BY (f.succeeds_id = step.id) IS TRUE DESC, f.id > step.id DESC, f.id LIMIT 1;
        CONTINUE WHEN newer IS NULL;
        SELECT s.id INTO exam FROM nodules_app_study s
        JOIN nodules_app_assessment a ON a.id = newer.assessment_id AND s.acquired_on = a.exam_on
        JOIN nodules_app_assessment before ON before.id = step.assessment_id AND s.acquired_on > before.exam_on
        WHERE s.patient_id = step.patient_id AND step.kind = 'ct' LIMIT 1;
        INSERT INTO nodules_app_evidence (code, created_at, patient_id, kind, "on", signed, reason, overrides,
            explained, source, second_source, study_id, assessment_id, newer_id)
        VALUES (gen_random_uuid(), now(), step.patient_id,
            CASE WHEN exam IS NULL THEN 'superseded' ELSE 'examined' END, step.closed_at::date, false, '', false,
            '', '', '', exam, CASE WHEN exam IS NULL THEN NULL ELSE newer.assessment_id END, newer.id)
        RETURNING id INTO proof;
        UPDATE nodules_app_followup SET evidence_id = proof, exam_id = exam,
            state = CASE WHEN exam IS NULL THEN 'superseded' ELSE 'closed' END
        WHERE id = step.id;
    END LOOP;
END $$;
"""

# A second commit that closes the other cover waits for the first and then sees it, because in READ COMMITTED each
# statement looks anew. A repeatable read would look at the past, and is refused.
NOBODY_IS_LOST = """
CREATE OR REPLACE FUNCTION nodules_app_nobody_is_lost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whose bigint;
BEGIN
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'change steps and nodules in READ COMMITTED or SERIALIZABLE: REPEATABLE READ does not see '
            'what another transaction has just closed' USING ERRCODE = 'feature_not_supported';
    END IF;
    IF TG_TABLE_NAME = 'nodules_app_followup_nodules' THEN
        SELECT patient_id INTO whose FROM nodules_app_nodule WHERE id = OLD.nodule_id;
    ELSIF TG_OP = 'INSERT' THEN
        whose := NEW.patient_id;
    ELSE
        whose := OLD.patient_id;
    END IF;
    PERFORM 1 FROM nodules_app_patient WHERE id = whose FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM nodules_app_uncovered_nodule WHERE patient_id = whose) THEN
        RAISE EXCEPTION 'an active nodule would have neither an open follow-up nor a closure'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_is_lost';
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME <> 'nodules_app_followup_nodules' THEN
        IF NEW.patient_id <> OLD.patient_id THEN
            PERFORM 1 FROM nodules_app_patient WHERE id = NEW.patient_id FOR NO KEY UPDATE;
            IF EXISTS (SELECT 1 FROM nodules_app_uncovered_nodule WHERE patient_id = NEW.patient_id) THEN
                RAISE EXCEPTION 'an active nodule would have neither an open follow-up nor a closure'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_is_lost';
            END IF;
        END IF;
    END IF;
    RETURN NULL;
END $$;
"""

EVIDENCE_IS_TRUE = """
CREATE FUNCTION nodules_app_evidence_is_true() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.study_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM nodules_app_study WHERE id = NEW.study_id AND patient_id = NEW.patient_id)
        OR NEW.assessment_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM nodules_app_assessment WHERE id = NEW.assessment_id AND patient_id = NEW.patient_id)
        OR NEW.newer_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM nodules_app_followup WHERE id = NEW.newer_id AND patient_id = NEW.patient_id) THEN
        RAISE EXCEPTION 'the evidence is another patient''s'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'evidence_is_of_this_patient';
    END IF;
    IF NEW.kind = 'examined' AND NOT EXISTS (
            SELECT 1 FROM nodules_app_study s JOIN nodules_app_assessment a ON a.exam_on = s.acquired_on
            WHERE s.id = NEW.study_id AND a.id = NEW.assessment_id) THEN
        RAISE EXCEPTION 'the answer does not rest on this exam'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'evidence_exam_was_read';
    END IF;
    IF NEW.transfer_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM nodules_app_transfer
            WHERE id = NEW.transfer_id AND patient_id = NEW.patient_id AND acknowledged_on IS NOT NULL) THEN
        RAISE EXCEPTION 'nobody has acknowledged this transfer: the patient stays ours'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'evidence_transfer_is_acknowledged';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER evidence_is_true BEFORE INSERT ON nodules_app_evidence
    FOR EACH ROW EXECUTE FUNCTION nodules_app_evidence_is_true();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_evidence
    FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_followupchange
    FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();
"""
EVIDENCE_IS_TRUE_GONE = """
DROP TRIGGER append_only ON nodules_app_followupchange;
DROP TRIGGER append_only ON nodules_app_evidence;
DROP TRIGGER evidence_is_true ON nodules_app_evidence;
DROP FUNCTION nodules_app_evidence_is_true();
"""

STEPS = f"""
CREATE FUNCTION nodules_app_follow_up_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    proof nodules_app_evidence;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({rows(LEGAL)}) THEN
            RAISE EXCEPTION 'a follow-up goes nowhere from % to %', OLD.state, NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_knows_this_step';
        END IF;
        IF NEW.state <> OLD.state AND NEW.version <= OLD.version THEN
            RAISE EXCEPTION 'a change of a follow-up raises its version'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_change_is_recorded';
        END IF;
        IF OLD.evidence_id IS NOT NULL AND NEW.evidence_id IS DISTINCT FROM OLD.evidence_id THEN
            RAISE EXCEPTION 'what a follow-up ended by is never exchanged'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_keeps_its_evidence';
        END IF;
    END IF;
    IF NEW.evidence_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT * INTO proof FROM nodules_app_evidence WHERE id = NEW.evidence_id;
    IF proof.patient_id <> NEW.patient_id
        OR (proof.kind, NEW.state) NOT IN ({rows(ENDED_BY.items())})
        OR proof.kind = 'superseded' AND proof.newer_id = NEW.id
        OR proof.kind = 'examined' AND (
            NEW.kind <> 'ct' OR NEW.exam_id IS DISTINCT FROM proof.study_id
            OR EXISTS (
                SELECT 1 FROM nodules_app_study s JOIN nodules_app_assessment asked ON asked.id = NEW.assessment_id
                WHERE s.id = proof.study_id AND s.acquired_on <= asked.exam_on)) THEN
        RAISE EXCEPTION 'this evidence (%) does not end this follow-up as %', proof.kind, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_evidence_fits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER follow_up_step BEFORE INSERT OR UPDATE OF state, evidence_id, patient_id ON nodules_app_followup
    FOR EACH ROW EXECUTE FUNCTION nodules_app_follow_up_step();

CREATE FUNCTION nodules_app_follow_up_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT EXISTS (
            SELECT 1 FROM nodules_app_followupchange c
            WHERE c.follow_up_id = NEW.id AND c.version = NEW.version
              AND c.from_state = OLD.state AND c.to_state = NEW.state) THEN
        RAISE EXCEPTION 'nobody wrote down who changed this follow-up, and why'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'follow_up_change_is_recorded';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER follow_up_change_is_recorded AFTER UPDATE OF state ON nodules_app_followup
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_follow_up_change();

CREATE FUNCTION nodules_app_closure_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
            SELECT 1 FROM nodules_app_evidence
            WHERE id = NEW.evidence_id AND patient_id = NEW.patient_id AND kind IN {listed(ENDS_CARE)}) THEN
        RAISE EXCEPTION 'this evidence does not end the care of this patient'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'closure_evidence_fits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closure_evidence BEFORE INSERT OR UPDATE OF evidence_id, patient_id ON nodules_app_closure
    FOR EACH ROW EXECUTE FUNCTION nodules_app_closure_evidence();

ALTER TABLE nodules_app_followup ADD CONSTRAINT patient_has_one_open_step
    EXCLUDE USING btree (patient_id WITH =, (kind = 'review') WITH =) WHERE (state IN {listed(OPEN)})
    DEFERRABLE INITIALLY DEFERRED;
"""
STEPS_GONE = """
ALTER TABLE nodules_app_followup DROP CONSTRAINT patient_has_one_open_step;
DROP TRIGGER closure_evidence ON nodules_app_closure;
DROP FUNCTION nodules_app_closure_evidence();
DROP TRIGGER follow_up_change_is_recorded ON nodules_app_followup;
DROP FUNCTION nodules_app_follow_up_change();
DROP TRIGGER follow_up_step ON nodules_app_followup;
DROP FUNCTION nodules_app_follow_up_step();
"""


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0008_steps_end_by_evidence")]
    operations = [
        migrations.RunSQL(
            UNCOVERED.format(open=listed(OPEN)),
            UNCOVERED.format(open=listed(["proposed", "planned", "booked", "performed"])),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE;", migrations.RunSQL.noop),
        migrations.RunSQL(NOBODY_IS_LOST, migrations.RunSQL.noop),
        migrations.RunSQL(EVIDENCE_IS_TRUE, EVIDENCE_IS_TRUE_GONE),
        migrations.RemoveField("closure", "evidence"),
        migrations.AddField(
            "closure",
            "evidence",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="closures",
                to="nodules_app.evidence",
            ),
        ),
        migrations.RunSQL(STEPS, STEPS_GONE),
        # The worklist's index grows by the new open states.
        migrations.RemoveIndex("followup", "follow_up_worklist"),
        migrations.AddIndex(
            "followup",
            models.Index(condition=Q(state__in=OPEN), fields=["due_until"], name="follow_up_worklist"),
        ),
        AddConstraintNotValid(
            "closure",
            models.CheckConstraint(condition=Q(evidence__isnull=False), name="closure_rests_on_evidence"),
        ),
        AddConstraintNotValid(
            "followup",
            models.CheckConstraint(
                condition=Q(state__in=ENDED, evidence__isnull=False) | (~Q(state__in=ENDED) & Q(evidence__isnull=True)),
                name="follow_up_ends_by_evidence",
                violation_error_message="A step ends by evidence only.",
            ),
        ),
        ValidateConstraint("nodule", "nodule_is_in_a_known_state"),
        ValidateConstraint("followup", "follow_up_is_in_a_known_state"),
        ValidateConstraint("followup", "follow_up_closes_with_a_reason"),
        ValidateConstraint("followup", "follow_up_reported_names_its_exam"),
        ValidateConstraint("followup", "follow_up_ends_by_evidence"),
    ]
