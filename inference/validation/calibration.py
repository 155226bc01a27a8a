"""Do predicted probabilities come true: the curve, intercept and slope, the Brier score.

Source
------
Intercept and slope: Cox 1958, Biometrika 45:562; hierarchy of calibration: Van Calster et al. 2016, J Clin Epidemiol
74:167. Score: Brier 1950, Mon Weather Rev 78:1. Interval of a share: Wilson 1927, J Am Stat Assoc 22:209.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.estimate import Z_95
from inference.validation.cases import Cases, Floats
from inference.validation.discrimination import Share
from inference.validation.logistic import fit_logistic

CLOSEST: Final = 1e-6  # a prediction of 0 or 1 is taken as this close to it, since its log-odds have no end
GROUPS: Final = 10


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient with its 95 % interval, in log-odds (intercept) or a factor on them (slope)."""

    value_ratio: float
    low_ratio: float
    high_ratio: float


@dataclass(frozen=True, slots=True)
class Group:
    """Cases of like predictions: what was predicted on average, and how often it happened."""

    count: int
    predicted_share: float
    observed: Share


@dataclass(frozen=True, slots=True)
class Calibration:
    """``intercept`` is that with the slope held at 1: above 0 the predictions are too low on the whole."""

    intercept: Coefficient
    slope: Coefficient
    groups: tuple[Group, ...]
    observed_over_expected_ratio: float


def calibration(cases: Cases, groups: int = GROUPS) -> Calibration:
    """Compare predicted probabilities with what happened.

    Raises
    ------
    NotAProbability, Separated
    """
    odds = log_odds(cases.probabilities())
    ones = np.ones((len(cases), 1))
    level = fit_logistic(ones, cases.outcomes, odds)
    both = fit_logistic(np.column_stack([ones[:, 0], odds]), cases.outcomes)
    return Calibration(
        _coefficient(float(level.coefficients[0]), level.standard_error(0)),
        _coefficient(float(both.coefficients[1]), both.standard_error(1)),
        _groups(cases, groups),
        cases.events / float(cases.scores.sum()),
    )


def log_odds(probabilities: Floats) -> Floats:
    """The logarithm of p over 1 - p; 0 and 1 are brought inside."""
    inside = np.clip(probabilities, CLOSEST, 1 - CLOSEST)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    return odds


def brier(cases: Cases) -> float:
    """Mean squared distance of prediction and outcome: 0 is best. Raises ``NotAProbability``."""
    return float(np.mean((cases.probabilities() - cases.outcomes) ** 2))


def brier_skill(cases: Cases) -> float:
    """The share of the Brier score of always predicting the prevalence that a model saves; 0 or less is no use."""
    return 1 - brier(cases) / (cases.prevalence * (1 - cases.prevalence))


def wilson(part: int, whole: int) -> Share:
    """A share with its 95 % interval."""
    share = part / whole
    middle = share + Z_95**2 / (2 * whole)
    spread = Z_95 * math.sqrt(share * (1 - share) / whole + Z_95**2 / (4 * whole**2))
    scale = 1 + Z_95**2 / whole
    return Share(share, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def _coefficient(value: float, error: float) -> Coefficient:
    return Coefficient(value, value - Z_95 * error, value + Z_95 * error)


def _groups(cases: Cases, groups: int) -> tuple[Group, ...]:
    """Groups of about equal size by prediction; equal predictions are never parted."""
    edges = np.unique(np.quantile(cases.scores, np.linspace(0, 1, groups + 1)))
    which = np.clip(np.searchsorted(edges, cases.scores, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = []
    for index in np.unique(which):
        inside = which == index
        observed = wilson(int(cases.outcomes[inside].sum()), int(inside.sum()))
        found.append(Group(int(inside.sum()), float(cases.scores[inside].mean()), observed))
    return tuple(found)
