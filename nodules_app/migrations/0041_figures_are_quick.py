"""Indexes of the figures of a clinic: each holds all that one walk asks of its table. Built beside working writers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

NOTHING_OWED = ["deceased", "transferred", "superseded", "nothing_left", "entered_in_error"]
ARRIVED = ["handed_over", "delivered", "acknowledged"]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0040_posted_letters")]
    operations = [
        AddIndexConcurrently(
            "evidence",
            models.Index(condition=Q(kind__in=NOTHING_OWED), fields=["id"], name="evidence_nothing_was_owed"),
        ),
        AddIndexConcurrently(
            "followup",
            models.Index(
                fields=["due_until"],
                include=["patient", "kind", "state", "target_on", "exam", "evidence", "created_at", "closed_at"],
                name="follow_up_by_window",
            ),
        ),
        AddIndexConcurrently("study", models.Index(fields=["id"], include=["acquired_on"], name="study_day")),
        AddIndexConcurrently("scan", models.Index(fields=["id"], include=["study"], name="scan_study")),
        AddIndexConcurrently(
            "reading",
            models.Index(
                condition=Q(signed_by__isnull=False, version=1),
                fields=["signed_at"],
                include=["patient", "scan"],
                name="reading_first_signed",
            ),
        ),
        AddIndexConcurrently(
            "contactattempt",
            models.Index(
                condition=Q(of="patient", outcome="reached"),
                fields=["at"],
                include=["patient"],
                name="contact_attempt_reached",
            ),
        ),
        AddIndexConcurrently(
            "reminder",
            models.Index(
                condition=Q(recipient="patient", state__in=ARRIVED),
                fields=["handed_over_at"],
                include=["patient"],
                name="reminder_told_the_patient",
            ),
        ),
    ]
