"""A measurement keeps what words say of the nodule: shape, content, place. Nullable: nothing is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0016_measured_together")]
    operations = [migrations.AddField("measurement", "features", models.JSONField(blank=True, null=True))]
