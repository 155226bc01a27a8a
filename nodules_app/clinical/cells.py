"""How likely the true sizes of one nodule lie between the same borders of an edition.

An answer can change only where a size crosses a printed bound, or where the current size crosses a bound that the size
at the earlier exam sets (25 %, 2 mm, a doubling time). How likely the true sizes are between such borders is an
integral of the normal distribution: exact along the current size, by Gauss and Legendre along the earlier one.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from nodules_app.clinical.case import Measurement
from nodules_app.clinical.crossings import REACH, Crossing, crossings, steady
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.editions.lungrads2022_status import reported
from nodules_app.clinical.error_lines import Line, lines_of
from nodules_app.clinical.normal import below, quadrature
from nodules_app.clinical.sizes import TENTH
from nodules_app.clinical.view import Look, View

OWN_SHARE: Final = Decimal("0.01")  # what errors that move together leave to the current one: borders stay borders
PIECES: Final = tuple(Decimal(z) for z in ("-5", "-2.5", "0", "2.5", "5"))
STEEP: Final = Decimal(2)  # a border steeper than this against the earlier error needs more pieces of the integral
AROUND: Final = tuple(Decimal(n) for n in ("-3", "-1.2", "0", "1.2", "3"))
ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Cell:
    """Errors between the same borders, and an example of them, while their probability is being summed."""

    probability: Decimal
    weight: Decimal  # of the part that gave the example
    earlier_z: Decimal
    low: Decimal
    high: Decimal


def cells_of(
    view: View, edition: Edition, look: Look, earlier: Measurement | None, others: Iterable[Look], *, solid: bool
) -> list[Cell]:
    """Cells of the whole nodule or of its solid component; one without an error."""
    now = lines_of(look.now, solid=solid)
    before = {} if earlier is None else lines_of(earlier, solid=solid)
    now_moves, before_moves = (any(line.slope for line in lines.values()) for lines in (now, before))
    if not now_moves and not before_moves:
        return [Cell(Decimal(1), ZERO, ZERO, ZERO, ZERO)]
    borders = crossings(view, edition, look, earlier, before, now, solid=solid)
    fixed, starts = steady(view, edition, look, earlier, (before, now), others, solid=solid)
    if not now_moves:
        starts.update(border.earlier_z() for border in borders if border.before.slope)
        return [Cell(cell.probability, ZERO, (cell.low + cell.high) / 2, ZERO, ZERO) for cell in _along(starts)]
    moving = [border for border in borders if border.now.slope]
    if not before_moves:
        return _along(fixed | {border.now_z(ZERO) for border in moving})
    return _over_both(fixed, moving, starts, _rho(look.now, earlier))


def _along(cuts: Iterable[Decimal]) -> list[Cell]:
    """One error alone: exact."""
    edges = [-REACH, *sorted({z for z in cuts if -REACH < z < REACH}), REACH]
    return [Cell(below(high) - below(low), ZERO, ZERO, low, high) for low, high in pairwise(edges)]


def _rho(now: Measurement, earlier: Measurement | None) -> Decimal:
    """The stated correlation, whichever of the two exams states it."""
    stated = [m.sd.rho for m in (now, earlier) if m is not None and m.sd is not None]
    return max(stated, default=ZERO)


def _over_both(fixed: set[Decimal], moving: Sequence[Crossing], starts: set[Decimal], rho: Decimal) -> list[Cell]:
    """Errors of two exams: the earlier one by quadrature, the current one exactly beside each of its places."""
    own = max((1 - rho * rho).sqrt(), OWN_SHARE)
    still = sorted(fixed)
    begin = sorted(starts)
    cells: dict[tuple[int, int], Cell] = {}
    for earlier_z, weight in _places(still, moving, begin, rho, own):
        cuts = [(cut, 1 << place) for place, cut in enumerate(still)]
        cuts += [(border.now_z(earlier_z), 1 << place) for place, border in enumerate(moving, len(still))]
        cuts.sort()
        middle = rho * earlier_z
        _sum_along(cells, cuts, middle, own, earlier_z, weight, bisect(begin, earlier_z))
    return list(cells.values())


def _sum_along(
    cells: dict[tuple[int, int], Cell],
    cuts: Sequence[tuple[Decimal, int]],
    middle: Decimal,
    own: Decimal,
    earlier_z: Decimal,
    weight: Decimal,
    start: int,
) -> None:
    """Add one place of the earlier error to the cells; a cell is named by the borders that lie below it."""
    lowest, highest = middle - REACH * own, middle + REACH * own
    low, below_low, passed = lowest, ZERO, 0
    inside = [(cut, border) for cut, border in cuts if cut < highest]
    for high, border in (*inside, (highest, 0)):
        if high > low:
            below_high = below((high - middle) / own)
            _add_to(cells, (start, passed), weight * (below_high - below_low), earlier_z, low, high)
            low, below_low = high, below_high
        passed |= border


def _add_to(
    cells: dict[tuple[int, int], Cell],
    name: tuple[int, int],
    share: Decimal,
    earlier_z: Decimal,
    low: Decimal,
    high: Decimal,
) -> None:
    cell = cells.get(name)
    if cell is None:
        cells[name] = Cell(share, share, earlier_z, low, high)
        return
    cell.probability += share
    if share > cell.weight:
        cell.weight, cell.earlier_z, cell.low, cell.high = share, earlier_z, low, high


def _places(
    still: Sequence[Decimal], moving: Sequence[Crossing], begin: Sequence[Decimal], rho: Decimal, own: Decimal
) -> Iterator[tuple[Decimal, Decimal]]:
    """Places and weights for the earlier error: finer where an answer turns quickly with it."""
    stepping = next((border.before for border in moving if border.relation.unrounded is not None), None)
    if stepping is not None and stepping.slope:
        edges = [-REACH, *_tenths(stepping), REACH]
        yield from (((low + high) / 2, below(high) - below(low)) for low, high in pairwise(edges))
        return
    places = {*PIECES, *begin}
    turning = [(-rho / own, cut / own) for cut in still] if rho else []
    for border in moving:
        low, high = border.now_z(-STEEP), border.now_z(STEEP)
        turning.append((((high - low) / (2 * STEEP) - rho) / own, (high + low) / 2 / own))
    for slope, at_zero in turning:
        if abs(slope) > STEEP:
            places.update((around - at_zero) / slope for around in AROUND)
    yield from quadrature(sorted(place for place in places if -REACH <= place <= REACH))


def _tenths(before: Line) -> Iterator[Decimal]:
    """Errors at which the earlier size is reported as another tenth of a millimetre."""
    size = reported(before.at(-REACH)) + TENTH / 2
    while (z := before.reaches(size)) < REACH:
        yield z
        size += TENTH
