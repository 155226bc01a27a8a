"""Faults of a run are counted apart from workers that it lost. Has a default: nothing waits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0025_who_is_who")]
    operations = [
        migrations.AddField("run", "faults", models.PositiveSmallIntegerField(db_default=0, default=0)),
    ]
