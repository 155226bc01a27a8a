"""How sure an answer is, given the measurement errors that were stated: every management the true sizes may lead to.

The sizes are taken as normal about what was measured. The current size and the solid component are integrated exactly
between the sizes at which the answer changes; the size at baseline by the trapezoid rule, whose error for a normal
weight is far below the digits printed. No random numbers: the same case gives the same digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise, product
from typing import Final

from nodules_app.clinical.assessment import Branch, Finding, Stability
from nodules_app.clinical.case import Case, Measurement, SizeErrors
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.flips import volume_limits
from nodules_app.clinical.normal import REACH, below, density
from nodules_app.clinical.sizes import mean_mm
from nodules_app.clinical.view import Look, View, look_at

BORDERLINE: Final = Decimal("0.05")  # more than this elsewhere
EITHER_WAY: Final = Decimal("0.33")
NODES: Final = tuple(Decimal("0.625") * n for n in range(-7, 8))  # the baseline, in standard deviations
GRID: Final = 16  # segments in which a change of answer is looked for
BISECTIONS: Final = 14
SMALLEST: Final = Decimal("0.01")  # no nodule is smaller, whatever the error says

Answer = tuple[str, str]
Move = Callable[[Look, Decimal], Look]


@dataclass(frozen=True, slots=True)
class Axis:
    """One uncertain size of the lead."""

    sd: Decimal
    move: Move
    is_whole: bool = False  # of the whole nodule: its errors now and at baseline are correlated by rho
    is_volume: bool = False  # the current volume: where its answers change is known


@dataclass(frozen=True, slots=True)
class Weighing:
    """Managements by falling probability; their probabilities sum to one."""

    branches: tuple[Branch, ...]
    stability: Stability


def weigh(case: Case, guideline: str) -> Weighing:
    """Weigh one guideline's answer against the stated measurement errors of its lead nodule.

    Parameters
    ----------
    case
        Measurements may carry ``sd``; without any there is one branch with probability 1.
    guideline
        Code of an edition.

    Returns
    -------
    Weighing
        ``stable`` while at most 5 % lie elsewhere, ``could_go_either_way`` from 33 %.
    """
    view, edition = look_at(case), EDITIONS[guideline]
    return weigh_finding(view, edition, edition.judge(view))


def weigh_finding(view: View, edition: Edition, finding: Finding) -> Weighing:
    """The same for an answer that was already given."""
    chances = _chances(view, edition, finding)
    elsewhere = 1 - sum((p for (code, _), p in chances.items() if code == finding.code), Decimal(0))
    stability: Stability = "stable"
    if elsewhere > BORDERLINE:
        stability = "could_go_either_way" if elsewhere > EITHER_WAY else "borderline"
    return Weighing(_branches(chances), stability)


def states_errors(finding: Finding) -> bool:
    """Whether the lead carries a measurement error that plays a part."""
    return finding.look is not None and finding.basis is not None and bool(_axes(finding.look, finding.basis))


def _branches(chances: dict[Answer, Decimal]) -> tuple[Branch, ...]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    likeliest: dict[str, tuple[Decimal, str]] = {}
    for (code, rule_id), chance in chances.items():
        totals[code] += chance
        likeliest[code] = max(likeliest.get(code, (Decimal(-1), "")), (chance, rule_id))
    order = sorted(totals, key=lambda code: (-totals[code], code))
    return tuple(Branch(code, likeliest[code][1], "true size within the stated error", totals[code]) for code in order)


# --- what is uncertain ------------------------------------------------------------------------------------------------


def _axes(look: Look, basis: str) -> list[Axis]:
    axes = []
    current = _whole_sd(look.now.sd, basis)
    if current:
        axes.append(Axis(current, _mover(basis), is_whole=True, is_volume=basis == "volume"))
    solid = None if look.now.sd is None else look.now.sd.solid_mean_mm
    if solid and (look.now.solid_mean_mm is not None or look.now.solid_long_axis_mm is not None):
        axes.append(Axis(solid, _move_solid))
    before = _whole_sd(look.earlier[0].sd, basis) if look.earlier else None
    if before:
        baseline = Axis(before, _baseline_mover(basis), is_whole=True)
        # The exact integration belongs to the size that is much less certain; the other one is then smooth.
        now, then = _size(look.now, basis), _size(look.earlier[0], basis)
        much_less_certain = current is None or before * now > 2 * current * then
        axes.insert(0 if much_less_certain else len(axes), baseline)
    return axes


def _size(m: Measurement, basis: str) -> Decimal:
    size = m.volume_mm3 if basis == "volume" else mean_mm(m)
    return SMALLEST if size is None else size


def _whole_sd(sd: SizeErrors | None, basis: str) -> Decimal | None:
    if sd is None:
        return None
    if basis == "volume":
        return sd.volume_mm3
    return sd.long_axis_mm if sd.mean_diameter_mm is None else sd.mean_diameter_mm


def _resize(m: Measurement, change: Decimal, basis: str) -> Measurement:
    if basis == "volume":
        return m if m.volume_mm3 is None else replace(m, volume_mm3=max(m.volume_mm3 + change, SMALLEST))
    return replace(
        m,
        long_axis_mm=_add(m.long_axis_mm, change),
        short_axis_mm=_add(m.short_axis_mm, change),
        mean_diameter_mm=_add(m.mean_diameter_mm, change),
    )


def _add(size: Decimal | None, change: Decimal) -> Decimal | None:
    return None if size is None else max(size + change, SMALLEST)


def _mover(basis: str) -> Move:
    return lambda look, change: replace(look, now=_resize(look.now, change, basis))


def _baseline_mover(basis: str) -> Move:
    return lambda look, change: replace(look, earlier=(_resize(look.earlier[0], change, basis), *look.earlier[1:]))


def _move_solid(look: Look, change: Decimal) -> Look:
    now = look.now
    return replace(
        look,
        now=replace(
            now,
            solid_long_axis_mm=_add(now.solid_long_axis_mm, change),
            solid_short_axis_mm=_add(now.solid_short_axis_mm, change),
            solid_mean_mm=_add(now.solid_mean_mm, change),
        ),
    )


# --- how likely each answer is ----------------------------------------------------------------------------------------


def _chances(view: View, edition: Edition, finding: Finding) -> dict[Answer, Decimal]:
    look = finding.look
    axes = [] if look is None or finding.basis is None else _axes(look, finding.basis)
    if look is None or not axes:
        return {(finding.code, finding.rule.id): Decimal(1)}
    inner, outers = axes[0], axes[1:]
    rho = Decimal(0) if look.now.sd is None else look.now.sd.rho
    chances: dict[Answer, Decimal] = defaultdict(Decimal)
    nodes = [_nodes(view, edition, look, inner, axis) for axis in outers]
    for weight, moved, shift in _outer(look, inner, outers, nodes, rho):
        correlated = inner.is_whole and any(axis.is_whole for axis in outers)
        sd = inner.sd * (1 - rho * rho).sqrt() if correlated else inner.sd
        segments = _segments(view, edition, inner, moved, shift, sd)
        for answer, chance in segments:
            chances[answer] += weight * chance
    total = sum(chances.values(), Decimal(0))
    return {answer: chance / total for answer, chance in chances.items()}


Node = tuple[Decimal, Decimal]  # weight, and how many standard deviations away


def _nodes(view: View, edition: Edition, look: Look, inner: Axis, axis: Axis) -> list[Node]:
    """Where an outer size is looked at: evenly where answers glide with it, once between steps where they jump."""
    if axis.is_whole:
        return [(density(z), z) for z in NODES]

    def answers_at(away: Decimal) -> Callable[[Decimal], Answer]:
        beside = inner.move(look, inner.sd * away)
        return lambda z: _answer(view, edition, axis.move(beside, axis.sd * z))

    cuts = {cut for away in (-2, 0, 2) for cut in _found_cuts(answers_at(Decimal(away)))}
    edges = [-REACH, *sorted(cuts), REACH]
    return [(below(high) - below(low), (low + high) / 2) for low, high in pairwise(edges)]


def _answer(view: View, edition: Edition, look: Look) -> Answer:
    finding = edition.judge(view.with_look(look))
    return finding.code, finding.rule.id


def _outer(
    look: Look, inner: Axis, outers: Sequence[Axis], nodes: Sequence[Sequence[Node]], rho: Decimal
) -> Iterator[tuple[Decimal, Look, Decimal]]:
    """Weight, moved nodule, and how far its error drags the inner size along."""
    for chosen in product(*nodes):
        weight, moved, shift = Decimal(1), look, Decimal(0)
        for axis, (share, z) in zip(outers, chosen, strict=True):
            weight *= share
            moved = axis.move(moved, axis.sd * z)
            if axis.is_whole and inner.is_whole:
                shift += rho * inner.sd * z
        yield weight, moved, shift


def _segments(
    view: View, edition: Edition, inner: Axis, look: Look, shift: Decimal, sd: Decimal
) -> Iterator[tuple[Answer, Decimal]]:
    """Each answer along the current size with its probability."""

    def answer(z: Decimal) -> Answer:
        return _answer(view, edition, inner.move(look, shift + sd * z))

    if not sd:
        yield answer(Decimal(0)), Decimal(1)
        return
    cuts = _volume_cuts(view, edition, look, shift, sd) if inner.is_volume else _found_cuts(answer)
    edges = [-REACH, *cuts, REACH]
    for low, high in pairwise(edges):
        yield answer((low + high) / 2), below(high) - below(low)


def _volume_cuts(view: View, edition: Edition, look: Look, shift: Decimal, sd: Decimal) -> list[Decimal]:
    """Known volumes at which the answer may change, in standard deviations."""
    volume = look.now.volume_mm3
    assert volume is not None  # noqa: S101 - the axis is one of volume
    limits = volume_limits(view.with_look(look), edition, look)
    cuts = {(limit - volume - shift) / sd for limit in limits}
    return sorted(z for z in cuts if -REACH < z < REACH)


def _found_cuts(answer: Callable[[Decimal], Answer]) -> list[Decimal]:
    """Where the answer changes, found by halving."""
    grid = [-REACH + 2 * REACH * n / GRID for n in range(GRID + 1)]
    answers = [answer(z) for z in grid]
    cuts = []
    for n in range(GRID):
        if answers[n] == answers[n + 1]:
            continue
        low, high = grid[n], grid[n + 1]
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            if answer(middle) == answers[n]:
                low = middle
            else:
                high = middle
        cuts.append((low + high) / 2)
    return cuts
