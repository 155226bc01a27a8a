"""An assessment as the JSON of the ``assess`` command; probabilities, ratios and days are decimal strings."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from nodules_app.clinical.assessment import Assessment, Branch, Plan, Probability, Result
from nodules_app.clinical.growth import Growth
from nodules_app.clinical.months import Interval

PROBABILITY: Final = Decimal("0.000001")
RATIO: Final = Decimal("0.000001")
FOUR: Final = Decimal("0.0001")
_WIDE: Final = Context(prec=100, rounding=ROUND_HALF_UP)

Json = dict[str, Any]


def written(value: Decimal, step: Decimal) -> str:
    """Half-up to the printed digits, never with an exponent."""
    return format(value.quantize(step, context=_WIDE), "f")


def _optional(value: Decimal | None, step: Decimal) -> str | None:
    return None if value is None else written(value, step)


def answer_to_json(assessment: Assessment) -> Json:
    """The answer of one case, in the field order of the contract."""
    answer: Json = {
        "id": assessment.case_id,
        "results": [_result(result) for result in assessment.results],
        "risk": {"nodule_id": assessment.risk_nodule_id}
        | {name: _risk(p) for name, p in assessment.risk.items() if p.probability is not None},
        "growth": [_growth(growth) for growth in assessment.growth],
        "plan": None if assessment.plan is None else _plan(assessment.plan),
    }
    if assessment.eligibility is not None:
        answer["eligibility"] = dict(assessment.eligibility)
    return answer


def kept_answer(assessment: Assessment) -> Json:
    """The answer as it is stored: beyond the contract each result keeps its reasons in Chinese and how firm it is."""
    answer = answer_to_json(assessment)
    for told, result in zip(answer["results"], assessment.results, strict=True):
        told["why_zh"] = list(result.sentences("zh"))
        told["stability"] = result.stability
    return answer


def _result(result: Result) -> Json:
    answer: Json = {
        "guideline": result.guideline,
        "edition": result.edition,
        "ruleset_version": result.ruleset_version,
        "category": result.category,
    }
    if result.modifiers is not None:
        answer |= {"base_category": result.base_category, "modifiers": list(result.modifiers)}
    text = result.management_text
    answer |= {
        "rule_id": result.rule_id,
        "management": result.management,
        "management_text": {"en": text.en, "zh": text.zh},
        "interval": None if result.interval is None else _interval(result.interval),
        "lead_nodule": result.lead_nodule,
        "why": list(result.sentences()),
        "missing": list(result.missing),
        "ambiguities": list(result.ambiguities),
        "source": result.source,
        "reliability": result.reliability,
        "branches": [_branch(branch) for branch in result.branches if is_told(branch, result)],
        "flips": [
            {"field": flip.field, "change": flip.change, "management": flip.management, "rule_id": flip.rule_id}
            for flip in result.flips
        ],
    }
    if result.stability not in (None, "stable"):
        answer["stability"] = result.stability
    return answer


def is_told(branch: Branch, result: Result) -> bool:
    """The contract prints alternatives: what the errors leave possible is one where the answer is not stable."""
    return branch.probability is None or result.stability != "stable"


def _dates(interval: Interval | None) -> Json:
    if interval is None:
        return {"earliest": None, "target": None, "latest": None}
    return {
        "earliest": interval.earliest.isoformat(),
        "target": interval.target.isoformat(),
        "latest": interval.latest.isoformat(),
    }


def _interval(interval: Interval) -> Json:
    months = interval.months
    return _dates(interval) | {
        "months": {"earliest": months.earliest, "target": months.target, "latest": months.latest},
        "anchor": interval.anchor,
        "anchor_date": interval.anchor_date.isoformat(),
    }


def _branch(branch: Branch) -> Json:
    return {
        "management": branch.management,
        "rule_id": branch.rule_id,
        "probability": _optional(branch.probability, PROBABILITY),
        "when": branch.when,
    }


def _risk(p: Probability) -> Json:
    return {"probability": _optional(p.probability, PROBABILITY), "valid": p.valid, "missing": list(p.missing)}


def _growth(growth: Growth) -> Json:
    interval = growth.vdt_ci95_days
    return {
        "nodule_id": growth.nodule_id,
        "from": growth.start.isoformat(),
        "to": growth.end.isoformat(),
        "days": growth.days,
        "basis": growth.basis,
        "volume_ratio": written(growth.volume_ratio, RATIO),
        "percent_change": written(growth.percent_change, FOUR),
        "vdt_days": _optional(growth.vdt_days, FOUR),
        "vdt_ci95_days": None if interval is None else [_optional(days, FOUR) for days in interval],
        "significant": growth.significant,
        "class": growth.kind,
        "vdt_class": growth.vdt_class,
    }


def _plan(plan: Plan) -> Json:
    return {"next_step": plan.next_step} | _dates(plan.interval) | {"because": plan.because}
