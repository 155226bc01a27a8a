"""The map between two frames: an affine plus a sum of spline displacements, coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registration.affine import Affine
from registration.spline import Spline

INVERSION_STEPS: Final = 30
INVERTED_MM: Final = 1e-4
LONGEST_INVERSION_STEP_MM: Final = 20.0  # keeps a start far outside the lungs from jumping away


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """``x -> affine(x) + u1(x) + u2(x) + ...`` from the prior's frame into the current's.

    Parameters
    ----------
    affine
        The start and its correction.
    levels
        Displacements added to it, coarse to fine, each a function of the point in the prior's frame.
    """

    affine: Affine
    levels: tuple[Spline, ...] = ()

    def plus(self, level: Spline) -> Mapping:
        """The same map with one more displacement."""
        return replace(self, levels=(*self.levels, level))

    def __call__(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (n, 3) of points (n, 3), both order z, y, x."""
        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        places = np.ascontiguousarray(self.affine(points))
        for level in self.levels:
            level.add_to(points, places)
        return places

    def jacobians(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives (n, 3, 3) of the map at points (n, 3); row: component of the place, column: of the point."""
        points = np.ascontiguousarray(points_mm, dtype=np.float64)
        jacobians = np.repeat(self.affine.matrix[None], len(points), axis=0)
        for level in self.levels:
            level.add_slopes_to(points, jacobians)
        return jacobians

    def inverse(self, places_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 3) that the map takes to the given places (n, 3), by Newton's method.

        Rows are NaN where no point is found within a ten-thousandth of a millimetre; a map without folds has one for
        every place that it covers.
        """
        places = np.asarray(places_mm, dtype=np.float64)
        affine = self.affine
        back = (places - affine.centre_mm - affine.shift_mm) @ np.linalg.inv(affine.matrix).T + affine.centre_mm
        points = np.ascontiguousarray(back)
        for _ in range(INVERSION_STEPS):
            missed = self(points) - places
            if not (np.abs(missed) > INVERTED_MM).any():
                break
            step = np.linalg.solve(self.jacobians(points), missed[:, :, None])[:, :, 0]
            length = np.linalg.norm(step, axis=1, keepdims=True)
            points = points - step * np.minimum(1.0, LONGEST_INVERSION_STEP_MM / np.maximum(length, 1e-12))
        missed_mm = np.abs(self(points) - places).max(axis=1)
        return np.where((missed_mm <= INVERTED_MM)[:, None], points, np.nan)
