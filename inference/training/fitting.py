"""What every training here shares: one thread and one seed, batches turned and shifted about, a rate that falls."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from inference.patches import Shorts, Singles, scaled

RATE: Final = 2e-3
KEPT: Final = 0.995  # of the running mean of the weights, from step to step: the mean is what is shipped
DECAY: Final = 1e-3
TILT: Final = 0.2  # radians, standard deviation, off the patient's axes
LARGER: Final = 0.08  # standard deviation of the logarithm of the size
OFF: Final = 0.7  # voxels, standard deviation, off the middle
TOLD_EVERY: Final = 100  # steps, on standard error
SOFTENED_SHARE: Final = 0.4  # of the scans, where a variety softens any
WARM_SHARE: Final = 0.05  # of the steps, over which the rate rises


@dataclass(frozen=True, slots=True)
class Variety:
    """How far one scanner is from another, in units of the window: 1 is 700 HU.

    Parameters
    ----------
    density, gain
        Standard deviations of what is added, and of the factor on the distance from air.
    noise
        Standard deviation of the noise that is added, at most.
    blur_voxels
        Standard deviation of what softens a scan, along the patient and across, at most.
    """

    density: float = 0.04
    gain: float = 0.06
    noise: float = 0.06
    blur_voxels: float = 0.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to train.

    Parameters
    ----------
    until
        The step after which the training ends early, the rate falling as if it went on; 0: not before its end.
    """

    steps: int
    batch: int
    until: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Inputs, and which examples they are made of."""

    patches: Tensor
    chosen: NDArray[np.int_]


def write_progress(file: Path, went: Sequence[Progress]) -> None:
    """Keep beside the weights how the training went."""
    rows = [f"{one.step},{one.loss:.4f},{one.cpu_minutes:.2f}\n" for one in went]
    file.write_text("step,loss,cpu_minutes\n" + "".join(rows), "utf-8")


def prepare(seed: int) -> np.random.Generator:
    """One thread and one source of chance: the same seed gives the same weights on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    return np.random.default_rng([seed, 15])


@dataclass(frozen=True, slots=True)
class Progress:
    """What a training has come to: mean loss of the last steps, and the CPU minutes."""

    step: int
    loss: float
    cpu_minutes: float


def train(
    network: nn.Module,
    effort: Effort,
    next_batch: Callable[[], Batch],
    loss_of: Callable[[Tensor, Batch], Tensor],
    *,
    checkpoint: Path | None = None,
) -> list[Progress]:
    """Train in place; gives how it went. The running mean of the weights is what the network ends with.

    Parameters
    ----------
    checkpoint
        Where the running mean is written now and then, as safetensors; what is there is written over.
    """
    network.train()
    mean = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / effort.steps))
    went: list[Progress] = []
    losses = []
    started = time.process_time()
    end = effort.until or effort.steps
    for step in range(1, end + 1):
        batch = next_batch()
        loss = loss_of(network(batch.patches), batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        rate.step()
        _follow(mean, network, min(KEPT, step / (step + 9)))
        losses.append(float(loss.detach()))
        if step % TOLD_EVERY == 0 or step == end:
            minutes = (time.process_time() - started) / 60
            went.append(Progress(step, float(np.mean(losses[-TOLD_EVERY:])), minutes))
            sys.stderr.write(f"step {step}: loss {went[-1].loss:.4f}, {minutes:.2f} CPU min\n")
            if checkpoint is not None:
                checkpoint.write_bytes(weights_of(mean))
    network.load_state_dict(mean.state_dict())
    network.eval()
    return went


def weights_of(network: nn.Module) -> bytes:
    """As safetensors."""
    content: bytes = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    return content


def _follow(mean: nn.Module, network: nn.Module, kept: float) -> None:
    """Move a running mean of weights and of what the layers have counted towards those of now."""
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - kept)
            else:
                old.copy_(new)


def _rate(share: float) -> float:
    return share / WARM_SHARE if share < WARM_SHARE else 0.5 * (1 + math.cos(math.pi * share))


def varied(
    patches_hu: Shorts, side: int, rng: np.random.Generator, *, room: int, variety: Variety = Variety()
) -> Singles:
    """Turn, mirror and shift each example, every channel of one alike, and change each one's density and noise.

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
    return otherwise_scanned(scaled(cut), rng, variety)


def turned(patches: Singles, side: int, rng: np.random.Generator) -> Singles:
    """Turn each example by any angle about the patient's long axis, tilt, mirror, enlarge and shift it a little.

    Parameters
    ----------
    patches : (n, channels, z, y, x)
    side
        Of what is cut out of them; the corners of what is turned may lie outside, where the border goes on.
    """
    count = len(patches)
    share = side / patches.shape[-1]
    maps = np.zeros((count, 3, 4), np.float32)
    for one in maps:
        turn, tilt = rng.uniform(0, 2 * math.pi), rng.normal(0, TILT, 2)
        about = _about(0, turn) @ _about(1, tilt[0]) @ _about(2, tilt[1]) * rng.choice([-1, 1], 3)
        one[:, :3] = about * share * math.exp(rng.normal(0, LARGER))
        one[:, 3] = rng.normal(0, 2 * OFF / patches.shape[-1], 3)
    grid = functional.affine_grid(torch.from_numpy(maps), [count, 1, side, side, side], align_corners=False)
    cut: Singles = functional.grid_sample(
        torch.from_numpy(patches), grid, padding_mode="border", align_corners=False
    ).numpy()
    return cut


def _about(axis: int, angle: float) -> NDArray[np.float64]:
    """Rotation (3, 3) about an axis of the array, counted z, y, x; in torch's order x, y, z."""
    first, second = (one for one in range(3) if one != 2 - axis)
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = math.cos(angle)
    turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
    return turn


def otherwise_scanned(values: Singles, rng: np.random.Generator, variety: Variety) -> Singles:
    """Change sharpness, density and noise of every channel of every example by itself, (n, channels, z, y, x)."""
    shape = (len(values), values.shape[1], 1, 1, 1)
    if variety.blur_voxels > 0:
        values = _softened(values, rng, variety.blur_voxels)
    values = (values + 1) * rng.normal(1.0, variety.gain, shape).astype(np.float32) - 1
    values += rng.normal(0.0, variety.density, shape).astype(np.float32)
    noise = rng.uniform(0.0, variety.noise, shape).astype(np.float32)
    values += noise * rng.standard_normal(values.shape, dtype=np.float32)
    clipped: Singles = np.clip(values, -1.0, 1.0)
    return clipped


def _softened(values: Singles, rng: np.random.Generator, most: float) -> Singles:
    """Soften some of the channels, each by itself: another kernel in the plane, thicker slices along the patient."""
    softened = values.copy()
    for example, channel in np.argwhere(rng.random(values.shape[:2]) < SOFTENED_SHARE):
        along, across = rng.uniform(0.0, most, 2)
        softened[example, channel] = ndimage.gaussian_filter(values[example, channel], (along, across, across))
    return softened


def asked(network: nn.Module, patches: Singles, batch: int = 64) -> Singles:
    """Answers of a network in training, without learning from them."""
    network.eval()
    with torch.inference_mode():
        told: Sequence[Tensor] = [
            network(torch.from_numpy(patches[at : at + batch])) for at in range(0, len(patches), batch)
        ]
        answers: Singles = torch.cat(list(told)).numpy()
    return answers
