"""A scan at coarser grids, turned so that its axes run towards head, back and left.

All work inside this package happens in the *frame* of a scan: millimetres in the order (z, y, x), axes parallel to the
voxel axes, turned by quarter turns so that z runs nearest to the head, y to the back and x to the left of the patient.
For an ordinary axial scan, head or feet first, the frame is simply LPS in reversed order. Whole volumes are never
resampled and never converted to floats: block means are made in one pass, and only they are turned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from registration.grid import Grid
from registration.kernels import ImageHu, Wholes, kernel, parallel_kernel
from registration.volume import Volume

COARSE_MM: Final = 3.0  # lungs, start and discrete search
FINE_MM: Final = 1.4  # keypoints and refinement: half a small vessel, a twentieth of the voxels of a thin-slice scan
# Taken off the sharpest detail of the fine level: between voxels the linear interpolation of noise and of the finest
# edges is softer than on them, which otherwise draws every match towards or away from whole voxels.
SOFTENING: Final = (1, 6, 1)  # eighths
# Below: padding and air. Above: the edges of vessels are kept, while heart, chest wall and ribs become one flat grey,
# so that ribs, which the lung slides along, cannot drag the map.
WINDOW_LOW_HU: Final = -1000
WINDOW_HIGH_HU: Final = -100
MARGIN_MM: Final = 15.0  # kept around the lungs at the fine level: half a patch plus the step it may take

LOWEST_HU: Final = -2048  # anything lower is padding written by the scanner
HIGHEST_HU: Final = 1023  # bone and metal say nothing here, and must not lift a block of lung out of the window


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The turn between a scan's frame and the patient.

    Parameters
    ----------
    rotation : (3, 3)
        Columns are the unit vectors, in LPS, of the frame's x, y and z axes.
    array_axes
        For each frame axis (z, y, x), the array axis that runs along it.
    reversed_axes
        For each frame axis (z, y, x), whether the array runs against it.
    """

    rotation: NDArray[np.float64]
    array_axes: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    @classmethod
    def of(cls, volume: Volume) -> Frame:
        """Give the frame whose axes are nearest to head, back and left."""
        columns_zyx = np.asarray(volume.direction, dtype=np.float64)[:, ::-1]
        along_spl = columns_zyx[::-1]  # row: patient axis S, P, L; column: array axis z, y, x
        free = np.abs(along_spl)
        axes = [0, 0, 0]
        for row in np.argsort(-free.max(axis=1), kind="stable"):
            axes[row] = int(free[row].argmax())
            free[:, axes[row]] = -1.0  # taken
        against = [bool(along_spl[row, axis] < 0) for row, axis in enumerate(axes)]
        vectors = [columns_zyx[:, axis] * (-1 if flip else 1) for axis, flip in zip(axes, against, strict=True)]
        return cls(
            np.ascontiguousarray(np.stack(vectors[::-1], axis=1)),
            (axes[0], axes[1], axes[2]),
            (against[0], against[1], against[2]),
        )

    def from_lps(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Patient points (n, 3) in order x, y, z as frame points in order z, y, x."""
        return np.ascontiguousarray((np.asarray(points_lps_mm, dtype=np.float64) @ self.rotation)[..., ::-1])

    def to_lps(self, points_mm: ArrayLike) -> NDArray[np.float64]:
        """Frame points (n, 3) in order z, y, x as patient points in order x, y, z; the inverse of :meth:`from_lps`."""
        return np.ascontiguousarray(np.asarray(points_mm, dtype=np.float64)[..., ::-1] @ self.rotation.T)

    def turned(self, array: NDArray[Any]) -> NDArray[Any]:
        """Array with its axes in the order and sense of the frame, contiguous."""
        flips = tuple(slice(None, None, -1 if flip else 1) for flip in self.reversed_axes)
        return np.ascontiguousarray(np.transpose(array, self.array_axes)[flips])


@kernel
def _clipped(value_hu: np.int16) -> np.int32:
    """Value within the range that block means are taken over."""
    if value_hu < LOWEST_HU:
        return np.int32(LOWEST_HU)
    if value_hu > HIGHEST_HU:
        return np.int32(HIGHEST_HU)
    return np.int32(value_hu)


@parallel_kernel
def _block_means(image: ImageHu, start: Wholes, factor: Wholes, means: ImageHu) -> None:
    """Fill ``means`` (z, y, x) with the means of blocks of ``factor`` voxels, from voxel ``start`` on."""
    voxels = factor[0] * factor[1] * factor[2]
    for z in numba.prange(means.shape[0]):
        totals = np.zeros(means.shape[2], np.int32)
        for y in range(means.shape[1]):
            totals[:] = 0
            for dz in range(factor[0]):
                for dy in range(factor[1]):
                    row = image[start[0] + z * factor[0] + dz, start[1] + y * factor[1] + dy]
                    first = start[2]
                    for x in range(means.shape[2]):
                        total = np.int32(0)
                        for dx in range(factor[2]):
                            total += _clipped(row[first + x * factor[2] + dx])
                        totals[x] += total
            for x in range(means.shape[2]):
                means[z, y, x] = math.floor(totals[x] / voxels + 0.5)


def block_means(
    volume: Volume,
    frame: Frame,
    target_mm: float,
    start_zyx: tuple[int, int, int] = (0, 0, 0),
    stop_zyx: tuple[int, int, int] | None = None,
) -> Grid:
    """Average whole blocks of voxels to a spacing of about ``target_mm``, in the scan's frame.

    Parameters
    ----------
    volume
        The scan; values are clipped to [-2048, 1023] HU before averaging.
    frame
        Its frame.
    target_mm
        Wished spacing; each axis takes the nearest whole number of voxels, at least one.
    start_zyx, stop_zyx
        Array indices of the part to average; the whole scan when omitted.

    Returns
    -------
    Grid
        Axes and origin in the frame.
    """
    spacing = np.asarray(volume.spacing_zyx_mm, dtype=np.float64)
    start = np.asarray(start_zyx, dtype=np.int64)
    stop = np.asarray(volume.shape_zyx if stop_zyx is None else stop_zyx, dtype=np.int64)
    factor = np.minimum(np.maximum(1, np.rint(target_mm / spacing)).astype(np.int64), np.maximum(stop - start, 1))
    means = np.empty(tuple((stop - start) // factor), np.int16)
    _block_means(np.ascontiguousarray(volume.array_hu), start, factor, means)

    centres = start + (factor - 1) / 2  # array index of the centre of the first block
    last = centres + (np.asarray(means.shape) - 1) * factor
    axes = list(frame.array_axes)
    corner_index = centres.copy()
    for axis, against in zip(axes, frame.reversed_axes, strict=True):
        corner_index[axis] = last[axis] if against else centres[axis]
    origin_mm = frame.from_lps(volume.lps_from_index(corner_index))
    return Grid(frame.turned(means), np.ascontiguousarray((spacing * factor)[axes]), origin_mm)


def crop_around(
    volume: Volume,
    frame: Frame,
    low_mm: NDArray[np.float64],
    high_mm: NDArray[np.float64],
    *,
    margin_mm: float = MARGIN_MM,
    target_mm: float = FINE_MM,
) -> Grid:
    """Fine grid of the box between two frame points (3,), widened by the margin that patches need; windowed."""
    corners_mm = np.stack([low_mm - margin_mm, high_mm + margin_mm])
    index = volume.index_from_lps(frame.to_lps(corners_mm))
    start = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(index.max(axis=0)) + 1, volume.shape_zyx).astype(int)
    means = block_means(
        volume,
        frame,
        target_mm,
        (int(start[0]), int(start[1]), int(start[2])),
        (int(stop[0]), int(stop[1]), int(stop[2])),
    )
    soft = np.empty_like(means.image)
    _soften(means.image, soft)
    return means._replace(image=soft)


def windowed(grid: Grid) -> Grid:
    """The grid as registration sees it: intensities clipped to the lung window."""
    return grid._replace(image=np.clip(grid.image, WINDOW_LOW_HU, WINDOW_HIGH_HU))


@parallel_kernel
def _soften(image: ImageHu, soft: ImageHu) -> None:
    """Fill ``soft`` with the three-voxel average of the image along each axis, clipped to the lung window."""
    last_z, last_y, last_x = image.shape[0] - 1, image.shape[1] - 1, image.shape[2] - 1
    for z in numba.prange(image.shape[0]):
        sums = np.empty(image.shape[2], np.int32)
        for y in range(image.shape[1]):
            sums[:] = 0
            for dz in range(3):
                for dy in range(3):
                    row = image[min(max(z + dz - 1, 0), last_z), min(max(y + dy - 1, 0), last_y)]
                    weight = np.int32(SOFTENING[dz] * SOFTENING[dy])
                    for x in range(row.shape[0]):
                        sums[x] += weight * row[x]
            for x in range(last_x + 1):
                beside = sums[max(x - 1, 0)] + sums[min(x + 1, last_x)]
                total = SOFTENING[0] * beside + SOFTENING[1] * sums[x]
                soft[z, y, x] = min(max((total + 256) // 512, WINDOW_LOW_HU), WINDOW_HIGH_HU)
