"""What the true sizes of one nodule may be, given the stated measurement errors, and where an answer changes with them.

Along the error z of one exam, in standard deviations, every size is a straight line: one outline was drawn, so an
outline drawn too wide makes the diameters and the volume too large together. An answer can change only where a size
crosses a printed bound, or the current size crosses a bound that the size at the earlier exam sets (25 %, 2 mm, a
doubling time). Between those borders lies one answer; how likely the true sizes are between them is an integral of the
normal distribution: exact along the current size, by Gauss and Legendre along the earlier one.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from nodules_app.clinical.borders import (
    CAPS_MM,
    Relation,
    SizeName,
    bounds_mm,
    bounds_mm3,
    rank_mm,
    rank_mm3,
    relations,
    solid_relations,
)
from nodules_app.clinical.case import Attenuation, Measurement, SizeBasis, SizeErrors
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.editions.lungrads2022_status import reported
from nodules_app.clinical.normal import below, quadrature
from nodules_app.clinical.sizes import TENTH, both_volumes, longest_mm, mean_mm, solid_longest_mm, solid_mean_mm
from nodules_app.clinical.view import Look, View

REACH: Final = Decimal(5)  # standard deviations; what lies beyond is printed as 0.000000
SMALLEST: Final = Decimal("0.01")  # no nodule is smaller, whatever the error says
NEGLIGIBLE: Final = Decimal("1e-7")  # a fifth of what is printed as 0.000001
OWN_SHARE: Final = Decimal(
    "0.01"
)  # what errors that move together leave to the current one, so that borders stay borders
PIECES: Final = tuple(Decimal(z) for z in ("-5", "-2.5", "0", "2.5", "5"))
STEEP: Final = Decimal(
    2
)  # from here a border is so steep against the earlier error that the integral needs more pieces
AROUND: Final = tuple(Decimal(n) for n in ("-3", "-1.2", "0", "1.2", "3"))
MOST_TENTHS: Final = 60  # so many steps of a reported size are followed one by one
ZERO: Final = Decimal(0)


class Line(NamedTuple):
    """A size that is ``start`` as measured and changes by ``slope`` with every standard deviation."""

    start: Decimal
    slope: Decimal

    def at(self, z: Decimal) -> Decimal:
        """The size at an error."""
        return self.start + self.slope * z

    def reaches(self, size: Decimal) -> Decimal:
        """The error at which the size is reached."""
        return (size - self.start) / self.slope


Lines = dict[SizeName, Line]


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


@dataclass(slots=True)
class _Cell:
    """Sizes between the same borders while they are being summed."""

    probability: Decimal
    weight: Decimal  # of the part that gave the example
    earlier_z: Decimal
    low: Decimal
    high: Decimal


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
    whole = _cells(view, edition, look, earlier, others, solid=False)
    solid = _cells(view, edition, look, earlier, others, solid=True)
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
        for line in _lines(m, solid=solid).values()
    )


def _compared(edition: Edition, look: Look) -> Measurement | None:
    """The earlier measurement whose error counts: the one that the edition compares with."""
    if not look.earlier:
        return None
    return look.earlier[-1] if edition.compares_previous else look.earlier[0]


# --- sizes along an error ---------------------------------------------------------------------------------------------


def _slopes(m: Measurement) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Standard deviations of volume, mean, longest and solid diameter; one diameter's stands in for the other's."""
    sd = SizeErrors() if m.sd is None else m.sd
    mean = sd.long_axis_mm if sd.mean_diameter_mm is None else sd.mean_diameter_mm
    longest = sd.mean_diameter_mm if sd.long_axis_mm is None else sd.long_axis_mm
    zero = Decimal(0)
    return sd.volume_mm3 or zero, mean or zero, longest or zero, sd.solid_mean_mm or zero


def _lines(m: Measurement, *, solid: bool) -> Lines:
    volume, mean, longest, solid_mean = _slopes(m)
    has_axes = m.long_axis_mm is not None and m.short_axis_mm is not None
    by_mean = has_axes or m.mean_diameter_mm is not None
    asked: tuple[tuple[SizeName, Decimal | None, Decimal], ...] = (
        (
            ("mean", solid_mean_mm(m), solid_mean),
            ("longest", solid_longest_mm(m), solid_mean),
        )
        if solid
        else (
            ("volume", m.volume_mm3, volume),
            ("mean", mean_mm(m), mean if by_mean else longest),
            ("longest", longest_mm(m), longest if m.long_axis_mm is not None else mean),
            ("short", m.short_axis_mm, 2 * mean - longest),
        )
    )
    return {name: Line(size, slope) for name, size, slope in asked if size is not None}


