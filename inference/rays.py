"""Rays from a nodule's centre: where each ends, why, and the smooth surface that the honest ones agree on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from inference.levels import LEVEL_OFFSET, Levels
from inference.neighbourhood import FLOOR_HU, Floats, Neighbourhood, sample
from inference.star import LONG_RAY, LONG_RAY_MM, Star, first_crossing_mm, fit_log_radius, ray_directions
from inference.vessels import find_vessels, hidden_from, share_of_vessels, without_vessels
from inference.wall import Wall

RAY_STEP_MM = 0.25
LEAST_VESSEL_HU = -600.0  # brighter beside a nodule of ground glass is a vessel
NEAR_BORDER = 0.75  # of the radius: a vessel that ends deeper inside hides no border
UNENDED = 0.04  # trust in a ray that met no border
AT_WALL = 0.3  # the same of one that met the wall before a border: the wall's place is less sure
PAST_BORDER = 1.06  # of the radius (and LONG_RAY_MM more): the wall lies deeper than the nodule reaches
FAT_HU = -60.0  # brightest
LEAST_FAT_HU = -220.0
BRIGHTER_THAN_FAT_HU = 75.0  # half of what a solid nodule is, and well beyond the noise along a smoothed ray
LEAST_FAT_MM = 2.0  # the blurred border between something solid and lung passes this range within one
TYPICAL_BLUR_MM = 0.8  # of an edge in the smoothed copy, until this nodule's own is measured


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
class View:
    """What the rays see: the smoothed block, the wall, and how far they reach."""

    near: Neighbourhood
    smooth: NDArray[np.float32]
    wall: Wall | None
    along_mm: Floats
    lit: NDArray[np.float32] | None = None

    def cleared(self, blur_mm: float) -> View:
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


def draw_star(view: View, centre: Floats, levels: Levels, border_hu: float) -> tuple[Star, Rays]:
    """Send rays from a centre and fit the star to where they end.

    Parameters
    ----------
    centre : (3,)
        In mm of the view's block, order z, y, x.
    border_hu
        Attenuation at which a ray ends.
    """
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


def blur_mm(view: View, star: Star, rays: Rays, levels: Levels) -> float:
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
