"""Ground glass around a solid core, told from the blur of the core's own border.

A scanner spreads the border of something solid over one or two millimetres, and there it is as bright as ground glass.
So the voxels outside a core are held against two pictures of it, both blurred as a scanner blurs and averaged over the
slice: a solid body alone, and the same with a layer around it that is brighter than lung and darker than tissue. Which
of the two the scan speaks for is told by how well each fits. What is hidden by a vessel or a wall is left out.

Both pictures are balls, bent to the relief that the border has: a voxel counts by its distance from the border.

Source
------
Ball blurred by a Gaussian: closed form of the convolution. The comparison is a likelihood ratio; noise that goes
together over several voxels counts as fewer voxels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from scipy import optimize, special
from scipy.spatial import cKDTree

from inference.levels import HIGHEST_CORE_HU, LOWEST_CONTRAST_HU
from inference.neighbourhood import Floats, Neighbourhood
from inference.noise import ScanNoise
from inference.occupancy import border_rays, scanner_blur_mm, spoilt_rays
from inference.segment import Segmentation, SolidCore, redrawn

DARKEST_CORE_HU: Final = -400.0  # what is darker was outlined by ground glass, if there is something solid in it
SOLID_HU: Final = -300.0  # of a core in ground glass
CORE_SMOOTHING_MM: Final = 0.6
CORE_WITHIN_MM: Final = 2.0
CORE_PERCENTILE: Final = 85.0
LOOKED_AT_MM: Final = (-4.0, 3.5)  # from the border: far enough for the lung, near enough for few vessels
FROM_WALL_MM: Final = 1.5
VESSEL_HU: Final = -450.0  # brighter, and off the border, is no ground glass
OFF_BORDER_MM: Final = 1.5
AROUND_VESSEL_MM: Final = 1.3
MOST_VOXELS: Final = 2000
FEWEST_VOXELS: Final = 150
LEAST_SEEN_SHARE: Final = 0.3  # of the border

BLUR_MM: Final = (0.3, 1.2)
USUAL_BLUR_MM: Final = 0.5  # of kernels for the lung and for soft tissue, as fitted to solid nodules ...
BLUR_SPREAD_MM: Final = 0.15  # ... and how far they lie apart
SHARP_MM: Final = 0.6  # the border of a solid nodule that is so sharp has no room for a halo
THICKNESS_MM: Final = (0.4, 2.8)  # a thicker layer has a border of its own
CONTRAST_HU: Final = (110.0, 450.0)  # of the layer against lung
OFF_MIDDLE: Final = 0.5  # of the thickness, along each axis: how far a core may lie off the middle

LEAST_EVIDENCE: Final = 4.0  # natural logarithm of the likelihood ratio
HALO_MM: Final = (1.0, 2.7)  # a thinner one is not told from blur ...
HALO_BLURS: Final = 2.5  # ... nor one that is thinner than this many standard deviations of it
FEWEST_SLICES: Final = 2.8  # across the whole
SURE_CONTRAST_HU: Final = (200.0, 420.0)  # less may be the breath of the lung, more a vessel or the wall
# Real solid nodules have uneven borders, which look like a layer but are explained by one only in part.
LEAST_EXPLAINED: Final = 0.04  # of what a solid body alone leaves unexplained
SOFTEST_MM: Final = 0.65  # a border that stays softer than scanners make it, with the layer, is soft by itself
# A halo lies all around; what lies to one side is a vessel or a fold.
MOST_OFF_MIDDLE: Final = 0.55  # of the thickness
MOST_OF_ONE_OCTANT: Final = 0.7  # of the evidence
MOST_AGAINST: Final = (1.5, 0.2)  # of octants that speak against: so much, and this share of what speaks for it
# Where the other scan of a pair shows a halo: how far this one's may differ, and what is asked of the scan.
LIKE_THICKNESS: Final = 1.5
LIKE_CONTRAST: Final = 1.3
LIKE_EVIDENCE: Final = 1.0

TABLE_STEP_MM: Final = 0.02
PROFILE_FLANK: Final = 0.25  # of the slice thickness: a helical slice profile is a box with sloping sides
PROFILE_NODES: Final = 6
EVALUATIONS: Final = 12  # of the steps of a fit


@dataclass(frozen=True, slots=True)
class Halo:
    """A layer of ground glass around a solid core.

    Parameters
    ----------
    contrast_hu, core_contrast_hu
        How far it stands out from lung, and the core from it.
    thickness_mm, core_radius_mm
        On average over all directions.
    blur_mm
        Of the scan within its slices, standard deviation.
    log_likelihood_ratio
        Natural logarithm of how much likelier the scan is with it than without.
    explained_share
        How much the layer explains of what a solid body alone leaves unexplained.
    all_around
        Whether the evidence comes from all sides, and the core lies in the middle.
    """

    contrast_hu: float
    core_contrast_hu: float
    thickness_mm: float
    core_radius_mm: float
    slice_mm: float
    blur_mm: float
    log_likelihood_ratio: float
    explained_share: float
    all_around: bool

    @property
    def sure(self) -> bool:
        """Whether it may be measured."""
        return (
            self.all_around
            and self.log_likelihood_ratio >= LEAST_EVIDENCE
            and self.explained_share >= LEAST_EXPLAINED
            and self.blur_mm <= SOFTEST_MM
            and HALO_MM[0] <= self.thickness_mm <= HALO_MM[1]
            and self.thickness_mm >= HALO_BLURS * self.blur_mm
            and 2 * (self.core_radius_mm + self.thickness_mm) >= FEWEST_SLICES * self.slice_mm
            and SURE_CONTRAST_HU[0] <= self.contrast_hu <= SURE_CONTRAST_HU[1]
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Rim:
    """Voxels around a border that show it: positions from its centre, how far the relief moves them, attenuation."""

    offset_mm: Floats
    relief_mm: Floats
    hu: Floats
    radius_mm: float
    slice_mm: float

    def share(self, radius_mm: float, blur_mm: float, moved_mm: Floats | None = None) -> Floats:
        """Share (n,) of a blurred ball in the voxels, its middle moved."""
        offset = self.offset_mm if moved_mm is None else self.offset_mm - moved_mm
        across2 = offset[:, 1] ** 2 + offset[:, 2] ** 2
        nodes, weights = _slice_profile()
        along = offset[:, 0] + self.slice_mm * nodes[:, None]
        away_mm, shares = _ball(radius_mm, blur_mm, self.radius_mm + 12)
        seen = np.interp(np.sqrt(across2 + along * along) + self.relief_mm, away_mm, shares)
        mixed: Floats = weights @ seen
        return mixed


def with_halo(
    found: Segmentation, slice_mm: float, noise: ScanNoise, *, like: SolidCore | None = None
) -> Segmentation | None:
    """Draw the border around the ground glass that something solid lies in.

    Parameters
    ----------
    slice_mm
        Slice thickness or slice spacing, whichever is larger.
    like
        What another scan of the nodule shows: then less is asked of this one.

    Returns
    -------
    Segmentation, or None where there is no such layer, or it is not sure.
    """
    solid = found if found.levels.core_hu >= DARKEST_CORE_HU else _around_core(found)
    halo = find_halo(solid, slice_mm, noise, like=like) if solid is not None else None
    if solid is None or halo is None or not (halo.sure if like is None else halo.log_likelihood_ratio > LIKE_EVIDENCE):
        return None
    return around_halo(solid, halo)


def _around_core(found: Segmentation) -> Segmentation | None:
    """The border of what is solid in the middle of ground glass; None where nothing is.

    A ring of a thin layer holds light of the core, so a border drawn by the ring's brightness lies too deep.
    """
    near = found.sealed
    bright = near.smoothed(CORE_SMOOTHING_MM)[near.distance_mm(found.star.centre_mm) < CORE_WITHIN_MM]
    core_hu = float(np.percentile(bright, CORE_PERCENTILE)) if bright.size else DARKEST_CORE_HU
    if core_hu < SOLID_HU:
        return None
    return redrawn(found, near, min(core_hu, HIGHEST_CORE_HU), scanner_blur_mm(found))


def find_halo(found: Segmentation, slice_mm: float, noise: ScanNoise, *, like: SolidCore | None = None) -> Halo | None:
    """Look for ground glass around the border of something solid; see ``with_halo``.

    Returns
    -------
    The likeliest layer, sure or not; None where the border is sharp, or too little of it is seen.
    """
    rim = _rim_of(found, slice_mm)
    if rim is None:
        return None
    sd_hu = noise.sd_hu * float(np.sqrt(noise.correlation_voxels))
    solid = _fitted(lambda p: [rim.share(p[0], p[1])], rim, sd_hu, _solid_bounds(rim))
    if solid.at[1] < SHARP_MM:
        return None
    layer_mm, layer_hu = THICKNESS_MM, CONTRAST_HU
    if like is not None:
        layer_mm = (like.halo_mm / LIKE_THICKNESS, like.halo_mm * LIKE_THICKNESS)
        layer_hu = (like.halo_hu / LIKE_CONTRAST, like.halo_hu * LIKE_CONTRAST)
    bounds = _halo_bounds(rim, float(solid.at[0]), layer_mm)
    both = _fitted(lambda p: _layers(rim, p), rim, sd_hu, bounds, layer_hu)
    octant = (rim.offset_mm > 0) @ np.array([1, 2, 4])
    spoken = np.bincount(octant, (solid.rest**2 - both.rest**2) / 2, 8)
    against = -float(spoken[spoken < 0].sum())
    all_around = (
        float(np.linalg.norm(both.at[3:])) <= MOST_OFF_MIDDLE
        and float(spoken.max()) <= MOST_OF_ONE_OCTANT * float(spoken.sum())
        and against <= MOST_AGAINST[0] + MOST_AGAINST[1] * (float(spoken.sum()) + against)
    )
    core_hu, halo_hu = both.contrasts_hu
    radius_mm, blur_mm, thickness_mm = (float(one) for one in both.at[:3])
    likelier, explained = solid.misfit - both.misfit, float(spoken.sum()) / solid.misfit
    return Halo(halo_hu, core_hu, thickness_mm, radius_mm, slice_mm, blur_mm, likelier, explained, all_around)


def around_halo(found: Segmentation, halo: Halo) -> Segmentation:
    """Draw the border around the halo, as if the core were no brighter than it."""
    darker = _without_core(found, halo)
    halo_hu = found.levels.lung_hu + max(halo.contrast_hu, LOWEST_CONTRAST_HU)
    radii_mm = np.maximum(found.star.ray_radii_mm() + halo.core_radius_mm - _radius_mm(found), 0)
    volume_mm3 = 4 / 3 * np.pi * float(np.mean(radii_mm**3))
    core = SolidCore(volume_mm3, halo.contrast_hu, halo.thickness_mm)
    return redrawn(found, darker, halo_hu, halo.blur_mm, core)


def _without_core(found: Segmentation, halo: Halo) -> Neighbourhood:
    """The block with the light of the core taken off, that of its blur included."""
    near, star = found.sealed, found.star
    distance = near.distance_mm(star.centre_mm)
    reach_mm = float(star.ray_radii_mm().max()) + LOOKED_AT_MM[1]
    close = np.nonzero(distance < reach_mm)
    away = np.maximum(distance[close], 1e-6)
    offset = np.stack(close, axis=1) * near.spacing_mm - star.centre_mm
    relief_mm = _radius_mm(found) - star.radii_mm(offset / away[:, None])
    hu = near.hu.copy()
    rim = _Rim(offset, relief_mm, hu[close].astype(np.float64), _radius_mm(found), halo.slice_mm)
    hu[close] -= (halo.core_contrast_hu * rim.share(halo.core_radius_mm, halo.blur_mm)).astype(np.float32)
    return replace(near, hu=hu)


def _radius_mm(found: Segmentation) -> float:
    return float(np.median(found.star.ray_radii_mm()))


def _layers(rim: _Rim, p: Floats) -> list[Floats]:
    return [rim.share(p[0], p[1]), rim.share(p[0] + p[2], p[1], p[2] * p[3:6])]


def _solid_bounds(rim: _Rim) -> Floats:
    """Start, lowest and highest (3, 2) of radius and blur."""
    return np.array([[max(rim.radius_mm - 0.2, 0.8), 0.6], [0.4, BLUR_MM[0]], [rim.radius_mm + 2, BLUR_MM[1]]])


def _halo_bounds(rim: _Rim, radius_mm: float, thickness_mm: tuple[float, float]) -> Floats:
    """Start, lowest and highest (3, 6) of the core's radius, blur, thickness, and place of the core in it."""
    off = [OFF_MIDDLE] * 3
    return np.array(
        [
            [max(radius_mm - 0.3, 0.6), USUAL_BLUR_MM, 1.4, 0.0, 0.0, 0.0],
            [0.4, BLUR_MM[0], thickness_mm[0], *(-one for one in off)],
            [rim.radius_mm + 2, BLUR_MM[1], thickness_mm[1], *off],
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Parameters, brightness of the bodies, and what they leave unexplained, in standard deviations of the noise."""

    at: Floats
    contrasts_hu: tuple[float, ...]
    rest: Floats

    @property
    def misfit(self) -> float:
        """Minus logarithm of the likelihood, up to a constant."""
        return float(self.rest @ self.rest + _unusual(self.at) ** 2) / 2


def _unusual(at: Floats) -> float:
    """How far the blur lies from what scans usually have, in its standard deviations."""
    return float(at[1] - USUAL_BLUR_MM) / BLUR_SPREAD_MM


def _fitted(
    bodies: Callable[[Floats], list[Floats]],
    rim: _Rim,
    sd_hu: float,
    bounds: Floats,
    layer_hu: tuple[float, float] = CONTRAST_HU,
) -> _Fit:
    """Fit lung and bodies to the voxels: brightness directly, shape by steps."""

    def rests(p: Floats) -> Floats:
        rest, _ = _rest_hu(bodies(p), rim.hu, layer_hu)
        return np.append(rest / sd_hu, _unusual(p))

    start, low, high = bounds
    best = optimize.least_squares(
        rests,
        np.clip(start, low + 1e-3, high - 1e-3),
        bounds=(low, high),
        diff_step=0.02,
        x_scale=np.where(np.arange(len(start)) == 1, 0.3, np.where(np.arange(len(start)) > 2, 0.5, 1.0)),
        max_nfev=EVALUATIONS,
        xtol=1e-3,
        ftol=1e-3,
    )
    rest, contrasts = _rest_hu(bodies(best.x), rim.hu, layer_hu)
    return _Fit(best.x, contrasts, rest / sd_hu)


def _rest_hu(bodies: list[Floats], hu: Floats, layer_hu: tuple[float, float]) -> tuple[Floats, tuple[float, ...]]:
    """What lung and bodies leave unexplained (n,), and the contrasts of the bodies; the layer's kept in its range."""
    columns = np.stack([np.ones(len(hu)), *bodies])
    levels = np.linalg.solve(columns @ columns.T + 1e-6 * np.eye(len(columns)), columns @ hu)
    if len(bodies) > 1 and not layer_hu[0] <= levels[2] <= layer_hu[1]:
        layer = float(np.clip(levels[2], *layer_hu))
        two = columns[:2]
        levels = np.append(np.linalg.solve(two @ two.T + 1e-6 * np.eye(2), two @ (hu - layer * columns[2])), layer)
    return hu - levels @ columns, tuple(float(level) for level in levels[1:])


@cache
def _slice_profile() -> tuple[Floats, Floats]:
    """Places in a slice, in thicknesses from its middle, and how much of what it shows comes from there."""
    nodes, weights = np.polynomial.legendre.leggauss(PROFILE_NODES)
    places = (0.5 + PROFILE_FLANK) * nodes
    shares = weights * np.clip((0.5 + PROFILE_FLANK - np.abs(places)) / (2 * PROFILE_FLANK), 0, 1)
    return places, shares / shares.sum()


def _ball(radius_mm: float, blur_mm: float, reach_mm: float) -> tuple[Floats, Floats]:
    """Share of a ball, blurred alike in all directions, at distances from its middle."""
    away = np.arange(0.0, reach_mm, TABLE_STEP_MM) + 1e-3
    near, far = (radius_mm - away) / blur_mm, (radius_mm + away) / blur_mm
    tails = np.exp(-near * near / 2) - np.exp(-far * far / 2)
    share = special.ndtr(near) + special.ndtr(far) - 1 - blur_mm / (np.sqrt(2 * np.pi) * away) * tails
    return away, share


def _rim_of(found: Segmentation, slice_mm: float) -> _Rim | None:
    """Voxels around the border where nothing else lies; None when they are too few."""
    near, star = found.sealed, found.star
    radii = star.ray_radii_mm()
    distance = near.distance_mm(star.centre_mm)
    close = np.nonzero(distance < float(radii.max()) + LOOKED_AT_MM[1])
    away = np.maximum(distance[close], 1e-6)
    at_mm = np.stack(close, axis=1) * near.spacing_mm
    directions = (at_mm - star.centre_mm) / away[:, None]
    outside_mm = away - star.radii_mm(directions)
    spoilt = spoilt_rays(found)
    if float(spoilt.mean()) > 1 - LEAST_SEEN_SHARE:
        return None
    kept = ~spoilt[border_rays(directions)] & (outside_mm > LOOKED_AT_MM[0]) & (outside_mm < LOOKED_AT_MM[1])
    kept &= ((at_mm > near.scan_ends_mm[0]) & (at_mm < near.scan_ends_mm[1])).all(axis=1)
    hu = near.hu
    if found.wall is not None:
        kept &= found.wall.depth_mm[close] > FROM_WALL_MM
        hu = found.wall.without_glow(hu, scanner_blur_mm(found))
    vessel = kept & (outside_mm > OFF_BORDER_MM) & (near.smoothed(0.6)[close] > VESSEL_HU)
    if vessel.any():
        clear = cKDTree(at_mm[vessel]).query(at_mm, distance_upper_bound=AROUND_VESSEL_MM)[0] == np.inf
        kept &= clear | (outside_mm < 0.5)
    chosen = np.flatnonzero(kept)
    if len(chosen) < FEWEST_VOXELS:
        return None
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_VOXELS)).astype(int)]
    radius_mm = _radius_mm(found)
    relief_mm = radius_mm - (away - outside_mm)
    hu_there = hu[close].astype(np.float64)
    return _Rim((at_mm - star.centre_mm)[chosen], relief_mm[chosen], hu_there[chosen], radius_mm, slice_mm)
