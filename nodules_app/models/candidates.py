"""What the program proposes as a nodule, before any person has said a word of it.

A candidate is no nodule: it has no number, nobody is owed anything for it, no list and no figure counts it. A person
who accepts it makes the nodule.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import CandidateState
from nodules_app.models.imaging import Comparison, Scan
from nodules_app.models.nodules import Nodule
from nodules_app.models.rows import CodedRow, choices

LpsMm = tuple[float, float, float]


class CandidateChange(models.TextChoices):
    """What the other scan of the pair shows at its place; blank when that cannot be told."""

    NEW = "new", _("New")
    GONE = "gone", _("Gone")
    GROWN = "grown", _("Grown")
    SAME = "same", _("On both exams")


class RejectionReason(models.TextChoices):
    """What a reader sees there instead of a nodule."""

    VESSEL = "vessel", _("Vessel or branching")
    SCAR = "scar", _("Scar or fibrosis")
    PLEURA = "pleura", _("Pleura or fissure")
    AIRWAY = "airway", _("Airway wall or mucus")
    ATELECTASIS = "atelectasis", _("Atelectasis or consolidation")
    ARTEFACT = "artefact", _("Motion or artefact")
    TOO_SMALL = "too_small", _("Too small to matter")
    OTHER = "other", _("Something else")


class Candidate(CodedRow):
    """One place on a scan that may be a nodule, as the detector of ``version`` saw it."""

    scan = models.ForeignKey(Scan, models.PROTECT, related_name="candidates")
    comparison = models.ForeignKey(Comparison, models.PROTECT, null=True, related_name="candidates")
    x_lps_mm = models.FloatField()
    y_lps_mm = models.FloatField()
    z_lps_mm = models.FloatField()
    diameter_mm = models.FloatField()
    score = models.FloatField()  # 0 to 1; only its order means something
    version = models.CharField(max_length=20)
    change = models.CharField(max_length=8, choices=CandidateChange.choices, blank=True)
    # The same place on the other scan of the comparison; a size only where that scan shows it too.
    there_x_lps_mm = models.FloatField(null=True)
    there_y_lps_mm = models.FloatField(null=True)
    there_z_lps_mm = models.FloatField(null=True)
    there_diameter_mm = models.FloatField(null=True)
    state = models.CharField(max_length=12, choices=choices(CandidateState), default=CandidateState.PROPOSED)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    nodule = models.ForeignKey(Nodule, models.PROTECT, null=True, blank=True, related_name="candidates")
    reason = models.CharField(max_length=12, choices=RejectionReason.choices, blank=True)
    words = models.CharField(_("in words"), max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="candidate_is_in_a_known_state", condition=Q(state__in=list(CandidateState))),
            models.CheckConstraint(name="candidate_score_is_0_to_1", condition=Q(score__gte=0, score__lte=1)),
            models.CheckConstraint(
                name="candidate_is_decided_by_somebody",
                condition=Q(
                    state__in=[CandidateState.PROPOSED, CandidateState.REPLACED],
                    decided_at__isnull=True,
                    decided_by__isnull=True,
                )
                | Q(
                    state__in=[CandidateState.ACCEPTED, CandidateState.REJECTED],
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="candidate_accepted_is_a_nodule",
                condition=Q(state=CandidateState.ACCEPTED) ^ Q(nodule__isnull=True),
            ),
            models.CheckConstraint(
                name="candidate_rejected_has_a_reason", condition=Q(state=CandidateState.REJECTED) ^ Q(reason="")
            ),
        ]
        indexes = [
            # The pages ask for what still waits, on the scans of one patient.
            models.Index(name="candidate_waiting", fields=["scan"], condition=Q(state=CandidateState.PROPOSED)),
        ]

    def __str__(self) -> str:
        return f"candidate {self.code}"

    @property
    def lps_mm(self) -> LpsMm:
        return self.x_lps_mm, self.y_lps_mm, self.z_lps_mm

    @property
    def there_lps_mm(self) -> LpsMm | None:
        """Its place on the other scan of the comparison."""
        if self.there_x_lps_mm is None or self.there_y_lps_mm is None or self.there_z_lps_mm is None:
            return None
        return self.there_x_lps_mm, self.there_y_lps_mm, self.there_z_lps_mm
