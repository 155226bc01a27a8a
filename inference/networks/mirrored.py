"""One question asked four times, as the scan lies and mirrored, and answered by the mean: nodules have no hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

MIRRORS: Final = ((), (2,), (3,), (4,))  # axes of (n, channels, z, y, x)


def over_mirrors(patches: Tensor, answer: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean answer (n, answers) over the mirror images of patches (n, channels, side, side, side)."""
    return torch.stack([answer(patches.flip(axes) if axes else patches) for axes in MIRRORS]).mean(dim=0)
