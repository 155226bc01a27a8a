"""Nodules of known volume: star-shaped, slightly uneven, drawn with the exact share of every voxel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from inference.simulate.anatomy import Lobe
from inference.simulate.grid import Floats, Grid, interpolate

SUBVOXEL_MM = 0.22
UNEVENNESS = 0.07  # standard deviation of the logarithm of the radius
WAVE_LENGTHS = (1.5, 4.5)  # of the vectors of the waves
DIRECTIONS = 6000  # for the volume of the unit shape; its error is below 1e-4


class Attenuation(StrEnum):
    """What a nodule is made of."""

    SOLID = "solid"
    PART_SOLID = "part_solid"
    GROUND_GLASS = "ground_glass"


class Placement(StrEnum):
    """What a nodule touches."""

    ISOLATED = "isolated"
    VESSEL = "vessel"
    PLEURA = "pleura"


SOLID_HU = 35.0
GROUND_GLASS_HU = -600.0


def sphere_mm3(diameter_mm: float) -> float:
    """Volume of a ball."""
    return float(np.pi / 6 * diameter_mm**3)


@dataclass(frozen=True, slots=True)
class NodulePlan:
    """One nodule as ordered, on both days.

    Parameters
    ----------
    label
        Short name in the truth.
    lobe, attenuation, placement
        Where, of what, touching what.
    prior_mm3, current_mm3
        Its volume on each scan; 0 when it is not there. Of a nodule on the pleura: the part that stands in the lung.
    prior_solid_mm3, current_solid_mm3
        Volume of the solid part of a part-solid nodule.
    """

    label: str
    lobe: Lobe
    attenuation: Attenuation
    placement: Placement
    prior_mm3: float
    current_mm3: float
    prior_solid_mm3: float = 0.0
    current_solid_mm3: float = 0.0

    def __post_init__(self) -> None:
        if min(self.prior_mm3, self.current_mm3, self.prior_solid_mm3, self.current_solid_mm3) < 0:
            raise ValueError(f"nodule {self.label} has a negative volume")
        if not max(self.prior_mm3, self.current_mm3) > 0:
            raise ValueError(f"nodule {self.label} is on neither scan")
        if self.prior_solid_mm3 > self.prior_mm3 or self.current_solid_mm3 > self.current_mm3:
            raise ValueError(f"nodule {self.label} has more solid part than nodule")


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A star-shaped surface about the origin with volume 1 mm3.

    Parameters
    ----------
    waves : (n, 3)
        Each adds ``cos(direction . wave + phase)`` to the logarithm of the radius.
    phases : (n,)
        Radians.
    log_scale
        Makes the volume 1.
    uneven_share
        Standard deviation of the logarithm of the radius.
    """

    waves: NDArray[np.float64]
    phases: NDArray[np.float64]
    log_scale: float
    uneven_share: float = UNEVENNESS

    @classmethod
    def drawn(
        cls,
        rng: np.random.Generator,
        *,
        uneven_share: float = UNEVENNESS,
        lengths: tuple[float, float] = WAVE_LENGTHS,
    ) -> Surface:
        """Draw an uneven ball; longer waves make smaller bulges."""
        waves = rng.standard_normal((10, 3))
        waves *= rng.uniform(*lengths, (10, 1)) / np.linalg.norm(waves, axis=1, keepdims=True)
        shape = cls(waves, rng.uniform(0, 2 * np.pi, 10), 0.0, uneven_share)
        turn = np.pi * (3 - np.sqrt(5)) * np.arange(DIRECTIONS)
        height = 1 - (2 * np.arange(DIRECTIONS) + 1) / DIRECTIONS
        level = np.sqrt(1 - height**2)
        sphere = np.stack([level * np.cos(turn), level * np.sin(turn), height], axis=1)
        volume = 4 * np.pi / 3 * float(np.mean(shape.radius(sphere) ** 3))
        return cls(shape.waves, shape.phases, -np.log(volume) / 3, uneven_share)

    def radius(self, directions: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance of the surface from the centre along unit vectors (..., 3)."""
        log_radius = np.full(directions.shape[:-1], self.log_scale)
        for wave, phase in zip(self.waves, self.phases, strict=True):
            log_radius += self.uneven_share * np.sqrt(2 / len(self.waves)) * np.cos(directions @ wave + phase)
        radius: NDArray[np.float64] = np.exp(log_radius)
        return radius


def box_around(grid: Grid, centre_lps_mm: NDArray[np.float64], reach_mm: float) -> tuple[slice, slice, slice] | None:
    """Voxels within ``reach_mm`` of a point along each axis; None when there are none."""
    low = (centre_lps_mm[::-1] - reach_mm - np.asarray(grid.origin_zyx_mm)) / np.asarray(grid.spacing_zyx_mm)
    high = (centre_lps_mm[::-1] + reach_mm - np.asarray(grid.origin_zyx_mm)) / np.asarray(grid.spacing_zyx_mm)
    start = np.maximum(np.floor(low).astype(int), 0)
    stop = np.minimum(np.ceil(high).astype(int) + 1, grid.shape_zyx)
    if np.any(stop <= start):
        return None
    z, y, x = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return z, y, x


def part_of(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    """The grid of a box of voxels."""
    z, y, x = box
    start = (
        grid.origin_zyx_mm[0] + z.start * grid.spacing_zyx_mm[0],
        grid.origin_zyx_mm[1] + y.start * grid.spacing_zyx_mm[1],
        grid.origin_zyx_mm[2] + x.start * grid.spacing_zyx_mm[2],
    )
    return Grid((z.stop - z.start, y.stop - y.start, x.stop - x.start), grid.spacing_zyx_mm, start)


def divided(grid: Grid, parts_zyx: tuple[int, int, int]) -> Grid:
    """Every voxel cut into ``parts_zyx`` small ones that fill the same space."""
    spacing = np.asarray(grid.spacing_zyx_mm) / parts_zyx
    origin = np.asarray(grid.origin_zyx_mm) - 0.5 * (np.asarray(parts_zyx) - 1) * spacing
    nz, ny, nx = (n * p for n, p in zip(grid.shape_zyx, parts_zyx, strict=True))
    return Grid((nz, ny, nx), (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2]))


def share_inside(
    surface: Surface,
    volume_mm3: float,
    centre_lps_mm: NDArray[np.float64],
    grid: Grid,
    *,
    subvoxel_mm: float = SUBVOXEL_MM,
) -> Floats:
    """Share of every voxel of ``grid`` inside the nodule, by cutting voxels to about ``subvoxel_mm``.

    Parameters
    ----------
    surface
        Its shape.
    volume_mm3
        Its volume.
    centre_lps_mm : (3,)
    grid
        A small block that contains it.

    Returns
    -------
    (z, y, x)
    """
    parts = tuple(int(np.ceil(step / subvoxel_mm)) for step in grid.spacing_zyx_mm)
    fine = divided(grid, (parts[0], parts[1], parts[2]))
    share = np.empty(grid.shape_zyx, np.float32)
    for plane in range(grid.shape_zyx[0]):  # one thick plane at a time keeps memory small
        cut = fine.planes(plane * parts[0], (plane + 1) * parts[0])
        inside = _soft_inside(surface, volume_mm3, centre_lps_mm, cut)
        share[plane] = inside.reshape(parts[0], grid.shape_zyx[1], parts[1], grid.shape_zyx[2], parts[2]).mean(
            (0, 2, 4)
        )
    return share


def _soft_inside(surface: Surface, volume_mm3: float, centre_lps_mm: NDArray[np.float64], grid: Grid) -> Floats:
    """1 inside, 0 outside, with an edge one small voxel wide; (z, y, x)."""
    offset = grid.points_lps_mm() - centre_lps_mm.astype(np.float32)
    distance = np.sqrt(np.einsum("...i,...i", offset, offset))
    scale = volume_mm3 ** (1 / 3)
    mean_radius = (3 / (4 * np.pi)) ** (1 / 3) * scale
    inside: Floats = (distance < 0.6 * mean_radius).astype(np.float32)
    rim = (distance >= 0.6 * mean_radius) & (distance < 1.6 * mean_radius)  # unevenness never reaches that far
    radius = scale * surface.radius(offset[rim] / distance[rim][:, None])
    inside[rim] = np.clip((radius - distance[rim]) / np.mean(grid.spacing_zyx_mm) + 0.5, 0, 1)
    return inside


def pleural_scale(
    surface: Surface, volume_mm3: float, centre_lps_mm: NDArray[np.float64], lung_mm: Floats, nodes: Grid
) -> float:
    """Volume of the whole shape such that its part inside the lung has ``volume_mm3``.

    Parameters
    ----------
    surface, volume_mm3, centre_lps_mm
        The nodule.
    lung_mm : (z, y, x)
        Signed distance to the lung at ``nodes``, negative inside.
    nodes
        Grid of ``lung_mm``.

    Source
    ------
    Secant iteration on the logarithms; the part inside grows smoothly with the whole.
    """
    whole = volume_mm3
    for _ in range(12):
        reach = 1.4 * (3 * whole / (4 * np.pi)) ** (1 / 3) + 1
        steps = int(np.ceil(2 * reach / 0.3))
        z, y, x = centre_lps_mm[::-1] - 0.5 * (steps - 1) * 0.3
        block = Grid((steps, steps, steps), (0.3, 0.3, 0.3), (float(z), float(y), float(x)))
        in_lung = np.clip(0.5 - interpolate(lung_mm, nodes, block) / 0.3, 0, 1)
        part = float((_soft_inside(surface, whole, centre_lps_mm, block) * in_lung).sum()) * 0.3**3
        if abs(part / volume_mm3 - 1) < 1e-4:
            break
        whole *= volume_mm3 / part
    return whole
