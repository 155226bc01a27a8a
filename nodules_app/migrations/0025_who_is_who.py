"""Who is who: records that are one person, exams filed anew, exams that are held, records told apart; and who gave or
took a role, and why.

Safe while the product runs: it only adds, and widens two guards by one exception. What is recorded once may change its
patient, and nothing else, while a merge that is recorded moves it; a record that was joined with another takes nothing
new. A program of before knows neither, and does neither.
"""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TAKES_NOTHING_NEW = (
    "assessment",
    "closure",
    "comparison",
    "contactattempt",
    "contactpoint",
    "evidence",
    "followup",
    "mdtcase",
    "nodule",
    "reading",
    "riskfactors",
    "study",
    "transfer",
)

MOVES = """
CREATE FUNCTION nodules_app_moves_with_its_patient(old_row jsonb, new_row jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT old_row ->> 'patient_id' IS DISTINCT FROM new_row ->> 'patient_id'
        AND old_row - 'patient_id' = new_row - 'patient_id'
        AND EXISTS (
            SELECT 1 FROM nodules_app_patientmerge
            WHERE code::text = current_setting('nodules.joining', true)
                AND (old_row ->> 'patient_id')::bigint IN (gone_id, kept_id)
                AND (new_row ->> 'patient_id')::bigint IN (gone_id, kept_id))
$$;
"""
APPEND_ONLY = """
CREATE OR REPLACE FUNCTION nodules_app_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME <> 'nodules_app_auditevent' THEN
        IF nodules_app_moves_with_its_patient(to_jsonb(OLD), to_jsonb(NEW)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: a correction is a new row', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
"""
APPEND_ONLY_BEFORE = """
CREATE OR REPLACE FUNCTION nodules_app_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: a correction is a new row', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;
"""
SIGNED_STAYS = """
CREATE OR REPLACE FUNCTION nodules_app_signed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {exception}IF OLD.signed_at IS NOT NULL AND (TG_OP = 'DELETE' OR
        (OLD.code, OLD.patient_id, OLD.scan_id, OLD.comparison_id, OLD.version, OLD.replaces_id, OLD.reader_id,
         OLD.began_at, OLD.consensus, OLD.content, OLD.content_sha256, OLD.signed_by_id, OLD.signed_at, OLD.created_at)
        IS DISTINCT FROM
        (NEW.code, NEW.patient_id, NEW.scan_id, NEW.comparison_id, NEW.version, NEW.replaces_id, NEW.reader_id,
         NEW.began_at, NEW.consensus, NEW.content, NEW.content_sha256, NEW.signed_by_id, NEW.signed_at, NEW.created_at))
    THEN
        RAISE EXCEPTION 'a signed reading stays as it is: a correction is a newer one'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_stays';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
"""
SIGNED_MOVES = """IF TG_OP = 'UPDATE' THEN
        IF nodules_app_moves_with_its_patient(to_jsonb(OLD), to_jsonb(NEW)) THEN
            RETURN NEW;
        END IF;
    END IF;
    """

# The lock makes a writer wait for a merge that is under way; the next statement then sees that it was made.
JOINED = """
CREATE FUNCTION nodules_app_joined_takes_nothing_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM nodules_app_patient WHERE id = NEW.patient_id FOR KEY SHARE;
    IF EXISTS (SELECT 1 FROM nodules_app_patientmerge WHERE gone_id = NEW.patient_id AND undone_at IS NULL) THEN
        RAISE EXCEPTION 'this record was joined with another one: write there'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'joined_record_takes_nothing_new';
    END IF;
    RETURN NEW;
END $$;
""" + "".join(
    f"CREATE TRIGGER joined_record_takes_nothing_new BEFORE INSERT OR UPDATE OF patient_id ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_joined_takes_nothing_new();\n"
    for table in TAKES_NOTHING_NEW
)
JOINED_GONE = (
    "".join(f"DROP TRIGGER joined_record_takes_nothing_new ON nodules_app_{table};\n" for table in TAKES_NOTHING_NEW)
    + "DROP FUNCTION nodules_app_joined_takes_nothing_new();"
)

RECORDED_ONCE = ("exammove", "twopersons")
ONCE = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
ONCE_GONE = "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0024_images_for_readers"),
    ]

    operations = [
        migrations.AddField("membership", "given_at", models.DateTimeField(auto_now_add=True, null=True)),
        migrations.AddField(
            "membership",
            "given_by",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "membership",
            "reason",
            models.CharField(blank=True, db_default="", max_length=300, verbose_name="why"),
        ),
        migrations.AddField(
            "membership",
            "ended_by",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "membership",
            "ended_because",
            models.CharField(blank=True, db_default="", max_length=300, verbose_name="why it was taken"),
        ),
        migrations.CreateModel(
            name="ExamMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("reason", models.CharField(max_length=300, verbose_name="how you know whose it is")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "goal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.patient"
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.patient"
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="nodules_app.study"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="exam_move_says_why",
                        violation_error_message="Say why; the reason is kept with both records.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("origin", models.F("goal")), _negated=True),
                        name="exam_moves_to_another_patient",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeldExam",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("study_uid", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("birth_date", models.DateField(blank=True, null=True)),
                ("sex", models.CharField(blank=True, max_length=10)),
                ("acquired_on", models.DateField(blank=True, null=True)),
                ("description", models.CharField(blank=True, max_length=200)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="how you know whose it is")),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="held_exams",
                        to="nodules_app.importbatch",
                    ),
                ),
                (
                    "belongs_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="nodules_app.patient",
                    ),
                ),
                (
                    "decided_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.patient"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("study_uid",), name="exam_is_held_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("belongs_to__isnull", True),
                                ("decided_at__isnull", True),
                                ("decided_by__isnull", True),
                                ("reason", ""),
                            ),
                            models.Q(
                                ("belongs_to__isnull", False),
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="held_exam_is_decided_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PatientMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("reason", models.CharField(max_length=300, verbose_name="why they are one person")),
                ("moved", models.JSONField(default=dict)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "undone_because",
                    models.CharField(blank=True, max_length=300, verbose_name="why they are two persons"),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "gone",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merges_away",
                        to="nodules_app.patient",
                    ),
                ),
                (
                    "kept",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merges_here",
                        to="nodules_app.patient",
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("undone_at__isnull", True)),
                        fields=("gone",),
                        name="patient_is_joined_once",
                        violation_error_message="This record is joined with another one already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("gone", models.F("kept")), _negated=True),
                        name="patient_is_not_joined_with_itself",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="patient_merge_says_why",
                        violation_error_message="Say why; the reason is kept with both records.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("undone_at__isnull", True), ("undone_because", ""), ("undone_by__isnull", True)),
                            models.Q(
                                ("undone_at__isnull", False),
                                ("undone_by__isnull", False),
                                models.Q(("undone_because", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="patient_merge_is_undone_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TwoPersons",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "one",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.patient"
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.patient"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "two persons",
                "constraints": [
                    models.UniqueConstraint(fields=("one", "other"), name="two_persons_are_told_apart_once"),
                    models.CheckConstraint(
                        condition=models.Q(("one__lt", models.F("other"))), name="two_persons_in_order"
                    ),
                ],
            },
        ),
        migrations.RunSQL(MOVES, "DROP FUNCTION nodules_app_moves_with_its_patient(jsonb, jsonb);"),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BEFORE),
        migrations.RunSQL(SIGNED_STAYS.format(exception=SIGNED_MOVES), SIGNED_STAYS.format(exception="")),
        migrations.RunSQL(JOINED, JOINED_GONE),
        migrations.RunSQL(ONCE, ONCE_GONE),
    ]
