"""Small motion: each keypoint moves until the patch around it lies on the same structure of the other scan.

Inverse-compositional Lucas-Kanade for a translation, the patch deformed by the field known so far. Mean and contrast
are matched, since a lung darkens as it fills. Samples that are not well inside the lung on both scans are left out, so
that the ribs, which the lung slides along, do not pull. A weak pull back to the start decides where the patch itself
cannot.

Source: Lucas and Kanade 1981; the inverse form: Baker and Matthews 2004, IJCV 56(3):221-255. Written anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from registration.grid import LungImage
from registration.kernels import Doubles, Floats, Wholes, kernel, parallel_kernel, sample

PULL_BACK: Final = 6.0  # HU^2/mm^2 per unit of weight: far below the structure of a vessel, above that of noise
LEAST_SAMPLES: Final = 20  # a patch with fewer inside the lung says nothing
LEAST_SHARED: Final = 0.5  # of a patch's weight that must lie inside the lung of the other scan too
NOT_SEEN: Final = np.float32(-1e6)
LEAST_ENERGY_HU2: Final = 1.0  # variance of a patch; a constant one has no correlation
LEAST_WEIGHT: Final = 0.02  # samples beyond this Gaussian weight are not read
ENOUGH_STRUCTURE: Final = 50.0  # HU^2/mm^2: halfway between a direction that says nothing and one that decides
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
    structure : (n, 3, 3)
        Mean structure tensor of the patch, HU^2/mm^2, axes z, y, x: how firmly it fixes the place along each direction;
        0 where there was no patch.
    """

    points_mm: NDArray[np.float64]
    agreement: NDArray[np.float64]
    structure: NDArray[np.float64]


class Patch(NamedTuple):
    """The samples around one keypoint; arrays are longer than needed, the first ``count`` entries hold.

    ``values`` (n,) less their mean; ``seen`` (n,) the other scan's values; ``weights`` (n,) sum to one;
    ``gradients`` (n, 3) of the values in HU/mm; ``offsets_mm`` (n, 3) from the keypoint's place in the other scan.
    """

    values: Floats
    seen: Floats
    weights: Floats
    gradients: Floats
    offsets_mm: Floats


class Comparison(NamedTuple):
    """Template and other scan where both show lung: correlation (-1: too little to compare), how much more contrast the
    template has, and the means of both.
    """

    correlation: float
    contrast: float
    mean: float
    seen_mean: float


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
def _read_patch(lung: LungImage, point_mm: Doubles, jacobian: Doubles, window: Window, patch: Patch) -> int:
    """Fill the samples of a patch that lie inside the lung; their number.

    Every second voxel is read, as on a chessboard; their gradients know the others.
    """
    half, image = window.half, lung.image
    z0 = int((point_mm[0] - lung.origin_mm[0]) / lung.spacing_mm[0] + 0.5)
    y0 = int((point_mm[1] - lung.origin_mm[1]) / lung.spacing_mm[1] + 0.5)
    x0 = int((point_mm[2] - lung.origin_mm[2]) / lung.spacing_mm[2] + 0.5)
    offset = np.empty(3)
    count = 0
    for z in range(max(z0 - half[0], 1), min(z0 + half[0] + 1, image.shape[0] - 1)):
        offset[0] = z * lung.spacing_mm[0] + lung.origin_mm[0] - point_mm[0]
        for y in range(max(y0 - half[1], 1), min(y0 + half[1] + 1, image.shape[1] - 1)):
            offset[1] = y * lung.spacing_mm[1] + lung.origin_mm[1] - point_mm[1]
            first = max(x0 - half[2], 1)
            for x in range(first + ((first + z + y) & 1), min(x0 + half[2] + 1, image.shape[2] - 1), 2):
                if lung.inner[z, y, x] == 0:
                    continue
                offset[2] = x * lung.spacing_mm[2] + lung.origin_mm[2] - point_mm[2]
                distance2 = offset[0] ** 2 + offset[1] ** 2 + offset[2] ** 2
                weight = math.exp(-distance2 / (2 * window.sigma_mm**2))
                if weight < LEAST_WEIGHT:
                    continue
                patch.weights[count] = weight
                _read_sample(lung, z, y, x, count, patch)
                for axis in range(3):
                    patch.offsets_mm[count, axis] = (
                        jacobian[axis, 0] * offset[0] + jacobian[axis, 1] * offset[1] + jacobian[axis, 2] * offset[2]
                    )
                count += 1
    return count


