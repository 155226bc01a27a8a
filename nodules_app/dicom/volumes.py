"""A series becomes one volume in Hounsfield units; a volume is kept so that any process can map it."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from nodules_app.dicom.decode import AIR_HU, BadStream, pad, ranges_of, stored_plane, to_hu
from nodules_app.dicom.errors import UndecodablePixels, UnreadableFile, printable
from nodules_app.dicom.header import UNREADABLE
from nodules_app.dicom.notices import GapBetweenSlices, ShiftedSlices, UnevenSpacing
from nodules_app.dicom.series import CtSeries, Slice
from nodules_app.dicom.series_errors import NotOneGrid, TooLarge
from registration.errors import Refused, gettext_noop
from registration.volume import Volume

LARGEST_MB: Final = 4096  # 8 000 slices of 512 x 512
ARRAY_FILE: Final = "volume_hu.npy"
GEOMETRY_FILE: Final = "geometry.json"
GEOMETRY_VERSION: Final = 1
UNEVEN_CODES: Final = {kind.code for kind in (GapBetweenSlices, UnevenSpacing, ShiftedSlices)}

Progress = Callable[[int, int], None]


class VolumeUnreadable(Refused):
    """The kept volume is missing or damaged."""

    code = "volume_unreadable"
    sentence = gettext_noop("The kept volume in {folder} cannot be read: {reason}.")
    remedy = gettext_noop("Read the series again; its original files are in the archive.")


def read_volume(series: CtSeries, *, threads: int = 2, progress: Progress | None = None) -> Volume:
    """Decode all slices of a series into one array.

    Parameters
    ----------
    series
        From ``read_examination``; its files must still be there.
    threads
        Files decoded at the same time.
    progress
        Called with (slices done, slices in all), from any of the threads but never twice at once.

    Returns
    -------
    Volume
        ``int16`` HU by the slope and intercept of each slice. Declared padding is at or below -1000 HU. Array
        axis z runs along the order of ``series.slices``.

    Raises
    ------
    NotOneGrid
        Gaps or uneven distances: one array would put structures in wrong places.
    TooLarge
        Beyond any chest CT.
    UndecodablePixels, UnreadableFile
        By file name.

    Source
    ------
    Geometry DICOM PS3.3 C.7.6.2.1.1; rescale C.11.1.1.2; padding C.7.5.1.1.2.
    """
    if not series.one_grid:
        why = next(notice for notice in series.notices if notice.code in UNEVEN_CODES)
        raise NotOneGrid(why=why.as_sentence())
    slices, rows, columns = series.shape_zyx
    if slices * rows * columns * 2 > LARGEST_MB << 20:
        raise TooLarge(slices=slices, rows=rows, columns=columns, limit_mb=LARGEST_MB)
    array_hu = np.empty(series.shape_zyx, np.int16)
    _fill(array_hu, series.slices, threads, progress)
    return Volume(array_hu, series.spacing_zyx_mm, series.slices[0].position_lps_mm, direction_of(series))


def direction_of(series: CtSeries) -> NDArray[np.float64]:
    """Columns are the LPS unit vectors of array axes x, y, z."""
    row, column = np.asarray(series.orientation[:3]), np.asarray(series.orientation[3:])
    return np.stack([row / np.linalg.norm(row), column / np.linalg.norm(column), series.stack_direction], axis=1)


def _fill(array_hu: NDArray[np.int16], slices: tuple[Slice, ...], threads: int, progress: Progress | None) -> None:
    done = 0
    counting = threading.Lock()

    def read(index: int) -> None:
        nonlocal done
        read_plane(slices[index], array_hu[index])
        with counting:
            done += 1
            if progress is not None:
                progress(done, len(slices))

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode") as pool:
        futures = [pool.submit(read, index) for index in range(len(slices))]
        finished, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
    for future in futures:
        if future in finished:
            future.result()


def read_plane(one: Slice, out_hu: NDArray[np.int16]) -> None:
    """Decode one slice into a plane of HU.

    Parameters
    ----------
    out_hu : (rows, columns)
        Written to.

    Raises
    ------
    UndecodablePixels, UnreadableFile
        By file name.
    """
    syntax = UID(one.transfer_syntax)
    try:
        with one.path.open("rb", buffering=0) as file:
            stored = stored_plane(ranges_of(file, syntax), syntax, one.pixels)
    except OSError as problem:
        raise UnreadableFile(one.name, reason=problem.strerror or "") from problem
    except (BadStream, *UNREADABLE) as problem:
        raise UndecodablePixels(one.name, syntax=syntax.name, reason=printable(str(problem))) from problem
    to_hu(stored, one.rescale_slope, one.rescale_intercept, out_hu)
    padding = one.pixels.padding
    if padding and padding[1] * one.rescale_slope + one.rescale_intercept > AIR_HU:
        pad(stored, padding, out_hu)


def save_volume(volume: Volume, folder: Path) -> None:
    """Keep a volume: an ``.npy`` to be memory-mapped, and its geometry as JSON.

    Both are written beside their place and renamed, the geometry last: a folder with a geometry is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    array = volume.array_hu
    geometry = {
        "version": GEOMETRY_VERSION,
        "shape_zyx": list(volume.shape_zyx),
        "spacing_zyx_mm": list(volume.spacing_zyx_mm),
        "origin_lps_mm": list(volume.origin_lps_mm),
        "direction": np.asarray(volume.direction).tolist(),
    }
    _write_atomically(folder / ARRAY_FILE, lambda path: _save_array(path, array))
    _write_atomically(
        folder / GEOMETRY_FILE, lambda path: path.write_text(json.dumps(geometry, indent=1), encoding="utf-8")
    )


def _save_array(path: Path, array: NDArray[np.int16]) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def _write_atomically(target: Path, write: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        write(fresh)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def is_kept(folder: Path) -> bool:
    """Tell whether a folder holds a complete volume; one that somebody only began has no geometry yet."""
    return (folder / GEOMETRY_FILE).is_file()


def open_volume(folder: Path) -> Volume:
    """Map a kept volume; nothing is read before it is looked at.

    Raises
    ------
    VolumeUnreadable
        Not there, or not what ``save_volume`` writes.
    """
    try:
        geometry = json.loads((folder / GEOMETRY_FILE).read_text(encoding="utf-8"))
        array = np.load(folder / ARRAY_FILE, mmap_mode="r", allow_pickle=False)
        together = geometry["version"] == GEOMETRY_VERSION and list(array.shape) == geometry["shape_zyx"]
        z, y, x = geometry["spacing_zyx_mm"]
        left, posterior, superior = geometry["origin_lps_mm"]
        direction = np.asarray(geometry["direction"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise VolumeUnreadable(folder=folder.name, reason=type(problem).__name__) from problem
    if not together or array.dtype != np.int16:
        raise VolumeUnreadable(folder=folder.name, reason="array and geometry do not belong together")
    return Volume(array, (z, y, x), (left, posterior, superior), direction)
