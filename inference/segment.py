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

from inference.errors import BorderNotFound, CutByScanEdge, PointDrifted, TooLarge
from inference.levels import Levels, core_hu, first_levels, inscribed_radius_mm
from inference.neighbourhood import Floats, Neighbourhood, cut_neighbourhood
from inference.rays import RAY_STEP_MM, TYPICAL_BLUR_MM, Rays, View, blur_mm, draw_star
from inference.star import Star, ray_directions
from inference.wall import Wall, find_wall
from registration.volume import Volume

FAINTEST_HU = 110.0  # above lung: the first round looks this far out, so that a halo around a solid core is not missed
REACHES_MM = (13.0, 27.0)  # longest ray; the second only when the first does not hold the nodule
LARGEST_DIAMETER_MM = 45.0
WIDTH_QUANTILE = 0.8
MOST_LEAKING = 0.6
MOST_UNSEEN = 0.65  # the wall included: the one of 1070 simulated measurements beyond was off by a factor of 14
# Pieces of vessels: moment 0.71 and more, ends 0.06 to 0.08 each; nodules on vessels seldom so much of either.
TUBE_MOMENT = 0.6  # largest second moment of the directions in which it goes on, of 1
TUBE_END_SHARE = 0.04  # of all rays, at either end
END_COSINE = 0.5
FLANK = 0.8  # of the radius, across
ROUNDS = 7
REPEATS = 2
AT_REST_MM = 0.05
SMOOTHING_ZYX_MM = (0.35, 0.5, 0.5)  # of the copy that the rays read


