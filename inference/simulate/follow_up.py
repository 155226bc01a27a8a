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
NARROWEST_TRUTH_MM = 0.9
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
class Day:
    """How one of the scans is made: its voxels, the patient's posture and breath, the protocol."""

    grid: Grid
    motion: Motion
    scanner: Scanner


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedPair:
    """Two scans of one patient, and all that is known of them."""

    prior: Volume
    current: Volume
    truth: PairTruth
    days: tuple[Day, Day]

    @property
    def prior_scanner(self) -> Scanner:
        """Protocol of the prior scan."""
        return self.days[0].scanner

    @property
    def current_scanner(self) -> Scanner:
        """Protocol of the current scan."""
        return self.days[1].scanner

    def current_from_prior(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points of lung tissue on the prior scan truly lie on the current one, (n, 3) to (n, 3)."""
        return self.days[1].motion.scan_from_tissue(self.days[0].motion.tissue_from_scan(points_lps_mm))

    def prior_from_current(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """The way back."""
        return self.days[0].motion.scan_from_tissue(self.days[1].motion.tissue_from_scan(points_lps_mm))


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
    prior_grid = Grid.centred(shape_zyx, spacing_zyx_mm)
    current_grid = Grid.centred(current_shape_zyx or shape_zyx, current_spacing_zyx_mm or spacing_zyx_mm)
    days = (
        Day(prior_grid, Motion.none(), prior_scanner or _usual(prior_grid)),
        Day(current_grid, Motion.drawn(rng, scale=motion_scale), current_scanner or _usual(current_grid)),
    )
    return _scanned_twice(seed, patient, days, nodules, interval_days, rng, threads)


def _scanned_twice(
    seed: int,
    patient: Patient,
    days: tuple[Day, Day],
    nodules: Sequence[NodulePlan],
    interval_days: int,
    rng: np.random.Generator,
    threads: int,
) -> SimulatedPair:
    """Place the nodules, scan on both days, and write down what is true."""
    rest = lungs_at_rest(patient.anatomy, CANDIDATE_STEP_MM)
    candidates = points_inside(*rest, deeper_mm=1.0, rng=rng)[:CANDIDATES]
    seen = _seen(candidates, days)
    places = place(nodules, patient, depth_mm(*rest, candidates), seen, candidates)
    surfaces = [(Surface.drawn(rng), Surface.drawn(rng)) for _ in nodules]
    prior, current = (
        _scan(patient, day, _on(number, nodules), places, surfaces, (seed, 3, number), threads)
        for number, day in enumerate(days)
    )
    points = _truth_points(patient, candidates[seen], days, rng)
    truth = PairTruth(
        seed=seed,
        interval_days=interval_days,
        descent_mm=days[1].motion.descent_mm,
        nodules=tuple(_truth(plan, at, days, interval_days) for plan, at in zip(nodules, places, strict=True)),
        prior_points_lps_mm=_tuples(days[0].motion.scan_from_tissue(points)),
        current_points_lps_mm=_tuples(days[1].motion.scan_from_tissue(points)),
    )
    return SimulatedPair(prior, current, truth, days)


def _usual(grid: Grid) -> Scanner:
    return Scanner(Kernel.SOFT, slice_thickness_mm=grid.spacing_zyx_mm[0])


@dataclass(frozen=True, slots=True)
class _Standing:
    """A nodule as ordered for one day."""

    plan: NodulePlan
    whole_mm3: float
    solid_mm3: float


def _on(number: int, nodules: Sequence[NodulePlan]) -> list[_Standing]:
    """The orders of the prior (0) or current (1) day."""
    if number == 0:
        return [_Standing(plan, plan.prior_mm3, plan.prior_solid_mm3) for plan in nodules]
    return [_Standing(plan, plan.current_mm3, plan.current_solid_mm3) for plan in nodules]


def _scan(
    patient: Patient,
    day: Day,
    nodules: Sequence[_Standing],
    places: NDArray[np.float64],
    surfaces: Sequence[tuple[Surface, Surface]],
    noise_seed: tuple[int, ...],
    threads: int,
) -> Volume:
    shapes = Shapes.of(patient.anatomy, day.grid, day.motion, patient.texture_seed)
    standing = _stand(nodules, day.motion.scan_from_tissue(places), surfaces, shapes)
    scene = Scene.of(patient, shapes, day.motion, standing)
    array = acquire(day.scanner, day.grid, scene.paint, noise_seed, threads=threads)
    z, y, x = day.grid.origin_zyx_mm
    return Volume(array, day.grid.spacing_zyx_mm, (x, y, z), np.eye(3))


def _seen(points: NDArray[np.float64], days: tuple[Day, Day]) -> NDArray[np.bool_]:
    """Which points of the lung at rest both scans show, with a margin."""
    seen = np.ones(len(points), dtype=bool)
    for day in days:
        moved = day.motion.scan_from_tissue(points)[:, ::-1]
        for axis in range(3):
            low, high = day.grid.axis_mm(axis)[[0, -1]]
            seen &= (moved[:, axis] > low + MARGIN_MM) & (moved[:, axis] < high - MARGIN_MM)
    return seen


def _stand(
    nodules: Sequence[_Standing],
    places_lps_mm: NDArray[np.float64],
    surfaces: Sequence[tuple[Surface, Surface]],
    shapes: Shapes,
) -> tuple[PlacedNodule, ...]:
    """The nodules of one day where breathing has carried them; it does not change their volume."""
    placed = []
    for nodule, at, (surface, core) in zip(nodules, places_lps_mm, surfaces, strict=True):
        whole_mm3, solid_mm3, plan = nodule.whole_mm3, nodule.solid_mm3, nodule.plan
        if whole_mm3 == 0:
            continue
        hu = SOLID_HU if plan.attenuation is Attenuation.SOLID else GROUND_GLASS_HU
        shape_mm3 = whole_mm3
        if plan.placement is Placement.PLEURA:
            shape_mm3 = pleural_scale(surface, whole_mm3, at, shapes.lung_mm, shapes.nodes)
        placed.append(PlacedNodule(surface, at, shape_mm3, hu))
        if plan.attenuation is Attenuation.PART_SOLID and solid_mm3 > 0:
            # The core sits a little to one side, well within the rest.
            room_mm = (3 * whole_mm3 / (4 * np.pi)) ** (1 / 3) - (3 * solid_mm3 / (4 * np.pi)) ** (1 / 3)
            placed.append(PlacedNodule(core, at + CORE_SHIFT * room_mm * CORE_TOWARDS, solid_mm3, SOLID_HU))
    return tuple(placed)


def _truth_points(
    patient: Patient, between: NDArray[np.float64], days: tuple[Day, Day], rng: np.random.Generator
) -> NDArray[np.float64]:
    branchings = np.concatenate([tree.branchings(NARROWEST_TRUTH_MM) for tree in patient.veins])
    branchings = branchings[_seen(branchings, days)]
    chosen = branchings[rng.permutation(len(branchings))[:BRANCHINGS]]
    return np.concatenate([chosen, between[:BETWEEN]])


def _truth(plan: NodulePlan, at: NDArray[np.float64], days: tuple[Day, Day], interval_days: int) -> NoduleTruth:
    prior = _state(plan.attenuation, plan.prior_mm3, plan.prior_solid_mm3)
    current = _state(plan.attenuation, plan.current_mm3, plan.current_solid_mm3)
    ratio = plan.current_mm3 / plan.prior_mm3 if prior and current else None
    (here,), (there,) = (_tuples(day.motion.scan_from_tissue(at[None])) for day in days)
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
