"""How a nodule changed: every size that was measured twice, both definitions of growth, each pair and the whole.

The guidelines decide by ``growth``; this module shows what else the measurements say, for pages and letters. A nodule
of 6 mm has grown by 25 % of volume at 6.5 mm and by 2 mm at 8 mm: between the two the guidelines disagree, and a
reader should see that rather than one of the words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Final, Literal

from nodules_app.clinical.case import Measurement, Nodule
from nodules_app.clinical.editions.lungrads2022_status import CHANGE_MM, YEAR_DAYS, reported
from nodules_app.clinical.growth import GROWTH_MM, GROWTH_RATIO, Growth, growth_between, measured
from nodules_app.clinical.months import add_months
from nodules_app.clinical.reasons import Language, Reason, because, sentence
from nodules_app.clinical.sizes import (
    LN2,
    TENTH,
    both_volumes,
    mean_mm,
    same_method,
    solid_mean_mm,
    sphere_diameter_mm,
    sphere_volume_mm3,
)
from nodules_app.clinical.visibility import Visibility, visibility

Quantity = Literal["volume_mm3", "mean_diameter_mm", "solid_volume_mm3", "solid_mean_mm", "mass_mg"]
DefinitionCode = Literal["volume_25_percent", "lungrads_1_5_mm", "fleischner_2_mm"]
Statement = Literal[
    "growth_throughout", "growth_with_setback", "slow_growth", "growth_not_kept", "decrease", "stable", "unknown"
]
CUBED: Final = ("mean_diameter_mm", "solid_mean_mm")


@dataclass(frozen=True, slots=True)
class Change:
    """One size that was measured at both exams."""

    quantity: Quantity
    earlier: Decimal
    later: Decimal
    percent: Decimal  # (later / earlier - 1) x 100, of the quantity itself
    doubling_days: Decimal | None  # of volume or mass; None unless the later size is larger

    @property
    def difference(self) -> Decimal:
        """Later minus earlier, in the unit of the quantity."""
        return self.later - self.earlier


@dataclass(frozen=True, slots=True)
class Definition:
    """What some guidelines call growth."""

    code: DefinitionCode
    guidelines: tuple[str, ...]
    limit: Decimal
    unit: Literal["mm", "percent"]
    limit_included: bool
    reliability: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One definition asked of one pair, and from which size on it would have spoken of growth."""

    definition: Definition
    grew: bool | None  # None: the size it needs was not measured at both exams
    from_mm: Decimal  # the smallest mean diameter now that counts as growth
    from_mm3: Decimal  # the same as a volume, by the sphere where the definition is one of diameters
    from_percent: Decimal  # the same as a change of volume


