"""Nodules with what a reader describes: lobules, spicules, calcium, a cavity, a tag to the pleura, a solid core.

Each is drawn as a shape of known extent, so that the whole nodule, its solid part and every feature are known to a
fraction of a voxel. Words and patterns are those of the Fleischner glossary (Bankier et al. 2024, Radiology
310:e232558); sizes are our own choice, wide enough to be uncertain in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.simulate.grid import Floats, Grid
from inference.simulate.nodules import Attenuation, Surface, box_around, part_of, share_inside, sphere_mm3
from inference.simulate.tubes import Tubes, fill

SUBVOXEL_MM: Final = 0.45
AIR_HU: Final = -970.0
STRAND_HU: Final = -20.0
LOBULATED: Final = ((0.12, 0.18), (4.0, 6.5))  # unevenness, and length of the waves: bulges of some 60 degrees
PLAIN_UNEVENNESS: Final = (0.02, 0.07)
CALCIUM_HU: Final = (250.0, 900.0)
SPICULES: Final = (5, 14)
SPICULE_MM: Final = (2.5, 7.0)  # beyond the border
SPICULE_RADIUS_MM: Final = (0.5, 0.9)
TAG_RADIUS_MM: Final = (0.4, 0.9)
CAVITY_SHARE: Final = (0.4, 0.72)  # of the radius
CORE_SHARE: Final = (0.08, 0.6)  # of the volume
LEAST_CORE_MM: Final = 3.0


class Feature(IntFlag):
    """What a nodule has besides its attenuation."""

    LOBULATION = 1
    SPICULATION = 2
    CALCIFICATION = 4
    CAVITY = 8
    PLEURAL_TAG = 16


@dataclass(frozen=True, slots=True, eq=False)
class Lump:
    """A filled shape, or the shell that is left when a smaller one of the same form is taken out of it."""

    surface: Surface
    centre_lps_mm: NDArray[np.float64]
    volume_mm3: float
    hu: float
    inner_mm3: float = 0.0

    def share(self, grid: Grid) -> tuple[tuple[slice, slice, slice], Floats] | None:
        """Share of the voxels inside, and the box of the grid that they fill; None when it lies elsewhere."""
        reach_mm = 1.6 * (3 * self.volume_mm3 / (4 * np.pi)) ** (1 / 3) + 1
        box = box_around(grid, self.centre_lps_mm, reach_mm)
        if box is None:
            return None
        part = part_of(grid, box)
        share = share_inside(self.surface, self.volume_mm3, self.centre_lps_mm, part, subvoxel_mm=SUBVOXEL_MM)
        if self.inner_mm3:
            share -= share_inside(self.surface, self.inner_mm3, self.centre_lps_mm, part, subvoxel_mm=SUBVOXEL_MM)
        return box, share

    def on(self, grid: Grid) -> Floats:
        """Share of every voxel of a grid inside."""
        whole = np.zeros(grid.shape_zyx, np.float32)
        found = self.share(grid)
        if found is not None:
            whole[found[0]] = found[1]
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Truth on a grid, each (z, y, x).

    Parameters
    ----------
    whole, solid
        Share of every voxel inside the nodule, a cavity counted in, strands not; and inside its solid part.
    marks
        ``Feature`` flags of the voxels that calcium, cavity, spicules or tag fill by a quarter or more.
    """

    whole: Floats
    solid: Floats
    marks: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class FeaturedNodule:
    """One nodule with its features, where it stands on a scan.

    Parameters
    ----------
    body, core
        The whole, and the solid part of a part-solid one.
    calcium
        Lumps or shells of it.
    cavity
        Air.
    """

    attenuation: Attenuation
    features: Feature
    body: Lump
    core: Lump | None = None
    calcium: tuple[Lump, ...] = ()
    cavity: Lump | None = None
    spicules: Tubes | None = None
    tag: Tubes | None = None

    def paint(self, hu: Floats, grid: Grid, in_lung: Floats) -> None:
        """Paint onto an ideal scene, in place; what lies outside the lung stays as it is."""
        for strands in (self.spicules, self.tag):
            if strands is not None:
                share = np.zeros(grid.shape_zyx, np.float32)
                fill(strands, grid, share)
                share *= in_lung
                hu += share * (np.maximum(hu, STRAND_HU) - hu)
        for lump in (self.body, self.core):
            if lump is not None and (found := lump.share(grid)) is not None:
                box, share = found
                view = hu[box]
                view += share * in_lung[box] * (np.maximum(view, lump.hu) - view)
        for lump in (*self.calcium, self.cavity):
            if lump is not None and (found := lump.share(grid)) is not None:
                box, share = found
                view = hu[box]
                view += share * in_lung[box] * (lump.hu - view)

    def known(self, grid: Grid, in_lung: Floats) -> Known:
        """Tell what is true on a grid."""
        whole = self.body.on(grid) * in_lung
        solid = np.zeros_like(whole)
        if self.attenuation is Attenuation.SOLID:
            solid = whole.copy()
        elif self.core is not None:
            solid = np.minimum(self.core.on(grid), whole)
        marks = np.zeros(grid.shape_zyx, np.uint8)
        for lump in self.calcium:
            marks[lump.on(grid) * in_lung > 0.25] |= np.uint8(Feature.CALCIFICATION)
        if self.cavity is not None:
            air = self.cavity.on(grid) * in_lung
            solid = np.clip(solid - air, 0, 1)
            marks[air > 0.25] |= np.uint8(Feature.CAVITY)
        for strands, flag in ((self.spicules, Feature.SPICULATION), (self.tag, Feature.PLEURAL_TAG)):
            if strands is not None:
                share = np.zeros(grid.shape_zyx, np.float32)
                fill(strands, grid, share)
                marks[share * in_lung > 0.25] |= np.uint8(flag)
        return Known(whole, solid, marks)


