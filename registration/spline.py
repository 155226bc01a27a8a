"""A smooth displacement: a cubic B-spline on a regular grid of nodes, evaluated at points, never as a dense field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from registration.kernels import Doubles, Floats, Wholes, kernel, parallel_kernel

NEIGHBOURS: Final = 64  # nodes that reach a point: 4 along each axis


class SplineGrid(NamedTuple):
    """The nodes of a spline; a named tuple, so that compiled loops can take it whole.

    Parameters
    ----------
    origin_mm : (3,)
        Frame point of the first node.
    spacing_mm
        Between nodes, the same along all axes.
    shape
        Nodes along z, y, x.
    """

    origin_mm: NDArray[np.float64]
    spacing_mm: float
    shape: tuple[int, int, int]

    @classmethod
    def over(cls, low_mm: NDArray[np.float64], high_mm: NDArray[np.float64], spacing_mm: float) -> SplineGrid:
        """Nodes that carry every point of the box between two frame points (3,)."""
        origin = np.asarray(low_mm, dtype=np.float64) - 2 * spacing_mm
        nodes = np.ceil((high_mm - origin) / spacing_mm).astype(int) + 3
        return cls(origin, float(spacing_mm), (int(nodes[0]), int(nodes[1]), int(nodes[2])))

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return int(np.prod(self.shape))

    def support(self, points_mm: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """First node (n,) and weights (n, 64) of each frame point (n, 3)."""
        first = np.empty(len(points_mm), np.int64)
        weights = np.empty((len(points_mm), NEIGHBOURS), np.float32)
        _support(np.ascontiguousarray(points_mm), self, first, weights)
        return first, weights


@dataclass(frozen=True, slots=True, eq=False)
class Spline:
    """A displacement field ``u``.

    Parameters
    ----------
    grid
        Its nodes.
    coefficients : (nodes, 3)
        Displacement in millimetres, order z, y, x.
    """

    grid: SplineGrid
    coefficients: NDArray[np.float64]

    def add_to(self, points_mm: NDArray[np.float64], places_mm: NDArray[np.float64]) -> None:
        """Add ``u`` at frame points (n, 3) to ``places_mm`` (n, 3)."""
        _add_values(points_mm, self.grid, self.coefficients, places_mm)

    def add_slopes_to(self, points_mm: NDArray[np.float64], jacobians: NDArray[np.float64]) -> None:
        """Add the derivative of ``u`` at frame points (n, 3) to ``jacobians`` (n, 3, 3)."""
        _add_slopes(points_mm, self.grid, self.coefficients, jacobians)


@kernel
def _basis(t: float) -> tuple[float, float, float, float]:
    """Weights of the four nodes around a point that lies ``t`` (0 to 1) past the second of them."""
    s = 1 - t
    return s**3 / 6, (3 * t**3 - 6 * t * t + 4) / 6, (-3 * t**3 + 3 * t * t + 3 * t + 1) / 6, t**3 / 6


@kernel
def _basis_slope(t: float) -> tuple[float, float, float, float]:
    """Derivatives of these weights by ``t``."""
    s = 1 - t
    return -s * s / 2, (9 * t * t - 12 * t) / 6, (-9 * t * t + 6 * t + 3) / 6, t * t / 2


@kernel
def _cell(coordinate: float, nodes: int) -> int:
    """Index of the last node before a point, so that all four neighbours exist; beyond the grid the last cell."""
    return min(max(int(coordinate), 1), nodes - 3)


@parallel_kernel
def _support(points_mm: Doubles, grid: SplineGrid, first: Wholes, weights: Floats) -> None:
    """Fill first node and weights of every point."""
    origin_mm, spacing_mm, shape = grid.origin_mm, grid.spacing_mm, grid.shape
    for i in numba.prange(points_mm.shape[0]):
        a = (points_mm[i, 0] - origin_mm[0]) / spacing_mm
        b = (points_mm[i, 1] - origin_mm[1]) / spacing_mm
        c = (points_mm[i, 2] - origin_mm[2]) / spacing_mm
        cell_a, cell_b, cell_c = _cell(a, shape[0]), _cell(b, shape[1]), _cell(c, shape[2])
        along_a, along_b, along_c = _basis(a - cell_a), _basis(b - cell_b), _basis(c - cell_c)
        first[i] = ((cell_a - 1) * shape[1] + cell_b - 1) * shape[2] + cell_c - 1
        for p in range(4):
            for q in range(4):
                for r in range(4):
                    weights[i, (p * 4 + q) * 4 + r] = along_a[p] * along_b[q] * along_c[r]


@parallel_kernel
def _add_values(points_mm: Doubles, grid: SplineGrid, coefficients: Doubles, places_mm: Doubles) -> None:
    """Add the spline's value at every point."""
    origin_mm, spacing_mm, shape = grid.origin_mm, grid.spacing_mm, grid.shape
    for i in numba.prange(points_mm.shape[0]):
        a = (points_mm[i, 0] - origin_mm[0]) / spacing_mm
        b = (points_mm[i, 1] - origin_mm[1]) / spacing_mm
        c = (points_mm[i, 2] - origin_mm[2]) / spacing_mm
        cell_a, cell_b, cell_c = _cell(a, shape[0]), _cell(b, shape[1]), _cell(c, shape[2])
        along_a, along_b, along_c = _basis(a - cell_a), _basis(b - cell_b), _basis(c - cell_c)
        for p in range(4):
            for q in range(4):
                row = ((cell_a - 1 + p) * shape[1] + cell_b - 1 + q) * shape[2] + cell_c - 1
                for r in range(4):
                    weight = along_a[p] * along_b[q] * along_c[r]
                    for axis in range(3):
                        places_mm[i, axis] += weight * coefficients[row + r, axis]


@parallel_kernel
def _add_slopes(points_mm: Doubles, grid: SplineGrid, coefficients: Doubles, jacobians: Doubles) -> None:
    """Add the spline's derivative at every point."""
    origin_mm, spacing_mm, shape = grid.origin_mm, grid.spacing_mm, grid.shape
    for i in numba.prange(points_mm.shape[0]):
        a = (points_mm[i, 0] - origin_mm[0]) / spacing_mm
        b = (points_mm[i, 1] - origin_mm[1]) / spacing_mm
        c = (points_mm[i, 2] - origin_mm[2]) / spacing_mm
        cell_a, cell_b, cell_c = _cell(a, shape[0]), _cell(b, shape[1]), _cell(c, shape[2])
        along_a, along_b, along_c = _basis(a - cell_a), _basis(b - cell_b), _basis(c - cell_c)
        slope_a, slope_b, slope_c = _basis_slope(a - cell_a), _basis_slope(b - cell_b), _basis_slope(c - cell_c)
        for p in range(4):
            for q in range(4):
                row = ((cell_a - 1 + p) * shape[1] + cell_b - 1 + q) * shape[2] + cell_c - 1
                for r in range(4):
                    by_z = slope_a[p] * along_b[q] * along_c[r] / spacing_mm
                    by_y = along_a[p] * slope_b[q] * along_c[r] / spacing_mm
                    by_x = along_a[p] * along_b[q] * slope_c[r] / spacing_mm
                    for axis in range(3):
                        value = coefficients[row + r, axis]
                        jacobians[i, axis, 0] += by_z * value
                        jacobians[i, axis, 1] += by_y * value
                        jacobians[i, axis, 2] += by_x * value
