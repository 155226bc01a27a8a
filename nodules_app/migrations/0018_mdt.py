"""The conference: meetings, cases, outcomes, actions, minutes; and what the database refuses of them."""

import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from nodules_app.models.mdt import usual_quorum

# The same table as lifecycles.MDT_CASE, as pairs of states; a test holds them together.
LEGAL = sorted(
    {
        ("draft", "submitted"),
        ("submitted", "returned"),
        ("listed", "returned"),
        ("returned", "submitted"),
        ("submitted", "listed"),
        ("not_discussed", "listed"),
        ("listed", "discussed"),
        ("listed", "not_discussed"),
        ("discussed", "outcome_draft"),
        ("outcome_draft", "outcome_confirmed"),
        ("outcome_confirmed", "actions_open"),
        ("outcome_confirmed", "complete"),
        ("actions_open", "complete"),
    }
    | {(state, "withdrawn") for state in ("draft", "submitted", "returned", "listed", "not_discussed")}
)
PAIRS = ", ".join(f"('{first}', '{second}')" for first, second in LEGAL)
RECORDED_ONCE = ("mdtchange", "mdtaddendum", "mdtminutes")

GUARDS = f"""
CREATE FUNCTION nodules_app_mdt_case_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({PAIRS}) THEN
        RAISE EXCEPTION 'an MDT case goes nowhere from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mdt_case_knows_this_step';
    END IF;
    IF NEW.state IN ('actions_open', 'complete') AND OLD.state = 'outcome_confirmed' AND NOT EXISTS (
            SELECT 1 FROM nodules_app_mdtoutcome WHERE case_id = NEW.id AND confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'an MDT case ends by a confirmed outcome only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mdt_case_ends_by_its_outcome';
    END IF;
    IF NEW.state = 'complete' AND EXISTS (
            SELECT 1 FROM nodules_app_mdtaction WHERE case_id = NEW.id AND done_at IS NULL) THEN
        RAISE EXCEPTION 'an MDT case is complete when every action is done'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mdt_case_is_complete_when_all_is_done';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mdt_case_step BEFORE UPDATE OF state ON nodules_app_mdtcase
    FOR EACH ROW EXECUTE FUNCTION nodules_app_mdt_case_step();

CREATE FUNCTION nodules_app_mdt_case_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT EXISTS (
            SELECT 1 FROM nodules_app_mdtchange c
            WHERE c.case_id = NEW.id AND c.version = NEW.version
              AND c.from_state = OLD.state AND c.to_state = NEW.state) THEN
        RAISE EXCEPTION 'a change of an MDT case was not recorded'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mdt_case_change_is_recorded';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER mdt_case_change_is_recorded AFTER UPDATE OF state ON nodules_app_mdtcase
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nodules_app_mdt_case_change();

CREATE FUNCTION nodules_app_mdt_outcome_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.confirmed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a confirmed outcome is never changed: write an addendum'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'mdt_outcome_stands';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER mdt_outcome_stands BEFORE UPDATE OR DELETE ON nodules_app_mdtoutcome
    FOR EACH ROW EXECUTE FUNCTION nodules_app_mdt_outcome_stands();
""" + "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
GUARDS_GONE = (
    "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)
    + """
DROP TRIGGER mdt_outcome_stands ON nodules_app_mdtoutcome;
DROP FUNCTION nodules_app_mdt_outcome_stands();
DROP TRIGGER mdt_case_change_is_recorded ON nodules_app_mdtcase;
DROP FUNCTION nodules_app_mdt_case_change();
DROP TRIGGER mdt_case_step ON nodules_app_mdtcase;
DROP FUNCTION nodules_app_mdt_case_step();
"""
)


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0017_nodule_features"),
    ]

    operations = [
        migrations.CreateModel(
            name="MdtCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "submitted"),
                            ("returned", "returned"),
                            ("listed", "listed"),
                            ("discussed", "discussed"),
                            ("not_discussed", "not_discussed"),
                            ("outcome_draft", "outcome_draft"),
                            ("outcome_confirmed", "outcome_confirmed"),
                            ("actions_open", "actions_open"),
                            ("complete", "complete"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="submitted",
                        max_length=20,
                    ),
                ),
                ("question", models.CharField(max_length=500, verbose_name="question")),
                (
                    "reasons",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=30), default=list, size=None
                    ),
                ),
                ("order", models.PositiveSmallIntegerField(default=0)),
                (
                    "without_discussion",
                    models.BooleanField(
                        default=False, verbose_name="under an agreed standard of care, without discussion"
                    ),
                ),
                (
                    "performance_status",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MaxValueValidator(4)],
                        verbose_name="performance status (WHO)",
                    ),
                ),
                (
                    "fitness",
                    models.CharField(
                        blank=True, max_length=300, verbose_name="lung function, other illness, medicines"
                    ),
                ),
                (
                    "pathology",
                    models.CharField(
                        choices=[("not_needed", "None expected"), ("awaited", "Awaited"), ("ready", "Ready")],
                        default="not_needed",
                        max_length=12,
                        verbose_name="pathology",
                    ),
                ),
                ("version", models.PositiveIntegerField(db_default=1, default=1)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mdt_cases", to="nodules_app.patient"
                    ),
                ),
                (
                    "presenter",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="presents",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MdtMeeting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("starts_at", models.DateTimeField(verbose_name="begins")),
                ("cut_off_at", models.DateTimeField(verbose_name="list closes")),
                ("place", models.CharField(max_length=120, verbose_name="place")),
                (
                    "quorum",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("radiology", "Radiology"),
                                ("chest", "Chest medicine"),
                                ("surgery", "Thoracic surgery"),
                                ("oncology", "Oncology"),
                                ("pathology", "Pathology"),
                                ("nursing", "Nursing"),
                                ("coordination", "Coordination"),
                            ],
                            max_length=20,
                        ),
                        default=usual_quorum,
                        size=None,
                        verbose_name="quorum",
                    ),
                ),
                ("began_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "chair",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="chair",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mdt_meetings",
                        to="nodules_app.clinic",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MdtChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("step", models.CharField(max_length=20)),
                (
                    "from_state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "submitted"),
                            ("returned", "returned"),
                            ("listed", "listed"),
                            ("discussed", "discussed"),
                            ("not_discussed", "not_discussed"),
                            ("outcome_draft", "outcome_draft"),
                            ("outcome_confirmed", "outcome_confirmed"),
                            ("actions_open", "actions_open"),
                            ("complete", "complete"),
                            ("withdrawn", "withdrawn"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "to_state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "submitted"),
                            ("returned", "returned"),
                            ("listed", "listed"),
                            ("discussed", "discussed"),
                            ("not_discussed", "not_discussed"),
                            ("outcome_draft", "outcome_draft"),
                            ("outcome_confirmed", "outcome_confirmed"),
                            ("actions_open", "actions_open"),
                            ("complete", "complete"),
                            ("withdrawn", "withdrawn"),
                        ],
                        max_length=20,
                    ),
                ),
                ("why", models.CharField(blank=True, max_length=500)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="nodules_app.mdtcase"
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="nodules_app.mdtmeeting",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="mdtcase",
            name="meeting",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cases",
                to="nodules_app.mdtmeeting",
            ),
        ),
        migrations.CreateModel(
            name="MdtAttendee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guest", models.CharField(blank=True, max_length=120, verbose_name="guest")),
                (
                    "discipline",
                    models.CharField(
                        choices=[
                            ("radiology", "Radiology"),
                            ("chest", "Chest medicine"),
                            ("surgery", "Thoracic surgery"),
                            ("oncology", "Oncology"),
                            ("pathology", "Pathology"),
                            ("nursing", "Nursing"),
                            ("coordination", "Coordination"),
                        ],
                        max_length=20,
                        verbose_name="discipline",
                    ),
                ),
                ("came", models.BooleanField(default=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attendees",
                        to="nodules_app.mdtmeeting",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MdtMinutes",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("version", models.PositiveSmallIntegerField()),
                (
                    "signed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("pdf", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "meeting",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="minutes", to="nodules_app.mdtmeeting"
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "minutes",
            },
        ),
        migrations.CreateModel(
            name="MdtOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("discharge", "Discharge"),
                            ("ct", "CT at a date"),
                            ("pet_ct", "PET-CT"),
                            ("biopsy", "Biopsy"),
                            ("resection", "Resection"),
                            ("ablation", "Ablation or radiotherapy"),
                            ("oncology", "Referral to oncology"),
                            ("other", "Other"),
                        ],
                        max_length=12,
                        verbose_name="outcome",
                    ),
                ),
                ("ct_on", models.DateField(blank=True, null=True, verbose_name="CT on")),
                ("says", models.CharField(blank=True, max_length=1000, verbose_name="in words")),
                ("dissent", models.CharField(blank=True, max_length=500, verbose_name="dissent")),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outcome", to="nodules_app.mdtcase"
                    ),
                ),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "drafted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "follow_up",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mdt_outcomes",
                        to="nodules_app.followup",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="MdtAddendum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("text", models.TextField(verbose_name="addendum")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="addenda", to="nodules_app.mdtcase"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="mdt_addendum_says_something"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MdtAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("what", models.CharField(max_length=300, verbose_name="action")),
                ("due_on", models.DateField(verbose_name="by")),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                ("result", models.CharField(blank=True, max_length=500, verbose_name="result")),
                (
                    "done_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mdt_actions",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="actions", to="nodules_app.mdtcase"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at__isnull", True)), fields=["due_on"], name="mdt_action_open"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("what", ""), _negated=True), name="mdt_action_says_what"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("done_at__isnull", True), ("done_by__isnull", True), ("result", "")),
                            models.Q(
                                ("done_at__isnull", False),
                                ("done_by__isnull", False),
                                models.Q(("result", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="mdt_action_is_done_by_somebody_with_a_result",
                        violation_error_message="Say what came of it.",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="mdtmeeting",
            index=models.Index(fields=["clinic", "-starts_at"], name="mdt_meeting_of_clinic"),
        ),
        migrations.AddConstraint(
            model_name="mdtmeeting",
            constraint=models.CheckConstraint(
                condition=models.Q(("cut_off_at__lte", models.F("starts_at"))),
                name="mdt_list_closes_before_the_meeting",
                violation_error_message="The list must close before the meeting begins.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtmeeting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True),
                    models.Q(("began_at__isnull", False), ("ended_at__gte", models.F("began_at"))),
                    _connector="OR",
                ),
                name="mdt_meeting_ends_after_it_began",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtmeeting",
            constraint=models.CheckConstraint(
                condition=models.Q(("cancelled_at__isnull", True), ("began_at__isnull", True), _connector="OR"),
                name="mdt_meeting_that_began_is_not_cancelled",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtmeeting",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cancelled_at__isnull", True)),
                fields=("clinic", "starts_at"),
                name="clinic_meets_once_at_a_time",
                violation_error_message="A meeting begins at that time already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtchange",
            constraint=models.UniqueConstraint(fields=("case", "version"), name="mdt_change_is_told_once"),
        ),
        migrations.AddIndex(
            model_name="mdtcase",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "draft",
                            "submitted",
                            "returned",
                            "listed",
                            "discussed",
                            "not_discussed",
                            "outcome_draft",
                            "outcome_confirmed",
                            "actions_open",
                        ),
                    )
                ),
                fields=["state"],
                name="mdt_case_to_prepare",
            ),
        ),
        migrations.AddIndex(
            model_name="mdtcase",
            index=models.Index(fields=["meeting", "order"], name="mdt_case_of_meeting"),
        ),
        migrations.AddConstraint(
            model_name="mdtcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "draft",
                            "submitted",
                            "returned",
                            "listed",
                            "discussed",
                            "not_discussed",
                            "outcome_draft",
                            "outcome_confirmed",
                            "actions_open",
                            "complete",
                            "withdrawn",
                        ],
                    )
                ),
                name="mdt_case_is_in_a_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtcase",
            constraint=models.CheckConstraint(
                condition=models.Q(("question", ""), _negated=True),
                name="mdt_case_asks_something",
                violation_error_message="Say what the conference is asked.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "state__in",
                            ("listed", "discussed", "outcome_draft", "outcome_confirmed", "actions_open", "complete"),
                        ),
                        _negated=True,
                    ),
                    ("meeting__isnull", False),
                    _connector="OR",
                ),
                name="mdt_case_on_a_list_names_the_meeting",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("performance_status__isnull", True), ("performance_status__lte", 4), _connector="OR"
                ),
                name="mdt_performance_status_is_0_to_4",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtcase",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "draft",
                            "submitted",
                            "returned",
                            "listed",
                            "discussed",
                            "not_discussed",
                            "outcome_draft",
                            "outcome_confirmed",
                            "actions_open",
                        ),
                    )
                ),
                fields=("patient",),
                name="patient_has_one_open_mdt_case",
                violation_error_message="This patient is on the way to the conference already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtattendee",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("user__isnull", True), models.Q(("guest", ""), _negated=True)),
                    models.Q(("guest", ""), ("user__isnull", False)),
                    _connector="OR",
                ),
                name="mdt_attendee_is_somebody",
                violation_error_message="Choose a member of staff, or give a guest's name.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtattendee",
            constraint=models.UniqueConstraint(
                fields=("meeting", "user"),
                name="mdt_member_attends_once",
                violation_error_message="This person is on the list already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtminutes",
            constraint=models.UniqueConstraint(fields=("meeting", "version"), name="mdt_minutes_have_a_version"),
        ),
        migrations.AddConstraint(
            model_name="mdtoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["discharge", "ct", "pet_ct", "biopsy", "resection", "ablation", "oncology", "other"])
                ),
                name="mdt_outcome_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ct_on__isnull", False), ("kind", "ct")),
                    models.Q(models.Q(("kind", "ct"), _negated=True), ("ct_on__isnull", True)),
                    _connector="OR",
                ),
                name="mdt_outcome_ct_has_a_day",
                violation_error_message="Give the day of the CT.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["other", "discharge"]), _negated=True),
                    models.Q(("says", ""), _negated=True),
                    _connector="OR",
                ),
                name="mdt_outcome_other_is_told",
                violation_error_message="Say in words what was decided, and why.",
            ),
        ),
        migrations.AddConstraint(
            model_name="mdtoutcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at__isnull", True), ("confirmed_by__isnull", True)),
                    models.Q(("confirmed_at__isnull", False), ("confirmed_by__isnull", False)),
                    _connector="OR",
                ),
                name="mdt_outcome_is_confirmed_by_somebody",
            ),
        ),
        migrations.RunSQL(GUARDS, GUARDS_GONE),
    ]
