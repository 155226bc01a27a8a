"""What a nodule turned out to be, and corrections of risk models that were fitted to such outcomes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from nodules_app.models.clinics import Clinic
from nodules_app.models.nodules import Nodule
from nodules_app.models.rows import CodedRow


class Diagnosis(models.TextChoices):
    MALIGNANT = "malignant", pgettext_lazy("outcome", "Malignant")
    BENIGN = "benign", pgettext_lazy("outcome", "Benign")
    WITHDRAWN = "withdrawn", _("Not known after all")  # takes an earlier row back


class KnownBy(models.TextChoices):
    """What an outcome rests on; the stronger a proof, the higher it stands."""

    HISTOLOGY = "histology", _("Histology of a resection")
    BIOPSY = "biopsy", _("Biopsy or cytology")
    RESOLVED = "resolved", _("It went away")
    STABLE = "stable", _("No growth for the time that the guideline asks")
    COURSE = "course", _("Treatment or clinical course without tissue")


class NoduleOutcome(CodedRow):
    """What a nodule turned out to be, on which day it was known and by what. Append-only: the latest row holds."""

    nodule = models.ForeignKey(Nodule, models.PROTECT, related_name="outcomes")
    outcome = models.CharField(_("what it was"), max_length=10, choices=Diagnosis.choices)
    known_by = models.CharField(_("known by"), max_length=10, choices=KnownBy.choices)
    on = models.DateField(_("known on"))
    note = models.CharField(_("in words"), max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="outcome_of_cancer_is_not_known_by_its_going_away",
                condition=~Q(outcome=Diagnosis.MALIGNANT, known_by__in=[KnownBy.RESOLVED, KnownBy.STABLE]),
                violation_error_message=_("A nodule that went away, or did not grow, is not recorded as malignant."),
            ),
        ]
        indexes = [models.Index(name="outcome_latest_first", fields=["nodule", "-id"])]

    def __str__(self) -> str:
        return f"outcome {self.code}"


class RiskCorrection(CodedRow):
    """One fit of a clinic's outcomes to one published model. In use only while a physician's signature stands.

    ``curve`` is ``inference.validation.recalibration.Recalibration`` as JSON with its version; ``data_sha256`` names
    the pairs of probability and outcome that it was fitted to.
    """

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="risk_corrections")
    model = models.CharField(max_length=20)
    way = models.CharField(max_length=10)
    curve = models.JSONField()
    cases = models.PositiveIntegerField()
    events = models.PositiveIntegerField()
    data_sha256 = models.CharField(max_length=64)
    fitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    signed_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="model_is_corrected_once_a_clinic",
                fields=["clinic", "model"],
                condition=Q(signed_at__isnull=False, retired_at__isnull=True),
            ),
            models.CheckConstraint(
                name="correction_is_signed_by_somebody",
                condition=Q(signed_by__isnull=True, signed_at__isnull=True)
                | Q(signed_by__isnull=False, signed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="correction_is_retired_after_it_was_signed",
                condition=Q(retired_at__isnull=True, retired_by__isnull=True)
                | Q(retired_by__isnull=False, signed_at__isnull=False, retired_at__gte=F("signed_at")),
            ),
            models.CheckConstraint(name="correction_counts_its_events", condition=Q(events__lte=F("cases"))),
        ]

    def __str__(self) -> str:
        return f"correction {self.code}"

    @property
    def is_in_use(self) -> bool:
        return self.signed_at is not None and self.retired_at is None
