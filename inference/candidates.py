"""What may be a nodule: round bright spots of the lungs, without learned weights.

A blob filter at five sizes proposes; rays at full resolution check that the spot is dark all around, as a nodule is
and a vessel is not. The score is divided by the contrast, so that faint ground glass is not drowned by small bright
vessels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from inference.neighbourhood import FLOOR_HU, Floats
from inference.star import ray_directions
from inference.surroundings import is_clear_lung, is_in_field
from registration.grid import Grid
from registration.lungs import Lungs
from registration.pyramid import Frame, crop_around
from registration.volume import Volume

SCALES_MM: Final = (1.4, 2.0, 2.8, 4.0, 5.5)  # standard deviations; a ball answers most at 0.29 of its diameter
WINDOW_HU: Final = (-950.0, 50.0)
OUTSIDE_HU: Final = -860.0  # chest wall and mediastinum painted as lung
LEAST_RESPONSE: Final = 60.0
MOST_BY_RESPONSE: Final = 1500
MOST_LARGE: Final = 500  # besides these, spots of LARGE_SCALE_MM and more, where faint ground glass is found
LARGE_SCALE_MM: Final = 2.0
DECIMATION: Final = 0.55  # of the scale: grid on which that scale is filtered
APART_MM: Final = 3.0

RAY_STEP_MM: Final = 0.5
RAY_REACH_MM: Final = 13.0
EVERY_RAY: Final = 4  # of the 500
BRIGHTEST_LUNG_HU: Final = -650.0
LEAST_CONTRAST_HU: Final = 150.0
SMALLEST_MM: Final = 3.0
MOST_ESCAPING: Final = 0.45  # rays that never fall to half contrast
MOST_LONG: Final = 0.22  # rays longer than LONG_RATIO times the median
LONG_RATIO: Final = 2.2
TWICE_MOST_LONG: Final = 2 * MOST_LONG  # seen from beside the middle
LEAST_SCORE: Final = 0.3  # below this nearly all are vessels
LIMIT: Final = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spot that may be a nodule.

    Parameters
    ----------
    score
        Only its order means something; higher is more like a nodule.
    clear_elsewhere
        The other scan shows clear lung at its place: it may be new or gone. None when that was not looked at or
        cannot be told.
    """

    lps_mm: tuple[float, float, float]
    diameter_mm: float
    contrast_hu: float
    score: float
    clear_elsewhere: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Spots:
    """Maxima of the blob filter: positions (n, 3) in the frame, response (n,) and scale (n,)."""

    points_mm: Floats
    response: Floats
    scale_mm: Floats

    def __getitem__(self, chosen: NDArray[np.int_] | NDArray[np.bool_]) -> _Spots:
        return _Spots(self.points_mm[chosen], self.response[chosen], self.scale_mm[chosen])


def find_candidates(volume: Volume, lungs: Lungs, *, limit: int = LIMIT) -> tuple[Candidate, ...]:
    """Propose nodules of about 4 to 20 mm.

    Parameters
    ----------
    lungs
        Of this scan.
    limit
        How many to give at most.

    Returns
    -------
    Candidates, best first.
    """
    frame = Frame.of(volume)
    grid, lung = _lung_image(volume, frame, lungs)
    spots = _best_of_both_lists(_apart(_all_scales(grid, lung)))
    if not len(spots.response):
        return ()
    candidates = _checked_by_rays(volume, frame.to_lps(spots.points_mm), spots)
    likely = (candidate for candidate in candidates if candidate.score >= LEAST_SCORE)
    return tuple(sorted(likely, key=lambda candidate: -candidate.score)[:limit])


def look_elsewhere(
    candidates: Sequence[Candidate], other: Volume, places_lps_mm: NDArray[np.float64]
) -> tuple[Candidate, ...]:
    """Note for each candidate whether the other scan is clear at its place, and put those first.

    Parameters
    ----------
    places_lps_mm : (n, 3)
        The candidates carried to the other scan; NaN where the map does not reach.
    """
    noted = [
        replace(candidate, clear_elsewhere=_clear(other, place, candidate))
        for candidate, place in zip(candidates, places_lps_mm, strict=True)
    ]
    return tuple(sorted(noted, key=lambda candidate: (candidate.clear_elsewhere is not True, -candidate.score)))


