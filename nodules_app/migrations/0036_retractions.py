"""Why a signed report or letter holds no longer; written once."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

GUARD = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_documentretraction "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();"
)
GUARD_GONE = "DROP TRIGGER append_only ON nodules_app_documentretraction;"


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0035_present"),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentRetraction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("why", models.CharField(max_length=500, verbose_name="reason")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "document",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="retraction",
                        to="nodules_app.clinicaldocument",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("why", ""), _negated=True), name="document_retraction_says_why"
                    )
                ],
            },
        ),
        migrations.RunSQL(GUARD, GUARD_GONE),
    ]
