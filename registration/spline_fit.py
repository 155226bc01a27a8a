"""The smooth displacement that most keypoints agree on: a robust B-spline fit that never builds a matrix.

Least squares with a penalty on second differences, solved by preconditioned conjugate gradients on products with the
points' 64 weights; repeated with the weight of outliers lowered. Building the sparse normal equations takes fifty times
longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from registration.kernels import kernel
from registration.spline import Spline, SplineGrid

RIDGE: Final = 1e-3  # holds nodes that no point reaches near zero
ROBUST_PASSES: Final = 3
SOLVER_STEPS: Final = 15  # of conjugate gradients in each pass; passes start where the last one ended
SOLVED: Final = 1e-5  # of the squared right-hand side
OUTLIER_MEDIANS: Final = 1.5  # residuals beyond this many medians lose their weight


@dataclass(frozen=True, slots=True, eq=False)
class SplineFit:
    """A fitted spline and how each point fared.

    Parameters
    ----------
    spline
        The displacement.
    residuals_mm : (n,)
        Distance between what a point asked for and what it got.
    trust : (n,)
        1 for a point that the fit followed, towards 0 for one that it left aside.
    """

    spline: Spline
    residuals_mm: NDArray[np.float64]
    trust: NDArray[np.float64]


@kernel
def _normal_product(first: Any, weights: Any, trust: Any, shape: Any, x: Any, stiffness: float, product: Any) -> None:
    """``product = (B' W B + stiffness D' D + ridge) x`` with B the basis and D second differences along each axis."""
    for node in range(x.shape[0]):
        for axis in range(3):
            product[node, axis] = RIDGE * x[node, axis]
    for i in range(first.shape[0]):
        if trust[i] <= 0.0:
            continue
        z, y, v = 0.0, 0.0, 0.0
        for p in range(4):
            for q in range(4):
                row = first[i] + (p * shape[1] + q) * shape[2]
                for r in range(4):
                    weight = weights[i, (p * 4 + q) * 4 + r]
                    z += weight * x[row + r, 0]
                    y += weight * x[row + r, 1]
                    v += weight * x[row + r, 2]
        z *= trust[i]
        y *= trust[i]
        v *= trust[i]
        for p in range(4):
            for q in range(4):
                row = first[i] + (p * shape[1] + q) * shape[2]
                for r in range(4):
                    weight = weights[i, (p * 4 + q) * 4 + r]
                    product[row + r, 0] += weight * z
                    product[row + r, 1] += weight * y
                    product[row + r, 2] += weight * v
    _add_bending(shape, x, stiffness, product)


@kernel
def _add_bending(shape: Any, x: Any, stiffness: float, product: Any) -> None:
    """Add ``stiffness D' D x``."""
    strides = (shape[1] * shape[2], shape[2], 1)
    for along in range(3):
        stride = strides[along]
        last_z = shape[0] - (2 if along == 0 else 0)
        last_y = shape[1] - (2 if along == 1 else 0)
        last_x = shape[2] - (2 if along == 2 else 0)
        for z in range(last_z):
            for y in range(last_y):
                for column in range(last_x):
                    node = (z * shape[1] + y) * shape[2] + column
                    for axis in range(3):
                        bend = x[node, axis] - 2 * x[node + stride, axis] + x[node + 2 * stride, axis]
                        bend *= stiffness
                        product[node, axis] += bend
                        product[node + stride, axis] -= 2 * bend
                        product[node + 2 * stride, axis] += bend


@kernel
def _right_hand_side(first: Any, weights: Any, trust: Any, shape: Any, wanted_mm: Any, stiffness: float, side: Any,
                     diagonal: Any) -> None:  # fmt: skip
    """Fill ``B' W wanted`` and the diagonal of the normal matrix."""
    side[:] = 0.0
    diagonal[:] = RIDGE + 18.0 * stiffness  # second differences 1, -2, 1 along three axes
    for i in range(first.shape[0]):
        for p in range(4):
            for q in range(4):
                row = first[i] + (p * shape[1] + q) * shape[2]
                for r in range(4):
                    weight = weights[i, (p * 4 + q) * 4 + r]
                    diagonal[row + r] += trust[i] * weight * weight
                    for axis in range(3):
                        side[row + r, axis] += trust[i] * weight * wanted_mm[i, axis]


def fit_spline(
    grid: SplineGrid,
    points_mm: NDArray[np.float64],
    wanted_mm: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    stiffness: float,
    least_outlier_mm: float,
) -> SplineFit:
    """Fit a displacement to what points ask for.

    Parameters
    ----------
    grid
        Nodes of the spline.
    points_mm, wanted_mm : (n, 3)
        Frame points and the displacement that each asks for.
    weights : (n,)
        How much each is believed beforehand, 0 to 1.
    stiffness
        Weight of the squared second differences of neighbouring nodes.
    least_outlier_mm
        A residual below this never makes an outlier.
    """
    first, basis = grid.support(points_mm)
    points = np.ascontiguousarray(points_mm)
    coefficients = np.zeros((grid.nodes, 3))
    trust = weights.copy()
    residuals_mm = np.zeros(len(points))
    for _ in range(ROBUST_PASSES):
        _solve(grid, first, basis, trust, wanted_mm, stiffness, coefficients)
        fitted = np.zeros_like(wanted_mm)
        Spline(grid, coefficients).add_to(points, fitted)
        residuals_mm = np.linalg.norm(wanted_mm - fitted, axis=1)
        believed = weights > 0.05
        typical_mm = float(np.median(residuals_mm[believed])) if believed.any() else 0.0
        outlier_mm = max(least_outlier_mm, OUTLIER_MEDIANS * typical_mm)
        trust = weights / (1 + (residuals_mm / outlier_mm) ** 2) ** 2
    return SplineFit(Spline(grid, coefficients), residuals_mm, trust / np.maximum(weights, 1e-9))


def _solve(
    grid: SplineGrid,
    first: NDArray[np.int64],
    basis: NDArray[np.float32],
    trust: NDArray[np.float64],
    wanted_mm: NDArray[np.float64],
    stiffness: float,
    coefficients: NDArray[np.float64],
) -> None:
    """Improve ``coefficients`` (nodes, 3) by conjugate gradients, the three components side by side."""
    side, product = np.empty_like(coefficients), np.empty_like(coefficients)
    diagonal = np.empty(grid.nodes)
    _right_hand_side(first, basis, trust, grid.shape, np.ascontiguousarray(wanted_mm), stiffness, side, diagonal)
    inverse_diagonal = 1.0 / diagonal[:, None]
    _normal_product(first, basis, trust, grid.shape, coefficients, stiffness, product)
    rest = side - product
    scaled = inverse_diagonal * rest
    direction = scaled.copy()
    energy = (rest * scaled).sum(axis=0)
    enough = SOLVED * float((side * side * inverse_diagonal).sum(axis=0).max())
    for _ in range(SOLVER_STEPS):
        if energy.max() <= enough:
            return
        _normal_product(first, basis, trust, grid.shape, direction, stiffness, product)
        length = energy / np.maximum((direction * product).sum(axis=0), 1e-30)
        coefficients += length * direction
        rest -= length * product
        scaled = inverse_diagonal * rest
        next_energy = (rest * scaled).sum(axis=0)
        direction = scaled + next_energy / np.maximum(energy, 1e-30) * direction
        energy = next_energy
