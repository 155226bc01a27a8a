"""What the true sizes of one nodule may be, given the stated measurement errors: states, each by one example.

Between the borders that an edition looks at lies one answer, so one example of a state stands for all of its sizes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, NamedTuple

from nodules_app.clinical.case import Measurement
from nodules_app.clinical.cells import Cell, cells_of
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.error_lines import lines_of, moved
from nodules_app.clinical.view import Look, View

NEGLIGIBLE: Final = Decimal("1e-7")  # a fifth of what is printed as 0.000001


class Span(NamedTuple):
    """Errors of the current exam between two borders."""

    probability: Decimal
    low: Decimal
    high: Decimal

    @property
    def middle(self) -> Decimal:
        """Where the example of a state lies."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class State:
    """Sizes of one nodule among which nothing changes, by an example of them."""

    probability: Decimal
    look: Look
    spans: tuple[Span, ...]  # the first one holds the example in its middle

    @property
    def example(self) -> Span:
        """The span of the example."""
        return self.spans[0]

    def joined(self, other: State) -> State:
        """Both as one, by this one's example."""
        return State(self.probability + other.probability, self.look, self.spans + other.spans)


def states(view: View, edition: Edition, look: Look, others: Iterable[Look] = ()) -> list[State]:
    """Where the true sizes of a nodule may lie, split at every border of an edition.

    Parameters
    ----------
    view
        The exam; what it says of other nodules is taken as measured.
    others
        Nodules whose rank against this one may matter and whose sizes are certain.

    Returns
    -------
    list of State
        Probabilities sum to one; one state when no error was stated. Judging any sizes of a state gives one answer.
    """
    earlier = _compared(edition, look)
    whole = cells_of(view, edition, look, earlier, others, solid=False)
    solid = cells_of(view, edition, look, earlier, others, solid=True)
    found = [
        State(chance, _at(look, earlier, a, b), (Span(chance, a.low, a.high),))
        for a in whole
        for b in solid
        if (chance := a.probability * b.probability) > NEGLIGIBLE
    ]
    total = sum((state.probability for state in found), Decimal(0))
    return [replace(state, probability=state.probability / total) for state in found]


def has_errors(edition: Edition, look: Look) -> bool:
    """Whether an error was stated for a size that this edition may look at."""
    earlier = _compared(edition, look)
    return any(
        line.slope
        for m in (look.now, earlier)
        if m is not None
        for solid in (False, True)
        for line in lines_of(m, solid=solid).values()
    )


def _compared(edition: Edition, look: Look) -> Measurement | None:
    """The earlier measurement whose error counts: the one that the edition compares with."""
    if not look.earlier:
        return None
    return look.earlier[-1] if edition.compares_previous else look.earlier[0]


def _at(look: Look, earlier: Measurement | None, whole: Cell, solid: Cell) -> Look:
    now = moved(look.now, (whole.low + whole.high) / 2, (solid.low + solid.high) / 2)
    if earlier is None:
        return replace(look, now=now)
    before = moved(earlier, whole.earlier_z, solid.earlier_z)
    return replace(look, now=now, earlier=tuple(before if m is earlier else m for m in look.earlier))
