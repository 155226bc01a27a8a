"""How the answer of a guideline is laid out: its card, its meters, and the risk models beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.selectors.patients import Answer
from nodules_app.templatetags import drawings, quantities
from nodules_app.templatetags.patients import day_text, guideline_name, management_words

if TYPE_CHECKING:  # a floor's neighbour: only its shape is used here
    from nodules_app.charts.pairs import NoduleRow

register = template.Library()
MISSING_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Card:
    """One guideline's answer as ``components/recommendation.html`` takes it."""

    guideline: str
    say: str
    category: str
    window: str
    outcome: str
    certainty: str
    meter: drawings.Meter | None
    meter_title: str
    branches: tuple[tuple[float, str], ...]
    flips: tuple[tuple[str, str], ...]
    why: tuple[str, ...]  # in the open, where the answer is that there is none
    trace: tuple[str, ...]  # under the rule, where there is an answer
    changes: tuple[str, ...]
    rule: str
    source: str
    unverified: bool


LEVEL: Final[Mapping[str, str]] = {"stable": "stable", "borderline": "borderline", "could_go_either_way": "either"}
NOT_EVALUATED: Final[Mapping[str, str]] = {
    "not_applicable": "not-applicable",
    "not_supported": "not-applicable",
    "measurement_needed": "input-missing",
}


@register.simple_tag
def card(answer: Answer, rows: Sequence[NoduleRow]) -> Card:
    """Lay out one answer; everything in it comes from the clinical core, nothing is decided here."""
    result = answer.result
    outcome = NOT_EVALUATED.get(result["management"], "")
    lead = next((row for row in rows if row.nodule.label == result.get("lead_nodule")), None)
    flips = result.get("flips") or []
    why = _why(result)
    by_size, by_growth = _meter(result, flips, lead), _vdt_meter(answer)
    category = str(result.get("category") or "")
    named = str(result["rule_id"]).removeprefix(f"{answer.guideline}.")
    return Card(
        guideline=guideline_name(answer.guideline),
        say=management_words(result["management"]),
        category="" if outcome or category == named else category,
        window=_window(result.get("interval")),
        outcome=outcome,
        certainty=LEVEL.get(str(result.get("stability")), ""),
        meter=None if outcome else by_size or by_growth,
        meter_title=gettext("Measured size, and where the answer would change")
        if by_size
        else gettext("Doubling time since the first scan"),
        branches=tuple(_branches(result)),
        flips=tuple(_flip_words(flip) for flip in flips),
        why=why if outcome else (),
        trace=() if outcome else why,
        changes=_missing(result) if outcome else (),
        rule=str(result["rule_id"]),
        source=_source(result),
        unverified=str(result.get("reliability") or "").startswith("M"),
    )


def _why(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the reasons in the reader's language where the core wrote them in it, else in English."""
    chinese = result.get("why_zh") if get_language() == "zh-hans" else None
    return tuple(chinese or result.get("why") or ())


def _window(interval: Mapping[str, Any] | None) -> str:
    if not interval:
        return ""
    earliest, target, latest = (date.fromisoformat(interval[day]) for day in ("earliest", "target", "latest"))
    if earliest == latest:
        return gettext("Due %(day)s") % {"day": day_text(target)}
    return gettext("%(first)s to %(last)s, target %(target)s") % {
        "first": day_text(earliest),
        "last": day_text(latest),
        "target": day_text(target),
    }


def _branches(result: Mapping[str, Any]) -> list[tuple[float, str]]:
    """Give the answer and its alternatives with their probabilities, where a measurement error gives them."""
    told = [branch for branch in result.get("branches") or () if branch.get("probability") is not None]
    if not told:
        return []
    likely: dict[str, float] = {}
    for branch in told:
        likely[branch["management"]] = likely.get(branch["management"], 0.0) + float(branch["probability"])
    own = result["management"]
    likely[own] = likely.get(own, 0.0) + max(0.0, 1.0 - sum(likely.values()))
    return [(probability, management_words(code)) for code, probability in likely.items() if probability > 0]


def _missing(result: Mapping[str, Any]) -> tuple[str, ...]:
    fields = [str(field) for field in result.get("missing") or ()][:MISSING_SHOWN]
    return tuple(gettext("Tell: %(field)s") % {"field": field.replace("_", " ")} for field in fields)


def _source(result: Mapping[str, Any]) -> str:
    source, reliability = str(result.get("source") or ""), str(result.get("reliability") or "")
    return gettext("%(source)s · reliability %(reliability)s") % {"source": source, "reliability": reliability}


UNIT: Final[Mapping[str, str]] = {"size_mm": "mm", "volume_mm3": "mm³"}
GRADE: Final[Mapping[ManagementClass, str]] = {
    ManagementClass.NO_FOLLOW_UP: "a",
    ManagementClass.NOT_EVALUATED: "a",
    ManagementClass.DATED: "b",
    ManagementClass.WORK_UP: "c",
}
SHORT: Final[Mapping[ManagementClass, Promise]] = {
    ManagementClass.NO_FOLLOW_UP: _("no follow-up"),
    ManagementClass.NOT_EVALUATED: _("not evaluated"),
    ManagementClass.DATED: _("CT"),
    ManagementClass.WORK_UP: _("work-up"),
}


def _flip_words(flip: Mapping[str, Any]) -> tuple[str, str]:
    says = management_words(flip["management"])
    unit = UNIT.get(flip["field"])
    if unit is None:
        return gettext("by diameter alone"), says
    return f"{_signed(float(flip['change']))} {unit}", says


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else quantities.MINUS}{abs(change):g}"


