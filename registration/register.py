"""Prior and current scan into one space: start from the lungs, search, refine, judge.

The parts stand in their own modules; here is their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registration.affine import lung_points_mm, start_affine
from registration.coarse import coarse_mapping
from registration.device import Kernels, kernels_for
from registration.errors import NotRegistrable, TurnedOver
from registration.folding import fold_fraction
from registration.grid import Grid, LungImage
from registration.interior import lung_image
from registration.keypoints import Keypoints, find_keypoints, thinned
from registration.lungs import Lungs, segment_lungs
from registration.mapping import Mapping
from registration.pyramid import COARSE_MM, Frame, block_means, crop_around, windowed
from registration.quality import Support, no_worse_than_coarser, refuse_unless_registrable
from registration.refine import Moved, known_directions
from registration.spline import SplineGrid
from registration.spline_fit import SplineFit
from registration.transform import METHOD, Registration
from registration.volume import Volume

__all__ = ["Registration", "register"]

KEPT_WEIGHT: Final = 0.03
LEAST_KEYPOINTS: Final = 100
OUTLIER_MM: Final = 0.6
STIFFER: Final = 4.0  # a fit that folds is repeated this much stiffer
STIFFENINGS: Final = 3
JUDGED_EVERY: Final = 3  # lung voxels along each axis, about 9 mm: the map's figures are medians over these
INVERSE_CELL_MM: Final = 20.0
# Every so many keypoints one has no part in the fit; where it finds its counterpart, the map is tried.
HELD_OUT_EVERY: Final = 50
SAME_PLACE_AGREEMENT: Final = 0.7  # of a held-out patch with its counterpart, to count as found


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of refinement: every keypoint moves, then a spline follows the crowd."""

    node_mm: float
    stiffness: float
    sigma_mm: float
    half_width_mm: float
    longest_mm: float  # a keypoint that wants to go further has lost its way


