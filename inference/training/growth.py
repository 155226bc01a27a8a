"""Train the two-timepoint network: ``python -m inference.training.growth FOLDER``.

FOLDER holds pairs that ``inference.training.known_nodules`` made. Of the same nodule many pairs are made: shifted,
mirrored, and the two scans enlarged differently, which changes the ratio of the volumes by a known amount.
``tests.benchmarks.evaluate_growth`` then measures the network on patients of its own and completes the card.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from inference.growth import REPEATABLE_RATIO
from inference.model_card import ModelCard, Task, Training
from inference.networks.growth import SIDE, STEP_MM, TwoTimepointGrowth
from inference.patches import Shorts, cut_patches
from inference.registry import OUR_WEIGHTS
from inference.training.fitting import Batch, Effort, prepare, train, varied
from inference.training.known_nodules import KnownNodule, read_nodules

ARCHITECTURE: Final = "two-timepoint-growth-1"
ROOM: Final = 1
CUTS: Final = 6  # of each nodule
OFF_MIDDLE_MM: Final = 0.6  # spread of the cut about the middle, of each scan
LARGER: Final = 0.12  # spread of the logarithm of the size of both scans together
GROWN: Final = 0.10  # of the one against the other; of volumes three times that
UNCHANGED_SHARE: Final = 0.4
CLASS_WEIGHT: Final = 0.3  # against the regression
LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE = -9.0, 2.0
HELD_OUT: Final = (16, 18, 19, 20, 21)  # patients that are evaluated
DATA: Final = (
    "{nodules} nodules of {patients} simulated patients on two scans of many protocols "
    "(inference.training.known_nodules), each cut {cuts} times. No patient."
)
LIMITS: Final = (
    "Trained on simulation alone, on few patients: it has never seen scars, motion or contrast medium.",
    "For nodules of 4 to 15 mm that both scans show, on slices up to 2.5 mm.",
    "Its word stands beside the measured growth; no recommendation is made from it.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Cubes (n, 2, side, side, side), prior and current, and the logarithm of the ratio of their volumes (n,)."""

    cubes_hu: Shorts
    log_ratio: NDArray[np.float64]

    @property
    def digest(self) -> str:
        """SHA-256 of cubes and truth."""
        told = hashlib.sha256(np.ascontiguousarray(self.cubes_hu).tobytes())
        told.update(np.ascontiguousarray(self.log_ratio).tobytes())
        return told.hexdigest()


def cut(known: Sequence[KnownNodule], seed: int, *, cuts: int = CUTS) -> Pairs:
    """Cut each nodule several times, with what that does to the ratio."""
    rng = np.random.default_rng([seed, 16])
    cubes, ratios = [], []
    for one in known:
        for _ in range(cuts):
            both = rng.normal(0.0, LARGER)
            apart = 0.0 if rng.random() < UNCHANGED_SHARE else float(rng.normal(0.0, GROWN))
            sides = []
            for scan, place, larger in (
                (one.prior, one.prior.centre_lps_mm, both - apart / 2),
                (one.current, one.carried_lps_mm, both + apart / 2),
            ):
                at = place + rng.normal(0.0, OFF_MIDDLE_MM, 3)
                step_mm = STEP_MM * math.exp(-larger)
                sides.append(cut_patches(scan.volume, at, side=SIDE + 2 * ROOM, step_mm=step_mm)[0])
            cubes.append(np.stack(sides))
            ratios.append(one.log_ratio + 3 * apart)
    return Pairs(np.stack(cubes), np.array(ratios))


def learn(pairs: Pairs, effort: Effort, seed: int) -> tuple[TwoTimepointGrowth, list[float], float]:
    """Train on pairs; gives the network, its losses and the CPU minutes."""
    rng = prepare(seed)
    network = TwoTimepointGrowth()
    limit = math.log(REPEATABLE_RATIO)

    def next_batch() -> Batch:
        chosen = rng.integers(0, len(pairs.log_ratio), effort.batch)
        return Batch(torch.from_numpy(varied(pairs.cubes_hu[chosen], SIDE, rng, room=ROOM)), chosen)

    def loss_of(told: Tensor, batch: Batch) -> Tensor:
        ratio = torch.from_numpy(pairs.log_ratio[batch.chosen].astype(np.float32))
        log_variance = told[:, 1].clamp(LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)
        off = (told[:, 0] - ratio) ** 2 * torch.exp(-log_variance)
        classes = (ratio > -limit).long() + (ratio > limit).long()
        worded = functional.cross_entropy(told[:, 2:], classes)
        return 0.5 * (off + log_variance).mean() + CLASS_WEIGHT * worded

    losses, minutes = train(network, effort, next_batch, loss_of)
    return network, losses, minutes


def write(folder: Path, version: str, network: TwoTimepointGrowth, trained: Training) -> ModelCard:
    """Write weights and card, not measured yet."""
    content = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    card = ModelCard(
        task=Task.GROWTH,
        version=version,
        architecture=ARCHITECTURE,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        trained=trained,
        limits=LIMITS,
        verdict="Not measured yet.",
        settings={"error_factor": 1.0},
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{card.name}.safetensors").write_bytes(content)
    (folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    return card


def main() -> None:
    """Read the pairs, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("known", type=Path, help="what inference.training.known_nodules made")
    parser.add_argument("--into", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--version", default="1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patients", type=int, default=15, help="seeds 1 to this are learned from")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=32)
    told = parser.parse_args()
    seeds = set(range(1, told.patients + 1)) - set(HELD_OUT)
    known = list(read_nodules(told.known, seeds))
    pairs = cut(known, told.seed)
    network, losses, minutes = learn(pairs, Effort(told.steps, told.batch), told.seed)
    script = f"python -m inference.training.growth FOLDER --seed {told.seed} --patients {told.patients}"
    script += f" --steps {told.steps} --batch {told.batch}"
    data = DATA.format(nodules=len(known), patients=len(seeds), cuts=CUTS)
    on = datetime.now(tz=UTC).date().isoformat()
    trained = Training(script, told.seed, on, data, pairs.digest, len(pairs.log_ratio), round(minutes, 1))
    card = write(told.into, told.version, network, trained)
    sys.stderr.write(f"{card.name}: loss {float(np.mean(losses[-100:])):.3f}, {minutes:.1f} CPU min\n")


if __name__ == "__main__":
    main()
