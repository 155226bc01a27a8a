"""Readers may ask for images that the cache no longer holds."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("nodules_app", "0023_worklist_is_quick")]

    operations: ClassVar[list[Operation]] = [
        migrations.AlterField(
            model_name="run",
            name="kind",
            field=models.CharField(
                choices=[
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
                ],
                max_length=12,
            ),
        ),
    ]
