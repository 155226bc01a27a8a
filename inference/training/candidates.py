"""Train the candidate filter: ``python -m inference.training.candidates --kept FOLDER --known OTHER``.

Trained on simulated chests alone: whole ones, which are made here and kept in FOLDER, and the blocks about nodules of
known growth that ``inference.training.known_nodules`` made in OTHER. Writes weights and a card that says so;
``tests.benchmarks.evaluate_candidates`` then measures it on nodules laid into real scans, completes the card, and
decides whether it is recommended.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor
from torch.nn import functional

from inference.model_card import Task, Training
from inference.networks.candidate_filter import SIDE, CandidateFilter
from inference.patches import Shorts, Singles, scaled
from inference.registry import OUR_WEIGHTS
from inference.training.block_data import block_examples
from inference.training.candidate_data import ROOM, Examples, examples_of
from inference.training.fitting import (
    Batch,
    Effort,
    Progress,
    Variety,
    asked,
    otherwise_scanned,
    prepare,
    train,
    turned,
    varied,
    write_progress,
)
from inference.training.papers import Kind

RIGHT_SHARE: Final = 0.4  # of a batch
SURELY_LOOKED_AT: Final = 0.15  # weight of a wrong proposal that the detector itself finds unlikely
FOR_CHOICES: Final = 3  # chests, the first ones, that the network never learns from: they weigh the two witnesses
TURNED_SHARE: Final = 0.5  # of the examples; the others are only mirrored and shifted, and keep their grain
CROSSED_SHARE: Final = 0.2  # of the examples, with what is bright in another place that is no nodule laid over them
LEAST_SCORE: Final = 0.5  # until measured on scans
SMALL_MM: Final = 6.0
SHIFTED: Final = 1  # voxels: more, and the smallest would not lie in the middle any more
HELD: Final = 1e-2  # how firmly the weights of the two witnesses are held
DATA: Final = (
    "{chests} simulated chests of many protocols, each with nodules that were scanned with it and three times others "
    "laid in (inference.training.chests), of them {choices} to weigh detector and network; blocks about the scanned "
    "nodules of {patients} other simulated patients (inference.training.known_nodules); the detector's proposals on "
    "all of them. No patient."
)
PATIENTS: Final = (*range(1, 17), *range(18, 22))  # whose blocks are searched
KIND: Final = Kind(
    Task.CANDIDATES,
    "candidate-filter-2",
    (
        "Trained on simulation alone: it has never seen scars, mucus, lymph nodes, emphysema or motion.",
        "For CT of the chest with slices up to 2.5 mm and nodules of 4 to 15 mm.",
        "It says whether a place looks like a nodule, never whether one is malignant; "
        "what is not proposed may be there.",
    ),
)


def gather(kept: Path, seeds: Sequence[int], *, coarser: float = 1.0) -> list[Examples]:
    """Read the examples of each chest, or make and keep them."""
    kept.mkdir(parents=True, exist_ok=True)
    found = []
    for seed in seeds:
        path = kept / f"{seed:04d}-{coarser:g}.npz"
        if not path.exists():
            started = time.process_time()
            examples_of(seed, coarser=coarser).save(path)
            sys.stderr.write(f"chest {seed}: {time.process_time() - started:.0f} CPU s\n")
        found.append(Examples.load(path))
    return found


def learn(
    examples: Examples, effort: Effort, seed: int, checkpoint: Path | None = None
) -> tuple[CandidateFilter, list[Progress]]:
    """Train on examples; gives the network and how it went."""
    rng = prepare(seed)
    network = CandidateFilter()
    right, wrong = np.flatnonzero(examples.is_nodule), np.flatnonzero(~examples.is_nodule)
    hard = SURELY_LOOKED_AT + 1 / (1 + np.exp(-examples.detector_odds[wrong] - 2.0))
    hard /= hard.sum()
    rights = round(RIGHT_SHARE * effort.batch)

    def next_batch() -> Batch:
        chosen = np.concatenate([rng.choice(right, rights), rng.choice(wrong, effort.batch - rights, p=hard)])
        patches = examples.patches_hu[chosen]
        crossed = np.flatnonzero(rng.random(len(chosen)) < CROSSED_SHARE)
        others = examples.patches_hu[rng.choice(wrong, len(crossed))]
        patches[crossed] = np.maximum(patches[crossed], others[:, :, ::-1].transpose(0, 1, 3, 2))
        return Batch(torch.from_numpy(_varied(patches[:, None], rng)), chosen)

    def loss_of(told: Tensor, batch: Batch) -> Tensor:
        truth = torch.from_numpy(examples.is_nodule[batch.chosen].astype(np.float32))
        return functional.binary_cross_entropy_with_logits(told[:, 0], truth)

    return network, train(network, effort, next_batch, loss_of, checkpoint=checkpoint)


def _varied(patches_hu: Shorts, rng: np.random.Generator) -> Singles:
    is_turned = rng.random(len(patches_hu)) < TURNED_SHARE
    values = np.empty((*patches_hu.shape[:2], SIDE, SIDE, SIDE), np.float32)
    if is_turned.any():
        values[is_turned] = otherwise_scanned(turned(scaled(patches_hu[is_turned]), SIDE, rng), rng, Variety())
    inner = slice(ROOM - SHIFTED, -(ROOM - SHIFTED))
    values[~is_turned] = varied(patches_hu[~is_turned][:, :, inner, inner, inner], SIDE, rng, room=SHIFTED)
    return values


def network_odds(network: CandidateFilter, examples: Examples) -> NDArray[np.float64]:
    """What a network in training says of the middle of each example, (n,)."""
    middle = slice(ROOM, ROOM + SIDE)
    patches = scaled(examples.patches_hu[:, middle, middle, middle])[:, None]
    return asked(network, patches)[:, 0].astype(np.float64)


def fuse(by_network: NDArray[np.float64], examples: Examples) -> dict[str, float]:
    """How much detector and network weigh, by logistic regression on chests that the network has not seen."""
    inputs = np.column_stack([np.ones(len(by_network)), examples.detector_odds, by_network])
    truth = examples.is_nodule.astype(np.float64)

    def cost(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = inputs @ weights
        held = HELD * float((weights[1:] ** 2).sum())
        slope = inputs.T @ (1 / (1 + np.exp(-odds)) - truth) / len(truth)
        slope[1:] += 2 * HELD * weights[1:]
        return float(np.mean(np.logaddexp(0, odds) - truth * odds)) + held, slope

    found = optimize.minimize(cost, np.array([0.0, 0.5, 0.5]), jac=True, method="L-BFGS-B").x
    names = ("offset", "by_detector", "by_network")
    weights = {name: round(float(weight), 4) for name, weight in zip(names, found, strict=True)}
    return weights | {"least_score": LEAST_SCORE}


def main() -> None:
    """Make the examples, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, default=Path("var/training/candidates"), help="where examples are kept")
    parser.add_argument("--known", type=Path, default=Path("var/training/known"), help="blocks about known nodules")
    parser.add_argument("--into", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--version", default="3")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--first", type=int, default=2018, help="seed of the first chest")
    parser.add_argument("--chests", type=int, default=11)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--coarser", type=float, default=1.0, help="factor on the voxels, for a quick trial")
    parser.add_argument("--data-only", action="store_true")
    parser.add_argument("--until", type=int, default=0, help="end after this step, the rate falling as if it went on")
    parser.add_argument("--checkpoint", type=Path, help="where weights are written while it trains")
    told = parser.parse_args()
    parts = gather(told.kept, range(told.first, told.first + told.chests), coarser=told.coarser)
    parts.append(block_examples(told.known, PATIENTS))
    for_choices, examples = Examples.joined(parts[:FOR_CHOICES]), Examples.joined(parts[FOR_CHOICES:])
    sys.stderr.write(f"{int(examples.is_nodule.sum())} right and {int((~examples.is_nodule).sum())} wrong places\n")
    if told.data_only:
        return
    network, went = learn(examples, Effort(told.steps, told.batch, told.until), told.seed, told.checkpoint)
    by_network = network_odds(network, for_choices)
    settings = fuse(by_network, for_choices)
    script = f"python -m inference.training.candidates --seed {told.seed} --first {told.first}"
    script += f" --chests {told.chests} --steps {told.steps} --batch {told.batch}"
    script += f" --until {told.until}" if told.until else ""
    data = DATA.format(chests=told.chests, choices=FOR_CHOICES, patients=len(PATIENTS))
    on = datetime.now(tz=UTC).date().isoformat()
    count = len(examples.is_nodule)
    minutes = round(went[-1].cpu_minutes, 1)
    trained = Training(script, told.seed, on, data, Examples.joined(parts).digest, count, minutes)
    card = KIND.write(told.into, told.version, network, settings, trained)
    write_progress(told.into / f"{card.name}.csv", went)
    sys.stderr.write(f"{card.name}: {minutes} CPU min, {settings}\n")
    sys.stderr.write(found_for_choices(by_network, for_choices, settings))


def found_for_choices(by_network: NDArray[np.float64], examples: Examples, settings: dict[str, float]) -> str:
    """Share of the places on nodules above so many wrong places a chest: detector, network, both."""
    both = settings["by_detector"] * examples.detector_odds + settings["by_network"] * by_network
    lines = []
    for name, odds in (("detector", examples.detector_odds), ("network", by_network), ("both", both)):
        wrong = np.sort(odds[~examples.is_nodule])[::-1]
        shares = []
        for group in (examples.is_nodule, examples.is_nodule & (examples.diameter_mm < SMALL_MM)):
            shares += [float((odds[group] > wrong[round(false * FOR_CHOICES)]).mean()) for false in (0.5, 2, 8)]
        lines.append(f"{name}: " + " ".join(f"{share:.3f}" for share in shares) + "\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
