"""Step five: measure every finding that this method has not measured yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from inference.describe import describe_nodule
from inference.measure import METHOD, NoduleMeasurement, measure
from inference.noise import ScanNoise, measure_noise
from inference.repeatability import METHOD_VERSION
from nodules_app.models import Finding, Measurement, Patient, Run, RunKind, Scan
from nodules_app.services import learned, runs
from nodules_app.services.assessments import in_force
from nodules_app.services.measured import METHOD_NAME, fields_of
from nodules_app.services.outlines import keep_outline
from nodules_app.services.pipeline.together import Together, measure_matches
from nodules_app.services.pipeline.volumes import lungs_of, volume_of
from registration.errors import Refused, gettext_noop
from registration.lobes import Lobes, find_lobes
from registration.lungs import Lungs
from registration.volume import Volume


class VolumetryBlocked(Refused):
    """What was said when the series was read forbids measuring on it."""

    code = "volumetry_blocked"
    sentence = gettext_noop("Nothing is measured on this series. {notice}")
    remedy = gettext_noop("{what_to_do}")


def measure_scan(run: Run) -> Callable[[], Mapping[str, str]]:
    """Measure the findings of a scan, or of both scans of a comparison; then compute growth, or ask the guidelines."""
    scans = [run.comparison.prior, run.comparison.current] if run.comparison else [run.scan] if run.scan else []
    if not scans:
        raise ValueError(f"run {run.code} names neither a scan nor a comparison")
    rulers = {scan.pk: Ruler(scan) for scan in scans}
    findings = {finding.pk: finding for scan in scans for finding in _without_numbers(scan)}
    alone: dict[int, NoduleMeasurement | Refused] = {}
    for number, finding in enumerate(findings.values(), start=1):
        alone[finding.pk] = rulers[finding.scan_id].measure(finding)
        runs.say_progress(run, 100 * number // len(findings))
    measured = Together(alone, {})
    if run.comparison:
        measured = measure_matches(
            run.comparison, alone, numbers_kept, lambda finding: rulers[finding.scan_id].measure(finding)
        )
    features = {
        pk: describe_nodule(outcome, rulers[findings[pk].scan_id].lobes).as_json()
        for pk, outcome in measured.outcomes.items()
        if pk in findings and isinstance(outcome, NoduleMeasurement)
    }
    patient_id = scans[0].study.patient_id

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=patient_id)
        for pk, row in _store(findings, measured, features).items():
            outcome = measured.outcomes[pk]
            if isinstance(outcome, NoduleMeasurement):
                keep_outline(row, outcome, rulers[findings[pk].scan_id].volume)
        if run.comparison:
            runs.request(RunKind.GROWTH, by=run.requested_by, patient=patient, comparison=run.comparison)
        else:
            learned.ask_for_looks(scan=scans[0], by=run.requested_by)
            runs.request(RunKind.ASSESS, by=run.requested_by, patient=patient)
        return {"measure": f"{METHOD} {METHOD_VERSION}"}

    return store


def numbers_kept(finding: Finding) -> Measurement | None:
    """The latest numbers of a finding from this method; None when it has none, or a person's."""
    latest = in_force(finding)
    ours = latest is not None and (latest.method, latest.version) == (METHOD_NAME, METHOD_VERSION)
    return latest if ours and latest is not None and latest.by_id is None else None


def _has_numbers_by_now(finding: Finding) -> bool:
    """Tell whether this method has measured the finding already, or a person has typed its numbers."""
    by_us = finding.measurements.filter(method=METHOD_NAME, version=METHOD_VERSION)
    return by_us.exists() or finding.measurements.filter(by__isnull=False).exists()


def _without_numbers(scan: Scan) -> Sequence[Finding]:
    shown = scan.findings.filter(superseded_at__isnull=True, present=True).select_related("nodule")
    return [finding for finding in shown.order_by("pk") if not _has_numbers_by_now(finding)]


@dataclass
class Ruler:
    """One scan, ready to measure on once the first finding asks for it."""

    scan: Scan

    def measure(self, finding: Finding) -> NoduleMeasurement | Refused:
        """Measure one finding, or say why not."""
        if not self.scan.series.measurable:
            return VolumetryBlocked(**_blocking_notice(self.scan))
        try:
            return measure(
                self.volume,
                finding.lps_mm,
                slice_thickness_mm=self.scan.series.slice_thickness_mm,
                noise=self.noise,
                lungs=self.lungs,
            )
        except Refused as refusal:
            return refusal

    @cached_property
    def volume(self) -> Volume:
        """Its voxels."""
        return volume_of(self.scan.series)

    @cached_property
    def noise(self) -> ScanNoise | None:
        """Its noise."""
        return measure_noise(self.volume)

    @cached_property
    def lungs(self) -> Lungs | None:
        """Its lungs, where they were found."""
        return lungs_of(self.scan) if self.scan.lung_right_ml is not None else None

    @cached_property
    def lobes(self) -> Lobes | None:
        """Its fissures, where it has lungs."""
        return find_lobes(self.volume, self.lungs) if self.lungs is not None else None


def _store(
    findings: Mapping[int, Finding], measured: Together, features: Mapping[int, Mapping[str, object]]
) -> Mapping[int, Measurement]:
    """Write what was measured, and give it by finding; an anchor before the finding that was measured with it."""
    rows: dict[int, Measurement] = {}
    for pk in sorted(findings, key=lambda pk: pk in measured.with_whom):
        finding = findings[pk]
        if _has_numbers_by_now(finding):
            continue
        anchor_pk = measured.with_whom.get(pk)
        anchor = rows.get(anchor_pk) if anchor_pk in rows else None
        if anchor_pk is not None and anchor is None:
            anchor = numbers_kept(Finding.objects.get(pk=anchor_pk))
        rows[pk] = Measurement.objects.create(
            finding=finding, measured_with=anchor, features=features.get(pk), **fields_of(measured.outcomes[pk])
        )
    return rows


def _blocking_notice(scan: Scan) -> dict[str, str]:
    notice = next(notice for notice in scan.series.notices if notice["blocks_volumetry"])
    return {"notice": notice["sentence"], "what_to_do": notice["remedy"]}
