"""Is this spot a nodule? A small 3-D network that looks at 24 mm around it."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from inference.networks.mirrored import over_mirrors

SIDE: Final = 24
STEP_MM: Final = 1.0
WIDTHS: Final = (8, 24, 48)
LAST: Final = 64


class CandidateFilter(nn.Module):
    """Patches (n, 1, 24, 24, 24) to the logarithm of the odds (n, 1) that a nodule is in the middle.

    Three levels of convolution and pooling, the last with a second look that is added to the first, one convolution
    over what is left of each axis, and one number: 180,000 parameters, 32 million multiplications a patch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        before = 1
        for width in WIDTHS:
            self.levels.append(_layer(before, width))
            before = width
        self.again = _layer(before, before)
        self.pool = nn.MaxPool3d(2)
        self.whole = nn.Conv3d(before, LAST, SIDE // 2 ** len(WIDTHS))
        self.drop = nn.Dropout(0.3)
        self.answer = nn.Linear(LAST, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Answer; once training is over, with the mean over mirror images."""
        return self._seen(patches) if self.training else over_mirrors(patches, self._seen)

    def _seen(self, patches: Tensor) -> Tensor:
        first, second, third = self.levels
        seen = third(self.pool(second(self.pool(first(patches)))))
        seen = self.pool(seen + self.again(seen))
        told: Tensor = self.answer(self.drop(torch.relu(self.whole(seen)).flatten(1)))
        return told


def _layer(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(before, width, 3, padding=1, bias=False), nn.BatchNorm3d(width), nn.ReLU(inplace=True)
    )
