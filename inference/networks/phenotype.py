"""What does this nodule look like? Attenuation, border, calcium, air and strands, from 32 mm around a point."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

SIDE: Final = 40
STEP_MM: Final = 0.8
ATTENUATIONS: Final = ("solid", "part_solid", "ground_glass")
FEATURES: Final = ("lobulation", "spiculation", "calcification", "cavity", "pleural_tag")
ANSWERS: Final = len(ATTENUATIONS) + len(FEATURES)
WIDTHS: Final = (16, 32, 48)
NARROW, LAST = 20, 40


class NodulePhenotype(nn.Module):
    """Patches (n, 1, 40, 40, 40) to (n, 8).

    First three numbers whose softmax is the probability of solid, part-solid and ground glass, then for each feature
    the logarithm of its odds, in the order of ``FEATURES``. The first level takes two voxels together along each axis
    and keeps all they say; after three levels one convolution sees the whole cube and where in it things are.
    """

    def __init__(self) -> None:
        super().__init__()
        levels: list[nn.Module] = [nn.Conv3d(1, 8, 2, stride=2)]
        before = 8
        for number, width in enumerate(WIDTHS):
            for entering in (before, width):
                levels += [
                    nn.Conv3d(entering, width, 3, padding=1, bias=False),
                    nn.BatchNorm3d(width),
                    nn.ReLU(inplace=True),
                ]
            if number < len(WIDTHS) - 1:
                levels.append(nn.MaxPool3d(2))
            before = width
        self.levels = nn.Sequential(*levels)
        self.narrow = nn.Conv3d(before, NARROW, 1)
        self.whole = nn.Conv3d(NARROW, LAST, SIDE // 8)
        self.drop = nn.Dropout(0.2)
        self.answer = nn.Linear(LAST, ANSWERS)

    def forward(self, patches: Tensor) -> Tensor:
        """Answer."""
        seen = torch.relu(self.whole(self.narrow(self.levels(patches)))).flatten(1)
        told: Tensor = self.answer(self.drop(seen))
        return told
