"""More indexes of the figures of a clinic: answers, exams of steps, and reminders by their day. Built beside writers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0041_figures_are_quick")]
    operations = [
        AddIndexConcurrently(
            "assessment", models.Index(fields=["id"], include=["patient", "exam_on"], name="assessment_exam")
        ),
        AddIndexConcurrently(
            "assessment",
            models.Index(fields=["exam_on"], include=["patient", "guideline", "management"], name="assessment_by_exam"),
        ),
        AddIndexConcurrently("followup", models.Index(fields=["id"], include=["exam"], name="follow_up_exam")),
        AddIndexConcurrently(
            "reminder",
            models.Index(
                fields=["clinic", "planned_on"],
                include=["channel", "state", "rung", "follow_up", "handed_over_at", "created_at", "acknowledged_at"],
                name="reminder_by_plan",
            ),
        ),
    ]
