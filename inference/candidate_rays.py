"""Rays from bright spots to the dark around them: how large, how round, and on what they hang. Compiled.

A nodule ends in nearly every direction at about the same distance; a vessel goes on in two directions, a fork in three,
a fissure in a whole plane. Rays that leave the lung say nothing of the nodule and are not counted.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from inference.neighbourhood import FLOOR_HU
from inference.star import ray_directions
from registration.grid import Grid
from registration.kernels import Doubles, ImageHu, Wholes, inside, kernel, parallel_kernel
from registration.lungs import Lungs
from registration.pyramid import Frame
from registration.volume import Volume

EVERY_RAY: Final = 4  # of the 500
NO_LIMIT_HU: Final = 3071.0  # the brightest that 12 bits hold
STEP_MM: Final = 0.5
STEPS: Final = 28
CORE_STEPS: Final = 3  # samples within a millimetre of the spot
SHELL_STEPS: Final = (10, 18)  # 5 to 9 mm away: there the lung around is looked for
DARKEST: Final = 0.3  # quantile of the shell that is lung
BRIGHTEST_LUNG_HU: Final = -650.0
FEWEST_SAMPLES: Final = 20
FEWEST_RAYS: Final = 10

ROUNDS: Final = 4  # each from the middle of what the last one saw
AT_REST_MM: Final = 0.2
FURTHEST_MM: Final = 6.0  # that the middle may move from the spot
LONG: Final = 1.6  # times the typical radius: the ray followed something
VERY_LONG: Final = 2.2
CAPPED: Final = 2.5  # longer rays count as this long, so that one vessel does not set the shape
CAPPED_AT_WALL: Final = 1.2
RING_FROM: Final = 1.5  # times the radius; from there STEPS_OF_RING steps are looked at
STEPS_OF_RING: Final = (1, 5)
RIM_AT: Final = 1.3  # times the radius, and one millimetre more: there a nodule has ended
THINNEST: Final = 0.05  # quantile of the chords through the middle that stands for the smallest
FILLED_TO: Final = 0.7  # times the radius: what a nodule fills evenly

CONTRAST, RADIUS, LONG_SHARE, VERY_LONG_SHARE, ESCAPING, AT_WALL = range(6)
ELONGATION, FLATNESS, SPREAD, CHORD, RING, RIM, RIM_MEDIAN, FILL, MOVED = range(6, 15)
FIGURES: Final = 15
BORDER, WALL, NO_END = 0, 1, 2


class SpotFigures(NamedTuple):
    """What the rays from each of ``n`` spots saw; each array (n,) unless said. NaN where they saw nothing.

    Parameters
    ----------
    middle_mm : (n, 3)
        Middle of what was seen, in the frame.
    contrast_hu, radius_mm
        Of the spot against the lung around it; median distance at which half the contrast is lost.
    long, very_long, escaping
        Shares of the rays within the lung: beyond 1.6 and 2.2 times the radius, and without an end.
    at_wall
        Share of all rays that left the lung before they ended.
    elongation, flatness
        Ratios of the axes of what was seen, longest to middle and middle to shortest.
    spread
        Standard deviation of the logarithm of the radius over the rays that are not long.
    chord
        Smallest chord through the middle, in radii: 2 for a ball, less for a plate or for what lies beside a vessel.
    ring
        Share of bright samples between 1.5 radii and 2 mm further.
    rim, rim_median
        Upper quartile and median, over the rays, of the contrast left at 1.3 radii and a millimetre: a nodule is over
        there.
    fill
        Contrast of what lies within 0.7 radii, as a share of that of the spot itself.
    moved_mm
        From the spot to the middle.
    """

    middle_mm: NDArray[np.float64]
    contrast_hu: NDArray[np.float64]
    radius_mm: NDArray[np.float64]
    long: NDArray[np.float64]
    very_long: NDArray[np.float64]
    escaping: NDArray[np.float64]
    at_wall: NDArray[np.float64]
    elongation: NDArray[np.float64]
    flatness: NDArray[np.float64]
    spread: NDArray[np.float64]
    chord: NDArray[np.float64]
    ring: NDArray[np.float64]
    rim: NDArray[np.float64]
    rim_median: NDArray[np.float64]
    fill: NDArray[np.float64]
    moved_mm: NDArray[np.float64]


class _View(NamedTuple):
    """A scan as the rays see it: from the frame to its index by ``turn`` and ``shift``, nothing above the highest."""

    image: ImageHu
    turn: Doubles
    shift: Doubles
    highest_hu: float


def look_around(
    volume: Volume,
    lungs: Lungs,
    frame: Frame,
    spots_mm: NDArray[np.float64],
    *,
    highest_hu: float = NO_LIMIT_HU,
) -> SpotFigures:
    """Send rays out from spots, in the scan's own voxels.

    Parameters
    ----------
    frame
        Of the volume; ``spots_mm`` (n, 3) are in it, order z, y, x.
    highest_hu
        What is brighter counts as this.
    """
    corners = volume.index_from_lps(frame.to_lps(np.vstack([np.zeros(3), np.eye(3)])))
    turn = np.ascontiguousarray((corners[1:] - corners[0]).T)
    mask = Grid(
        (lungs.mask > 0).astype(np.int16), np.asarray(lungs.spacing_zyx_mm), frame.from_lps(lungs.origin_lps_mm)
    )
    directions = np.ascontiguousarray(ray_directions()[::EVERY_RAY])
    figures, middles = np.full((len(spots_mm), FIGURES), np.nan), np.array(spots_mm, dtype=np.float64)
    spots_mm = np.ascontiguousarray(spots_mm)
    view = _View(volume.array_hu, turn, corners[0], float(highest_hu))
    _look(view, mask, directions, spots_mm, figures, middles)
    return SpotFigures(middles, *np.ascontiguousarray(figures.T))


@kernel
def _hu_at(view: _View, z_mm: float, y_mm: float, x_mm: float) -> float:
    """Attenuation at a place of the frame, trilinear, from air to the highest; beyond the border the border's value."""
    image, turn, shift = view.image, view.turn, view.shift
    z = turn[0, 0] * z_mm + turn[0, 1] * y_mm + turn[0, 2] * x_mm + shift[0]
    y = turn[1, 0] * z_mm + turn[1, 1] * y_mm + turn[1, 2] * x_mm + shift[1]
    x = turn[2, 0] * z_mm + turn[2, 1] * y_mm + turn[2, 2] * x_mm + shift[2]
    i = min(max(math.floor(z), 0), image.shape[0] - 2)
    j = min(max(math.floor(y), 0), image.shape[1] - 2)
    k = min(max(math.floor(x), 0), image.shape[2] - 2)
    fz, fy, fx = min(max(z - i, 0.0), 1.0), min(max(y - j, 0.0), 1.0), min(max(x - k, 0.0), 1.0)
    total = 0.0
    for a in range(2):
        for b in range(2):
            weight = (fz if a else 1.0 - fz) * (fy if b else 1.0 - fy)
            low = min(max(float(image[i + a, j + b, k]), FLOOR_HU), view.highest_hu)
            high = min(max(float(image[i + a, j + b, k + 1]), FLOOR_HU), view.highest_hu)
            total += weight * (low + fx * (high - low))
    return total