def draw_featured(
    rng: np.random.Generator,
    centre_lps_mm: NDArray[np.float64],
    diameter_mm: float,
    attenuation: Attenuation,
    features: Feature,
    to_pleura_lps: NDArray[np.float64] | None = None,
) -> FeaturedNodule:
    """Draw a nodule that has these features.

    Parameters
    ----------
    to_pleura_lps : (3,)
        From the centre to the nearest pleura, mm; needed for a tag.
    """
    if Feature.LOBULATION in features:
        surface = Surface.drawn(rng, uneven_share=float(rng.uniform(*LOBULATED[0])), lengths=LOBULATED[1])
    else:
        surface = Surface.drawn(rng, uneven_share=float(rng.uniform(*PLAIN_UNEVENNESS)))
    ground_glass = attenuation is not Attenuation.SOLID
    hu = float(rng.uniform(-720, -450) if ground_glass else rng.uniform(-40, 60))
    body = Lump(surface, centre_lps_mm, sphere_mm3(diameter_mm), hu)
    core = _core(rng, body, diameter_mm) if attenuation is Attenuation.PART_SOLID else None
    tag = None
    if Feature.PLEURAL_TAG in features:
        if to_pleura_lps is None:
            raise ValueError("a tag needs the way to the pleura")
        tag = _tag(rng, body, to_pleura_lps)
    return FeaturedNodule(
        attenuation,
        features,
        body,
        core,
        _calcium(rng, body, diameter_mm) if Feature.CALCIFICATION in features else (),
        _cavity(rng, body, diameter_mm) if Feature.CAVITY in features else None,
        _spicules(rng, body) if Feature.SPICULATION in features else None,
        tag,
    )


