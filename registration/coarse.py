"""From two lungs to a map good to a millimetre or two: start, search far, search near."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from registration.affine import Affine
from registration.device import Kernels
from registration.grid import Grid
from registration.keypoints import Keypoints, thinned
from registration.mapping import Mapping
from registration.search import Costs
from registration.spline import SplineGrid

FAR_CELL_MM: Final = 26.0  # one keypoint in each: a few hundred decide on the affine part
FAR_REACH: Final = 6
FAR_STEP_MM: Final = 4.5  # +-27 mm
NEAR_CELL_MM: Final = 15.0  # a thousand or more
NEAR_REACH: Final = 5
NEAR_STEP_MM: Final = 3.0  # +-15 mm

# How strongly a point is drawn to its neighbours' motion (correlation per mm^2), and how stiff that motion is (mm).
COUPLING: Final = ((0.0, 80.0), (0.0005, 60.0), (0.002, 50.0), (0.005, 40.0), (0.02, 40.0))
COUPLING_STIFFNESS: Final = 0.5
AFFINE_PASSES: Final = 4
OUTLIER_MM: Final = 3.0  # a step of the search
STEADY_MM2: Final = 150.0  # holds the linear part where the points spread over less than this (12 mm) along an axis


def coarse_mapping(
    prior: Grid,
    current: Grid,
    keypoints: Keypoints,
    start: Affine,
    low_mm: NDArray[np.float64],
    high_mm: NDArray[np.float64],
    kernels: Kernels,
) -> Mapping:
    """Find the large motion that is left after the start.

    Parameters
    ----------
    prior, current
        Coarse levels of both scans.
    keypoints
        Of the prior.
    start
        From lung to lung.
    low_mm, high_mm : (3,)
        Box of the prior's lungs.
    kernels
        The loops, for a processor or a GPU.

    Returns
    -------
    Mapping
        Affine and one spline.
    """
    far = keypoints.points_mm[thinned(keypoints, FAR_CELL_MM)]
    costs = kernels.shift_costs(
        prior, current, far, start(far), np.diag(start.matrix).copy(), reach=FAR_REACH, step_mm=FAR_STEP_MM
    )
    affine = start.plus(_agreed_affine(costs, far, start, current, kernels))

    near = keypoints.points_mm[thinned(keypoints, NEAR_CELL_MM)]
    costs = kernels.shift_costs(
        prior, current, near, affine(near), np.diag(affine.matrix).copy(), reach=NEAR_REACH, step_mm=NEAR_STEP_MM
    )
    motion = Mapping(_nothing(start.centre_mm))
    for weight, node_mm in COUPLING:
        shifts_mm, agreement = kernels.choose_shifts(costs, motion(near) - near, weight)
        trust = _trust(agreement, affine(near) + shifts_mm, current)
        correction = robust_affine(near, shifts_mm, trust, start.centre_mm)
        rest_mm = shifts_mm - (correction(near) - near)
        grid = SplineGrid.over(low_mm, high_mm, node_mm)
        weights = trust[:, None, None] * np.eye(3)
        fit = kernels.fit_spline(
            grid, near, rest_mm, weights, stiffness=COUPLING_STIFFNESS, least_outlier_mm=OUTLIER_MM
        )
        motion = Mapping(correction, (fit.spline,))
    return Mapping(affine.plus(motion.affine), motion.levels)


def _trust(agreement: NDArray[np.float64], places_mm: NDArray[np.float64], current: Grid) -> NDArray[np.float64]:
    """How far each choice (n,) is believed; hardly at all beyond the current scan, where its border was repeated."""
    return np.asarray(np.clip(agreement, 0.05, 1) ** 2 * np.where(current.contains(places_mm), 1.0, 1e-3))


def _agreed_affine(
    costs: Costs, points_mm: NDArray[np.float64], start: Affine, current: Grid, kernels: Kernels
) -> Affine:
    """The affine correction that most points can follow at little cost."""
    expected_mm = start(points_mm)
    correction = _nothing(start.centre_mm)
    for weight, _ in COUPLING:
        shifts_mm, agreement = kernels.choose_shifts(costs, correction(points_mm) - points_mm, weight)
        trust = _trust(agreement, expected_mm + shifts_mm, current)
        correction = robust_affine(points_mm, shifts_mm, trust, start.centre_mm)
    return correction


def _nothing(centre_mm: NDArray[np.float64]) -> Affine:
    """The affine map that moves nothing."""
    return Affine(np.eye(3), centre_mm, np.zeros(3))


def robust_affine(
    points_mm: NDArray[np.float64],
    shifts_mm: NDArray[np.float64],
    weights: NDArray[np.float64],
    centre_mm: NDArray[np.float64],
) -> Affine:
    """Fit ``x -> x + affine displacement`` to the shifts (n, 3) of points (n, 3), outliers left aside."""
    columns = np.c_[points_mm - centre_mm, np.ones(len(points_mm))]
    trust = weights.copy()
    solution = np.zeros((4, 3))
    for _ in range(AFFINE_PASSES):
        weighted = columns * trust[:, None]
        normal = weighted.T @ columns
        normal += float(trust.sum()) * np.diag([STEADY_MM2, STEADY_MM2, STEADY_MM2, 1e-6])
        solution = np.linalg.solve(normal, weighted.T @ shifts_mm)
        off_mm = np.linalg.norm(shifts_mm - columns @ solution, axis=1)
        trust = weights / (1 + (off_mm / max(OUTLIER_MM, float(np.median(off_mm)))) ** 2) ** 2
    return Affine(np.eye(3) + solution[:3].T, centre_mm, solution[3])
