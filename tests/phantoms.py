"""Small CTs with nodules of exactly known volume: drawn finely, blurred and sampled as a scanner would.

Every phantom is a cube of lung a few centimetres wide, seeded, and made in a few hundredths of a second. The large
chests with motion and growth are in ``inference.simulate``; these are for laws that need hundreds of nodules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from registration.volume import Volume

FINE_MM = 0.35
IN_PLANE_BLUR_MM = 0.6
VESSEL_HU = 40.0
WALL_HU = 50.0
FAT_HU = -100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodulePhantom:
    """What to draw. Lengths in mm, attenuation in HU; the nodule lies near the middle of the cube."""

    diameter_mm: float = 8.0
    nodule_hu: float = 30.0
    lung_hu: float = -860.0
    solid_core_mm: float = 0.0  # diameter of a centre of other tissue: the solid part of a ground-glass nodule
    core_hu: float = 30.0  # of that centre; also calcium, fat or air
    core_off_mm: float = 0.0  # how far it lies from the middle
    shell_mm: float = 0.0  # thickness of a shell of the core's tissue instead of a full centre
    spicules: int = 0  # strands 1.2 mm wide that leave the surface and end after 4 mm
    knobs: float = 0.0  # of degree 4, in log radius: lobulation
    irregularity: float = 0.0  # standard deviation of the low-order relief of the surface, in log radius
    wall: bool = False  # the nodule sits on a curved pleura, its base cut off
    fat_mm: float = 0.0  # thickness of a layer of fat between pleura and muscle
    vessels: int = 0  # thin cylinders that run into the nodule
    carrier_mm: float = 0.0  # width of a vessel that goes on to both sides, and on whose flank the nodule sits
    spacing_zyx_mm: tuple[float, float, float] = (1.0, 0.7, 0.7)
    slice_thickness_mm: float = 1.0
    noise_hu: float = 30.0
    side_mm: float = 36.0
    seed: int = 0
    stretch_zyx: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnNodule:
    """The phantom as a CT, with the truth."""

    volume: Volume
    centre_lps_mm: NDArray[np.float64]
    volume_mm3: float


def draw(asked: NodulePhantom) -> DrawnNodule:
    """Draw one phantom; the same ``seed`` gives the same voxels."""
    rng = np.random.default_rng(asked.seed)
    axis = (np.arange(round(asked.side_mm / FINE_MM)) + 0.5) * FINE_MM - asked.side_mm / 2
    offset = rng.uniform(-0.5, 0.5, 3)
    grid = list(np.meshgrid(*(axis - shift for shift in offset), indexing="ij", sparse=True))
    nodule = _nodule(asked, grid, rng)
    image = np.full(nodule.shape, asked.lung_hu, np.float32)
    vessels = _vessels(asked, grid, rng)
    vessels = np.maximum(vessels, _spicules(asked, grid, rng))
    if asked.carrier_mm:
        carrier = _carrier(asked, grid, rng)
        vessels, nodule = np.maximum(vessels, carrier), nodule * (1 - carrier)
    image += vessels * (VESSEL_HU - image)
    image += nodule * (np.maximum(asked.nodule_hu, image) - image)
    if asked.solid_core_mm:
        image += _core(asked, grid) * (asked.core_hu - image)
    if asked.wall:
        behind_mm = _behind_pleura_mm(asked, grid, rng)
        wall, muscle = (_share_behind(behind_mm - layer_mm) for layer_mm in (0.0, asked.fat_mm))
        nodule = nodule * (1 - wall)
        image += wall * (FAT_HU - image)
        image += muscle * (WALL_HU - image)
    return _scan(asked, image, nodule, offset, rng)


def repeat(asked: NodulePhantom, times: int) -> list[DrawnNodule]:
    """Draw it at other sub-voxel places with other noise (and another relief, when it is irregular)."""
    return [draw(replace(asked, seed=asked.seed + k)) for k in range(times)]


def _nodule(asked: NodulePhantom, grid: list[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.float32]:
    z, y, x = (axis / stretch for axis, stretch in zip(grid, asked.stretch_zyx, strict=True))
    radius = np.sqrt(z * z + y * y + x * x) + 1e-6
    surface: NDArray[np.float64] | float = asked.diameter_mm / 2
    if asked.irregularity:
        u, v, w = z / radius, y / radius, x / radius
        a = rng.normal(size=5)
        relief = a[0] * u * v + a[1] * v * w + a[2] * u * w + a[3] * (u * u - v * v) / 2 + a[4] * (w * w - 1 / 3)
        surface = surface * np.exp(asked.irregularity * relief)
    if asked.knobs:
        u, v, w = z / radius, y / radius, x / radius
        surface = surface * np.exp(asked.knobs * 5.73 * (u**4 + v**4 + w**4 - 0.6))  # of unit root mean square
    return np.asarray(np.clip((surface - radius) / FINE_MM + 0.5, 0, 1), dtype=np.float32)


def _vessels(asked: NodulePhantom, grid: list[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = np.zeros(np.broadcast_shapes(*(axis.shape for axis in grid)), np.float32)
    for _ in range(asked.vessels):
        along = _unit(rng.normal(size=3))
        across = _unit(np.cross(along, rng.normal(size=3)))
        start = across * asked.diameter_mm / 2 * rng.uniform(0.1, 0.9)
        z, y, x = (axis - at for axis, at in zip(grid, start, strict=True))
        along_mm = z * along[0] + y * along[1] + x * along[2]
        away_mm = np.sqrt(np.maximum(z * z + y * y + x * x - along_mm**2, 0))
        radius = min(rng.uniform(0.6, 1.4), 0.22 * asked.diameter_mm)
        one_side = np.clip(along_mm / FINE_MM + 0.5, 0, 1)
        drawn = np.maximum(drawn, (np.clip((radius - away_mm) / FINE_MM + 0.5, 0, 1) * one_side).astype(np.float32))
    return drawn


def _carrier(asked: NodulePhantom, grid: list[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.float32]:
    along = _unit(rng.normal(size=3))
    across = _unit(np.cross(along, rng.normal(size=3)))
    start = across * (asked.carrier_mm / 2 + 0.75 * asked.diameter_mm / 2)
    z, y, x = (axis - at for axis, at in zip(grid, start, strict=True))
    along_mm = z * along[0] + y * along[1] + x * along[2]
    away_mm = np.sqrt(np.maximum(z * z + y * y + x * x - along_mm**2, 0))
    return np.clip((asked.carrier_mm / 2 - away_mm) / FINE_MM + 0.5, 0, 1).astype(np.float32)


def _core(asked: NodulePhantom, grid: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    z, y, x = grid
    away_mm = np.sqrt(z * z + y * y + (x - asked.core_off_mm) ** 2)
    share = np.clip((asked.solid_core_mm / 2 - away_mm) / FINE_MM + 0.5, 0, 1)
    if asked.shell_mm:
        share -= np.clip((asked.solid_core_mm / 2 - asked.shell_mm - away_mm) / FINE_MM + 0.5, 0, 1)
    return np.asarray(share)


def _spicules(asked: NodulePhantom, grid: list[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = np.zeros(np.broadcast_shapes(*(axis.shape for axis in grid)), np.float32)
    z, y, x = grid
    away_mm = np.sqrt(z * z + y * y + x * x)
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(asked.spicules) + rng.uniform(0, 2 * np.pi)
    height = 1 - (2 * np.arange(asked.spicules) + 1) / max(asked.spicules, 1)
    for angle, up in zip(turn, height, strict=True):
        flat = np.sqrt(1 - up * up)
        along_mm = z * up + y * flat * np.cos(angle) + x * flat * np.sin(angle)
        across_mm = np.sqrt(np.maximum(away_mm**2 - along_mm**2, 0))
        inside = np.clip((0.6 - across_mm) / FINE_MM + 0.5, 0, 1) * (along_mm > 0)
        inside = inside * np.clip((asked.diameter_mm / 2 + 4 - along_mm) / FINE_MM + 0.5, 0, 1)
        drawn = np.maximum(drawn, inside.astype(np.float32))
    return drawn


def _behind_pleura_mm(
    asked: NodulePhantom, grid: list[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    outward = _unit(rng.normal(size=3) * np.array([0.4, 1, 1]))
    lung_radius = rng.uniform(40, 120)
    lung_centre = outward * (asked.diameter_mm / 2 * rng.uniform(0.35, 0.9) - lung_radius)
    away: NDArray[np.float64] = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid, lung_centre, strict=True)))
    return away - lung_radius


def _share_behind(depth_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.clip(depth_mm / FINE_MM + 0.5, 0, 1).astype(np.float32)


def _scan(
    asked: NodulePhantom,
    image: NDArray[np.float32],
    nodule: NDArray[np.float32],
    offset_zyx_mm: NDArray[np.float64],
    rng: np.random.Generator,
) -> DrawnNodule:
    profile_mm = np.hypot(asked.slice_thickness_mm / np.sqrt(12), 0.3)
    blurred = ndimage.gaussian_filter(image, np.array([profile_mm, IN_PLANE_BLUR_MM, IN_PLANE_BLUR_MM]) / FINE_MM)
    spacing = np.asarray(asked.spacing_zyx_mm)
    count = ((asked.side_mm - 2) / spacing).astype(int)
    start_mm = -(count - 1) / 2 * spacing + rng.uniform(-0.5, 0.5, 3) * spacing
    places = [
        (first + np.arange(n) * step + asked.side_mm / 2) / FINE_MM - 0.5
        for first, n, step in zip(start_mm, count, spacing, strict=True)
    ]
    sampled = ndimage.map_coordinates(blurred, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")
    noise = ndimage.gaussian_filter(rng.standard_normal(sampled.shape), (0.3, 0.7, 0.7))
    sampled = sampled + noise / noise.std() * asked.noise_hu
    spacing_zyx = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    volume = Volume(np.round(sampled).astype(np.int16), spacing_zyx, (-50.0, 30.0, 200.0), np.eye(3))
    centre = volume.lps_from_index((offset_zyx_mm - start_mm) / spacing)
    return DrawnNodule(volume, centre, float(nodule.sum(dtype=np.float64) * FINE_MM**3))


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)
