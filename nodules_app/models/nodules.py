"""The thing in the body, what it looks like on a scan, and what was measured there."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import NoduleState
from nodules_app.models.imaging import Comparison, Scan
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices


class Origin(models.TextChoices):
    """Who or what put a finding where it is."""

    PERSON = "person", _("A person's point")
    DICOM_SEG = "dicom_seg", _("DICOM segmentation")
    DICOM_SR = "dicom_sr", _("DICOM report")
    REGISTRATION = "registration", _("Carried from the other scan")
    CANDIDATE = "candidate", _("Proposed by the program, accepted by a reader")


class Attenuation(models.TextChoices):
    SOLID = "solid", _("Solid")
    PART_SOLID = "part_solid", _("Part-solid")
    GROUND_GLASS = "ground_glass", _("Ground glass")


class ComparisonWord(models.TextChoices):
    """What became of a nodule since the prior scan; kept apart from the nodule's status, as VAPALS-ELCAP does."""

    NEW = "new", _("New")
    UNCHANGED = "unchanged", _("Unchanged")
    LARGER_SLIGHTLY = "larger-slightly", _("Slightly larger")
    LARGER_MARKEDLY = "larger-markedly", _("Markedly larger")
    SMALLER_SLIGHTLY = "smaller-slightly", _("Slightly smaller")
    SMALLER_MARKEDLY = "smaller-markedly", _("Markedly smaller")
    OBSCURED = "obscured", _("Obscured")
    RESOLVED = "resolved", _("Resolved")
    RESECTED = "resected", _("Resected")
    NOT_A_NODULE = "not-a-nodule", _("Not a nodule")
    MERGED = "merged", _("Merged with another")
    SPLIT = "split", _("Split in two")
    SEEN_IN_RETROSPECT = "seen-in-retrospect", _("Seen in retrospect")
    PRESENT = "present", _("Present, size not compared")
    OUTSIDE_FIELD = "outside-field", _("Outside the scan")
    NOT_ASSESSABLE = "not-assessable", _("Not assessable")


