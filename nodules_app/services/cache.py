"""Where the things lie that can be made again: volumes, lung masks, maps. All of it may be deleted at any time."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5

from django.conf import settings

from nodules_app.models import Comparison, Scan, Series


def series_code(series_uid: str) -> UUID:
    """Give a series the same code whenever it comes, so that its volume can be cached before its row is written."""
    return uuid5(NAMESPACE_OID, series_uid)


def volume_folder(series: Series | UUID) -> Path:
    """Where the memory-mapped volume of a series lies."""
    code = series if isinstance(series, UUID) else series.code
    return settings.CACHE_DIR / "volumes" / str(code)


def lungs_file(scan: Scan) -> Path:
    """Where the lungs of a scan lie."""
    return settings.CACHE_DIR / "lungs" / f"{scan.code}.npz"


def outline_file(measurement: UUID) -> Path:
    """Where the borders of one measurement lie, slice by slice; a measurement never changes."""
    return settings.CACHE_DIR / "outlines" / f"{measurement}.json"


def map_file(comparison: Comparison) -> Path:
    """Where the map between the two scans of a comparison lies."""
    return settings.CACHE_DIR / "maps" / f"{comparison.code}.npz"


def grid_file(comparison: Comparison) -> Path:
    """Where that map lies as a grid of displacements, as browsers take it (``exchange.displacements``)."""
    return settings.CACHE_DIR / "maps" / f"{comparison.code}.grid"
