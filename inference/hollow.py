"""Cavities whose wall is too thin for a volume, told before one is given.

Blur spreads a wall of a millimetre so far that neither its border nor its brightness is left: the volume of the whole
comes out up to 40 % too large, and where the wall is thinner still a piece of it looks like a small nodule. The light
along a ray survives blur, so it tells how thick the wall is; that a piece is a wall's is told by the darkness beside
it, which the same wall surrounds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from inference.errors import CavityWallTooThin
from inference.levels import HIGHEST_CORE_HU
from inference.neighbourhood import sample
from inference.rays import RAY_STEP_MM
from inference.segment import Segmentation
from inference.star import ray_directions
from inference.wall import TISSUE_HU

THINNEST_WALL_MM: Final = 1.2  # a wall of 1 mm makes the volume 28 % too large, one of 1.5 mm 10 %, one of 2 mm 4 %
BEYOND_BORDER_MM: Final = 1.5  # its blur
LEAST_FILLED_MM3: Final = 2.0  # of air within the border: else nothing was hollow
# A piece of a wall goes on to all sides along the wall, and is as small as the wall is thin.
PIECE_JOINED_SHARE: Final = 0.1
LARGEST_PIECE_MM: Final = 3.75  # radius
CAVITY_RADII_MM: Final = (1.25, 1.75, 2.5, 3.5, 5.0, 7.0, 9.0)
SURROUNDED_SHARE: Final = 0.9  # pieces of walls mostly 0.95 to 1; nodules on vessels or the pleura up to 0.86
OPEN_JOINED_SHARE: Final = 0.4  # a piece with so little border of its own: here a wall open to one side is enough
OPEN_SURROUNDED_SHARE: Final = 0.82
WALL_ABOVE_HU: Final = 100.0  # well beyond the noise of a smoothed copy; blur makes a small cavity no air
EMPTY_WITHIN: Final = 0.6  # of a cavity's radius ...
MOST_BRIGHT_WITHIN: Final = 0.35  # ... at most so many directions meet something bright


def refuse_thin_walls(found: Segmentation) -> None:
    """Refuse what has no volume because it is, or is a piece of, a thin wall around air.

    Raises
    ------
    CavityWallTooThin
    """
    wall_mm = wall_thickness_mm(found)
    if wall_mm is not None and wall_mm < THINNEST_WALL_MM:
        raise CavityWallTooThin(limit_mm=THINNEST_WALL_MM)
    if _may_be_a_piece(found) and surrounded_share(found) >= _least_surrounded(found):
        raise CavityWallTooThin(limit_mm=THINNEST_WALL_MM)


def wall_thickness_mm(found: Segmentation) -> float | None:
    """Thickness of tissue along a typical ray through a hollow nodule; None where nothing within was filled."""
    near, star = found.near, found.star
    radii = star.ray_radii_mm()
    filled = (found.sealed.hu != near.hu) & (near.distance_mm(star.centre_mm) < float(radii.max()))
    if float(filled.sum() * np.prod(near.spacing_mm)) < LEAST_FILLED_MM3:
        return None
    along = np.arange(0.0, float(radii.max()) + BEYOND_BORDER_MM, RAY_STEP_MM)
    hu = sample(near.hu, star.centre_mm + ray_directions()[:, None] * along[:, None], near.spacing_mm)
    tissue = np.clip((hu - found.levels.lung_hu) / (HIGHEST_CORE_HU - found.levels.lung_hu), 0, 1)
    tissue[along > radii[:, None] + BEYOND_BORDER_MM] = 0
    clean = ~found.leaking
    return float(np.median(tissue[clean].sum(axis=1)) * RAY_STEP_MM) if clean.any() else None


def _may_be_a_piece(found: Segmentation) -> bool:
    small = float(np.median(found.star.ray_radii_mm())) < LARGEST_PIECE_MM
    return small and float(found.rays.long.mean()) > PIECE_JOINED_SHARE


def _least_surrounded(found: Segmentation) -> float:
    return OPEN_SURROUNDED_SHARE if float(found.rays.long.mean()) > OPEN_JOINED_SHARE else SURROUNDED_SHARE


def surrounded_share(found: Segmentation) -> float:
    """Largest share of directions in which a place beside the nodule, itself dark, meets something bright all around.

    Places are tried in all directions from the nodule, each as the middle of a cavity whose wall it would be.
    """
    near = found.near  # as it is: a hole that was filled in part is a cavity still
    smooth = near.smoothed(0.5)
    places, looks = ray_directions()[::4], ray_directions()[::4]
    best = 0.0
    for radius_mm in CAVITY_RADII_MM:
        along = np.arange(0.5, 1.5 * radius_mm + 1.5, 0.5)
        middles = found.star.centre_mm + radius_mm * places
        points = middles[:, None, None] + looks[:, None] * along[:, None]
        middle_hu = sample(smooth, middles, near.spacing_mm)
        bright = (
            sample(smooth, points, near.spacing_mm)
            > (np.maximum(middle_hu, found.levels.lung_hu) + WALL_ABOVE_HU)[:, None, None]
        )
        inner = bright[:, :, along < EMPTY_WITHIN * radius_mm].any(axis=2).mean(axis=1)
        empty = (inner < MOST_BRIGHT_WITHIN) & (middle_hu < TISSUE_HU)
        if empty.any():
            best = max(best, float(bright[empty].any(axis=2).mean(axis=1).max()))
    return best
