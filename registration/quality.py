"""How far the map may be off at a point, and whether it may be used at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from registration.errors import NotRegistrable
from registration.mapping import Mapping

NEIGHBOURS: Final = 8  # kept keypoints that speak for the place between them
REACH_MM: Final = 25.0  # beyond the nearest kept keypoint the map is a guess and gives no answer

LEAST_KEPT: Final = (
    0.2  # of the keypoints that both scans show: other patients keep up to 0.09, poor but right pairs 0.45
)
LEAST_AGREEMENT: Final = 0.5  # median correlation of the patches

# Expected error at a point, from pairs with known truth: the spread of the keypoints around the fit says how well the
# images agree there, the distance to them how far the fit had to reach, their lean to one side whether it had to reach
# beyond them, towards the pleura; and a floor stands for interpolation.
FLOOR_MM: Final = 0.05
SPREAD_FACTOR: Final = 0.8
GAP_FACTOR: Final = 0.22  # mm of error for each mm that the keypoints lie further off than usual
USUAL_GAP_MM: Final = 10.5
LEAN_FACTOR: Final = 0.1  # for each mm that their middle lies further off the point than usual
USUAL_LEAN_MM: Final = 3.0

FEWEST_HELD_OUT: Final = 10
WORTH_MM: Final = 0.05  # a coarser map has to be nearer by this much to be taken: what patches themselves are off


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """The keypoints that the fit followed: what is known about the map's error, and where anything is known.

    Parameters
    ----------
    points_mm : (n, 3)
        In the prior's frame, order z, y, x.
    residuals_mm : (n,)
        Distance between the place that a keypoint found for itself and the one that the map gives it.
    """

    points_mm: NDArray[np.float64]
    residuals_mm: NDArray[np.float64]

    def covers(self, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points (n, 3) lie near enough to a kept keypoint; NaN points do not."""
        known: NDArray[np.bool_] = np.all(np.isfinite(points_mm), axis=1)
        distance_mm, _ = cKDTree(self.points_mm).query(np.where(known[:, None], points_mm, 0.0))
        return np.asarray(known & (distance_mm <= REACH_MM), dtype=bool)

    def expected_error_mm(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance (n,) from the truth that two thirds of such points stay within; NaN where nothing is known.

        Calibrated on moved real scans and simulated patients: see ``tests/benchmarks/bench_registration.py``.
        """
        covered = self.covers(points_mm)
        expected = np.full(len(points_mm), np.nan)
        if covered.any():
            count = min(NEIGHBOURS, len(self.points_mm))
            distance_mm, index = cKDTree(self.points_mm).query(points_mm[covered], k=list(range(1, count + 1)))
            spread_mm = np.sqrt(np.mean(self.residuals_mm[index] ** 2, axis=1))
            gap_mm = np.maximum(distance_mm.mean(axis=1) - USUAL_GAP_MM, 0.0)
            off_middle_mm = np.linalg.norm(self.points_mm[index].mean(axis=1) - points_mm[covered], axis=1)
            lean_mm = np.maximum(off_middle_mm - USUAL_LEAN_MM, 0.0)
            parts_mm = SPREAD_FACTOR * spread_mm, GAP_FACTOR * gap_mm, LEAN_FACTOR * lean_mm
            expected[covered] = np.sqrt(FLOOR_MM**2 + sum(part_mm**2 for part_mm in parts_mm))
        return expected


def refuse_unless_registrable(kept_fraction: float, median_agreement: float) -> None:
    """Refuse a pair whose patches do not agree.

    Parameters
    ----------
    kept_fraction
        Share of the keypoints in the common part that found their counterpart.
    median_agreement
        Median correlation of the patches there.

    Raises
    ------
    NotRegistrable
        The structure of the two lungs is not the same.
    """
    if not (kept_fraction >= LEAST_KEPT and median_agreement >= LEAST_AGREEMENT):
        raise NotRegistrable(
            reason=f"only {100 * kept_fraction:.0f} % of the vessels of one are found again in the other, "
            "so they may show different patients, or different parts of the chest"
        )


def no_worse_than_coarser(mapping: Mapping, points_mm: NDArray[np.float64], found_mm: NDArray[np.float64]) -> Mapping:
    """As much of a map, from its affine start on, as points that had no part in it are nearest to.

    Parameters
    ----------
    mapping
        Its levels run from coarse to fine.
    points_mm, found_mm : (n, 3)
        Points that the fit did not see, and where each was found by itself; NaN where it was not.

    Returns
    -------
    Mapping
        The whole of it, unless a part is nearer by more than such points are off themselves, or they are too few.
    """
    known = np.isfinite(found_mm).all(axis=1)
    if np.count_nonzero(known) < FEWEST_HELD_OUT:
        return mapping
    parts = [replace(mapping, levels=mapping.levels[:count]) for count in range(len(mapping.levels) + 1)]
    off_mm = [float(np.median(np.linalg.norm(part(points_mm[known]) - found_mm[known], axis=1))) for part in parts]
    best = int(np.argmin(off_mm))
    return parts[best] if off_mm[best] < off_mm[-1] - WORTH_MM else mapping
