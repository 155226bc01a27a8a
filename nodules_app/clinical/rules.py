"""A rule as one row of a published table, and how the row that holds is found.

Conditions are data, not code: the same row decides, is printed in the documentation in two languages, and gives the
tests both sides of each of its thresholds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.months import Months


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a quantity; ``text`` is how the table prints it."""

    text: str
    low: Decimal
    high: Decimal
    low_included: bool
    high_included: bool

    def __contains__(self, value: Decimal) -> bool:
        """Whether the value lies in the range."""
        return (value > self.low or (self.low_included and value == self.low)) and (
            value < self.high or (self.high_included and value == self.high)
        )


_ENDLESS: Final = Decimal("Infinity")
_ONE_SIDED: Final = re.compile(r"(<=|<|>=|>) ([0-9.]+)")
_TWO_SIDED: Final = re.compile(r"([\[(])([0-9.]+), ([0-9.]+)([\])])")


def span(text: str) -> Span:
    """Read ``"< 6"``, ``"<= 6"``, ``">= 6"``, ``"> 6"`` or ``"[6, 8)"``, the notation of the reference."""
    if match := _ONE_SIDED.fullmatch(text):
        sign, bound = match[1], Decimal(match[2])
        if sign[0] == "<":
            return Span(text, -_ENDLESS, bound, low_included=False, high_included=sign == "<=")
        return Span(text, bound, _ENDLESS, low_included=sign == ">=", high_included=False)
    if match := _TWO_SIDED.fullmatch(text):
        return Span(
            text, Decimal(match[2]), Decimal(match[3]), low_included=match[1] == "[", high_included=match[4] == "]"
        )
    raise ValueError(f"no such range: {text}")


Condition = Span | str | bool | frozenset[str]
Fact = Decimal | str | bool | None
Facts = Mapping[str, Fact]
NOTHING: Final[Mapping[str, Condition]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what must hold, what follows, where it is printed, how well that was verified.

    ``reliability`` begins with P (read in the primary text), S (read in a secondary source) or M (from memory).
    ``category`` is empty where the guideline has none of its own.
    """

    id: str
    when: Mapping[str, Condition]
    management: str
    months: Months | None
    source: str
    reliability: str
    ambiguities: tuple[str, ...] = ()
    category: str = ""
    also: str = field(default="", compare=False)  # what the conditions cannot say, for the printed table

    def holds(self, facts: Facts) -> bool:
        """Whether every condition of the row is met; a quantity that is not known meets none."""
        for name, condition in self.when.items():  # a plain loop: this is the innermost of all  # noqa: SIM110
            if not _meets(condition, facts[name]):
                return False
        return True


def _meets(condition: Condition, fact: Fact) -> bool:
    if isinstance(condition, Span):
        return isinstance(fact, Decimal) and fact in condition
    if isinstance(condition, frozenset):
        return fact in condition
    return fact == condition


def the_rule(rules: Sequence[Rule], facts: Facts) -> Rule:
    """Pick the one row that holds. None or two is a fault of the table, found by its test, never a default."""
    (rule,) = [rule for rule in rules if rule.holds(facts)]
    return rule


def first_rule(rules: Sequence[Rule], facts: Facts) -> Rule | None:
    """Pick the first row that holds, for tables that the guideline reads from top to bottom."""
    return next((rule for rule in rules if rule.holds(facts)), None)
