"""Which learned model a task uses, and what models answered. Adds only; nothing waits."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

TASKS = [("candidates", "Looks again at proposed places"), ("growth", "Sees growth on two exams")]
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in ("modelchoice", "modelanswer")
)
APPEND_ONLY_GONE = "".join(
    f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in ("modelchoice", "modelanswer")
)


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0031_dicom_network")]
    operations = [
        migrations.CreateModel(
            name="ModelChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task", models.CharField(choices=TASKS, max_length=12)),
                ("version", models.CharField(blank=True, max_length=12)),
                (
                    "chosen_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["task", "-id"], name="model_choice_latest_first")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(task__in=["candidates", "growth"]), name="model_choice_is_for_a_known_task"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ModelAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("task", models.CharField(choices=TASKS, max_length=12)),
                ("version", models.CharField(max_length=12)),
                ("weights_sha256", models.CharField(max_length=64)),
                ("input_sha256", models.CharField(max_length=64)),
                ("answer", models.JSONField(default=dict)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "candidate",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="nodules_app.candidate",
                    ),
                ),
                (
                    "growth",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="nodules_app.growth",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(task="candidates", candidate__isnull=False, growth__isnull=True)
                        | Q(task="growth", candidate__isnull=True, growth__isnull=False),
                        name="model_answer_is_of_one_thing",
                    ),
                    models.UniqueConstraint(
                        fields=["candidate", "growth", "weights_sha256", "input_sha256"],
                        name="model_answers_once_what_it_was_shown",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