def moved(m: Measurement, z: Decimal, z_solid: Decimal) -> Measurement:
    """The measurement as it would be without its error: ``z`` standard deviations away."""
    volume, mean, longest, solid = _slopes(m)
    return replace(
        m,
        volume_mm3=_add(m.volume_mm3, volume * z),
        long_axis_mm=_add(m.long_axis_mm, longest * z),
        short_axis_mm=_add(m.short_axis_mm, (2 * mean - longest) * z),
        mean_diameter_mm=_add(m.mean_diameter_mm, mean * z),
        solid_long_axis_mm=_add(m.solid_long_axis_mm, solid * z_solid),
        solid_short_axis_mm=_add(m.solid_short_axis_mm, solid * z_solid),
        solid_mean_mm=_add(m.solid_mean_mm, solid * z_solid),
    )


def _add(size: Decimal | None, change: Decimal) -> Decimal | None:
    return None if size is None else max(size + change, SMALLEST)


def _at(look: Look, earlier: Measurement | None, whole: _Cell, solid: _Cell) -> Look:
    now = moved(look.now, (whole.low + whole.high) / 2, (solid.low + solid.high) / 2)
    if earlier is None:
        return replace(look, now=now)
    before = moved(earlier, whole.earlier_z, solid.earlier_z)
    return replace(look, now=now, earlier=tuple(before if m is earlier else m for m in look.earlier))


# --- borders along the errors -----------------------------------------------------------------------------------------


def _fixed(
    view: View, edition: Edition, look: Look, lines: Lines, rows: frozenset[SizeName], others: Iterable[Look] = ()
) -> Iterator[Decimal]:
    """Errors at which a size of an exam crosses a bound that no other error moves."""
    ranks, risks = list(others), list(edition.risk_limits(view, look))
    kind = look.attenuation
    for name, line in lines.items():
        if not line.slope:
            continue
        by_volume = name == "volume"
        bounds = set() if by_volume else set(CAPS_MM)
        if name in rows:
            bounds.update(bounds_mm3(edition, kind) if by_volume else bounds_mm(edition, kind))
        bounds.update(limit.mm for limit in risks if limit.size == name)
        for other in ranks:
            bounds.update(rank_mm3(other.now) if by_volume else rank_mm(other.now))
        yield from (line.reaches(bound) for bound in bounds)


def _sizes_in_rows(
    view: View, edition: Edition, look: Look, earlier: Measurement | None, lines: Lines
) -> frozenset[SizeName]:
    """The sizes that rows look up, when one of them is there that comes before the others."""
    sizes = frozenset(lines) if edition.reads_short_axis else frozenset(lines) - {"short"}
    wanted = view.case.size_basis
    if not edition.volume_first:
        return sizes - {"volume"} if "mean" in lines and wanted is not SizeBasis.VOLUME else sizes
    solid = look.attenuation is Attenuation.SOLID
    comparable = earlier is None or both_volumes(earlier, look.now) is not None
    if solid and comparable and "volume" in lines and wanted is not SizeBasis.DIAMETER:
        return sizes & {"volume", "short"}
    return sizes


def _is_compared(view: View, edition: Edition, look: Look, earlier: Measurement, size: SizeName) -> bool:
    """Whether a relation of this size can matter; where one size is compared, the other one cannot."""
    wanted = view.case.size_basis
    if not edition.compares_one_size:
        return True
    if edition.volume_first:
        if both_volumes(earlier, look.now) is None:
            return size != "volume"
        return size == "volume" or wanted is SizeBasis.DIAMETER
    all_means = all(mean_mm(m) is not None for m in (*look.earlier, look.now))
    return size != "volume" or not all_means or wanted is SizeBasis.VOLUME


def _set_by_certain(edition: Edition, look: Look, earlier: Measurement | None, now: Lines) -> Iterator[Decimal]:
    """Errors at which the current size crosses a bound that an exam without error sets."""
    for m in look.earlier:
        if m is earlier:
            continue
        before = _lines(m, solid=False)
        for relation in relations(edition, (look.now.date - m.date).days):
            line = now.get(relation.size)
            if line is not None and line.slope and relation.size in before:
                yield line.reaches(relation.now_from(before[relation.size].start))


class _Border(NamedTuple):
    """A relation between two exams on the scale of their errors."""

    relation: Relation
    before: Line
    now: Line

    def now_z(self, earlier_z: Decimal) -> Decimal:
        """The error of the current exam at the border."""
        return self.now.reaches(self.relation.now_from(self.before.at(earlier_z)))

    def earlier_z(self) -> Decimal:
        """The error of the earlier exam at the border, when the current size is certain."""
        return self.before.reaches(self.relation.earlier_from(self.now.start))


def _borders(
    view: View, edition: Edition, look: Look, earlier: Measurement | None, before: Lines, now: Lines, *, solid: bool
) -> list[_Border]:
    if earlier is None:
        return []
    days = (look.now.date - earlier.date).days
    asked: Iterable[Relation] = solid_relations(edition, days)
    if not solid:
        asked = (r for r in relations(edition, days) if _is_compared(view, edition, look, earlier, r.size))
    return [
        _Border(_in_steps(relation, before[relation.size]), before[relation.size], now[relation.size])
        for relation in asked
        if relation.size in before and relation.size in now
    ]


