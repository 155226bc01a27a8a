"""Beside the main job: make again what a reader wants to look at and the cache no longer holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import connection

from nodules_app.dicom.volumes import is_kept
from nodules_app.models import Run
from nodules_app.services import runs
from nodules_app.services.cache import volume_folder
from nodules_app.services.pipeline.registering import keep_grid, map_of
from nodules_app.services.pipeline.volumes import decode_series

LEAST_STEP_PERCENT = 5  # of progress that is worth a write to the database


def make_images(run: Run) -> Callable[[], Mapping[str, str]]:
    """Decode the slices of a scan again, or write the map of a comparison as a grid."""
    if run.scan is not None:
        if not is_kept(volume_folder(run.scan.series)):
            decode_series(run.scan.series, progress=_saying(run))
    elif run.comparison is not None:
        keep_grid(run.comparison, map_of(run.comparison))
    else:
        raise ValueError(f"run {run.code} names neither a scan nor a comparison")
    return dict


def _saying(run: Run) -> Callable[[int, int], None]:
    told = 0

    def say(done: int, total: int) -> None:
        nonlocal told
        per_cent = 100 * done // total
        if per_cent >= told + LEAST_STEP_PERCENT:
            told = per_cent
            try:
                runs.say_progress(run, per_cent)
            finally:
                connection.close()  # of the decoding thread, which ends with the series

    return say