def _meter(
    result: Mapping[str, Any], flips: Sequence[Mapping[str, Any]], lead: NoduleRow | None
) -> drawings.Meter | None:
    """Draw the lead's measured size against the nearest sizes at which the answer changes."""
    sized = sorted((flip for flip in flips if flip["field"] in UNIT), key=lambda flip: float(flip["change"]))
    measured = lead.shown if lead else None
    if not sized or measured is None or len({flip["field"] for flip in sized}) > 1:
        return None
    field = sized[0]["field"]
    if field == "volume_mm3":
        value, sd, digits = measured.volume_mm3, measured.volume_sd_mm3, 0
    else:
        value, sd, digits = measured.mean_diameter_mm, measured.mean_diameter_sd_mm, 1
    limits = [(value + float(flip["change"]), f"{_signed(float(flip['change']))} {UNIT[field]}") for flip in sized]
    below = [flip for flip in sized if float(flip["change"]) < 0]
    above = [flip for flip in sized if float(flip["change"]) > 0]
    kinds = [MANAGEMENT[code].kind for code in _in_order(below, result["management"], above)]
    label = f"{value:.{digits}f} {UNIT[field]}"
    half = quantities.Z_95 * sd
    return drawings.meter(
        name=gettext("%(value)s, 95 %% interval %(low)s to %(high)s; the answer changes at %(limits)s")
        % {
            "value": label,
            "low": f"{value - half:.{digits}f}",
            "high": f"{value + half:.{digits}f}",
            "limits": ", ".join(words for _limit, words in limits),
        },
        label=label,
        value=value,
        interval_95=(value - half, value + half),
        thresholds=limits,
        zones=[(GRADE[kind], str(SHORT[kind])) for kind in kinds],
    )


# Classes of doubling time (clinical.growth.classify_vdt); the editions named here decide by them once a nodule grows.
VDT_LIMITS_DAYS: Final = (400, 600)
DECIDE_BY_VDT: Final = ("BTS2015", "NELSON", "EUPS2017")


def _vdt_meter(answer: Answer) -> drawings.Meter | None:
    """Draw the lead's doubling time with its interval against the classes, where growth was what decided."""
    if answer.guideline not in DECIDE_BY_VDT or ".GROWTH" not in str(answer.result["rule_id"]):
        return None
    grown = since_first([answer], str(answer.result.get("lead_nodule")))
    if grown is None or not grown.get("vdt_class") or not grown.get("vdt_ci95_days"):
        return None
    low, high = (None if end is None else float(end) for end in grown["vdt_ci95_days"])
    if low is None:
        return None
    label = gettext("%(days)s d") % {"days": round(float(grown["vdt_days"]))}
    until = gettext("unbounded") if high is None else f"{high:.0f}"
    return drawings.meter(
        name=gettext("Doubling time %(value)s, 95 %% interval %(low)s to %(high)s; classes end at 400 and 600 days")
        % {"value": label, "low": f"{low:.0f}", "high": until},
        label=label,
        value=float(grown["vdt_days"]),
        interval_95=(low, high),
        thresholds=[(days, gettext("%(days)s d") % {"days": days}) for days in VDT_LIMITS_DAYS],
        zones=[("c", gettext("fast")), ("b", ""), ("a", gettext("slow"))],
        logarithmic=True,
    )


def _in_order(below: Sequence[Mapping[str, Any]], own: str, above: Sequence[Mapping[str, Any]]) -> list[str]:
    return [*(flip["management"] for flip in below), own, *(flip["management"] for flip in above)]


@register.filter
def since_first(answers: Sequence[Answer], label: str) -> Mapping[str, Any] | None:
    """Give the growth of a nodule from its first to its last measurement, as the clinical core computed it."""
    for answer in answers:
        for growth in answer.growth:
            if growth.get("nodule_id") == label and growth.get("basis") == "volume":
                return growth
    return None


@register.filter
def percent_words(change: str | None) -> str:
    """Write a percentage that the clinical core gave as a decimal: "58.3333" becomes +58 %."""
    return "–" if change is None else quantities.signed_percent(1 + float(change) / 100)


MODEL: Final[Mapping[str, str]] = {
    "brock_1a": "Brock 1a",
    "brock_1b": "Brock 1b",
    "brock_2a": "Brock 2a",
    "brock_2b": "Brock 2b",
    "mayo": "Mayo",
    "herder": "Herder",
    "va": "VA",
    "pkuph": "PKUPH",
    "plcom2012": "PLCOm2012",
}


class Risk(NamedTuple):
    """What one model says, and whether the patient is of the people it was made for."""

    model: str
    percent: str
    valid: bool


class Risks(NamedTuple):
    nodule: str
    models: tuple[Risk, ...]


@register.filter
def risk_models(answers: Sequence[Answer]) -> Risks | None:
    """Give the probability of cancer by each model that could be computed; all answers of a day carry the same."""
    told = max(answers, key=lambda answer: answer.given_at).risk if answers else {}
    models = tuple(
        Risk(name, percent_of(told[code]["probability"]), bool(told[code].get("valid")))
        for code, name in MODEL.items()
        if isinstance(told.get(code), Mapping) and told[code].get("probability") is not None
    )
    return Risks(str(told.get("nodule_id") or ""), models) if models else None


def percent_of(probability: str) -> str:
    """Write a decimal probability with two digits that say something: 2.4 %, 38 %."""
    value = 100 * float(probability)
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"
