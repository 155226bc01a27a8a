"""A series as its archived originals give it: headers read again, voxels from the cache or decoded once more.

Pages ask for it too, so nothing here loads what finds lungs or maps.
"""

from __future__ import annotations

from django.conf import settings

from nodules_app.dicom.archive import Archive
from nodules_app.dicom.examination import read_files
from nodules_app.dicom.series import CtSeries
from nodules_app.dicom.volumes import Progress, is_kept, open_volume, read_volume, save_volume
from nodules_app.models import Series
from nodules_app.services.cache import volume_folder
from registration.volume import Volume


def archived_series(series: Series) -> CtSeries:
    """Read the headers of a series again from the archive."""
    archive = Archive(settings.ARCHIVE_DIR)
    paths = [
        archive.path_of(digest) for digest in series.instances.order_by("index_z").values_list("sha256", flat=True)
    ]
    with read_files(paths) as examination:
        (ours,) = (found for found in examination.series if found.series_uid == series.series_uid)
        return ours


def volume_of(series: Series) -> Volume:
    """Open the cached volume of a series; decode it again when the cache was emptied."""
    if not is_kept(volume_folder(series)):
        decode_series(series)
    return open_volume(volume_folder(series))


def decode_series(series: Series, *, progress: Progress | None = None) -> None:
    """Decode the archived originals once more and keep the volume."""
    save_volume(read_volume(archived_series(series), progress=progress), volume_folder(series))
