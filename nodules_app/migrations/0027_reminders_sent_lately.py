"""The reminder desk counts what was sent in two weeks without a look at all that was ever sent."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0026_faults_of_runs")]
    operations = [
        AddIndexConcurrently(
            "reminder",
            models.Index(
                condition=Q(handed_over_at__isnull=False), fields=["handed_over_at"], name="reminder_sent_lately"
            ),
        ),
    ]