@kernel
def _cast(view: _View, lung: Grid, directions: Doubles, at: Doubles, hu: Doubles, lung_until: Wholes) -> None:
    """Fill ``hu`` (rays, STEPS), smoothed along each ray, and ``lung_until`` (rays,), the first step off the lung."""
    for ray in range(directions.shape[0]):
        lung_until[ray] = STEPS
        for step in range(STEPS):
            z = at[0] + directions[ray, 0] * step * STEP_MM
            y = at[1] + directions[ray, 1] * step * STEP_MM
            x = at[2] + directions[ray, 2] * step * STEP_MM
            if lung_until[ray] == STEPS and not inside(lung, z, y, x):
                lung_until[ray] = step
            hu[ray, step] = _hu_at(view, z, y, x)
        before = hu[ray, 0]
        for step in range(1, STEPS - 1):
            here = hu[ray, step]
            hu[ray, step] = 0.25 * before + 0.5 * here + 0.25 * hu[ray, step + 1]
            before = here


@kernel
def _levels(hu: Doubles, lung_until: Wholes) -> tuple[float, float]:
    """Attenuation of the spot and of the lung around it."""
    core = np.median(hu[:, :CORE_STEPS].copy().reshape(-1))
    shell = np.empty(hu.shape[0] * (SHELL_STEPS[1] - SHELL_STEPS[0]))
    count = 0
    for ray in range(hu.shape[0]):
        for step in range(SHELL_STEPS[0], min(SHELL_STEPS[1], lung_until[ray])):
            shell[count] = hu[ray, step]
            count += 1
    if count < FEWEST_SAMPLES:
        return core, BRIGHTEST_LUNG_HU
    shell = np.sort(shell[:count])
    return core, min(shell[int(DARKEST * count)], BRIGHTEST_LUNG_HU)


