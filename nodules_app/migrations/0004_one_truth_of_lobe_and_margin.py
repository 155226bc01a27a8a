"""The columns that 0003 emptied of their meaning go; every program that ran before 0003 must have ended by then."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0003_what_a_reader_says")]
    operations = [
        migrations.RemoveField(model_name="nodule", name="lobe"),
        migrations.RemoveField(model_name="nodule", name="margin"),
    ]
