"""From one point inside a nodule to its border, in the scan's own voxels.

Rays leave the nodule's centre; each ends where the attenuation has fallen a fixed fraction of the way from the core
to the lung, or where the chest wall begins. A smooth star-shaped surface is fitted to the ends that agree, the centre
moves to the middle of it, and all is done again until it rests.

Where something hides the border it goes on as it came: behind the base as far as the wall but no further, past fat on
the wall not at all, and where a vessel joins as if there were none, the vessel's light taken off beside it. Such rays
stay marked: the volume there is geometric, elsewhere it is counted from the attenuation itself (``occupancy.py``). A
cavity is part of its nodule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, special

from inference.errors import (
    BorderNotFound,
    CutByScanEdge,
    NothingAtPoint,
    PointDrifted,
    PointNotInLung,
    TooLarge,
)
from inference.neighbourhood import FLOOR_HU, Floats, Neighbourhood, cut_neighbourhood, sample
from inference.star import LONG_RAY, LONG_RAY_MM, Star, first_crossing_mm, fit_log_radius, ray_directions
from inference.vessels import find_vessels, hidden_from, share_of_vessels, without_vessels
from inference.wall import Wall, find_wall
from registration.volume import Volume

BORDER_FRACTION = 0.35  # of the way from lung to core; ratios between dates were truest here (better than at 0.5)
# A blurred plane edge passes this level at so many standard deviations outside its true place.
LEVEL_OFFSET = float(special.ndtri(1 - BORDER_FRACTION))
HIGHEST_CORE_HU = 60.0  # calcified cores (1400 HU) would else pull the border into the nodule
LOWEST_CONTRAST_HU = 120.0
FAINTEST_HU = 110.0  # above lung: the first round looks this far out, so that a halo around a solid core is not missed
HALO_FROM_MM = 3.0  # radius; in smaller nodules blur alone makes a halo
HALO_FROM_SLICES = 2.0  # the same, in slices: thick ones blur the poles
HALO_DEPTH_MM = (1.1, 1.9)  # under the surface: there the ring is looked at
HALO_SHARE = 0.8  # of the core's contrast; the ring of a uniform nodule keeps more
HALO_HU = -400.0  # a ring brighter than this is the blurred border of something solid, no ground glass
CORE_SHARE = 0.45  # of the radius: well out of the border's blur
FEWEST_CORE = 12  # voxels for a typical value
NEAREST_CORE = 8
SECOND_TISSUE_HU = 60.0
LUNG_HU = -600.0
LUNG_WITHIN_MM = 12.0
LEAST_LUNG = 0.05  # share of aerated voxels within LUNG_WITHIN_MM
FAR_LUNG_MM = 25.0  # around a nodule that fills all that is near
LEAST_FAR_LUNG = 0.3
RAY_STEP_MM = 0.25
LEAST_VESSEL_HU = -600.0  # brighter beside a nodule of ground glass is a vessel
REACHES_MM = (13.0, 27.0)  # longest ray; the second only when the first does not hold the nodule
LARGEST_DIAMETER_MM = 45.0
NEAR_BORDER = 0.75  # of the radius: a vessel that ends deeper inside hides no border
UNENDED = 0.04  # trust in a ray that met no border
AT_WALL = 0.3  # the same of one that met the wall before a border: the wall's place is less sure
PAST_BORDER = 1.06  # of the radius (and LONG_RAY_MM more): the wall lies deeper than the nodule reaches
FAT_HU = -60.0  # brightest
LEAST_FAT_HU = -220.0
BRIGHTER_THAN_FAT_HU = 75.0  # half of what a solid nodule is, and well beyond the noise along a smoothed ray
LEAST_FAT_MM = 2.0  # the blurred border between something solid and lung passes this range within one
WIDTH_QUANTILE = 0.8
MOST_LEAKING = 0.6
ROUNDS = 7
REPEATS = 2
AT_REST_MM = 0.05
TYPICAL_BLUR_MM = 0.8  # of an edge in the smoothed copy, until this nodule's own is measured
SMOOTHING_ZYX_MM = (0.35, 0.5, 0.5)  # of the copy that the rays read


@dataclass(frozen=True, slots=True)
class Levels:
    """Attenuation of the aerated lung around and of the nodule's core."""

    lung_hu: float
    core_hu: float

    @property
    def contrast_hu(self) -> float:
        """How far the core stands out."""
        return self.core_hu - self.lung_hu

    def border_hu(self, fraction: float = BORDER_FRACTION) -> float:
        """Attenuation that counts as the border."""
        return self.lung_hu + fraction * self.contrast_hu


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Where the rays of a star ended and why.

    Parameters
    ----------
    ends_mm : (RAYS,)
    at_wall, long, vessel : (RAYS,)
        The ray ended at the chest wall; it followed something out of the nodule or never ended; of these, what it
        followed is known to be a vessel.
    """

    ends_mm: Floats
    at_wall: NDArray[np.bool_]
    long: NDArray[np.bool_]
    vessel: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The border of one nodule.

    Parameters
    ----------
    near, sealed
        The block of the scan as it is, and with cavities filled as the border was drawn on.
    blur_mm
        Standard deviation of the edge as the rays see it (scanner, kernel and smoothing), measured on this nodule.
    """

    near: Neighbourhood
    sealed: Neighbourhood
    star: Star
    levels: Levels
    rays: Rays
    wall: Wall | None
    blur_mm: float

    @property
    def leaking(self) -> NDArray[np.bool_]:
        """Rays (RAYS,) along which the attenuation tells nothing about the border."""
        return self.rays.long | self.rays.at_wall

    def centre_lps_mm(self, volume: Volume) -> Floats:
        """Centre of the star in the patient."""
        index = self.star.centre_mm / self.near.spacing_mm + np.asarray(self.near.start_zyx)
        return volume.lps_from_index(index)


