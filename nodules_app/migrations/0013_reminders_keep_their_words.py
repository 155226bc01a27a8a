"""What a message said is kept with it. Safe while the product runs: both columns have a default in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0012_scheduling")]
    operations = [
        migrations.AddField("reminder", "subject", models.CharField(blank=True, db_default="", max_length=200)),
        migrations.AddField("reminder", "text", models.TextField(blank=True, db_default="")),
    ]
