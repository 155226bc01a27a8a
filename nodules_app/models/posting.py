"""Signed letters on their way out: in which batch each was printed, and that a person brought it to the post."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.models.reminders import LetterBatch
from nodules_app.models.reports import SignedVersion
from nodules_app.models.rows import CodedRow


class PrintedLetter(models.Model):
    """A signed version in a batch, printed from its bytes. Append-only."""

    batch = models.ForeignKey(LetterBatch, models.PROTECT, related_name="printed_letters")
    version = models.ForeignKey(SignedVersion, models.PROTECT, related_name="printings")

    class Meta:
        constraints = [models.UniqueConstraint(name="letter_is_in_a_batch_once", fields=["batch", "version"])]

    def __str__(self) -> str:
        return f"{self.version} in {self.batch}"


class LetterPosting(CodedRow):
    """Somebody says that a signed letter was posted, or takes that back. Append-only.

    The turns of a version alternate: posted, taken back, posted. The database holds them to it and to letters that are
    signed and not retracted (migration 0040), so that a letter is posted once, whoever presses at the same moment.
    """

    version = models.ForeignKey(SignedVersion, models.PROTECT, related_name="postings")
    turn = models.PositiveSmallIntegerField()
    posted_on = models.DateField(_("day of posting"), null=True)
    taken_back_because = models.CharField(_("reason"), max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="letter_posting_has_a_turn", fields=["version", "turn"]),
            models.CheckConstraint(
                name="letter_posting_names_its_day_or_why_not",
                condition=Q(posted_on__isnull=False, taken_back_because="")
                | (Q(posted_on__isnull=True) & ~Q(taken_back_because="")),
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.turn} of {self.version}"