@dataclass(frozen=True, slots=True)
class Band:
    """Sizes now at which one definition already speaks of growth and another does not yet: low <= size < high."""

    sooner: DefinitionCode
    later: DefinitionCode
    low_mm: Decimal
    high_mm: Decimal
    low_mm3: Decimal
    high_mm3: Decimal
    low_percent: Decimal
    high_percent: Decimal
    holds: bool  # whether the measured sizes make the two disagree


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that two measurements of one nodule say about its change."""

    nodule_id: str
    start: date
    end: date
    growth: Growth | None  # as the guidelines take it; None: nothing can be compared
    changes: tuple[Change, ...]
    verdicts: tuple[Verdict, ...]  # by the size at which they speak of growth, smallest first; empty without a size
    bands: tuple[Band, ...]  # between neighbours of ``verdicts``
    visible: Visibility  # what this interval could have shown

    @property
    def days(self) -> int:
        """Between the two exams."""
        return (self.end - self.start).days

    @property
    def disagree(self) -> bool:
        """Whether one definition says growth and another does not."""
        return {verdict.grew for verdict in self.verdicts} >= {True, False}


@dataclass(frozen=True, slots=True)
class Series:
    """A nodule over two and more measurements: each against the one before, first against last, and in one word."""

    nodule_id: str
    pairs: tuple[Comparison, ...]
    whole: Comparison
    statement: Statement

    @property
    def reason(self) -> Reason:
        """The statement with its facts."""
        return because(f"series_{self.statement}", count=len(self.pairs) + 1, days=self.whole.days)

    def as_sentence(self, language: Language = "en") -> str:
        """The statement written out."""
        return sentence(self.reason, language)


VOLUME_25: Final = Definition(
    "volume_25_percent",
    ("BTS2015", "NELSON", "EUPS2017", "FLEISCHNER2017"),
    (GROWTH_RATIO - 1) * 100,
    "percent",
    limit_included=True,
    reliability="P",
)
LUNGRADS_MM: Final = Definition(
    "lungrads_1_5_mm", ("LUNGRADS2022",), CHANGE_MM, "mm", limit_included=False, reliability="P"
)
FLEISCHNER_MM: Final = Definition(
    "fleischner_2_mm", ("FLEISCHNER2017", "ACCP2013"), GROWTH_MM, "mm", limit_included=True, reliability="S"
)
THIRD: Final = Decimal(1) / 3


def comparison(nodule_id: str, earlier: Measurement, later: Measurement) -> Comparison:
    """Compare two measurements of one nodule.

    Parameters
    ----------
    nodule_id
        Returned as is.
    earlier, later
        In this order of time; sizes that only one of them carries are left out.

    Returns
    -------
    Comparison
        Lengths in mm, volumes in mm3, mass in mg, percent of the earlier value.

    Source
    ------
    Reference 6.1, 6.2 and 2.4 (Lung-RADS compares sizes as reported, to 0.1 mm, and annualises beyond twelve months).
    """
    verdicts = _verdicts(earlier, later)
    return Comparison(
        nodule_id=nodule_id,
        start=earlier.date,
        end=later.date,
        growth=growth_between(nodule_id, earlier, later),
        changes=tuple(_changes(earlier, later)),
        verdicts=verdicts,
        bands=tuple(_band(sooner, later_one) for sooner, later_one in pairwise(verdicts)),
        visible=visibility((later.date - earlier.date).days),
    )


def series(nodule: Nodule) -> Series | None:
    """All measurements of a nodule in time; ``None`` with fewer than two."""
    sizes = measured(nodule)
    if len(sizes) < 2:
        return None
    pairs = tuple(comparison(nodule.id, earlier, later) for earlier, later in pairwise(sizes))
    whole = comparison(nodule.id, sizes[0], sizes[-1])
    return Series(nodule.id, pairs, whole, _statement(pairs, whole))


def _statement(pairs: tuple[Comparison, ...], whole: Comparison) -> Statement:
    """What the whole says, and whether the single steps say it too."""
    steps = [pair.growth for pair in pairs if pair.growth is not None]
    if whole.growth is None:
        return "unknown"
    if whole.growth.significant:
        if not any(step.significant for step in steps):
            return "slow_growth"
        return "growth_with_setback" if any(step.volume_ratio < 1 for step in steps) else "growth_throughout"
    if any(step.significant for step in steps):
        return "growth_not_kept"
    return "decrease" if whole.growth.kind == "decrease" else "stable"


# --- each size --------------------------------------------------------------------------------------------------------


def _changes(earlier: Measurement, later: Measurement) -> Iterator[Change]:
    days = (later.date - earlier.date).days
    comparable = same_method(earlier, later)
    pairs: tuple[tuple[Quantity, Decimal | None, Decimal | None], ...] = (
        ("volume_mm3", *(both_volumes(earlier, later) or (None, None))),
        ("mean_diameter_mm", mean_mm(earlier), mean_mm(later)),
        ("solid_volume_mm3", earlier.solid_volume_mm3, later.solid_volume_mm3 if comparable else None),
        ("solid_mean_mm", solid_mean_mm(earlier), solid_mean_mm(later)),
        ("mass_mg", earlier.mass_mg, later.mass_mg if comparable else None),
    )
    for quantity, before, now in pairs:
        if before is None or now is None:
            continue
        ratio = now / before
        doublings = ratio.ln() / LN2 * (3 if quantity in CUBED else 1)
        doubling_days = days / doublings if doublings > 0 and days > 0 else None
        yield Change(quantity, before, now, (ratio - 1) * 100, doubling_days)


# --- both definitions -------------------------------------------------------------------------------------------------


def _verdicts(earlier: Measurement, later: Measurement) -> tuple[Verdict, ...]:
    """Every definition, the one that speaks first at the front; empty when the earlier exam gave no size."""
    before_mm = mean_mm(earlier)
    if before_mm is None:
        if earlier.volume_mm3 is None:
            return ()
        before_mm = sphere_diameter_mm(earlier.volume_mm3)
    before_mm3 = sphere_volume_mm3(before_mm) if earlier.volume_mm3 is None else earlier.volume_mm3
    now_mm = None if mean_mm(earlier) is None else mean_mm(later)
    volumes = both_volumes(earlier, later)
    grew_25 = None if volumes is None else volumes[1] >= volumes[0] * GROWTH_RATIO
    starts = (
        (VOLUME_25, before_mm * GROWTH_RATIO**THIRD, grew_25),
        _by_millimetres(LUNGRADS_MM, _lungrads_from_mm(earlier.date, later.date, before_mm), now_mm),
        _by_millimetres(FLEISCHNER_MM, before_mm + GROWTH_MM, now_mm),
    )
    verdicts = []
    for definition, from_mm, grew in starts:
        ratio = GROWTH_RATIO if definition is VOLUME_25 else (from_mm / before_mm) ** 3
        verdicts.append(Verdict(definition, grew, from_mm, before_mm3 * ratio, (ratio - 1) * 100))
    return tuple(sorted(verdicts, key=lambda verdict: verdict.from_mm))


def _by_millimetres(
    definition: Definition, from_mm: Decimal, now_mm: Decimal | None
) -> tuple[Definition, Decimal, bool | None]:
    return definition, from_mm, None if now_mm is None else now_mm >= from_mm


def _lungrads_from_mm(start: date, end: date, before_mm: Decimal) -> Decimal:
    """The smallest unrounded size that is reported as more than 1.5 mm larger, a year at most counted (AMB-12)."""
    allowed = CHANGE_MM
    if add_months(start, 12) < end:
        allowed = CHANGE_MM * (end - start).days / YEAR_DAYS
    tenths_more = (allowed / TENTH).to_integral_value(ROUND_FLOOR) + 1
    return reported(before_mm) + tenths_more * TENTH - TENTH / 2


def _band(sooner: Verdict, later: Verdict) -> Band:
    return Band(
        sooner.definition.code,
        later.definition.code,
        low_mm=sooner.from_mm,
        high_mm=later.from_mm,
        low_mm3=sooner.from_mm3,
        high_mm3=later.from_mm3,
        low_percent=sooner.from_percent,
        high_percent=later.from_percent,
        holds={sooner.grew, later.grew} == {True, False},
    )
