"""Train the outline network: ``python -m inference.training.outline FOLDER``.

FOLDER keeps the simulated nodules (``inference.training.nodule_data``); what is missing is made. Patients that the
network does not learn from set the errors of its volumes. ``tests.benchmarks.evaluate_outline`` then measures it on
patients that neither has seen, beside the classical method, and completes the card.
"""

from __future__ import annotations

import argparse
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional

from inference.learned_outline import read_outline
from inference.model_card import Task, Training, read_card
from inference.model_errors import NotOutlined
from inference.networks.contracts import OUTLINE_ERRORS
from inference.networks.outline import STEP_MM, NoduleOutline
from inference.networks.running import Network
from inference.patch_grid import PatchGrid
from inference.patches import scaled
from inference.registry import OUR_WEIGHTS
from inference.training.fitting import (
    Batch,
    Effort,
    Progress,
    Variety,
    otherwise_scanned,
    prepare,
    train,
    write_progress,
)
from inference.training.nodule_data import KnownNodules, gather, middle, moved
from inference.training.papers import Kind

PATIENTS: Final = 30
FOR_CHOICES: Final = 4  # of them, the last ones: the network never learns from these
SOLID_WEIGHT: Final = 0.5  # against the whole
VOLUME_WEIGHT: Final = 1.0  # of the squared error of ln(volume)
LEAST_VOXELS: Final = 20.0  # so that a part that is not there weighs no more than a small one
SCANNERS: Final = Variety(density=0.03, gain=0.04, noise=0.04)
BORDERS_MM: Final = np.geomspace(0.01, 0.6, 60)
LEAST_ERRORS: Final = np.geomspace(0.01, 0.4, 60)
DATA: Final = (
    "{nodules} nodules in blocks of {patients} simulated chests of many protocols (inference.training.nodule_data): "
    "solid, part-solid and ground glass, plain, lobulated, spiculated, calcified, hollow, with tags. No patient."
)
UNTRAINED: Final = Training("", 0, "", "", "", 0, 0.0)
KIND: Final = Kind(
    Task.OUTLINE,
    "nodule-outline-1",
    (
        "Trained on simulation alone: it has never seen scars, consolidation, emphysema, motion or contrast medium.",
        "For nodules of 4 to 20 mm on slices up to 2.5 mm; a larger one does not fit into its cube.",
        "Strands and tags are left out, a cavity is counted in.",
        "Its volumes stand beside the measured ones; no recommendation is made from them.",
    ),
)


def learn(
    known: KnownNodules, effort: Effort, seed: int, checkpoint: Path | None = None, begin: bytes | None = None
) -> tuple[NoduleOutline, list[Progress]]:
    """Train on nodules; gives the network and how it went.

    Parameters
    ----------
    begin
        Weights to go on from, as safetensors.
    """
    rng = prepare(seed)
    network = NoduleOutline()
    if begin is not None:
        network.load_state_dict(load(begin))
    truth: list[Tensor] = []

    def next_batch() -> Batch:
        chosen = rng.integers(0, len(known.facts), effort.batch)
        cubes, shares = moved(known, chosen, rng)
        truth[:] = [torch.from_numpy(shares)]
        return Batch(torch.from_numpy(otherwise_scanned(scaled(cubes), rng, SCANNERS)), chosen)

    def loss_of(told: Tensor, batch: Batch) -> Tensor:
        return _loss(told, truth[0])

    return network, train(network, effort, next_batch, loss_of, checkpoint=checkpoint)


def _loss(told: Tensor, truth: Tensor) -> Tensor:
    """Off at the border, off in overlap and off in volume, of (n, 2, z, y, x)."""
    space = (2, 3, 4)
    voxels = truth.sum(space)
    surface = (voxels + LEAST_VOXELS) ** (2 / 3)
    off = functional.binary_cross_entropy_with_logits(told, truth, reduction="none").sum(space) / surface
    share = torch.sigmoid(told)
    found = share.sum(space)
    overlap = (2 * (share * truth).sum(space) + LEAST_VOXELS) / (found + voxels + LEAST_VOXELS)
    ratio = torch.log((found + LEAST_VOXELS) / (voxels + LEAST_VOXELS))
    each = (0.3 * off + 1 - overlap + VOLUME_WEIGHT * ratio**2).mean(dim=0)
    return each[0] + SOLID_WEIGHT * each[1]