@kernel
def _ends(hu: Doubles, lung_until: Wholes, level_hu: float, length_mm: Doubles, how: Wholes) -> None:
    """Fill how long each ray is, and whether it found a border, left the lung, or has no end."""
    for ray in range(hu.shape[0]):
        length_mm[ray], how[ray] = (STEPS - 0.5) * STEP_MM, NO_END
        for step in range(STEPS):
            if step >= lung_until[ray]:
                length_mm[ray], how[ray] = max(step - 0.5, 0.5) * STEP_MM, WALL
                break
            if hu[ray, step] < level_hu:
                length_mm[ray], how[ray] = 0.25, BORDER
                if step > 0:
                    drop = max(hu[ray, step - 1] - hu[ray, step], 1.0)
                    length_mm[ray] = max((step - 1 + (hu[ray, step - 1] - level_hu) / drop) * STEP_MM, 0.25)
                break


@kernel
def _typical_radius(length_mm: Doubles, how: Wholes) -> float:
    """Median length of the rays within the lung; 0 when there are too few."""
    within = np.sort(length_mm[how != WALL])
    return within[len(within) // 2] if len(within) >= FEWEST_RAYS else 0.0


@kernel
def _shape(directions: Doubles, length_mm: Doubles, how: Wholes, radius_mm: float, out: Doubles, pull: Doubles) -> None:
    """Fill the figures of shape, and ``pull`` (3,): where the middle of what was seen lies from the start."""
    second = np.zeros((3, 3))
    counted, long, very_long, no_end = 0, 0, 0, 0
    near, total, squares = 0, 0.0, 0.0
    pull[:] = 0.0
    for ray in range(len(length_mm)):
        ratio = length_mm[ray] / radius_mm
        at_wall = how[ray] == WALL
        capped = min(max(ratio, 1.0), CAPPED_AT_WALL) if at_wall else min(ratio, CAPPED)
        weight = (capped * radius_mm) ** 5
        for i in range(3):
            for j in range(3):
                second[i, j] += weight * directions[ray, i] * directions[ray, j]
        drawn = length_mm[ray] if not at_wall and ratio <= LONG else min(length_mm[ray], radius_mm)
        for i in range(3):
            pull[i] += 1.5 * drawn * directions[ray, i] / len(length_mm)
        if at_wall:
            continue
        counted += 1
        long += ratio > LONG
        very_long += ratio > VERY_LONG
        no_end += how[ray] == NO_END
        if ratio <= LONG:
            logarithm = math.log(length_mm[ray] + 0.3)  # rays of nothing must not outweigh all others
            near, total, squares = near + 1, total + logarithm, squares + logarithm**2
    axes = np.linalg.eigvalsh(second)
    out[LONG_SHARE], out[VERY_LONG_SHARE] = long / counted, very_long / counted
    out[ESCAPING], out[AT_WALL] = no_end / len(length_mm), 1.0 - counted / len(length_mm)
    out[ELONGATION], out[FLATNESS] = math.sqrt(axes[2] / axes[1]), math.sqrt(axes[1] / axes[0])
    out[SPREAD] = math.sqrt(max(squares / near - (total / near) ** 2, 0.0))


@kernel
def _opposite(directions: Doubles) -> Wholes:
    """For each direction the one that points away from it most."""
    found = np.empty(directions.shape[0], np.int64)
    for ray in range(directions.shape[0]):
        least = 2.0
        for other in range(directions.shape[0]):
            along = 0.0
            for i in range(3):
                along += directions[ray, i] * directions[other, i]
            if along < least:
                least, found[ray] = along, other
    return found


@kernel
def _smallest_chord(length_mm: Doubles, how: Wholes, opposite: Wholes, radius_mm: float) -> float:
    """Smallest chord through the middle in radii, of those with both ends within the lung; 2 where there is none."""
    chords = np.empty(len(length_mm))
    count = 0
    for ray in range(len(length_mm)):
        if how[ray] != WALL and how[opposite[ray]] != WALL:
            there_mm = length_mm[opposite[ray]]
            chords[count] = min(length_mm[ray] / radius_mm, CAPPED) + min(there_mm / radius_mm, CAPPED)
            count += 1
    return np.sort(chords[:count])[int(THINNEST * count)] if count else 2.0


@kernel
def _fill(hu: Doubles, lung_until: Wholes, core_hu: float, lung_hu: float, radius_mm: float) -> float:
    """Mean contrast within 0.7 radii as a share of that of the spot."""
    until = int(max(FILLED_TO * radius_mm / STEP_MM, 1.0)) + 1
    total, count = 0.0, 0
    for ray in range(hu.shape[0]):
        for step in range(min(until, lung_until[ray])):
            total += hu[ray, step]
            count += 1
    return (total / count - lung_hu) / max(core_hu - lung_hu, 60.0) if count else 0.0


@kernel
def _surroundings(hu: Doubles, lung_until: Wholes, core_hu: float, lung_hu: float, out: Doubles) -> None:
    """Fill what is still bright around the spot."""
    level_hu, radius_mm = (core_hu + lung_hu) / 2, out[RADIUS]
    first = int(RING_FROM * radius_mm / STEP_MM) + STEPS_OF_RING[0]
    last = int(RING_FROM * radius_mm / STEP_MM) + STEPS_OF_RING[1]
    rim_step = min(int((RIM_AT * radius_mm + 1.0) / STEP_MM + 0.5), STEPS - 1)
    rim = np.empty(hu.shape[0])
    bright, looked, at_rim = 0, 0, 0
    for ray in range(hu.shape[0]):
        for step in range(first, min(last, lung_until[ray])):
            looked += 1
            bright += hu[ray, step] > level_hu
        if rim_step < lung_until[ray]:
            rim[at_rim] = (hu[ray, rim_step] - lung_hu) / max(core_hu - lung_hu, 50.0)
            at_rim += 1
    out[RING] = bright / max(looked, 1)
    out[RIM], out[RIM_MEDIAN] = 1.0, 1.0
    if at_rim >= FEWEST_RAYS:
        rim = np.sort(rim[:at_rim])
        out[RIM], out[RIM_MEDIAN] = rim[(3 * at_rim) // 4], rim[at_rim // 2]
    out[FILL] = _fill(hu, lung_until, core_hu, lung_hu, radius_mm)


@parallel_kernel
def _look(
    view: _View, lung: Grid, directions: Doubles, spots_mm: Doubles, figures: Doubles, middles_mm: Doubles
) -> None:
    """Fill ``figures`` (n, FIGURES) and ``middles_mm`` (n, 3); a spot that shows nothing keeps what stood there."""
    opposite = _opposite(directions)
    for spot in numba.prange(spots_mm.shape[0]):
        rays = directions.shape[0]
        hu, length_mm, pull = np.empty((rays, STEPS)), np.empty(rays), np.zeros(3)
        lung_until, how = np.empty(rays, np.int64), np.empty(rays, np.int64)
        out, at = np.empty(FIGURES), spots_mm[spot].copy()
        for _ in range(ROUNDS):
            _cast(view, lung, directions, at, hu, lung_until)
            core_hu, lung_hu = _levels(hu, lung_until)
            _ends(hu, lung_until, (core_hu + lung_hu) / 2, length_mm, how)
            out[CONTRAST], out[RADIUS] = core_hu - lung_hu, _typical_radius(length_mm, how)
            if out[RADIUS] <= 0.0:
                break
            _shape(directions, length_mm, how, out[RADIUS], out, pull)
            out[CHORD] = _smallest_chord(length_mm, how, opposite, out[RADIUS])
            _surroundings(hu, lung_until, core_hu, lung_hu, out)
            out[MOVED] = math.sqrt(np.sum((at - spots_mm[spot]) ** 2))
            figures[spot], middles_mm[spot] = out, at
            step_mm = math.sqrt(np.sum(pull**2))
            at = at + pull
            if step_mm < AT_REST_MM or math.sqrt(np.sum((at - spots_mm[spot]) ** 2)) > FURTHEST_MM:
                break
