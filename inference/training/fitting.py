"""What every training here shares: one thread and one seed, batches turned and shifted about, a rate that falls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.patches import Shorts, Singles, scaled

RATE: Final = 2e-3
DECAY: Final = 1e-3
WARM_SHARE: Final = 0.05  # of the steps, over which the rate rises
DENSITY_SPREAD: Final = 0.04  # calibration of scanners and contrast, in units of the window
GAIN_SPREAD: Final = 0.06
NOISE_SPREAD: Final = 0.06  # at most, added


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to train."""

    steps: int
    batch: int


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Inputs, and which examples they are made of."""

    patches: Tensor
    chosen: NDArray[np.int_]


def prepare(seed: int) -> np.random.Generator:
    """One thread and one source of chance: the same seed gives the same weights on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    return np.random.default_rng([seed, 15])


def train(
    network: nn.Module, effort: Effort, next_batch: Callable[[], Batch], loss_of: Callable[[Tensor, Batch], Tensor]
) -> tuple[list[float], float]:
    """Train in place; gives the loss of each step and the CPU minutes."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / effort.steps))
    losses = []
    started = time.process_time()
    for _ in range(effort.steps):
        batch = next_batch()
        loss = loss_of(network(batch.patches), batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        rate.step()
        losses.append(float(loss.detach()))
    network.eval()
    return losses, (time.process_time() - started) / 60


def _rate(share: float) -> float:
    return share / WARM_SHARE if share < WARM_SHARE else 0.5 * (1 + math.cos(math.pi * share))


def varied(patches_hu: Shorts, side: int, rng: np.random.Generator, *, room: int) -> Singles:
    """Turn, mirror and shift each example, and change its density and noise; every channel of one alike.

    Parameters
    ----------
    patches_hu : (n, channels, z, y, x)
    side
        Of what is cut out of them.
    room
        Voxels by which they are larger on either side.

    Returns
    -------
    (n, channels, side, side, side), as networks take them.
    """
    cut = np.empty((*patches_hu.shape[:2], side, side, side), np.int16)
    for number, patch in enumerate(patches_hu):
        z, y, x = rng.integers(0, 2 * room + 1, 3)
        piece = patch[:, z : z + side, y : y + side, x : x + side]
        piece = piece[:, :: rng.choice([-1, 1]), :: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        cut[number] = piece.transpose(0, 1, 3, 2) if rng.random() < 0.5 else piece
    values = scaled(cut)
    shape = (len(values), values.shape[1], 1, 1, 1)
    values = (values + 1) * rng.normal(1.0, GAIN_SPREAD, shape).astype(np.float32) - 1
    values += rng.normal(0.0, DENSITY_SPREAD, shape).astype(np.float32)
    noise = rng.uniform(0.0, NOISE_SPREAD, shape).astype(np.float32)
    values += noise * rng.standard_normal(values.shape, dtype=np.float32)
    clipped: Singles = np.clip(values, -1.0, 1.0)
    return clipped


def asked(network: nn.Module, patches: Singles, batch: int = 64) -> Singles:
    """Answers of a network in training, without learning from them."""
    network.eval()
    with torch.inference_mode():
        told: Sequence[Tensor] = [
            network(torch.from_numpy(patches[at : at + batch])) for at in range(0, len(patches), batch)
        ]
        answers: Singles = torch.cat(list(told)).numpy()
    return answers
