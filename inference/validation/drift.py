"""Has what comes in, or what a model says, moved: this month against the months before, with a stated test.

Numbers are compared by the two-sample Kolmogorov-Smirnov test and by the population stability index over tenths of the
reference; shares by Fisher's exact test. All that is asked at once is corrected together (Holm): where nothing moves, a
page raises an alarm in one case of twenty, however much it compares. What the test finds must also be large enough to
matter.

Source
------
Index and its limit of 0.2: Siddiqi 2006, Credit Risk Scorecards, 10; Yurdakul 2018, Western Michigan University.
Correction: Holm 1979, Scand J Stat 6:65.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.validation.cases import Floats

Values = Sequence[float] | Floats

LARGE_PSI: Final = 0.2
LEVEL: Final = 0.05
FEWEST_NOW: Final = 20
FEWEST_BEFORE: Final = 50
BINS: Final = 10
LEAST_SHARE: Final = 0.5  # of a case: an empty bin has no logarithm
LEAST_CHANGE: Final = 0.1  # of a share: less does not matter, however sure it is


@dataclass(frozen=True, slots=True)
class Moved:
    """One comparison. ``p_probability`` is as the test gives it, ``adjusted_probability`` after Holm's correction.

    Both are None where too few were counted; ``size_ratio`` is the stability index, or the difference of two shares.
    """

    name: str
    now: int
    before: int
    size_ratio: float | None
    p_probability: float | None
    adjusted_probability: float | None
    has_moved: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """Values of one quantity, now and in the months before."""

    name: str
    now: Values
    before: Values


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of how many, now and in the months before."""

    name: str
    now: tuple[int, int]
    before: tuple[int, int]


def stability_index(now: Values, before: Values) -> float:
    """Population stability index over tenths of the reference: 0 where both are spread alike."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for values in (now, before):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        kept = np.maximum(counts, LEAST_SHARE)
        shares.append(kept / kept.sum())
    return float(np.sum((shares[0] - shares[1]) * np.log(shares[0] / shares[1])))


def drifted(asked: Sequence[Numbers | Counts]) -> tuple[Moved, ...]:
    """Compare everything at once, in the order asked."""
    raw = [_numbers(one) if isinstance(one, Numbers) else _counts(one) for one in asked]
    adjusted = holm([p_value for _, p_value in raw])
    return tuple(
        _moved(one, size, p_value, corrected)
        for one, (size, p_value), corrected in zip(asked, raw, adjusted, strict=True)
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction; what was not tested is not counted."""
    tested = sorted((p_value, index) for index, p_value in enumerate(p_values) if p_value is not None)
    found: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p_value, index) in enumerate(tested):
        highest = max(highest, min(1.0, p_value * (len(tested) - rank)))
        found[index] = highest
    return found


_Tested = tuple[float | None, float | None]  # size and p value


def _numbers(one: Numbers) -> _Tested:
    if len(one.now) < FEWEST_NOW or len(one.before) < FEWEST_BEFORE:
        return None, None
    from scipy.stats import ks_2samp  # noqa: PLC0415 half a second that only this page should wait for

    return stability_index(one.now, one.before), float(ks_2samp(one.now, one.before).pvalue)


def _counts(one: Counts) -> _Tested:
    (part, whole), (part_before, whole_before) = one.now, one.before
    if whole < FEWEST_NOW or whole_before < FEWEST_BEFORE:
        return None, None
    from scipy.stats import fisher_exact  # noqa: PLC0415 as above

    table = [[part, whole - part], [part_before, whole_before - part_before]]
    return part / whole - part_before / whole_before, float(fisher_exact(table).pvalue)


def _moved(one: Numbers | Counts, size: float | None, p_value: float | None, corrected: float | None) -> Moved:
    is_number = isinstance(one, Numbers)
    now, before = (len(one.now), len(one.before)) if isinstance(one, Numbers) else (one.now[1], one.before[1])
    large = size is not None and abs(size) >= (LARGE_PSI if is_number else LEAST_CHANGE)
    return Moved(one.name, now, before, size, p_value, corrected, large and corrected is not None and corrected < LEVEL)