def _directions(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    drawn = rng.standard_normal((count, 3))
    unit: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def _core(rng: np.random.Generator, body: Lump, diameter_mm: float) -> Lump:
    share = max(float(rng.uniform(*CORE_SHARE)), (LEAST_CORE_MM / diameter_mm) ** 3)
    room_mm = max(0.45 * diameter_mm * (1 - share ** (1 / 3)), 0.0)
    at = body.centre_lps_mm + _directions(rng, 1)[0] * room_mm * float(rng.uniform(0, 0.8))
    surface = Surface.drawn(rng, uneven_share=float(rng.uniform(*PLAIN_UNEVENNESS)))
    return Lump(surface, at, share * body.volume_mm3, float(rng.uniform(-60, 60)))


def _cavity(rng: np.random.Generator, body: Lump, diameter_mm: float) -> Lump:
    share = max(float(rng.uniform(*CAVITY_SHARE)), 4.0 / diameter_mm)
    at = body.centre_lps_mm + _directions(rng, 1)[0] * diameter_mm / 2 * (1 - share) * float(rng.uniform(0, 0.4))
    surface = Surface.drawn(rng, uneven_share=float(rng.uniform(*PLAIN_UNEVENNESS)))
    return Lump(surface, at, share**3 * body.volume_mm3, AIR_HU)


def _calcium(rng: np.random.Generator, body: Lump, diameter_mm: float) -> tuple[Lump, ...]:
    """One of the five patterns."""
    pattern = str(rng.choice(["central", "diffuse", "laminated", "popcorn", "eccentric"]))
    hu, radius_mm = float(rng.uniform(*CALCIUM_HU)), diameter_mm / 2
    middle = body.centre_lps_mm
    if pattern == "diffuse":
        return (Lump(body.surface, middle, float(rng.uniform(0.55, 0.9)) * body.volume_mm3, hu),)
    if pattern == "laminated":
        outer, inner = 0.85**3 * body.volume_mm3, float(rng.uniform(0.5, 0.65)) ** 3 * body.volume_mm3
        return (Lump(body.surface, middle, outer, hu, inner),)
    ball = Surface.drawn(rng)
    if pattern == "popcorn":
        pieces = _directions(rng, int(rng.integers(3, 6))) * 0.55 * radius_mm
        return tuple(Lump(ball, middle + at, (rng.uniform(0.2, 0.3)) ** 3 * body.volume_mm3, hu) for at in pieces)
    off = 0.0 if pattern == "central" else 0.45
    at = middle + _directions(rng, 1)[0] * off * radius_mm
    return (Lump(ball, at, float(rng.uniform(0.32, 0.5)) ** 3 * body.volume_mm3, hu),)


def _spicules(rng: np.random.Generator, body: Lump) -> Tubes:
    """Narrow cones from under the surface into the lung."""
    unit = _directions(rng, int(rng.integers(SPICULES[0], SPICULES[1] + 1)))
    border_mm = body.volume_mm3 ** (1 / 3) * body.surface.radius(unit)
    ends_mm = border_mm + rng.uniform(*SPICULE_MM, len(unit))
    radii = rng.uniform(*SPICULE_RADIUS_MM, len(unit))
    starts = body.centre_lps_mm + unit * (0.7 * border_mm)[:, None]
    return Tubes(starts, body.centre_lps_mm + unit * ends_mm[:, None], radii, 0.4 * radii)


def _tag(rng: np.random.Generator, body: Lump, to_pleura_lps: NDArray[np.float64]) -> Tubes:
    """One strand, or two that spread, from under the surface to the pleura."""
    away_mm = float(np.linalg.norm(to_pleura_lps))
    unit = to_pleura_lps / away_mm
    border_mm = body.volume_mm3 ** (1 / 3) * float(body.surface.radius(unit[None])[0])
    count = int(rng.integers(1, 3))
    sideways = np.cross(unit, _directions(rng, 1)[0]) * 0.25 * (away_mm - border_mm)
    spread: Sequence[float] = (0.0,) if count == 1 else (-1.0, 1.0)
    ends = np.array([body.centre_lps_mm + to_pleura_lps + unit * 2.0 + sideways * one for one in spread])
    starts = np.repeat((body.centre_lps_mm + unit * 0.7 * border_mm)[None], count, axis=0)
    radii = np.full(count, rng.uniform(*TAG_RADIUS_MM))
    return Tubes(starts, ends, radii, radii)
