"""What outline and phenotype learn from: nodules with features in blocks of simulated chests, and what is true of them.

``python -m inference.training.nodule_data FOLDER --seeds 1 2 3`` keeps one file for each simulated patient. Only a
block around each nodule is scanned, which costs a hundredth of a chest; its noise has the grain of the kernel, but not
the streaks of a whole body. The seed decides everything, to the last voxel.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.networks.outline import SIDE, STEP_MM
from inference.patches import Shorts, cut_patches
from inference.simulate.anatomy import LOBES
from inference.simulate.features import Feature, FeaturedNodule, draw_featured
from inference.simulate.grid import Floats, Grid, interpolate
from inference.simulate.motion import Motion
from inference.simulate.nodules import Attenuation, NodulePlan, Placement, sphere_mm3
from inference.simulate.patient import Patient, points_inside
from inference.simulate.placing import NoRoom, depth_mm, place
from inference.simulate.scanner import Kernel, Scanner, acquire
from inference.simulate.scene import Scene
from inference.simulate.shapes import Shapes, lungs_at_rest
from registration.volume import Volume

ROOM: Final = 2  # voxels more on either side than a network sees, to shift it about
NODULES: Final = 22  # of each patient
SAMPLING_STEP_MM: Final = 4.0
CHEST: Final = ((150, 440, 440), (2.0, 0.75, 0.75))
VESSEL_ENDS: Final = 9000
THICKNESSES_MM: Final = (0.7, 1.0, 1.25, 2.0, 2.5)
THICKNESS_SHARES: Final = (0.15, 0.25, 0.25, 0.2, 0.15)
PIXELS_MM: Final = (0.55, 0.85)
EXPOSURES_MAS: Final = (4.0, 40.0)  # of a block: as noisy as a chest at four times as much
SHARP_SHARE: Final = 0.4
SMALLEST_MM: Final = {Attenuation.SOLID: 4.0, Attenuation.PART_SOLID: 6.0, Attenuation.GROUND_GLASS: 5.0}
LARGEST_MM: Final = 20.0
OFF_MIDDLE: Final = 0.1  # of the diameter, between the middle and the point that is asked about
FEATURES_FROM_MM: Final = 6.0
CAVITY_FROM_MM: Final = 9.0
TAG_REACH_MM: Final = 12.0  # longest, from the border
FEATURE_SHARE: Final = 0.35
TRAINING_BLOCK_MM: Final = 20.0  # half of what is scanned around a nodule
KEPT_BLOCK_MM: Final = 30.0  # where it is to be measured too
SHARES: Final = 200  # a share of 1 as it is kept


@dataclass(frozen=True, slots=True)
class NoduleFacts:
    """What is true of one nodule.

    Parameters
    ----------
    volume_mm3, solid_mm3
        Of what lies in the lung.
    features, possible
        ``Feature`` flags: what it has, and what one of its size, attenuation and place could have had.
    """

    attenuation: str
    placement: str
    diameter_mm: float
    volume_mm3: float
    solid_mm3: float
    features: int
    possible: int
    slice_mm: float
    pixel_mm: float
    kernel: str


@dataclass(frozen=True, slots=True, eq=False)
class KnownNodules:
    """Cubes (n, side, side, side) in HU, the shares of whole and solid part times ``SHARES``, marks, and facts."""

    cubes_hu: Shorts
    whole: NDArray[np.uint8]
    solid: NDArray[np.uint8]
    marks: NDArray[np.uint8]
    facts: tuple[NoduleFacts, ...]

    @classmethod
    def joined(cls, parts: Sequence[KnownNodules]) -> KnownNodules:
        """Put the nodules of several patients one after the other."""
        cubes, whole, solid, marks = (np.concatenate([getattr(one, name) for one in parts]) for name in cls.arrays())
        return cls(cubes, whole, solid, marks, tuple(fact for one in parts for fact in one.facts))

    @staticmethod
    def arrays() -> tuple[str, ...]:
        """Names of what has one entry a nodule and voxels."""
        return ("cubes_hu", "whole", "solid", "marks")

    @property
    def digest(self) -> str:
        """SHA-256 of cubes and truth."""
        told = hashlib.sha256()
        for name in self.arrays():
            told.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        told.update(json.dumps([asdict(one) for one in self.facts], sort_keys=True).encode())
        return told.hexdigest()

    def save(self, path: Path) -> None:
        """Keep them."""
        arrays = {name: getattr(self, name) for name in self.arrays()}
        np.savez(path, facts=json.dumps([asdict(one) for one in self.facts]), **arrays)

    @classmethod
    def load(cls, path: Path) -> KnownNodules:
        """Read what ``save`` kept."""
        with np.load(path) as kept:
            facts = tuple(NoduleFacts(**one) for one in json.loads(str(kept["facts"])))
            cubes, whole, solid, marks = (kept[name] for name in cls.arrays())
            return cls(cubes, whole, solid, marks, facts)


@dataclass(frozen=True, slots=True, eq=False)
class Ward:
    """A patient lying in the scanner, and where nodules can stand: with their plans, in scan coordinates (n, 3)."""

    shapes: Shapes
    scene: Scene
    plans: tuple[NodulePlan, ...]
    places_lps_mm: NDArray[np.float64]

    @classmethod
    def drawn(cls, seed: int, rng: np.random.Generator, *, nodules: int = NODULES) -> Ward:
        """Draw a patient."""
        patient = Patient.drawn(seed, vessel_ends=VESSEL_ENDS)
        motion = Motion.drawn(rng)
        shapes = Shapes.of(patient.anatomy, Grid.centred(*CHEST), motion, patient.texture_seed)
        rest = lungs_at_rest(patient.anatomy, SAMPLING_STEP_MM)
        points = points_inside(*rest, deeper_mm=1.0, rng=rng)[:20000]
        seen = np.ones(len(points), bool)
        plans, places = _placed(_plans(rng, nodules), patient, depth_mm(*rest, points), seen, points)
        scene = Scene.of(patient, shapes, motion, ())
        return cls(shapes, scene, tuple(plans), motion.scan_from_tissue(places))

    def in_lung(self, grid: Grid) -> Floats:
        """Share of each voxel inside the lung, (z, y, x)."""
        lung_mm = interpolate(self.shapes.lung_mm, self.shapes.nodes, grid)
        share: Floats = np.clip(0.5 - lung_mm / np.float32(np.mean(grid.spacing_zyx_mm[1:])), 0, 1)
        return share

    def to_pleura(self, at_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """From a point to the nearest pleura (3,), mm, LPS: down the slope of the distance."""
        steps = np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
        points = at_lps_mm + 3.0 * steps
        deep = depth_mm(self.shapes.lung_mm, self.shapes.nodes, points)
        slope = deep[4:] - deep[1:4]
        away: NDArray[np.float64] = slope / max(float(np.linalg.norm(slope)), 1e-6) * deep[0]
        return away


def make_nodules(seed: int, *, nodules: int = NODULES, blocks: Path | None = None) -> KnownNodules:
    """Draw a patient with nodules, scan a block around each, and tell what is true.

    Parameters
    ----------
    blocks
        A folder in which the scanned blocks are kept, large enough to be measured in.
    """
    rng = np.random.default_rng([seed, 18])
    ward = Ward.drawn(seed, rng, nodules=nodules)
    made = []
    for number, (plan, at) in enumerate(zip(ward.plans, ward.places_lps_mm, strict=True)):
        nodule, possible = _draw(rng, ward, plan, at)
        scanner, spacing = _protocol(rng)
        half_mm = KEPT_BLOCK_MM if blocks else TRAINING_BLOCK_MM
        volume = _scan(ward, nodule, scanner, spacing, half_mm, (seed, 18, number))
        diameter_mm = (6 * plan.prior_mm3 / np.pi) ** (1 / 3)
        asked = at + np.clip(rng.normal(0.0, OFF_MIDDLE * diameter_mm, 3), -1.5, 1.5)
        cube = cut_patches(volume, asked, side=SIDE + 2 * ROOM, step_mm=STEP_MM)[0]
        one = _known(ward, plan, nodule, possible, cube, asked, scanner, spacing)
        made.append(one)
        if blocks is not None:
            place_mm = [*volume.spacing_zyx_mm, *volume.origin_lps_mm, *asked]
            np.savez(blocks / f"block-{seed:04d}-{number:02d}.npz", hu=volume.array_hu, place=np.array(place_mm))
    return KnownNodules.joined(made)


def _plans(rng: np.random.Generator, count: int) -> list[NodulePlan]:
    plans = []
    for number in range(count):
        attenuation = Attenuation(rng.choice(["solid", "part_solid", "ground_glass"], p=[0.55, 0.25, 0.2]))
        placement = Placement(rng.choice(["isolated", "vessel", "pleura"], p=[0.4, 0.3, 0.3]))
        low, high = np.log((SMALLEST_MM[attenuation], LARGEST_MM))
        diameter_mm = float(np.exp(low + (high - low) * rng.beta(1.2, 1.4)))
        lobe = LOBES[int(rng.integers(len(LOBES)))]
        volume_mm3 = sphere_mm3(diameter_mm)
        plans.append(NodulePlan(str(number), lobe, attenuation, placement, volume_mm3, volume_mm3))
    return sorted(plans, key=lambda plan: -plan.prior_mm3)  # the largest find room while there is some


def _placed(
    plans: list[NodulePlan],
    patient: Patient,
    depth: NDArray[np.float64],
    seen: NDArray[np.bool_],
    points: NDArray[np.float64],
) -> tuple[list[NodulePlan], NDArray[np.float64]]:
    """Find places; the smallest are left out until the rest fits."""
    while True:
        try:
            return plans, place(plans, patient, depth, seen, points)
        except NoRoom:
            plans = plans[:-1]


def _draw(
    rng: np.random.Generator, ward: Ward, plan: NodulePlan, at_lps_mm: NDArray[np.float64]
) -> tuple[FeaturedNodule, Feature]:
    """A nodule as planned, with features by chance; and which it could have had."""
    diameter_mm = (6 * plan.prior_mm3 / np.pi) ** (1 / 3)
    solid = plan.attenuation is Attenuation.SOLID
    to_pleura = ward.to_pleura(at_lps_mm)
    free_mm = float(np.linalg.norm(to_pleura)) - diameter_mm / 2
    possible = Feature(0)
    if diameter_mm >= FEATURES_FROM_MM:
        possible |= Feature.LOBULATION | Feature.SPICULATION
        if solid:
            possible |= Feature.CALCIFICATION
        if plan.placement is not Placement.PLEURA and 2.0 < free_mm < TAG_REACH_MM:
            possible |= Feature.PLEURAL_TAG
    if solid and diameter_mm >= CAVITY_FROM_MM:
        possible |= Feature.CAVITY
    chosen = Feature(0)
    for one in possible:
        if rng.random() < FEATURE_SHARE:
            chosen |= one
    if Feature.CAVITY in chosen:
        chosen &= ~Feature.CALCIFICATION
    return draw_featured(rng, at_lps_mm, diameter_mm, plan.attenuation, chosen, to_pleura), possible


def _protocol(rng: np.random.Generator) -> tuple[Scanner, tuple[float, float, float]]:
    thickness_mm = float(rng.choice(THICKNESSES_MM, p=THICKNESS_SHARES))
    pixel_mm = float(rng.uniform(*PIXELS_MM))
    kernel = Kernel.SHARP if rng.random() < SHARP_SHARE else Kernel.SOFT
    exposure_mas = float(np.exp(rng.uniform(*np.log(EXPOSURES_MAS))))
    return Scanner(kernel, thickness_mm, exposure_mas), (thickness_mm, pixel_mm, pixel_mm)


def _scan(
    ward: Ward,
    nodule: FeaturedNodule,
    scanner: Scanner,
    spacing_zyx_mm: tuple[float, float, float],
    half_mm: float,
    noise_seed: tuple[int, ...],
) -> Volume:
    z, y, x = (int(np.ceil(2 * half_mm / step)) for step in spacing_zyx_mm)
    centre = nodule.body.centre_lps_mm[::-1]
    low = [float(at - 0.5 * (n - 1) * step) for at, n, step in zip(centre, (z, y, x), spacing_zyx_mm, strict=True)]
    grid = Grid((z, y, x), spacing_zyx_mm, (low[0], low[1], low[2]))

    def paint(part: Grid) -> Floats:
        hu = ward.scene.paint(part)
        nodule.paint(hu, part, ward.in_lung(part))
        return hu

    array = acquire(scanner, grid, paint, noise_seed, threads=1)
    return Volume(array, spacing_zyx_mm, (low[2], low[1], low[0]), np.eye(3))


def _known(
    ward: Ward,
    plan: NodulePlan,
    nodule: FeaturedNodule,
    possible: Feature,
    cube_hu: Shorts,
    asked_lps_mm: NDArray[np.float64],
    scanner: Scanner,
    spacing_zyx_mm: tuple[float, float, float],
) -> KnownNodules:
    side = SIDE + 2 * ROOM
    low = asked_lps_mm[::-1] - 0.5 * (side - 1) * STEP_MM
    grid = Grid((side, side, side), (STEP_MM,) * 3, (float(low[0]), float(low[1]), float(low[2])))
    truth = nodule.known(grid, ward.in_lung(grid))
    voxel_mm3 = STEP_MM**3
    facts = NoduleFacts(
        attenuation=plan.attenuation.value,
        placement=plan.placement.value,
        diameter_mm=round(float((6 * plan.prior_mm3 / np.pi) ** (1 / 3)), 3),
        volume_mm3=round(float(truth.whole.sum(dtype=np.float64)) * voxel_mm3, 2),
        solid_mm3=round(float(truth.solid.sum(dtype=np.float64)) * voxel_mm3, 2),
        features=int(nodule.features),
        possible=int(possible),
        slice_mm=spacing_zyx_mm[0],
        pixel_mm=round(spacing_zyx_mm[1], 3),
        kernel=scanner.kernel.value,
    )
    whole, solid = (np.rint(SHARES * one).astype(np.uint8)[None] for one in (truth.whole, truth.solid))
    return KnownNodules(cube_hu[None], whole, solid, truth.marks[None], (facts,))


def middle(cubes: NDArray[Any]) -> NDArray[Any]:
    """What a network sees of kept cubes (n, z, y, x) when they are not shifted."""
    seen = slice(ROOM, ROOM + SIDE)
    return cubes[:, seen, seen, seen]


def moved(known: KnownNodules, chosen: NDArray[np.int_], rng: np.random.Generator) -> tuple[Shorts, Floats]:
    """Shift, mirror and turn nodules and their truth alike.

    Returns
    -------
    (n, 1, side, side, side) HU and (n, 2, side, side, side) shares of whole and solid part
    """
    cubes = np.empty((len(chosen), 1, SIDE, SIDE, SIDE), np.int16)
    shares = np.empty((len(chosen), 2, SIDE, SIDE, SIDE), np.float32)
    for at, number in enumerate(chosen):
        z, y, x = rng.integers(0, 2 * ROOM + 1, 3)
        piece = (slice(z, z + SIDE), slice(y, y + SIDE), slice(x, x + SIDE))
        mirror = tuple(slice(None, None, int(rng.choice([-1, 1]))) for _ in range(3))
        order = (0, 2, 1) if rng.random() < 0.5 else (0, 1, 2)
        cubes[at, 0] = known.cubes_hu[number][piece][mirror].transpose(order)
        for channel, truth in enumerate((known.whole, known.solid)):
            shares[at, channel] = truth[number][piece][mirror].transpose(order)
    shares /= SHARES
    return cubes, shares


def gather(folder: Path, seeds: Sequence[int], *, with_blocks: bool = False) -> KnownNodules:
    """Read the nodules of each patient, or make and keep them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in seeds:
        path = folder / f"nodules-{seed:04d}.npz"
        if not path.exists():
            started = time.process_time()
            make_nodules(seed, blocks=folder if with_blocks else None).save(path)
            sys.stderr.write(f"patient {seed}: {time.process_time() - started:.0f} CPU s\n")
            sys.stderr.flush()
        found.append(KnownNodules.load(path))
    return KnownNodules.joined(found)


def main() -> None:
    """Make the asked patients; what is there already is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--blocks", action="store_true", help="keep the scanned blocks too, for measuring in them")
    told = parser.parse_args()
    gather(told.folder, told.seeds, with_blocks=told.blocks)


if __name__ == "__main__":
    main()
