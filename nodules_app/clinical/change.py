"""How a nodule changed: every size that was measured twice, both definitions of growth, each pair and the whole.

The guidelines decide by ``growth``; this module shows what else the measurements say, for pages and letters. A nodule
of 6 mm has grown by 25 % of volume at 6.5 mm and by 2 mm at 8 mm: between the two the guidelines disagree, and a
reader should see that rather than one of the words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
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
