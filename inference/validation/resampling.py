"""Intervals of any figure by drawing patients again, alone or for two models on the same patients.

Source
------
Percentile interval, whole clusters drawn: Efron and Tibshirani 1993, An Introduction to the Bootstrap, 13; Field and
Welsh 2007, J R Stat Soc B 69:369.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.validation.cases import FEWEST_OF_EACH, Cases
from inference.validation.logistic import Separated

DRAWS: Final = 1000
MOST_TRIES: Final = 10  # a draw that lacks one kind of outcome says nothing and is drawn again


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % bootstrap interval, in the unit of the figure."""

    value_ratio: float
    low_ratio: float
    high_ratio: float


def interval_of(figure: Callable[[Cases], float], cases: Cases, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """The 95 % interval of a figure of one model."""
    found = [figure(_taken(cases, rows)) for rows in _draws(cases, draws, seed)]
    return _interval(figure(cases), found)


def difference_of(
    figure: Callable[[Cases], float], first: Cases, second: Cases, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """The 95 % interval of the figure of one model less that of another, the same patients drawn for both.

    Raises
    ------
    ValueError
        The outcomes differ: these are not the same cases.
    """
    if not np.array_equal(first.outcomes, second.outcomes):
        raise ValueError("two models are compared on the same cases, in the same order")
    found = [figure(_taken(first, rows)) - figure(_taken(second, rows)) for rows in _draws(first, draws, seed)]
    return _interval(figure(first) - figure(second), found)


def fitted_again(
    fit: Callable[[Cases], NDArray[np.float64]], cases: Cases, *, draws: int, seed: int = 0
) -> NDArray[np.float64]:
    """What a fit gives on patients drawn again: (draws, ...). A draw to which nothing can be fitted is left out."""
    found = []
    for rows in _draws(cases, draws, seed):
        try:
            found.append(fit(_taken(cases, rows)))
        except Separated:
            continue
    return np.array(found)


def _interval(value: float, found: list[float]) -> Interval:
    low, high = np.percentile(found, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def _taken(cases: Cases, rows: NDArray[np.int_]) -> Cases:
    return Cases(cases.scores[rows], cases.outcomes[rows], cases.clusters[rows])


def _draws(cases: Cases, draws: int, seed: int) -> Iterator[NDArray[np.int_]]:
    """Rows of all cases of as many patients as there are, drawn with replacement."""
    rng = np.random.default_rng(seed)
    order = np.argsort(cases.clusters, kind="stable")
    of_cluster = np.split(order, np.flatnonzero(np.diff(cases.clusters[order])) + 1)
    given = tries = 0
    while given < draws and tries < MOST_TRIES * draws:
        tries += 1
        chosen = rng.integers(len(of_cluster), size=len(of_cluster))
        rows = np.concatenate([of_cluster[index] for index in chosen])
        events = int(cases.outcomes[rows].sum())
        if min(events, len(rows) - events) >= FEWEST_OF_EACH:
            given += 1
            yield rows
