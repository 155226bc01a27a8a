"""Fleischner 2017 when an earlier measurement exists: growth, schedules from baseline, persistence (reference 1.8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from nodules_app.clinical.assessment import Basis, Finding
from nodules_app.clinical.case import Attenuation, Measurement
from nodules_app.clinical.editions import fleischner2017 as table
from nodules_app.clinical.editions.edition import found, with_more
from nodules_app.clinical.editions.fleischner2017_reading import (
    ORDER,
    Family,
    Sized,
    class_at,
    judged_class,
    solid_change,
    solid_part,
    solid_row,
    subsolid_change,
    with_risk_branches,
    with_solid_part,
)
from nodules_app.clinical.editions.fleischner_risk import Risk
from nodules_app.clinical.months import Months, add_months, whole_months, window
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.rules import Fact, Rule, the_rule
from nodules_app.clinical.view import Look, View

CONFIRM = window(3, 6)
FIVE_YEARS = 60
FOUR_YEARS = 48


def _noted(finding: Finding, nodule: Sized) -> Finding:
    return with_more(finding, missing=nodule.missing, ambiguities=nodule.ambiguities)


def solid_later(view: View, family: Family, nodule: Sized, risk: Risk) -> Finding:
    """A solid nodule with an earlier measurement."""
    look, first = nodule.look, nodule.look.earlier[0]
    grew, change = solid_change(look, first)
    size_class = _schedule_class(family, nodule, first)
    baseline_rule = solid_row(family, size_class, risk.row)
    schedule = table.SCHEDULES[baseline_rule.id.removeprefix(f"{table.CODE}.")]
    step = next((s for s in schedule if view.today < add_months(first.date, s.months.earliest)), None)
    facts: dict[str, Fact] = {
        "attenuation": "solid",
        "growth": grew,
        "size": nodule.size_class,
        "open_step": step is not None,
    }
    rule = the_rule([r for r in table.FOLLOW_UP if "attenuation" in r.when and r.when["attenuation"] == "solid"], facts)
    why = [*nodule.why, change]
    if grew:
        return _noted(found(rule, view, look, why=why, basis=nodule.basis), nodule)
    why.extend(risk.why)
    if step is None:
        finding = found(rule, view, look, why=(*why, because("schedule_done")), basis=nodule.basis)
    else:
        why.append(because("schedule", rule=baseline_rule.id, earliest=step.months.earliest, baseline=first.date))
        finding = _from_baseline(rule, view, look, first.date, step.months, step.management, tuple(why), nodule.basis)
        if baseline_rule.id.endswith("GT8"):
            finding = with_more(finding, ambiguities=("AMB-10",))
    finding = _noted(finding, nodule)
    return finding if risk.level != "unknown" else _risk_branches(finding, view, family, size_class, first.date)


def _from_baseline(
    rule: Rule,
    view: View,
    look: Look,
    baseline: date,
    months: Months,
    management: str,
    why: tuple[Reason, ...],
    basis: Basis,
) -> Finding:
    return found(
        rule,
        view,
        look,
        why=why,
        months=months,
        anchor="baseline",
        anchor_date=baseline,
        management=management,
        basis=basis,
    )


def _schedule_class(family: Family, nodule: Sized, first: Measurement) -> str:
    """The higher of the class at baseline and the class judged now."""
    at_baseline = class_at(first, nodule.basis) or nodule.size_class
    return max(at_baseline, judged_class(family, nodule), key=ORDER.index)


def _risk_branches(finding: Finding, view: View, family: Family, size_class: str, baseline: date) -> Finding:
    """What each risk would have been given next; the row of the schedule names it."""
    marked = with_risk_branches(finding, family, size_class)
    if not marked.branches:
        return finding
    branches = []
    for branch in marked.branches:
        schedule = table.SCHEDULES[branch.rule_id.removeprefix(f"{table.CODE}.")]
        step = next((s for s in schedule if view.today < add_months(baseline, s.months.earliest)), None)
        management = "no_routine_followup" if step is None else step.management
        ending = "FU.SOLID.DONE" if step is None else "FU.SOLID.NEXT"
        branches.append(replace(branch, management=management, rule_id=f"{table.CODE}.{ending}"))
    return replace(marked, branches=tuple(branches))


# --- subsolid ---------------------------------------------------------------------------------------------------------


def subsolid_later(view: View, family: Family, nodule: Sized) -> Finding:
    """A subsolid nodule with an earlier measurement."""
    look, first = nodule.look, nodule.look.earlier[0]
    grew, change = subsolid_change(look, first)
    months = whole_months(first.date, view.today)
    why = (*nodule.why, change, because("since_baseline", months=months, baseline=first.date))
    rows = {rule.id.removeprefix(f"{table.CODE}.FU."): rule for rule in table.FOLLOW_UP}
    if grew:
        return _noted(found(rows["GROWTH.SUBSOLID"], view, look, why=why, basis=nodule.basis), nodule)
    if family.kind == "multiple":
        several = _several(rows, view, family, nodule, why)
        if several is not None:
            return _noted(several, nodule)
    if look.attenuation is Attenuation.PART_SOLID:
        return _noted(_part_solid(rows, view, nodule, why), nodule)
    if months >= FIVE_YEARS:
        return _noted(found(rows["SUBSOLID.DONE"], view, look, why=why, basis=nodule.basis), nodule)
    return _noted(_capped(rows["GGN.NEXT"], view, nodule, why), nodule)


def _several(
    rows: dict[str, Rule], view: View, family: Family, nodule: Sized, why: tuple[Reason, ...]
) -> Finding | None:
    """Several subsolid nodules; ``None`` when each is judged on its own (at least one >= 6, persistence confirmed)."""
    baseline = nodule.look.earlier[0].date
    if family.largest_class in table.GE6:
        if view.today >= add_months(baseline, CONFIRM.earliest):
            return None
        return _from_baseline(
            rows["MULTISUB.NEXT"],
            view,
            nodule.look,
            baseline,
            CONFIRM,
            "ct_3_6m_then_most_suspicious",
            why,
            nodule.basis,
        )
    if view.today >= add_months(baseline, FOUR_YEARS):
        return found(rows["SUBSOLID.DONE"], view, nodule.look, why=why, basis=nodule.basis)
    mark = 24 if view.today < add_months(baseline, 24) else FOUR_YEARS
    return _from_baseline(
        rows["MULTISUB.NEXT"], view, nodule.look, baseline, window(mark), "consider_ct_24m_48m", why, nodule.basis
    )


def _part_solid(rows: dict[str, Rule], view: View, nodule: Sized, why: tuple[Reason, ...]) -> Finding:
    look = nodule.look
    part = solid_part(look, nodule.basis)
    if part.size_class in table.GE6:
        finding = found(rows["PARTSOLID.PERSIST"], view, look, why=why, basis=nodule.basis)
    elif view.today >= add_months(look.earlier[0].date, FIVE_YEARS):
        finding = found(rows["SUBSOLID.DONE"], view, look, why=why, basis=nodule.basis)
    else:
        finding = _capped(rows["PARTSOLID.NEXT"], view, nodule, why)
    finding = with_solid_part(finding, part, nodule)
    return replace(
        finding,
        branches=tuple(
            replace(b, management=rows["PARTSOLID.PERSIST"].management, rule_id=rows["PARTSOLID.PERSIST"].id)
            if not b.rule_id.endswith("S.LT6")
            else replace(b, management=finding.code, rule_id=finding.rule.id)
            for b in finding.branches
        ),
    )


def _capped(rule: Rule, view: View, nodule: Sized, why: tuple[Reason, ...]) -> Finding:
    """The row's pace from this exam, but not later than five years after baseline (AMB-08, AMB-09)."""
    baseline = nodule.look.earlier[0].date
    assert rule.months is not None  # noqa: S101 - both rows have a pace
    if add_months(view.today, rule.months.latest) > add_months(baseline, FIVE_YEARS):
        return _from_baseline(rule, view, nodule.look, baseline, window(FIVE_YEARS), rule.management, why, nodule.basis)
    return found(rule, view, nodule.look, why=why, basis=nodule.basis)
