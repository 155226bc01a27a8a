"""All figures of one model, of its subgroups, and of two models beside each other, ready to be shown.

A figure that asks for probabilities is left out for a score on another scale; a subgroup with too few cases of a kind
is named with its count and no figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from inference.validation import discrimination
from inference.validation.calibration import Calibration, brier, brier_skill, calibration
from inference.validation.cases import Cases, Flags, Floats, NotAProbability, OneOutcomeOnly
from inference.validation.discrimination import Curve, Difference, Share
from inference.validation.logistic import Separated
from inference.validation.resampling import DRAWS, Interval, difference_of, interval_of
from inference.validation.usefulness import DecisionCurve, Reclassified, decision_curve, reclassified

LIMITS: Final = (0.05, 0.65)  # ACCP 2013: low, intermediate, high


@dataclass(frozen=True, slots=True)
class Predictions:
    """A table of cases: the scores of each model (NaN where it gave none), outcomes, patients and groups.

    Parameters
    ----------
    scores : name to (n,)
    outcomes : (n,)
    clusters : (n,)
        Name of the patient of each case.
    groups : name to (n,)
        Value of each case, by which subgroups are formed.
    """

    scores: Mapping[str, Floats]
    outcomes: Flags
    clusters: Sequence[str]
    groups: Mapping[str, Sequence[str]]

    def cases(self, model: str, among: Flags | None = None) -> Cases:
        """The cases to which a model gave a score. Raises ``OneOutcomeOnly``."""
        kept = np.isfinite(self.scores[model])
        if among is not None:
            kept &= among
        names = np.asarray(self.clusters)[kept]
        return Cases.of(self.scores[model][kept], self.outcomes[kept], names)


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What can be said of scores that are probabilities; ``calibration`` is None where no slope can be fitted."""

    brier: Interval
    brier_skill_ratio: float
    calibration: Calibration | None
    decisions: DecisionCurve


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model on the cases to which it gave a score."""

    model: str
    cases: int
    events: int
    without_score: int
    roc: Curve
    area: Share
    precision_recall: Curve
    average_precision: Interval
    probabilities: Probabilities | None  # None: the scores are on another scale


@dataclass(frozen=True, slots=True)
class GroupReport:
    """One model in one subgroup; ``area`` is None with too few cases of a kind."""

    model: str
    group: str
    value: str
    cases: int
    events: int
    area: Share | None


@dataclass(frozen=True, slots=True)
class PairReport:
    """Two models on the cases to which both gave a score: the second less the first."""

    first: str
    second: str
    cases: int
    area: Difference
    brier: Interval | None
    reclassified: Reclassified | None
    limits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The bench."""

    models: tuple[ModelReport, ...]
    groups: tuple[GroupReport, ...]
    pairs: tuple[PairReport, ...]
    draws: int
    seed: int


def bench(predictions: Predictions, *, limits: Sequence[float] = LIMITS, draws: int = DRAWS, seed: int = 0) -> Report:
    """Judge every model, its subgroups and each pair of models.

    Raises
    ------
    OneOutcomeOnly
        A model gave no score to enough cases of both kinds.
    """
    names = tuple(predictions.scores)
    return Report(
        models=tuple(_model(predictions, name, draws, seed) for name in names),
        groups=tuple(_groups(predictions)),
        pairs=tuple(_pair(predictions, pair, tuple(limits), draws, seed) for pair in combinations(names, 2)),
        draws=draws,
        seed=seed,
    )


def _model(predictions: Predictions, name: str, draws: int, seed: int) -> ModelReport:
    cases = predictions.cases(name)
    return ModelReport(
        model=name,
        cases=len(cases),
        events=cases.events,
        without_score=len(predictions.outcomes) - len(cases),
        roc=discrimination.roc(cases),
        area=discrimination.area(cases),
        precision_recall=discrimination.precision_recall(cases),
        average_precision=interval_of(discrimination.average_precision, cases, draws=draws, seed=seed),
        probabilities=_probabilities(cases, draws, seed),
    )


def _probabilities(cases: Cases, draws: int, seed: int) -> Probabilities | None:
    try:
        cases.probabilities()
    except NotAProbability:
        return None
    try:
        fitted: Calibration | None = calibration(cases)
    except Separated:
        fitted = None
    return Probabilities(
        interval_of(brier, cases, draws=draws, seed=seed), brier_skill(cases), fitted, decision_curve(cases)
    )


def _groups(predictions: Predictions) -> list[GroupReport]:
    found = []
    for name, values in predictions.groups.items():
        for value in sorted(set(values)):
            inside = np.array([one == value for one in values])
            for model, scores in predictions.scores.items():
                scored = inside & np.isfinite(scores)
                events = int(predictions.outcomes[scored].sum())
                try:
                    area: Share | None = discrimination.area(predictions.cases(model, inside))
                except OneOutcomeOnly:
                    area = None
                found.append(GroupReport(model, name, value, int(scored.sum()), events, area))
    return found


def _pair(
    predictions: Predictions, names: tuple[str, str], limits: tuple[float, ...], draws: int, seed: int
) -> PairReport:
    both = np.isfinite(predictions.scores[names[0]]) & np.isfinite(predictions.scores[names[1]])
    first, second = (predictions.cases(name, both) for name in names)
    try:
        moved: Reclassified | None = reclassified(first, second, limits)
        score: Interval | None = difference_of(brier, second, first, draws=draws, seed=seed)
    except NotAProbability:
        moved = score = None
    area = discrimination.compare_areas(second, first)
    return PairReport(names[0], names[1], len(first), area, score, moved, limits)
