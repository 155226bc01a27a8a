"""Train the phenotype network: ``python -m inference.training.phenotype FOLDER``.

FOLDER keeps the simulated nodules (``inference.training.nodule_data``); what is missing is made. Patients that the
network does not learn from bring its probabilities to scale. ``tests.benchmarks.evaluate_phenotype`` then measures it
on patients that neither has seen and completes the card.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from scipy import optimize
from torch import Tensor
from torch.nn import functional

from inference.model_card import Task, Training
from inference.networks.phenotype import ATTENUATIONS, FEATURES, SIDE, SUMMARY, NodulePhenotype
from inference.patches import scaled
from inference.registry import OUR_WEIGHTS
from inference.simulate.features import Feature
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
from inference.training.nodule_data import ROOM, KnownNodules, gather, middle
from inference.training.outline import FOR_CHOICES, PATIENTS
from inference.training.papers import Kind

TIMES: Final = 5
AT_ONCE: Final = 32
SCANNERS: Final = Variety(density=0.02, gain=0.03, noise=0.03)
HELD: Final = 0.02  # how firmly the scale of a probability is held where it was learned
DATA: Final = (
    "{nodules} nodules in blocks of {patients} simulated chests of many protocols (inference.training.nodule_data), "
    "each feature drawn into about a third of those that can have it. No patient."
)
KIND: Final = Kind(
    Task.PHENOTYPE,
    "nodule-phenotype-1",
    (
        "Trained on simulation alone: it has never seen scars, consolidation, emphysema, motion or contrast medium.",
        "A feature means what the simulation draws, not what a reader would call it; see the page for their agreement.",
        "Its probabilities hold where a third of the nodules have a feature; in a clinic most features are rarer.",
        "For nodules of 4 to 20 mm on slices up to 2.5 mm; strands are hardly seen on thicker slices.",
        "It says what a nodule looks like, never what it is; no recommendation is made from it.",
    ),
)


def truth_of(known: KnownNodules) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Number of the attenuation (n,) and whether each feature is there (n, 5)."""
    kinds = np.array([ATTENUATIONS.index(one.attenuation) for one in known.facts], np.int64)
    flags = [[float(bool(one.features & Feature[name.upper()])) for name in FEATURES] for one in known.facts]
    return kinds, np.array(flags, np.float32)


def summaries(
    network: NodulePhenotype, known: KnownNodules, rng: np.random.Generator, *, times: int = TIMES
) -> NDArray[np.float32]:
    """What the outline's levels see of every nodule, shifted, turned and scanned differently: (times, n, summary)."""
    network.eval()
    told = np.empty((times, len(known.facts), SUMMARY), np.float32)
    for turn in range(times):
        for start in range(0, len(known.facts), AT_ONCE):
            chosen = slice(start, start + AT_ONCE)
            cubes = varied(known.cubes_hu[chosen][:, None], SIDE, rng, room=ROOM, variety=SCANNERS)
            with torch.inference_mode():
                told[turn, chosen] = network.summary(torch.from_numpy(cubes)).numpy()
    return told


def learn(
    known: KnownNodules,
    effort: Effort,
    seed: int,
    outline: bytes,
    checkpoint: Path | None = None,
    *,
    times: int = TIMES,
) -> tuple[NodulePhenotype, list[Progress]]:
    """Train the head on what the levels of an outline network see; gives the network and how it went.

    Parameters
    ----------
    outline
        Weights of the outline network, as safetensors; they stay as they are.
    times
        Each nodule is looked at so often, each time shifted, turned and scanned differently.
    """
    rng = prepare(seed)
    network = NodulePhenotype()
    network.outline.load_state_dict(load(outline))
    seen = summaries(network, known, rng, times=times)
    kinds, flags = (torch.from_numpy(one) for one in truth_of(known))

    def next_batch() -> Batch:
        chosen = rng.integers(0, len(known.facts), effort.batch)
        return Batch(torch.from_numpy(seen[rng.integers(0, times, effort.batch), chosen]), chosen)

    def loss_of(told: Tensor, batch: Batch) -> Tensor:
        of_kind = functional.cross_entropy(told[:, : len(ATTENUATIONS)], kinds[batch.chosen])
        odds = told[:, len(ATTENUATIONS) :]
        return of_kind + len(FEATURES) * functional.binary_cross_entropy_with_logits(odds, flags[batch.chosen])

    went = train(network.head, effort, next_batch, loss_of, checkpoint=checkpoint)
    return network.eval(), went


def to_scale(network: NodulePhenotype, known: KnownNodules) -> dict[str, float]:
    """Slopes and offsets that bring the answers to scale, by likelihood on nodules it has not learned from."""
    told = asked(network, scaled(middle(known.cubes_hu))[:, None]).astype(np.float64)
    kinds, flags = truth_of(known)
    odds = told[:, : len(ATTENUATIONS)]

    def of_kind(slope: float) -> float:
        shares = slope * odds - np.logaddexp.reduce(slope * odds, axis=1, keepdims=True)
        return -float(shares[np.arange(len(kinds)), kinds].mean()) + HELD * (slope - 1) ** 2

    found = optimize.minimize_scalar(of_kind, bounds=(0.1, 3.0), method="bounded")
    settings = {"attenuation_slope": round(float(found.x), 4)}
    for number, name in enumerate(FEATURES):
        slope, offset = _scale(told[:, len(ATTENUATIONS) + number], flags[:, number])
        settings |= {f"{name}_slope": round(slope, 4), f"{name}_offset": round(offset, 4)}
    return settings


def _scale(log_odds: NDArray[np.float64], truth: NDArray[np.float32]) -> tuple[float, float]:
    def unlikely(at: NDArray[np.float64]) -> float:
        told = at[0] * log_odds + at[1]
        return float(np.mean(np.logaddexp(0, told) - truth * told)) + HELD * float((at[0] - 1) ** 2 + at[1] ** 2)

    found = optimize.minimize(unlikely, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=((0.05, 3.0), (-5.0, 5.0))).x
    return float(found[0]), float(found[1])


def main() -> None:
    """Make or read the nodules, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("known", type=Path, help="where simulated nodules are kept")
    parser.add_argument("--into", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--version", default="1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--outline", type=Path, default=OUR_WEIGHTS / "outline-1.safetensors", help="whose levels see")
    parser.add_argument("--checkpoint", type=Path, help="where weights are written while it trains")
    told = parser.parse_args()
    learned_from = told.patients - FOR_CHOICES
    known = gather(told.known, range(1, learned_from + 1))
    for_choices = gather(told.known, range(learned_from + 1, told.patients + 1))
    sys.stderr.write(f"{len(known.facts)} nodules\n")
    started = time.process_time()
    network, went = learn(known, Effort(told.steps, told.batch), told.seed, told.outline.read_bytes(), told.checkpoint)
    settings = to_scale(network, for_choices)
    script = f"python -m inference.training.phenotype FOLDER --seed {told.seed} --patients {told.patients}"
    script += f" --steps {told.steps} --batch {told.batch} --outline {told.outline.name}"
    data = DATA.format(nodules=len(known.facts), patients=learned_from)
    on = datetime.now(tz=UTC).date().isoformat()
    minutes = round((time.process_time() - started) / 60, 1)
    trained = Training(script, told.seed, on, data, known.digest, len(known.facts), minutes)
    card = KIND.write(told.into, told.version, network, settings, trained)
    write_progress(told.into / f"{card.name}.csv", went)
    sys.stderr.write(f"{card.name}: loss {went[-1].loss:.4f}, {minutes} CPU min, {settings}\n")


if __name__ == "__main__":
    main()
