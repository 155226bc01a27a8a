"""The small motion of ``refine.py`` as torch tensors: the patches of many points side by side.

Every patch is read on the same list of offsets, masked where a sample is not used; points that have settled stand still
while the others go on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from registration.refine import (
    CONTRAST_LIMITS,
    LEAST_ENERGY_HU2,
    LEAST_SAMPLES,
    LEAST_SHARED,
    LEAST_WEIGHT,
    LONGEST_STEP_MM,
    MOST_STEPS,
    PULL_BACK,
    SETTLED_MM,
)

OFF_GRID: Final = 1_000_000  # voxels: a step that leads nowhere, where one list is shorter than the other
TINY: Final = 1e-6  # HU^2: keeps the correlation of nothing with nothing finite


class TorchLung(NamedTuple):
    """A fine level: image (z, y, x), which voxels lie well inside the lung, spacing and origin (3,) in mm."""

    image: Tensor
    inner: Tensor
    spacing_mm: Tensor
    origin_mm: Tensor

    def index_of(self, points_mm: Tensor) -> Tensor:
        """Continuous index (..., 3) of frame points (..., 3)."""
        return (points_mm - self.origin_mm) / self.spacing_mm

    def voxels(self, index: Tensor, margin: int = 0) -> tuple[Tensor, Tensor]:
        """Flat numbers (...) of voxels (..., 3), and which of them lie on the grid and inside the lung."""
        shape = torch.tensor(self.image.shape, device=index.device)
        on_grid = ((index >= margin) & (index < shape - margin)).all(dim=-1)
        z, y, x = torch.minimum(index.clamp(min=margin), shape - 1 - margin).unbind(-1)
        numbers = (z * shape[1] + y) * shape[2] + x
        return numbers, on_grid & self.inner.flatten()[numbers]

    def interpolated(self, index: Tensor) -> Tensor:
        """Image at continuous indices (n, k, 3), trilinear; beyond the border the border's value."""
        last = torch.tensor(self.image.shape, device=index.device) - 1
        unit = (2 * index / last - 1).float().flip(-1)  # from -1 to 1 over the grid, order x, y, z
        found = functional.grid_sample(
            self.image[None, None], unit[None, :, :, None], padding_mode="border", align_corners=True
        )
        return found[0, 0, :, :, 0]


class Patches(NamedTuple):
    """Samples around n points: values less their mean, weights that sum to one (zero: not used), gradients in HU/mm,
    offsets in mm from the place in the other scan; (n, k) or (n, k, 3).
    """

    values: Tensor
    weights: Tensor
    gradients: Tensor
    offsets_mm: Tensor


class Compared(NamedTuple):
    """As ``refine.Comparison``, each (n,); and ``seen`` (n, k), ``shared`` (n, k): the weights where both show lung."""

    correlation: Tensor
    contrast: Tensor
    mean: Tensor
    seen_mean: Tensor
    seen: Tensor
    shared: Tensor


