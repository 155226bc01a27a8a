"""Where the lung holds thin plates: the points of a scan that fissures may be made of.

A fissure is a sheet about 1 mm thick, a little brighter than the lung. On a grid of about 1.4 mm the second derivative
across it is strongly negative and those along it are near zero; of a vessel two are strongly negative. Noise and the
walls of bronchi pass that test, too, but their normals disagree with their neighbours': each point counts as much as
its disc of neighbours agrees with it.

Source
------
Plates from the eigenvalues of the Hessian: Wiemker et al. 2005, International Congress Series 1281:1121-1126.
Agreement of neighbouring plates: the voting of Medioni et al. 2000, "A computational framework for segmentation and
grouping", in its plainest form. Written anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from registration.grid import Grid
from registration.kernels import Doubles, Floats, Wholes, inside, kernel, parallel_kernel

SMOOTHING_MM: Final = 1.4  # blur in all, the voxels' own included, so that thick slices do not favour a direction
SMOOTHING_STEPS: Final = 0.65  # at least so many of the largest voxel step
LUNG_HU: Final = (-960.0, -450.0)  # of a smoothed voxel on a fissure: brighter ones are vessels, wall or consolidation
FLATNESS: Final = 0.45  # second strongest curvature over the strongest, at most: a vessel has nearly 1, a plate 0
DISC_MM: Final = 6.5  # radius in which neighbours are asked
OFF_DISC_MM: Final = 1.5  # how far from the tangential plane a neighbour may lie
AGREE: Final = 0.9  # cosine between the normals
LEAST_AGREEING: Final = 0.25  # share of the disc; on a clear fissure it is whole, in noise a tenth


@dataclass(frozen=True, slots=True, eq=False)
class Plates:
    """Points of a frame that lie on thin plates.

    Parameters
    ----------
    points_mm : (n, 3)
        Order z, y, x.
    normals : (n, 3)
        Unit vectors across the plates, either sense.
    weights : (n,)
        Share of a whole disc of neighbours that agrees; a ratio, 0 to about 1.
    """

    points_mm: NDArray[np.float64]
    normals: NDArray[np.float64]
    weights: NDArray[np.float64]

    def chosen(self, keep: NDArray[np.bool_]) -> Plates:
        """Some of them; ``keep`` is (n,)."""
        return Plates(self.points_mm[keep], self.normals[keep], self.weights[keep])


def find_plates(fine: Grid, inner: Grid) -> Plates:
    """Find what may be a fissure.

    Parameters
    ----------
    fine
        The scan at about 1.4 mm.
    inner
        Mask of the lung without a rind of some millimetres, in the same frame: the pleura is a plate, too.
    """
    blur_mm = max(SMOOTHING_MM, SMOOTHING_STEPS * float(fine.spacing_mm.max()))
    missing_mm = np.sqrt(blur_mm**2 - fine.spacing_mm**2 / 12)  # a voxel is a mean over its own width
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(
        fine.image, missing_mm / fine.spacing_mm, output=np.float32, mode="nearest", truncate=2.5
    )
    strength = np.zeros(smooth.shape, np.float32)
    normals = np.zeros((*smooth.shape, 3), np.float32)
    _sheetness(smooth, fine, inner, strength, normals)
    index = np.argwhere(strength > 0)
    agreeing = np.zeros(len(index))
    reach = np.ceil(DISC_MM / fine.spacing_mm).astype(np.int64)
    _ask_neighbours(strength, normals, index, fine.spacing_mm, reach, agreeing)
    weights = 2 * agreeing / (math.pi * DISC_MM**2 / float(np.prod(fine.spacing_mm)) ** (2 / 3))
    plates = Plates(index * fine.spacing_mm + fine.origin_mm, normals[tuple(index.T)].astype(np.float64), weights)
    return plates.chosen(weights > LEAST_AGREEING)


@parallel_kernel
def _sheetness(smooth: Floats, fine: Grid, inner: Grid, strength: Floats, normals: Floats) -> None:
    """Fill strength (z, y, x), HU/mm^2, and normal (z, y, x, 3) of every voxel that looks like a plate."""
    dz, dy, dx = fine.spacing_mm[0], fine.spacing_mm[1], fine.spacing_mm[2]
    for i in numba.prange(1, smooth.shape[0] - 1):
        for j in range(1, smooth.shape[1] - 1):
            for k in range(1, smooth.shape[2] - 1):
                v = smooth[i, j, k]
                if v < LUNG_HU[0] or v > LUNG_HU[1]:
                    continue
                zz = (smooth[i + 1, j, k] + smooth[i - 1, j, k] - 2 * v) / (dz * dz)
                yy = (smooth[i, j + 1, k] + smooth[i, j - 1, k] - 2 * v) / (dy * dy)
                xx = (smooth[i, j, k + 1] + smooth[i, j, k - 1] - 2 * v) / (dx * dx)
                if zz + yy + xx >= 0:
                    continue
                if not inside(
                    inner,
                    i * dz + fine.origin_mm[0],
                    j * dy + fine.origin_mm[1],
                    k * dx + fine.origin_mm[2],
                ):
                    continue
                zy = (
                    smooth[i + 1, j + 1, k]
                    - smooth[i + 1, j - 1, k]
                    - smooth[i - 1, j + 1, k]
                    + smooth[i - 1, j - 1, k]
                )
                zx = (
                    smooth[i + 1, j, k + 1]
                    - smooth[i + 1, j, k - 1]
                    - smooth[i - 1, j, k + 1]
                    + smooth[i - 1, j, k - 1]
                )
                yx = (
                    smooth[i, j + 1, k + 1]
                    - smooth[i, j + 1, k - 1]
                    - smooth[i, j - 1, k + 1]
                    + smooth[i, j - 1, k - 1]
                )
                strength[i, j, k] = _plate(
                    zz, yy, xx, zy / (4 * dz * dy), zx / (4 * dz * dx), yx / (4 * dy * dx), normals[i, j, k]
                )


@kernel
def _plate(zz: float, yy: float, xx: float, zy: float, zx: float, yx: float, normal: Floats) -> float:
    """Strength of a plate from the six second derivatives, 0 for anything else; fills its normal.

    Eigenvalues of a symmetric 3 x 3 matrix in closed form (Smith 1961, Communications of the ACM 4(4):168).
    """
    mean = (zz + yy + xx) / 3
    off = zy * zy + zx * zx + yx * yx
    spread = math.sqrt(((zz - mean) ** 2 + (yy - mean) ** 2 + (xx - mean) ** 2 + 2 * off) / 6)
    if spread <= 0:
        return 0.0
    a, b, c = (zz - mean) / spread, (yy - mean) / spread, (xx - mean) / spread
    d, e, f = zy / spread, zx / spread, yx / spread
    half = (a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)) / 2
    turn = math.acos(min(max(half, -1.0), 1.0)) / 3
    largest = mean + 2 * spread * math.cos(turn)
    lowest = mean + 2 * spread * math.cos(turn + 2 * math.pi / 3)
    middle = 3 * mean - largest - lowest
    if lowest >= 0 or max(abs(middle), abs(largest)) > -FLATNESS * lowest:
        return 0.0
    # Two rows of (H - lowest) span the plane across the normal; their cross product is the longest of the three.
    p, q, r = zz - lowest, yy - lowest, xx - lowest
    best = 0.0
    for z, y, x in (
        (zy * yx - zx * q, zx * zy - p * yx, p * q - zy * zy),
        (zy * r - zx * yx, zx * zx - p * r, p * yx - zy * zx),
        (q * r - yx * yx, yx * zx - zy * r, zy * yx - q * zx),
    ):
        length = math.sqrt(z * z + y * y + x * x)
        if length > best:
            best = length
            normal[0], normal[1], normal[2] = z / length, y / length, x / length
    return -lowest - max(abs(middle), abs(largest))


@parallel_kernel
def _ask_neighbours(
    strength: Floats, normals: Floats, index: Wholes, spacing_mm: Doubles, reach: Wholes, agreeing: Doubles
) -> None:
    """Count for each point (n, 3) the neighbours in its tangential disc whose normals agree; every second is asked."""
    for point in numba.prange(len(index)):
        i, j, k = index[point, 0], index[point, 1], index[point, 2]
        normal = normals[i, j, k]
        count = 0.0
        for a in range(max(i - reach[0], 0), min(i + reach[0] + 1, strength.shape[0])):
            for b in range(max(j - reach[1], 0), min(j + reach[1] + 1, strength.shape[1])):
                for c in range(max(k - reach[2], 0), min(k + reach[2] + 1, strength.shape[2])):
                    if (a + b + c - i - j - k) & 1 or strength[a, b, c] <= 0:
                        continue
                    z, y, x = (a - i) * spacing_mm[0], (b - j) * spacing_mm[1], (c - k) * spacing_mm[2]
                    off = z * normal[0] + y * normal[1] + x * normal[2]
                    if abs(off) > OFF_DISC_MM or z * z + y * y + x * x > DISC_MM * DISC_MM:
                        continue
                    other = normals[a, b, c]
                    cosine = abs(normal[0] * other[0] + normal[1] * other[1] + normal[2] * other[2])
                    if cosine > AGREE:
                        count += 1.0
        agreeing[point] = count
