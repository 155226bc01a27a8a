"""A pair of scans of one simulated patient, and the truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.simulate.anatomy import Lobe
from inference.simulate.grid import Grid
from inference.simulate.motion import Motion
from inference.simulate.nodules import (
    GROUND_GLASS_HU,
    SOLID_HU,
    Attenuation,
    NodulePlan,
    Placement,
    Surface,
    pleural_scale,
    sphere_mm3,
)
from inference.simulate.patient import Patient, points_inside
from inference.simulate.placing import depth_mm, place
from inference.simulate.scanner import Kernel, Scanner, acquire
from inference.simulate.scene import PlacedNodule, Scene
from inference.simulate.shapes import Shapes, lungs_at_rest
from inference.simulate.truth import NoduleState, NoduleTruth, PairTruth, doubling_time_days
from registration.volume import Volume

CORE_SHIFT, CORE_TOWARDS = 0.3, np.array([0.6, -0.64, 0.48])  # of the room between core and rim; LPS
MARGIN_MM = 12.0  # nodules and truth points keep this far from the first and last slice
CANDIDATE_STEP_MM, CANDIDATES = 3.0, 60_000
BRANCHINGS, BETWEEN = 120, 120  # truth points on vessels and elsewhere

CLINIC_NODULES: tuple[NodulePlan, ...] = (
    NodulePlan("A", Lobe.RIGHT_UPPER, Attenuation.SOLID, Placement.ISOLATED, sphere_mm3(8), 1.75 * sphere_mm3(8)),
    NodulePlan("B", Lobe.LEFT_LOWER, Attenuation.SOLID, Placement.VESSEL, sphere_mm3(6.5), sphere_mm3(6.5)),
    NodulePlan(
        "C",
        Lobe.LEFT_UPPER,
        Attenuation.PART_SOLID,
        Placement.ISOLATED,
        sphere_mm3(12),
        1.12 * sphere_mm3(12),
        sphere_mm3(5),
        1.8 * sphere_mm3(5),
    ),
    NodulePlan("D", Lobe.RIGHT_LOWER, Attenuation.GROUND_GLASS, Placement.ISOLATED, sphere_mm3(9), sphere_mm3(9)),
    NodulePlan("N", Lobe.RIGHT_MIDDLE, Attenuation.SOLID, Placement.ISOLATED, 0.0, sphere_mm3(6)),
    NodulePlan("G", Lobe.RIGHT_LOWER, Attenuation.SOLID, Placement.PLEURA, sphere_mm3(6.5), 0.0),
)
"""Growing solid; stable on a vessel; part-solid whose core grows; stable ground glass; a new one; one that has gone."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedPair:
    """Two scans of one patient."""

    prior: Volume
    current: Volume
    truth: PairTruth
    prior_scanner: Scanner
    current_scanner: Scanner


def simulate_pair(  # noqa: PLR0913 - every argument is something that benchmarks vary
    seed: int,
    *,
    shape_zyx: tuple[int, int, int] = (170, 400, 400),
    spacing_zyx_mm: tuple[float, float, float] = (1.9, 0.85, 0.85),
    current_shape_zyx: tuple[int, int, int] | None = None,
    current_spacing_zyx_mm: tuple[float, float, float] | None = None,
    nodules: Sequence[NodulePlan] = CLINIC_NODULES,
    prior_scanner: Scanner | None = None,
    current_scanner: Scanner | None = None,
    interval_days: int = 182,
    motion_scale: float = 1.0,
    vessel_ends: int = 9000,
    threads: int = 2,
) -> SimulatedPair:
    """Make a patient, lay them in a scanner twice, and tell what is true.

    Parameters
    ----------
    seed
        The same seed and arguments give the same pair, bit for bit.
    shape_zyx, spacing_zyx_mm
        Size of the prior scan; the block is centred on the chest and should span 300 mm from top to bottom.
    current_shape_zyx, current_spacing_zyx_mm
        The same of the current scan; by default as the prior.
    nodules
        What grows in the patient.
    prior_scanner, current_scanner
        Protocols; by default a soft kernel with slices as thick as their distance.
    interval_days
        Time between the scans.
    motion_scale
        1: posture and breath differ as between two ordinary visits; 0: not at all.
    vessel_ends
        Detail of the vessel trees.
    threads
        Slabs worked on at once; does not change the result.

    Returns
    -------
    SimulatedPair

    Raises
    ------
    NoRoom
        The nodules ordered do not fit.
    """
    patient = Patient.drawn(seed, vessel_ends=vessel_ends)
    rng = np.random.default_rng([seed, 2])
    motions = (Motion.none(), Motion.drawn(rng, scale=motion_scale))
    grids = (
        Grid.centred(shape_zyx, spacing_zyx_mm),
        Grid.centred(current_shape_zyx or shape_zyx, current_spacing_zyx_mm or spacing_zyx_mm),
    )
    scanners = tuple(
        scanner or Scanner(Kernel.SOFT, grid.spacing_zyx_mm[0])
        for scanner, grid in zip((prior_scanner, current_scanner), grids, strict=True)
    )
    shapes = [
        Shapes.of(patient.anatomy, grid, motion, patient.texture_seed)
        for grid, motion in zip(grids, motions, strict=True)
    ]
    rest = lungs_at_rest(patient.anatomy, CANDIDATE_STEP_MM)
    candidates = points_inside(*rest, deeper_mm=1.0, rng=rng)[:CANDIDATES]
    seen = _seen(candidates, grids, motions)
    places = place(nodules, patient, depth_mm(*rest, candidates), seen, candidates)
    surfaces = [(Surface.drawn(rng), Surface.drawn(rng)) for _ in nodules]
    volumes = []
    for day in range(2):
        standing = _stand(nodules, places, surfaces, shapes[day], motions[day], day)
        scene = Scene.of(patient, shapes[day], motions[day], standing)
        array = acquire(scanners[day], grids[day], scene.paint, (seed, 3, day), threads=threads)
        z, y, x = grids[day].origin_zyx_mm
        volumes.append(Volume(array, grids[day].spacing_zyx_mm, (x, y, z), np.eye(3)))
    points = _truth_points(patient, candidates[seen], grids, motions, rng)
    truth = PairTruth(
        seed=seed,
        interval_days=interval_days,
        descent_mm=motions[1].descent_mm,
        nodules=tuple(_truth(plan, at, motions, interval_days) for plan, at in zip(nodules, places, strict=True)),
        prior_points_lps_mm=_tuples(motions[0].scan_from_tissue(points)),
        current_points_lps_mm=_tuples(motions[1].scan_from_tissue(points)),
    )
    return SimulatedPair(volumes[0], volumes[1], truth, scanners[0], scanners[1])


