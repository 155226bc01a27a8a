"""The frozen output of the clinical core: what each guideline says, why, until when, and what else it might be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from nodules_app.clinical.growth import Growth
from nodules_app.clinical.management import MANAGEMENT, Management
from nodules_app.clinical.months import Anchor, Interval, Months, as_interval
from nodules_app.clinical.reasons import Language, Reason, sentence
from nodules_app.clinical.rules import Rule
from nodules_app.clinical.view import Look

RULESET_VERSION: Final = "R1"
NO_ANSWER: Final = frozenset({"not_applicable", "not_supported"})

Basis = Literal["diameter", "volume"]
Stability = Literal["stable", "borderline", "could_go_either_way"]


@dataclass(frozen=True, slots=True)
class Branch:
    """Another management that the case may lead to; the probability comes from stated measurement errors only."""

    management: str
    rule_id: str
    when: str
    probability: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Flip:
    """The nearest other size at which the management changes."""

    field: Literal["size_mm", "volume_mm3", "size_basis"]
    change: str
    management: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One row applied to one nodule, or to the exam when there is no nodule."""

    rule: Rule
    look: Look | None = None
    nodule_id: str | None = None
    months: Months | None = None
    anchor: Anchor = "exam"
    anchor_date: date | None = None
    why: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()
    ambiguities: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()
    basis: Basis | None = None  # which size decided; None: neither
    category: str = ""
    base_category: str | None = None
    management: str = ""  # where the row leaves a choice; empty: the row's own

    @property
    def code(self) -> str:
        """The management code."""
        return self.management or self.rule.management

    @property
    def interval(self) -> Interval | None:
        """The window as dates."""
        if self.months is None or self.anchor_date is None:
            return None
        return as_interval(self.months, self.anchor, self.anchor_date)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one guideline."""

    guideline: str
    edition: str
    category: str
    rule_id: str
    management: str
    interval: Interval | None
    lead_nodule: str | None
    why: tuple[Reason, ...]
    missing: tuple[str, ...]
    ambiguities: tuple[str, ...]
    source: str
    reliability: str
    branches: tuple[Branch, ...] = ()
    flips: tuple[Flip, ...] = ()
    base_category: str | None = None
    modifiers: tuple[str, ...] | None = None  # None: the guideline has none
    ruleset_version: str = RULESET_VERSION
    stability: Stability | None = None  # None: no measurement error was stated

    @property
    def management_text(self) -> Management:
        """The management with its class and its texts ``en`` and ``zh``."""
        return MANAGEMENT[self.management]

    @property
    def applies(self) -> bool:
        """Whether the guideline speaks to this case at all."""
        return self.management not in NO_ANSWER

    @property
    def unverified(self) -> bool:
        """Whether the row rests on memory: pages must say so, and it may never be a default."""
        return self.reliability.startswith("M")

    def sentences(self, language: Language = "en") -> tuple[str, ...]:
        """Give the reasons written out."""
        return tuple(sentence(reason, language) for reason in self.why)


@dataclass(frozen=True, slots=True)
class Probability:
    """What a risk model says; ``valid`` whether the case is of the model's population."""

    model: str
    probability: Decimal | None
    valid: bool
    missing: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()  # why it is not valid
    reliability: str = "S"


@dataclass(frozen=True, slots=True)
class Plan:
    """The one next step."""

    next_step: str
    interval: Interval | None
    because: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the core says about one case."""

    case_id: str
    results: tuple[Result, ...]
    risk_nodule_id: str | None
    risk: Mapping[str, Probability]
    growth: tuple[Growth, ...]
    plan: Plan | None
    eligibility: Mapping[str, bool | None] | None = field(default=None)
