"""A last small step at single places: the lung right around a point, at full resolution.

The map is smooth over a centimetre, a lung is not. Around a place that was asked for, the two scans are held against
each other once more, in their own voxels and with the nodule itself left out, as it may have grown. The step is taken
only where the surroundings then agree better, and it stays within what the map may be off by; its weight is the share
that chance leaves it, so that a step which its own surroundings do not agree on hardly moves the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from registration.grid import Grid, LungImage
from registration.interior import seen_within, well_inside
from registration.lungs import Lungs
from registration.mapping import Mapping
from registration.pyramid import COARSE_MM, Frame, block_means, crop_around
from registration.refine import agreement_at, known_directions, moved
from registration.transform import Registration
from registration.volume import Volume

FULL_MM: Final = 0.7
SIGMA_MM: Final = 8.0  # wide: what is lost where the lung bends is less than what noise costs a narrow one
HALF_WIDTH_MM: Final = 12.0
AROUND_HOLLOW_MM: Final = (4.0, 8.0)  # what sigma and half width are at least beyond a nodule that is left out
PROBE_SIGMA_MM: Final = 3.0
PROBE_HALF_WIDTH_MM: Final = 4.5
PROBE_MM: Final = 4.0  # from the point, or from the border of what is left out
STEP_ROOM_MM: Final = 3.0
FURTHEST_SIGMAS: Final = 3.0  # of the map's expected error: a longer step found another structure
LEAST_AGREEMENT: Final = 0.5
FEWEST_PROBES: Final = 5
BELIEVED: Final = 0.05  # mean weight of a probe that has a say
FLOOR_MM: Final = 0.05
# Fitted on moved real scans and simulated patients: the probes share more than their overlap, and what surrounds a
# nodule moves otherwise than its middle, the more the larger it is.
SPREAD_FACTOR: Final = 2.0
HOLLOW_FACTOR: Final = 0.1
NODULE_SHARE: Final = 0.65  # of a nodule's diameter, and HOLLOW_MORE_MM, is left out around its middle
HOLLOW_MORE_MM: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Places on the current scan after the last step.

    Parameters
    ----------
    places_lps_mm : (n, 3)
        NaN where the map does not reach.
    residuals_mm : (n,)
        Expected distance from the truth (1 sigma); the map's own where no step was taken.
    moved : (n,)
        Where a step was taken.
    """

    places_lps_mm: NDArray[np.float64]
    residuals_mm: NDArray[np.float64]
    moved: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LocalScan:
    """A scan for last steps: its voxels, and where in it nothing but lung is seen; that is looked at when first asked.

    Parameters
    ----------
    lungs
        Of this scan.
    """

    volume: Volume
    lungs: Lungs

    @cached_property
    def frame(self) -> Frame:
        """Of the volume."""
        return Frame.of(self.volume)

    @cached_property
    def inner(self) -> Grid:
        """Where nothing but lung is seen; takes a tenth of a second at full size."""
        lungs = self.lungs
        origin_mm = self.frame.from_lps(lungs.origin_lps_mm)
        mask = Grid(lungs.mask.astype(np.int16), np.asarray(lungs.spacing_zyx_mm), origin_mm)
        return well_inside(mask, block_means(self.volume, self.frame, COARSE_MM))

    def around(self, centre_mm: NDArray[np.float64], reach_mm: float, hollow_mm: float) -> LungImage | None:
        """The full resolution around a frame point (3,), a ball left out; None beyond the scan."""
        if not bool(self.volume.contains(self.frame.to_lps(centre_mm))):
            return None
        grid = crop_around(self.volume, self.frame, centre_mm, centre_mm, margin_mm=reach_mm, target_mm=FULL_MM)
        seen = seen_within(grid, self.inner)
        z, y, x = (
            (np.arange(count) * step + first - at) ** 2
            for count, step, first, at in zip(grid.image.shape, grid.spacing_mm, grid.origin_mm, centre_mm, strict=True)
        )
        ball = z[:, None, None] + y[None, :, None] + x[None, None, :] < hollow_mm**2
        return seen._replace(inner=np.where(ball, 0, seen.inner).astype(np.uint8))


def hollow_mm(diameter_mm: ArrayLike) -> NDArray[np.float64]:
    """Radius (n,) that is left out around nodules of these diameters (n,): they may have grown by half."""
    return np.asarray(NODULE_SHARE * np.asarray(diameter_mm, dtype=np.float64) + HOLLOW_MORE_MM)


def refine_places(
    prior: LocalScan,
    current: LocalScan,
    registration: Registration,
    points_lps_mm: ArrayLike,
    *,
    left_out_mm: ArrayLike = 0.0,
) -> Refined:
    """Carry points from the prior scan to the current one, each with a last step of its own.

    Parameters
    ----------
    prior, current
        The scans that were registered; handed over again, they are not looked at again.
    points_lps_mm : (n, 3)
        Patient coordinates of the prior scan.
    left_out_mm : (n,) or ()
        Radius around each point that has no say, see :func:`hollow_mm`.
    """
    points_mm = prior.frame.from_lps(np.asarray(points_lps_mm, dtype=np.float64).reshape(-1, 3))
    hollows_mm = np.broadcast_to(np.asarray(left_out_mm, dtype=np.float64), len(points_mm))
    residuals_mm = registration.support.expected_error_mm(points_mm)
    reached = np.flatnonzero(np.isfinite(residuals_mm))
    places_mm, taken = np.full_like(points_mm, np.nan), np.zeros(len(points_mm), dtype=bool)
    places_mm[reached] = registration.mapping(points_mm[reached])
    for number in reached.tolist():
        expected_mm, hollow = float(residuals_mm[number]), float(hollows_mm[number])
        step = _step(prior, current, registration.mapping, points_mm[number], expected_mm, hollow)
        if step is not None:
            places_mm[number] += step[0]
            residuals_mm[number], taken[number] = step[1], True
    return Refined(current.frame.to_lps(places_mm), residuals_mm, taken)


