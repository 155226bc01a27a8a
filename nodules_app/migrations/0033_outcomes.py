"""What nodules turned out to be, and corrections of risk models that clinics fit to it.

Safe while the product runs: it only adds two tables.
"""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_noduleoutcome
FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();
"""
APPEND_ONLY_GONE = "DROP TRIGGER append_only ON nodules_app_noduleoutcome;"

PERSON = {"on_delete": django.db.models.deletion.PROTECT, "related_name": "+", "to": settings.AUTH_USER_MODEL}


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0032_learned_models")]
    operations = [
        migrations.CreateModel(
            name="NoduleOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("malignant", "Malignant"),
                            ("benign", "Benign"),
                            ("withdrawn", "Not known after all"),
                        ],
                        max_length=10,
                        verbose_name="what it was",
                    ),
                ),
                (
                    "known_by",
                    models.CharField(
                        choices=[
                            ("histology", "Histology of a resection"),
                            ("biopsy", "Biopsy or cytology"),
                            ("resolved", "It went away"),
                            ("stable", "No growth for the time that the guideline asks"),
                            ("course", "Treatment or clinical course without tissue"),
                        ],
                        max_length=10,
                        verbose_name="known by",
                    ),
                ),
                ("on", models.DateField(verbose_name="known on")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="in words")),
                ("by", models.ForeignKey(**PERSON)),
                (
                    "nodule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="outcomes", to="nodules_app.nodule"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["nodule", "-id"], name="outcome_latest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(outcome="malignant", known_by__in=["resolved", "stable"]),
                        name="outcome_of_cancer_is_not_known_by_its_going_away",
                        violation_error_message=(
                            "A nodule that went away, or did not grow, is not recorded as malignant."
                        ),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RiskCorrection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("model", models.CharField(max_length=20)),
                ("way", models.CharField(max_length=10)),
                ("curve", models.JSONField()),
                ("cases", models.PositiveIntegerField()),
                ("events", models.PositiveIntegerField()),
                ("data_sha256", models.CharField(max_length=64)),
                ("signed_at", models.DateTimeField(null=True)),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_corrections",
                        to="nodules_app.clinic",
                    ),
                ),
                ("fitted_by", models.ForeignKey(**PERSON)),
                ("retired_by", models.ForeignKey(null=True, **PERSON)),
                ("signed_by", models.ForeignKey(null=True, **PERSON)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(signed_at__isnull=False, retired_at__isnull=True),
                        fields=["clinic", "model"],
                        name="model_is_corrected_once_a_clinic",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(signed_by__isnull=True, signed_at__isnull=True)
                        | models.Q(signed_by__isnull=False, signed_at__isnull=False),
                        name="correction_is_signed_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(retired_at__isnull=True, retired_by__isnull=True)
                        | models.Q(
                            retired_by__isnull=False, signed_at__isnull=False, retired_at__gte=models.F("signed_at")
                        ),
                        name="correction_is_retired_after_it_was_signed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(events__lte=models.F("cases")), name="correction_counts_its_events"
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
