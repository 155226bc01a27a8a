"""Large motion: every keypoint tries all shifts within reach on the coarse level, and neighbours agree on one.

First all costs, then the choice: with growing weight each point is drawn to the smooth motion of its neighbours, so a
wrong minimum loses without any global optimisation.

Source: coupled convex selection after Steinbrucker et al. 2009 and Siebert et al. 2021 (arXiv:2111.12525).
Written anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from registration.grid import Grid
from registration.kernels import Doubles, Floats, kernel, parallel_kernel, sample

PATCH_HALF: Final = 2  # patches of 5 x 5 x 5 samples, one step apart
NOISE_HU2: Final = 100.0  # added to the variance of a sample, so that flat patches agree with nothing


@dataclass(frozen=True, slots=True, eq=False)
class Costs:
    """What each shift of each point costs.

    Parameters
    ----------
    values : (n, (2 reach + 1)^3)
        ``float32``, 1 - correlation; shifts in order z, y, x, each from ``-reach`` to ``reach`` steps.
    reach
        Steps tried to either side.
    step_mm
        Length of a step.
    """

    values: NDArray[np.float32]
    reach: int
    step_mm: float


@parallel_kernel
def _correlate(prior: Grid, current: Grid, points_mm: Doubles, expected_mm: Doubles, stretch: Doubles, reach: int,
               step_mm: float, costs: Floats) -> None:  # fmt: skip
    """Fill ``costs`` with 1 - correlation of the patch at each point with the patches around its expected place."""
    patch = 2 * PATCH_HALF + 1
    block_width = 2 * (reach + PATCH_HALF) + 1
    for i in numba.prange(points_mm.shape[0]):
        template = np.empty((patch, patch, patch), np.float32)
        block = np.empty((block_width, block_width, block_width), np.float32)
        _read_template(prior, points_mm[i], step_mm / stretch, template)
        mean = template.mean()
        template -= mean
        _read_block(current, expected_mm[i] - (reach + PATCH_HALF) * step_mm, step_mm, mean, block)
        _slide(template, block, costs[i])


@kernel
def _read_template(grid: Grid, centre_mm: Doubles, steps_mm: Doubles, template: Floats) -> None:
    """Fill the samples of a patch around a point."""
    for a in range(template.shape[0]):
        z = (centre_mm[0] + (a - PATCH_HALF) * steps_mm[0] - grid.origin_mm[0]) / grid.spacing_mm[0]
        for b in range(template.shape[1]):
            y = (centre_mm[1] + (b - PATCH_HALF) * steps_mm[1] - grid.origin_mm[1]) / grid.spacing_mm[1]
            for c in range(template.shape[2]):
                x = (centre_mm[2] + (c - PATCH_HALF) * steps_mm[2] - grid.origin_mm[2]) / grid.spacing_mm[2]
                template[a, b, c] = sample(grid.image, z, y, x)


@kernel
def _read_block(grid: Grid, corner_mm: Doubles, step_mm: float, mean: float, block: Floats) -> None:
    """Copy the neighbourhood of an expected place, nearest voxels, less the template's mean: read once, used often."""
    image, spacing_mm = grid.image, grid.spacing_mm
    from_first_mm = corner_mm - grid.origin_mm
    for a in range(block.shape[0]):
        z = min(max(int((from_first_mm[0] + a * step_mm) / spacing_mm[0] + 0.5), 0), image.shape[0] - 1)
        for b in range(block.shape[1]):
            y = min(max(int((from_first_mm[1] + b * step_mm) / spacing_mm[1] + 0.5), 0), image.shape[1] - 1)
            for c in range(block.shape[2]):
                x = min(max(int((from_first_mm[2] + c * step_mm) / spacing_mm[2] + 0.5), 0), image.shape[2] - 1)
                block[a, b, c] = image[z, y, x] - mean


