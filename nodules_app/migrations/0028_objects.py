"""DICOM objects made of signed readings, and what reports of others say in numbers: two new tables."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

RECORDED_ONCE = ("madeobject", "reportedmeasure")
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
APPEND_ONLY_GONE = "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0027_reminders_sent_lately"),
    ]

    operations = [
        migrations.CreateModel(
            name="MadeObject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("sr", "Measurements (SR)"),
                            ("seg", "Outlines (SEG)"),
                            ("kos", "Key images (KOS)"),
                            ("pdf", "Report (PDF)"),
                        ],
                        max_length=4,
                    ),
                ),
                ("revision", models.PositiveIntegerField(default=0)),
                ("document", models.CharField(blank=True, max_length=64)),
                ("sop_class_uid", models.CharField(max_length=64)),
                ("sop_instance_uid", models.CharField(max_length=64, unique=True)),
                ("series_uid", models.CharField(max_length=64)),
                ("study_uid", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("size_bytes", models.PositiveBigIntegerField()),
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
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="objects_made",
                        to="nodules_app.reading",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="nodules_app.madeobject",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["sr", "seg", "kos", "pdf"])),
                        name="made_object_is_of_a_known_kind",
                    ),
                    models.UniqueConstraint(
                        fields=("reading", "kind", "revision", "document"), name="reading_is_told_once_by_each_kind"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReportedMeasure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("quantity", models.CharField(max_length=40)),
                ("is_known", models.BooleanField()),
                ("value", models.FloatField()),
                ("unit", models.CharField(max_length=32)),
                ("reach", models.FloatField(null=True)),
                ("source", models.CharField(max_length=200)),
                ("measured_on", models.DateField(null=True)),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measures",
                        to="nodules_app.findingsfile",
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reported_measures",
                        to="nodules_app.finding",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["finding"], name="reported_measure_of_finding")],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
