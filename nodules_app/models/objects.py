"""DICOM objects made of signed readings, and what reports of others say in numbers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.models.imaging import FindingsFile
from nodules_app.models.nodules import Finding
from nodules_app.models.reading import Reading
from nodules_app.models.rows import CodedRow


class ObjectKind(models.TextChoices):
    REPORT = "sr", _("Measurements (SR)")
    SEGMENTATION = "seg", _("Outlines (SEG)")
    KEY_IMAGES = "kos", _("Key images (KOS)")
    DOCUMENT = "pdf", _("Report (PDF)")


class MadeObject(CodedRow):
    """One DICOM file that tells what was signed; the file lies in the archive. Append-only.

    What changes after the signature (an addendum, a correction) is told by a newer object that names the older one.
    """

    reading = models.ForeignKey(Reading, models.PROTECT, related_name="objects_made")
    kind = models.CharField(max_length=4, choices=ObjectKind.choices)
    revision = models.PositiveIntegerField(default=0)  # addenda that it holds
    document = models.CharField(max_length=64, blank=True)  # of a PDF: which one
    sop_class_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    series_uid = models.CharField(max_length=64)
    study_uid = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    replaces = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="replaced_by")

    class Meta:
        constraints = [
            models.CheckConstraint(name="made_object_is_of_a_known_kind", condition=Q(kind__in=ObjectKind.values)),
            models.UniqueConstraint(
                name="reading_is_told_once_by_each_kind", fields=["reading", "kind", "revision", "document"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"


class ReportedMeasure(models.Model):
    """One number that a report of somebody else gives of a nodule on an exam; never mixed with our own. Append-only."""

    file = models.ForeignKey(FindingsFile, models.PROTECT, related_name="measures")
    finding = models.ForeignKey(Finding, models.PROTECT, related_name="reported_measures")
    quantity = models.CharField(max_length=40)  # a name of ours where its code is known, else as the report says
    is_known = models.BooleanField()
    value = models.FloatField()
    unit = models.CharField(max_length=32)
    reach = models.FloatField(null=True)  # how far the report says that the truth may lie from it
    source = models.CharField(max_length=200)  # institution, equipment, algorithm: whose it is
    measured_on = models.DateField(null=True)

    class Meta:
        indexes = [models.Index(name="reported_measure_of_finding", fields=["finding"])]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.finding}"
