"""Logistic regression on few columns, with the covariance of its coefficients.

Source
------
Iteratively reweighted least squares: McCullagh and Nelder 1989, Generalized Linear Models, 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from inference.validation.cases import Flags, Floats, NotValidated
from registration.errors import gettext_noop

STEPS: Final = 60
CLOSE: Final = 1e-10
SEPARATED: Final = 25.0  # a coefficient this large is on its way to infinity


class Separated(NotValidated):
    """A column tells the outcomes apart without fail, so that its coefficient has no end."""

    code = "perfectly_separated"
    sentence = gettext_noop(
        "The predictions tell all outcomes apart without fail; no coefficient can be fitted to that."
    )
    remedy = gettext_noop("Collect more cases.")


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients, one a column, and their covariance; in log-odds."""

    coefficients: Floats
    covariance: Floats

    def standard_error(self, index: int) -> float:
        """Of one coefficient."""
        return float(np.sqrt(self.covariance[index, index]))


def fit_logistic(columns: Floats, outcomes: Flags, offset: Floats | None = None) -> Fit:
    """Fit by maximum likelihood.

    Parameters
    ----------
    columns : (n, k)
        With a column of ones where an intercept is wanted.
    outcomes : (n,)
    offset : (n,)
        Added to the log-odds of each case, not fitted.

    Raises
    ------
    Separated
    """
    base = np.zeros(len(outcomes)) if offset is None else offset
    coefficients = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        expected = expit(base + columns @ coefficients)
        weight = np.maximum(expected * (1 - expected), 1e-300)
        information = columns.T @ (columns * weight[:, None])
        try:
            step = np.linalg.solve(information, columns.T @ (outcomes - expected))
        except np.linalg.LinAlgError:
            raise Separated from None
        coefficients = coefficients + np.clip(step, -5, 5)
        if np.abs(coefficients).max() > SEPARATED:
            raise Separated
        if np.abs(step).max() < CLOSE:
            return Fit(coefficients, np.linalg.inv(information))
    raise Separated