@kernel
def _read_sample(lung: LungImage, z: int, y: int, x: int, number: int, patch: Patch) -> None:
    """Fill value and gradient of one sample."""
    image, spacing_mm = lung.image, lung.spacing_mm
    patch.values[number] = image[z, y, x]
    along_z = image[z + 1, y, x] - image[z - 1, y, x]
    along_y = image[z, y + 1, x] - image[z, y - 1, x]
    along_x = image[z, y, x + 1] - image[z, y, x - 1]
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
def _fill_structure(patch: Patch, count: int, structure: Doubles) -> None:
    """Fill the mean structure tensor (3, 3)."""
    structure[:] = 0.0
    for s in range(count):
        for row in range(3):
            for column in range(row + 1):
                structure[row, column] += patch.weights[s] * patch.gradients[s, row] * patch.gradients[s, column]
    for row in range(3):
        for column in range(row):
            structure[column, row] = structure[row, column]


@kernel
def _invert(structure: Doubles, inverse: Doubles) -> bool:
    """Fill the inverse (3, 3) of the structure tensor with the pull back added; False if there is none."""
    zz, yy, xx = structure[0, 0] + PULL_BACK, structure[1, 1] + PULL_BACK, structure[2, 2] + PULL_BACK
    zy, zx, yx = structure[0, 1], structure[0, 2], structure[1, 2]
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
def _see(other: LungImage, place_mm: Doubles, patch: Patch, count: int) -> None:
    """Read the other scan at the deformed patch into ``seen``; ``NOT_SEEN`` where that is not inside its lung."""
    inner = other.inner
    for s in range(count):
        z = (place_mm[0] + patch.offsets_mm[s, 0] - other.origin_mm[0]) / other.spacing_mm[0]
        y = (place_mm[1] + patch.offsets_mm[s, 1] - other.origin_mm[1]) / other.spacing_mm[1]
        x = (place_mm[2] + patch.offsets_mm[s, 2] - other.origin_mm[2]) / other.spacing_mm[2]
        i, j, k = math.floor(z + 0.5), math.floor(y + 0.5), math.floor(x + 0.5)
        on_grid = 0 <= i < inner.shape[0] and 0 <= j < inner.shape[1] and 0 <= k < inner.shape[2]
        patch.seen[s] = sample(other.image, z, y, x) if on_grid and inner[i, j, k] != 0 else NOT_SEEN


@kernel
def _compare(patch: Patch, count: int) -> Comparison:
    """Hold what is seen against the template where both show lung."""
    shared, mean, seen_mean = 0.0, 0.0, 0.0
    for s in range(count):
        if patch.seen[s] != NOT_SEEN:
            shared += patch.weights[s]
            mean += patch.weights[s] * patch.values[s]
            seen_mean += patch.weights[s] * patch.seen[s]
    if shared < LEAST_SHARED:
        return Comparison(-1.0, 1.0, 0.0, 0.0)
    mean /= shared
    seen_mean /= shared
    energy, seen_energy, product = 1e-6, 1e-6, 0.0
    for s in range(count):
        if patch.seen[s] != NOT_SEEN:
            here, there = patch.values[s] - mean, patch.seen[s] - seen_mean
            energy += patch.weights[s] * here * here
            seen_energy += patch.weights[s] * there * there
            product += patch.weights[s] * here * there
    return Comparison(product / math.sqrt(energy * seen_energy), math.sqrt(energy / seen_energy), mean, seen_mean)


@kernel
def _settle(other: LungImage, jacobian: Doubles, patch: Patch, count: int, inverse: Doubles,
            place_mm: Doubles) -> float:  # fmt: skip
    """Move ``place_mm`` step by step until it settles; the correlation there."""
    gone, step = np.zeros(3), np.zeros(3)  # in the template's frame
    _see(other, place_mm, patch, count)
    found = _compare(patch, count)
    for _ in range(MOST_STEPS):
        gain = min(max(found.contrast, CONTRAST_LIMITS[0]), CONTRAST_LIMITS[1])
        slope = -PULL_BACK * gone
        for s in range(count):
            if patch.seen[s] != NOT_SEEN:
                difference = gain * (patch.seen[s] - found.seen_mean) - (patch.values[s] - found.mean)
                for axis in range(3):
                    slope[axis] += patch.weights[s] * patch.gradients[s, axis] * difference
        for axis in range(3):
            step[axis] = inverse[axis, 0] * slope[0] + inverse[axis, 1] * slope[1] + inverse[axis, 2] * slope[2]
        length_mm = math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
        if length_mm > LONGEST_STEP_MM:
            step *= LONGEST_STEP_MM / length_mm
        gone += step
        for axis in range(3):
            place_mm[axis] -= jacobian[axis, 0] * step[0] + jacobian[axis, 1] * step[1] + jacobian[axis, 2] * step[2]
        _see(other, place_mm, patch, count)
        found = _compare(patch, count)
        if length_mm < SETTLED_MM:
            break
    return found.correlation


