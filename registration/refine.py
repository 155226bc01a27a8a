"""Small motion: each keypoint moves until the patch around it lies on the same structure of the other scan.

Inverse-compositional Lucas-Kanade for a translation, the patch deformed by the field known so far. Mean and contrast
are matched, since a lung darkens as it fills. Samples outside the lung are left out, so that neither ribs nor the
sliding pleura pull. A weak pull back to the start decides where the patch itself cannot.

Source: Lucas and Kanade 1981; the inverse form: Baker and Matthews 2004, IJCV 56(3):221-255. Written anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from registration.grid import Grid
from registration.kernels import Doubles, Floats, Wholes, inside, kernel, parallel_kernel, sample, windowed

PULL_BACK: Final = 20.0  # HU^2/mm^2 per unit of weight: far below the structure of a vessel, above that of noise
LEAST_SAMPLES: Final = 40  # a patch with fewer inside the lung says nothing
LEAST_ENERGY_HU2: Final = 1.0  # variance of a patch; a constant one has no correlation
LEAST_WEIGHT: Final = 0.02  # samples beyond this Gaussian weight are not read
MOST_STEPS: Final = 6
LONGEST_STEP_MM: Final = 2.0
SETTLED_MM: Final = 0.03
CONTRAST_LIMITS: Final = (0.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """Where keypoints went.

    Parameters
    ----------
    points_mm : (n, 3)
        In the other scan's frame.
    agreement : (n,)
        Weighted correlation of the patches at the end; -1 where there was no patch to compare.
    information : (n,)
        1 / trace of the inverse mean structure tensor, HU^2/mm^2; 0 where there was no patch.
    """

    points_mm: NDArray[np.float64]
    agreement: NDArray[np.float64]
    information: NDArray[np.float64]


class Patch(NamedTuple):
    """The samples around one keypoint; arrays are longer than needed, the first ``count`` entries hold.

    ``values`` (n,) less their mean; ``seen`` (n,) the other scan's values less theirs; ``weights`` (n,) sum to one;
    ``gradients`` (n, 3) of the values in HU/mm; ``offsets_mm`` (n, 3) from the keypoint's place in the other scan.
    """

    values: Floats
    seen: Floats
    weights: Floats
    gradients: Floats
    offsets_mm: Floats


class Window(NamedTuple):
    """The Gaussian window of a patch: its sigma, and its half width (3,) in voxels along z, y, x."""

    sigma_mm: float
    half: Wholes


@kernel
def _empty_patch(most: int) -> Patch:
    """Room for ``most`` samples."""
    return Patch(
        np.empty(most, np.float32),
        np.empty(most, np.float32),
        np.empty(most, np.float32),
        np.empty((most, 3), np.float32),
        np.empty((most, 3), np.float32),
    )


@kernel
def _read_patch(grid: Grid, mask: Grid, point_mm: Doubles, jacobian: Doubles, window: Window, patch: Patch) -> int:
    """Fill the samples of a patch that lie inside the mask; their number."""
    half, image = window.half, grid.image
    z0 = int((point_mm[0] - grid.origin_mm[0]) / grid.spacing_mm[0] + 0.5)
    y0 = int((point_mm[1] - grid.origin_mm[1]) / grid.spacing_mm[1] + 0.5)
    x0 = int((point_mm[2] - grid.origin_mm[2]) / grid.spacing_mm[2] + 0.5)
    offset = np.empty(3)
    count = 0
    for z in range(max(z0 - half[0], 1), min(z0 + half[0] + 1, image.shape[0] - 1)):
        offset[0] = z * grid.spacing_mm[0] + grid.origin_mm[0] - point_mm[0]
        for y in range(max(y0 - half[1], 1), min(y0 + half[1] + 1, image.shape[1] - 1)):
            offset[1] = y * grid.spacing_mm[1] + grid.origin_mm[1] - point_mm[1]
            for x in range(max(x0 - half[2], 1), min(x0 + half[2] + 1, image.shape[2] - 1)):
                offset[2] = x * grid.spacing_mm[2] + grid.origin_mm[2] - point_mm[2]
                distance2 = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2
                weight = math.exp(-distance2 / (2 * window.sigma_mm**2))
                if weight < LEAST_WEIGHT:
                    continue
                if not inside(mask, point_mm[0] + offset[0], point_mm[1] + offset[1], point_mm[2] + offset[2]):
                    continue
                patch.weights[count] = weight
                _read_sample(grid, z, y, x, count, patch)
                for axis in range(3):
                    patch.offsets_mm[count, axis] = (
                        jacobian[axis, 0] * offset[0] + jacobian[axis, 1] * offset[1] + jacobian[axis, 2] * offset[2]
                    )
                count += 1
    return count


@kernel
def _read_sample(grid: Grid, z: int, y: int, x: int, number: int, patch: Patch) -> None:
    """Fill value and gradient of one sample."""
    image, spacing_mm = grid.image, grid.spacing_mm
    patch.values[number] = windowed(image[z, y, x])
    along_z = windowed(image[z + 1, y, x]) - windowed(image[z - 1, y, x])
    along_y = windowed(image[z, y + 1, x]) - windowed(image[z, y - 1, x])
    along_x = windowed(image[z, y, x + 1]) - windowed(image[z, y, x - 1])
    patch.gradients[number, 0] = along_z / (2 * spacing_mm[0])
    patch.gradients[number, 1] = along_y / (2 * spacing_mm[1])
    patch.gradients[number, 2] = along_x / (2 * spacing_mm[2])


@kernel
def _centre(patch: Patch, count: int) -> float:
    """Make weights sum to one and values average to zero; the values' energy, HU^2."""
    weight_sum, value_sum = 0.0, 0.0
    for s in range(count):
        weight_sum += patch.weights[s]
        value_sum += patch.weights[s] * patch.values[s]
    mean, scale = np.float32(value_sum / weight_sum), np.float32(1.0 / weight_sum)
    energy = 0.0
    for s in range(count):
        patch.values[s] -= mean
        patch.weights[s] *= scale
        energy += patch.weights[s] * patch.values[s] * patch.values[s]
    return energy