@dataclass(frozen=True, slots=True)
class SolidCore:
    """The solid part of a nodule whose border was drawn around a thin layer of ground glass.

    Parameters
    ----------
    halo_hu, halo_mm
        Contrast of the layer to the lung, and its thickness.
    """

    volume_mm3: float
    halo_hu: float
    halo_mm: float

    @property
    def diameter_mm(self) -> float:
        """Of the ball of this volume."""
        return float(np.cbrt(6 * self.volume_mm3 / np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The border of one nodule.

    Parameters
    ----------
    near, sealed
        The block of the scan as it is, and as the border was drawn on: with cavities filled, and without ``core``.
    blur_mm
        Standard deviation of the edge as the rays see it (scanner, kernel and smoothing), measured on this nodule.
    core
        What was found within a thin layer of ground glass (``inference.halo``).
    """

    near: Neighbourhood
    sealed: Neighbourhood
    star: Star
    levels: Levels
    rays: Rays
    wall: Wall | None
    blur_mm: float
    core: SolidCore | None = None

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
            check_border(found, np.asarray(seed_lps_mm, dtype=np.float64), volume)
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
    centre, levels = near.seed_mm, first_levels(near)
    wall = find_wall(near, smooth, centre, radius_mm or inscribed_radius_mm(near, smooth, levels))
    view = View(near, smooth, wall, np.arange(RAY_STEP_MM, reach_mm, RAY_STEP_MM)).cleared(TYPICAL_BLUR_MM)
    for round_ in range(ROUNDS):
        star, rays = draw_star(view, centre, levels, levels.border_hu() if round_ else levels.lung_hu + FAINTEST_HU)
        if float(np.median(star.ray_radii_mm())) > 0.8 * reach_mm:
            return None
        shift = np.clip(star.centroid_shift_mm(), -1.5, 1.5)
        levels = replace(levels, core_hu=core_hu(near, star, levels))
        if round_ == 2:
            view = view.cleared(blur_mm(view, star, rays, levels))
        if np.linalg.norm(shift) < AT_REST_MM and round_ > 2:
            break
        centre = centre + 0.8 * shift
    star, rays = draw_star(view, centre, levels, levels.border_hu())
    if float(np.quantile(star.ray_radii_mm(), 0.9)) > 0.85 * reach_mm:
        return None
    return Segmentation(around, near, star, levels, rays, wall, blur_mm(view, star, rays, levels))


def redrawn(
    found: Segmentation, block: Neighbourhood, core_hu: float, blur_mm: float, core: SolidCore | None = None
) -> Segmentation:
    """Draw the border of a nodule once more, around tissue of another brightness.

    Parameters
    ----------
    block
        What the border is drawn on; around ground glass, the core as bright as what it lies in.
    core_hu
        What the border is measured against, from now on.
    blur_mm
        Standard deviation of the edge in the scan itself.
    """
    levels, centre = replace(found.levels, core_hu=core_hu), found.star.centre_mm
    reach_mm = next((one for one in REACHES_MM if float(found.star.ray_radii_mm().max()) < 0.5 * one), REACHES_MM[-1])
    smooth = block.smoothed(SMOOTHING_ZYX_MM)
    seen_blur_mm = float(np.sqrt(blur_mm**2 + np.mean(np.square(SMOOTHING_ZYX_MM))))
    view = View(block, smooth, found.wall, np.arange(RAY_STEP_MM, reach_mm, RAY_STEP_MM)).cleared(seen_blur_mm)
    star, rays = draw_star(view, centre, levels, levels.border_hu())
    for _ in range(ROUNDS):
        shift = np.clip(star.centroid_shift_mm(), -1.5, 1.5)
        if np.linalg.norm(shift) < AT_REST_MM:
            break
        centre = centre + 0.8 * shift
        star, rays = draw_star(view, centre, levels, levels.border_hu())
    return Segmentation(found.near, block, star, levels, rays, found.wall, seen_blur_mm, core)


def check_border(found: Segmentation, asked_lps_mm: Floats, volume: Volume) -> None:
    """Refuse a border that is not the nodule's around the asked point (3,).

    Raises
    ------
    BorderNotFound, PointDrifted, CutByScanEdge, TooLarge
    """
    near, star = found.near, found.star
    radii = star.ray_radii_mm()
    surface = star.centre_mm + ray_directions() * (radii + 0.5 * found.blur_mm)[:, None]
    touching = (surface < near.scan_ends_mm[0]) | (surface > near.scan_ends_mm[1])
    if touching.any(axis=1).sum() > 2:
        raise CutByScanEdge
    leaking = float(found.rays.long.mean())
    if leaking > MOST_LEAKING or float(found.leaking.mean()) > MOST_UNSEEN:
        raise BorderNotFound(leaking_percent=100 * float(found.leaking.mean()))
    if 2 * float(np.cbrt((radii**3).mean())) > LARGEST_DIAMETER_MM:
        raise TooLarge(limit_mm=LARGEST_DIAMETER_MM)
    index = volume.index_from_lps(asked_lps_mm) - np.asarray(near.start_zyx)
    away = index * near.spacing_mm - star.centre_mm
    moved = float(np.linalg.norm(away))
    outside = moved > 0.5 and moved > float(star.radii_mm((away / moved)[None])[0]) + 1.0
    if outside or _lies_on_its_flank(found, away):
        raise PointDrifted(moved_mm=moved)


def _lies_on_its_flank(found: Segmentation, away_mm: Floats) -> bool:
    """Whether a piece of a vessel was outlined, and the point (3,) from its centre lies on its flank.

    A small nodule on a large vessel is there. A vessel goes on to both ends, as wide as it is.
    """
    onward = ray_directions()[found.rays.long]
    if not len(onward):
        return False
    moments, axes = np.linalg.eigh(onward.T @ onward / len(onward))
    along = axes[:, -1]
    cosine = onward @ along
    ends = min(int((cosine > END_COSINE).sum()), int((cosine < -END_COSINE).sum())) / len(found.rays.long)
    flank_mm = float(np.linalg.norm(away_mm - (away_mm @ along) * along))
    tube = float(moments[-1]) > TUBE_MOMENT and ends > TUBE_END_SHARE
    return tube and flank_mm > FLANK * float(np.median(found.star.ray_radii_mm()))
