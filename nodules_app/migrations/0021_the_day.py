"""What the coordinator's day leaves: contacts recorded, acts on many rows, who is away from when, exams answered.

A signature that is undone at once takes the step back to what the rules proposed: the database learns that one change.
"""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

OPEN = ["proposed", "planned", "booked", "not_attended", "deferred", "lost_suspected", "performed", "reported"]
ENDED = ["closed", "declined", "moved", "superseded", "cancelled"]
TO_ARRANGE = ["planned", "booked", "not_attended", "deferred", "lost_suspected"]
BEFORE = sorted(
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
# The same table as lifecycles.FOLLOW_UP, as pairs of states; a test holds them together.
LEGAL = sorted({*BEFORE, ("planned", "proposed")})
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


def rows(pairs):
    return ", ".join(f"('{first}', '{second}')" for first, second in pairs)


def steps_that_know(legal):
    return f"""
CREATE OR REPLACE FUNCTION nodules_app_follow_up_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    proof nodules_app_evidence;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({rows(legal)}) THEN
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
"""


RECORDED_ONCE = ("contactattempt", "decisiontakenback", "examanswer")
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
APPEND_ONLY_GONE = "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)


def key():
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def coded():
    return [
        key(),
        ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
        ("created_at", models.DateTimeField(auto_now_add=True)),
    ]


def to(model, related_name, kind=models.ForeignKey, **options):
    return kind(on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=model, **options)


def at():
    return models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)


USER = settings.AUTH_USER_MODEL
KINDS = [
    ("take", "Take"),
    ("release", "Give back"),
    ("assign", "Assign to a colleague"),
    ("accept", "Sign the proposed steps"),
    ("postpone", "Postpone reminders"),
    ("letters", "Print letters"),
]
WAYS = [("call", "Call"), ("letter", "Letter"), ("visit", "Visit")]
WHOM = [
    ("patient", "Patient"),
    ("referrer", "Referring physician"),
    ("alternative", "Another person the patient named"),
]
CAME_OF_IT = [
    ("reached", "Reached"),
    ("left_message", "Left a message"),
    ("no_answer", "No answer"),
    ("wrong_number", "Wrong number or address"),
    ("call_back", "Asked to call back"),
]


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0020_candidates")]
    operations = [
        migrations.CreateModel(
            "BulkAct",
            [
                *coded(),
                ("kind", models.CharField(choices=KINDS, max_length=12)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                ("by", to(USER, "bulk_acts")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(kind__in=[kind for kind, _ in KINDS]), name="bulk_act_is_of_a_known_kind"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            "BulkItem",
            [
                key(),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                ("act", to("nodules_app.bulkact", "items")),
                ("patient", to("nodules_app.patient", "+")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("act", "patient"), name="bulk_act_touches_a_patient_once")
                ]
            },
        ),
        migrations.CreateModel(
            "ContactAttempt",
            [
                *coded(),
                ("at", at()),
                ("channel", models.CharField(choices=WAYS, max_length=8, verbose_name="how")),
                ("of", models.CharField(choices=WHOM, default="patient", max_length=12, verbose_name="whom")),
                ("outcome", models.CharField(choices=CAME_OF_IT, max_length=14, verbose_name="what came of it")),
                ("agreed", models.CharField(blank=True, max_length=20)),
                ("call_back_at", models.DateTimeField(blank=True, null=True, verbose_name="call back at")),
                ("note", models.CharField(blank=True, max_length=1000, verbose_name="note")),
                ("by", to(USER, "+")),
                ("contact", to("nodules_app.contactpoint", "attempts", blank=True, null=True)),
                ("follow_up", to("nodules_app.followup", "contact_attempts", blank=True, null=True)),
                ("patient", to("nodules_app.patient", "contact_attempts")),
            ],
            options={
                "indexes": [models.Index(fields=["patient", "-id"], name="contact_attempt_latest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(channel__in=[way for way, _ in WAYS]), name="contact_attempt_has_a_way"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(outcome__in=[outcome for outcome, _ in CAME_OF_IT]),
                        name="contact_attempt_has_an_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(outcome="call_back") ^ models.Q(call_back_at__isnull=True),
                        name="contact_attempt_says_when_to_call_back",
                        violation_error_message="Say when to call back.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(outcome="reached") ^ models.Q(agreed=""),
                        name="contact_attempt_agrees_with_whom_it_reached",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            "DecisionTakenBack",
            [
                key(),
                ("at", at()),
                ("by", to(USER, "+")),
                ("decision", to("nodules_app.decision", "taken_back", models.OneToOneField)),
            ],
            options={"verbose_name_plural": "decisions taken back"},
        ),
        migrations.CreateModel(
            "ExamAnswer",
            [
                *coded(),
                ("followed_again", models.BooleanField(default=False)),
                ("reason", models.CharField(max_length=300, verbose_name="why")),
                ("by", to(USER, "+")),
                ("study", to("nodules_app.study", "answer", models.OneToOneField)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(reason=""),
                        name="exam_answer_has_a_reason",
                        violation_error_message="Say why; the reason is kept with the exam.",
                    )
                ]
            },
        ),
        migrations.AddField("user", "away_from", models.DateField(blank=True, null=True, verbose_name="away from")),
        AddConstraintNotValid(
            "user",
            models.CheckConstraint(
                condition=models.Q(away_from__isnull=True) | models.Q(away_until__gte=models.F("away_from")),
                name="user_absence_is_in_order",
                violation_error_message="The last day lies before the first one.",
            ),
        ),
        ValidateConstraint("user", "user_absence_is_in_order"),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
        migrations.RunSQL(steps_that_know(LEGAL), steps_that_know(BEFORE)),
    ]
