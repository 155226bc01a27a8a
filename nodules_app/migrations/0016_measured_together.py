"""Measurements made together name each other; a growth is kept once for each version and each error of the pair.

Safe while the product runs: the columns are nullable or have a default in the database, and the index of the wider key
is built without stopping writers before the narrower key, which it implies for old rows, is let go.
"""

import django.db.models.deletion
from django.db import migrations, models

KEY = "growth_is_computed_once_a_method"
COLUMNS = ["prior_measurement", "current_measurement", "method", "version", "extra_relative_error"]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0015_merged_nodules")]
    operations = [
        migrations.AddField(
            "measurement",
            "measured_with",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="nodules_app.measurement",
            ),
        ),
        migrations.AddField("growth", "version", models.CharField(db_default="1", max_length=20)),
        migrations.AddField("growth", "extra_relative_error", models.FloatField(db_default=0.0)),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {KEY} ON nodules_app_growth"
                    " (prior_measurement_id, current_measurement_id, method, version, extra_relative_error)",
                    f"DROP INDEX IF EXISTS {KEY}",
                ),
                migrations.RunSQL(
                    f"ALTER TABLE nodules_app_growth ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}",
                    f"ALTER TABLE nodules_app_growth DROP CONSTRAINT {KEY}",
                ),
            ],
            state_operations=[
                migrations.AddConstraint("growth", models.UniqueConstraint(fields=COLUMNS, name=KEY)),
            ],
        ),
        migrations.RemoveConstraint("growth", "growth_is_computed_once"),
    ]
