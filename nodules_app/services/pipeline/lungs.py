"""Step two: where the lungs are on a scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inference.noise import measure_noise
from nodules_app.lifecycles import OPEN_RUN
from nodules_app.models import Patient, Run, RunKind, Scan
from nodules_app.services import runs, scans
from nodules_app.services.pipeline.volumes import lungs_of, volume_of
from registration import lungs as method


def find_lungs(run: Run) -> Callable[[], Mapping[str, str]]:
    """Find the lungs and measure the noise; then compare with the scans before and after, or measure alone."""
    scan = subject(run)
    found = lungs_of(scan)
    noise = measure_noise(volume_of(scan.series))

    def store() -> Mapping[str, str]:
        Patient.objects.select_for_update().get(pk=scan.study.patient_id)
        Scan.objects.filter(pk=scan.pk).update(
            noise_hu=noise.sd_hu if noise else None,
            lung_right_ml=found.right_ml,
            lung_left_ml=found.left_ml,
            lung_mean_hu=found.mean_hu,
        )
        _go_on(run, scan)
        return {"lungs": method.METHOD}

    return store


def go_on_without_lungs(run: Run) -> None:
    """No lungs were found: nodules are still measured one scan at a time, nothing is compared with this scan."""
    scan = subject(run)
    waiting = [other for other in _neighbours(scan) if other.lung_right_ml is not None]
    for alone in (scan, *waiting):
        runs.request(RunKind.MEASURE, by=run.requested_by, patient=scan.study.patient, scan=alone)
    for other in waiting:
        runs.request(RunKind.PROPOSE, by=run.requested_by, patient=scan.study.patient, scan=other)


def _go_on(run: Run, scan: Scan) -> None:
    comparisons = [
        comparison
        for comparison in scans.neighbours_to_compare(scan)
        if _has_lungs(comparison.prior, scan) and _has_lungs(comparison.current, scan)
    ]
    for comparison in comparisons:
        runs.request(RunKind.REGISTER, by=run.requested_by, patient=scan.study.patient, comparison=comparison)
    if not comparisons and not any(_is_being_looked_for(other) for other in _neighbours(scan)):
        for step in (RunKind.MEASURE, RunKind.PROPOSE):
            runs.request(step, by=run.requested_by, patient=scan.study.patient, scan=scan)


def _neighbours(scan: Scan) -> list[Scan]:
    pairs = scans.neighbours_to_compare(scan)
    return [one for pair in pairs for one in (pair.prior, pair.current) if one.pk != scan.pk]


def _is_being_looked_for(other: Scan) -> bool:
    """The lungs of the other scan are on their way: whoever ends second asks for the registration."""
    return other.runs.filter(kind=RunKind.LUNGS, state__in=OPEN_RUN).exists()


def _has_lungs(scan: Scan, just_found: Scan) -> bool:
    return scan.pk == just_found.pk or scan.lung_right_ml is not None


def subject(run: Run) -> Scan:
    """The scan that a run is about."""
    if run.scan is None:
        raise ValueError(f"run {run.code} names no scan")
    return run.scan