def segment(volume: Volume, seed_lps_mm: ArrayLike) -> Segmentation:
    """Find the border of the nodule around a point.

    Parameters
    ----------
    seed_lps_mm : (3,)
        Anywhere inside the nodule.

    Raises
    ------
    PointOutsideScan, PointNotInLung, NothingAtPoint, BorderNotFound, PointDrifted, CutByScanEdge, TooLarge
    """
    for reach_mm in REACHES_MM:
        found = _segment_within(cut_neighbourhood(volume, seed_lps_mm, reach_mm + 5), reach_mm)
        for _ in range(REPEATS):
            # Lung, wall and core were judged from the asked point; judge them again from the middle of what was found,
            # so that two points in one nodule end alike.
            if found is not None:
                centre = found.centre_lps_mm(volume)
                if not bool(volume.contains(centre)):
                    raise CutByScanEdge
                near = cut_neighbourhood(volume, centre, reach_mm + 5)
                found = _segment_within(near, reach_mm, _clean_radius_mm(found))
        if found is not None:
            _check(found, np.asarray(seed_lps_mm, dtype=np.float64), volume)
            return found
    raise TooLarge(limit_mm=LARGEST_DIAMETER_MM)


def _clean_radius_mm(found: Segmentation) -> float:
    clean = found.star.ray_radii_mm()[~found.leaking]
    # A cap on the wall is wider than high, and what is thicker than its width is wall.
    return float(np.quantile(clean, WIDTH_QUANTILE)) if clean.size else 0.0


