"""Models may speak of a finding: its outline, and what it looks like. Adds only; rows that stand keep the new rule.

The unique index is built with the table held: only workers write there, a few rows an exam, and a worker that waits a
second for the index of a large clinic loses nothing.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

TASKS = [
    ("candidates", "Looks again at proposed places"),
    ("growth", "Sees growth on two exams"),
    ("outline", "Outlines a nodule"),
    ("phenotype", "Says what a nodule looks like"),
]
KINDS = [
    ("intake", "Read the files"),
    ("lungs", "Find the lungs"),
    ("register", "Register prior and current"),
    ("match", "Find each nodule again"),
    ("measure", "Measure"),
    ("growth", "Compute growth"),
    ("assess", "Ask the guidelines"),
    ("plan", "Plan the next step"),
    ("propose", "Look for further nodules"),
    ("show", "Get the images ready"),
    ("see", "Ask what nodules look like"),
    ("check-list", "Check a list"),
    ("store-list", "Take over a list"),
]
OF_ONE_THING = (
    Q(task="candidates", candidate__isnull=False, growth__isnull=True, finding__isnull=True)
    | Q(task="growth", candidate__isnull=True, growth__isnull=False, finding__isnull=True)
    | Q(task__in=("outline", "phenotype"), candidate__isnull=True, growth__isnull=True, finding__isnull=False)
)


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0037_sealed_secrets")]
    operations = [
        migrations.AlterField("run", "kind", models.CharField(choices=KINDS, max_length=12)),
        migrations.AlterField("modelchoice", "task", models.CharField(choices=TASKS, max_length=12)),
        migrations.AlterField("modelanswer", "task", models.CharField(choices=TASKS, max_length=12)),
        migrations.AddField(
            "modelanswer",
            "finding",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="answers",
                to="nodules_app.finding",
            ),
        ),
        migrations.RemoveConstraint("modelchoice", "model_choice_is_for_a_known_task"),
        AddConstraintNotValid(
            "modelchoice",
            models.CheckConstraint(
                condition=Q(task__in=["candidates", "growth", "outline", "phenotype"]),
                name="model_choice_is_for_a_known_task",
            ),
        ),
        ValidateConstraint("modelchoice", "model_choice_is_for_a_known_task"),
        migrations.RemoveConstraint("modelanswer", "model_answer_is_of_one_thing"),
        AddConstraintNotValid(
            "modelanswer", models.CheckConstraint(condition=OF_ONE_THING, name="model_answer_is_of_one_thing")
        ),
        ValidateConstraint("modelanswer", "model_answer_is_of_one_thing"),
        migrations.RemoveConstraint("modelanswer", "model_answers_once_what_it_was_shown"),
        migrations.AddConstraint(
            "modelanswer",
            models.UniqueConstraint(
                fields=["candidate", "growth", "finding", "weights_sha256", "input_sha256"],
                name="model_answers_once_what_it_was_shown",
                nulls_distinct=False,
            ),
        ),
    ]
