"""How a patient's nodules stand at the latest exam: what grew, is new, smaller or gone, and what stayed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID

from inference.estimate import Estimate
from inference.growth import Growth, growth
from nodules_app.lifecycles import NoduleState
from nodules_app.models import ComparisonWord
from nodules_app.selectors.timeline import Change, Measured, NoduleLine, Timeline

FEW: Final = 6  # so many nodules are told apart in one drawing
SHOWN: Final = 3  # of many, at least so many stand out
SLOW_EXAMS: Final = 3  # of two exams their own comparison says all
LARGER: Final = (ComparisonWord.LARGER_SLIGHTLY, ComparisonWord.LARGER_MARKEDLY)


class Became(StrEnum):
    """What became of a nodule at the latest exam, the weightiest first."""

    GROWING = "growing"
    NEW = "new"
    SLOWLY = "slowly"  # no pair of exams shows it, the first and the latest together do
    UNMEASURED = "unmeasured"
    NOT_COMPARED = "not_compared"  # measured, but nobody held it against an earlier exam, or its sizes cannot be
    SMALLER = "smaller"
    GONE = "gone"
    UNCHANGED = "unchanged"


SAID: Final[Mapping[str, Became]] = {  # the other words do not compare sizes
    ComparisonWord.NEW: Became.NEW,
    ComparisonWord.SMALLER_SLIGHTLY: Became.SMALLER,
    ComparisonWord.SMALLER_MARKEDLY: Became.SMALLER,
    ComparisonWord.RESOLVED: Became.GONE,
    ComparisonWord.RESECTED: Became.GONE,
    ComparisonWord.UNCHANGED: Became.UNCHANGED,
}


@dataclass(frozen=True, slots=True)
class Stands:
    """One nodule at the latest exam; without a change it was not compared there."""

    nodule: NoduleLine
    became: Became
    measured: Measured | None
    change: Change | None
    in_all: Growth | None  # from its first measurement to the latest, where all on the way can be compared

    @property
    def volume_mm3(self) -> float:
        return self.measured.volume_mm3 if self.measured else 0.0

    @property
    def grown_ratio(self) -> float:
        return self.in_all.volume_ratio if self.became is Became.SLOWLY and self.in_all else 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """All nodules at the latest exam, the weightiest first; of equal weight the faster growing first."""

    on: date | None
    prior_on: date | None
    nodules: tuple[Stands, ...]

    @property
    def largest(self) -> Stands | None:
        sized = [one for one in self.nodules if one.measured]
        return max(sized, key=lambda one: one.volume_mm3, default=None)

    @property
    def lead(self) -> NoduleLine | None:
        """The nodule that grows fastest beyond its error, else the largest."""
        grown = next((one for one in self.nodules if one.became in (Became.GROWING, Became.SLOWLY)), None)
        if grown is not None:
            return grown.nodule
        return self.largest.nodule if self.largest else None

    @property
    def by_kind(self) -> Mapping[Became, tuple[Stands, ...]]:
        kinds = {kind: tuple(one for one in self.nodules if one.became is kind) for kind in Became}
        return {kind: found for kind, found in kinds.items() if found}

    def foremost(self) -> tuple[str, ...]:
        """The nodules that stand out in a drawing: all of a few; of many those that changed, and the largest."""
        if len(self.nodules) <= FEW:
            return tuple(one.nodule.label for one in self.nodules)
        changed = [one for one in self.nodules if one.became in (Became.GROWING, Became.NEW, Became.SLOWLY)][:FEW]
        others = sorted((one for one in self.nodules if one not in changed), key=lambda one: -one.volume_mm3)
        return tuple(one.nodule.label for one in [*changed, *others[: max(0, SHOWN - len(changed))]])


def standing(shown: Timeline) -> Standing:
    """Say of each nodule that was ever followed what became of it; one that went earlier is told no more.

    An exam without a day is the latest of none, unless no exam has one.
    """
    scans = [one for one in shown.scans if one[0].acquired_on is not None] or shown.scans
    latest = scans[-1] if scans else None
    extra = extra_errors(shown)
    found = []
    for nodule in shown.nodules:
        if nodule.state is not NoduleState.NOT_A_NODULE and latest is not None:
            stands = _stands(nodule, latest[1].code, extra)
            found += [stands] if stands else []
    order = list(Became)
    found.sort(key=lambda one: (order.index(one.became), _doubling_days(one), -one.grown_ratio, -one.volume_mm3))
    return Standing(
        on=latest[0].acquired_on if latest else None,
        prior_on=scans[-2][0].acquired_on if len(scans) > 1 else None,
        nodules=tuple(found),
    )


def _doubling_days(one: Stands) -> float:
    """The fastest growing come first; what is no growth counts as endless."""
    if one.change is None or one.became is not Became.GROWING:
        return math.inf
    return one.change.vdt_days or math.inf


def _stands(nodule: NoduleLine, latest: UUID, extra: Mapping[UUID, float]) -> Stands | None:
    seen = nodule.on_scan(latest)
    change = next((one for one in reversed(nodule.changes) if one.current_scan == latest), None)
    measured = seen.measured if seen is not None and seen.present else None
    if change is None and (seen is None or not seen.present):
        return None
    in_all = _in_all(nodule, extra) if measured else None
    became = _became(change, measured)
    if became is Became.UNCHANGED and in_all is not None and in_all.significant and in_all.volume_ratio > 1:
        became = Became.SLOWLY
    return Stands(nodule, became, measured, change, in_all)


def _in_all(nodule: NoduleLine, extra: Mapping[UUID, float]) -> Growth | None:
    """Compute the change from the first measurement to the latest, over at least three exams.

    Nothing where two of them on the way cannot be compared, or where the nodule turned from solid to subsolid or back.
    """
    sized = [
        (seen, seen.on, seen.measured) for seen in nodule.appearances if seen.on and seen.present and seen.measured
    ]
    if len(sized) < SLOW_EXAMS:
        return None
    extra_relative_error = error_of_the_way(nodule, [seen.scan for seen, _on, _measured in sized], extra)
    (_, first_on, first), (_, last_on, last) = sized[0], sized[-1]
    same_kind = (first.attenuation == "solid") == (last.attenuation == "solid")
    if extra_relative_error is None or not same_kind or first_on >= last_on:
        return None
    prior, current = (Estimate(one.volume_mm3, one.volume_sd_mm3) for one in (first, last))
    return growth(prior, current, (last_on - first_on).days, extra_relative_error=extra_relative_error)


def error_of_the_way(nodule: NoduleLine, scans: Sequence[UUID], extra: Mapping[UUID, float]) -> float | None:
    """Give the relative error that the scans on the way add to a ratio of sizes; None where two were not compared.

    It is the sum of the pairs': what the scans of one pair distort the next pair may distort the same way.
    """
    way = _way(nodule, scans)
    added = sum(extra.get(change.comparison, math.inf) for change in way)
    return added if way and math.isfinite(added) else None


def extra_errors(shown: Timeline) -> dict[UUID, float]:
    """The relative error that the scans of each comparison add to a ratio of sizes."""
    return {pair.code: pair.extra_relative_error for pair in shown.comparisons}


def _way(nodule: NoduleLine, scans: Sequence[UUID]) -> Sequence[Change]:
    """Find comparisons of its size that lead from the first scan to the last, directly or scan by scan; else none."""
    sizes = {(one.prior_scan, one.current_scan): one for one in nodule.changes if one.volume_ratio is not None}
    direct = sizes.get((scans[0], scans[-1]))
    if direct is not None:
        return [direct]
    steps = [sizes.get(pair) for pair in pairwise(scans)]
    known = [step for step in steps if step is not None]
    return known if len(known) == len(steps) else []


def _became(change: Change | None, measured: Measured | None) -> Became:
    unsaid = Became.NOT_COMPARED if measured else Became.UNMEASURED
    if change is None:
        return unsaid
    if change.word in LARGER or (change.significant and change.vdt_days is not None):
        return Became.GROWING
    return SAID.get(change.word, unsaid)
