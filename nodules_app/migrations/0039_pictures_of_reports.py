"""The pictures that a report carries; written once."""

import django.db.models.deletion
from django.db import migrations, models

GUARD = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_documentpicture "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();"
)
GUARD_GONE = "DROP TRIGGER append_only ON nodules_app_documentpicture;"


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0038_answers_of_findings"),
    ]

    operations = [
        migrations.CreateModel(
            name="DocumentPicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("side", models.CharField(choices=[("prior", "Prior"), ("current", "Current")], max_length=8)),
                ("words", models.CharField(max_length=200)),
                ("png", models.BinaryField(null=True)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pictures",
                        to="nodules_app.clinicaldocument",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("document", "number"), name="document_picture_has_a_number"),
                    models.CheckConstraint(
                        condition=models.Q(("side__in", ["prior", "current"])),
                        name="document_picture_is_of_a_known_side",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD, GUARD_GONE),
    ]
