"""Learned models: which version a task uses, who said so, and what a model answered of what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.models.candidates import Candidate
from nodules_app.models.nodules import Finding, Growth


class ModelTask(models.TextChoices):
    """What a learned model may be asked; the same words as ``inference.model_card.Task``."""

    CANDIDATES = "candidates", _("Looks again at proposed places")
    GROWTH = "growth", _("Sees growth on two exams")
    OUTLINE = "outline", _("Outlines a nodule")
    PHENOTYPE = "phenotype", _("Says what a nodule looks like")


class ModelChoice(models.Model):
    """Somebody chose a version for a task. Append-only: the latest row holds, going back is another row."""

    task = models.CharField(max_length=12, choices=ModelTask.choices)
    version = models.CharField(max_length=12, blank=True)  # blank: the recommended one; "off": none
    chosen_at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # null: a command

    class Meta:
        constraints = [
            models.CheckConstraint(name="model_choice_is_for_a_known_task", condition=Q(task__in=ModelTask.values)),
        ]
        indexes = [models.Index(name="model_choice_latest_first", fields=["task", "-id"])]

    def __str__(self) -> str:
        return f"{self.task}: {self.version or 'recommended'}"


class ModelAnswer(models.Model):
    """What one model said of one candidate, growth or finding, and exactly what it was shown. Append-only.

    ``answer`` has the numbers of the task, its version inside; we never query within.
    """

    task = models.CharField(max_length=12, choices=ModelTask.choices)
    version = models.CharField(max_length=12)
    weights_sha256 = models.CharField(max_length=64)
    input_sha256 = models.CharField(max_length=64)
    candidate = models.ForeignKey(Candidate, models.PROTECT, null=True, related_name="answers")
    growth = models.ForeignKey(Growth, models.PROTECT, null=True, related_name="answers")
    finding = models.ForeignKey(Finding, models.PROTECT, null=True, related_name="answers")
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="model_answer_is_of_one_thing",
                condition=Q(
                    task=ModelTask.CANDIDATES, candidate__isnull=False, growth__isnull=True, finding__isnull=True
                )
                | Q(task=ModelTask.GROWTH, candidate__isnull=True, growth__isnull=False, finding__isnull=True)
                | Q(
                    task__in=(ModelTask.OUTLINE, ModelTask.PHENOTYPE),
                    candidate__isnull=True,
                    growth__isnull=True,
                    finding__isnull=False,
                ),
            ),
            models.UniqueConstraint(
                name="model_answers_once_what_it_was_shown",
                fields=["candidate", "growth", "finding", "weights_sha256", "input_sha256"],
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.version} of {self.candidate or self.growth or self.finding}"
