"""The audit trail is asked by person, by what was done and by time; built beside working writers, for it is long."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0010_reminders")]
    operations = [
        AddIndexConcurrently("auditevent", models.Index(fields=["by", "-id"], name="audit_of_person_latest_first")),
        AddIndexConcurrently("auditevent", models.Index(fields=["verb", "-id"], name="audit_of_verb_latest_first")),
        AddIndexConcurrently("auditevent", models.Index(fields=["at"], name="audit_by_time")),
    ]
