"""What came from the scanner: exams, series, files, and the one series of an exam that we measure."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.models.clinics import Clinic
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow


class ImportBatch(CodedRow):
    """One delivery: an upload, a folder named on the command line. What it held is told by its run."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="+")  # whose patient a person new to us becomes
    source_name = models.CharField(_("what was sent"), max_length=300)
    path = models.CharField(_("where it lies until it is read"), max_length=1000)
    owned = models.BooleanField(default=False)  # true: an upload under our inbox, removed once archived
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    notices = models.JSONField(default=list)  # [{"code", "sentence", "remedy", "facts"}]: said of this delivery
    files_seen = models.PositiveIntegerField(default=0)
    instances_new = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"import {self.code}"


class Study(CodedRow):
    """A DICOM study: one examination of one patient."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="studies")
    study_uid = models.CharField(max_length=64, unique=True)
    accession = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=200, blank=True)
    acquired_on = models.DateField(null=True, blank=True)  # of the acquisition, never of arrival; unknown blocks growth
    imported_in = models.ForeignKey(ImportBatch, models.SET_NULL, null=True, related_name="studies")

    class Meta:
        indexes = [
            models.Index(name="study_of_patient_by_day", fields=["patient", "acquired_on"]),
            models.Index(name="study_by_accession", fields=["accession"], condition=~Q(accession="")),  # searched
            models.Index(name="study_day", fields=["id"], include=["acquired_on"]),  # figures ask it of a million
        ]

    def __str__(self) -> str:
        return f"exam {self.code}"


class Series(CodedRow):
    """A DICOM series with its geometry; immutable."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="series")
    series_uid = models.CharField(max_length=64, unique=True)
    frame_of_reference_uid = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=200, blank=True)
    manufacturer = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    kernel = models.CharField(max_length=60, blank=True)
    contrast = models.BooleanField(null=True)
    slices = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    slice_thickness_mm = models.FloatField(null=True)
    spacing_z_mm = models.FloatField()
    spacing_y_mm = models.FloatField()
    spacing_x_mm = models.FloatField()
    notices = models.JSONField(default=list)  # [{"code", "sentence", "remedy", "facts", "blocks_volumetry"}]
    measurable = models.BooleanField(default=True)  # false: a notice blocks volumetry

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            models.CheckConstraint(
                name="series_has_a_positive_spacing",
                condition=Q(spacing_z_mm__gt=0, spacing_y_mm__gt=0, spacing_x_mm__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"series {self.code}"


class Instance(models.Model):
    """One DICOM file: found by UID, kept byte for byte in the archive under its SHA-256."""

    series = models.ForeignKey(Series, models.PROTECT, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    sha256 = models.CharField(max_length=64)
    index_z = models.PositiveIntegerField()  # place in the stack, 0 is the first slice of the volume

    class Meta:
        constraints = [
            models.UniqueConstraint(name="series_has_one_instance_a_place", fields=["series", "index_z"]),
        ]

    def __str__(self) -> str:
        return f"instance {self.pk}"


class FindingsFile(models.Model):
    """A DICOM segmentation or report whose marks were taken onto an exam; kept byte for byte in the archive."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="findings_files")
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    sha256 = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"findings file {self.pk}"


class Scan(CodedRow):
    """The one series of an exam that we read and measure, and what its image says of itself.

    Choosing another series makes another scan; the first is superseded, with all that was measured on it.
    """

    study = models.ForeignKey(Study, models.PROTECT, related_name="scans")
    series = models.ForeignKey(Series, models.PROTECT, related_name="scans")
    because = models.JSONField(default=list)  # [{"code", "sentence", "facts", …}]: why this series
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    superseded_at = models.DateTimeField(null=True, blank=True)
    noise_hu = models.FloatField(null=True)
    lung_right_ml = models.FloatField(null=True)
    lung_left_ml = models.FloatField(null=True)
    lung_mean_hu = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="study_has_one_scan_in_force", fields=["study"], condition=Q(superseded_at__isnull=True)
            ),
        ]
        indexes = [models.Index(name="scan_study", fields=["id"], include=["study"])]  # figures ask it of a million

    def __str__(self) -> str:
        return f"scan {self.code}"


class Comparison(CodedRow):
    """Prior scan and current scan of one patient, with how well the two may be compared."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="comparisons")
    prior = models.ForeignKey(Scan, models.PROTECT, related_name="comparisons_as_prior")
    current = models.ForeignKey(Scan, models.PROTECT, related_name="comparisons_as_current")
    interval_days = models.PositiveIntegerField()
    grade = models.CharField(max_length=1, blank=True)  # A to D; blank until the scans were registered
    reasons = models.JSONField(default=list)  # [{"code", "sentence"}]
    extra_relative_error = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="scans_are_compared_once", fields=["prior", "current"]),
            models.CheckConstraint(name="scan_is_not_its_own_prior", condition=~Q(prior=F("current"))),
            models.CheckConstraint(name="comparison_spans_a_day_or_more", condition=Q(interval_days__gt=0)),
            models.CheckConstraint(name="comparison_grade_is_a_to_d", condition=Q(grade__in=["", "A", "B", "C", "D"])),
        ]

    def __str__(self) -> str:
        return f"comparison {self.code}"


class Registration(models.Model):
    """The mapping of a comparison with its measured quality; the map itself is a file in the cache."""

    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="registrations")
    method = models.CharField(max_length=40)
    version = models.CharField(max_length=20)
    residual_mm = models.FloatField()  # expected error, median over the lungs
    inverse_error_mm = models.FloatField()
    fold_fraction = models.FloatField()
    map_file = models.CharField(max_length=200)  # under CACHE_DIR
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="comparison_is_registered_once_a_version", fields=["comparison", "method", "version"]
            ),
        ]

    def __str__(self) -> str:
        return f"registration of {self.comparison}"
