"""How ACCP 2013 and the Chinese consensus are read: unrounded mean of the largest nodule, yes-or-no risk, Mayo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Branch, Finding
from nodules_app.clinical.case import Attenuation
from nodules_app.clinical.editions.edition import (
    RiskLimit,
    found,
    is_subsolid,
    largest,
    mean_notes,
    scope_facts,
    scope_reason,
    with_more,
)
from nodules_app.clinical.editions.fleischner2017_reading import change_since
from nodules_app.clinical.months import whole_months
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.risk.mayo import mayo, mayo_mm_at
from nodules_app.clinical.risk.subject import subject_of
from nodules_app.clinical.rules import Fact, Rule, first_rule, the_rule
from nodules_app.clinical.sizes import WHOLE, half_up, mean_mm
from nodules_app.clinical.view import Look, View, is_benign

STABLE_MONTHS: Final = 24
HUNDREDTH: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one such guideline."""

    scope: tuple[Rule, ...]
    mass: Rule
    none: Rule
    measurement: Rule
    benign: Rule
    stable: Rule | None
    rows: tuple[Rule, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every row."""
        stable = () if self.stable is None else (self.stable,)
        return (*self.scope, self.mass, self.none, self.measurement, self.benign, *stable, *self.rows)


@dataclass(frozen=True, slots=True)
class PersonRisk:
    """Whether a risk factor is present; not known counts as present (AMB-05)."""

    present: bool
    known: bool
    why: tuple[Reason, ...]
    missing: tuple[str, ...] = ()

    @property
    def row(self) -> str:
        """The word in the rows."""
        return "present" if self.present else "absent"


RiskOf = Callable[[View, tuple[Look, ...]], PersonRisk]


def mayo_limits(view: View, look: Look) -> Iterator[RiskLimit]:
    """Diameters at which Mayo passes 5 and 65 %."""
    subject = subject_of(view, look)
    for probability in (Decimal("0.05"), Decimal("0.65")):
        if (mm := mayo_mm_at(subject, probability)) is not None:
            yield RiskLimit("mean", mm)


def judge_by(table: Table, risk_of: RiskOf) -> Callable[[View], Finding]:
    """The reader of one such guideline."""

    def judge(view: View) -> Finding:
        scope = first_rule(table.scope, scope_facts(view))
        if scope is not None:
            return found(scope, view, why=(scope_reason(scope, view),))
        if not view.present:
            return found(table.none, view, why=(because("no_nodule"),))
        doubtful = [look for look in view.present if not is_benign(look.nodule)]
        if not doubtful:
            return found(table.benign, view, largest(view.present), why=(because("benign"),))
        return _lead(table, risk_of, view, doubtful)

    return judge


def _lead(table: Table, risk_of: RiskOf, view: View, doubtful: Sequence[Look]) -> Finding:
    sized = [look for look in doubtful if mean_mm(look.now) is not None]
    unmeasured = next((look for look in doubtful if mean_mm(look.now) is None), None)
    if sized:
        solids = tuple(look for look in doubtful if not is_subsolid(look))
        finding = _answer(table, risk_of(view, solids), view, max(sized, key=lambda look: mean_mm(look.now) or 0))
        if unmeasured is None or finding.code != "no_routine_followup":
            return finding
    finding = found(table.measurement, view, unmeasured, why=(because("unmeasured"),))
    return with_more(finding, missing=("long_axis_mm",))


def _answer(table: Table, risk: PersonRisk, view: View, look: Look) -> Finding:
    size_mm = mean_mm(look.now)
    assert size_mm is not None  # noqa: S101 - only measured nodules come here
    missing, noted = mean_notes(look)
    why = [because("mean_raw", size_mm=size_mm)]
    whole = half_up(size_mm, WHOLE)
    if whole > 30:
        mass = because("mass", size_mm=size_mm, rounded_mm=whole)
        return found(table.mass, view, look, why=(mass,), ambiguities=noted, missing=missing, basis="diameter")
    months = _stable_months(look, view)
    if table.stable is not None and months is not None:
        why.append(because("stable_for", months=months))
        return found(table.stable, view, look, why=why, ambiguities=noted, missing=missing, basis="diameter")
    solid = look.attenuation is Attenuation.SOLID
    percent, mayo_why, mayo_missing = _mayo(view, look) if solid and size_mm > 8 else (None, (), ())
    facts: dict[str, Fact] = {
        "attenuation": look.attenuation,
        "mean_mm": size_mm,
        "risk": risk.row,
        "mayo_percent": percent,
        "mayo_known": percent is not None,
    }
    rule = the_rule(table.rows, facts)
    reasons = (*why, *mayo_why, *(risk.why if "risk" in rule.when else ()))
    finding = found(
        rule, view, look, why=reasons, ambiguities=noted, missing=(*missing, *mayo_missing), basis="diameter"
    )
    return finding if risk.known or "risk" not in rule.when else _both(finding, table, risk, facts)


def _both(finding: Finding, table: Table, risk: PersonRisk, facts: dict[str, Fact]) -> Finding:
    rows = {word: the_rule(table.rows, facts | {"risk": word}) for word in ("absent", "present")}
    branches = tuple(Branch(row.management, row.id, f"risk factor {word}") for word, row in rows.items())
    return replace(with_more(finding, missing=risk.missing, ambiguities=("AMB-05",)), branches=branches)


def _stable_months(look: Look, view: View) -> int | None:
    """Whole months without growth, when they reach two years; solid nodules only."""
    if look.attenuation is not Attenuation.SOLID or not look.earlier:
        return None
    first = look.earlier[0]
    months = whole_months(first.date, view.today)
    grew, why = change_since(look, first)
    return None if months < STABLE_MONTHS or grew or why.code == "not_comparable" else months


def _mayo(view: View, look: Look) -> tuple[Decimal | None, tuple[Reason, ...], tuple[str, ...]]:
    cancer = mayo(subject_of(view, look))
    if cancer.probability is None:
        return None, (because("mayo_unknown"),), cancer.missing
    percent = cancer.probability * 100
    return percent, (because("mayo", percent=half_up(percent, HUNDREDTH)),), ()
