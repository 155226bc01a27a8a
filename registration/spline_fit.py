"""The smooth displacement that most keypoints agree on: a robust B-spline fit that never builds a matrix.

Least squares with a penalty on second differences, solved by preconditioned conjugate gradients on products with the
points' 64 weights; repeated with the weight of outliers lowered. Building the sparse normal equations takes fifty times
longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from registration.kernels import Doubles, Floats, Wholes, kernel
from registration.spline import Spline, SplineGrid

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array", NDArray[np.float64], "Tensor")

RIDGE: Final = 1e-4  # holds nodes that no point reaches near zero
ROBUST_PASSES: Final = 3
SOLVER_STEPS: Final = 15  # of conjugate gradients in each pass; passes start where the last one ended
SOLVED: Final = 1e-5  # of the squared right-hand side
NOTHING: Final = 1e-30  # keeps a quotient finite where nothing is left to solve
BELIEVED: Final = 0.05  # mean weight of a point whose residual counts as typical
OUTLIER_MEDIANS: Final = 1.5  # residuals beyond this many medians lose their weight


@dataclass(frozen=True, slots=True, eq=False)
class SplineFit:
    """A fitted spline and how each point fared.

    Parameters
    ----------
    spline
        The displacement.
    residuals_mm : (n,)
        Distance between what a point asked for and what it got, along the directions that it is believed in.
    trust : (n,)
        1 for a point that the fit followed, towards 0 for one that it left aside.
    """

    spline: Spline
    residuals_mm: NDArray[np.float64]
    trust: NDArray[np.float64]


class Basis(NamedTuple):
    """How points hang on the nodes of a spline: first node (n,), weights (n, 64), number of nodes along z, y, x."""

    first: Wholes
    weights: Floats
    shape: tuple[int, int, int]


# Basis, weights (n, 3, 3), wanted_mm (n, 3), stiffness, and the coefficients (nodes, 3) to be improved in place.
Solver = Callable[[Basis, NDArray[np.float64], NDArray[np.float64], float, NDArray[np.float64]], None]


@kernel
def _normal_product(basis: Basis, weights: Doubles, x: Doubles, stiffness: float, product: Doubles) -> None:
    """``product = (B' W B + stiffness D' D + ridge) x`` with B the basis and D second differences along each axis."""
    for node in range(x.shape[0]):
        for axis in range(3):
            product[node, axis] = RIDGE * x[node, axis]
    value, weighted = np.empty(3), np.empty(3)
    for i in range(weights.shape[0]):
        value[:] = 0.0
        _gather(basis, i, x, value)
        _weigh(weights[i], value, weighted)
        _scatter(basis, i, weighted, product)
    for axis in range(3):
        _add_bending(basis.shape, axis, x, stiffness, product)


@kernel
def _weigh(weight: Doubles, value: Doubles, weighted: Doubles) -> None:
    """Fill the product of a weight (3, 3) and a value (3,)."""
    for axis in range(3):
        weighted[axis] = weight[axis, 0] * value[0] + weight[axis, 1] * value[1] + weight[axis, 2] * value[2]


@kernel
def _gather(basis: Basis, i: int, x: Doubles, value: Doubles) -> None:
    """Add row ``i`` of ``B x`` to ``value`` (3,)."""
    z, y, v = value[0], value[1], value[2]
    for p in range(4):
        for q in range(4):
            row = basis.first[i] + (p * basis.shape[1] + q) * basis.shape[2]
            for r in range(4):
                weight = basis.weights[i, (p * 4 + q) * 4 + r]
                z += weight * x[row + r, 0]
                y += weight * x[row + r, 1]
                v += weight * x[row + r, 2]
    value[0], value[1], value[2] = z, y, v


@kernel
def _scatter(basis: Basis, i: int, value: Doubles, sums: Doubles) -> None:
    """Add row ``i`` of ``B``, times ``value`` (3,), to ``sums``."""
    z, y, v = value[0], value[1], value[2]
    for p in range(4):
        for q in range(4):
            row = basis.first[i] + (p * basis.shape[1] + q) * basis.shape[2]
            for r in range(4):
                weight = basis.weights[i, (p * 4 + q) * 4 + r]
                sums[row + r, 0] += weight * z
                sums[row + r, 1] += weight * y
                sums[row + r, 2] += weight * v


@kernel
def _add_bending(shape: tuple[int, int, int], along: int, x: Doubles, stiffness: float, product: Doubles) -> None:
    """Add ``stiffness D' D x`` for the second differences along one axis."""
    strides = (shape[1] * shape[2], shape[2], 1)
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
def _right_hand_side(basis: Basis, weights: Doubles, wanted_mm: Doubles, side: Doubles) -> None:
    """Fill ``B' W wanted``."""
    side[:] = 0.0
    weighted = np.empty(3)
    for i in range(weights.shape[0]):
        _weigh(weights[i], wanted_mm[i], weighted)
        _scatter(basis, i, weighted, side)