ROUNDS: Final = (
    Round(node_mm=20.0, stiffness=0.05, sigma_mm=4.0, half_width_mm=5.0, longest_mm=8.0),
    Round(node_mm=12.0, stiffness=0.1, sigma_mm=4.5, half_width_mm=6.5, longest_mm=4.0),
)
LAST_ROUND: Final = Round(node_mm=8.0, stiffness=0.02, sigma_mm=3.0, half_width_mm=4.5, longest_mm=4.0)
# Median of what the last spline moved. Below, the keypoints' wishes are the noise of the scans, each for itself, and a
# finer spline would follow it.
STILL_MOVING_MM: Final = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    """A scan made ready: its frame, its lungs and its levels."""

    frame: Frame
    lungs: Lungs
    mask: Grid
    coarse: Grid
    fine: LungImage
    lung_points_mm: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A map, and how the keypoints fared in its last round."""

    mapping: Mapping
    keypoints: Keypoints
    residuals_mm: NDArray[np.float64]
    kept: NDArray[np.bool_]
    kept_fraction: float
    median_agreement: float
    left_off: int = 0  # splines that the held-out keypoints spoke against


def register(
    prior: Volume,
    current: Volume,
    *,
    prior_lungs: Lungs | None = None,
    current_lungs: Lungs | None = None,
    device: str = "cpu",
) -> Registration:
    """Find where each point of the prior lung lies on the current scan.

    Parameters
    ----------
    prior, current
        Two chest CTs of one patient, in Hounsfield units; any spacing, head or feet first.
    prior_lungs, current_lungs
        Their lungs, if they are known already; found otherwise.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: a GPU where one computes. The answer says in its ``method`` what it was.

    Returns
    -------
    Registration
        Map in both directions with its expected error. On the processor the same input gives the same bytes.

    Raises
    ------
    NoLungsFound
        One of the scans shows no lungs.
    NoCommonLung
        The scans share less than 60 mm of lung.
    TurnedOver
        One scan matches only when its slices, or its left and right, are reversed.
    NotRegistrable
        The lungs do not hold the same structure.
    UnknownDevice, NoDevice
        Another device was asked for, or there is no GPU.

    Source
    ------
    Keypoint registration of lung CT: Ruhaak et al. 2017, IEEE TMI 36(8):1746-1757; the steps here are our own.
    """
    kernels = kernels_for(device)
    here, there = _ready(prior, prior_lungs), _ready(current, current_lungs)
    fit = _fitted(here, there, kernels)
    try:
        refuse_unless_registrable(fit.kept_fraction, fit.median_agreement)
    except NotRegistrable:
        _refuse_if_turned_over(here, current, kernels)
        raise
    support = Support(fit.keypoints.points_mm[fit.kept], fit.residuals_mm[fit.kept])
    judged = _judged_points_mm(here)
    expected = support.expected_error_mm(judged)
    return Registration(
        mapping=fit.mapping,
        prior_rotation=here.frame.rotation,
        current_rotation=there.frame.rotation,
        support=support,
        median_residual_mm=float(np.nanmedian(expected)),
        inverse_error_mm=_inverse_error_mm(here, there, fit, kernels),
        fold_fraction=fold_fraction(fit.mapping, judged),
        kept_fraction=fit.kept_fraction,
        median_agreement=fit.median_agreement,
        method=_method(fit, kernels),
    )


def _method(fit: _Fit, kernels: Kernels) -> str:
    """What made the map, with what was left off and where it ran."""
    left = len(fit.mapping.levels)
    coarser = f", coarser: {left} of {left + fit.left_off} splines" if fit.left_off else ""
    return f"{METHOD}{coarser}{f', on {kernels.name}' if kernels.name else ''}"


def _ready(volume: Volume, lungs: Lungs | None) -> _Scan:
    """Build the levels of a scan, and find its lungs if nobody has."""
    frame = Frame.of(volume)
    lungs = lungs or segment_lungs(volume)
    if not np.allclose(lungs.direction, frame.rotation, atol=1e-6):
        raise ValueError("these lungs belong to a scan with another orientation")
    spacing, origin = np.asarray(lungs.spacing_zyx_mm), frame.from_lps(lungs.origin_lps_mm)
    mask = Grid(lungs.mask.astype(np.int16), spacing, origin)
    points = lung_points_mm(lungs, origin)
    coarse = windowed(block_means(volume, frame, COARSE_MM))
    fine = crop_around(volume, frame, points.min(axis=0), points.max(axis=0))
    return _Scan(
        frame=frame,
        lungs=lungs,
        mask=mask,
        coarse=coarse,
        fine=lung_image(fine, mask, coarse),
        lung_points_mm=points,
    )


def _fitted(here: _Scan, there: _Scan, kernels: Kernels) -> _Fit:
    """Search and refine."""
    found_points = find_keypoints(here.fine)
    if len(found_points.scores) < LEAST_KEYPOINTS:
        raise NotRegistrable(reason="the lungs of the prior scan show too little structure")
    keypoints, held_out_mm = _parted(found_points)
    start = start_affine(here.lungs, there.lungs, here.mask.origin_mm, there.mask.origin_mm)
    low_mm, high_mm = here.lung_points_mm.min(axis=0) - 5.0, here.lung_points_mm.max(axis=0) + 5.0
    mapping = coarse_mapping(here.coarse, there.coarse, keypoints, start, low_mm, high_mm, kernels)
    judged = _judged_points_mm(here)
    rounds = list(ROUNDS)
    while True:
        turn = rounds.pop(0)
        places_mm = mapping(keypoints.points_mm)
        found = _moved(here, there, keypoints.points_mm, places_mm, mapping, turn, kernels)
        steps_mm = found.points_mm - places_mm
        trust = _trust(found, steps_mm, turn, there.fine.grid)
        weights = trust[:, None, None] * known_directions(found.structure)
        grid = SplineGrid.over(low_mm, high_mm, turn.node_mm)
        fit = _fold_free_fit(mapping, grid, keypoints, steps_mm, weights, turn.stiffness, judged, kernels)
        mapping = mapping.plus(fit.spline)
        if not rounds:
            gone_mm = np.linalg.norm(mapping(keypoints.points_mm) - places_mm, axis=1)[trust > KEPT_WEIGHT]
            if turn is LAST_ROUND or not len(gone_mm) or np.median(gone_mm) <= STILL_MOVING_MM:
                break
            rounds.append(LAST_ROUND)
    kept = np.trace(weights, axis1=1, axis2=2) / 3 * fit.trust > KEPT_WEIGHT
    residuals_mm = fit.residuals_mm
    best = no_worse_than_coarser(mapping, held_out_mm, _counterparts_mm(mapping, held_out_mm, here, there, kernels))
    left_off = len(mapping.levels) - len(best.levels)
    if left_off:
        mapping = best
        residuals_mm = np.linalg.norm(found.points_mm - mapping(keypoints.points_mm), axis=1)
    common = there.fine.grid.contains(mapping(keypoints.points_mm))
    return _Fit(
        mapping=mapping,
        keypoints=keypoints,
        residuals_mm=residuals_mm,
        kept=kept,
        kept_fraction=int(np.count_nonzero(kept & common)) / max(int(np.count_nonzero(common)), 1),
        median_agreement=float(np.median(found.agreement[common])) if common.any() else -1.0,
        left_off=left_off,
    )


def _parted(keypoints: Keypoints) -> tuple[Keypoints, NDArray[np.float64]]:
    """The keypoints that are fitted, and points (n, 3) that are only asked afterwards."""
    held = np.zeros(len(keypoints.scores), dtype=bool)
    held[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY] = True
    return Keypoints(keypoints.points_mm[~held], keypoints.scores[~held]), keypoints.points_mm[held]


def _counterparts_mm(
    mapping: Mapping, points_mm: NDArray[np.float64], here: _Scan, there: _Scan, kernels: Kernels
) -> NDArray[np.float64]:
    """Where the patches of points (n, 3) are found, sought from the map and from its affine start alike; NaN where
    neither finds them.
    """
    start = replace(mapping, levels=())
    tried = [_moved(here, there, points_mm, one(points_mm), one, ROUNDS[0], kernels) for one in (start, mapping)]
    better = np.where((tried[0].agreement > tried[1].agreement)[:, None], tried[0].points_mm, tried[1].points_mm)
    agreement = np.maximum(tried[0].agreement, tried[1].agreement)
    return np.where((agreement > SAME_PLACE_AGREEMENT)[:, None], better, np.nan)


def _moved(
    here: _Scan,
    there: _Scan,
    points_mm: NDArray[np.float64],
    places_mm: NDArray[np.float64],
    mapping: Mapping,
    turn: Round,
    kernels: Kernels,
) -> Moved:
    return kernels.moved(
        here.fine,
        there.fine,
        points_mm,
        places_mm,
        mapping.jacobians(points_mm),
        sigma_mm=turn.sigma_mm,
        half_width_mm=turn.half_width_mm,
    )


def _trust(found: Moved, steps_mm: NDArray[np.float64], turn: Round, other: Grid) -> NDArray[np.float64]:
    """How far each keypoint (n,) is believed: patches that agree, and did not run far or out."""
    agreeing = np.clip(found.agreement, 0, 1) ** 8
    near = np.linalg.norm(steps_mm, axis=1) < turn.longest_mm
    return np.asarray(agreeing * near * other.contains(found.points_mm))


def _fold_free_fit(
    mapping: Mapping,
    grid: SplineGrid,
    keypoints: Keypoints,
    steps_mm: NDArray[np.float64],
    weights: NDArray[np.float64],
    stiffness: float,
    judged_mm: NDArray[np.float64],
    kernels: Kernels,
) -> SplineFit:
    """Fit the steps; where that would fold the map, fit them again, stiffer."""
    for _ in range(STIFFENINGS):
        fit = kernels.fit_spline(
            grid, keypoints.points_mm, steps_mm, weights, stiffness=stiffness, least_outlier_mm=OUTLIER_MM
        )
        if fold_fraction(mapping.plus(fit.spline), judged_mm) == 0:
            return fit
        stiffness *= STIFFER
    return kernels.fit_spline(
        grid, keypoints.points_mm, steps_mm, weights, stiffness=stiffness, least_outlier_mm=OUTLIER_MM
    )


def _judged_points_mm(scan: _Scan) -> NDArray[np.float64]:
    """A lattice of points (n, 3) over the lungs."""
    mask = np.zeros_like(scan.lungs.mask)
    every = slice(None, None, JUDGED_EVERY)
    mask[every, every, every] = scan.lungs.mask[every, every, every]
    lattice: NDArray[np.float64] = np.argwhere(mask) * scan.mask.spacing_mm + scan.mask.origin_mm
    return lattice


def _inverse_error_mm(here: _Scan, there: _Scan, fit: _Fit, kernels: Kernels) -> float:
    """Median distance that places of the current scan would move, asked for their points on the prior."""
    kept = Keypoints(fit.keypoints.points_mm[fit.kept], fit.keypoints.scores[fit.kept])
    points_mm = kept.points_mm[thinned(kept, INVERSE_CELL_MM)]
    turn = ROUNDS[-1]
    found = kernels.moved(
        there.fine,
        here.fine,
        fit.mapping(points_mm),
        points_mm,
        np.asarray(np.linalg.inv(fit.mapping.jacobians(points_mm)), dtype=np.float64),
        sigma_mm=turn.sigma_mm,
        half_width_mm=turn.half_width_mm,
    )
    steps_mm = found.points_mm - points_mm
    believed = _trust(found, steps_mm, turn, here.fine.grid) > KEPT_WEIGHT
    return float(np.median(np.linalg.norm(steps_mm[believed], axis=1))) if believed.any() else float("nan")


def _refuse_if_turned_over(here: _Scan, current: Volume, kernels: Kernels) -> None:
    """Look whether the scans match once the current one is reversed along the body or from left to right."""
    frame = Frame.of(current)
    for frame_axis, how in ((0, "upside down"), (2, "mirrored left to right")):
        flipped = np.ascontiguousarray(np.flip(current.array_hu, axis=frame.array_axes[frame_axis]))
        turned = Volume(flipped, current.spacing_zyx_mm, current.origin_lps_mm, current.direction)
        fit = _fitted(here, _ready(turned, None), kernels)
        try:
            refuse_unless_registrable(fit.kept_fraction, fit.median_agreement)
        except NotRegistrable:
            continue
        raise TurnedOver(how=how)
