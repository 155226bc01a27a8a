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
    """Measured and learned growth together; ``disagree`` when the two differ beyond both errors (95 %)."""

    volume_ratio: float
    log_ratio_error: float
    disagree: bool


def fuse(volume_ratio: float, log_ratio_error: float, learned: Ratio) -> Fused:
    """Weigh a measured ratio and a learned one by their variances.

    Parameters
    ----------
    volume_ratio, log_ratio_error
        As measured.
    """
    measured_weight, learned_weight = log_ratio_error**-2, learned.log_ratio_error**-2
    measured, seen = math.log(volume_ratio), math.log(learned.volume_ratio)
    log_ratio = (measured_weight * measured + learned_weight * seen) / (measured_weight + learned_weight)
    apart = abs(measured - seen) > Z_95 * math.hypot(log_ratio_error, learned.log_ratio_error)
    return Fused(math.exp(log_ratio), (measured_weight + learned_weight) ** -0.5, apart)


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
