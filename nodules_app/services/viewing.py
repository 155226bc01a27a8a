"""The images of a reading: whether they are kept, asking for them to be made again, and the bytes that are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from nodules_app.dicom.volumes import is_kept
from nodules_app.exchange import slabs
from nodules_app.lifecycles import RunState
from nodules_app.models import Comparison, Instance, Run, RunKind, Scan, User
from nodules_app.services import runs
from nodules_app.services.cache import grid_file, volume_folder


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far the images of one scan, or the map of one comparison, have come."""

    code: UUID
    ready: bool
    state: str = ""  # of the run that makes them again; empty when nobody had to ask
    progress: int = 0
    run: UUID | None = None


@lru_cache(maxsize=256)
def digest_of(series: UUID, series_uid: str) -> str:
    """Name the content of a series. Its files never change, so a process reads them once."""
    files = Instance.objects.filter(series__code=series).order_by("index_z").values_list("sha256", flat=True)
    return slabs.digest(series_uid, list(files))


def scan_is_ready(scan: Scan) -> bool:
    """Tell whether the slices can be sent at once."""
    return is_kept(volume_folder(scan.series))


def map_is_ready(comparison: Comparison) -> bool:
    """Tell whether the map can be sent at once."""
    return grid_file(comparison).is_file()


def ask_for_images(*, scans: Sequence[Scan], comparisons: Sequence[Comparison], by: User | None) -> None:
    """Ask for what the cache no longer holds; asking twice is asking once, and what failed is not asked again."""
    for scan in scans:
        if not scan_is_ready(scan) and not _asked(scan=scan):
            runs.request(RunKind.SHOW, by=by, patient=scan.study.patient, scan=scan)
    for comparison in comparisons:
        if comparison.registrations.exists() and not map_is_ready(comparison) and not _asked(comparison=comparison):
            runs.request(RunKind.SHOW, by=by, patient=comparison.patient, comparison=comparison)


def kept_grid(comparison: Comparison) -> bytes | None:
    """Read the map as browsers take it, or give None while no worker has made it."""
    try:
        return grid_file(comparison).read_bytes()
    except FileNotFoundError:
        return None


def readiness_of_scan(scan: Scan) -> Readiness:
    """Say how far the slices of a scan are."""
    return _readiness(scan.code, ready=scan_is_ready(scan), run=_latest(scan=scan))


def readiness_of_map(comparison: Comparison) -> Readiness:
    """Say how far the map of a comparison is."""
    return _readiness(comparison.code, ready=map_is_ready(comparison), run=_latest(comparison=comparison))


def _readiness(code: UUID, *, ready: bool, run: Run | None) -> Readiness:
    if ready or run is None:
        return Readiness(code, ready)
    return Readiness(code, ready, str(run.state), run.progress, run.code)


def _latest(**subject: Scan | Comparison) -> Run | None:
    return Run.objects.filter(kind=RunKind.SHOW, **subject).order_by("-pk").first()


def _asked(**subject: Scan | Comparison) -> bool:
    """A run that is open is on its way; one that failed or was refused wants a person (``run_again``)."""
    latest = _latest(**subject)
    return latest is not None and latest.state != RunState.SUCCEEDED
