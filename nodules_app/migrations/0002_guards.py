"""What the database itself refuses: a lost patient, and a change of what was recorded once.

``nodules_app_uncovered_nodule`` is the one statement of "nobody is lost". The deferred trigger, the safety-net page and
``manage.py prove`` all read it.
"""

from django.db import migrations

OPEN = "('proposed', 'planned', 'booked', 'performed')"

UNCOVERED = f"""
CREATE VIEW nodules_app_uncovered_nodule AS
SELECT n.id AS nodule_id, n.patient_id
FROM nodules_app_nodule n
WHERE n.state = 'active'
  AND NOT EXISTS (
      SELECT 1 FROM nodules_app_followup f
      JOIN nodules_app_followup_nodules fn ON fn.followup_id = f.id
      WHERE fn.nodule_id = n.id AND f.state IN {OPEN})
  AND NOT EXISTS (
      SELECT 1 FROM nodules_app_closure c
      WHERE c.patient_id = n.patient_id AND c.ended_at IS NULL);
"""

NOBODY_IS_LOST = """
CREATE FUNCTION nodules_app_nobody_is_lost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whose bigint;
BEGIN
    IF TG_TABLE_NAME = 'nodules_app_followup_nodules' THEN
        SELECT patient_id INTO whose FROM nodules_app_nodule WHERE id = OLD.nodule_id;
    ELSIF TG_OP = 'DELETE' THEN
        whose := OLD.patient_id;
    ELSE
        whose := NEW.patient_id;
    END IF;
    IF EXISTS (SELECT 1 FROM nodules_app_uncovered_nodule WHERE patient_id = whose) THEN
        RAISE EXCEPTION 'an active nodule would have neither an open follow-up nor a closure'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_is_lost';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER nobody_is_lost_by_nodule
    AFTER INSERT OR UPDATE OF state, patient_id ON nodules_app_nodule
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_nobody_is_lost();
CREATE CONSTRAINT TRIGGER nobody_is_lost_by_follow_up
    AFTER UPDATE OF state, patient_id OR DELETE ON nodules_app_followup
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_nobody_is_lost();
CREATE CONSTRAINT TRIGGER nobody_is_lost_by_cover
    AFTER UPDATE OR DELETE ON nodules_app_followup_nodules
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_nobody_is_lost();
CREATE CONSTRAINT TRIGGER nobody_is_lost_by_closure
    AFTER UPDATE OF ended_at, patient_id OR DELETE ON nodules_app_closure
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_nobody_is_lost();
"""

NOBODY_IS_LOST_GONE = """
DROP TRIGGER nobody_is_lost_by_closure ON nodules_app_closure;
DROP TRIGGER nobody_is_lost_by_cover ON nodules_app_followup_nodules;
DROP TRIGGER nobody_is_lost_by_follow_up ON nodules_app_followup;
DROP TRIGGER nobody_is_lost_by_nodule ON nodules_app_nodule;
DROP FUNCTION nodules_app_nobody_is_lost();
"""

RECORDED_ONCE = ("measurement", "growth", "assessment", "decision", "auditevent", "riskfactors")

APPEND_ONLY = """
CREATE FUNCTION nodules_app_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a new row', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
""" + "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
APPEND_ONLY_GONE = (
    "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)
    + "DROP FUNCTION nodules_app_append_only();"
)


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0001_initial")]
    operations = [
        migrations.RunSQL(UNCOVERED, "DROP VIEW nodules_app_uncovered_nodule;"),
        migrations.RunSQL(NOBODY_IS_LOST, NOBODY_IS_LOST_GONE),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