def _clear(other: Volume, place_lps_mm: Floats, candidate: Candidate) -> bool | None:
    if not is_in_field(other, place_lps_mm):
        return None
    return is_clear_lung(other, place_lps_mm, diameter_mm=candidate.diameter_mm, contrast_hu=candidate.contrast_hu)


def _lung_image(volume: Volume, frame: Frame, lungs: Lungs) -> tuple[Grid, NDArray[np.float32]]:
    """The lungs at about 1.4 mm with everything else painted as lung."""
    spacing, origin = np.asarray(lungs.spacing_zyx_mm), frame.from_lps(lungs.origin_lps_mm)
    inside = np.argwhere(lungs.mask > 0)
    grid = crop_around(volume, frame, inside.min(axis=0) * spacing + origin, inside.max(axis=0) * spacing + origin)
    axes = [
        np.clip(np.rint((np.arange(n) * step + first - start) / coarse).astype(int), 0, size - 1)
        for n, step, first, start, coarse, size in zip(
            grid.image.shape, grid.spacing_mm, grid.origin_mm, origin, spacing, lungs.mask.shape, strict=True
        )
    ]
    in_lung = (lungs.mask > 0)[np.ix_(*axes)]
    image = np.clip(grid.image, *WINDOW_HU).astype(np.float32)
    image[~in_lung] = OUTSIDE_HU
    return grid, image


def _all_scales(grid: Grid, image: NDArray[np.float32]) -> _Spots:
    found = [_spots_of(grid, image, scale) for scale in SCALES_MM]
    return _Spots(
        np.concatenate([spots.points_mm for spots in found]),
        np.concatenate([spots.response for spots in found]),
        np.concatenate([spots.scale_mm for spots in found]),
    )


def _spots_of(grid: Grid, image: NDArray[np.float32], scale_mm: float) -> _Spots:
    """Maxima of the scale-normalised Laplacian, weighted by how equally bright the three directions curve."""
    step = np.maximum(1, np.round(scale_mm * DECIMATION / grid.spacing_mm)).astype(int)
    means = _decimated(image, step)
    spacing = grid.spacing_mm * step
    missing = np.sqrt(np.maximum(scale_mm**2 - spacing**2 / 12, 0.3))  # the block means have blurred already
    smooth = ndimage.gaussian_filter(means, missing / spacing, mode="nearest", truncate=3.0)
    curvature = sum(_second_difference(smooth, axis) / spacing[axis] ** 2 for axis in range(3))
    brightness = -(scale_mm**2) * np.asarray(curvature, np.float32)
    peaks = (ndimage.maximum_filter(brightness, 3) == brightness) & (brightness > LEAST_RESPONSE)
    peaks[[0, -1]] = peaks[:, [0, -1]] = peaks[:, :, [0, -1]] = False
    index = np.argwhere(peaks)
    roundness = _roundness(smooth, index, spacing)
    response = brightness[peaks] * np.sqrt(roundness)
    kept = response > LEAST_RESPONSE
    points = index[kept] * spacing + grid.origin_mm + (step - 1) / 2 * grid.spacing_mm
    return _Spots(points, response[kept].astype(np.float64), np.full(int(kept.sum()), scale_mm))


def _decimated(image: NDArray[np.float32], step: NDArray[np.int_]) -> NDArray[np.float32]:
    if (step == 1).all():
        return image
    count = np.asarray(image.shape) // step
    whole = image[: count[0] * step[0], : count[1] * step[1], : count[2] * step[2]]
    blocks = whole.reshape(count[0], step[0], count[1], step[1], count[2], step[2])
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3, 5))
    return means


