"""What the program proposes as a nodule, and a clinic's wish to see it only on request. Adds only; nothing waits."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STATES = ["proposed", "accepted", "rejected", "replaced"]
ORIGINS = [
    ("person", "A person's point"),
    ("dicom_seg", "DICOM segmentation"),
    ("dicom_sr", "DICOM report"),
    ("registration", "Carried from the other scan"),
    ("candidate", "Proposed by the program, accepted by a reader"),
]
KINDS = [
    ("intake", "Read the files"),
    ("lungs", "Find the lungs"),
    ("register", "Register prior and current"),
    ("match", "Find each nodule again"),
    ("measure", "Measure"),
    ("growth", "Compute growth"),
    ("assess", "Ask the guidelines"),
    ("plan", "Plan the next step"),
    ("propose", "Look for further nodules"),
]
CHANGES = [("new", "New"), ("gone", "Gone"), ("grown", "Grown"), ("same", "On both exams")]
REASONS = [
    ("vessel", "Vessel or branching"),
    ("scar", "Scar or fibrosis"),
    ("pleura", "Pleura or fissure"),
    ("airway", "Airway wall or mucus"),
    ("atelectasis", "Atelectasis or consolidation"),
    ("artefact", "Motion or artefact"),
    ("too_small", "Too small to matter"),
    ("other", "Something else"),
]


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0019_reading")]
    operations = [
        migrations.AddField(
            "clinic",
            "proposals_on_request",
            models.BooleanField(
                db_default=False, default=False, verbose_name="proposed nodules stay hidden until the reader asks"
            ),
        ),
        migrations.AlterField("finding", "origin", models.CharField(choices=ORIGINS, max_length=20)),
        migrations.AlterField("run", "kind", models.CharField(choices=KINDS, max_length=12)),
        migrations.CreateModel(
            name="Candidate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("x_lps_mm", models.FloatField()),
                ("y_lps_mm", models.FloatField()),
                ("z_lps_mm", models.FloatField()),
                ("diameter_mm", models.FloatField()),
                ("score", models.FloatField()),
                ("version", models.CharField(max_length=20)),
                ("change", models.CharField(blank=True, choices=CHANGES, max_length=8)),
                ("there_x_lps_mm", models.FloatField(null=True)),
                ("there_y_lps_mm", models.FloatField(null=True)),
                ("there_z_lps_mm", models.FloatField(null=True)),
                ("there_diameter_mm", models.FloatField(null=True)),
                (
                    "state",
                    models.CharField(choices=[(s, s) for s in STATES], default="proposed", max_length=12),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, choices=REASONS, max_length=12)),
                ("words", models.CharField(blank=True, max_length=300, verbose_name="in words")),
                (
                    "comparison",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="candidates",
                        to="nodules_app.comparison",
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
                    "nodule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="candidates",
                        to="nodules_app.nodule",
                    ),
                ),
                (
                    "scan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="candidates", to="nodules_app.scan"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(state="proposed"), fields=["scan"], name="candidate_waiting")
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(state__in=STATES), name="candidate_is_in_a_known_state"),
                    models.CheckConstraint(
                        condition=models.Q(score__gte=0, score__lte=1), name="candidate_score_is_0_to_1"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            state__in=["proposed", "replaced"], decided_at__isnull=True, decided_by__isnull=True
                        )
                        | models.Q(
                            state__in=["accepted", "rejected"], decided_at__isnull=False, decided_by__isnull=False
                        ),
                        name="candidate_is_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="accepted") ^ models.Q(nodule__isnull=True),
                        name="candidate_accepted_is_a_nodule",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="rejected") ^ models.Q(reason=""),
                        name="candidate_rejected_has_a_reason",
                    ),
                ],
            },
        ),
    ]