@kernel
def _inverse_information(patch: Patch, count: int, inverse: Doubles) -> bool:
    """Fill the inverse (3, 3) of the mean structure tensor, the pull back included; False if there is none."""
    zz, yy, xx, zy, zx, yx = PULL_BACK, PULL_BACK, PULL_BACK, 0.0, 0.0, 0.0
    for s in range(count):
        weight = patch.weights[s]
        gz, gy, gx = patch.gradients[s, 0], patch.gradients[s, 1], patch.gradients[s, 2]
        zz += weight * gz * gz
        yy += weight * gy * gy
        xx += weight * gx * gx
        zy += weight * gz * gy
        zx += weight * gz * gx
        yx += weight * gy * gx
    determinant = zz * (yy * xx - yx * yx) - zy * (zy * xx - yx * zx) + zx * (zy * yx - yy * zx)
    if not determinant > 0:
        return False
    inverse[0, 0] = (yy * xx - yx * yx) / determinant
    inverse[1, 1] = (zz * xx - zx * zx) / determinant
    inverse[2, 2] = (zz * yy - zy * zy) / determinant
    inverse[0, 1] = inverse[1, 0] = (zx * yx - zy * xx) / determinant
    inverse[0, 2] = inverse[2, 0] = (zy * yx - zx * yy) / determinant
    inverse[1, 2] = inverse[2, 1] = (zy * zx - zz * yx) / determinant
    return True


@kernel
def _compare(other: Grid, place_mm: Doubles, patch: Patch, count: int, energy: float) -> tuple[float, float]:
    """Read the other scan at the deformed patch into ``seen``; correlation, and how much more contrast we have."""
    mean = 0.0
    for s in range(count):
        value = sample(
            other.image,
            (place_mm[0] + patch.offsets_mm[s, 0] - other.origin_mm[0]) / other.spacing_mm[0],
            (place_mm[1] + patch.offsets_mm[s, 1] - other.origin_mm[1]) / other.spacing_mm[1],
            (place_mm[2] + patch.offsets_mm[s, 2] - other.origin_mm[2]) / other.spacing_mm[2],
        )
        patch.seen[s] = value
        mean += patch.weights[s] * value
    seen_energy, product = 1e-6, 0.0
    for s in range(count):
        patch.seen[s] -= np.float32(mean)
        seen_energy += patch.weights[s] * patch.seen[s] * patch.seen[s]
        product += patch.weights[s] * patch.seen[s] * patch.values[s]
    return product / math.sqrt(energy * seen_energy), math.sqrt(energy / seen_energy)


