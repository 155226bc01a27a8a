"""A case goes in, an assessment comes out: each guideline's answer, the risk, the growth, the next step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nodules_app.clinical import errors
from nodules_app.clinical.assessment import Assessment, Finding, Plan, Result
from nodules_app.clinical.case import Case
from nodules_app.clinical.editions.catalogue import DEFAULTS, EDITIONS
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.eligibility import RULES as ELIGIBILITY
from nodules_app.clinical.flips import flips
from nodules_app.clinical.growth import nodule_growth
from nodules_app.clinical.management import MANAGEMENT
from nodules_app.clinical.risk.models import risks
from nodules_app.clinical.stability import weigh_finding
from nodules_app.clinical.view import View, look_at

NO_CATEGORY: Final = frozenset({"not_applicable", "not_supported", "measurement_needed"})


def assess(case: Case) -> Assessment:
    """Evaluate a case.

    Parameters
    ----------
    case
        Built in Python or read by ``codec.case_from_json``.

    Returns
    -------
    Assessment
        One result per requested guideline, in that order. It depends on the case alone: no clock, no file, no float.

    Raises
    ------
    errors.UnknownWord
        A guideline or eligibility code that nobody knows.
    """
    view = look_at(case)
    results = tuple(evaluate(view, _edition(code)) for code in requested(case))
    look, models = risks(view)
    growths = (nodule_growth(nodule) for nodule in case.nodules)
    return Assessment(
        case_id=case.id,
        results=results,
        risk_nodule_id=None if look is None else look.nodule.id,
        risk=models,
        growth=tuple(growth for growth in growths if growth is not None),
        plan=next_step(results),
        eligibility={code: _eligible(code, view) for code in case.eligibility} if case.eligibility else None,
    )


def requested(case: Case) -> tuple[str, ...]:
    """The guidelines of a case: those it names, else the defaults of its setting."""
    return DEFAULTS[case.setting] if case.guidelines is None else case.guidelines


def _edition(code: str) -> Edition:
    if code not in EDITIONS:
        raise errors.UnknownWord(where="case", field="guidelines", value=code, allowed=", ".join(EDITIONS))
    return EDITIONS[code]


def _eligible(code: str, view: View) -> bool | None:
    if code not in ELIGIBILITY:
        raise errors.UnknownWord(where="case", field="eligibility", value=code, allowed=", ".join(ELIGIBILITY))
    return ELIGIBILITY[code].decide(view.case.patient, view.age)


def evaluate(view: View, edition: Edition) -> Result:
    """The answer of one guideline."""
    finding = edition.judge(view)
    return _result(view, edition, finding)


def _result(view: View, edition: Edition, finding: Finding) -> Result:
    rule = finding.rule
    code = finding.code
    applies = code not in NO_CATEGORY
    modifiers: tuple[str, ...] | None = None
    if edition.has_modifiers:
        modifiers = ("S",) if applies and view.exam.significant_other_finding else ()
    in_scope = code not in ("not_applicable", "not_supported")
    weighing = weigh_finding(view, edition, finding) if view.states_errors else None
    return Result(
        guideline=edition.code,
        edition=edition.edition,
        category=(finding.category or rule.category or rule.id.partition(".")[2]) if applies else code,
        rule_id=rule.id,
        management=code,
        interval=finding.interval if MANAGEMENT[code].kind == "D" else None,
        lead_nodule=finding.nodule_id,
        why=finding.why,
        missing=_once((*finding.missing, *(view.missing if in_scope else ()))),
        ambiguities=tuple(sorted(_once((*finding.ambiguities, *(view.ambiguities if in_scope else ()))))),
        source=rule.source,
        reliability=rule.reliability,
        branches=finding.branches + (() if weighing is None else weighing.branches),
        flips=flips(view, edition, finding),
        base_category=finding.base_category if applies else None,
        modifiers=modifiers,
        stability=None if weighing is None else weighing.stability,
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def next_step(results: Iterable[Result]) -> Plan | None:
    """The step of the first guideline that applies."""
    result = next((result for result in results if result.applies), None)
    return None if result is None else Plan(result.management, result.interval, result.rule_id)
