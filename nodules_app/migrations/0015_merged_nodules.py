"""A nodule that a reader takes for another one names it; words for nodules that have merged or split."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

WORDS = [
    ("new", "New"),
    ("unchanged", "Unchanged"),
    ("larger-slightly", "Slightly larger"),
    ("larger-markedly", "Markedly larger"),
    ("smaller-slightly", "Slightly smaller"),
    ("smaller-markedly", "Markedly smaller"),
    ("obscured", "Obscured"),
    ("resolved", "Resolved"),
    ("resected", "Resected"),
    ("not-a-nodule", "Not a nodule"),
    ("merged", "Merged with another"),
    ("split", "Split in two"),
    ("seen-in-retrospect", "Seen in retrospect"),
    ("outside-field", "Outside the scan"),
    ("not-assessable", "Not assessable"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0014_worklists"),
    ]

    operations = [
        migrations.AddField(
            model_name="nodule",
            name="merged_into",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merged",
                to="nodules_app.nodule",
            ),
        ),
        AddConstraintNotValid(
            model_name="nodule",
            constraint=models.CheckConstraint(
                condition=models.Q(("state", "merged"), ("merged_into__isnull", True), _connector="XOR"),
                name="merged_nodule_names_the_one_it_is",
            ),
        ),
        ValidateConstraint(model_name="nodule", name="merged_nodule_names_the_one_it_is"),
        migrations.AlterField(
            model_name="match",
            name="word",
            field=models.CharField(blank=True, choices=WORDS, max_length=24),
        ),
    ]
