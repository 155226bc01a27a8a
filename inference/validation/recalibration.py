"""A published model's probabilities, corrected by what turned out in one clinic, with an interval, or not at all.

Two ways: logistic (an intercept and a slope on the log-odds: two numbers, so few events suffice) and isotonic (any
rising curve: only for many events, since it follows chance). Both are refused below a number of events, and of cases
without it. The curve is kept as points on a grid of log-odds, so that what is in use can be read off a page.

Source
------
Logistic recalibration: Steyerberg et al. 2004, Stat Med 23:2567. Isotonic: Zadrozny and Elkan 2002, KDD:694; pooling of
adjacent violators: Ayer et al. 1955, Ann Math Stat 26:641. Ten events for each coefficient: Peduzzi et al. 1996, J Clin
Epidemiol 49:1373. That isotonic needs about a thousand cases: Niculescu-Mizil and Caruana 2005, ICML:625; 100 of each
kind as the least for any calibration curve: Van Calster et al. 2016, J Clin Epidemiol 74:167.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import expit

from inference.validation.calibration import brier, log_odds
from inference.validation.cases import Cases, Floats, NotValidated
from inference.validation.discrimination import Share
from inference.validation.logistic import fit_logistic
from inference.validation.resampling import fitted_again
from registration.errors import gettext_noop

Way = Literal["logistic", "isotonic"]

FEWEST: Final = {"logistic": 20, "isotonic": 100}  # events, and cases without one
DRAWS: Final = 500
GRID: Final = expit(np.linspace(-7, 7, 141))  # 0.1 % to 99.9 %
FOLDS: Final = 10


class TooFewEvents(NotValidated):
    """A correction that would follow chance."""

    code = "too_few_events"
    sentence = gettext_noop(
        "{events} malignant and {others} benign diagnoses are known; this correction needs {fewest} of each."
    )
    remedy = gettext_noop("The published model stays in use. Record more diagnoses, or choose the logistic correction.")


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A rising curve from predicted to corrected probability, at the points of ``predicted_share``, with its 95 % band.

    Parameters
    ----------
    intercept_ratio, slope_ratio
        Of the logistic correction, in log-odds; None of the isotonic one.
    brier_before_ratio, brier_after_ratio
        On cases that had no part in the fit (ten folds of patients).
    """

    way: Way
    cases: int
    events: int
    predicted_share: tuple[float, ...]
    corrected_share: tuple[float, ...]
    low_share: tuple[float, ...]
    high_share: tuple[float, ...]
    intercept_ratio: float | None
    slope_ratio: float | None
    brier_before_ratio: float
    brier_after_ratio: float

    def of(self, probability: float) -> Share:
        """The corrected probability of a predicted one, with its interval; between points straight in log-odds.

        Raises
        ------
        ValueError
            It is no probability.
        """
        if not 0 <= probability <= 1:
            raise ValueError(f"no such probability: {probability}")
        at = float(log_odds(np.array([probability]))[0])
        places = log_odds(np.array(self.predicted_share))
        lines = (self.corrected_share, self.low_share, self.high_share)
        share, low, high = (float(np.interp(at, places, line)) for line in lines)
        return Share(share, low, high)


def recalibrate(cases: Cases, way: Way, *, draws: int = DRAWS, seed: int = 0) -> Recalibration:
    """Fit a correction to what turned out.

    Raises
    ------
    TooFewEvents, NotAProbability, Separated
    """
    others = len(cases) - cases.events
    if min(cases.events, others) < FEWEST[way]:
        raise TooFewEvents(events=cases.events, others=others, fewest=FEWEST[way])
    cases.probabilities()
    fit = _FITS[way]
    curve = fit(cases)
    band = np.percentile(fitted_again(fit, cases, draws=draws, seed=seed), [2.5, 97.5], axis=0)
    intercept = slope = None
    if way == "logistic":
        intercept, slope = (float(one) for one in _coefficients(cases))
    before, after = _outside(cases, fit, seed)
    return Recalibration(
        way=way,
        cases=len(cases),
        events=cases.events,
        predicted_share=_kept(GRID),
        corrected_share=_kept(curve),
        low_share=_kept(np.minimum(band[0], curve)),
        high_share=_kept(np.maximum(band[1], curve)),
        intercept_ratio=intercept,
        slope_ratio=slope,
        brier_before_ratio=before,
        brier_after_ratio=after,
    )


def _coefficients(cases: Cases) -> Floats:
    return fit_logistic(np.column_stack([np.ones(len(cases)), log_odds(cases.scores)]), cases.outcomes).coefficients


def _logistic(cases: Cases) -> Floats:
    intercept, slope = _coefficients(cases)
    curve: Floats = expit(intercept + slope * log_odds(GRID))
    return curve


def _isotonic(cases: Cases) -> Floats:
    """Pool neighbours until the observed shares rise: flat within a pool, straight in log-odds between two."""
    order = np.argsort(cases.scores, kind="stable")
    pools: list[tuple[float, int, float, float]] = []  # events, count, first and last log-odds
    for odds, happened in zip(log_odds(cases.scores[order]), cases.outcomes[order], strict=True):
        pools.append((float(happened), 1, float(odds), float(odds)))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            events, count, _, last = pools.pop()
            pools[-1] = (pools[-1][0] + events, pools[-1][1] + count, pools[-1][2], last)
    ends = [end for pool in pools for end in pool[2:]]
    shares = [events / count for events, count, _, _ in pools for _ in range(2)]
    curve: Floats = np.interp(log_odds(GRID), ends, shares)
    return curve


_FITS: Final[dict[Way, Callable[[Cases], Floats]]] = {"logistic": _logistic, "isotonic": _isotonic}


def _outside(cases: Cases, fit: Callable[[Cases], Floats], seed: int) -> tuple[float, float]:
    """Brier score before and after, each case corrected by a fit to the other folds of patients."""
    names = np.unique(cases.clusters)
    fold_of = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    folds = fold_of[np.searchsorted(names, cases.clusters)]
    corrected = cases.scores.copy()
    for fold in range(FOLDS):
        out = folds == fold
        rest = Cases(cases.scores[~out], cases.outcomes[~out], cases.clusters[~out])
        corrected[out] = np.interp(log_odds(cases.scores[out]), log_odds(GRID), fit(rest))
    return brier(cases), brier(Cases(corrected, cases.outcomes, cases.clusters))


def _kept(line: Floats) -> tuple[float, ...]:
    return tuple(round(float(one), 6) for one in line)
