"""Where the lung holds structure that can be found again: one point per cell, the best of the cell.

Source: Foerstner and Gulch 1987 (interest operator from the structure tensor); its use for lung CT: Ruhaak et al. 2017,
IEEE TMI 36(8):1746-1757. Written anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from registration.grid import LungImage
from registration.kernels import Doubles, Wholes, kernel, parallel_kernel

CELL_MM: Final = 8.0
TENSOR_SAMPLES: Final = 63  # of the 5 x 5 x 5 voxels, every second one: a checkerboard
ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Points of structure in a frame.

    Parameters
    ----------
    points_mm : (n, 3)
        Frame points, order z, y, x, each the centre of a voxel of the fine grid.
    scores : (n,)
        1 / trace(S^-1) of the mean structure tensor S, in HU^2/mm^2: large where all three directions are fixed.
    """

    points_mm: NDArray[np.float64]
    scores: NDArray[np.float64]


@parallel_kernel
def _best_of_cells(lung: LungImage, cell: Wholes, points_mm: Doubles, scores: Doubles) -> None:
    """Fill the best point of each cell and its score; -1 where the cell shows no lung."""
    shape = lung.image.shape
    cells_y, cells_x = shape[1] // cell[1], shape[2] // cell[2]
    for cell_z in numba.prange(shape[0] // cell[0]):
        for cell_y in range(cells_y):
            for cell_x in range(cells_x):
                number = (cell_z * cells_y + cell_y) * cells_x + cell_x
                corner = (cell_z * cell[0], cell_y * cell[1], cell_x * cell[2])
                scores[number] = _best_of_cell(lung, corner, cell, points_mm[number])


@kernel
def _best_of_cell(lung: LungImage, corner: tuple[int, int, int], cell: Wholes, point_mm: Doubles) -> float:
    """Fill the point of the voxel (every second one is tried) with the largest score; that score."""
    shape = lung.image.shape
    best = -1.0
    for z in range(max(3, corner[0]), min(shape[0] - 3, corner[0] + cell[0]), 2):
        for y in range(max(3, corner[1]), min(shape[1] - 3, corner[1] + cell[1]), 2):
            for x in range(max(3, corner[2]), min(shape[2] - 3, corner[2] + cell[2]), 2):
                if lung.inner[z, y, x] == 0:
                    continue
                score = _foerstner_score(lung, z, y, x)
                if score > best:
                    best = score
                    point_mm[0] = z * lung.spacing_mm[0] + lung.origin_mm[0]
                    point_mm[1] = y * lung.spacing_mm[1] + lung.origin_mm[1]
                    point_mm[2] = x * lung.spacing_mm[2] + lung.origin_mm[2]
    return best


@kernel
def _foerstner_score(lung: LungImage, z: int, y: int, x: int) -> float:
    """1 / trace(S^-1) over 5 x 5 x 5 voxels, every second of them, those outside the lung left out."""
    image, spacing_mm = lung.image, lung.spacing_mm
    zz, yy, xx, zy, zx, yx = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(z - 2, z + 3):
        for j in range(y - 2, y + 3):
            for i in range(x - 2 + ((k + j + z + y) & 1), x + 3, 2):
                if lung.inner[k, j, i] == 0:
                    continue
                gz = (image[k + 1, j, i] - image[k - 1, j, i]) / (2 * spacing_mm[0])
                gy = (image[k, j + 1, i] - image[k, j - 1, i]) / (2 * spacing_mm[1])
                gx = (image[k, j, i + 1] - image[k, j, i - 1]) / (2 * spacing_mm[2])
                zz += gz * gz
                yy += gy * gy
                xx += gx * gx
                zy += gz * gy
                zx += gz * gx
                yx += gy * gx
    determinant = zz * (yy * xx - yx * yx) - zy * (zy * xx - yx * zx) + zx * (zy * yx - yy * zx)
    minors = (yy * xx - yx * yx) + (zz * xx - zx * zx) + (zz * yy - zy * zy)
    trace = zz + yy + xx
    if minors <= ROUNDING * trace * trace:  # a plane or nothing at all: what is left is rounding
        return 0.0
    return determinant / minors / TENSOR_SAMPLES


def find_keypoints(lung: LungImage, cell_mm: float = CELL_MM) -> Keypoints:
    """The best point of each cell of ``cell_mm`` that reaches into the lungs.

    Parameters
    ----------
    lung
        Fine level of a scan.
    cell_mm
        Size of the cells.

    Returns
    -------
    Keypoints
        In the order of the cells, so that the same input gives the same list.
    """
    cell = np.maximum(3, np.rint(cell_mm / lung.spacing_mm)).astype(np.int64)
    cells = int(np.prod(np.asarray(lung.image.shape) // cell))
    points_mm = np.zeros((cells, 3))
    scores = np.full(cells, -1.0)
    _best_of_cells(lung, cell, points_mm, scores)
    found = scores > 0
    return Keypoints(np.ascontiguousarray(points_mm[found]), scores[found])


def thinned(keypoints: Keypoints, cell_mm: float) -> NDArray[np.intp]:
    """Indices of the best keypoint in each larger cell, in a fixed order: few points, spread over the whole lung."""
    cells = np.floor((keypoints.points_mm - keypoints.points_mm.min(axis=0)) / cell_mm).astype(np.int64)
    extent = cells.max(axis=0) + 1
    numbers = (cells[:, 0] * extent[1] + cells[:, 1]) * extent[2] + cells[:, 2]
    order = np.lexsort((-keypoints.scores, numbers))
    first = np.r_[True, np.diff(numbers[order]) > 0]
    return np.asarray(order[first], dtype=np.intp)
