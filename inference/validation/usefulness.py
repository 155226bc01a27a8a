"""Would deciding by the predictions do more good than harm: net benefit, and who moves when another model decides.

Source
------
Decision curve: Vickers and Elkin 2006, Med Decis Making 26:565. NRI and IDI: Pencina et al. 2008, Stat Med 27:157. An
NRI can be above 0 for a worse model, and grows with miscalibration (Hilden and Gerds 2014, Stat Med 33:3405; Kerr et
al. 2014, Epidemiology 25:114): read it with the calibration, never alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.validation.cases import Cases, Floats

THRESHOLDS: Final = tuple(step / 100 for step in range(1, 51))


@dataclass(frozen=True, slots=True)
class DecisionCurve:
    """Net benefit for each threshold, in true positives a case; beside it working up everybody (nobody is 0)."""

    thresholds: Floats
    model: Floats
    everybody: Floats


@dataclass(frozen=True, slots=True)
class Reclassified:
    """How one model sorts the same cases against another.

    Parameters
    ----------
    events_nri_ratio, others_nri_ratio
        Share of the events moved up less those moved down; of the others moved down less those moved up.
    idi_ratio
        By how much further apart the mean predictions of events and of others lie.
    """

    events_nri_ratio: float
    others_nri_ratio: float
    idi_ratio: float

    @property
    def nri_ratio(self) -> float:
        """Both together."""
        return self.events_nri_ratio + self.others_nri_ratio


def net_benefit(cases: Cases, threshold: float) -> float:
    """True positives less false ones at the odds of the threshold, a case, when everybody at or above it is worked up.

    Raises
    ------
    NotAProbability
    ValueError
        The threshold is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"no such threshold: {threshold}")
    positive = cases.probabilities() >= threshold
    hits = float(np.mean(positive & cases.outcomes))
    alarms = float(np.mean(positive & ~cases.outcomes))
    return hits - alarms * threshold / (1 - threshold)


def decision_curve(cases: Cases, thresholds: Sequence[float] = THRESHOLDS) -> DecisionCurve:
    """Net benefit over thresholds."""
    asked = np.asarray(thresholds)
    everybody = cases.prevalence - (1 - cases.prevalence) * asked / (1 - asked)
    return DecisionCurve(asked, np.array([net_benefit(cases, float(one)) for one in asked]), everybody)


def reclassified(old: Cases, new: Cases, limits: Sequence[float]) -> Reclassified:
    """Sort the same cases into classes by both models; without limits every rise and fall counts (continuous NRI).

    Raises
    ------
    NotAProbability
    ValueError
        The outcomes differ: these are not the same cases.
    """
    if not np.array_equal(old.outcomes, new.outcomes):
        raise ValueError("two models are compared on the same cases, in the same order")
    before, after = old.probabilities(), new.probabilities()
    moved = np.sign(np.digitize(after, limits) - np.digitize(before, limits)) if limits else np.sign(after - before)
    happened = old.outcomes
    apart = [float(scores[happened].mean() - scores[~happened].mean()) for scores in (before, after)]
    return Reclassified(float(moved[happened].mean()), float(-moved[~happened].mean()), apart[1] - apart[0])