@parallel_kernel
def _move_all(lung: LungImage, other: LungImage, points_mm: Doubles, jacobians: Doubles, window: Window,
              places_mm: Doubles, agreement: Doubles, structure: Doubles) -> None:  # fmt: skip
    """Move ``places_mm`` from the start to the end for every point; fill agreement (n,) and structure (n, 3, 3).

    What is written stands in arrays of its own: a parallel loop loses what it writes through a tuple.
    """
    most = (2 * window.half[0] + 1) * (2 * window.half[1] + 1) * (2 * window.half[2] + 1)
    for i in numba.prange(points_mm.shape[0]):
        patch = _empty_patch(most)
        count = _read_patch(lung, points_mm[i], jacobians[i], window, patch)
        agreement[i] = _move_one(other, jacobians[i], patch, count, places_mm[i], structure[i])


@kernel
def _move_one(
    other: LungImage, jacobian: Doubles, patch: Patch, count: int, place_mm: Doubles, structure: Doubles
) -> float:
    """Move one place, unless its patch is too small or too flat to say where; the agreement, or -1."""
    structure[:] = 0.0
    if count < LEAST_SAMPLES:
        return -1.0
    inverse = np.empty((3, 3))
    energy = _centre(patch, count)
    if energy < LEAST_ENERGY_HU2:
        return -1.0
    _fill_structure(patch, count, structure)
    if not _invert(structure, inverse):
        return -1.0
    return _settle(other, jacobian, patch, count, inverse, place_mm)


@parallel_kernel
def _hold_all(lung: LungImage, other: LungImage, points_mm: Doubles, jacobians: Doubles, window: Window,
              places_mm: Doubles, agreement: Doubles) -> None:  # fmt: skip
    """Fill the agreement (n,) of each patch with what the other scan shows at its place, as it stands."""
    most = (2 * window.half[0] + 1) * (2 * window.half[1] + 1) * (2 * window.half[2] + 1)
    for i in numba.prange(points_mm.shape[0]):
        patch = _empty_patch(most)
        count = _read_patch(lung, points_mm[i], jacobians[i], window, patch)
        agreement[i] = _hold_one(other, patch, count, places_mm[i])


@kernel
def _hold_one(other: LungImage, patch: Patch, count: int, place_mm: Doubles) -> float:
    """Agreement of one patch with one place; -1 where there is too little to compare."""
    if count < LEAST_SAMPLES or _centre(patch, count) < LEAST_ENERGY_HU2:
        return -1.0
    _see(other, place_mm, patch, count)
    return _compare(patch, count).correlation


def agreement_at(
    lung: LungImage,
    other: LungImage,
    points_mm: NDArray[np.float64],
    places_mm: NDArray[np.float64],
    jacobians: NDArray[np.float64],
    *,
    sigma_mm: float,
    half_width_mm: float,
) -> NDArray[np.float64]:
    """How well the patch of each point agrees with a place of the other scan, without moving it.

    Parameters
    ----------
    lung, other, points_mm, places_mm, jacobians, sigma_mm, half_width_mm
        As for :func:`moved`.

    Returns
    -------
    (n,)
        Weighted correlation; -1 where there is too little to compare.
    """
    agreement = np.empty(len(points_mm))
    _hold_all(
        lung,
        other,
        np.ascontiguousarray(points_mm),
        np.ascontiguousarray(jacobians),
        _window(lung, sigma_mm, half_width_mm),
        np.ascontiguousarray(places_mm),
        agreement,
    )
    return agreement


def known_directions(structure: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (n, 3, 3) between 0 and 1 along each direction: across a vessel its patch decides, along it hardly."""
    eye = np.eye(3)
    return np.asarray(eye - ENOUGH_STRUCTURE * np.linalg.inv(structure + ENOUGH_STRUCTURE * eye))


def _window(lung: LungImage, sigma_mm: float, half_width_mm: float) -> Window:
    half = np.maximum(2, np.rint(half_width_mm / lung.spacing_mm)).astype(np.int64)
    return Window(float(sigma_mm), half)


def moved(
    lung: LungImage,
    other: LungImage,
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
    lung, other
        Fine levels of the scan that holds the points and of the other one.
    points_mm : (n, 3)
        Points in the first scan's frame.
    places_mm : (n, 3)
        Where they are believed to be in the other's.
    jacobians : (n, 3, 3)
        Derivative of the map at the points.
    sigma_mm, half_width_mm
        Gaussian weight of the patch, and its half width.
    """
    ends_mm = np.array(places_mm, dtype=np.float64, order="C")
    agreement = np.empty(len(points_mm))
    structure = np.empty((len(points_mm), 3, 3))
    _move_all(
        lung,
        other,
        np.ascontiguousarray(points_mm),
        np.ascontiguousarray(jacobians),
        _window(lung, sigma_mm, half_width_mm),
        ends_mm,
        agreement,
        structure,
    )
    return Moved(ends_mm, agreement, structure)
