"""Where the true sizes of one nodule cross the borders of an edition, on the scale of their errors.

Steady borders stand where a printed bound, a rank or an exam without error puts them; the others move with the size at
the earlier exam.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
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
from nodules_app.clinical.case import Attenuation, Measurement, SizeBasis
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.error_lines import Line, Lines, lines_of
from nodules_app.clinical.sizes import TENTH, both_volumes, mean_mm
from nodules_app.clinical.view import Look, View

REACH: Final = Decimal(5)  # standard deviations; what lies beyond is printed as 0.000000
MOST_TENTHS: Final = 60  # so many steps of a reported size are followed one by one


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


def _set_by_certain(
    edition: Edition, look: Look, earlier: Measurement | None, now: Lines, *, solid: bool
) -> Iterator[Decimal]:
    """Errors at which the current size crosses a bound that an exam taken as measured sets."""
    if not edition.compares_previous:  # the others compare with the first exam alone
        return
    asked = solid_relations if solid else relations
    for m in look.earlier:
        if m is earlier:
            continue
        before = lines_of(m, solid=solid)
        for relation in asked(edition, (look.now.date - m.date).days):
            line = now.get(relation.size)
            if line is not None and line.slope and relation.size in before:
                yield line.reaches(relation.now_from(before[relation.size].start))


class Crossing(NamedTuple):
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


def crossings(
    view: View, edition: Edition, look: Look, earlier: Measurement | None, before: Lines, now: Lines, *, solid: bool
) -> list[Crossing]:
    """Borders of the current size, or of its solid component, that move with the earlier one."""
    if earlier is None:
        return []
    days = (look.now.date - earlier.date).days
    asked: Iterable[Relation] = solid_relations(edition, days)
    if not solid:
        asked = (r for r in relations(edition, days) if _is_compared(view, edition, look, earlier, r.size))
    return [
        Crossing(_in_steps(relation, before[relation.size]), before[relation.size], now[relation.size])
        for relation in asked
        if relation.size in before and relation.size in now
    ]


def _in_steps(relation: Relation, before: Line) -> Relation:
    """Without rounding where the error is so much larger than a step that following every step is no use."""
    too_many = 2 * REACH * before.slope > MOST_TENTHS * TENTH
    return relation.unrounded if relation.unrounded is not None and too_many else relation


def steady(
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
        rows_now, rows_before = (frozenset(sizes if edition.reads_solid_size else ()) for sizes in (now, before))
    else:
        rows_now, rows_before = (_sizes_in_rows(view, edition, look, earlier, sizes) for sizes in (now, before))
    fixed = set(_set_by_certain(edition, look, earlier, now, solid=solid))
    if rows_now or not solid:
        fixed.update(_fixed(view, edition, look, now, rows_now, () if solid else others))
    starts = (
        set(_fixed(view, edition, look, before, rows_before)) if edition.reads_class_before and rows_before else set()
    )
    return fixed, starts
