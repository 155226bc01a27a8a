"""What a step or the care of a patient ended by, kept with who said so and the facts that make it true. Append-only."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import EvidenceKind
from nodules_app.models.imaging import Study
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices


class Transfer(CodedRow):
    """Another hospital was asked to follow this patient. Until it acknowledges, every step stays ours."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="transfers")
    organisation = models.CharField(_("receiving organisation"), max_length=200)
    recipient = models.CharField(_("who was asked there"), max_length=200)
    asked_on = models.DateField(_("asked on"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    acknowledged_on = models.DateField(_("acknowledged on"), null=True, blank=True)
    acknowledged_by = models.CharField(_("who acknowledged"), max_length=200, blank=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="patient_has_one_transfer_in_progress",
                fields=["patient"],
                condition=Q(acknowledged_on__isnull=True, taken_back_at__isnull=True),
                violation_error_message=_("Somebody was asked already. Record the answer, or take the request back."),
            ),
            models.CheckConstraint(
                name="transfer_names_who_takes_over", condition=~Q(organisation="") & ~Q(recipient="")
            ),
            models.CheckConstraint(
                name="transfer_is_acknowledged_by_somebody",
                condition=Q(acknowledged_on__isnull=True, acknowledged_by="")
                | (Q(acknowledged_on__isnull=False, taken_back_at__isnull=True) & ~Q(acknowledged_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"transfer {self.code}"


def told(**blank_or_not: bool) -> Q:
    """Give the condition that these text columns say something."""
    condition = Q()
    for name, wanted in blank_or_not.items():
        condition &= ~Q(**{name: ""}) if wanted else Q(**{name: ""})
    return condition


# The step was nobody's to keep any more: figures give neither credit nor blame for it.
NOTHING_OWED: Final = (
    EvidenceKind.DECEASED,
    EvidenceKind.TRANSFERRED,
    EvidenceKind.SUPERSEDED,
    EvidenceKind.NOTHING_LEFT,
    EvidenceKind.ENTERED_IN_ERROR,
)

# What each kind must bring along; the trigger of migration 0009 checks what lies in other tables.
COMPLETE = (
    Q(kind=EvidenceKind.EXAMINED, study__isnull=False, assessment__isnull=False)
    | Q(kind=EvidenceKind.SUPERSEDED, newer__isnull=False)
    | Q(kind=EvidenceKind.TRANSFERRED, by__isnull=False, transfer__isnull=False)
    | (Q(kind=EvidenceKind.DECLINED, by__isnull=False, letter_on__isnull=False) & told(explained=True, reason=True))
    | (
        Q(kind=EvidenceKind.DECEASED, by__isnull=False)
        & told(source=True)
        & (told(second_source=True) | Q(signed=True))
    )
    | (
        Q(kind=EvidenceKind.DISCHARGED, by__isnull=False, signed=True)
        & told(reason=True)
        & (Q(assessment__isnull=False) | Q(overrides=True))
    )
    | (Q(kind=EvidenceKind.SIGNED, by__isnull=False, signed=True) & told(reason=True))
    | (
        Q(
            kind__in=[EvidenceKind.WITHDRAWN, EvidenceKind.NOTHING_LEFT, EvidenceKind.ENTERED_IN_ERROR],
            by__isnull=False,
        )
        & told(reason=True)
    )
)


class Evidence(CodedRow):
    """One fact that ends steps, or all care of a patient; which columns it needs depends on its kind."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=20, choices=choices(EvidenceKind))
    on = models.DateField(_("day"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    signed = models.BooleanField(default=False)  # by a clinician who may decide, not only recorded
    reason = models.TextField(_("reason"), blank=True)
    study = models.ForeignKey(Study, models.PROTECT, null=True, blank=True, related_name="+")
    assessment = models.ForeignKey(
        "nodules_app.Assessment", models.PROTECT, null=True, blank=True, related_name="evidence"
    )
    overrides = models.BooleanField(default=False)  # of a discharge: the guideline says otherwise, or nothing
    newer = models.ForeignKey("nodules_app.FollowUp", models.PROTECT, null=True, blank=True, related_name="+")
    transfer = models.ForeignKey(Transfer, models.PROTECT, null=True, blank=True, related_name="+")
    explained = models.TextField(_("what was explained"), blank=True)
    letter_on = models.DateField(_("letter sent on"), null=True, blank=True)
    offer_again_on = models.DateField(_("offer again on"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=200, blank=True)
    second_source = models.CharField(_("second source"), max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.CheckConstraint(
                name="evidence_is_complete",
                condition=COMPLETE,
                violation_error_message=_("Something is missing that this way of ending needs."),
            ),
        ]
        indexes = [
            models.Index(name="evidence_of_patient_latest", fields=["patient", "-id"]),
            models.Index(name="evidence_nothing_was_owed", fields=["id"], condition=Q(kind__in=NOTHING_OWED)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
