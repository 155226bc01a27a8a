"""A reader's outline, caliper or word on density as a new measurement; and the machine's own, at once, for a click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from math import isfinite
from typing import Any, Final
from uuid import UUID

from inference.calipers import caliper_error_mm
from inference.drawn import Drawn, Outline, Stroke, ball_volume, measure_drawn, outline_of
from inference.estimate import Estimate
from inference.measure import NoduleMeasurement, measure
from inference.noise import ScanNoise, measure_noise
from inference.repeatability import METHOD_VERSION
from nodules_app.dicom.volumes import VolumeUnreadable, open_volume
from nodules_app.models import Attenuation, Correction, Finding, Measurement, Scan, User
from nodules_app.services.assessments import in_force
from nodules_app.services.cache import volume_folder
from nodules_app.services.corrections_record import root_of
from nodules_app.services.measured import CALIPER_NAME, DRAWN_NAME, METHOD_NAME, fields_of
from registration.errors import Refused, gettext_noop
from registration.volume import Volume

CALIPER_VERSION: Final = "1"
SERIES_REMEMBERED: Final = 32
PLACES_REMEMBERED: Final = 16  # two megabytes each
LONGEST_AXIS_MM: Final = 100.0


class VolumeNotKept(Refused):
    """The voxels are not at hand."""

    code = "volume_not_kept"
    sentence = gettext_noop("The slices of this scan are not kept at present.")
    remedy = gettext_noop("Ask for the work again; they are made anew from the archive.")


class MeasuredByNobody(Refused):
    """There are no numbers to change."""

    code = "measured_by_nobody"
    sentence = gettext_noop("This nodule has no measurement on this scan.")
    remedy = gettext_noop("Lay a caliper on it, or draw its outline.")


class NoSuchAxes(Refused):
    """Two lengths that are no axes of a nodule."""

    code = "no_such_axes"
    sentence = gettext_noop("Axes of {long_mm} and {short_mm} mm cannot be those of a nodule.")
    remedy = gettext_noop("Give two lengths above 0 and up to 100 mm.")


def volume_of(scan: Scan) -> Volume:
    """Map the kept voxels of a scan. Raises ``VolumeNotKept``."""
    try:
        return open_volume(volume_folder(scan.series))
    except VolumeUnreadable as missing:
        raise VolumeNotKept from missing


@lru_cache(maxsize=SERIES_REMEMBERED)
def _noise_of(series: UUID) -> ScanNoise | None:
    return measure_noise(open_volume(volume_folder(series)))


def by_machine(finding: Finding) -> NoduleMeasurement | Refused:
    """Measure a finding as the pipeline does, without lungs and lobes: in less than a second. ``VolumeNotKept``."""
    volume_of(finding.scan)
    return _by_machine_at(finding.scan.series.code, finding.lps_mm, finding.scan.series.slice_thickness_mm)


@lru_cache(maxsize=PLACES_REMEMBERED)
def _by_machine_at(
    series: UUID, lps_mm: tuple[float, float, float], slice_thickness_mm: float | None
) -> NoduleMeasurement | Refused:
    """The same voxels give the same outline: a stroke, and drawing the outline after it, do not look for it again."""
    volume = open_volume(volume_folder(series))
    try:
        return measure(volume, lps_mm, slice_thickness_mm=slice_thickness_mm, noise=_noise_of(series))
    except Refused as refusal:
        return refusal


def store_by_machine(finding: Finding) -> Measurement | None:
    """Measure a new finding and keep its numbers, or why there are none; None where the series forbids volumes."""
    if not finding.scan.series.measurable or finding.measurements.exists():
        return None
    return Measurement.objects.create(finding=finding, **fields_of(by_machine(finding)))


def strokes_of(finding: Finding) -> tuple[Stroke, ...]:
    """The strokes that stand on a finding's outline, the first first."""
    row = in_force(finding)
    return strokes_behind(row) if row is not None else ()


def strokes_behind(row: Measurement) -> tuple[Stroke, ...]:
    """The strokes that a measurement rests on; none of what the machine drew alone."""
    if row.method != DRAWN_NAME:
        return ()
    made_by = Correction.objects.filter(measurement=root_of(row)).order_by("pk").first()
    return tuple(stroke_from(told) for told in made_by.told.get("strokes", ())) if made_by else ()


def outline_in_force(finding: Finding) -> Outline | None:
    """The voxels inside the outline that stands, for drawing on any slice; None where there is none.

    Raises
    ------
    VolumeNotKept
    """
    row = in_force(finding)
    if row is None or row.method not in (METHOD_NAME, DRAWN_NAME):
        return None
    return outline_of(volume_of(finding.scan), _machine(finding), strokes_of(finding))


