"""Nodules of known volume and growth on simulated chests, cut out of pairs of scans of many protocols.

``python -m inference.training.known_nodules FOLDER --seeds 1 2 3`` makes one pair of scans for each seed, registers it,
and keeps a block around every nodule on both scans with the truth and with what the pipeline would know there: the
noise of the scan and the map from prior to current. The seed decides everything: protocols, nodules, breath, noise.
``measured_pairs`` reads the folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.noise import ScanNoise, measure_noise
from inference.simulate.anatomy import LOBES
from inference.simulate.follow_up import SimulatedPair, simulate_pair
from inference.simulate.nodules import Attenuation, NodulePlan, Placement, sphere_mm3
from inference.simulate.placing import NoRoom
from inference.simulate.scanner import Kernel, Scanner
from registration.register import register
from registration.volume import Volume

BLOCK_MM = 30.0  # kept around a nodule along each axis
NODULES = 24
FIELD_MM = (300.0, 340.0)  # along the patient, and in the plane
UNCHANGED_SHARE = 0.4
RATIOS = (0.6, 2.5)
DIAMETERS_MM = (4.5, 14.0)
Protocol = tuple[float, float, Kernel, float]  # slice thickness (and spacing), pixel, kernel, exposure
# What screening and follow-up scans look like.
PROTOCOLS: tuple[Protocol, ...] = (
    (1.0, 0.7, Kernel.SOFT, 60.0),
    (1.25, 0.75, Kernel.SHARP, 40.0),
    (0.7, 0.7, Kernel.SOFT, 40.0),
    (2.0, 0.75, Kernel.SOFT, 30.0),
    (1.0, 0.8, Kernel.SHARP, 80.0),
    (2.5, 0.8, Kernel.SOFT, 60.0),
)
# None of these is among the above: to check on what was fitted on the usual ones.
OTHER_PROTOCOLS: tuple[Protocol, ...] = (
    (1.5, 0.65, Kernel.SOFT, 50.0),
    (0.8, 0.6, Kernel.SHARP, 100.0),
    (3.0, 0.7, Kernel.SOFT, 80.0),
    (1.25, 0.9, Kernel.SOFT, 25.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class KnownScan:
    """A block of one scan with the nodule in it."""

    volume: Volume
    centre_lps_mm: NDArray[np.float64]
    volume_mm3: float
    noise: ScanNoise
    slice_mm: float
    kernel: str


@dataclass(frozen=True, slots=True, eq=False)
class KnownNodule:
    """One nodule on two scans.

    Parameters
    ----------
    jacobian : (3, 3)
        Of the registered map from prior to current at the nodule, LPS.
    carried_lps_mm : (3,)
        Where the registered map puts the true prior centre on the current scan.
    residual_mm
        What the registration expects to be off there.
    """

    name: str
    attenuation: str
    placement: str
    prior: KnownScan
    current: KnownScan
    jacobian: NDArray[np.float64]
    carried_lps_mm: NDArray[np.float64]
    residual_mm: float

    @property
    def log_ratio(self) -> float:
        """Logarithm of the true ratio of the volumes."""
        return float(np.log(self.current.volume_mm3 / self.prior.volume_mm3))


def make_pair(seed: int, protocols: tuple[Protocol, ...] = PROTOCOLS) -> SimulatedPair:
    """Simulate one patient with many nodules on two scans, made with two of the protocols or one of them."""
    rng = np.random.default_rng([seed, 77])
    both = [protocols[seed % len(protocols)]]
    both.append(both[0] if rng.random() < 0.6 else protocols[int(rng.integers(len(protocols)))])
    shapes, spacings, scanners = [], [], []
    for thickness_mm, pixel_mm, kernel, exposure_mas in both:
        across = round(FIELD_MM[1] / pixel_mm)
        shapes.append((round(FIELD_MM[0] / thickness_mm), across, across))
        spacings.append((thickness_mm, pixel_mm, pixel_mm))
        scanners.append(Scanner(kernel, thickness_mm, exposure_mas))
    plans = _plans(rng)
    while True:
        try:
            return simulate_pair(
                seed,
                shape_zyx=shapes[0],
                spacing_zyx_mm=spacings[0],
                current_shape_zyx=shapes[1],
                current_spacing_zyx_mm=spacings[1],
                nodules=plans,
                prior_scanner=scanners[0],
                current_scanner=scanners[1],
                threads=1,
            )
        except NoRoom:
            plans = plans[:-1]


def _plans(rng: np.random.Generator) -> list[NodulePlan]:
    plans = []
    for number in range(NODULES):
        kind = rng.choice(list(Attenuation), p=[0.62, 0.1, 0.28])
        where = rng.choice(list(Placement), p=[0.4, 0.3, 0.3])
        prior_mm3 = sphere_mm3(float(np.exp(rng.uniform(*np.log(DIAMETERS_MM)))))
        ratio = 1.0 if rng.random() < UNCHANGED_SHARE else float(np.exp(rng.uniform(*np.log(RATIOS))))
        core = 0.2 * prior_mm3 if kind == Attenuation.PART_SOLID else 0.0
        plans.append(
            NodulePlan(
                str(number),
                LOBES[number % len(LOBES)],
                Attenuation(kind),
                Placement(where),
                prior_mm3,
                ratio * prior_mm3,
                core,
                ratio * core,
            )
        )
    # The largest first: they find room while there is some.
    return sorted(plans, key=lambda plan: -max(plan.prior_mm3, plan.current_mm3))


def keep_pair(folder: Path, seed: int, protocols: tuple[Protocol, ...] = PROTOCOLS) -> int:
    """Write the nodules of one pair; gives their number."""
    pair = make_pair(seed, protocols)
    found = register(pair.prior, pair.current)
    noises = measure_noise(pair.prior), measure_noise(pair.current)
    kept = 0
    for nodule in pair.truth.nodules:
        if nodule.prior is None or nodule.current is None or None in noises:
            continue
        sides: dict[str, Any] = {}
        for side, volume, noise, day in zip(
            ("prior", "current"), (pair.prior, pair.current), noises, pair.days, strict=True
        ):
            centre = np.asarray(getattr(nodule, f"{side}_lps_mm"))
            block = _block(volume, centre)
            sides |= {
                f"{side}_hu": block.array_hu,
                f"{side}_place": np.array([*block.spacing_zyx_mm, *block.origin_lps_mm]),
                f"{side}_facts": json.dumps(
                    {
                        "centre_lps_mm": centre.tolist(),
                        "volume_mm3": getattr(nodule, side).volume_mm3,
                        "noise": asdict(noise) if noise else None,
                        "slice_mm": day.scanner.slice_thickness_mm,
                        "kernel": str(day.scanner.kernel),
                    }
                ),
            }
        centre = np.asarray(nodule.prior_lps_mm)
        np.savez_compressed(
            folder / f"{seed:03d}-{nodule.label}.npz",
            kind=json.dumps([nodule.attenuation, nodule.placement]),
            jacobian=found.jacobians(centre)[0],
            carried=found.current_from_prior(centre),
            residual_mm=float(found.residual_mm(centre)),
            **sides,
        )
        kept += 1
    return kept


def _block(volume: Volume, centre_lps_mm: NDArray[np.float64]) -> Volume:
    index, spacing = volume.index_from_lps(centre_lps_mm), np.asarray(volume.spacing_zyx_mm)
    start = np.maximum(np.floor(index - BLOCK_MM / spacing).astype(int), 0)
    stop = np.minimum(np.ceil(index + BLOCK_MM / spacing).astype(int) + 1, volume.shape_zyx)
    first, last = ((int(z), int(y), int(x)) for z, y, x in (start, stop))
    return volume.crop(first, last)


def read_nodules(folder: Path, seeds: set[int] | None = None) -> Iterator[KnownNodule]:
    """Read what ``keep_pair`` wrote, in the order of names."""
    for path in sorted(folder.glob("*.npz")):
        if seeds is None or int(path.stem.split("-")[0]) in seeds:
            yield _read(path)


def _read(path: Path) -> KnownNodule:
    with np.load(path) as kept:
        attenuation, placement = json.loads(str(kept["kind"]))
        scans = []
        for side in ("prior", "current"):
            facts = json.loads(str(kept[f"{side}_facts"]))
            place = [float(v) for v in kept[f"{side}_place"]]
            z, y, x = place[:3]
            scans.append(
                KnownScan(
                    Volume(kept[f"{side}_hu"], (z, y, x), (place[3], place[4], place[5]), np.eye(3)),
                    np.asarray(facts["centre_lps_mm"]),
                    facts["volume_mm3"],
                    ScanNoise(**facts["noise"]),
                    facts["slice_mm"],
                    facts["kernel"],
                )
            )
        prior, current = scans
        return KnownNodule(
            path.stem,
            attenuation,
            placement,
            prior,
            current,
            np.array(kept["jacobian"]),
            np.array(kept["carried"]),
            float(kept["residual_mm"]),
        )


def main() -> None:
    """Make the asked pairs; what is there already is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--other-protocols", action="store_true", help="those that nothing was fitted on")
    asked = parser.parse_args()
    protocols = OTHER_PROTOCOLS if asked.other_protocols else PROTOCOLS
    asked.folder.mkdir(parents=True, exist_ok=True)
    for seed in asked.seeds:
        if not any(asked.folder.glob(f"{seed:03d}-*.npz")):
            sys.stdout.write(f"pair {seed}: {keep_pair(asked.folder, seed, protocols)} nodules\n")


if __name__ == "__main__":
    main()
