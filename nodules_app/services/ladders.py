"""Every guideline along every size of one nodule: where its answer changes, found by asking the clinical core itself.

So a ladder can say nothing else than the answers beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from functools import cache
from itertools import groupby, pairwise
from typing import Final

from nodules_app.clinical.assessment import Finding
from nodules_app.clinical.case import Attenuation, Case, Measurement
from nodules_app.clinical.editions import not_supported
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.flips import volume_limits
from nodules_app.clinical.sizes import longest_mm, mean_mm, solid_mean_mm
from nodules_app.clinical.view import Look, View, look_at

NO_STEP: Final = frozenset({"not_applicable", "not_supported", "measurement_needed"})
_ABSENT: Final = {edition.code for edition in not_supported.EDITIONS}
GUIDELINES: Final = tuple(code for code in EDITIONS if code not in _ABSENT)
READS_LONGEST: Final = "largest_raw"  # the reason of a guideline that looks at the largest diameter, not at the mean
Z_95: Final = Decimal("1.96")
TENTH: Final = Decimal("0.1")
HUNDREDTH: Final = Decimal("0.01")
WHOLE: Final = Decimal(1)
STRIDE: Final = 5  # steps of a diameter between two questions; where their answers differ, every step is asked


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of sizes with one management, from ``low`` (the first size in it) to below ``high``."""

    low: Decimal | None
    high: Decimal | None
    management: str
    rules: tuple[str, ...]
    months: tuple[int, int] | None  # earliest and latest, where it is a date


@dataclass(frozen=True, slots=True)
class Strip:
    """One guideline along a size."""

    guideline: str
    zones: tuple[Zone, ...]

    def here(self, size: Decimal) -> Zone:
        """The zone of a size."""
        return [zone for zone in self.zones if zone.low is None or zone.low <= size][-1]

    def boundaries(self, low: Decimal, high: Decimal) -> int:
        """How many boundaries lie inside an interval."""
        return sum(zone.low is not None and low < zone.low <= high for zone in self.zones)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Every guideline whose answer changes along one size of the nodule."""

    quantity: str
    unit: str
    size: Decimal
    sd: Decimal | None
    measured: Decimal | None  # what was really measured, where that differs
    strips: tuple[Strip, ...]

    @property
    def interval_95(self) -> tuple[Decimal, Decimal] | None:
        """Where the true size lies, when an error was stated."""
        if not self.sd:
            return None
        return max(self.size - Z_95 * self.sd, HUNDREDTH), self.size + Z_95 * self.sd


def is_told(case: Case, nodule: str) -> bool:
    """Whether there is anything to ask: the nodule has a size on the last exam, or was looked for and is gone."""
    view = look_at(case)
    look = _look(view, nodule)
    return look.measured if look else any(one.id == nodule for one in view.resolved)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One size of a nodule: how it is read, how a nodule is made that differs in it alone."""

    name: str
    unit: str
    step: Decimal  # as a report rounds it
    low: Decimal
    high: Decimal
    read: Callable[[Measurement], Decimal | None]
    resize: Callable[[Measurement, Decimal], Measurement]
    sd: Callable[[Measurement], Decimal | None]


def _with_volume(m: Measurement, size: Decimal) -> Measurement:
    return replace(m, volume_mm3=size)


def _with_mean(m: Measurement, size: Decimal) -> Measurement:
    """Scale both axes so that their mean is exactly the size."""
    if m.long_axis_mm is None or m.short_axis_mm is None:
        return _with_longest(m, size)
    long_mm = (m.long_axis_mm * size / (mean_mm(m) or size)).quantize(HUNDREDTH)
    return replace(m, long_axis_mm=long_mm, short_axis_mm=2 * size - long_mm)


def _with_longest(m: Measurement, size: Decimal) -> Measurement:
    if m.long_axis_mm is None:
        return replace(m, mean_diameter_mm=size)
    ratio = size / m.long_axis_mm
    short_mm = None if m.short_axis_mm is None else max((m.short_axis_mm * ratio).quantize(HUNDREDTH), HUNDREDTH)
    middle_mm = None if m.mean_diameter_mm is None else (m.mean_diameter_mm * ratio).quantize(HUNDREDTH)
    return replace(m, long_axis_mm=size, short_axis_mm=short_mm, mean_diameter_mm=middle_mm)


def _with_solid(m: Measurement, size: Decimal) -> Measurement:
    return replace(m, solid_mean_mm=size, solid_long_axis_mm=None, solid_short_axis_mm=None)


def _volume_sd(m: Measurement) -> Decimal | None:
    return None if m.sd is None else m.sd.volume_mm3


def _mean_sd(m: Measurement) -> Decimal | None:
    return None if m.sd is None else m.sd.mean_diameter_mm or m.sd.long_axis_mm


