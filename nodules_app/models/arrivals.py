"""What somebody said of an exam that came in for a patient to whom nothing is owed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.models.imaging import Study
from nodules_app.models.rows import CodedRow


class ExamAnswer(CodedRow):
    """One exam that arrived after follow-up had ended was looked at by a named person. Append-only."""

    study = models.OneToOneField(Study, models.PROTECT, related_name="answer")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    followed_again = models.BooleanField(default=False)  # else: looked at, and nothing is to be done
    reason = models.CharField(_("why"), max_length=300)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="exam_answer_has_a_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say why; the reason is kept with the exam."),
            ),
        ]

    def __str__(self) -> str:
        return f"answer to {self.study}"
