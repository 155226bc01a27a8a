"""Is this spot a nodule? A small 3-D network that looks at 24 mm around it."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

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
            self.levels.append(_seen(before, width))
            before = width
        self.again = _seen(before, before)
        self.pool = nn.MaxPool3d(2)
        self.whole = nn.Conv3d(before, LAST, SIDE // 2 ** len(WIDTHS))
        self.drop = nn.Dropout(0.3)
        self.answer = nn.Linear(LAST, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Answer."""
        first, second, third = self.levels
        seen = third(self.pool(second(self.pool(first(patches)))))
        seen = self.pool(seen + self.again(seen))
        told: Tensor = self.answer(self.drop(torch.relu(self.whole(seen)).flatten(1)))
        return told


def _seen(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(before, width, 3, padding=1, bias=False), nn.BatchNorm3d(width), nn.ReLU(inplace=True)
    )


class FirstFilter(nn.Module):
    """Patches (n, 1, 24, 24, 24) to the logarithm of the odds (n, 1) that a nodule is in the middle.

    Three levels of convolution and pooling, one over what is left of each axis, and one number: 100,000 parameters,
    20 million multiplications a patch.
    """

    def __init__(self) -> None:
        super().__init__()
        levels: list[nn.Module] = []
        before = 1
        for width in WIDTHS:
            levels += [
                nn.Conv3d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm3d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool3d(2),
            ]
            before = width
        self.levels = nn.Sequential(*levels)
        self.whole = nn.Conv3d(before, before, SIDE // 2 ** len(WIDTHS))
        self.drop = nn.Dropout(0.3)
        self.answer = nn.Linear(before, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Answer."""
        seen = torch.relu(self.whole(self.levels(patches))).flatten(1)
        told: Tensor = self.answer(self.drop(seen))
        return told
