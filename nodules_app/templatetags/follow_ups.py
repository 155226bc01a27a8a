"""How a step is said: its state, each change of it, what ended it, and why something cannot be done any more."""

from __future__ import annotations

from datetime import date
from typing import Final

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import EvidenceKind, FollowUpState, NoSuchStep
from nodules_app.models import FollowUpKind, OverrideReason
from registration.errors import Refused

register = template.Library()

STATE: Final[dict[FollowUpState, Promise]] = {
    FollowUpState.PROPOSED: _("Proposed by the rules; nobody has signed it"),
    FollowUpState.PLANNED: _("Planned and signed"),
    FollowUpState.BOOKED: _("Booked"),
    FollowUpState.NOT_ATTENDED: _("The patient did not come; somebody must call"),
    FollowUpState.DEFERRED: _("Put off to a later window"),
    FollowUpState.LOST_SUSPECTED: _("No answer to any reminder; a clinician must decide"),
    FollowUpState.PERFORMED: _("The exam was made; its result is awaited"),
    FollowUpState.REPORTED: _("The exam was read; the decision is awaited"),
    FollowUpState.CLOSED: _("Closed"),
    FollowUpState.DECLINED: _("Declined by the patient"),
    FollowUpState.MOVED: _("Handed over to another hospital"),
    FollowUpState.SUPERSEDED: _("Replaced by a newer step"),
    FollowUpState.CANCELLED: _("Cancelled"),
}
CHANGE: Final[dict[str, Promise]] = {
    "propose": _("Proposed"),
    "plan": _("Planned by a clinician"),
    "accept": _("Signed"),
    "unsign": _("Signature taken back"),
    "book": _("Booked"),
    "unbook": _("The booked day was given back"),
    "miss": _("Did not come"),
    "defer": _("Put off"),
    "suspect_lost": _("Suspected lost"),
    "find": _("Reached again"),
    "perform": _("Exam received"),
    "report": _("Exam read"),
    "set_aside": _("Exam set aside"),
    "assign": _("Owner changed"),
    "close": _("Closed"),
    "decline": _("Declined"),
    "hand_over": _("Handed over"),
    "supersede": _("Replaced"),
    "cancel": _("Cancelled"),
}
EVIDENCE: Final[dict[EvidenceKind, Promise]] = {
    EvidenceKind.EXAMINED: _("The exam was received and read"),
    EvidenceKind.SIGNED: _("A clinician's signed reason"),
    EvidenceKind.DISCHARGED: _("Discharged"),
    EvidenceKind.DECEASED: _("Died"),
    EvidenceKind.DECLINED: _("Declined"),
    EvidenceKind.WITHDRAWN: _("Left the programme"),
    EvidenceKind.TRANSFERRED: _("Handed over and acknowledged"),
    EvidenceKind.SUPERSEDED: _("A newer step stands in its place"),
    EvidenceKind.NOTHING_LEFT: _("Nothing of it is followed any more"),
    EvidenceKind.ENTERED_IN_ERROR: _("Entered in error"),
}
TONE: Final[dict[FollowUpState, tuple[str, str]]] = {
    FollowUpState.PROPOSED: ("warning", "new"),
    FollowUpState.NOT_ATTENDED: ("critical", "missed"),
    FollowUpState.LOST_SUSPECTED: ("critical", "lost"),
}


@register.filter
def state_words(state: str) -> Promise:
    return STATE[FollowUpState(state)]


@register.filter
def change_words(step: str) -> Promise:
    return CHANGE[step]


@register.filter
def evidence_words(kind: str) -> Promise:
    return EVIDENCE[EvidenceKind(kind)]


@register.filter
def step_kind_words(kind: str) -> str:
    return str(FollowUpKind(kind).label)


@register.filter
def override_words(code: str) -> str:
    return str(OverrideReason(code).label) if code else ""


@register.filter
def in_words(sentence: str) -> str:
    """Translate a sentence of the product's own that a row keeps in English; a person's words stay as they are."""
    return gettext(sentence) if sentence else ""


def refused_words(refusal: Refused) -> str:
    """Say a refusal and what to do about it, in the reader's language."""
    facts = {name: _fact_words(fact) for name, fact in refusal.facts.items()}
    return " ".join(gettext(part).format(**facts) for part in (refusal.sentence, refusal.remedy) if part)


def _fact_words(fact: object) -> object:
    if isinstance(fact, date):
        return formats.date_format(fact, "DATE_FORMAT")
    return gettext(fact) if isinstance(fact, str) else fact


def no_such_step_words(refusal: NoSuchStep) -> str:
    """Say in one sentence what the step is now, and that it cannot be changed so any more."""
    return gettext("This step is now: %(state)s. “%(change)s” is not possible from there; nothing was changed.") % {
        "state": STATE[FollowUpState(refusal.state)],
        "change": CHANGE[refusal.step],
    }
