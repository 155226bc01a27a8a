"""Train the two-timepoint network: ``python -m inference.training.growth FOLDER``.

FOLDER holds pairs that ``inference.training.known_nodules`` made; ``inference.training.growth_data`` makes many of
each. Patients that the network does not learn from set the factor on its errors. ``tests.benchmarks.evaluate_growth``
then measures it on patients that neither has seen, and completes the card.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from inference.estimate import Z_95
from inference.fusing import fuse
from inference.growth import REPEATABLE_RATIO
from inference.learned_growth import LearnedGrowth
from inference.model_card import Task, Training
from inference.networks.growth import SIDE, TwoTimepointGrowth
from inference.patches import scaled
from inference.registry import OUR_WEIGHTS
from inference.training.fitting import (
    Batch,
    Effort,
    Progress,
    Variety,
    asked,
    prepare,
    train,
    varied,
    write_progress,
)
from inference.training.growth_data import CUTS, LAID, ROOM, Pairs, cut
from inference.training.known_nodules import read_nodules
from inference.training.papers import Kind

CLASS_WEIGHT: Final = 0.2  # against the regression
BY_VARIANCE: Final = 0.5  # how much less a pair counts whose growth the network holds for hard to see
LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE = -9.0, 2.0
# 10 HU apart: more would hide growth of ground glass. Softer by half a millimetre: as after another kernel.
SCANNERS: Final = Variety(density=0.015, gain=0.02, noise=0.05, blur_voxels=0.8)
FACTORS: Final = np.arange(0.5, 4.0, 0.05)  # on the network's errors, tried
HOLDS: Final = 0.95
LEARNED_FROM: Final = (*range(1, 16), 18, 19, *range(22, 31))  # patients
FOR_CHOICES: Final = (16, 20, 21)  # patients that design and the factor on the errors were chosen with
DATA: Final = (
    "{nodules} nodules of {patients} simulated patients on two scans of many protocols "
    "(inference.training.known_nodules), each cut {cuts} times, and up to {laid} others laid in beside each. "
    "No patient."
)
Floats = NDArray[np.float64]
KIND: Final = Kind(
    Task.GROWTH,
    "two-timepoint-growth-2",
    (
        "Trained on simulation alone, on few patients: it has never seen scars, motion or contrast medium.",
        "For nodules of 4 to 15 mm that both scans show, on slices up to 2.5 mm.",
        "Its word stands beside the measured growth; no recommendation is made from it.",
    ),
)


def learn(
    pairs: Pairs, effort: Effort, seed: int, checkpoint: Path | None = None
) -> tuple[TwoTimepointGrowth, list[Progress]]:
    """Train on pairs; gives the network and how it went."""
    rng = prepare(seed)
    network = TwoTimepointGrowth()
    limit = math.log(REPEATABLE_RATIO)

    def next_batch() -> Batch:
        chosen = rng.integers(0, len(pairs.log_ratio), effort.batch)
        cubes = varied(pairs.cubes_hu[chosen], SIDE, rng, room=ROOM, variety=SCANNERS)
        return Batch(torch.from_numpy(cubes), chosen)

    def loss_of(told: Tensor, batch: Batch) -> Tensor:
        ratio = torch.from_numpy(pairs.log_ratio[batch.chosen].astype(np.float32))
        log_variance = told[:, 1].clamp(LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)
        off = (told[:, 0] - ratio) ** 2 * torch.exp(-log_variance) + log_variance
        # Without this factor what is hard at first stays so: its error is called chance and no longer learned from
        # (Seitzer et al. 2022, "On the pitfalls of heteroscedastic uncertainty estimation", ICLR).
        counted = torch.exp(log_variance.detach() * BY_VARIANCE)
        classes = (ratio > -limit).long() + (ratio > limit).long()
        worded = functional.cross_entropy(told[:, 2:], classes)
        return (0.5 * off * counted).mean() + CLASS_WEIGHT * worded * counted.mean()

    return network, train(network, effort, next_batch, loss_of, checkpoint=checkpoint)


def error_factor(network: TwoTimepointGrowth, pairs: Pairs) -> tuple[float, float]:
    """What the network's own errors must be multiplied by, and how far it is off (root mean square)."""
    middle = slice(ROOM, ROOM + SIDE)
    told = asked(network, scaled(pairs.cubes_hu[:, :, middle, middle, middle])).astype(np.float64)
    off = told[:, 0] - pairs.log_ratio
    return float(np.sqrt(np.mean(off**2 * np.exp(-told[:, 1])))), float(np.sqrt(np.mean(off**2)))


def joint_held(
    true: Floats, measured: Floats, measured_error: Floats, said: Sequence[LearnedGrowth], factor: float
) -> float:
    """Share of the true ratios within the 95 % interval of measured and learned together.

    Parameters
    ----------
    true, measured : (n,)
        Logarithms of ratios.
    measured_error : (n,)
        Standard errors of ``measured``.
    said
        By a network, whose errors are taken ``factor`` times as large.
    """
    held = []
    for truth, log_ratio, error, one in zip(true, measured, measured_error, said, strict=True):
        both = fuse(math.exp(log_ratio), float(error), replace(one, log_ratio_error=factor * one.log_ratio_error))
        held.append(abs(math.log(both.volume_ratio) - truth) <= Z_95 * both.log_ratio_error)
    return float(np.mean(held))


def joint_factor(true: Floats, measured: Floats, measured_error: Floats, said: Sequence[LearnedGrowth]) -> float:
    """Smallest factor on a network's errors with which the joint interval holds 95 %, or the most that any lets it."""
    held = np.array([joint_held(true, measured, measured_error, said, float(one)) for one in FACTORS])
    return float(FACTORS[np.argmax(held >= min(HOLDS, held.max()))])


def pairs_of(folder: Path, patients: Sequence[int], seed: int, *, laid: int = LAID) -> tuple[Pairs, int]:
    """Read and cut what was made of these patients; gives also the number of nodules."""
    known = list(read_nodules(folder, set(patients)))
    return cut(known, seed, laid=laid), len(known)


def main() -> None:
    """Read the pairs, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("known", type=Path, help="what inference.training.known_nodules made")
    parser.add_argument("--into", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--version", default="3")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--until", type=int, default=0, help="end after this step, the rate falling as if it went on")
    parser.add_argument("--checkpoint", type=Path, help="where weights are written while it trains")
    told = parser.parse_args()
    pairs, count = pairs_of(told.known, LEARNED_FROM, told.seed)
    for_choices, _ = pairs_of(told.known, FOR_CHOICES, told.seed, laid=0)
    sys.stderr.write(f"{len(pairs.log_ratio)} pairs of {count} nodules\n")
    network, went = learn(pairs, Effort(told.steps, told.batch, told.until), told.seed, told.checkpoint)
    factor, off = error_factor(network, for_choices)
    script = f"python -m inference.training.growth FOLDER --seed {told.seed} --steps {told.steps} --batch {told.batch}"
    script += f" --until {told.until}" if told.until else ""
    data = DATA.format(nodules=count, patients=len(LEARNED_FROM), cuts=CUTS, laid=LAID)
    on = datetime.now(tz=UTC).date().isoformat()
    minutes = round(went[-1].cpu_minutes, 1)
    trained = Training(script, told.seed, on, data, pairs.digest, len(pairs.log_ratio), minutes)
    card = KIND.write(told.into, told.version, network, {"error_factor": round(factor, 4)}, trained)
    write_progress(told.into / f"{card.name}.csv", went)
    sys.stderr.write(f"{card.name}: off by {off:.3f} on the patients for choices, factor {factor:.3f}\n")


if __name__ == "__main__":
    main()
