"""The voxels and lungs of a scan: from the cache, or made again from the archived originals."""

from __future__ import annotations

from nodules_app.models import Scan
from nodules_app.services.archived import archived_series, decode_series, volume_of
from nodules_app.services.cache import lungs_file
from registration.lungs import Lungs, segment_lungs

__all__ = ["archived_series", "decode_series", "lungs_of", "volume_of"]  # for the steps, all from one place


def lungs_of(scan: Scan) -> Lungs:
    """Load the lungs of a scan; find them again when the cache was emptied. Raises what ``segment_lungs`` refuses."""
    path = lungs_file(scan)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        segment_lungs(volume_of(scan.series)).save(path)
    return Lungs.load(path)
