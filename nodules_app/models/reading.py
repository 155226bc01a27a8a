"""The reading of an exam: who read it, what was corrected on the way, what was signed, and what was added later."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import OPEN_READING, SIGNED_READING, ReadingState
from nodules_app.models.imaging import Comparison, Scan
from nodules_app.models.nodules import Finding, Measurement, Nodule
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices

STOOD_SIGNED = Q(content__isnull=False, signed_at__isnull=False, signed_by__isnull=False) & ~Q(content_sha256="")


class Reading(CodedRow):
    """One exam, read with its prior where there is one.

    ``content`` is what was signed: nodules, sizes, changes, answers, the next step; its SHA-256 stands beside it. From
    the signature on the database refuses every change of both; a later correction is another row that replaces this.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="readings")
    scan = models.ForeignKey(Scan, models.PROTECT, related_name="readings")
    comparison = models.ForeignKey(Comparison, models.PROTECT, null=True, blank=True, related_name="readings")
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=choices(ReadingState), default=ReadingState.AWAITING)
    replaces = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="replaced_by")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    began_at = models.DateTimeField(null=True, blank=True)
    consensus = models.TextField(_("how the readers came to agree"), blank=True)
    content = models.JSONField(null=True, blank=True)
    content_sha256 = models.CharField(max_length=64, blank=True)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="reading_is_in_a_known_state", condition=Q(state__in=list(ReadingState))),
            models.CheckConstraint(
                name="reading_signed_names_who_when_and_what",
                condition=(Q(state__in=SIGNED_READING) & STOOD_SIGNED)
                | (~Q(state__in=SIGNED_READING) & Q(content__isnull=True, signed_at__isnull=True, content_sha256="")),
            ),
            models.CheckConstraint(
                name="reading_begun_has_a_reader",
                condition=Q(state__in=[ReadingState.AWAITING, ReadingState.COVERED])
                | Q(began_at__isnull=False, reader__isnull=False),
            ),
            models.UniqueConstraint(name="scan_is_read_once_a_version", fields=["scan", "version"]),
            models.UniqueConstraint(
                name="patient_has_one_open_reading", fields=["patient"], condition=Q(state__in=OPEN_READING)
            ),
        ]
        indexes = [
            # The reading list and the worklist ask for open ones only; signed ones pile up for years.
            models.Index(name="reading_open", fields=["created_at"], condition=Q(state__in=OPEN_READING)),
            models.Index(name="reading_of_patient_latest", fields=["patient", "-id"]),
            # The figures of a clinic ask for the first signatures of a period, and for nothing else of the row.
            models.Index(
                name="reading_first_signed",
                fields=["signed_at"],
                include=["patient", "scan"],
                condition=Q(version=1, signed_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"reading {self.code}"


class IndependentRead(models.Model):
    """What one reader says of an exam, given without seeing the other's. Append-only; the latest of a reader holds."""

    reading = models.ForeignKey(Reading, models.PROTECT, related_name="reads")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    said = models.JSONField()  # {"N1": {"is_nodule", "attenuation", "word", "mean_diameter_mm"}}

    def __str__(self) -> str:
        return f"read of {self.reading}"


class ReadingAddendum(models.Model):
    """Words added to what was signed. Append-only."""

    reading = models.ForeignKey(Reading, models.PROTECT, related_name="addenda")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField(_("addendum"))

    class Meta:
        constraints = [models.CheckConstraint(name="reading_addendum_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return f"addendum to {self.reading}"


class CorrectionKind(models.TextChoices):
    """What a reader changed."""

    ADD = "add", _("Nodule added")
    ACCEPT = "accept", _("Candidate accepted")
    REJECT = "reject", _("Called no nodule")
    RESTORE = "restore", _("Followed again")
    CONFIRM = "confirm", _("Match confirmed")
    UNLINK = "unlink", _("Match parted")
    RELINK = "relink", _("Linked anew")
    SEED = "seed", _("Outline made anew from another point")
    OUTLINE = "outline", _("Outline edited")
    CALIPER = "caliper", _("Measured by hand")
    ATTENUATION = "attenuation", _("Attenuation changed")
    DESCRIBE = "describe", _("Description changed")
    UNDO = "undo", _("Undone")
    REDO = "redo", _("Done again")


class Correction(CodedRow):
    """One act of a reader with what stood before and after it. Append-only: an undo is a row of its own.

    ``before`` and ``after`` name which rows were in force, of the patient's nodules; ``told`` is what the reader gave
    (strokes, points, words), ``effect`` what changed because of it, as the page shows it.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="corrections")
    reading = models.ForeignKey(Reading, models.PROTECT, null=True, blank=True, related_name="corrections")
    kind = models.CharField(max_length=12, choices=CorrectionKind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    nodule = models.ForeignKey(Nodule, models.PROTECT, null=True, blank=True, related_name="corrections")
    finding = models.ForeignKey(Finding, models.PROTECT, null=True, blank=True, related_name="corrections")
    measurement = models.ForeignKey(Measurement, models.PROTECT, null=True, blank=True, related_name="corrections")
    reverts = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="reverted_by")
    told = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    effect = models.JSONField(default=dict)
    took_ms = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="correction_is_of_a_known_kind", condition=Q(kind__in=CorrectionKind.values)),
            models.CheckConstraint(
                name="correction_undone_names_what",
                condition=Q(kind__in=[CorrectionKind.UNDO, CorrectionKind.REDO], reverts__isnull=False)
                | (~Q(kind__in=[CorrectionKind.UNDO, CorrectionKind.REDO]) & Q(reverts__isnull=True)),
            ),
        ]
        indexes = [models.Index(name="correction_of_patient_latest", fields=["patient", "-id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
