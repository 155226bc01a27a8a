"""A measured and a learned ratio of two volumes together; needs no network, so that a page may weigh them anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from inference.estimate import Z_95

JOINT_HELD: Final = "joint_interval_held"  # setting of a card: share of true ratios that the joint 95 % interval held
LEAST_HELD: Final = 0.93


class Ratio(Protocol):
    """A ratio of two volumes with the standard error of its logarithm."""

    @property
    def volume_ratio(self) -> float:
        """Current to prior."""

    @property
    def log_ratio_error(self) -> float:
        """Standard error of its logarithm."""


@dataclass(frozen=True, slots=True)
class Fused:
    """Measured and learned growth together; ``disagree`` when the two differ beyond both errors (95 %).

    The error grows with their distance: two that lie further apart than their errors explain are both less sure.
    """

    volume_ratio: float
    log_ratio_error: float
    disagree: bool


def fuse(volume_ratio: float, log_ratio_error: float, learned: Ratio) -> Fused:
    """Weigh a measured ratio and a learned one by their variances.

    Parameters
    ----------
    volume_ratio, log_ratio_error
        As measured.

    Source
    ------
    The error is multiplied by the ratio of Birge 1932, Phys Rev 40:207, where that is above 1.
    """
    measured_weight, learned_weight = log_ratio_error**-2, learned.log_ratio_error**-2
    measured, seen = math.log(volume_ratio), math.log(learned.volume_ratio)
    log_ratio = (measured_weight * measured + learned_weight * seen) / (measured_weight + learned_weight)
    apart = abs(measured - seen) / math.hypot(log_ratio_error, learned.log_ratio_error)
    error = max(apart, 1.0) * (measured_weight + learned_weight) ** -0.5
    return Fused(math.exp(log_ratio), error, apart > Z_95)


def interval_95(ratio: Ratio) -> tuple[float, float]:
    """The 95 % interval of a ratio."""
    reach = math.exp(Z_95 * ratio.log_ratio_error)
    return ratio.volume_ratio / reach, ratio.volume_ratio * reach


def joint_interval_holds(settings: Mapping[str, float]) -> bool:
    """Whether the interval of measured and learned together may be shown.

    Parameters
    ----------
    settings
        Of the model's card: only one that was checked on real CT says how often that interval held.
    """
    return settings.get(JOINT_HELD, 0.0) >= LEAST_HELD


def log_error(ratio_low: float, ratio_high: float) -> float:
    """Standard error of the logarithm of a ratio, from its 95 % interval."""
    return math.log(ratio_high / ratio_low) / (2 * Z_95)