def refine_on_prior(
    prior: LocalScan,
    current: LocalScan,
    registration: Registration,
    points_lps_mm: ArrayLike,
    *,
    left_out_mm: ArrayLike = 0.0,
) -> Refined:
    """The same the other way round: points (n, 3) of the current scan to the prior one."""
    asked = np.asarray(points_lps_mm, dtype=np.float64).reshape(-1, 3)
    before = registration.prior_from_current(asked)
    found = refine_places(prior, current, registration, before, left_out_mm=left_out_mm)
    known = np.flatnonzero(found.moved)
    off_mm = found.places_lps_mm[known] - asked[known]
    back_mm = np.linalg.solve(registration.jacobians(before[known]), off_mm[:, :, None])[:, :, 0]
    before[known] -= back_mm
    return Refined(before, found.residuals_mm, found.moved)


def _step(
    here: LocalScan,
    there: LocalScan,
    mapping: Mapping,
    point_mm: NDArray[np.float64],
    expected_mm: float,
    hollow: float,
) -> tuple[NDArray[np.float64], float] | None:
    """The step (3,) at one point and the error that is left after it; None where none is to be taken."""
    sigma_mm = max(SIGMA_MM, hollow + AROUND_HOLLOW_MM[0])
    half_mm = max(HALF_WIDTH_MM, hollow + AROUND_HOLLOW_MM[1])
    probes_mm = point_mm + _directions() * (PROBE_MM + hollow)
    reach_mm = max(half_mm, PROBE_MM + hollow + PROBE_HALF_WIDTH_MM) + STEP_ROOM_MM
    (place_mm,) = mapping(point_mm[None])
    lung, other = here.around(point_mm, reach_mm, hollow), there.around(place_mm, reach_mm, hollow)
    if lung is None or other is None or min(*lung.image.shape, *other.image.shape) < 5:
        return None
    window = {"sigma_mm": sigma_mm, "half_width_mm": half_mm}
    found = moved(lung, other, point_mm[None], place_mm[None], mapping.jacobians(point_mm[None]), **window)
    step_mm = found.points_mm[0] - place_mm
    length_mm = float(np.linalg.norm(step_mm))
    if found.agreement[0] < LEAST_AGREEMENT or length_mm > FURTHEST_SIGMAS * expected_mm:
        return None
    spread_mm = _spread_mm(lung, other, mapping, probes_mm, step_mm)
    if spread_mm is None:
        return None
    left_mm = float(np.linalg.norm([FLOOR_MM, SPREAD_FACTOR * spread_mm, HOLLOW_FACTOR * hollow]))
    share = expected_mm**2 / (expected_mm**2 + left_mm**2)
    return share * step_mm, max(FLOOR_MM, left_mm * float(np.sqrt(share)))


def _spread_mm(
    lung: LungImage,
    other: LungImage,
    mapping: Mapping,
    probes_mm: NDArray[np.float64],
    step_mm: NDArray[np.float64],
) -> float | None:
    """How sure a step is, by the steps that the surroundings would take each for itself; None where it helps less than
    half of them.
    """
    places_mm, jacobians = mapping(probes_mm), mapping.jacobians(probes_mm)
    window = {"sigma_mm": PROBE_SIGMA_MM, "half_width_mm": PROBE_HALF_WIDTH_MM}
    before = agreement_at(lung, other, probes_mm, places_mm, jacobians, **window)
    after = agreement_at(lung, other, probes_mm, places_mm + step_mm, jacobians, **window)
    seen = (before > -1) & (after > -1)
    if np.count_nonzero(seen) < FEWEST_PROBES or np.median(after[seen]) <= np.median(before[seen]):
        return None
    own = moved(lung, other, probes_mm, places_mm + step_mm, jacobians, **window)
    weights = np.clip(own.agreement, 0, 1)[:, None, None] ** 8 * known_directions(own.structure)
    strength = np.trace(weights, axis1=1, axis2=2) / 3
    believed = strength > BELIEVED
    count = int(np.count_nonzero(believed))
    if count < FEWEST_PROBES:
        return None
    off_mm = own.points_mm - places_mm - step_mm
    squared = np.einsum("ni,nij,nj->n", off_mm, weights, off_mm)[believed] / strength[believed]
    # Neighbouring probes share half of what they see, so that they count as half as many.
    return float(np.sqrt(np.median(squared) / (count / 2)))


def _directions() -> NDArray[np.float64]:
    """Unit vectors (14, 3) to the faces and corners of a cube."""
    faces = np.concatenate([np.eye(3), -np.eye(3)])
    corners = np.array([(z, y, x) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]) / np.sqrt(3)
    return np.concatenate([faces, corners])