@kernel
def _slide(template: Floats, block: Floats, costs: Floats) -> None:
    """Fill 1 - correlation for every shift of the template over the block, all shifts of a row at once."""
    patch = template.shape[0]
    width = block.shape[0] - patch + 1
    samples = patch**3
    noise = np.float32(samples * NOISE_HU2)
    template_energy = (template * template).sum() + noise
    total, squares = np.empty(width, np.float32), np.empty(width, np.float32)
    product = np.empty(width, np.float32)
    for a in range(width):
        for b in range(width):
            total[:] = 0
            squares[:] = 0
            product[:] = 0
            for p in range(patch):
                for q in range(patch):
                    _add_row(template[p, q], block[a + p, b + q], total, squares, product)
            for c in range(width):
                energy = max(squares[c] - total[c] * total[c] / samples, np.float32(0)) + noise
                costs[(a * width + b) * width + c] = 1.0 - product[c] / math.sqrt(template_energy * energy)


@kernel
def _add_row(template: Floats, row: Floats, total: Floats, squares: Floats, product: Floats) -> None:
    """Add one row of the patch to the sums of all shifts along it; the inner loop runs over contiguous memory."""
    for r in range(template.shape[0]):
        weight = template[r]
        for c in range(total.shape[0]):
            value = row[c + r]
            total[c] += value
            squares[c] += value * value
            product[c] += value * weight


@parallel_kernel
def _cheapest(costs: Floats, reach: int, step_mm: float, drawn_to_mm: Doubles, weight: float, shifts_mm: Doubles,
              agreement: Doubles) -> None:  # fmt: skip
    """For each point the shift with the least cost + weight * squared distance (mm^2) to where it is drawn."""
    width = 2 * reach + 1
    for i in numba.prange(costs.shape[0]):
        least, chosen = 1e30, 0
        for a in range(width):
            off_z = (a - reach) * step_mm - drawn_to_mm[i, 0]
            for b in range(width):
                off_y = (b - reach) * step_mm - drawn_to_mm[i, 1]
                for c in range(width):
                    off_x = (c - reach) * step_mm - drawn_to_mm[i, 2]
                    number = (a * width + b) * width + c
                    cost = costs[i, number] + weight * (off_z * off_z + off_y * off_y + off_x * off_x)
                    if cost < least:
                        least, chosen = cost, number
        shifts_mm[i, 0] = (chosen // (width * width) - reach) * step_mm
        shifts_mm[i, 1] = ((chosen // width) % width - reach) * step_mm
        shifts_mm[i, 2] = (chosen % width - reach) * step_mm
        agreement[i] = 1.0 - costs[i, chosen]


def shift_costs(
    prior: Grid,
    current: Grid,
    points_mm: NDArray[np.float64],
    expected_mm: NDArray[np.float64],
    stretch: NDArray[np.float64],
    *,
    reach: int,
    step_mm: float,
) -> Costs:
    """Compare the patch at each prior point with the patches of the current scan within reach.

    Parameters
    ----------
    prior, current
        Coarse levels.
    points_mm, expected_mm : (n, 3)
        Points in the prior's frame and where the start puts them in the current's.
    stretch : (3,)
        How much the start stretches along z, y, x; the prior's patch is read that much narrower.
    reach, step_mm
        Steps tried to either side along each axis, and their length.
    """
    costs = np.empty((len(points_mm), (2 * reach + 1) ** 3), np.float32)
    _correlate(
        prior,
        current,
        np.ascontiguousarray(points_mm),
        np.ascontiguousarray(expected_mm),
        np.ascontiguousarray(stretch),
        reach,
        step_mm,
        costs,
    )
    return Costs(costs, reach, step_mm)


def choose_shifts(
    costs: Costs, drawn_to_mm: NDArray[np.float64], weight_per_mm2: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each point's best shift when drawn towards ``drawn_to_mm`` (n, 3).

    Returns
    -------
    shifts_mm : (n, 3)
    agreement : (n,)
        Correlation at the chosen shift.
    """
    shifts_mm = np.empty((len(costs.values), 3))
    agreement = np.empty(len(costs.values))
    drawn = np.ascontiguousarray(drawn_to_mm)
    _cheapest(costs.values, costs.reach, costs.step_mm, drawn, weight_per_mm2, shifts_mm, agreement)
    return shifts_mm, agreement