def _longest_sd(m: Measurement) -> Decimal | None:
    return None if m.sd is None else m.sd.long_axis_mm or m.sd.mean_diameter_mm


def _solid_sd(m: Measurement) -> Decimal | None:
    return None if m.sd is None else m.sd.solid_mean_mm


VOLUME: Final = Quantity(
    "volume_mm3", "mm³", WHOLE, Decimal(10), Decimal(30_000), lambda m: m.volume_mm3, _with_volume, _volume_sd
)
MEAN: Final = Quantity("mean_diameter_mm", "mm", TENTH, WHOLE, Decimal(40), mean_mm, _with_mean, _mean_sd)
LONGEST: Final = Quantity("long_axis_mm", "mm", TENTH, WHOLE, Decimal(40), longest_mm, _with_longest, _longest_sd)
SOLID: Final = Quantity("solid_mean_mm", "mm", TENTH, TENTH, Decimal(40), solid_mean_mm, _with_solid, _solid_sd)


def ladders(case: Case, nodule: str, *, measured: Case | None = None) -> Iterator[Ladder]:
    """Draw the nodule's ladders; ``measured`` is the case as it really is, whose sizes are marked where they differ."""
    view = look_at(case)
    look = _look(view, nodule)
    if look is None:
        return
    before = None if measured is None else _look(look_at(measured), nodule)
    findings = {code: EDITIONS[code].judge(view) for code in GUIDELINES}
    speaking = {code: finding for code, finding in findings.items() if finding.code not in NO_STEP}
    by_longest = {code for code, finding in speaking.items() if _reads_longest(finding)}
    solid = speaking if look.attenuation is Attenuation.PART_SOLID else {}
    for quantity, codes in (
        (VOLUME, list(speaking)),
        (MEAN, [code for code in speaking if code not in by_longest]),
        (LONGEST, [code for code in speaking if code in by_longest]),
        (SOLID, list(solid)),
    ):
        size = quantity.read(look.now)
        if size is None:
            continue
        strips = tuple(strip for code in codes if len((strip := _strip(view, look, quantity, code)).zones) > 1)
        if strips:
            was = None if before is None else quantity.read(before.now)
            sd = quantity.sd(look.now)
            yield Ladder(quantity.name, quantity.unit, size, sd, None if was == size else was, strips)


def _look(view: View, nodule: str) -> Look | None:
    return next((look for look in view.present if look.nodule.id == nodule), None)


def _reads_longest(finding: Finding) -> bool:
    return any(reason.code == READS_LONGEST for reason in finding.why)


Answer = tuple[str, str, tuple[int, int] | None]


def _strip(view: View, look: Look, quantity: Quantity, code: str) -> Strip:
    edition = EDITIONS[code]

    @cache
    def answer(size: Decimal) -> Answer:
        finding = edition.judge(view.remeasured(look, quantity.resize(look.now, size)))
        interval = finding.interval
        months = None if interval is None else (interval.months.earliest, interval.months.latest)
        return finding.code, finding.rule.id, months

    edges = sorted({quantity.low, *_edges(view, edition, look, quantity)})
    starts = [change for low, high in pairwise(edges) for change in _changes(answer, low, high, quantity.step)]
    return Strip(code, tuple(_zones([(None, answer(quantity.low)), *((start, answer(start)) for start in starts)])))


def _edges(view: View, edition: Edition, look: Look, quantity: Quantity) -> Iterable[Decimal]:
    """Sizes between whose neighbours the answer changes at most step by step."""
    if quantity is VOLUME:  # the core knows every volume at which an answer may change
        for limit in volume_limits(view, edition, look):
            whole = limit.to_integral_value(ROUND_FLOOR)
            yield from (size for size in (whole, whole + 1) if quantity.low < size <= quantity.high)
        return
    size = quantity.low
    while size <= quantity.high:
        yield size
        size += STRIDE * quantity.step


def _changes(answer: Callable[[Decimal], Answer], low: Decimal, high: Decimal, step: Decimal) -> Iterator[Decimal]:
    """The first size of every new answer between two sizes."""
    if answer(low) == answer(high):
        return
    if high - low <= step:
        yield high
        return
    middle = low + ((high - low) / step / 2).to_integral_value(ROUND_FLOOR) * step
    yield from _changes(answer, low, middle, step)
    yield from _changes(answer, middle, high, step)


def _zones(starts: list[tuple[Decimal | None, Answer]]) -> Iterator[Zone]:
    """Join stretches of one management, whatever rules they rest on."""
    runs = [list(run) for _code, run in groupby(starts, key=lambda start: start[1][0])]
    lows = [run[0][0] for run in runs]
    for run, low, high in zip(runs, lows, [*lows[1:], None], strict=True):
        (code, _rule, months) = run[0][1]
        yield Zone(low, high, code, tuple(dict.fromkeys(rule for _, (_, rule, _) in run)), months)
