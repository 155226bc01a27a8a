"""Two attenuations decide where a nodule ends: that of the aerated lung around it and that of its core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from inference.errors import MetalAtPoint, NothingAtPoint, PointNotInLung
from inference.neighbourhood import FLOOR_HU, Floats, Neighbourhood
from inference.star import Star

BORDER_FRACTION = 0.35  # of the way from lung to core; ratios between dates were truest here (better than at 0.5)
# A blurred plane edge passes this level at so many standard deviations outside its true place.
LEVEL_OFFSET = float(special.ndtri(1 - BORDER_FRACTION))
HIGHEST_CORE_HU = 60.0  # calcified cores (1400 HU) would else pull the border into the nodule
LOWEST_CONTRAST_HU = 120.0
METAL_HU = 2200.0  # calcified cores reach 1900
HALO_FROM_MM = 3.0  # radius; in smaller nodules blur alone makes a halo
HALO_FROM_SLICES = 2.0  # the same, in slices: thick ones blur the poles
HALO_DEPTH_MM = (1.1, 1.9)  # under the surface: there the ring is looked at
HALO_SHARE = 0.8  # of the core's contrast; the ring of a uniform nodule keeps more
HALO_HU = -400.0  # a ring brighter than this is the blurred border of something solid, no ground glass
CORE_SHARE = 0.45  # of the radius: well out of the border's blur
HOLLOW_TO = 0.8  # of the radius; between it and CORE_SHARE lies what encloses a hollow
HOLLOW_HU = 60.0  # that it is brighter than the middle
FEWEST_CORE = 12  # voxels for a typical value
NEAREST_CORE = 8
SECOND_TISSUE_HU = 60.0
LUNG_HU = -600.0
LUNG_WITHIN_MM = 12.0
LEAST_LUNG = 0.05  # share of aerated voxels within LUNG_WITHIN_MM
FAR_LUNG_MM = 25.0  # around a nodule that fills all that is near
LEAST_FAR_LUNG = 0.3


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


def first_levels(near: Neighbourhood) -> Levels:
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
    if core_hu > METAL_HU:
        raise MetalAtPoint(brightness_hu=core_hu)
    return Levels(lung_hu, min(core_hu, HIGHEST_CORE_HU))


def _lung_around(near: Neighbourhood, distance_mm: Floats, within_mm: float) -> tuple[NDArray[np.float32], float]:
    """Aerated voxels (n,) so near to the point, and their share of all."""
    around = near.hu[distance_mm < within_mm]
    lung: NDArray[np.float32] = around[(around < LUNG_HU) & (around > FLOOR_HU)]
    return lung, lung.size / around.size


def core_hu(near: Neighbourhood, star: Star, levels: Levels) -> float:
    """Attenuation that the border is measured against: the middle's, or that of a ground-glass halo around it."""
    radius = float(np.median(star.ray_radii_mm()))
    distance = near.distance_mm(star.centre_mm)
    inside = near.hu[distance < CORE_SHARE * radius]
    if inside.size > FEWEST_CORE:
        core = _typical_hu(inside)
    else:  # interpolating or smoothing would mix in the next slice; the nearest voxels are the core
        nearest = np.argpartition(distance, NEAREST_CORE, axis=None)[:NEAREST_CORE]
        core = float(near.hu.ravel()[nearest].mean())
    shell = near.hu[(distance >= CORE_SHARE * radius) & (distance < HOLLOW_TO * radius)]
    if shell.size > FEWEST_CORE:  # a hollow too small to be sealed darkens the middle
        around = float(np.median(shell))
        core = around if around > core + HOLLOW_HU else core
    core = min(core, HIGHEST_CORE_HU)
    if radius > max(HALO_FROM_MM, HALO_FROM_SLICES * float(near.spacing_mm.max())):
        halo = _typical_hu(_ring_hu(near, star, distance))
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


def inscribed_radius_mm(near: Neighbourhood, smooth: NDArray[np.float32], levels: Levels) -> float:
    """Radius of about the largest ball of nodule around the seed: the distance to the border, best within 1.5 mm."""
    inside = smooth > levels.border_hu(0.5)
    distance = ndimage.distance_transform_edt(inside, sampling=near.spacing_mm)
    return float(distance[near.distance_mm(near.seed_mm) < 1.5 + near.spacing_mm.max() / 2].max())