class Nodule(CodedRow):
    """The thing in the body, followed over time. It has no size: size belongs to a finding."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="nodules")
    number = models.PositiveIntegerField()  # shown as N1, N2 …; never reused
    tracking_uid = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=20, choices=choices(NoduleState), default=NoduleState.ACTIVE)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="merged")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="patient_has_one_nodule_a_number", fields=["patient", "number"]),
            models.CheckConstraint(
                name="merged_nodule_names_the_one_it_is",
                condition=Q(state=NoduleState.MERGED) ^ Q(merged_into__isnull=True),
            ),
            models.CheckConstraint(name="nodule_is_in_a_known_state", condition=Q(state__in=list(NoduleState))),
        ]

    def __str__(self) -> str:
        return f"N{self.number}"

    @property
    def label(self) -> str:
        return f"N{self.number}"


class NoduleDescription(models.Model):
    """What a reader says of a nodule; the latest row is in force. Append-only.

    ``facts`` has the shape of section 2.4 of the clinical cases (lobe, margin, shape, location …) without sizes and
    density, which belong to a measurement. We never query inside it.
    """

    nodule = models.ForeignKey(Nodule, models.PROTECT, related_name="descriptions")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(name="description_latest_first", fields=["nodule", "-id"])]

    def __str__(self) -> str:
        return f"description of {self.nodule}"


class Finding(CodedRow):
    """One nodule on one scan: where, of what density, and what its outline is.

    A person who moves the point or links another nodule makes a new finding; the old one is superseded.
    """

    nodule = models.ForeignKey(Nodule, models.PROTECT, related_name="findings")
    scan = models.ForeignKey(Scan, models.PROTECT, related_name="findings")
    x_lps_mm = models.FloatField()
    y_lps_mm = models.FloatField()
    z_lps_mm = models.FloatField()
    origin = models.CharField(max_length=20, choices=Origin.choices)
    present = models.BooleanField(default=True)  # false: looked for at this place and not there
    superseded_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="nodule_has_one_finding_in_force_a_scan",
                fields=["nodule", "scan"],
                condition=Q(superseded_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nodule} on {self.scan}"

    @property
    def lps_mm(self) -> tuple[float, float, float]:
        return self.x_lps_mm, self.y_lps_mm, self.z_lps_mm


class Measurement(CodedRow):
    """All quantities of one finding from one method at one moment, each with its error, or why there are none.

    Append-only. The latest row of a finding is in force; an edit by a person is a new row that names the person.
    """

    finding = models.ForeignKey(Finding, models.PROTECT, related_name="measurements")
    method = models.CharField(max_length=40)
    version = models.CharField(max_length=20)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    refusal = models.JSONField(null=True, blank=True)  # {"code", "sentence", "remedy", "facts"} instead of numbers
    attenuation = models.CharField(max_length=20, choices=Attenuation.choices, blank=True)
    volume_mm3 = models.FloatField(null=True)
    volume_sd_mm3 = models.FloatField(null=True)
    mean_diameter_mm = models.FloatField(null=True)
    mean_diameter_sd_mm = models.FloatField(null=True)
    long_axis_mm = models.FloatField(null=True)
    short_axis_mm = models.FloatField(null=True)
    solid_volume_mm3 = models.FloatField(null=True)
    solid_mean_diameter_mm = models.FloatField(null=True)
    mean_hu = models.FloatField(null=True)
    mass_mg = models.FloatField(null=True)
    attached_to = models.JSONField(default=list)
    axial_index = models.PositiveIntegerField(null=True)  # slice of the axes, and of the crop on the page
    # Measured together with this one of another scan: their ratio is surer than their volumes.
    measured_with = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    # A reader took later numbers back: these are the ones of that row again, to the last digit.
    restores = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    outline_px = models.JSONField(default=list)  # closed polygons [[x, y], …] in pixels of that slice
    # Shape, content and place as ``inference.describe`` writes them, its version inside; we never query within.
    features = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="measurement_has_numbers_with_error_or_a_refusal",
                condition=Q(
                    refusal__isnull=True,
                    volume_mm3__gt=0,
                    volume_sd_mm3__gte=0,
                    mean_diameter_mm__gt=0,
                    mean_diameter_sd_mm__gte=0,
                    attenuation__in=Attenuation.values,
                )
                | Q(refusal__isnull=False, volume_mm3__isnull=True, mean_diameter_mm__isnull=True),
            ),
        ]
        indexes = [models.Index(name="measurement_latest_first", fields=["finding", "-id"])]

    def __str__(self) -> str:
        return f"measurement {self.code}"


class Match(CodedRow):
    """The decision that two findings are one nodule: proposed by us, confirmed by a person."""

    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="matches")
    nodule = models.ForeignKey(Nodule, models.PROTECT, related_name="matches")
    prior_finding = models.ForeignKey(Finding, models.PROTECT, null=True, related_name="matches_as_prior")
    current_finding = models.ForeignKey(Finding, models.PROTECT, null=True, related_name="matches_as_current")
    # Blank while the nodule was found again but not yet measured on both sides.
    word = models.CharField(max_length=24, choices=ComparisonWord.choices, blank=True)
    confidence = models.FloatField()
    residual_mm = models.FloatField(null=True)
    ambiguous_with = models.JSONField(default=list)  # labels of other nodules that could be meant
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "matches"
        constraints = [
            models.UniqueConstraint(
                name="nodule_is_matched_once_a_comparison",
                fields=["comparison", "nodule"],
                condition=Q(superseded_at__isnull=True),
            ),
            models.CheckConstraint(
                name="match_joins_at_least_one_finding",
                condition=Q(prior_finding__isnull=False) | Q(current_finding__isnull=False),
            ),
            models.CheckConstraint(
                name="match_confidence_is_a_probability", condition=Q(confidence__gte=0, confidence__lte=1)
            ),
            models.CheckConstraint(
                name="match_is_confirmed_by_somebody",
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"match {self.code}"


class Growth(models.Model):
    """Change of one nodule between two measurements by one method, with its error. Append-only."""

    match = models.ForeignKey(Match, models.PROTECT, related_name="growths")
    prior_measurement = models.ForeignKey(Measurement, models.PROTECT, related_name="growths_as_prior")
    current_measurement = models.ForeignKey(Measurement, models.PROTECT, related_name="growths_as_current")
    method = models.CharField(max_length=40)
    version = models.CharField(max_length=20, db_default="1")
    # Standard error of ln(ratio) that the difference between the scans adds; another grade is another growth.
    extra_relative_error = models.FloatField(db_default=0.0)
    interval_days = models.PositiveIntegerField()
    volume_ratio = models.FloatField()
    volume_ratio_low = models.FloatField()
    volume_ratio_high = models.FloatField()
    vdt_days = models.FloatField(null=True)  # null: not growing, or the scans do not allow it
    vdt_low_days = models.FloatField(null=True)
    vdt_high_days = models.FloatField(null=True)  # null with a low end: unbounded
    significant = models.BooleanField()
    shortest_resolvable_vdt_days = models.FloatField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="growth_is_computed_once_a_method",
                fields=["prior_measurement", "current_measurement", "method", "version", "extra_relative_error"],
            ),
            models.CheckConstraint(
                name="growth_ratio_lies_in_its_interval",
                condition=Q(volume_ratio_low__lte=models.F("volume_ratio"))
                & Q(volume_ratio_high__gte=models.F("volume_ratio"))
                & Q(volume_ratio_low__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"growth {self.pk}"
