"""A clinic's own list: the file, what its columns say, what was found of each line, and what was taken over."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.models.clinics import Clinic
from nodules_app.models.imaging import ImportBatch
from nodules_app.models.nodules import Attenuation, Nodule
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow

FROM_LIST: Final = "clinic_list"  # in place of a management code: the step that the clinic's own list names


class SpreadsheetColumns(models.Model):
    """What a person said that the columns of such a list say; used again for the same headings in the same clinic."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="+")
    headings_key = models.CharField(max_length=64)  # digest of the headings in their order
    columns = models.JSONField(default=dict)  # field by index of the column; never queried
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "spreadsheet columns"
        constraints = [
            models.UniqueConstraint(name="columns_are_kept_once_a_clinic", fields=["clinic", "headings_key"]),
        ]

    def __str__(self) -> str:
        return f"columns {self.headings_key[:8]} of {self.clinic}"


class Spreadsheet(CodedRow):
    """One list that was sent. Its file lies in the inbox with its delivery, whose runs check and store it."""

    batch = models.OneToOneField(ImportBatch, models.PROTECT, related_name="spreadsheet")
    heads = models.JSONField(default=list)  # each sheet with its columns, as services.spreadsheets.receiving reads it
    # How a person said that it is to be read: {"sheet", "columns", "order", "unit", "issuer"}; empty until then.
    reading = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True, blank=True)
    stored_at = models.DateTimeField(null=True, blank=True)
    stored_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    discarded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="spreadsheet_is_stored_by_somebody",
                condition=Q(stored_at__isnull=True, stored_by__isnull=True)
                | Q(stored_at__isnull=False, stored_by__isnull=False, checked_at__isnull=False),
            ),
            models.CheckConstraint(
                name="spreadsheet_is_not_stored_and_discarded",
                condition=Q(stored_at__isnull=True) | Q(discarded_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"spreadsheet {self.code}"


class LineVerdict(models.TextChoices):
    """What would become of a line."""

    NEW = "new", _("New patient")
    CHANGED = "changed", _("Known, something new")
    UNCHANGED = "unchanged", _("Known, nothing new")
    REPEATED = "repeated", _("Said by another line")
    HELD = "held", _("Held for your word")
    REFUSED = "refused", _("To be mended")


class SpreadsheetLine(models.Model):
    """One line of a list, and what was found of it; written anew by every check."""

    spreadsheet = models.ForeignKey(Spreadsheet, models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()  # as the spreadsheet program counts
    verdict = models.CharField(max_length=10, choices=LineVerdict.choices)
    facts = models.JSONField(default=dict)  # exchange.spreadsheet_reading.lines.Facts; never queried
    told = models.JSONField(default=list)  # refusals and notices of this line, each with its column and value
    known = models.ForeignKey(Patient, models.SET_NULL, null=True, blank=True, related_name="+")
    # A person looked at a held line and said that it is to be taken: the same person, or another one.
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="line_is_judged_once", fields=["spreadsheet", "number"]),
            models.CheckConstraint(name="line_has_a_known_verdict", condition=Q(verdict__in=LineVerdict.values)),
        ]
        indexes = [models.Index(name="line_of_a_verdict", fields=["spreadsheet", "verdict", "number"])]

    def __str__(self) -> str:
        return f"line {self.number} of {self.spreadsheet}"


class ListEntry(CodedRow):
    """What a clinic's own list says of a patient, as it was taken over. Append-only; a later list makes a later entry.

    Sizes were read by hand and their error was never written down: each has that of one reader with a caliper. They are
    told beside the measurements and are none of them: no image is at hand, and a list names some nodules, not all.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="list_entries")
    spreadsheet = models.ForeignKey(Spreadsheet, models.PROTECT, related_name="entries")
    line = models.PositiveIntegerField()
    key = models.CharField(max_length=80)  # which nodule on which day; the latest entry of a key is in force
    nodule = models.ForeignKey(Nodule, models.PROTECT, null=True, blank=True, related_name="list_entries")
    seen_on = models.DateField(null=True, blank=True)
    size_mm = models.FloatField(null=True, blank=True)
    size_sd_mm = models.FloatField(null=True, blank=True)
    attenuation = models.CharField(max_length=20, choices=Attenuation.choices, blank=True)
    lobe = models.CharField(max_length=12, blank=True)
    last_scan_on = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=2000, blank=True)
    said = models.JSONField(default=dict)  # the whole line as it was understood; compared, never queried

    class Meta:
        verbose_name_plural = "list entries"
        constraints = [
            models.CheckConstraint(
                name="list_size_has_an_error",
                condition=Q(size_mm__isnull=True, size_sd_mm__isnull=True) | Q(size_mm__gt=0, size_sd_mm__gt=0),
            ),
        ]
        indexes = [models.Index(name="list_entry_latest_first", fields=["patient", "key", "-id"])]

    def __str__(self) -> str:
        return f"list entry {self.code}"