@kernel
def _diagonal(basis: Basis, weights: Doubles, stiffness: float, diagonal: Doubles) -> None:
    """Fill the diagonal (nodes, 3) of the normal matrix."""
    diagonal[:] = RIDGE + 18.0 * stiffness  # second differences 1, -2, 1 along three axes
    for i in range(weights.shape[0]):
        for p in range(4):
            for q in range(4):
                row = basis.first[i] + (p * basis.shape[1] + q) * basis.shape[2]
                for r in range(4):
                    weight = basis.weights[i, (p * 4 + q) * 4 + r]
                    for axis in range(3):
                        diagonal[row + r, axis] += weights[i, axis, axis] * weight * weight


def fit_spline(
    grid: SplineGrid,
    points_mm: NDArray[np.float64],
    wanted_mm: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    stiffness: float,
    least_outlier_mm: float,
    solve: Solver | None = None,
) -> SplineFit:
    """Fit a displacement to what points ask for.

    Parameters
    ----------
    grid
        Nodes of the spline.
    points_mm, wanted_mm : (n, 3)
        Frame points and the displacement that each asks for.
    weights : (n, 3, 3)
        How much each is believed beforehand along each direction: symmetric, eigenvalues 0 to 1.
    stiffness
        Weight of the squared second differences of neighbouring nodes.
    least_outlier_mm
        A residual below this never makes an outlier.
    solve
        What improves the coefficients; the compiled loops unless told otherwise.
    """
    solve = solve or _solve
    basis = Basis(*grid.support(points_mm), grid.shape)
    points = np.ascontiguousarray(points_mm)
    coefficients = np.zeros((grid.nodes, 3))
    trust = np.ones(len(points))
    residuals_mm = np.zeros(len(points))
    strength = np.trace(weights, axis1=1, axis2=2) / 3
    believed = strength > BELIEVED
    for _ in range(ROBUST_PASSES):
        solve(basis, weights * trust[:, None, None], wanted_mm, stiffness, coefficients)
        fitted = np.zeros_like(wanted_mm)
        Spline(grid, coefficients).add_to(points, fitted)
        off_mm = wanted_mm - fitted
        # Only along what a point knows: where the patch slides along a vessel, its place says nothing.
        residuals_mm = np.sqrt(np.einsum("ni,nij,nj->n", off_mm, weights, off_mm) / np.maximum(strength, 1e-9))
        typical_mm = float(np.median(residuals_mm[believed])) if believed.any() else 0.0
        outlier_mm = max(least_outlier_mm, OUTLIER_MEDIANS * typical_mm)
        trust = 1 / (1 + (residuals_mm / outlier_mm) ** 2) ** 2
    return SplineFit(Spline(grid, coefficients), residuals_mm, trust)


def _solve(
    basis: Basis,
    weights: NDArray[np.float64],
    wanted_mm: NDArray[np.float64],
    stiffness: float,
    coefficients: NDArray[np.float64],
) -> None:
    """Improve ``coefficients`` (nodes, 3) towards the least squares."""
    side, diagonal = np.empty_like(coefficients), np.empty_like(coefficients)
    _right_hand_side(basis, weights, np.ascontiguousarray(wanted_mm), side)
    _diagonal(basis, weights, stiffness, diagonal)

    def product(x: NDArray[np.float64]) -> NDArray[np.float64]:
        filled = np.empty_like(x)
        _normal_product(basis, weights, x, stiffness, filled)
        return filled

    conjugate_gradients(product, side, diagonal, coefficients)


def conjugate_gradients(product: Callable[[Array], Array], side: Array, diagonal: Array, coefficients: Array) -> None:
    """Improve ``coefficients`` (nodes, 3), the three components side by side.

    Parameters
    ----------
    product
        The normal matrix times its argument.
    side, diagonal : (nodes, 3)
        Right-hand side, and the diagonal of the matrix. NumPy arrays or torch tensors, all of one kind: only what both
        write alike is used here.
    coefficients : (nodes, 3)
        Where to start; changed in place.
    """
    rest = side - product(coefficients)
    scaled = rest / diagonal
    direction = scaled
    energy = (rest * scaled).sum(0)
    enough = SOLVED * float((side * side / diagonal).sum(0).max())
    for _ in range(SOLVER_STEPS):
        if float(energy.max()) <= enough:
            return
        pulled = product(direction)
        length = energy / ((direction * pulled).sum(0) + NOTHING)
        coefficients += length * direction
        rest = rest - length * pulled
        scaled = rest / diagonal
        next_energy = (rest * scaled).sum(0)
        direction = scaled + next_energy / (energy + NOTHING) * direction
        energy = next_energy
