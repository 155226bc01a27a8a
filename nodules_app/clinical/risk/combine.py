"""A base model's probability, moved by further inputs: image score, PET, blood marker; each says how far it moved it.

Log-odds add up. An input that is missing moves nothing and is named. There are no weights here: a combination exists
only where somebody has fitted one to outcomes, and it carries where it comes from. Inputs are taken as independent once
the base model is known unless their weights were fitted together; a combination says which.

Source
------
Likelihood ratios after a pretest probability: Deeks and Altman 2004, BMJ 329:168. Decision-level fusion by adding
weighted log-odds: Kittler et al. 1998, IEEE TPAMI 20:226.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from nodules_app.clinical.risk.subject import log_odds, logistic


@dataclass(frozen=True, slots=True)
class Ratios:
    """An input with few values: how much more often each is found in cancer than in its absence."""

    name: str
    ratios: Mapping[str, Decimal]

    def move(self, value: str | Decimal) -> Decimal:
        """Log-odds that this value adds. Raises ``KeyError`` for a value that was never fitted."""
        return self.ratios[str(value)].ln()


@dataclass(frozen=True, slots=True)
class Slope:
    """A number: log-odds for each unit above ``centre``, at which it moves nothing; within the range that was seen."""

    name: str
    per_unit: Decimal
    centre: Decimal
    lowest: Decimal
    highest: Decimal

    def move(self, value: str | Decimal) -> Decimal:
        """Log-odds that this value adds; beyond the range that was seen no more than its end."""
        inside = min(max(Decimal(value), self.lowest), self.highest)
        return self.per_unit * (inside - self.centre)


@dataclass(frozen=True, slots=True)
class Combination:
    """Weights that were fitted to outcomes.

    ``base_slope`` stretches the base model's log-odds, ``intercept`` is added; 1 and 0 leave them as they are.
    ``fitted_to`` names the data (their hash) and ``together`` says whether all weights were fitted at once.
    """

    base: str
    intercept: Decimal
    base_slope: Decimal
    inputs: tuple[Ratios | Slope, ...]
    fitted_to: str
    together: bool


@dataclass(frozen=True, slots=True)
class Move:
    """How far one input moved the answer, in the order of the combination."""

    name: str
    value: str | Decimal
    log_odds: Decimal
    probability_after: Decimal


@dataclass(frozen=True, slots=True)
class Combined:
    """The answer, how it came about, and what was not told."""

    base_probability: Decimal
    probability: Decimal
    moves: tuple[Move, ...]
    missing: tuple[str, ...]
    assumes: Literal["fitted_together", "independent_given_base"]


def combine(combination: Combination, base: Decimal, told: Mapping[str, str | Decimal]) -> Combined:
    """Move a base probability by every input that was told.

    Raises
    ------
    ValueError
        The base is no probability strictly between 0 and 1, or an input was told that no weight belongs to.
    KeyError
        A value that was never fitted.
    """
    if not 0 < base < 1:
        raise ValueError(f"no such base probability: {base}")
    if unknown := set(told) - {one.name for one in combination.inputs}:
        raise ValueError(f"nothing was fitted for {sorted(unknown)}")
    odds = combination.intercept + combination.base_slope * log_odds(base)
    moves, missing = [], []
    for one in combination.inputs:
        if one.name not in told:
            missing.append(one.name)
            continue
        step = one.move(told[one.name])
        odds += step
        moves.append(Move(one.name, told[one.name], step, logistic(odds)))
    return Combined(
        base_probability=base,
        probability=logistic(odds),
        moves=tuple(moves),
        missing=tuple(missing),
        assumes="fitted_together" if combination.together else "independent_given_base",
    )
