"""NELSON trial protocol (2003-; NEJM 2020): categories by volume and by volume doubling time, screening only.

All recalls at three months (AMB-42). The nodule with the most urgent category leads.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Basis, Finding
from nodules_app.clinical.case import Attenuation
from nodules_app.clinical.editions.edition import Edition, found, scope_facts, scope_reason
from nodules_app.clinical.growth import Growth, growth_between
from nodules_app.clinical.months import Months, window
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.rules import NOTHING, Condition, Fact, Rule, first_rule, span
from nodules_app.clinical.sizes import half_up, mean_mm
from nodules_app.clinical.view import Look, View, is_benign, suspicion_order

CODE: Final = "NELSON"
ANNUAL: Final = window(12)
RECALL: Final = window(3)


def _row(
    ending: str,
    category: str,
    when: Mapping[str, Condition],
    management: str,
    months: Months | None,
    *ambiguities: str,
) -> Rule:
    part = "growth categories" if category.startswith("GROWCAT") else "nodule categories"
    return Rule(f"{CODE}.{ending}", when, management, months, f"NELSON protocol, {part}", "S", ambiguities, category)


SCOPE: Final = (_row("SCOPE.NOT_SCREENING", "", {"setting": "incidental"}, "not_applicable", None),)
NONE: Final = _row("NONE", "NODCAT1", NOTHING, "nelson_annual", ANNUAL)
MEASUREMENT: Final = _row("MEASUREMENT", "", NOTHING, "measurement_needed", None, "AMB-48")
BENIGN: Final = _row("NODCAT1", "NODCAT1", {"benign": True}, "nelson_annual", ANNUAL)
SIZES: Final = (
    _row("NODCAT2", "NODCAT2", {"kind": "solid", "volume_mm3": span("< 50")}, "nelson_annual", ANNUAL),
    _row("NODCAT3", "NODCAT3", {"kind": "solid", "volume_mm3": span("[50, 500]")}, "nelson_ct_3m", RECALL, "AMB-42"),
    _row("NODCAT4", "NODCAT4", {"kind": "solid", "volume_mm3": span("> 500")}, "nelson_refer", None),
    _row("NODCAT2", "NODCAT2", {"kind": "pleural_based", "short_axis_mm": span("< 5")}, "nelson_annual", ANNUAL),
    _row(
        "NODCAT3",
        "NODCAT3",
        {"kind": "pleural_based", "short_axis_mm": span("[5, 10]")},
        "nelson_ct_3m",
        RECALL,
        "AMB-42",
    ),
    _row("NODCAT4", "NODCAT4", {"kind": "pleural_based", "short_axis_mm": span("> 10")}, "nelson_refer", None),
    _row(
        "NODCAT2",
        "NODCAT2",
        {"kind": "part_solid", "mean_mm": span("< 8"), "solid_volume_mm3": span("< 50")},
        "nelson_annual",
        ANNUAL,
    ),
    _row(
        "NODCAT3",
        "NODCAT3",
        {"kind": "part_solid", "mean_mm": span(">= 8"), "solid_volume_mm3": span("< 50")},
        "nelson_ct_3m",
        RECALL,
        "AMB-42",
    ),
    _row(
        "NODCAT3",
        "NODCAT3",
        {"kind": "part_solid", "solid_volume_mm3": span("[50, 500]")},
        "nelson_ct_3m",
        RECALL,
        "AMB-42",
    ),
    _row("NODCAT4", "NODCAT4", {"kind": "part_solid", "solid_volume_mm3": span("> 500")}, "nelson_refer", None),
    _row("NODCAT2", "NODCAT2", {"kind": "ground_glass", "mean_mm": span("< 8")}, "nelson_annual", ANNUAL),
    _row("NODCAT3", "NODCAT3", {"kind": "ground_glass", "mean_mm": span(">= 8")}, "nelson_ct_3m", RECALL, "AMB-42"),
)
GROWTH: Final = (
    _row("GROWCAT.C", "GROWCAT_C", {"new_solid_component": True}, "nelson_refer", None),
    _row("GROWCAT.A", "GROWCAT_A", {"new_solid_component": False, "growth": False}, "nelson_annual", ANNUAL),
    _row(
        "GROWCAT.A",
        "GROWCAT_A",
        {"new_solid_component": False, "growth": True, "vdt_days": span("> 600")},
        "nelson_annual",
        ANNUAL,
    ),
    _row(
        "GROWCAT.B",
        "GROWCAT_B",
        {"new_solid_component": False, "growth": True, "vdt_days": span("[400, 600]")},
        "nelson_annual",
        ANNUAL,
    ),
    _row(
        "GROWCAT.C",
        "GROWCAT_C",
        {"new_solid_component": False, "growth": True, "vdt_days": span("< 400")},
        "nelson_refer",
        None,
    ),
)
RULES: Final = (*SCOPE, NONE, MEASUREMENT, BENIGN, *SIZES, *GROWTH)
URGENCY: Final = (
    "NODCAT1",
    "GROWCAT_A",
    "NODCAT2",
    "GROWCAT_B",
    "",
    "NODCAT3",
    "GROWCAT_C",
    "NODCAT4",
)  # "": unmeasured
FIELD_OF: Final = {
    "solid": "volume_mm3",
    "pleural_based": "short_axis_mm",
    "part_solid": "solid_volume_mm3",
    "ground_glass": "long_axis_mm",
}
HUNDREDTH: Final = Decimal("0.01")


def judge(view: View) -> Finding:
    """The category of the exam."""
    scope = first_rule(SCOPE, scope_facts(view))
    if scope is not None:
        return found(scope, view, why=(scope_reason(scope, view),))
    if not view.present:
        return found(NONE, view, why=(because("no_nodule"),))
    findings = [_classify(view, look) for look in view.present]
    return max(findings, key=lambda f: (URGENCY.index(f.rule.category), *_size(f)))


def _size(finding: Finding) -> tuple[Decimal, Decimal]:
    return (Decimal(0), Decimal(0)) if finding.look is None else suspicion_order(finding.look)


def _classify(view: View, look: Look) -> Finding:
    if is_benign(look.nodule):
        return found(BENIGN, view, look, why=(because("benign"),))
    growth = _growth(look)
    if look.developed_solid or growth is not None:
        return _by_growth(view, look, growth)
    kind = _kind(look)
    now = look.now
    facts: dict[str, Fact] = {
        "kind": kind,
        "volume_mm3": now.volume_mm3,
        "short_axis_mm": now.short_axis_mm,
        "mean_mm": mean_mm(now),
        "solid_volume_mm3": now.solid_volume_mm3,
    }
    rule = first_rule(SIZES, facts)
    if rule is None:
        return found(MEASUREMENT, view, look, why=(because("unmeasured"),), missing=(FIELD_OF[kind],))
    basis: Basis = "volume" if kind == "solid" else "diameter"
    return found(rule, view, look, why=(_size_why(look, kind),), basis=basis)


def _kind(look: Look) -> str:
    """Pleural-based solid nodules go by their short axis; without one by volume, as others."""
    if look.attenuation is not Attenuation.SOLID:
        return look.attenuation.value
    pleural = look.nodule.location.juxtapleural
    by_axis = pleural and (look.now.short_axis_mm is not None or look.now.volume_mm3 is None)
    return "pleural_based" if by_axis else "solid"


def _size_why(look: Look, kind: str) -> Reason:
    now = look.now
    if kind == "pleural_based":
        return because("short_axis_size", size_mm=now.short_axis_mm)
    if kind == "part_solid":
        return because("solid_volume", volume_mm3=now.solid_volume_mm3)
    if kind == "solid":
        return because("volume", volume_mm3=now.volume_mm3)
    return because("mean_raw", size_mm=mean_mm(now))


def _growth(look: Look) -> Growth | None:
    """First against current volume of an existing solid nodule."""
    if look.attenuation is not Attenuation.SOLID or not look.earlier:
        return None
    growth = growth_between(look.nodule.id, look.earlier[0], look.now, only_for_rules=True)
    return growth if growth is not None and growth.basis == "volume" else None


def _by_growth(view: View, look: Look, growth: Growth | None) -> Finding:
    grew = growth is not None and growth.significant
    facts: dict[str, Fact] = {
        "new_solid_component": look.developed_solid,
        "growth": grew,
        "vdt_days": None if growth is None else growth.vdt_days,
    }
    rule = first_rule(GROWTH, facts)
    assert rule is not None  # noqa: S101 - the rows cover every growth
    why = [because("solid_developed")] if look.developed_solid else []
    if growth is not None:
        change = f"{half_up(growth.percent_change, HUNDREDTH):+f}"
        why.append(because("grew_volume" if grew else "same_volume", percent=change, earlier_on=growth.start))
        if grew and growth.vdt_days is not None:
            why.append(because("vdt", days=half_up(growth.vdt_days, HUNDREDTH)))
    return found(rule, view, look, why=why, basis="volume" if growth is not None else None)


def part_played(view: View, look: Look) -> Hashable:
    """The row of one nodule; no other nodule changes it."""
    rule = _classify(view, look).rule
    return rule.id, rule.management


EDITION: Final = Edition(
    CODE,
    "trial protocol",
    "NELSON trial protocol",
    RULES,
    judge,
    volume_first=True,
    reads_short_axis=True,
    compares=("volume_ratio", "volume_vdt"),
    compares_one_size=True,
    part_played=part_played,
)
