"""Two borders of one nodule, drawn as one: what both scans see decides where one of them cannot.

Measured one by one, each scan judges for itself where a vessel leaves and how bright the core is; the two judgements
differ by chance, and their difference looks like growth. Here both share them: a part of the surface that cannot be
seen on one scan is taken for unseen on both, the surface there is the relief that the two agree on, scaled to each,
and the core has one brightness. Where both scans see the border each keeps its own, so that growth to one side stays.
A thin halo that one scan shows is looked for on the other with less demanded of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference.errors import NotMeasured
from inference.halo import with_halo
from inference.levels import CORE_SHARE, NEAREST_CORE, Levels
from inference.measure import METHOD, NoduleMeasurement, describe
from inference.neighbourhood import Floats
from inference.repeatability import TOGETHER, TYPICAL_NOISE
from inference.segment import Segmentation
from inference.star import Star, fit_log_radius, ray_directions
from registration.volume import Volume

METHOD_TOGETHER: Final = f"{METHOD}, drawn on both scans together"

FEWEST_SHARED = 0.2  # of all rays: else the two borders have too little in common to help each other
MOST_CORE_APART_HU = 120.0  # further apart the nodule has changed in kind, and each core is its own
CORE_CHANGE_HU = 15.0  # between visits: calibration of scanners, contrast medium, the nodule itself
QUANTILE_COST = 2.0  # variance of a quantile's estimate against that of the mean
UNSEEN = 0.04  # trust in a ray that neither scan sees


def measure_together(
    prior: NoduleMeasurement, current: NoduleMeasurement, jacobian_lps: NDArray[np.float64]
) -> tuple[NoduleMeasurement, NoduleMeasurement] | None:
    """Measure one nodule on both scans once more, with what the two must have in common.

    Parameters
    ----------
    prior, current
        As measured one by one.
    jacobian_lps : (3, 3)
        Derivative of the map from prior to current at the nodule, order x, y, z; only its rotation is used, because a
        nodule does not breathe.

    Returns
    -------
    (prior, current) with the volumes whose ratio is the growth, and errors that hold for this ratio; None when the
    two borders have too little in common, or one of them cannot stand.
    """
    borders = _with_like_cores(prior, current)
    drawn = draw_together(*borders, _array_turn(prior.scan.volume, current.scan.volume, jacobian_lps))
    if drawn is None:
        return None
    moved = abs(prior.wall_share - current.wall_share)
    try:
        again = [
            describe(border, one.scan, errors=TOGETHER, moved_wall_share=moved)
            for border, one in zip(drawn, (prior, current), strict=True)
        ]
    except NotMeasured:
        return None
    first, second = (replace(one, method=METHOD_TOGETHER) for one in again)
    return first, second


def _with_like_cores(prior: NoduleMeasurement, current: NoduleMeasurement) -> tuple[Segmentation, Segmentation]:
    """Both borders; where only one scan shows a thin halo, and the other may have it as well, around it on both."""
    first, second = prior.border, current.border
    if first.core is None and second.core is not None:
        first = with_halo(first, prior.scan.slice_mm, prior.scan.noise, like=second.core) or first
    elif second.core is None and first.core is not None:
        second = with_halo(second, current.scan.slice_mm, current.scan.noise, like=first.core) or second
    return first, second


def _array_turn(prior: Volume, current: Volume, jacobian_lps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation from directions along the prior's array axes (z, y, x) to those along the current's."""
    left, _, right = np.linalg.svd(jacobian_lps)
    turn: NDArray[np.float64] = np.asarray(current.direction).T @ (left @ right) @ np.asarray(prior.direction)
    return turn[::-1, ::-1]


def draw_together(
    prior: Segmentation, current: Segmentation, turn: NDArray[np.float64]
) -> tuple[Segmentation, Segmentation] | None:
    """Let two segmentations of one nodule share what they must have in common.

    Parameters
    ----------
    turn : (3, 3)
        Rotation that carries directions of the prior's array (z, y, x) to the current's.

    Returns
    -------
    Both with the shared judgement, or None when too little of the border is seen on both.
    """
    onto_prior = _nearest_ray(ray_directions() @ turn)  # for each ray of the current: the prior's ray that it was
    onto_current = _nearest_ray(ray_directions() @ turn.T)
    seen_prior, seen_current = ~prior.leaking, ~current.leaking
    both = seen_prior & seen_current[onto_current]
    if both.mean() < FEWEST_SHARED:
        return None
    ends_prior, ends_current = np.log(prior.rays.ends_mm), np.log(current.rays.ends_mm)
    grown = float(np.median((ends_current[onto_current] - ends_prior)[both]))
    shared = np.where(
        both,
        (ends_prior + ends_current[onto_current]) / 2,
        np.where(seen_prior, ends_prior + grown / 2, ends_current[onto_current] - grown / 2),
    )
    relief = Star(
        prior.star.centre_mm,
        fit_log_radius(np.exp(shared), np.where(seen_prior | seen_current[onto_current], 1.0, UNSEEN)),
    )
    cores = _one_core(prior, current)
    return (
        _with_shared(
            prior, relief.ray_radii_mm() * np.exp(-grown / 2), ~both, cores[0], current.rays.long[onto_current]
        ),
        _with_shared(
            current,
            relief.radii_mm(ray_directions() @ turn) * np.exp(grown / 2),
            ~both[onto_prior],
            cores[1],
            prior.rays.long[onto_prior],
        ),
    )


def _nearest_ray(directions: Floats) -> NDArray[np.int_]:
    nearest: NDArray[np.int_] = cKDTree(ray_directions()).query(directions)[1]
    return nearest


def _with_shared(
    found: Segmentation, radii_mm: Floats, unseen: NDArray[np.bool_], levels: Levels, long_there: NDArray[np.bool_]
) -> Segmentation:
    """The segmentation with the shared relief where the border is not seen on both scans."""
    at_wall = found.rays.at_wall
    ends = np.where(unseen & ~at_wall, radii_mm, found.rays.ends_mm)
    star = Star(found.star.centre_mm, fit_log_radius(ends, np.ones(len(ends))))
    rays = replace(found.rays, ends_mm=ends, long=(found.rays.long | long_there) & ~at_wall)
    return replace(found, star=star, rays=rays, levels=levels)


def _one_core(prior: Segmentation, current: Segmentation) -> tuple[Levels, Levels]:
    """Both levels with the part of the cores' difference that chance explains taken away.

    The difference is kept in the share that a true change of density has in its variance; a difference far beyond
    chance is kept whole.
    """
    apart = current.levels.core_hu - prior.levels.core_hu
    if abs(apart) > MOST_CORE_APART_HU:
        return prior.levels, current.levels
    by_prior, by_current = _core_variance(prior), _core_variance(current)
    share = apart / (by_prior + by_current + CORE_CHANGE_HU**2)
    return (
        replace(prior.levels, core_hu=prior.levels.core_hu + share * by_prior),
        replace(current.levels, core_hu=current.levels.core_hu - share * by_current),
    )


def _core_variance(found: Segmentation) -> float:
    """Variance of the core's attenuation by noise, HU squared."""
    distance = found.sealed.distance_mm(found.star.centre_mm)
    core = found.sealed.hu[distance < CORE_SHARE * float(np.median(found.star.ray_radii_mm()))]
    count = max(core.size, NEAREST_CORE)
    spread = float(np.subtract(*np.percentile(core, [84, 16]))) / 2 if core.size > NEAREST_CORE else TYPICAL_NOISE.sd_hu
    return QUANTILE_COST * spread**2 * TYPICAL_NOISE.correlation_voxels / count