def _seen(points: NDArray[np.float64], grids: tuple[Grid, Grid], motions: tuple[Motion, Motion]) -> NDArray[np.bool_]:
    """Which points of the lung at rest both scans show, with a margin."""
    seen = np.ones(len(points), dtype=bool)
    for grid, motion in zip(grids, motions, strict=True):
        moved = motion.scan_from_tissue(points)[:, ::-1]
        for axis in range(3):
            low, high = grid.axis_mm(axis)[[0, -1]]
            seen &= (moved[:, axis] > low + MARGIN_MM) & (moved[:, axis] < high - MARGIN_MM)
    return seen


def _stand(
    nodules: Sequence[NodulePlan],
    places: NDArray[np.float64],
    surfaces: Sequence[tuple[Surface, Surface]],
    shapes: Shapes,
    motion: Motion,
    day: int,
) -> tuple[PlacedNodule, ...]:
    """The nodules of one day where breathing has carried them, unchanged in volume."""
    placed = []
    for plan, at, (surface, core) in zip(nodules, motion.scan_from_tissue(places), surfaces, strict=True):
        whole = (plan.prior_mm3, plan.current_mm3)[day]
        solid = (plan.prior_solid_mm3, plan.current_solid_mm3)[day]
        if whole == 0:
            continue
        hu = SOLID_HU if plan.attenuation is Attenuation.SOLID else GROUND_GLASS_HU
        shape_mm3 = whole
        if plan.placement is Placement.PLEURA:
            shape_mm3 = pleural_scale(surface, whole, at, shapes.lung_mm, shapes.nodes)
        placed.append(PlacedNodule(surface, at, shape_mm3, hu))
        if plan.attenuation is Attenuation.PART_SOLID and solid > 0:
            # The core sits a little to one side, well within the rest.
            room_mm = (3 * whole / (4 * np.pi)) ** (1 / 3) - (3 * solid / (4 * np.pi)) ** (1 / 3)
            placed.append(PlacedNodule(core, at + CORE_SHIFT * room_mm * CORE_TOWARDS, solid, SOLID_HU))
    return tuple(placed)


def _truth_points(
    patient: Patient,
    between: NDArray[np.float64],
    grids: tuple[Grid, Grid],
    motions: tuple[Motion, Motion],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    branchings = np.concatenate([tree.branchings(0.9) for tree in patient.veins])
    branchings = branchings[_seen(branchings, grids, motions)]
    chosen = branchings[rng.permutation(len(branchings))[:BRANCHINGS]]
    return np.concatenate([chosen, between[:BETWEEN]])


def _truth(
    plan: NodulePlan, at: NDArray[np.float64], motions: tuple[Motion, Motion], interval_days: int
) -> NoduleTruth:
    prior = _state(plan.attenuation, plan.prior_mm3, plan.prior_solid_mm3)
    current = _state(plan.attenuation, plan.current_mm3, plan.current_solid_mm3)
    ratio = plan.current_mm3 / plan.prior_mm3 if prior and current else None
    (here,), (there,) = (_tuples(motion.scan_from_tissue(at[None])) for motion in motions)
    return NoduleTruth(
        label=plan.label,
        lobe=plan.lobe,
        attenuation=plan.attenuation,
        placement=plan.placement,
        prior_lps_mm=here if prior else None,
        current_lps_mm=there if current else None,
        expected_prior_lps_mm=here,
        expected_current_lps_mm=there,
        prior=prior,
        current=current,
        volume_ratio=ratio,
        doubling_time_days=doubling_time_days(ratio, interval_days) if ratio else None,
    )


def _state(attenuation: Attenuation, whole_mm3: float, solid_mm3: float) -> NoduleState | None:
    if whole_mm3 == 0:
        return None
    solid = whole_mm3 if attenuation is Attenuation.SOLID else solid_mm3
    return NoduleState(whole_mm3, float((6 * whole_mm3 / np.pi) ** (1 / 3)), solid)


def _tuples(points: NDArray[np.float64]) -> tuple[tuple[float, float, float], ...]:
    return tuple((round(float(x), 4), round(float(y), 4), round(float(z), 4)) for x, y, z in points)
