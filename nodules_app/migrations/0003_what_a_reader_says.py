"""What a reader says of a nodule becomes a dated row of its own.

Safe while the product runs: it only adds. The two columns that held a lobe and a margin keep working for programs that
still know them, get a default for programs that no longer do, and go in 0004.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_noduledescription
FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();
"""
APPEND_ONLY_GONE = "DROP TRIGGER append_only ON nodules_app_noduledescription;"

CARRY_OVER = """
INSERT INTO nodules_app_noduledescription (nodule_id, facts)
SELECT id, jsonb_strip_nulls(jsonb_build_object('lobe', NULLIF(lobe, ''), 'margin', NULLIF(margin, '')))
FROM nodules_app_nodule WHERE lobe <> '' OR margin <> '';
"""


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0002_guards")]
    operations = [
        migrations.AlterField(
            model_name="nodule",
            name="lobe",
            field=models.CharField(blank=True, db_default="", max_length=10, verbose_name="lobe"),
        ),
        migrations.AlterField(
            model_name="nodule",
            name="margin",
            field=models.CharField(blank=True, db_default="", max_length=20, verbose_name="margin"),
        ),
        migrations.CreateModel(
            name="NoduleDescription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "recorded_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("facts", models.JSONField(default=dict)),
                (
                    "by",
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="descriptions",
                        to="nodules_app.nodule",
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["nodule", "-id"], name="description_latest_first")]},
        ),
        migrations.RunSQL(CARRY_OVER, migrations.RunSQL.noop),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
