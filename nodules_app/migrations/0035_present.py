"""A word for a nodule that both scans show although its sizes cannot be compared; no column changes."""

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
    ("present", "Present, size not compared"),
    ("outside-field", "Outside the scan"),
    ("not-assessable", "Not assessable"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0034_no_proposed_nodules"),
    ]

    operations = [
        migrations.AlterField(
            model_name="match",
            name="word",
            field=models.CharField(blank=True, choices=WORDS, max_length=24),
        ),
    ]
