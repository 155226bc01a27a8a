"""What is known of nodules before this one is looked at: how many grow or go, and how fast, by attenuation.

The medians and ranges are this product's choice between published series, wider than any one of them so that benign
nodules that grow slowly are inside; ``docs/models/forecast.md`` says what a wrong choice does to the intervals.

Source
------
Doubling times of cancers are log-normal: Usuda et al. 1994, Cancer 74:2239. Mean and standard deviation 149 and 125
days (solid), 457 and 260 (part-solid), 813 and 375 (ground glass): Hasegawa et al. 2000, Br J Radiol 73:1252. Medians
over mixed cancers 98 (Henschke 2012), 181 (Winer-Muram 2002), 207 (Jennings 2006) and 357 days (Wilson 2012, quartiles
236 to 630), all as tabled in Baldwin et al. 2015, Thorax 70 suppl 2, table 8. Means 267, 598 and 848 days: Pan et al.
2018, PMC5945695. Nodules that go by themselves: 10.1 % of solid ones of 50 to 500 mm3, three quarters of these within
three months (Zhao et al. 2014, Radiology 270:872); 15 of 89 subsolid ones, and of those that stay 68 % of the
part-solid and 38 % of the others grew in routine care (Mets et al. 2016, Eur Radiol 27:689) against 9 % and 5 % in a
large screening series (Kim 2021, in the review PMC9772280). Decelerating growth: Laird 1964, Br J Cancer 18:490.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from inference.estimate import Z_95
from inference.repeatability import Attenuation


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """A population of nodules of one attenuation.

    Parameters
    ----------
    growing_share, shrinking_share
        Of all nodules; the others stay as they are.
    vdt_days, vdt_longest_days
        Median of the growing ones' doubling time at the first scan, and what 97.5 % of them stay below; log-normal.
    halving_days, halving_longest_days
        The same of the shrinking ones.
    slowing_share
        Of the growing ones: those whose growth slows down towards a largest volume (Gompertz).
    ceiling_mm3, ceiling_highest_mm3
        Median of that largest volume, and what 97.5 % stay below; log-normal.
    """

    growing_share: float
    shrinking_share: float
    vdt_days: float
    vdt_longest_days: float
    halving_days: float = 30.0
    halving_longest_days: float = 215.0
    slowing_share: float = 0.5
    ceiling_mm3: float = 1e5
    ceiling_highest_mm3: float = 5e6

    def __post_init__(self) -> None:
        shares = (self.growing_share, self.shrinking_share, 1 - self.growing_share - self.shrinking_share)
        pairs = (
            (self.vdt_days, self.vdt_longest_days),
            (self.halving_days, self.halving_longest_days),
            (self.ceiling_mm3, self.ceiling_highest_mm3),
        )
        if not all(share > 0 for share in shares) or not 0 < self.slowing_share < 1:
            raise ValueError(f"every kind of course needs a share above 0: {shares}, {self.slowing_share}")
        if not all(0 < median < highest for median, highest in pairs):
            raise ValueError(f"a median must be above 0 and below its upper limit: {pairs}")

    @property
    def stable_share(self) -> float:
        """Of all nodules: those that stay as they are."""
        return 1 - self.growing_share - self.shrinking_share


def log_normal(median: float, highest: float) -> tuple[float, float]:
    """Mean and standard deviation of the logarithm, from the median and what 97.5 % stay below."""
    return math.log(median), math.log(highest / median) / Z_95


PRIORS: Final[Mapping[Attenuation, Prior]] = MappingProxyType(
    {
        "solid": Prior(growing_share=0.12, shrinking_share=0.10, vdt_days=190, vdt_longest_days=1000),
        "part_solid": Prior(growing_share=0.40, shrinking_share=0.17, vdt_days=430, vdt_longest_days=1540),
        "ground_glass": Prior(growing_share=0.20, shrinking_share=0.17, vdt_days=780, vdt_longest_days=2530),
    }
)
