"""Train the candidate filter: ``python -m inference.training.candidates --kept FOLDER``.

Trained on simulated chests alone. Writes weights and a card that says so; ``tests.benchmarks.evaluate_candidates``
then measures it on nodules laid into real scans, completes the card, and decides whether it is recommended.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from scipy import optimize
from torch import Tensor
from torch.nn import functional

from inference.model_card import ModelCard, Task, Training
from inference.networks.candidate_filter import SIDE, CandidateFilter
from inference.patches import scaled
from inference.registry import OUR_WEIGHTS
from inference.training.candidate_data import ROOM, Examples, examples_of
from inference.training.fitting import Batch, Effort, asked, prepare, train, varied

ARCHITECTURE: Final = "candidate-filter-1"
RIGHT_SHARE: Final = 0.4  # of a batch
SURELY_LOOKED_AT: Final = 0.15  # weight of a wrong proposal that the detector itself finds unlikely
FOR_FUSION: Final = 1  # chests, the last ones: the network never learns from them
LEAST_SCORE: Final = 0.5  # until measured on scans
HELD: Final = 1e-2  # how firmly the weights of the two witnesses are held
DATA: Final = (
    "{chests} simulated chests of many protocols, each with nodules that were scanned with it and three times others "
    "laid in (inference.training.chests); the detector's proposals on them. No patient."
)
LIMITS: Final = (
    "Trained on simulation alone: it has never seen scars, mucus, lymph nodes, emphysema or motion.",
    "For CT of the chest with slices up to 2.5 mm and nodules of 4 to 15 mm.",
    "It says whether a place looks like a nodule, never whether one is malignant; what is not proposed may be there.",
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


def learn(examples: Examples, effort: Effort, seed: int) -> tuple[CandidateFilter, list[float], float]:
    """Train on examples; gives the network, its losses and the CPU minutes."""
    rng = prepare(seed)
    network = CandidateFilter()
    right, wrong = np.flatnonzero(examples.is_nodule), np.flatnonzero(~examples.is_nodule)
    hard = SURELY_LOOKED_AT + 1 / (1 + np.exp(-examples.detector_odds[wrong] - 2.0))
    hard /= hard.sum()
    rights = round(RIGHT_SHARE * effort.batch)

    def next_batch() -> Batch:
        chosen = np.concatenate([rng.choice(right, rights), rng.choice(wrong, effort.batch - rights, p=hard)])
        patches = varied(examples.patches_hu[chosen][:, None], SIDE, rng, room=ROOM)
        return Batch(torch.from_numpy(patches), chosen)

    def loss_of(told: Tensor, batch: Batch) -> Tensor:
        truth = torch.from_numpy(examples.is_nodule[batch.chosen].astype(np.float32))
        return functional.binary_cross_entropy_with_logits(told[:, 0], truth)

    losses, minutes = train(network, effort, next_batch, loss_of)
    return network, losses, minutes


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
    return {name: round(float(weight), 4) for name, weight in zip(names, found, strict=True)}


def write(
    folder: Path, version: str, network: CandidateFilter, settings: dict[str, float], trained: Training
) -> ModelCard:
    """Write weights and card; what was measured of an earlier file of that version is not carried over."""
    content = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    card = ModelCard(
        task=Task.CANDIDATES,
        version=version,
        architecture=ARCHITECTURE,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        trained=trained,
        limits=LIMITS,
        verdict="Not measured yet.",
        settings=settings | {"least_score": LEAST_SCORE},
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{card.name}.safetensors").write_bytes(content)
    (folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    return card


def main() -> None:
    """Make the examples, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, default=Path("var/training/candidates"), help="where examples are kept")
    parser.add_argument("--into", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--version", default="1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chests", type=int, default=24)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--coarser", type=float, default=1.0, help="factor on the voxels, for a quick trial")
    parser.add_argument("--data-only", action="store_true")
    told = parser.parse_args()
    parts = gather(told.kept, range(1000 * told.seed, 1000 * told.seed + told.chests), coarser=told.coarser)
    for_fusion = Examples.joined(parts[-FOR_FUSION:])
    examples = Examples.joined(parts[:-FOR_FUSION])
    sys.stderr.write(f"{int(examples.is_nodule.sum())} right and {int((~examples.is_nodule).sum())} wrong places\n")
    if told.data_only:
        return
    network, losses, minutes = learn(examples, Effort(told.steps, told.batch), told.seed)
    settings = fuse(network_odds(network, for_fusion), for_fusion)
    script = "python -m inference.training.candidates"
    script += f" --seed {told.seed} --chests {told.chests} --steps {told.steps} --batch {told.batch}"
    data = DATA.format(chests=told.chests)
    on = datetime.now(tz=UTC).date().isoformat()
    count = len(examples.is_nodule)
    trained = Training(script, told.seed, on, data, Examples.joined(parts).digest, count, round(minutes, 1))
    card = write(told.into, told.version, network, settings, trained)
    tail = float(np.mean(losses[-100:]))
    sys.stderr.write(f"{card.name}: loss {tail:.4f}, {minutes:.1f} CPU min, {settings}\n")


if __name__ == "__main__":
    main()