def store_drawn(finding: Finding, strokes: Sequence[Stroke], *, by: User) -> Measurement:
    """Measure an outline with strokes on it. Raises what the core refuses, and ``VolumeNotKept``."""
    drawn = measure_drawn(volume_of(finding.scan), _machine(finding), strokes)
    before, base = in_force(finding), _machines_row(finding)
    return Measurement.objects.create(
        finding=finding,
        by=by,
        method=DRAWN_NAME,
        version=base.version if base else METHOD_VERSION,  # the scale of the numbers that the strokes add to
        attached_to=before.attached_to if before else [],
        features=before.features if before else None,
        **_columns(drawn, before),
    )


def store_caliper(finding: Finding, long_mm: float, short_mm: float, *, by: User) -> Measurement:
    """Put two axes that a reader laid in the place of the numbers. Raises ``NoSuchAxes``."""
    long_axis_mm, short_axis_mm = max(long_mm, short_mm), min(long_mm, short_mm)
    if not (isfinite(long_mm) and isfinite(short_mm) and short_axis_mm > 0 and long_axis_mm <= LONGEST_AXIS_MM):
        raise NoSuchAxes(long_mm=f"{long_mm:g}", short_mm=f"{short_mm:g}")
    before = in_force(finding)
    mean = Estimate((long_axis_mm + short_axis_mm) / 2, caliper_error_mm(finding.scan.series.spacing_x_mm))
    ball = ball_volume(mean)
    return Measurement.objects.create(
        finding=finding,
        by=by,
        method=CALIPER_NAME,
        version=CALIPER_VERSION,
        attenuation=before.attenuation if before else Attenuation.SOLID,
        volume_mm3=ball.value,
        volume_sd_mm3=ball.standard_error,
        mean_diameter_mm=mean.value,
        mean_diameter_sd_mm=mean.standard_error,
        long_axis_mm=long_axis_mm,
        short_axis_mm=short_axis_mm,
        solid_mean_diameter_mm=before.solid_mean_diameter_mm if before else None,
        mean_hu=before.mean_hu if before else None,
        axial_index=before.axial_index if before else None,
        features=before.features if before else None,
    )


def store_attenuation(
    finding: Finding, attenuation: Attenuation, *, solid_mean_diameter_mm: float | None, by: User
) -> Measurement:
    """Keep the numbers and let a reader say what the nodule is made of. Raises ``MeasuredByNobody``."""
    row = in_force(finding)
    if row is None:
        raise MeasuredByNobody
    part_solid = attenuation == Attenuation.PART_SOLID
    row.pk, row.code, row._state.adding = None, Measurement._meta.get_field("code").get_default(), True  # noqa: SLF001 Django's way to copy a row
    row.by, row.restores, row.attenuation = by, None, attenuation
    row.solid_volume_mm3 = row.solid_volume_mm3 if part_solid else None
    row.solid_mean_diameter_mm = (solid_mean_diameter_mm or row.solid_mean_diameter_mm) if part_solid else None
    row.save(force_insert=True)
    return row


def stroke_from(told: Mapping[str, Any]) -> Stroke:
    """Read a stroke as it is kept."""
    x, y, z = (float(value) for value in told.get("centre_lps_mm", (0, 0, 0)))
    limits = {name: float(told[name]) for name in ("low_hu", "high_hu") if told.get(name) is not None}
    return Stroke(told["kind"], (x, y, z), float(told.get("radius_mm", 0)), **limits)


def stroke_as_kept(stroke: Stroke) -> dict[str, Any]:
    """Give a stroke in the shape of JSON; limits that are none are left out."""
    told = asdict(stroke)
    return {name: value for name, value in told.items() if not (isinstance(value, float) and not isfinite(value))}


def _machine(finding: Finding) -> NoduleMeasurement | None:
    """The machine's outline with the numbers that it was given when it was measured; None where it refused."""
    kept, found = _machines_row(finding), by_machine(finding)
    if isinstance(found, Refused):
        return None
    if kept is None or kept.volume_mm3 is None or kept.volume_sd_mm3 is None:
        return found
    return replace(found, volume_mm3=Estimate(kept.volume_mm3, kept.volume_sd_mm3))


def _machines_row(finding: Finding) -> Measurement | None:
    rows = finding.measurements.filter(method=METHOD_NAME, refusal__isnull=True, by__isnull=True, restores__isnull=True)
    return rows.order_by("-pk").first()


def _columns(drawn: Drawn, before: Measurement | None) -> dict[str, Any]:
    attenuation = before.attenuation if before else drawn.attenuation
    return {
        "attenuation": attenuation,
        "volume_mm3": drawn.volume_mm3.value,
        "volume_sd_mm3": drawn.volume_mm3.standard_error,
        "mean_diameter_mm": drawn.mean_diameter_mm.value,
        "mean_diameter_sd_mm": drawn.mean_diameter_mm.standard_error,
        "long_axis_mm": drawn.long_axis_mm,
        "short_axis_mm": drawn.short_axis_mm,
        "solid_volume_mm3": before.solid_volume_mm3 if before else None,
        "solid_mean_diameter_mm": before.solid_mean_diameter_mm if before else None,
        "mean_hu": drawn.mean_hu,
        "mass_mg": drawn.mass_mg,
        "axial_index": drawn.axial_index,
        "outline_px": drawn.outline_px,
    }
