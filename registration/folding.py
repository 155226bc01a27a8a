"""Does the map turn space inside out anywhere?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from registration.mapping import Mapping


def fold_fraction(mapping: Mapping, points_mm: NDArray[np.float64]) -> float:
    """Share of points where the map folds: where the determinant of its derivative is not positive.

    Parameters
    ----------
    mapping
        The map to judge.
    points_mm : (n, 3)
        Points to judge it at, order z, y, x.

    Returns
    -------
    float
        0 for a map that can be undone at every point, 1 for a mirror image.

    Source
    ------
    det(Dx) <= 0 as the test of folding: Leow et al. 2007, IEEE TMI 26(6):822-832.
    """
    if not len(points_mm):
        raise ValueError("a map is judged at one point at least")
    return float(np.mean(np.linalg.det(mapping.jacobians(points_mm)) <= 0))
