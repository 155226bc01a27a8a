"""Step five: measure every finding that this method has not measured yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inference.measure import METHOD, NoduleMeasurement, measure
from inference.noise import measure_noise
from inference.outline import outline_polygons_px
from inference.repeatability import METHOD_VERSION
from nodules_app.models import Finding, Measurement, Patient, Run, RunKind, Scan
from nodules_app.services import runs
from nodules_app.services.pipeline.volumes import lungs_of, volume_of
from registration.errors import Refused, gettext_noop

METHOD_NAME = "star-35"


class VolumetryBlocked(Refused):
    """What was said when the series was read forbids measuring on it."""

    code = "volumetry_blocked"
    sentence = gettext_noop("Nothing is measured on this series. {notice}")
    remedy = gettext_noop("{what_to_do}")


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one finding: numbers or an honest no."""

    finding: Finding
    outcome: NoduleMeasurement | Refused


def measure_scan(run: Run) -> Callable[[], Mapping[str, str]]:
    """Measure the findings of a scan, or of both scans of a comparison; then compute growth, or ask the guidelines."""
    scans = [run.comparison.prior, run.comparison.current] if run.comparison else [run.scan] if run.scan else []
    if not scans:
        raise ValueError(f"run {run.code} names neither a scan nor a comparison")
    measured = [result for scan in scans for result in _measure_findings(scan, run)]
    patient_id = scans[0].study.patient_id

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=patient_id)
        for result in measured:
            if not _has_numbers_by_now(result.finding):
                Measurement.objects.create(finding=result.finding, **_fields(result.outcome))
        if run.comparison:
            runs.request(RunKind.GROWTH, by=run.requested_by, patient=patient, comparison=run.comparison)
        else:
            runs.request(RunKind.ASSESS, by=run.requested_by, patient=patient)
        return {"measure": f"{METHOD} {METHOD_VERSION}"}

    return store


def _has_numbers_by_now(finding: Finding) -> bool:
    """Tell whether this method has measured the finding already, or a person has typed its numbers."""
    by_us = finding.measurements.filter(method=METHOD_NAME, version=METHOD_VERSION)
    return by_us.exists() or finding.measurements.filter(by__isnull=False).exists()


def _measure_findings(scan: Scan, run: Run) -> Sequence[Measured]:
    in_force = scan.findings.filter(superseded_at__isnull=True, present=True).select_related("nodule")
    findings = [finding for finding in in_force.order_by("pk") if not _has_numbers_by_now(finding)]
    if not findings:
        return []
    if not scan.series.measurable:
        return [Measured(finding, VolumetryBlocked(**_blocking_notice(scan))) for finding in findings]
    volume = volume_of(scan.series)
    noise = measure_noise(volume)
    lungs = lungs_of(scan) if scan.lung_right_ml is not None else None
    measured = []
    for number, finding in enumerate(findings, start=1):
        outcome: NoduleMeasurement | Refused
        try:
            outcome = measure(
                volume,
                finding.lps_mm,
                slice_thickness_mm=scan.series.slice_thickness_mm,
                noise=noise,
                lungs=lungs,
            )
        except Refused as refusal:
            outcome = refusal
        measured.append(Measured(finding, outcome))
        runs.say_progress(run, 100 * number // len(findings))
    return measured


def _blocking_notice(scan: Scan) -> dict[str, str]:
    notice = next(notice for notice in scan.series.notices if notice["blocks_volumetry"])
    return {"notice": notice["sentence"], "what_to_do": notice["remedy"]}


def _fields(outcome: NoduleMeasurement | Refused) -> dict[str, object]:
    base: dict[str, object] = {"method": METHOD_NAME, "version": METHOD_VERSION}
    if isinstance(outcome, Refused):
        return base | {"refusal": runs.told(outcome)}
    return base | {
        "attenuation": outcome.attenuation,
        "volume_mm3": outcome.volume_mm3.value,
        "volume_sd_mm3": outcome.volume_mm3.standard_error,
        "mean_diameter_mm": outcome.mean_diameter_mm.value,
        "mean_diameter_sd_mm": outcome.mean_diameter_mm.standard_error,
        "long_axis_mm": outcome.long_axis_mm,
        "short_axis_mm": outcome.short_axis_mm,
        "solid_volume_mm3": outcome.solid_volume_mm3,
        "solid_mean_diameter_mm": outcome.solid_mean_diameter_mm,
        "mean_hu": outcome.mean_hu,
        "mass_mg": outcome.mass_mg,
        "attached_to": list(outcome.attached_to),
        "axial_index": outcome.axial_index,
        "outline_px": outline_polygons_px(outcome),
    }
