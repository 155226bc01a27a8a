"""Simulated patients to learn from: chests of many protocols, with nodules that were scanned with them.

Further nodules are laid into them afterwards (``inference.simulate.inserted``), so that one chest serves many times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.simulate.grid import Grid
from inference.simulate.inserted import SOLID_SHARE
from inference.simulate.motion import Motion
from inference.simulate.nodules import (
    GROUND_GLASS_HU,
    SOLID_HU,
    Attenuation,
    Placement,
    Surface,
    sphere_mm3,
)
from inference.simulate.patient import Patient, points_inside
from inference.simulate.scanner import Kernel, Scanner, acquire
from inference.simulate.scene import PlacedNodule, Scene
from inference.simulate.shapes import Shapes, lungs_at_rest
from registration.volume import Volume

FIELD_MM: Final = (290.0, 330.0)  # along the patient, and in the plane
THICKNESSES_MM: Final = (1.0, 1.25, 2.0, 2.5)
THICKNESS_SHARES: Final = (0.1, 0.2, 0.4, 0.3)
PIXELS_MM: Final = (0.55, 0.85)
EXPOSURES_MAS: Final = (20.0, 100.0)
SHARP_SHARE: Final = 0.4
SCANNED_NODULES: Final = 12
APART_MM: Final = 28.0
DIAMETERS_MM: Final = (3.8, 16.0)
SMALLEST_MM: Final = {Attenuation.SOLID: 3.8, Attenuation.PART_SOLID: 6.0, Attenuation.GROUND_GLASS: 4.8}
SAMPLING_STEP_MM: Final = 3.0
Order = tuple[float, Attenuation, Placement]


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """One patient on one day, with the nodules that were scanned: where they are (n, 3) and how large (n,)."""

    volume: Volume
    scanner: Scanner
    nodules_lps_mm: NDArray[np.float64]
    diameters_mm: NDArray[np.float64]


def draw_chest(seed: int, *, coarser: float = 1.0) -> Chest:
    """Draw a patient and scan them once.

    Parameters
    ----------
    seed
        Decides everything.
    coarser
        Factor on the voxels, for a quick trial.
    """
    rng = np.random.default_rng([seed, 13])
    patient = Patient.drawn(seed, vessel_ends=round(9000 / coarser))
    thickness_mm = coarser * float(rng.choice(THICKNESSES_MM, p=THICKNESS_SHARES))
    pixel_mm = coarser * float(rng.uniform(*PIXELS_MM))
    kernel = Kernel.SHARP if rng.random() < SHARP_SHARE else Kernel.SOFT
    scanner = Scanner(kernel, thickness_mm, float(np.exp(rng.uniform(*np.log(EXPOSURES_MAS)))))
    across = round(FIELD_MM[1] / pixel_mm)
    grid = Grid.centred((round(FIELD_MM[0] / thickness_mm), across, across), (thickness_mm, pixel_mm, pixel_mm))
    motion = Motion.drawn(rng)
    shapes = Shapes.of(patient.anatomy, grid, motion, patient.texture_seed)
    places, diameters, placed = _scanned_nodules(patient, motion, grid, rng)
    scene = Scene.of(patient, shapes, motion, placed)
    array = acquire(scanner, grid, scene.paint, (seed, 13), threads=1)
    z, y, x = grid.origin_zyx_mm
    return Chest(Volume(array, grid.spacing_zyx_mm, (x, y, z), np.eye(3)), scanner, places, diameters)


def _scanned_nodules(
    patient: Patient, motion: Motion, grid: Grid, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[PlacedNodule, ...]]:
    """Nodules anywhere in the lungs, on whatever lies there."""
    rest = lungs_at_rest(patient.anatomy, SAMPLING_STEP_MM)
    points = motion.scan_from_tissue(points_inside(*rest, deeper_mm=2.0, rng=rng)[:4000])
    low, high = (np.array([grid.axis_mm(axis)[end] for axis in (2, 1, 0)]) for end in (0, -1))
    points = points[((points > low + 15.0) & (points < high - 15.0)).all(axis=1)]
    chosen: list[NDArray[np.float64]] = []
    diameters: list[float] = []
    placed: list[PlacedNodule] = []
    for point in points:
        if len(chosen) == SCANNED_NODULES:
            break
        if any(np.linalg.norm(point - other) < APART_MM for other in chosen):
            continue
        diameter_mm, attenuation, _ = draw_order(rng)
        whole_mm3, surface = sphere_mm3(diameter_mm), Surface.drawn(rng)
        hu = SOLID_HU if attenuation is Attenuation.SOLID else GROUND_GLASS_HU
        placed.append(PlacedNodule(surface, point, whole_mm3, hu))
        if attenuation is Attenuation.PART_SOLID:
            placed.append(PlacedNodule(surface, point, SOLID_SHARE * whole_mm3, SOLID_HU))
        chosen.append(point)
        diameters.append(diameter_mm)
    return np.array(chosen).reshape(-1, 3), np.array(diameters), tuple(placed)


def draw_order(rng: np.random.Generator) -> Order:
    """What to lay in next: size, attenuation, and what it should touch; the small and hard ones more often."""
    attenuation = Attenuation(rng.choice(["solid", "part_solid", "ground_glass"], p=[0.55, 0.13, 0.32]))
    placement = Placement(rng.choice(["isolated", "vessel", "pleura"], p=[0.25, 0.42, 0.33]))
    low, high = np.log(SMALLEST_MM[attenuation]), np.log(DIAMETERS_MM[1])
    diameter_mm = float(np.exp(low + (high - low) * rng.beta(1.0, 1.4)))
    return diameter_mm, attenuation, placement