def _in_steps(relation: Relation, before: Line) -> Relation:
    """Without rounding where the error is so much larger than a step that following every step is no use."""
    too_many = 2 * REACH * before.slope > MOST_TENTHS * TENTH
    return relation.unrounded if relation.unrounded is not None and too_many else relation


# --- how likely each cell is ------------------------------------------------------------------------------------------


def _cells(
    view: View, edition: Edition, look: Look, earlier: Measurement | None, others: Iterable[Look], *, solid: bool
) -> list[_Cell]:
    """Cells of the whole nodule or of its solid component; one without an error."""
    now = _lines(look.now, solid=solid)
    before = {} if earlier is None else _lines(earlier, solid=solid)
    now_moves, before_moves = (any(line.slope for line in lines.values()) for lines in (now, before))
    if not now_moves and not before_moves:
        return [_Cell(Decimal(1), ZERO, ZERO, ZERO, ZERO)]
    borders = _borders(view, edition, look, earlier, before, now, solid=solid)
    fixed, starts = _steady(view, edition, look, earlier, (before, now), others, solid=solid)
    if not now_moves:
        starts.update(border.earlier_z() for border in borders if border.before.slope)
        return [_Cell(cell.probability, ZERO, (cell.low + cell.high) / 2, ZERO, ZERO) for cell in _along(starts)]
    moving = [border for border in borders if border.now.slope]
    if not before_moves:
        return _along(fixed | {border.now_z(ZERO) for border in moving})
    return _over_both(fixed, moving, starts, _rho(look.now, earlier))


def _steady(
    view: View,
    edition: Edition,
    look: Look,
    earlier: Measurement | None,
    lines: tuple[Lines, Lines],
    others: Iterable[Look],
    *,
    solid: bool,
) -> tuple[set[Decimal], set[Decimal]]:
    """Borders of the current and of the earlier error that do not move with the other one."""
    before, now = lines
    if solid:
        if not edition.reads_solid_size:
            return set(), set()
        both = (set(_fixed(view, edition, look, sizes, frozenset(sizes))) for sizes in (now, before))
        return next(both), next(both)
    rows_now, rows_before = (_sizes_in_rows(view, edition, look, earlier, sizes) for sizes in (now, before))
    fixed = {*_fixed(view, edition, look, now, rows_now, others), *_set_by_certain(edition, look, earlier, now)}
    return fixed, set(_fixed(view, edition, look, before, rows_before)) if edition.reads_class_before else set()


def _along(cuts: Iterable[Decimal]) -> list[_Cell]:
    """One error alone: exact."""
    edges = [-REACH, *sorted({z for z in cuts if -REACH < z < REACH}), REACH]
    return [_Cell(below(high) - below(low), ZERO, ZERO, low, high) for low, high in pairwise(edges)]


def _rho(now: Measurement, earlier: Measurement | None) -> Decimal:
    """The stated correlation, whichever of the two exams states it."""
    stated = [m.sd.rho for m in (now, earlier) if m is not None and m.sd is not None]
    return max(stated, default=ZERO)


def _over_both(fixed: set[Decimal], moving: Sequence[_Border], starts: set[Decimal], rho: Decimal) -> list[_Cell]:
    """Errors of two exams: the earlier one by quadrature, the current one exactly beside each of its places."""
    own = max((1 - rho * rho).sqrt(), OWN_SHARE)
    steady = sorted(fixed)
    begin = sorted(starts)
    cells: dict[tuple[int, int], _Cell] = {}
    for earlier_z, weight in _places(steady, moving, begin, rho, own):
        cuts = [(cut, 1 << place) for place, cut in enumerate(steady)]
        cuts += [(border.now_z(earlier_z), 1 << place) for place, border in enumerate(moving, len(steady))]
        cuts.sort()
        middle = rho * earlier_z
        _sum_along(cells, cuts, middle, own, earlier_z, weight, bisect(begin, earlier_z))
    return list(cells.values())


def _sum_along(
    cells: dict[tuple[int, int], _Cell],
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
    cells: dict[tuple[int, int], _Cell],
    name: tuple[int, int],
    share: Decimal,
    earlier_z: Decimal,
    low: Decimal,
    high: Decimal,
) -> None:
    cell = cells.get(name)
    if cell is None:
        cells[name] = _Cell(share, share, earlier_z, low, high)
        return
    cell.probability += share
    if share > cell.weight:
        cell.weight, cell.earlier_z, cell.low, cell.high = share, earlier_z, low, high


def _places(
    steady: Sequence[Decimal], moving: Sequence[_Border], begin: Sequence[Decimal], rho: Decimal, own: Decimal
) -> Iterator[tuple[Decimal, Decimal]]:
    """Places and weights for the earlier error: finer where an answer turns quickly with it."""
    stepping = next((border.before for border in moving if border.relation.unrounded is not None), None)
    if stepping is not None and stepping.slope:
        edges = [-REACH, *_tenths(stepping), REACH]
        yield from (((low + high) / 2, below(high) - below(low)) for low, high in pairwise(edges))
        return
    places = {*PIECES, *begin}
    turning = [(-rho / own, cut / own) for cut in steady] if rho else []
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
