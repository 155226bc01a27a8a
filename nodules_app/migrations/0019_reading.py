"""The reading of an exam: what was corrected, read and signed; and that nothing signed is ever changed."""

import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

SIGNED_STAYS = """
CREATE FUNCTION nodules_app_signed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.signed_at IS NOT NULL AND (TG_OP = 'DELETE' OR
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
CREATE TRIGGER signed_stays BEFORE UPDATE OR DELETE ON nodules_app_reading
    FOR EACH ROW EXECUTE FUNCTION nodules_app_signed_stays();
"""
SIGNED_STAYS_GONE = """
DROP TRIGGER signed_stays ON nodules_app_reading;
DROP FUNCTION nodules_app_signed_stays();
"""
RECORDED_ONCE = ("correction", "independentread", "readingaddendum")
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
APPEND_ONLY_GONE = "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0018_mdt"),
    ]

    operations = [
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("add", "Nodule added"),
                            ("accept", "Candidate accepted"),
                            ("reject", "Called no nodule"),
                            ("restore", "Followed again"),
                            ("confirm", "Match confirmed"),
                            ("unlink", "Match parted"),
                            ("relink", "Linked anew"),
                            ("seed", "Outline made anew from another point"),
                            ("outline", "Outline edited"),
                            ("caliper", "Measured by hand"),
                            ("attenuation", "Attenuation changed"),
                            ("describe", "Description changed"),
                            ("undo", "Undone"),
                            ("redo", "Done again"),
                        ],
                        max_length=12,
                    ),
                ),
                ("told", models.JSONField(default=dict)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("effect", models.JSONField(default=dict)),
                ("took_ms", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="IndependentRead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("said", models.JSONField()),
            ],
        ),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("awaiting", "awaiting"),
                            ("draft", "draft"),
                            ("read", "read"),
                            ("signed", "signed"),
                            ("addended", "addended"),
                            ("replaced", "replaced"),
                            ("covered", "covered"),
                        ],
                        default="awaiting",
                        max_length=12,
                    ),
                ),
                ("began_at", models.DateTimeField(blank=True, null=True)),
                ("consensus", models.TextField(blank=True, verbose_name="how the readers came to agree")),
                ("content", models.JSONField(blank=True, null=True)),
                ("content_sha256", models.CharField(blank=True, max_length=64)),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ReadingAddendum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("text", models.TextField(verbose_name="addendum")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="nodule",
            name="nodule_is_in_a_known_state",
        ),
        migrations.AddField(
            model_name="clinic",
            name="readers_needed",
            field=models.PositiveSmallIntegerField(
                db_default=1,
                default=1,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2)],
                verbose_name="readers of an exam",
            ),
        ),
        migrations.AddField(
            model_name="measurement",
            name="restores",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="nodules_app.measurement",
            ),
        ),
        migrations.AlterField(
            model_name="nodule",
            name="state",
            field=models.CharField(
                choices=[
                    ("candidate", "candidate"),
                    ("active", "active"),
                    ("not_a_nodule", "not_a_nodule"),
                    ("resolved", "resolved"),
                    ("resected", "resected"),
                    ("discharged", "discharged"),
                    ("merged", "merged"),
                    ("taken_back", "taken_back"),
                ],
                default="active",
                max_length=20,
            ),
        ),
        AddConstraintNotValid(
            model_name="clinic",
            constraint=models.CheckConstraint(
                condition=models.Q(("readers_needed__gte", 1), ("readers_needed__lte", 2)),
                name="clinic_reads_with_one_or_two",
            ),
        ),
        AddConstraintNotValid(
            model_name="nodule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "candidate",
                            "active",
                            "not_a_nodule",
                            "resolved",
                            "resected",
                            "discharged",
                            "merged",
                            "taken_back",
                        ],
                    )
                ),
                name="nodule_is_in_a_known_state",
            ),
        ),
        ValidateConstraint(model_name="clinic", name="clinic_reads_with_one_or_two"),
        ValidateConstraint(model_name="nodule", name="nodule_is_in_a_known_state"),
        migrations.AddField(
            model_name="correction",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="finding",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="nodules_app.finding",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="measurement",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="nodules_app.measurement",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="nodule",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="nodules_app.nodule",
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="corrections", to="nodules_app.patient"
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="reverts",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reverted_by",
                to="nodules_app.correction",
            ),
        ),
        migrations.AddField(
            model_name="independentread",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="comparison",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="readings",
                to="nodules_app.comparison",
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="readings", to="nodules_app.patient"
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="reader",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="replaces",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="nodules_app.reading",
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="scan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="readings", to="nodules_app.scan"
            ),
        ),
        migrations.AddField(
            model_name="reading",
            name="signed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="independentread",
            name="reading",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reads", to="nodules_app.reading"
            ),
        ),
        migrations.AddField(
            model_name="correction",
            name="reading",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="nodules_app.reading",
            ),
        ),
        migrations.AddField(
            model_name="readingaddendum",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="readingaddendum",
            name="reading",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="addenda", to="nodules_app.reading"
            ),
        ),
        migrations.AddIndex(
            model_name="reading",
            index=models.Index(
                condition=models.Q(("state__in", ("awaiting", "draft", "read"))),
                fields=["created_at"],
                name="reading_open",
            ),
        ),
        migrations.AddIndex(
            model_name="reading",
            index=models.Index(fields=["patient", "-id"], name="reading_of_patient_latest"),
        ),
        migrations.AddConstraint(
            model_name="reading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["awaiting", "draft", "read", "signed", "addended", "replaced", "covered"])
                ),
                name="reading_is_in_a_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="reading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ("signed", "addended", "replaced")),
                        ("content__isnull", False),
                        ("signed_at__isnull", False),
                        ("signed_by__isnull", False),
                        models.Q(("content_sha256", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state__in", ("signed", "addended", "replaced")), _negated=True),
                        ("content__isnull", True),
                        ("content_sha256", ""),
                        ("signed_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="reading_signed_names_who_when_and_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="reading",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["awaiting", "covered"]),
                    models.Q(("began_at__isnull", False), ("reader__isnull", False)),
                    _connector="OR",
                ),
                name="reading_begun_has_a_reader",
            ),
        ),
        migrations.AddConstraint(
            model_name="reading",
            constraint=models.UniqueConstraint(fields=("scan", "version"), name="scan_is_read_once_a_version"),
        ),
        migrations.AddConstraint(
            model_name="reading",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("awaiting", "draft", "read"))),
                fields=("patient",),
                name="patient_has_one_open_reading",
            ),
        ),
        migrations.AddIndex(
            model_name="correction",
            index=models.Index(fields=["patient", "-id"], name="correction_of_patient_latest"),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "add",
                            "accept",
                            "reject",
                            "restore",
                            "confirm",
                            "unlink",
                            "relink",
                            "seed",
                            "outline",
                            "caliper",
                            "attenuation",
                            "describe",
                            "undo",
                            "redo",
                        ],
                    )
                ),
                name="correction_is_of_a_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="correction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["undo", "redo"]), ("reverts__isnull", False)),
                    models.Q(models.Q(("kind__in", ["undo", "redo"]), _negated=True), ("reverts__isnull", True)),
                    _connector="OR",
                ),
                name="correction_undone_names_what",
            ),
        ),
        migrations.AddConstraint(
            model_name="readingaddendum",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="reading_addendum_says_something"
            ),
        ),
        migrations.RunSQL(SIGNED_STAYS, SIGNED_STAYS_GONE),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
