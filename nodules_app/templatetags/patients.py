"""How the page of a patient says its next step, its guidelines' answers, its exams and its work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.exchange.reports_words import GUIDELINE
from nodules_app.lifecycles import EXAM_MADE, NODULE, NoduleState, RunState, steps_from
from nodules_app.models import FROM_LIST, FollowUpKind, Origin, OutcomeKind, RunKind, Setting, Sex
from nodules_app.selectors import story
from nodules_app.selectors.patients import Answer, Owed, Work
from nodules_app.selectors.timeline import Change
from nodules_app.services.mdt.outcomes import CONFERENCE
from nodules_app.templatetags import drawings, quantities
from nodules_app.templatetags.follow_ups import STATE

register = template.Library()

NODULE_STATE: Final[dict[NoduleState, Promise]] = {
    NoduleState.ACTIVE: _("followed"),
    NoduleState.NOT_A_NODULE: _("not a nodule"),
    NoduleState.RESOLVED: _("resolved"),
    NoduleState.RESECTED: _("resected"),
    NoduleState.DISCHARGED: _("discharged"),
    NoduleState.MERGED: _("the same as another nodule"),
    NoduleState.TAKEN_BACK: _("taken back by its reader"),
}


@register.filter
def guideline_name(code: str) -> str:
    return GUIDELINE.get(code, code)


@register.filter
def management_words(code: str) -> str:
    """Say a management in the reader's language; a clinician's own step has the words of its reason instead."""
    if code.startswith(CONFERENCE):
        return gettext("The conference decided: %(outcome)s") % {"outcome": OutcomeKind(code[len(CONFERENCE) :]).label}
    if code == FROM_LIST:
        return gettext("As the clinic's own list says")
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
        title=step_title(step),
        because=_because(step, answers),
        tone="critical" if overdue else "brand",
        after=(
            Line("user", _owner(step)),
            Line("overdue" if overdue else "clock", _until(step, today)),
            Line("escalated", _if_nobody_acts(step, today)),
        ),
    )


def step_title(step: Owed | story.Owed) -> str:
    """Name the step that is owed with its days, in a few words."""
    first, last = day_text(step.due_from), day_text(step.due_until)
    if step.state in EXAM_MADE and step.exam_on is not None:
        return gettext("Read the exam of %(day)s") % {"day": day_text(step.exam_on)}
    if step.booked_on is not None:
        return gettext("CT booked on %(day)s") % {"day": day_text(step.booked_on)}
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
    if step.management == FROM_LIST:
        return gettext("The clinic's own list says so; no guideline was asked.")
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
        "day": day_text(step.due_until),
        "lateness": late,
    }


def _if_nobody_acts(step: Owed, today: date) -> str:
    if step.state in EXAM_MADE:
        return gettext("A later exam was received; it answers this step once it has been read")
    if step.is_overdue(today):
        return gettext("It stands first on the worklist until somebody acts")
    overdue_on = day_text(step.due_until + timedelta(days=1))
    return gettext("If nobody acts: overdue on %(day)s, then first on the worklist") % {"day": overdue_on}


def day_text(value: date) -> str:
    return formats.date_format(value, "DATE_FORMAT")


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


# Asked for by whoever looks, or sends a list.
NO_STEP: Final = (RunKind.SHOW, RunKind.SEE, RunKind.CHECK_LIST, RunKind.STORE_LIST)
ORDER: Final = tuple(kind for kind in RunKind if kind not in NO_STEP)


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
