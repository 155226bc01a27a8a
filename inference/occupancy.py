"""Which share of every voxel the nodule fills: the volume is its sum.

Where a ray found a clean border the share is read from the attenuation (a voxel half way between lung and core is half
full), so noise averages out and no threshold decides. Where it met a vessel or the wall the share is that of the fitted
surface, blurred as the scanner blurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.spatial import cKDTree

from inference.levels import LEVEL_OFFSET
from inference.neighbourhood import Floats
from inference.segment import SMOOTHING_ZYX_MM, Segmentation
from inference.star import ray_directions

RIM_INSIDE = 1.6  # blurs inside the border from which a voxel is surely full
WALL_BEHIND = 3.0  # blurs of depth that count as full in any case
RIM_OUTSIDE = 2.5  # blurs outside from which it is surely empty
SHARE_LIMITS = (-0.5, 1.35)  # wide: cutting noise at 0 and 1 would add volume
LEAK_GLOW = 1.0  # blurs along the surface that a leaking ray spoils around itself
FOREIGN_SHARE = 0.6  # so much fuller than the surface says: another structure passes by


@dataclass(frozen=True, slots=True, eq=False)
class Occupancy:
    """Share of each voxel filled by the nodule, and what else the sum needs.

    Parameters
    ----------
    share : (z, y, x)
        From about -0.5 to 1.35 in the rim (noise included), 0 outside, 1 inside.
    depth_mm : (z, y, x)
        Depth under the fitted surface (negative outside), wall taken into account.
    """

    share: NDArray[np.float32]
    depth_mm: NDArray[np.float32]
    scanner_blur_mm: float


def scanner_blur_mm(found: Segmentation) -> float:
    """Blur of the scan alone: that of the edge less the smoothing of the copy that the rays read."""
    smoothing = float(np.mean(np.square(SMOOTHING_ZYX_MM)))
    return float(np.sqrt(max(found.blur_mm**2 - smoothing, 0.35**2)))


def occupancy(found: Segmentation) -> Occupancy:
    """Fill the voxels of a segmentation's neighbourhood."""
    near, star = found.sealed, found.star
    blur = scanner_blur_mm(found)
    distance = near.distance_mm(star.centre_mm)
    hu = near.hu if found.wall is None else found.wall.without_glow(near.hu, blur)
    reach = float(star.ray_radii_mm().max()) * 1.15 + RIM_OUTSIDE * blur
    inside = np.nonzero(distance < reach)
    offsets = np.stack(inside, axis=1) * near.spacing_mm - star.centre_mm
    away = np.maximum(distance[inside], 1e-6)
    directions = offsets / away[:, None]
    depth = star.radii_mm(directions) - LEVEL_OFFSET * found.blur_mm - away
    nearest = border_rays(directions)
    # Towards the wall the star ends at the wall by construction; there the wall alone says where the nodule ends.
    depth = np.where(found.rays.at_wall[nearest], np.maximum(depth, WALL_BEHIND * blur), depth)
    geometric = special.ndtr(depth / blur)
    share = np.where(depth > RIM_INSIDE * blur, 1.0, 0.0)
    rim = np.abs(depth + (RIM_OUTSIDE - RIM_INSIDE) / 2 * blur) < (RIM_OUTSIDE + RIM_INSIDE) / 2 * blur
    share[rim] = _rim_share(found, hu[inside][rim], nearest[rim], geometric[rim])
    block_share = np.zeros(near.hu.shape, np.float32)
    block_depth = np.full(near.hu.shape, -99.0, np.float32)
    block_share[inside], block_depth[inside] = share, depth
    if found.wall is not None:
        step = float(near.spacing_mm.mean())
        block_share *= np.clip(found.wall.depth_mm / step + 0.5, 0, 1)
        block_depth = np.minimum(block_depth, found.wall.depth_mm)
    return Occupancy(block_share, block_depth, blur)


def _rim_share(
    found: Segmentation, hu: NDArray[np.float32], nearest_ray: NDArray[np.int_], geometric: Floats
) -> Floats:
    """Share of the voxels near the border: from the attenuation on clean rays, from the surface elsewhere."""
    share = np.clip((hu - found.levels.lung_hu) / found.levels.contrast_hu, *SHARE_LIMITS).astype(np.float64)
    leaking = spoilt_rays(found)[nearest_ray]
    foreign = (geometric < 0.5) & (share > geometric + FOREIGN_SHARE)
    return np.where(leaking | foreign, geometric, share)


def spoilt_rays(found: Segmentation) -> NDArray[np.bool_]:
    """Leaking rays (RAYS,) and those beside them: a vessel's blur brightens the border next to where it leaves."""
    directions = ray_directions()
    reach = LEAK_GLOW * found.blur_mm / float(np.median(found.star.ray_radii_mm()))
    leaking = directions[found.leaking]
    if not len(leaking):
        return found.leaking
    beside: NDArray[np.bool_] = cKDTree(leaking).query(directions, distance_upper_bound=reach)[0] < np.inf
    return beside


def border_rays(directions: Floats) -> NDArray[np.int_]:
    """The ray (n,) nearest to each unit vector (n, 3), order z, y, x."""
    nearest: NDArray[np.int_] = _ray_tree().query(directions)[1]
    return nearest


@cache
def _ray_tree() -> cKDTree:
    return cKDTree(ray_directions())