def _segment_within(around: Neighbourhood, reach_mm: float, radius_mm: float = 0.0) -> Segmentation | None:
    """Fit the star with rays of one length; None when the nodule does not fit into them."""
    near = around.sealed()
    smooth = near.smoothed(SMOOTHING_ZYX_MM)
    centre, levels = near.seed_mm, _first_levels(near)
    wall = find_wall(near, smooth, centre, radius_mm or _inscribed_radius_mm(near, smooth, levels))
    view = _View(near, smooth, wall, np.arange(RAY_STEP_MM, reach_mm, RAY_STEP_MM)).cleared(TYPICAL_BLUR_MM)
    for round_ in range(ROUNDS):
        star, rays = _fit(view, centre, levels, levels.border_hu() if round_ else levels.lung_hu + FAINTEST_HU)
        if float(np.median(star.ray_radii_mm())) > 0.8 * reach_mm:
            return None
        shift = np.clip(star.centroid_shift_mm(), -1.5, 1.5)
        levels = replace(levels, core_hu=_core_hu(view, star, levels))
        if round_ == 2:
            view = view.cleared(_blur_mm(view, star, rays, levels))
        if np.linalg.norm(shift) < AT_REST_MM and round_ > 2:
            break
        centre = centre + 0.8 * shift
    star, rays = _fit(view, centre, levels, levels.border_hu())
    if float(np.quantile(star.ray_radii_mm(), 0.9)) > 0.85 * reach_mm:
        return None
    return Segmentation(around, near, star, levels, rays, wall, _blur_mm(view, star, rays, levels))


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the rays see: the smoothed block, the wall, and how far they reach."""

    near: Neighbourhood
    smooth: NDArray[np.float32]
    wall: Wall | None
    along_mm: Floats
    lit: NDArray[np.float32] | None = None

    def cleared(self, blur_mm: float) -> _View:
        """Same view without the wall's glow."""
        smooth = self.lit if self.lit is not None else self.smooth
        if self.wall is None:
            return self
        return replace(self, smooth=self.wall.without_glow(smooth, blur_mm), lit=smooth)

    def along_rays(self, points_mm: Floats) -> tuple[NDArray[np.float32], Floats]:
        """Attenuation at points (RAYS, m, 3) of the rays, and how far the wall is along each (RAYS,)."""
        hu = sample(self.smooth, points_mm, self.near.spacing_mm)
        if self.wall is None:
            return hu, np.full(len(hu), np.inf)
        depth = sample(self.wall.depth_mm, points_mm, self.near.spacing_mm)
        to_wall, meets = first_crossing_mm(self.along_mm, depth, 0.0)
        return hu, np.where(meets, to_wall, np.inf)


def _fit(view: _View, centre: Floats, levels: Levels, border_hu: float) -> tuple[Star, Rays]:
    along = view.along_mm
    from_centre = ray_directions()[:, None] * along[:, None]
    hu, to_wall = view.along_rays(centre + from_centre)
    hidden = hidden_from(levels.contrast_hu, levels.lung_hu)
    hidden_mm = 2 * TYPICAL_BLUR_MM * float(special.ndtri(1 - hidden))  # along a ray that meets the wall aslant
    ends, ended, at_wall = _ends_mm(along, hu, to_wall, hidden_mm, border_hu)
    trust = np.where(ended, 1.0, UNENDED) * np.where(at_wall, AT_WALL, 1.0)
    star = Star(centre, fit_log_radius(ends, trust, at_wall))
    radii = star.ray_radii_mm()
    level_hu = max(border_hu, LEAST_VESSEL_HU)
    lung_side = np.where(along < to_wall[:, None], hu, np.float32(FLOOR_HU))
    vessels = find_vessels(lung_side, along, radii, ends, level_hu=level_hu, lung_hu=levels.lung_hu)
    vessel = np.zeros(len(ends), bool)
    if vessels:
        share, added = share_of_vessels(from_centre, vessels, TYPICAL_BLUR_MM)
        outer = along > NEAR_BORDER * radii[:, None]
        vessel = ((share > hidden) & outer & (along <= ends[:, None])).any(axis=1) & ~at_wall
        hu = without_vessels(hu, np.where((share < hidden) & outer, added, 0), levels.lung_hu)
        beside, ended_beside, _ = _ends_mm(along, hu, to_wall, hidden_mm, border_hu)
        ends, ended = np.where(vessel | at_wall, ends, beside), np.where(vessel | at_wall, ended, ended_beside)
        trust = np.where(ended & ~vessel, 1.0, UNENDED) * np.where(at_wall, AT_WALL, 1.0)
        star = Star(centre, fit_log_radius(ends, trust, at_wall))
        radii = star.ray_radii_mm()
    # What lies between the border as it goes on behind the base and the wall is no nodule: fat, or the angle beside it.
    long = ~ended | vessel | (ends > np.where(at_wall, PAST_BORDER, LONG_RAY) * radii + LONG_RAY_MM)
    if at_wall.any():  # fat lies along walls; elsewhere a faint vessel would look like it
        fat, fat_begins = _fat_begins_mm(along, hu, ends, levels)
        fat &= (long | at_wall) & ~vessel
        if fat.any():
            long |= fat
            ends = np.where(fat, fat_begins, ends)
            star = Star(centre, fit_log_radius(ends, np.where(fat, 1.0, trust), at_wall & ~fat))
            radii = star.ray_radii_mm()
    at_wall &= ~long
    if at_wall.any():
        star = Star(centre, fit_log_radius(np.where(long, radii, ends), np.ones(len(ends))))
    return star, Rays(ends, at_wall, long, vessel)


