"""How the conference is said: why a case is on, how far it is, what it lacks, and the outcome read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.conference import ConferenceReason
from nodules_app.lifecycles import MdtCaseState, NoSuchStep
from nodules_app.models import Discipline, OutcomeKind, Pathology
from nodules_app.services.mdt.cases import missing_of_facts

if TYPE_CHECKING:
    from nodules_app.selectors.mdt import CaseLine

register = template.Library()

REASON: Final[dict[ConferenceReason, Promise]] = {
    ConferenceReason.CATEGORY_4B: _("Lung-RADS 4B"),
    ConferenceReason.CATEGORY_4X: _("Lung-RADS 4X"),
    ConferenceReason.BROCK: _("Brock 10 % or more"),
    ConferenceReason.FAST_GROWTH: _("Doubles in under 400 days"),
    ConferenceReason.NEW_SOLID_PART: _("New solid part"),
}
STATE: Final[dict[MdtCaseState, Promise]] = {
    MdtCaseState.DRAFT: _("Being written"),
    MdtCaseState.SUBMITTED: _("Asked for"),
    MdtCaseState.RETURNED: _("Sent back: something is missing"),
    MdtCaseState.LISTED: _("On the list"),
    MdtCaseState.DISCUSSED: _("Discussed"),
    MdtCaseState.NOT_DISCUSSED: _("Not reached: to be listed again"),
    MdtCaseState.OUTCOME_DRAFT: _("Outcome to be confirmed"),
    MdtCaseState.OUTCOME_CONFIRMED: _("Outcome confirmed"),
    MdtCaseState.ACTIONS_OPEN: _("Actions open"),
    MdtCaseState.COMPLETE: _("Complete"),
    MdtCaseState.WITHDRAWN: _("Withdrawn"),
}
CHANGE: Final[dict[str, Promise]] = {
    "submit": _("Asked for"),
    "return": _("Sent back"),
    "list": _("Put on a list"),
    "discuss": _("Discussed"),
    "carry": _("Carried to the next meeting"),
    "draft_outcome": _("Outcome written down"),
    "confirm_outcome": _("Outcome confirmed"),
    "open_actions": _("Actions open"),
    "complete": _("Complete"),
    "withdraw": _("Withdrawn"),
    "prepare": _("Prepared"),
    "call_back": _("Called for discussion"),
    "reorder": _("Place on the list changed"),
}
MISSING: Final[dict[str, Promise]] = {
    "reading": _("a signed reading"),
    "images": _("images"),
    "fitness": _("fitness"),
    "pathology": _("pathology"),
    "presenter": _("who presents"),
}


@register.filter
def conference_reason_words(code: str) -> Promise:
    return REASON[ConferenceReason(code)]


@register.filter
def mdt_state_words(state: str) -> Promise:
    return STATE[MdtCaseState(state)]


@register.filter
def mdt_change_words(step: str) -> Promise:
    return CHANGE[step]


@register.filter
def discipline_words(code: str) -> str:
    return str(Discipline(code).label)


@register.filter
def pathology_words(code: str) -> str:
    return str(Pathology(code).label)


@register.filter
def lacking(case: CaseLine) -> str:
    """Name what a case still lacks, in words; nothing when it is complete."""
    codes = missing_of_facts(
        without_discussion=case.without_discussion,
        has_scan=case.has_scan,
        is_read=case.is_read,
        performance_status=case.performance_status,
        pathology=case.pathology,
        has_presenter=bool(case.presenter),
    )
    return ", ".join(str(MISSING[code]) for code in codes)


@register.filter
def outcome_words(case: CaseLine) -> str:
    """Say what was decided, with its day."""
    if case.outcome is None:
        return ""
    decided = str(OutcomeKind(case.outcome.kind).label)
    if case.outcome.ct_on:
        decided += " · " + formats.date_format(case.outcome.ct_on, "DATE_FORMAT")
    return decided


@register.filter
def read_back(case: CaseLine) -> str:
    """Say the outcome as the chair reads it back to the table."""
    if case.outcome is None:
        return ""
    parts = [f"{outcome_words(case)}."]
    parts += [case.outcome.says] if case.outcome.says else []
    parts += [
        gettext("%(who)s: %(what)s, by %(day)s.")
        % {"who": one.owner, "what": one.what, "day": formats.date_format(one.due_on, "DATE_FORMAT")}
        for one in case.actions
    ]
    ends = case.outcome.kind == OutcomeKind.DISCHARGE
    parts.append(gettext("Follow-up ends.") if ends else gettext("The follow-up stays open until the result is seen."))
    return " ".join(parts)


def no_such_mdt_step_words(refusal: NoSuchStep) -> str:
    """Say in one sentence how far the case is, and that this cannot be done any more."""
    return gettext("This case is now: %(state)s. “%(change)s” is not possible from there; nothing was changed.") % {
        "state": STATE[MdtCaseState(refusal.state)],
        "change": CHANGE[refusal.step],
    }
