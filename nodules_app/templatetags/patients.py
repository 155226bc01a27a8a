"""How the page of a patient says its next step, its guidelines' answers, its exams and its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.lifecycles import NODULE, FollowUpState, NoduleState, RunState, steps_from
from nodules_app.models import FollowUpKind, Origin, RunKind, Setting, Sex
from nodules_app.selectors.patients import Answer, Owed, Work
from nodules_app.selectors.timeline import Change
from nodules_app.templatetags import drawings, quantities

if TYPE_CHECKING:  # a floor's neighbour: only its shape is used here
    from nodules_app.charts.pairs import NoduleRow

register = template.Library()

GUIDELINE: Final[dict[str, str]] = {
    "FLEISCHNER2017": "Fleischner 2017",
    "LUNGRADS2022": "Lung-RADS v2022",
    "BTS2015": "BTS 2015",
    "ACCP2013": "ACCP 2013",
    "NELSON": "NELSON",
    "EUPS2017": "EUPS 2017",
    "CHINA2024": "China 2024",
}
STATE: Final[dict[FollowUpState, Promise]] = {
    FollowUpState.PROPOSED: _("Proposed by the rules; nobody has signed it"),
    FollowUpState.PLANNED: _("Planned and signed"),
    FollowUpState.BOOKED: _("Booked"),
    FollowUpState.PERFORMED: _("The exam was made; its result is awaited"),
}
NODULE_STATE: Final[dict[NoduleState, Promise]] = {
    NoduleState.CANDIDATE: _("proposed by a program"),
    NoduleState.ACTIVE: _("followed"),
    NoduleState.NOT_A_NODULE: _("not a nodule"),
    NoduleState.RESOLVED: _("resolved"),
    NoduleState.RESECTED: _("resected"),
    NoduleState.DISCHARGED: _("discharged"),
}
MISSING_SHOWN: Final = 6


@register.filter
def guideline_name(code: str) -> str:
    return GUIDELINE.get(code, code)


@register.filter
def management_words(code: str) -> str:
    """Say a management in the reader's language; a clinician's own step has the words of its reason instead."""
    management = MANAGEMENT.get(code)
    if management is None:
        return gettext("Another step, chosen by a clinician")
    return management.zh if get_language() == "zh-hans" else management.en


@register.filter
def sex_word(sex: str) -> str:
    return str(Sex(sex).label)


@register.filter
def setting_word(setting: str) -> str:
    return str(Setting(setting).label)


@register.filter
def origin_word(origin: str) -> str:
    return str(Origin(origin).label)


@register.filter
def nodule_state_word(state: NoduleState) -> Promise:
    return NODULE_STATE[state]


@register.filter
def can_reopen(state: NoduleState) -> bool:
    return "reopen" in steps_from(NODULE, state)


class Line(NamedTuple):
    icon: str
    text: str


class Step(NamedTuple):
    """The one next step in words."""

    title: str
    because: str
    tone: str
    after: tuple[Line, ...]


@register.simple_tag
def next_step_words(step: Owed, answers: Sequence[Answer], today: date) -> Step:
    """Say what is owed, why, until when, by whom, and what happens if nobody acts."""
    overdue = step.is_overdue(today)
    return Step(
        title=_title(step),
        because=_because(step, answers),
        tone="critical" if overdue else "brand",
        after=(
            Line("user", _owner(step)),
            Line("overdue" if overdue else "clock", _until(step, today)),
            Line("escalated", _if_nobody_acts(step, today)),
        ),
    )


def _title(step: Owed) -> str:
    first, last = _day(step.due_from), _day(step.due_until)
    if step.booked_on is not None:
        return gettext("CT booked on %(day)s") % {"day": _day(step.booked_on)}
    if step.kind == FollowUpKind.REVIEW:
        return gettext("Look at %(nodules)s and decide") % {"nodules": ", ".join(step.nodules)}
    if step.kind == FollowUpKind.WORKUP:
        return gettext("Work-up now, by %(day)s") % {"day": last}
    if step.kind == FollowUpKind.DISCHARGE:
        return gettext("Decide on discharge by %(day)s") % {"day": last}
    if step.due_from == step.due_until:
        return gettext("CT on %(day)s") % {"day": first}
    return gettext("CT between %(first)s and %(last)s") % {"first": first, "last": last}


def _because(step: Owed, answers: Sequence[Answer]) -> str:
    if not step.rule_id:
        return gettext("No rule has answered yet: a result is awaited, was refused, or could not be measured.")
    told = [
        gettext("%(guideline)s: “%(says)s”")
        % {"guideline": guideline_name(step.guideline), "says": management_words(step.management)}
    ]
    for answer in answers:
        management = answer.result["management"]
        differs = (
            answer.guideline != step.guideline and MANAGEMENT[management].kind is not ManagementClass.NOT_EVALUATED
        )
        if differs and management != step.management:
            told.append(
                gettext("%(guideline)s: “%(says)s”")
                % {"guideline": guideline_name(answer.guideline), "says": management_words(management)}
            )
    return " ".join(told)


def _owner(step: Owed) -> str:
    return gettext("Owner: %(name)s") % {"name": step.owner} if step.owner else gettext("Nobody owns this step yet")


def _until(step: Owed, today: date) -> str:
    state = str(STATE[step.state])
    late = quantities.lateness(step.due_until, today)
    return gettext("%(state)s · closes %(day)s (%(lateness)s)") % {
        "state": state,
        "day": _day(step.due_until),
        "lateness": late,
    }


def _if_nobody_acts(step: Owed, today: date) -> str:
    if step.is_overdue(today):
        return gettext("It stands first on the worklist until somebody acts")
    overdue_on = _day(step.due_until + timedelta(days=1))
    return gettext("If nobody acts: overdue on %(day)s, then first on the worklist") % {"day": overdue_on}


def _day(value: date) -> str:
    return formats.date_format(value, "DATE_FORMAT")


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
    category = str(result.get("category") or "")
    named = str(result["rule_id"]).removeprefix(f"{answer.guideline}.")
    return Card(
        guideline=guideline_name(answer.guideline),
        say=management_words(result["management"]),
        category="" if outcome or category == named else category,
        window=_window(result.get("interval")),
        outcome=outcome,
        certainty=LEVEL.get(str(result.get("stability")), ""),
        meter=None if outcome else _meter(result, flips, lead),
        meter_title=gettext("Measured size, and where the answer would change"),
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
        return gettext("Due %(day)s") % {"day": _day(target)}
    return gettext("%(first)s to %(last)s, target %(target)s") % {
        "first": _day(earliest),
        "last": _day(latest),
        "target": _day(target),
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


WORK: Final[dict[RunState, tuple[str, str]]] = {
    RunState.QUEUED: ("clock", ""),
    RunState.RUNNING: ("performed", ""),
    RunState.SUCCEEDED: ("done", ""),
    RunState.REFUSED: ("slash", "critical"),
    RunState.FAILED: ("broken", "critical"),
    RunState.CANCELLED: ("cross", "off"),
}


@register.filter
def work_icon(work: Work) -> str:
    return WORK[work.state][0]


@register.filter
def work_tone(work: Work) -> str:
    return WORK[work.state][1]


ORDER: Final = tuple(RunKind)


STEPPER: Final[Mapping[RunState, str]] = {
    RunState.SUCCEEDED: "done",
    RunState.REFUSED: "refused",
    RunState.FAILED: "failed",
}


class Progress(NamedTuple):
    label: str
    state: str
    note: str


@register.filter
def progress_steps(runs: Sequence[Work]) -> list[Progress]:
    """Give the steps of the present chain of work: of each kind the latest run, in the order of the main job."""
    latest: dict[str, Work] = {}
    for run in runs:  # the latest first
        latest.setdefault(run.kind, run)
    steps = []
    for kind in ORDER:
        last = latest.get(kind)
        label = str(kind.label)
        if last is None:
            steps.append(Progress(label, "", ""))
        elif last.state is RunState.RUNNING:
            steps.append(Progress(label, "running", f"{last.progress} %"))
        else:
            steps.append(Progress(label, STEPPER.get(last.state, ""), quantities.lasted(last.lasted)))
    return steps


@register.filter
def notices_words(notices: Sequence[Mapping[str, Any]]) -> str:
    return " · ".join(str(notice.get("sentence", "")) for notice in notices)


@register.filter
def yes_no(value: object) -> str:
    if value is None:
        return gettext("unknown")
    return gettext("yes") if value else gettext("no")


@register.filter
def as_percent(probability: float) -> str:
    """Write a probability; a doubt never becomes 0 % or 100 %."""
    return drawings.percent(probability)


@register.filter
def doubling_words(change: Change) -> str:
    """Say the doubling time of a real growth; else that it shrinks, or what the two scans leave possible."""
    low, high = change.volume_ratio_low, change.volume_ratio_high
    if low is None or high is None:
        return "–"
    if high < 1:
        return gettext("shrinking")
    if change.significant or change.vdt_low_days is None:
        return quantities.vdt_words(change)
    return gettext("longer than %(days)s d") % {"days": round(change.vdt_low_days)}


@register.filter
def is_within_error(change: Change) -> bool:
    """Tell whether no change at all lies inside the interval of the ratio."""
    low, high = change.volume_ratio_low, change.volume_ratio_high
    return low is not None and high is not None and low <= 1 <= high


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