def _ends_mm(
    along_mm: Floats, hu: NDArray[np.float32], to_wall_mm: Floats, hidden_mm: float, border_hu: float
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Where each ray ends, whether at a border or wall, and whether at the wall; (RAYS,) each.

    So near the wall that its blur outshines the nodule (``hidden_mm``) no border is seen.
    """
    ends, crosses = first_crossing_mm(along_mm, hu, border_hu)
    at_wall = to_wall_mm < ends + hidden_mm
    return np.where(at_wall, to_wall_mm, ends), crosses | at_wall, at_wall


def _fat_begins_mm(
    along_mm: Floats, hu: NDArray[np.float32], ends_mm: Floats, levels: Levels
) -> tuple[NDArray[np.bool_], Floats]:
    """Rays (RAYS,) that pass from something solid into fat before they end, and where.

    Fat between a nodule and the wall is as bright as tissue against lung, but a solid nodule is brighter.
    """
    below = levels.core_hu - BRIGHTER_THAN_FAT_HU
    if below < FAT_HU:
        return np.zeros(len(ends_mm), bool), ends_mm
    before_end = along_mm < ends_mm[:, None]
    solid = before_end & (hu > below)
    last_solid = np.where(solid.any(axis=1), solid.shape[1] - 1 - solid[:, ::-1].argmax(axis=1), 0)
    begins = along_mm[last_solid]
    in_fat = before_end & (along_mm > begins[:, None]) & (hu > LEAST_FAT_HU)
    fat = in_fat.sum(axis=1) * RAY_STEP_MM > LEAST_FAT_MM
    # Ends lie where BORDER_FRACTION is left of the contrast, outside the true border.
    return fat, begins + LEVEL_OFFSET * TYPICAL_BLUR_MM


def _first_levels(near: Neighbourhood) -> Levels:
    """Lung around the point and brightness at it; refuses a point without lung around or without contrast."""
    distance = near.distance_mm(near.seed_mm)
    lung, share = _lung_around(near, distance, LUNG_WITHIN_MM)
    if share < LEAST_LUNG:
        lung, far_share = _lung_around(near, distance, FAR_LUNG_MM)
        if far_share < LEAST_FAR_LUNG:
            raise PointNotInLung(lung_percent=100.0 * share)
    lung_hu = float(np.median(lung))
    bright = near.smoothed(0.6)[distance < 2.5]
    core_hu = float(np.percentile(bright, 85)) if bright.size else lung_hu
    if core_hu - lung_hu < LOWEST_CONTRAST_HU:
        raise NothingAtPoint(contrast_hu=core_hu - lung_hu)
    return Levels(lung_hu, min(core_hu, HIGHEST_CORE_HU))


def _lung_around(near: Neighbourhood, distance_mm: Floats, within_mm: float) -> tuple[NDArray[np.float32], float]:
    """Aerated voxels (n,) so near to the point, and their share of all."""
    around = near.hu[distance_mm < within_mm]
    lung: NDArray[np.float32] = around[(around < LUNG_HU) & (around > FLOOR_HU)]
    return lung, lung.size / around.size


def _core_hu(view: _View, star: Star, levels: Levels) -> float:
    """Attenuation that the border is measured against: the middle's, or that of a ground-glass halo around it."""
    radius = float(np.median(star.ray_radii_mm()))
    distance = view.near.distance_mm(star.centre_mm)
    inside = view.near.hu[distance < CORE_SHARE * radius]
    if inside.size > FEWEST_CORE:
        core = _typical_hu(inside)
    else:  # interpolating or smoothing would mix in the next slice; the nearest voxels are the core
        nearest = np.argpartition(distance, NEAREST_CORE, axis=None)[:NEAREST_CORE]
        core = float(view.near.hu.ravel()[nearest].mean())
    core = min(core, HIGHEST_CORE_HU)
    if radius > max(HALO_FROM_MM, HALO_FROM_SLICES * float(view.near.spacing_mm.max())):
        halo = _typical_hu(_ring_hu(view.near, star, distance))
        if halo < HALO_HU and halo - levels.lung_hu < HALO_SHARE * (core - levels.lung_hu):
            core = halo
    return max(core, levels.lung_hu + LOWEST_CONTRAST_HU)


def _ring_hu(near: Neighbourhood, star: Star, distance: Floats) -> NDArray[np.float32]:
    """Voxels (n,) just under the surface, deep enough to be out of its blur."""
    close = np.nonzero((distance < float(star.ray_radii_mm().max())) & (distance > 0))
    away = distance[close]
    directions = (np.stack(close, axis=1) * near.spacing_mm - star.centre_mm) / away[:, None]
    depth = star.radii_mm(directions) - away
    ring: NDArray[np.float32] = near.hu[close][(depth > HALO_DEPTH_MM[0]) & (depth < HALO_DEPTH_MM[1])]
    return ring


def _typical_hu(hu: NDArray[np.float32]) -> float:
    """Typical attenuation where a vessel or a solid part may run through: the median, unless the bright side is
    swollen.

    For Gaussian noise the quantiles 10 % and 25 % give the middle; when the median lies well above it, a second,
    brighter tissue is in there.
    """
    tenth, quarter, middle = np.percentile(hu, [10, 25, 45])
    expected = quarter + 1.11 * (quarter - tenth)
    return float(expected if middle - expected > SECOND_TISSUE_HU else middle)


def _inscribed_radius_mm(near: Neighbourhood, smooth: NDArray[np.float32], levels: Levels) -> float:
    """Radius of about the largest ball of nodule around the seed: the distance to the border, best within 1.5 mm."""
    inside = smooth > levels.border_hu(0.5)
    distance = ndimage.distance_transform_edt(inside, sampling=near.spacing_mm)
    return float(distance[near.distance_mm(near.seed_mm) < 1.5 + near.spacing_mm.max() / 2].max())


def _blur_mm(view: _View, star: Star, rays: Rays, levels: Levels) -> float:
    """Width of the edge: distance between the 25 % and 75 % levels, as the standard deviation of a Gaussian edge."""
    offsets = np.arange(-3.0, 3.01, RAY_STEP_MM)
    clean = ~(rays.long | rays.at_wall)
    if clean.sum() < 50:
        return TYPICAL_BLUR_MM
    radii = np.maximum(rays.ends_mm[clean, None] + offsets, 0)
    points = star.centre_mm + ray_directions()[clean, None] * radii[..., None]
    profile = sample(view.smooth, points, view.near.spacing_mm).mean(axis=0, dtype=np.float64)
    falling = np.minimum.accumulate(profile)
    quarter, three_quarters = (float(np.interp(-levels.border_hu(level), -falling, offsets)) for level in (0.25, 0.75))
    return float(np.clip((quarter - three_quarters) / 1.349, 0.4, 1.6))


def _check(found: Segmentation, asked_lps_mm: Floats, volume: Volume) -> None:
    near, star = found.near, found.star
    radii = star.ray_radii_mm()
    surface = star.centre_mm + ray_directions() * (radii + 0.5 * found.blur_mm)[:, None]
    touching = (surface < near.scan_ends_mm[0]) | (surface > near.scan_ends_mm[1])
    if touching.any(axis=1).sum() > 2:
        raise CutByScanEdge
    leaking = float(found.rays.long.mean())
    if leaking > MOST_LEAKING or float(found.leaking.mean()) > 0.75:
        raise BorderNotFound(leaking_percent=100 * float(found.leaking.mean()))
    if 2 * float(np.cbrt((radii**3).mean())) > LARGEST_DIAMETER_MM:
        raise TooLarge(limit_mm=LARGEST_DIAMETER_MM)
    index = volume.index_from_lps(asked_lps_mm) - np.asarray(near.start_zyx)
    away = index * near.spacing_mm - star.centre_mm
    moved = float(np.linalg.norm(away))
    if moved > 0.5 and moved > float(star.radii_mm((away / moved)[None])[0]) + 1.0:
        raise PointDrifted(moved_mm=moved)
