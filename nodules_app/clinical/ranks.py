"""Which of several uncertain nodules is the largest, for guidelines in which the largest one leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from nodules_app.clinical.case import Measurement
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.error_lines import Line, moved
from nodules_app.clinical.normal import below, quadrature
from nodules_app.clinical.sizes import comparable_size_mm, longest_mm, sphere_diameter_mm
from nodules_app.clinical.true_sizes import Span, State
from nodules_app.clinical.view import Look

Size = Callable[[Measurement], Decimal]
ZERO: Final = Decimal(0)
INSIDE: Final = Decimal("0.001")  # examples keep away from the border by this share of a span


def size_by_rank(edition: Edition, looks: Sequence[Look]) -> Size:
    """The size by which the edition finds the largest of these nodules."""
    if edition.leads_by != "volume_or_longest":
        return comparable_size_mm
    if all(look.now.volume_mm3 is not None for look in looks):
        return lambda m: m.volume_mm3 or ZERO
    return _longest


def _longest(m: Measurement) -> Decimal:
    size = longest_mm(m)
    if size is None:
        return ZERO if m.volume_mm3 is None else sphere_diameter_mm(m.volume_mm3)
    return size


def contenders(size: Size, states: Sequence[State]) -> list[int]:
    """The nodules that may be the largest, by their place."""
    ends = [_ends(size, state) for state in states]
    surpassed = max(low for low, _ in ends)
    return [place for place, (_, high) in enumerate(ends) if high >= surpassed]


def _ends(size: Size, state: State) -> tuple[Decimal, Decimal]:
    lows, highs = zip(*((span.low, span.high) for span in state.spans), strict=True)
    return size(_now_at(state, min(lows))), size(_now_at(state, max(highs)))


def _now_at(state: State, z: Decimal) -> Measurement:
    """The current sizes at another error than that of the example."""
    return moved(state.look.now, z - state.example.middle, ZERO)


def with_largest(size: Size, states: Sequence[State], largest: int) -> tuple[Look, ...] | None:
    """Examples of the states in which this nodule is the largest; ``None`` when there are none."""
    nows = []
    for place, state in enumerate(states):
        span = state.example
        share = 1 - INSIDE if place == largest else INSIDE
        nows.append(_now_at(state, span.low + (span.high - span.low) * share))
    lead = size(nows[largest])
    if any(size(now) >= lead for place, now in enumerate(nows) if place != largest):
        return None
    return tuple(replace(state.look, now=now) for state, now in zip(states, nows, strict=True))


def chance_to_be_largest(size: Size, states: Sequence[State], place: int) -> Decimal:
    """How likely one nodule is the largest of all, each within its state; along an error sizes are straight lines."""
    others = [_share_below(_line(size, state), state) for n, state in enumerate(states) if n != place]
    state = states[place]
    line = _line(size, state)
    weight = sum((span.probability for span in state.spans), ZERO)
    total = ZERO
    for span in state.spans:
        mean = sum((w * _product(others, line.at(z)) for z, w in _places(span)), ZERO)
        total += span.probability * mean
    return total / weight


def _line(size: Size, state: State) -> Line:
    middle = state.example.middle
    here = size(state.look.now)
    slope = size(_now_at(state, middle + 1)) - here
    return Line(here - slope * middle, slope)


def _places(span: Span) -> list[tuple[Decimal, Decimal]]:
    """Places and weights for the mean over a span; one place where only the earlier size is uncertain."""
    if span.low == span.high:
        return [(span.low, Decimal(1))]
    inside = below(span.high) - below(span.low)
    return [(z, weight / inside) for z, weight in quadrature((span.low, span.middle, span.high))]


def _product(shares: Sequence[Callable[[Decimal], Decimal]], value: Decimal) -> Decimal:
    product = Decimal(1)
    for share in shares:
        product *= share(value)
    return product


def _share_below(line: Line, state: State) -> Callable[[Decimal], Decimal]:
    """How much of a nodule's state lies below a size."""
    weight = sum((span.probability for span in state.spans), ZERO)

    def share(value: Decimal) -> Decimal:
        if not line.slope:
            return Decimal(value > line.start)
        z = line.reaches(value)
        return sum((span.probability * _part_below(span, z) for span in state.spans), ZERO) / weight

    return share


def _part_below(span: Span, z: Decimal) -> Decimal:
    if z <= span.low or z >= span.high:
        return Decimal(z > span.low)
    return (below(z) - below(span.low)) / (below(span.high) - below(span.low))
