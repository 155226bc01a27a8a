"""European position statement 2017, Lancet Oncol 2017;18:e754: solid nodules at screening, by volume.

Only the limits 300 mm3 (baseline) and 200 mm3 (new) were read (P); the other rows rest on memory (M).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Finding
from nodules_app.clinical.case import Attenuation, ExamKind, Status
from nodules_app.clinical.editions.edition import Edition, basis_of, found, most_urgent, scope_facts, scope_reason
from nodules_app.clinical.growth import Growth, growth_between
from nodules_app.clinical.months import Months, window
from nodules_app.clinical.reasons import because
from nodules_app.clinical.rules import NOTHING, Condition, Fact, Rule, first_rule, span, the_rule
from nodules_app.clinical.sizes import half_up, longest_mm
from nodules_app.clinical.view import Look, View, is_benign

CODE: Final = "EUPS2017"
ANNUAL: Final = window(12)
RECALL: Final = window(3)
HUNDREDTH: Final = Decimal("0.01")


def _row(
    ending: str,
    when: Mapping[str, Condition],
    management: str,
    months: Months | None,
    reliability: str = "M",
    *ambiguities: str,
) -> Rule:
    return Rule(
        f"{CODE}.{ending}", when, management, months, "European position statement 2017", reliability, ambiguities
    )


SCOPE: Final = (_row("SCOPE.NOT_SCREENING", {"setting": "incidental"}, "not_applicable", None, "P"),)
NO_SOLID: Final = _row("SCOPE.NO_SOLID", {"solid_nodules": False}, "not_applicable", None, "P")
MEASUREMENT: Final = _row("MEASUREMENT", NOTHING, "measurement_needed", None)
BENIGN: Final = _row("BENIGN", {"benign": True}, "eups_annual", ANNUAL)
ROWS: Final = (
    _row("BASE.LT100", {"status": "baseline", "volume_mm3": span("< 100")}, "eups_annual", ANNUAL),
    _row("BASE.100-300", {"status": "baseline", "volume_mm3": span("[100, 300]")}, "eups_ct_3m", RECALL),
    _row("BASE.GT300", {"status": "baseline", "volume_mm3": span("> 300")}, "eups_mdt", None, "P"),
    _row("BASE.LT100", {"status": "baseline", "largest_mm": span("< 5")}, "eups_annual", ANNUAL),
    _row("BASE.100-300", {"status": "baseline", "largest_mm": span("[5, 10]")}, "eups_ct_3m", RECALL),
    _row("BASE.GT300", {"status": "baseline", "largest_mm": span("> 10")}, "eups_mdt", None, "P"),
    _row("NEW.LT30", {"status": "new", "volume_mm3": span("< 30")}, "eups_annual", ANNUAL),
    _row("NEW.30-200", {"status": "new", "volume_mm3": span("[30, 200]")}, "eups_ct_3m", RECALL),
    _row("NEW.GT200", {"status": "new", "volume_mm3": span("> 200")}, "eups_mdt", None, "P"),
)
FOLLOW_UP: Final = (
    _row("FU.STABLE", {"growth": False}, "eups_annual", ANNUAL),
    _row("FU.STABLE", {"growth": True, "vdt_days": span("> 600")}, "eups_annual", ANNUAL),
    _row("FU.400-600", {"growth": True, "vdt_days": span("[400, 600]")}, "eups_ct_3m", RECALL, "M", "AMB-43"),
    _row("FU.LT400", {"growth": True, "vdt_days": span("< 400")}, "eups_mdt", None),
)
RULES: Final = (*SCOPE, NO_SOLID, MEASUREMENT, BENIGN, *ROWS, *FOLLOW_UP)


def judge(view: View) -> Finding:
    """What the statement says about the exam."""
    scope = first_rule(SCOPE, scope_facts(view))
    if scope is not None:
        return found(scope, view, why=(scope_reason(scope, view),))
    solids = [look for look in view.present if look.attenuation is Attenuation.SOLID]
    if not solids:
        return found(NO_SOLID, view, why=(because("no_solid"),))
    findings = [_classify(view, look) for look in solids if not is_benign(look.nodule)]
    return most_urgent(findings or [found(BENIGN, view, look, why=(because("benign"),)) for look in solids])


def _status(view: View, look: Look) -> str:
    """New by the reader's word, or because an earlier exam did not show it; else the baseline rows."""
    stated = look.nodule.status
    if stated is not None:
        return "new" if stated is Status.NEW else "baseline"
    first_exam = len(view.exams) == 1 and view.exam.kind is ExamKind.BASELINE
    return "baseline" if look.seen_before or first_exam else "new"


def _classify(view: View, look: Look) -> Finding:
    stated_first = look.nodule.status in (Status.BASELINE, Status.NEW)
    if look.earlier and not stated_first:
        growth = growth_between(look.nodule.id, look.earlier[0], look.now, only_for_rules=True)
        if growth is not None:
            return _by_growth(view, look, growth)
    basis, now, status = basis_of(view, look, volume_first=True), look.now, _status(view, look)
    by_volume = basis == "volume" or (status == "new" and now.volume_mm3 is not None)
    facts: dict[str, Fact] = {
        "status": status,
        "volume_mm3": now.volume_mm3 if by_volume else None,
        "largest_mm": None if by_volume else longest_mm(now),
    }
    rule = first_rule(ROWS, facts)
    if rule is None:
        return found(MEASUREMENT, view, look, why=(because("unmeasured"),), missing=("volume_mm3",))
    why = because("volume", volume_mm3=now.volume_mm3) if by_volume else because("largest_raw", size_mm=longest_mm(now))
    return found(
        rule, view, look, why=(because("status", status=status), why), basis="volume" if by_volume else "diameter"
    )


def _by_growth(view: View, look: Look, growth: Growth) -> Finding:
    rule = the_rule(FOLLOW_UP, {"growth": growth.significant, "vdt_days": growth.vdt_days})
    change = f"{half_up(growth.percent_change, HUNDREDTH):+f}"
    why = [because("grew_volume" if growth.significant else "same_volume", percent=change, earlier_on=growth.start)]
    if growth.significant and growth.vdt_days is not None:
        why.append(because("vdt", days=half_up(growth.vdt_days, HUNDREDTH)))
    return found(rule, view, look, why=why, basis=growth.basis)


def part_played(view: View, look: Look) -> Hashable:
    """The row of one nodule; no other nodule changes it."""
    rule = _classify(view, look).rule
    return rule.id, rule.management


EDITION: Final = Edition(
    CODE,
    "2017",
    "European position statement 2017",
    RULES,
    judge,
    volume_first=True,
    compares=("volume_ratio", "volume_vdt", "mean_mm", "mean_vdt"),
    compares_one_size=True,
    part_played=part_played,
)