def settled(
    lung: TorchLung, other: TorchLung, points_mm: Tensor, places_mm: Tensor, jacobians: Tensor, sigma_mm: float,
    half_width_mm: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Places (n, 3), agreement (n,) and structure (n, 3, 3) as :func:`registration.refine.moved` gives them."""
    patches, enough = _read(lung, points_mm, jacobians, sigma_mm, half_width_mm)
    weighted = patches.weights[..., None] * patches.gradients
    structure = torch.einsum("nka,nkb->nab", weighted, patches.gradients).double()
    structure = structure * enough[:, None, None]
    inverse = torch.linalg.inv(structure + PULL_BACK * torch.eye(3, device=structure.device, dtype=structure.dtype))
    places, moving = places_mm.clone(), enough
    gone = torch.zeros_like(places)
    found = _compared(other, places, patches)
    for _ in range(MOST_STEPS):
        gain = found.contrast.clamp(*CONTRAST_LIMITS)[:, None]
        difference = gain * (found.seen - found.seen_mean[:, None]) - (patches.values - found.mean[:, None])
        usable = found.shared > 0
        slope = torch.einsum("nk,nka->na", difference * usable, weighted).double() - PULL_BACK * gone
        step = torch.einsum("nab,nb->na", inverse, slope) * moving[:, None]
        length_mm = step.norm(dim=1)
        step = step * (LONGEST_STEP_MM / length_mm.clamp(min=LONGEST_STEP_MM))[:, None]
        gone = gone + step
        places = places - torch.einsum("nab,nb->na", jacobians, step)
        found = _compared(other, places, patches)
        moving = moving & (length_mm >= SETTLED_MM)
        if not bool(moving.any()):
            break
    return places, torch.where(enough, found.correlation, -1.0), structure


def _read(
    lung: TorchLung, points_mm: Tensor, jacobians: Tensor, sigma_mm: float, half_width_mm: float
) -> tuple[Patches, Tensor]:
    """The patches, and which of them (n,) hold enough to say where they belong."""
    centre = (lung.index_of(points_mm) + 0.5).long()
    steps = _chessboard(lung.spacing_mm, half_width_mm)
    voxels = centre[:, None] + steps[centre.sum(dim=1) % 2]
    numbers, used = lung.voxels(voxels, margin=1)
    offsets_mm = voxels * lung.spacing_mm + lung.origin_mm - points_mm[:, None]
    weights = torch.exp(-(offsets_mm**2).sum(dim=-1) / (2 * sigma_mm**2)).float()
    used = used & (weights >= LEAST_WEIGHT)
    weights = weights * used
    weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=TINY)
    image = lung.image.flatten()
    values = image[numbers]
    values = values - (weights * values).sum(dim=1, keepdim=True)
    strides = (lung.image.shape[1] * lung.image.shape[2], lung.image.shape[2], 1)
    gradients = torch.stack(
        [
            (image[numbers + stride] - image[numbers - stride]) / (2 * lung.spacing_mm[axis].float())
            for axis, stride in enumerate(strides)
        ],
        dim=-1,
    )
    enough = (used.sum(dim=1) >= LEAST_SAMPLES) & ((weights * values**2).sum(dim=1) >= LEAST_ENERGY_HU2)
    carried = torch.einsum("nab,nkb->nka", jacobians, offsets_mm)
    return Patches(values, weights, gradients, carried), enough


def _chessboard(spacing_mm: Tensor, half_width_mm: float) -> Tensor:
    """Steps (2, k, 3) in voxels from a centre of even and of odd index sum to the voxels of even sum within reach."""
    half = (half_width_mm / spacing_mm).round().long().clamp(min=2)
    box = torch.cartesian_prod(*(torch.arange(-int(h), int(h) + 1, device=spacing_mm.device) for h in half))
    odd = box.sum(dim=1) % 2 == 1
    return pad_sequence([box[~odd], box[odd]], batch_first=True, padding_value=OFF_GRID)


def _compared(other: TorchLung, places_mm: Tensor, patches: Patches) -> Compared:
    """Hold what the other scan shows against the patches where both show lung."""
    index = other.index_of(places_mm[:, None] + patches.offsets_mm)
    _, inside = other.voxels((index + 0.5).floor().long())
    seen = other.interpolated(index)
    shared = patches.weights * inside
    total = shared.sum(dim=1)
    part = shared / total.clamp(min=TINY)[:, None]
    mean, seen_mean = (part * patches.values).sum(dim=1), (part * seen).sum(dim=1)
    here, there = patches.values - mean[:, None], seen - seen_mean[:, None]
    energy, seen_energy = ((shared * side**2).sum(dim=1) + TINY for side in (here, there))
    correlation = (shared * here * there).sum(dim=1) / (energy * seen_energy).sqrt()
    enough = total >= LEAST_SHARED
    return Compared(
        torch.where(enough, correlation, -1.0),
        torch.where(enough, (energy / seen_energy).sqrt(), 1.0),
        torch.where(enough, mean, 0.0),
        torch.where(enough, seen_mean, 0.0),
        seen,
        shared,
    )
