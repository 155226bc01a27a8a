"""Step three: the prior scan and the current scan into one space."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from django.conf import settings

from nodules_app.exchange.displacements import grid_bytes
from nodules_app.models import Comparison, Patient, Registration, Run, RunKind
from nodules_app.services import runs
from nodules_app.services.cache import grid_file, map_file
from nodules_app.services.pipeline.volumes import lungs_of, volume_of
from registration.register import register
from registration.transform import Registration as Map


def register_comparison(run: Run) -> Callable[[], Mapping[str, str]]:
    """Register the pair both ways; then find each nodule again."""
    comparison = pair(run)
    found = make_map(comparison)

    def store() -> Mapping[str, str]:
        Patient.objects.select_for_update().get(pk=comparison.patient_id)
        Registration.objects.get_or_create(
            comparison=comparison,
            method=found.method,
            version=found.version,
            defaults={
                "residual_mm": found.median_residual_mm,
                "inverse_error_mm": found.inverse_error_mm,
                "fold_fraction": found.fold_fraction,
                "map_file": map_file(comparison).name,
            },
        )
        for step in (RunKind.MATCH, RunKind.PROPOSE):
            runs.request(step, by=run.requested_by, patient=comparison.patient, comparison=comparison)
        return {"registration": f"{found.method} {found.version}"}

    return store


def go_on_without_map(run: Run) -> None:
    """The pair cannot be registered: each scan is measured alone, and no nodule is called new or gone."""
    comparison = pair(run)
    for scan in (comparison.prior, comparison.current):
        runs.request(RunKind.MEASURE, by=run.requested_by, patient=comparison.patient, scan=scan)
    runs.request(RunKind.PROPOSE, by=run.requested_by, patient=comparison.patient, scan=comparison.current)


def make_map(comparison: Comparison) -> Map:
    """Register a pair and keep the map in the cache."""
    path = map_file(comparison)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = register(
        volume_of(comparison.prior.series),
        volume_of(comparison.current.series),
        prior_lungs=lungs_of(comparison.prior),
        current_lungs=lungs_of(comparison.current),
        device=settings.IMAGING_DEVICE,
    )
    found.save(path)
    keep_grid(comparison, found)
    return found


def keep_grid(comparison: Comparison, found: Map) -> None:
    """Write the map as browsers take it; beside its place first, so that nobody reads half of it."""
    path = grid_file(comparison)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(grid_bytes(found, volume_of(comparison.prior.series)))
    fresh.replace(path)


def map_of(comparison: Comparison) -> Map:
    """Load the map of a comparison; register again when the cache was emptied."""
    path = map_file(comparison)
    return Map.load(path) if path.exists() else make_map(comparison)


def pair(run: Run) -> Comparison:
    """The comparison that a run is about."""
    if run.comparison is None:
        raise ValueError(f"run {run.code} names no comparison")
    return run.comparison
