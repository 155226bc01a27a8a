"""One patient over time: exams with their scans, and each nodule on each of them with its numbers and its change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from nodules_app.lifecycles import NoduleState
from nodules_app.models import Comparison, Finding, Growth, Match, Measurement, Nodule, Patient, Scan, Series, Study
from nodules_app.selectors.descriptions import Description, descriptions_of

LpsMm = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One series of an exam, chosen or passed over."""

    code: UUID
    description: str
    kernel: str
    slices: int
    slice_thickness_mm: float | None
    spacing_z_mm: float
    measurable: bool
    notices: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ScanLine:
    """The series that is measured, and why this one."""

    code: UUID
    series: SeriesLine
    because: tuple[Mapping[str, Any], ...]
    chosen_by: str
    lungs_ml: float | None


@dataclass(frozen=True, slots=True)
class Exam:
    """One examination with the series it holds; ``scan`` is None while none was chosen."""

    code: UUID
    acquired_on: date | None
    description: str
    scan: ScanLine | None
    passed_over: tuple[SeriesLine, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """The latest measurement of a finding; every number with its standard deviation."""

    attenuation: str
    volume_mm3: float
    volume_sd_mm3: float
    mean_diameter_mm: float
    mean_diameter_sd_mm: float
    long_axis_mm: float | None
    short_axis_mm: float | None
    solid_mean_diameter_mm: float | None
    mean_hu: float | None
    mass_mg: float | None
    axial_index: int | None
    outline_px: tuple[tuple[tuple[float, float], ...], ...]
    features: dict[str, Any] | None
    method: str
    by: str


@dataclass(frozen=True, slots=True)
class Appearance:
    """A nodule on one scan. Without numbers it says why in ``refusal``, or they are still awaited."""

    code: UUID
    scan: UUID
    series: UUID
    on: date | None
    lps_mm: LpsMm
    present: bool
    origin: str
    measured: Measured | None
    refusal: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a nodule between two scans; the growth fields are None where there is no growth to give."""

    match: UUID
    comparison: UUID
    prior_scan: UUID
    current_scan: UUID
    grade: str
    interval_days: int
    word: str
    confidence: float
    residual_mm: float | None
    ambiguous_with: tuple[str, ...]
    confirmed_by: str
    volume_ratio: float | None = None
    volume_ratio_low: float | None = None
    volume_ratio_high: float | None = None
    vdt_days: float | None = None
    vdt_low_days: float | None = None
    vdt_high_days: float | None = None
    significant: bool = False
    shortest_resolvable_vdt_days: float | None = None


@dataclass(frozen=True, slots=True)
class NoduleLine:
    """A nodule with all its appearances, the earliest first, and its changes in the same order."""

    code: UUID
    label: str
    number: int
    description: Description | None
    state: NoduleState
    appearances: tuple[Appearance, ...]
    changes: tuple[Change, ...]

    @property
    def lobe(self) -> str:
        return self.description.lobe if self.description else ""

    @property
    def latest(self) -> Change | None:
        """The change that ends at the latest scan."""
        return self.changes[-1] if self.changes else None

    def on_scan(self, scan: UUID | None) -> Appearance | None:
        return next((seen for seen in self.appearances if seen.scan == scan), None)


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """How well two scans may be compared, and why."""

    code: UUID
    prior_scan: UUID
    current_scan: UUID
    interval_days: int
    grade: str
    reasons: tuple[dict[str, Any], ...]
    registered_residual_mm: float | None
    fold_fraction: float | None
    registered_at: datetime | None
    extra_relative_error: float  # what the difference of the scans adds to ln(volume ratio)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything on the time axis, the earliest first; exams without a day stand at the end."""

    exams: tuple[Exam, ...]
    comparisons: tuple[ComparisonLine, ...]
    nodules: tuple[NoduleLine, ...]

    @property
    def scans(self) -> tuple[tuple[Exam, ScanLine], ...]:
        return tuple((exam, exam.scan) for exam in self.exams if exam.scan is not None)


def timeline(patient: Patient, *, outlines: bool = True) -> Timeline:
    """Read a patient's exams, comparisons and nodules in eleven queries, however many there are.

    Without ``outlines`` neither these nor what the images show of a nodule (``features``) are read: half of the time
    where there are many.
    """
    nodules = _nodules(patient, outlines=outlines)
    return Timeline(exams=_exams(patient), comparisons=_comparisons(patient), nodules=nodules)


def _exams(patient: Patient) -> tuple[Exam, ...]:
    series: defaultdict[int, list[Series]] = defaultdict(list)
    for row in Series.objects.filter(study__patient=patient).order_by("pk"):
        series[row.study_id].append(row)
    in_force = Scan.objects.filter(study__patient=patient, superseded_at__isnull=True)
    scans = {scan.study_id: scan for scan in in_force.select_related("series", "chosen_by")}
    studies = Study.objects.filter(patient=patient).order_by("acquired_on", "pk")
    return tuple(_exam(study, scans.get(study.pk), series[study.pk]) for study in studies)


def _exam(study: Study, scan: Scan | None, series: Sequence[Series]) -> Exam:
    return Exam(
        code=study.code,
        acquired_on=study.acquired_on,
        description=study.description,
        scan=_scan(scan) if scan else None,
        passed_over=tuple(_series(row) for row in series if scan is None or row.pk != scan.series_id),
    )


def _scan(scan: Scan) -> ScanLine:
    right_ml, left_ml = scan.lung_right_ml, scan.lung_left_ml
    return ScanLine(
        code=scan.code,
        series=_series(scan.series),
        because=tuple(scan.because),
        chosen_by=str(scan.chosen_by or ""),
        lungs_ml=None if right_ml is None or left_ml is None else right_ml + left_ml,
    )


def _series(row: Series) -> SeriesLine:
    return SeriesLine(
        code=row.code,
        description=row.description,
        kernel=row.kernel,
        slices=row.slices,
        slice_thickness_mm=row.slice_thickness_mm,
        spacing_z_mm=row.spacing_z_mm,
        measurable=row.measurable,
        notices=tuple(row.notices),
    )


def _comparisons(patient: Patient) -> tuple[ComparisonLine, ...]:
    rows = (
        Comparison.objects.filter(
            patient=patient, prior__superseded_at__isnull=True, current__superseded_at__isnull=True
        )
        .select_related("prior", "current")
        .prefetch_related("registrations")
        .order_by("current__study__acquired_on", "prior__study__acquired_on", "pk")
    )
    lines = []
    for row in rows:
        registration = max(row.registrations.all(), key=lambda one: one.pk, default=None)
        lines.append(
            ComparisonLine(
                code=row.code,
                prior_scan=row.prior.code,
                current_scan=row.current.code,
                interval_days=row.interval_days,
                grade=row.grade,
                reasons=tuple(row.reasons),
                registered_residual_mm=registration.residual_mm if registration else None,
                fold_fraction=registration.fold_fraction if registration else None,
                registered_at=registration.created_at if registration else None,
                extra_relative_error=row.extra_relative_error,
            )
        )
    return tuple(lines)


def _nodules(patient: Patient, *, outlines: bool) -> tuple[NoduleLine, ...]:
    latest = _latest_measurements(patient, outlines=outlines)
    seen = _appearances(patient, latest, outlines=outlines)
    changed = _changes(patient, {row.pk for row in latest.values()})
    described = descriptions_of(patient.nodules.all())
    return tuple(
        NoduleLine(
            code=nodule.code,
            label=nodule.label,
            number=nodule.number,
            description=described.get(nodule.pk),
            state=NoduleState(nodule.state),
            appearances=tuple(seen[nodule.pk]),
            changes=tuple(changed[nodule.pk]),
        )
        for nodule in Nodule.objects.filter(patient=patient).order_by("number")
    )


def _latest_measurements(patient: Patient, *, outlines: bool) -> Mapping[int, Measurement]:
    """The latest row of each finding, by finding."""
    rows = Measurement.objects.filter(finding__nodule__patient=patient).select_related("by").defer("attached_to")
    if not outlines:
        rows = rows.defer("outline_px", "features")
    return {row.finding_id: row for row in rows.order_by("finding_id", "-pk").distinct("finding_id")}


def _appearances(
    patient: Patient, latest: Mapping[int, Measurement], *, outlines: bool
) -> Mapping[int, list[Appearance]]:
    in_force = {"superseded_at__isnull": True, "scan__superseded_at__isnull": True}
    findings = (
        Finding.objects.filter(nodule__patient=patient, **in_force)
        .select_related("scan__study", "scan__series")
        .defer("scan__because", "scan__series__notices")
        .order_by("scan__study__acquired_on", "scan__pk")
    )
    seen: defaultdict[int, list[Appearance]] = defaultdict(list)
    for finding in findings:
        measurement = latest.get(finding.pk)
        seen[finding.nodule_id].append(
            Appearance(
                code=finding.code,
                scan=finding.scan.code,
                series=finding.scan.series.code,
                on=finding.scan.study.acquired_on,
                lps_mm=finding.lps_mm,
                present=finding.present,
                origin=finding.origin,
                measured=_measured(measurement, outlines=outlines) if measurement else None,
                refusal=measurement.refusal if measurement else None,
            )
        )
    return seen


def _measured(row: Measurement, *, outlines: bool) -> Measured | None:
    numbers = row.volume_mm3, row.volume_sd_mm3, row.mean_diameter_mm, row.mean_diameter_sd_mm
    volume_mm3, volume_sd_mm3, mean_diameter_mm, mean_diameter_sd_mm = numbers
    if volume_mm3 is None or volume_sd_mm3 is None or mean_diameter_mm is None or mean_diameter_sd_mm is None:
        return None  # a refusal: the row's constraint allows all of the numbers or none
    return Measured(
        attenuation=row.attenuation,
        volume_mm3=volume_mm3,
        volume_sd_mm3=volume_sd_mm3,
        mean_diameter_mm=mean_diameter_mm,
        mean_diameter_sd_mm=mean_diameter_sd_mm,
        long_axis_mm=row.long_axis_mm,
        short_axis_mm=row.short_axis_mm,
        solid_mean_diameter_mm=row.solid_mean_diameter_mm,
        mean_hu=row.mean_hu,
        mass_mg=row.mass_mg,
        axial_index=row.axial_index,
        outline_px=tuple(tuple((x, y) for x, y in polygon) for polygon in row.outline_px) if outlines else (),
        features=row.features if outlines else None,
        method=f"{row.method} {row.version}",
        by=str(row.by or ""),
    )


def _changes(patient: Patient, latest: Set[int]) -> Mapping[int, list[Change]]:
    """Give each nodule its changes; the growth of numbers that have been replaced since is no growth of it."""
    matches = (
        Match.objects.filter(
            nodule__patient=patient,
            superseded_at__isnull=True,
            comparison__prior__superseded_at__isnull=True,
            comparison__current__superseded_at__isnull=True,
        )
        .select_related("comparison__prior", "comparison__current", "confirmed_by")
        .defer("comparison__reasons", "comparison__prior__because", "comparison__current__because")
        .order_by("comparison__current__study__acquired_on", "comparison__prior__study__acquired_on", "pk")
    )
    grown = {
        row.match_id: row
        for row in Growth.objects.filter(match__nodule__patient=patient).order_by("match_id", "pk")
        if {row.prior_measurement_id, row.current_measurement_id} <= latest
    }
    changed: defaultdict[int, list[Change]] = defaultdict(list)
    for match in matches:
        changed[match.nodule_id].append(_change(match, grown.get(match.pk)))
    return changed


def _change(match: Match, growth: Growth | None) -> Change:
    comparison = match.comparison
    change = Change(
        match=match.code,
        comparison=comparison.code,
        prior_scan=comparison.prior.code,
        current_scan=comparison.current.code,
        grade=comparison.grade,
        interval_days=comparison.interval_days,
        word=match.word,
        confidence=match.confidence,
        residual_mm=match.residual_mm,
        ambiguous_with=tuple(match.ambiguous_with),
        confirmed_by=str(match.confirmed_by or ""),
    )
    if growth is None:
        return change
    return replace(
        change,
        volume_ratio=growth.volume_ratio,
        volume_ratio_low=growth.volume_ratio_low,
        volume_ratio_high=growth.volume_ratio_high,
        vdt_days=growth.vdt_days,
        vdt_low_days=growth.vdt_low_days,
        vdt_high_days=growth.vdt_high_days,
        significant=growth.significant,
        shortest_resolvable_vdt_days=growth.shortest_resolvable_vdt_days,
    )
