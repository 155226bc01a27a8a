"""Small motion: each keypoint moves until the patch around it lies on the same structure of the other scan.

Inverse-compositional Lucas-Kanade for a translation, the patch deformed by the field known so far. Mean and contrast
are matched, since a lung darkens as it fills. Samples outside the lung are left out, so that neither ribs nor the
sliding pleura pull. A weak pull back to the start decides where the patch itself cannot.

Source: Lucas and Kanade 1981; the inverse form: Baker and Matthews 2004, IJCV 56(3):221-255. Written anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from registration.kernels import inside, kernel, parallel_kernel, sample, windowed
from registration.pyramid import Grid

PULL_BACK: Final = 20.0  # HU^2/mm^2 per unit of weight: far below the structure of a vessel, above that of noise
LEAST_SAMPLES: Final = 40  # a patch with fewer inside the lung says nothing
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


@kernel
def _read_patch(image: Any, spacing_mm: Any, origin_mm: Any, mask: Any, mask_spacing_mm: Any, mask_origin_mm: Any,
                point_mm: Any, jacobian: Any, sigma_mm: float, half: Any,
                values: Any, gradients: Any, weights: Any, offsets_mm: Any) -> int:  # fmt: skip
    """Fill the template of one point: values (less their mean), gradients, weights, deformed offsets; their number."""
    count, weight_sum, value_sum = 0, 0.0, 0.0
    centre_z = int((point_mm[0] - origin_mm[0]) / spacing_mm[0] + 0.5)
    centre_y = int((point_mm[1] - origin_mm[1]) / spacing_mm[1] + 0.5)
    centre_x = int((point_mm[2] - origin_mm[2]) / spacing_mm[2] + 0.5)
    for z in range(max(centre_z - half[0], 1), min(centre_z + half[0] + 1, image.shape[0] - 1)):
        off_z = z * spacing_mm[0] + origin_mm[0] - point_mm[0]
        for y in range(max(centre_y - half[1], 1), min(centre_y + half[1] + 1, image.shape[1] - 1)):
            off_y = y * spacing_mm[1] + origin_mm[1] - point_mm[1]
            for x in range(max(centre_x - half[2], 1), min(centre_x + half[2] + 1, image.shape[2] - 1)):
                off_x = x * spacing_mm[2] + origin_mm[2] - point_mm[2]
                weight = math.exp(-(off_z * off_z + off_y * off_y + off_x * off_x) / (2 * sigma_mm * sigma_mm))
                if weight < LEAST_WEIGHT:
                    continue
                if not inside(mask, mask_origin_mm, mask_spacing_mm,
                              point_mm[0] + off_z, point_mm[1] + off_y, point_mm[2] + off_x):  # fmt: skip
                    continue
                values[count] = windowed(image[z, y, x])
                gradients[count, 0] = (windowed(image[z + 1, y, x]) - windowed(image[z - 1, y, x])) / (
                    2 * spacing_mm[0]
                )
                gradients[count, 1] = (windowed(image[z, y + 1, x]) - windowed(image[z, y - 1, x])) / (
                    2 * spacing_mm[1]
                )
                gradients[count, 2] = (windowed(image[z, y, x + 1]) - windowed(image[z, y, x - 1])) / (
                    2 * spacing_mm[2]
                )
                for axis in range(3):
                    offsets_mm[count, axis] = (
                        jacobian[axis, 0] * off_z + jacobian[axis, 1] * off_y + jacobian[axis, 2] * off_x
                    )
                weights[count] = weight
                weight_sum += weight
                value_sum += weight * values[count]
                count += 1
    if count > 0:
        values[:count] -= np.float32(value_sum / weight_sum)
        weights[:count] /= np.float32(weight_sum)  # weights sum to one from here on
    return count


@kernel
def _inverse_of_symmetric(zz: float, yy: float, xx: float, zy: float, zx: float, yx: float, inverse: Any) -> bool:
    """Fill the inverse of a symmetric 3 x 3 matrix; False if there is none."""
    determinant = zz * (yy * xx - yx * yx) - zy * (zy * xx - yx * zx) + zx * (zy * yx - yy * zx)
    if determinant <= 0:
        return False
    inverse[0, 0] = (yy * xx - yx * yx) / determinant
    inverse[1, 1] = (zz * xx - zx * zx) / determinant
    inverse[2, 2] = (zz * yy - zy * zy) / determinant
    inverse[0, 1] = inverse[1, 0] = (zx * yx - zy * xx) / determinant
    inverse[0, 2] = inverse[2, 0] = (zy * yx - zx * yy) / determinant
    inverse[1, 2] = inverse[2, 1] = (zy * zx - zz * yx) / determinant
    return True


@kernel
def _inverse_information(gradients: Any, weights: Any, count: int, inverse: Any) -> bool:
    """Fill the inverse of the mean structure tensor, the pull back included; False if there is none."""
    zz, yy, xx, zy, zx, yx = PULL_BACK, PULL_BACK, PULL_BACK, 0.0, 0.0, 0.0
    for s in range(count):
        weight, gz, gy, gx = weights[s], gradients[s, 0], gradients[s, 1], gradients[s, 2]
        zz += weight * gz * gz
        yy += weight * gy * gy
        xx += weight * gx * gx
        zy += weight * gz * gy
        zx += weight * gz * gx
        yx += weight * gy * gx
    return bool(_inverse_of_symmetric(zz, yy, xx, zy, zx, yx, inverse))


@kernel
def _compare(other: Any, spacing_mm: Any, origin_mm: Any, place_mm: Any, offsets_mm: Any, values: Any, weights: Any,
             count: int, energy: float, seen: Any) -> tuple[float, float]:  # fmt: skip
    """Read the other scan at the deformed patch into ``seen`` (less its mean); correlation and contrast ratio."""
    mean = 0.0
    for s in range(count):
        value = sample(
            other,
            (place_mm[0] + offsets_mm[s, 0] - origin_mm[0]) / spacing_mm[0],
            (place_mm[1] + offsets_mm[s, 1] - origin_mm[1]) / spacing_mm[1],
            (place_mm[2] + offsets_mm[s, 2] - origin_mm[2]) / spacing_mm[2],
        )
        seen[s] = value
        mean += weights[s] * value
    seen_energy, product = 0.0, 0.0
    for s in range(count):
        seen[s] -= np.float32(mean)
        seen_energy += weights[s] * seen[s] * seen[s]
        product += weights[s] * seen[s] * values[s]
    contrast = math.sqrt(energy / (seen_energy + 1e-6))
    return product / math.sqrt(energy * seen_energy + 1e-6), contrast


@kernel
def _settle(other: Any, spacing_mm: Any, origin_mm: Any, jacobian: Any, values: Any, gradients: Any, weights: Any,
            offsets_mm: Any, count: int, energy: float, inverse: Any, seen: Any, place_mm: Any) -> float:  # fmt: skip
    """Move ``place_mm`` step by step until it settles; the correlation there."""
    gone = np.zeros(3)  # sum of all steps, in the template's frame
    step = np.zeros(3)
    settled = False
    correlation, contrast = _compare(
        other, spacing_mm, origin_mm, place_mm, offsets_mm, values, weights, count, energy, seen
    )
    for _ in range(MOST_STEPS):
        if settled:
            break
        gain = min(max(contrast, CONTRAST_LIMITS[0]), CONTRAST_LIMITS[1])
        slope = -PULL_BACK * gone
        for s in range(count):
            difference = weights[s] * (gain * seen[s] - values[s])
            for axis in range(3):
                slope[axis] += gradients[s, axis] * difference
        for axis in range(3):
            step[axis] = inverse[axis, 0] * slope[0] + inverse[axis, 1] * slope[1] + inverse[axis, 2] * slope[2]
        length = math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
        if length > LONGEST_STEP_MM:
            step *= LONGEST_STEP_MM / length
        settled = length < SETTLED_MM
        gone += step
        for axis in range(3):
            place_mm[axis] -= jacobian[axis, 0] * step[0] + jacobian[axis, 1] * step[1] + jacobian[axis, 2] * step[2]
        correlation, contrast = _compare(
            other, spacing_mm, origin_mm, place_mm, offsets_mm, values, weights, count, energy, seen
        )
    return correlation


@parallel_kernel
def _move_all(image: Any, spacing_mm: Any, origin_mm: Any, mask: Any, mask_spacing_mm: Any, mask_origin_mm: Any,
              other: Any, other_spacing_mm: Any, other_origin_mm: Any, points_mm: Any, jacobians: Any,
              sigma_mm: float, half: Any, places_mm: Any, agreement: Any, information: Any) -> None:  # fmt: skip
    """Move ``places_mm`` from the start to the end for every point."""
    most = (2 * half[0] + 1) * (2 * half[1] + 1) * (2 * half[2] + 1)
    for i in numba.prange(points_mm.shape[0]):
        values, weights, seen = np.empty(most, np.float32), np.empty(most, np.float32), np.empty(most, np.float32)
        gradients, offsets_mm = np.empty((most, 3), np.float32), np.empty((most, 3), np.float32)
        inverse = np.empty((3, 3))
        agreement[i], information[i] = -1.0, 0.0
        count = _read_patch(image, spacing_mm, origin_mm, mask, mask_spacing_mm, mask_origin_mm, points_mm[i],
                            jacobians[i], sigma_mm, half, values, gradients, weights, offsets_mm)  # fmt: skip
        if count < LEAST_SAMPLES:
            continue
        energy = 0.0
        for s in range(count):
            energy += weights[s] * values[s] * values[s]
        if energy < 1.0 or not _inverse_information(gradients, weights, count, inverse):
            continue
        information[i] = 1.0 / (inverse[0, 0] + inverse[1, 1] + inverse[2, 2])
        agreement[i] = _settle(other, other_spacing_mm, other_origin_mm, jacobians[i], values, gradients, weights,
                               offsets_mm, count, energy, inverse, seen, places_mm[i])  # fmt: skip


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
    agreement, information = np.empty(len(points_mm)), np.empty(len(points_mm))
    _move_all(
        image.image,
        image.spacing_mm,
        image.origin_mm,
        mask.image,
        mask.spacing_mm,
        mask.origin_mm,
        other.image,
        other.spacing_mm,
        other.origin_mm,
        np.ascontiguousarray(points_mm),
        np.ascontiguousarray(jacobians),
        float(sigma_mm),
        half,
        ends_mm,
        agreement,
        information,
    )
    return Moved(ends_mm, agreement, information)