@kernel
def _settle(other: Grid, jacobian: Doubles, patch: Patch, count: int, energy: float, inverse: Doubles,
            place_mm: Doubles) -> float:  # fmt: skip
    """Move ``place_mm`` step by step until it settles; the correlation there."""
    gone, step = np.zeros(3), np.zeros(3)  # in the template's frame
    correlation, contrast = _compare(other, place_mm, patch, count, energy)
    for _ in range(MOST_STEPS):
        gain = min(max(contrast, CONTRAST_LIMITS[0]), CONTRAST_LIMITS[1])
        slope = -PULL_BACK * gone
        for s in range(count):
            difference = patch.weights[s] * (gain * patch.seen[s] - patch.values[s])
            for axis in range(3):
                slope[axis] += patch.gradients[s, axis] * difference
        for axis in range(3):
            step[axis] = inverse[axis, 0] * slope[0] + inverse[axis, 1] * slope[1] + inverse[axis, 2] * slope[2]
        length_mm = math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
        if length_mm > LONGEST_STEP_MM:
            step *= LONGEST_STEP_MM / length_mm
        gone += step
        for axis in range(3):
            place_mm[axis] -= jacobian[axis, 0] * step[0] + jacobian[axis, 1] * step[1] + jacobian[axis, 2] * step[2]
        correlation, contrast = _compare(other, place_mm, patch, count, energy)
        if length_mm < SETTLED_MM:
            break
    return correlation


@parallel_kernel
def _move_all(grid: Grid, other: Grid, mask: Grid, points_mm: Doubles, jacobians: Doubles, window: Window,
              places_mm: Doubles, figures: Doubles) -> None:  # fmt: skip
    """Move ``places_mm`` from the start to the end for every point; fill agreement and information (n, 2).

    What is written stands in arrays of its own: a parallel loop loses what it writes through a tuple.
    """
    most = (2 * window.half[0] + 1) * (2 * window.half[1] + 1) * (2 * window.half[2] + 1)
    for i in numba.prange(points_mm.shape[0]):
        patch = _empty_patch(most)
        count = _read_patch(grid, mask, points_mm[i], jacobians[i], window, patch)
        _move_one(other, jacobians[i], patch, count, places_mm[i], figures[i])


@kernel
def _move_one(other: Grid, jacobian: Doubles, patch: Patch, count: int, place_mm: Doubles, figures: Doubles) -> None:
    """Move one place, unless its patch is too small or too flat to say where."""
    figures[0], figures[1] = -1.0, 0.0
    if count < LEAST_SAMPLES:
        return
    inverse = np.empty((3, 3))
    energy = _centre(patch, count)
    if energy < LEAST_ENERGY_HU2 or not _inverse_information(patch, count, inverse):
        return
    figures[0] = _settle(other, jacobian, patch, count, energy, inverse, place_mm)
    figures[1] = 1.0 / (inverse[0, 0] + inverse[1, 1] + inverse[2, 2])


def moved(
    image: Grid,
    other: Grid,
    mask: Grid,
    points_mm: NDArray[np.float64],
    places_mm: NDArray[np.float64],
    jacobians: NDArray[np.float64],
    *,
    sigma_mm: float,
    half_width_mm: float,
) -> Moved:
    """Move each point's place in the other scan to where the patches agree.

    Parameters
    ----------
    image, other
        Fine levels of the scan that holds the points and of the other one.
    mask
        Lungs in the first scan's frame, a voxel wider than the lung: vessels at its border count.
    points_mm : (n, 3)
        Points in the first scan's frame.
    places_mm : (n, 3)
        Where they are believed to be in the other's.
    jacobians : (n, 3, 3)
        Derivative of the map at the points.
    sigma_mm, half_width_mm
        Gaussian weight of the patch, and its half width.
    """
    half = np.maximum(2, np.rint(half_width_mm / image.spacing_mm)).astype(np.int64)
    ends_mm = np.array(places_mm, dtype=np.float64, order="C")
    figures = np.empty((len(points_mm), 2))
    window = Window(float(sigma_mm), half)
    _move_all(
        image,
        other,
        mask,
        np.ascontiguousarray(points_mm),
        np.ascontiguousarray(jacobians),
        window,
        ends_mm,
        figures,
    )
    return Moved(ends_mm, figures[:, 0].copy(), figures[:, 1].copy())
