"""What does this nodule look like? Attenuation, border, calcium, air and strands, from 32 mm around a point."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from inference.networks.outline import FINE, MAPS, WIDTHS, NoduleOutline

SIDE: Final = 40
STEP_MM: Final = 0.8
ATTENUATIONS: Final = ("solid", "part_solid", "ground_glass")
FEATURES: Final = ("lobulation", "spiculation", "calcification", "cavity", "pleural_tag")
ANSWERS: Final = len(ATTENUATIONS) + len(FEATURES)
NEAR_VOXELS: Final = 3  # of the widest level, 1.6 mm each: so far around the nodule its strands are looked for
REGIONS: Final = 3  # within the nodule, on its border, near it
SUMMARY: Final = (2 * REGIONS + 1) * WIDTHS[0] + 2 * MAPS + WIDTHS[2]
WIDTH: Final = 48


class Head(nn.Module):
    """What was pooled of a nodule (n, ``SUMMARY``) to answers (n, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(SUMMARY)
        self.mix = nn.Linear(SUMMARY, WIDTH)
        self.drop = nn.Dropout(0.4)
        self.answer = nn.Linear(WIDTH, ANSWERS)

    def forward(self, summary: Tensor) -> Tensor:
        """Answer."""
        told: Tensor = self.answer(self.drop(torch.relu(self.mix(self.scale(summary)))))
        return told


class NodulePhenotype(nn.Module):
    """Patches (n, 1, 40, 40, 40) to (n, 8).

    First three numbers whose softmax is the probability of solid, part-solid and ground glass, then for each feature
    the logarithm of its odds, in the order of ``FEATURES``. The levels are those of the outline network, as it learned
    them. Where it outlines a nodule, what they see within it, on its border and near it is pooled, and a small head
    answers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outline = NoduleOutline()
        self.head = Head()

    def forward(self, patches: Tensor) -> Tensor:
        """Answer."""
        told: Tensor = self.head(self.summary(patches))
        return told

    def summary(self, patches: Tensor) -> Tensor:
        """What is pooled of each nodule, (n, ``SUMMARY``)."""
        fine, deep = self.outline.levels(patches)
        odds = self.outline.answer(fine)
        share = torch.sigmoid(odds).reshape(len(odds), MAPS, FINE**3, *odds.shape[2:]).mean(2)
        whole = share[:, :1]
        around = nn.functional.max_pool3d(whole, 3, 1, 1)
        border = around + nn.functional.max_pool3d(-whole, 3, 1, 1)
        near = nn.functional.max_pool3d(whole, 2 * NEAR_VOXELS + 1, 1, NEAR_VOXELS)
        regions = [whole, border, near - around]
        pooled = [_mean(fine, part) for part in regions]
        pooled += [(fine * part).amax((2, 3, 4)) for part in regions]
        pooled.append(_mean(fine**2, whole))
        pooled += [torch.log1p(share.sum((2, 3, 4))), share.amax((2, 3, 4)), deep.mean((2, 3, 4))]
        return torch.cat(pooled, dim=1)


def _mean(fine: Tensor, part: Tensor) -> Tensor:
    return (fine * part).sum((2, 3, 4)) / (part.sum((2, 3, 4)) + 1)