def _second_difference(image: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    bent = np.zeros_like(image)
    here = np.moveaxis(image, axis, 0)
    np.moveaxis(bent, axis, 0)[1:-1] = here[2:] + here[:-2] - 2 * here[1:-1]
    return bent


def _roundness(smooth: NDArray[np.float32], index: NDArray[np.int_], spacing: Floats) -> Floats:
    """27 det / trace^3 of the negative Hessian (n,): 1 for a ball, near 0 for a tube or a plate, 0 where not a peak."""
    hessian = np.empty((len(index), 3, 3))
    unit = np.eye(3, dtype=int)

    def value(offset: NDArray[np.int_]) -> Floats:
        z, y, x = (index + offset).T
        at: Floats = smooth[z, y, x].astype(np.float64)
        return at

    middle = value(np.zeros(3, int))
    for a in range(3):
        hessian[:, a, a] = (value(unit[a]) + value(-unit[a]) - 2 * middle) / spacing[a] ** 2
        for b in range(a):
            mixed = value(unit[a] + unit[b]) - value(unit[a] - unit[b])
            mixed += value(-unit[a] - unit[b]) - value(unit[b] - unit[a])
            hessian[:, a, b] = hessian[:, b, a] = mixed / (4 * spacing[a] * spacing[b])
    bright = -np.linalg.eigvalsh(hessian)
    trace = bright.sum(axis=1)
    round_: Floats = 27 * bright.prod(axis=1) / np.maximum(trace, 1e-6) ** 3
    return np.where((bright > 0).all(axis=1), round_, 0.0)


def _apart(spots: _Spots) -> _Spots:
    """Keep the strongest answer of each place over all scales."""
    ordered = spots[np.argsort(-spots.response, kind="stable")]
    if not len(ordered.response):
        return ordered
    reach = np.maximum(APART_MM, 1.2 * ordered.scale_mm)
    alive = np.ones(len(reach), bool)
    for first, others in enumerate(cKDTree(ordered.points_mm).query_ball_point(ordered.points_mm, reach)):
        if alive[first]:
            alive[[other for other in others if other > first]] = False
    return ordered[alive]


def _best_of_both_lists(spots: _Spots) -> _Spots:
    """Strongest answers, and besides them the strongest large ones."""
    rank = np.arange(len(spots.response))
    large = spots.scale_mm >= LARGE_SCALE_MM
    chosen = rank < MOST_BY_RESPONSE
    chosen[rank[large & ~chosen][:MOST_LARGE]] = True
    return spots[chosen]


def _checked_by_rays(volume: Volume, points_lps_mm: Floats, spots: _Spots) -> list[Candidate]:
    """Look outward from each spot in the scan's own voxels, and once more from the middle of what was seen."""
    found = []
    for index, response in zip(volume.index_from_lps(points_lps_mm), spots.response, strict=True):
        seen = _look_around(volume, index)
        if seen is not None and seen.long < TWICE_MOST_LONG:
            seen = _look_around(volume, seen.middle_zyx) or seen
        if seen is not None and seen.long < MOST_LONG and seen.diameter_mm >= SMALLEST_MM:
            x, y, z = (float(v) for v in volume.lps_from_index(seen.middle_zyx))
            score = float(response) / seen.contrast_hu * (1 - seen.long) ** 2 * (1 - seen.escaping / 2)
            found.append(Candidate((x, y, z), seen.diameter_mm, seen.contrast_hu, score))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What the rays from one spot met. ``long`` and ``escaping`` are shares of the rays."""

    middle_zyx: Floats
    diameter_mm: float
    contrast_hu: float
    escaping: float
    long: float


def _look_around(volume: Volume, centre_zyx: Floats) -> _Seen | None:
    """Send rays out from an index; None when what is there does not stand out or has no border."""
    directions = ray_directions()[::EVERY_RAY]
    along = np.arange(RAY_STEP_MM, RAY_REACH_MM, RAY_STEP_MM)
    spacing = np.asarray(volume.spacing_zyx_mm)
    index = np.rint(centre_zyx + directions[:, None] * along[:, None] / spacing).astype(np.intp)
    index = np.clip(index, 0, np.asarray(volume.shape_zyx) - 1)
    rays = np.maximum(volume.array_hu[tuple(np.moveaxis(index, -1, 0))], FLOOR_HU)
    core = float(np.median(rays[:, :2]))
    shell = rays[:, (along >= 5) & (along <= 8)]
    lung = min(float(np.percentile(shell, 30)), BRIGHTEST_LUNG_HU)
    if core - lung < LEAST_CONTRAST_HU:
        return None
    below = rays < (lung + core) / 2
    ends = below.any(axis=1)
    escaping = 1 - float(ends.mean())
    if escaping >= MOST_ESCAPING:
        return None
    radius = along[below.argmax(axis=1)[ends]] - RAY_STEP_MM / 2
    middle = float(np.median(radius))
    within = radius <= LONG_RATIO * middle
    shift = (directions[ends][within] * radius[within, None]).mean(axis=0)
    return _Seen(centre_zyx + shift / spacing, 2 * middle, core - lung, escaping, 1 - float(within.mean()))
