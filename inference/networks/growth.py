"""How much has this nodule grown? Both scans of it, side by side and as their difference."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from inference.networks.mirrored import over_mirrors

SIDE: Final = 28
STEP_MM: Final = 0.8
WIDTHS: Final = (8, 24, 48)
CLASSES: Final = ("shrunk", "stable", "grown")
ANSWERS: Final = 2 + len(CLASSES)


class TwoTimepointGrowth(nn.Module):
    """Patches (n, 2, 28, 28, 28), prior and current, to (n, 5).

    First the logarithm of the ratio of the volumes, then the logarithm of that number's variance, then three numbers
    whose softmax is the probability of having shrunk, stayed and grown by a quarter. Both scans go through the same
    levels (Siamese); what follows sees their features and the difference of these. Swapping the scans turns the sign
    of the ratio, which is asked both ways and averaged.
    """

    def __init__(self) -> None:
        super().__init__()
        levels: list[nn.Module] = []
        before = 1
        for number, width in enumerate(WIDTHS):
            levels += [
                nn.Conv3d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm3d(width),
                nn.ReLU(inplace=True),
            ]
            if number < len(WIDTHS) - 1:
                levels.append(nn.AvgPool3d(2))
            before = width
        self.levels = nn.Sequential(*levels)
        self.together = nn.Sequential(
            nn.Conv3d(2 * before, 48, 1),
            nn.ReLU(inplace=True),
            nn.Conv3d(48, 48, 3, stride=2),  # 7 voxels to 3
            nn.ReLU(inplace=True),
            nn.Conv3d(48, 64, 3),
            nn.ReLU(inplace=True),
        )
        self.answer = nn.Linear(64, ANSWERS)

    def forward(self, patches: Tensor) -> Tensor:
        """Answer, the same for a pair and, with the sign turned, for the pair swapped.

        Once training is over it is the mean over mirror images.
        """
        return self._seen(patches) if self.training else over_mirrors(patches, self._seen)

    def _seen(self, patches: Tensor) -> Tensor:
        prior, current = self.levels(patches[:, :1]), self.levels(patches[:, 1:])
        there = self._one_way(prior, current)
        back = self._one_way(current, prior)
        ratio = (there[:, :1] - back[:, :1]) / 2
        variance = (there[:, 1:2] + back[:, 1:2]) / 2
        classes = (there[:, 2:] + back[:, 2:].flip(1)) / 2
        return torch.cat([ratio, variance, classes], dim=1)

    def _one_way(self, prior: Tensor, current: Tensor) -> Tensor:
        seen = self.together(torch.cat([prior, current - prior], dim=1)).flatten(1)
        told: Tensor = self.answer(seen)
        return told