def errors_of(network: NoduleOutline, known: KnownNodules) -> dict[str, float]:
    """How sure its volumes are: the likeliest pair of numbers for what it is off on nodules it has not learned from."""
    off, radii_mm = [], []
    asked = Network(KIND.card("0", dict.fromkeys(OUTLINE_ERRORS, 0.0), UNTRAINED), network, "cpu")
    cubes = middle(known.cubes_hu)
    grid = PatchGrid((0.0, 0.0, 0.0), cubes.shape[-1], STEP_MM, np.eye(3))
    for cube, fact in zip(cubes, known.facts, strict=True):
        try:
            found = read_outline(cube, grid, asked).volume_mm3.value
        except NotOutlined:
            continue
        off.append(math.log(found / fact.volume_mm3))
        radii_mm.append((3 * found / (4 * math.pi)) ** (1 / 3))
    if not off:
        return {"border_error_mm": float(BORDERS_MM[-1]), "least_error": float(LEAST_ERRORS[-1])}
    border_mm, least = likeliest(np.array(off), np.array(radii_mm))
    return {"border_error_mm": round(border_mm, 4), "least_error": round(least, 4)}


def likeliest(off: NDArray[np.float64], radii_mm: NDArray[np.float64]) -> tuple[float, float]:
    """Border (mm) and least share of the error that make what volumes (n,) are off by, as ln, likeliest."""
    best = (math.inf, 0.0, 0.0)
    for border_mm in BORDERS_MM:
        for least in LEAST_ERRORS:
            variance = least**2 + (3 * border_mm / radii_mm) ** 2
            unlikely = float((off**2 / variance + np.log(variance)).mean())
            best = min(best, (unlikely, float(border_mm), float(least)))
    return best[1], best[2]


def main() -> None:
    """Make or read the nodules, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("known", type=Path, help="where simulated nodules are kept")
    parser.add_argument("--into", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--version", default="1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--begin", type=Path, help="weights to go on from, their card beside them")
    parser.add_argument("--checkpoint", type=Path, help="where weights are written while it trains")
    told = parser.parse_args()
    learned_from = told.patients - FOR_CHOICES
    known = gather(told.known, range(1, learned_from + 1))
    for_choices = gather(told.known, range(learned_from + 1, told.patients + 1))
    sys.stderr.write(f"{len(known.facts)} nodules\n")
    before = read_card(told.begin.with_suffix(".json")).trained if told.begin else None
    begin = told.begin.read_bytes() if told.begin else None
    network, went = learn(known, Effort(told.steps, told.batch), told.seed, told.checkpoint, begin)
    settings = errors_of(network, for_choices)
    script = f"python -m inference.training.outline FOLDER --seed {told.seed} --patients {told.patients}"
    script += f" --steps {told.steps} --batch {told.batch}"
    if before is not None:
        script = f"{before.script}; then {script} --begin WEIGHTS"
    data = DATA.format(nodules=len(known.facts), patients=learned_from)
    on = datetime.now(tz=UTC).date().isoformat()
    minutes = round(went[-1].cpu_minutes + (before.cpu_minutes if before else 0.0), 1)
    trained = Training(script, told.seed, on, data, known.digest, len(known.facts), minutes)
    card = KIND.write(told.into, told.version, network, settings, trained)
    write_progress(told.into / f"{card.name}.csv", went)
    sys.stderr.write(f"{card.name}: loss {went[-1].loss:.4f}, {minutes} CPU min, {settings}\n")


if __name__ == "__main__":
    main()
