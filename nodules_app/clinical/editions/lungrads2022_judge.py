"""Lung-RADS v2022 for a whole exam: scope, category 0, the nodule of highest suspicion (reference 2, 2.6)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from nodules_app.clinical.assessment import Finding
from nodules_app.clinical.case import Incomplete
from nodules_app.clinical.editions import lungrads2022 as table
from nodules_app.clinical.editions.edition import Edition, found, scope_facts, scope_reason, with_more
from nodules_app.clinical.editions.lungrads2022_reading import classify, rank
from nodules_app.clinical.reasons import because
from nodules_app.clinical.rules import first_rule
from nodules_app.clinical.sizes import TENTH
from nodules_app.clinical.view import Look, View, suspicion_order

ZERO: Final = dict(zip((Incomplete.PRIOR, Incomplete.LUNGS, Incomplete.INFECTION), table.ZERO, strict=True))


def judge(view: View) -> Finding:
    """The category of the exam."""
    scope = first_rule(table.SCOPE, scope_facts(view))
    if scope is not None:
        return found(scope, view, why=(scope_reason(scope, view),))
    incomplete = view.exam.incomplete
    overridden = incomplete is Incomplete.INFECTION and view.exam.infection_overridden
    if incomplete is not None and not overridden:
        return found(
            ZERO[incomplete], view, why=(because("incomplete", what=incomplete),), category="0", base_category="0"
        )
    finding = _lead(view)
    if overridden:
        return with_more(finding, why=(because("infection_overridden"),), ambiguities=("AMB-20",))
    return finding


def _lead(view: View) -> Finding:
    findings = [finding for look in view.present if (finding := classify(view, look)) is not None]
    if not findings:
        code = "all_resolved" if view.resolved and not view.present else "no_nodule"
        return found(table.NONE, view, why=(because(code),), category="1", base_category="1")
    best = max(_suspicion(finding) for finding in findings)
    candidates = [finding for finding in findings if _suspicion(finding) == best]
    return max(candidates, key=lambda f: (0, 0) if f.look is None else suspicion_order(f.look))


def _suspicion(finding: Finding) -> float:
    """An unmeasured nodule stands above 2 and below 3: the exam is not negative while it stands."""
    return rank("2") + 0.5 if finding.code == "measurement_needed" else rank(finding.category)


def part_played(view: View, look: Look) -> Hashable:
    """The category and the management of one nodule; no other nodule changes them."""
    finding = classify(view, look)
    return None if finding is None else (finding.code, finding.rule.id, finding.category)


EDITION: Final = Edition(
    "LUNGRADS2022",
    "v2022",
    "ACR Lung-RADS v2022",
    table.RULES,
    judge,
    has_modifiers=True,
    reports_to=TENTH,
    compares=("reported_mm",),
    compares_one_size=True,
    compares_previous=True,
    reads_solid_size=True,
    reads_solid_growth=True,
    reads_class_before=True,
    part_played=part_played,
)
