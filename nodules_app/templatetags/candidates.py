"""Proposed nodules in words: what the other scan shows, why one was turned down, how the search stands."""

from __future__ import annotations

from typing import Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from nodules_app.models import RejectionReason

register = template.Library()


class ChangeSign(NamedTuple):
    label: Promise
    icon: str
    word: str = ""  # the comparison word whose colours it shares


class Search(NamedTuple):
    text: Promise
    tone: str


CHANGE: Final[dict[str, ChangeSign]] = {
    "new": ChangeSign(_("Not on the prior exam"), "new", "new"),
    "grown": ChangeSign(_("Looks larger"), "up", "larger-slightly"),
    "gone": ChangeSign(_("Not on the current exam"), "gone", "resolved"),
    "same": ChangeSign(_("On both exams"), "equals", "unchanged"),
    "": ChangeSign(_("Not compared"), "slash", "not-assessable"),
}
NOT_SEARCHED: Final = Search(
    _("No program has searched the latest exam: this says nothing about whether there are nodules."), "caution"
)
SEARCH: Final[dict[str, Search]] = {
    "": NOT_SEARCHED,
    "cancelled": NOT_SEARCHED,
    "queued": Search(_("The latest exam is being searched. An empty list means nothing yet."), "brand"),
    "running": Search(_("The latest exam is being searched. An empty list means nothing yet."), "brand"),
    "refused": Search(_("The latest exam could not be searched; the reason stands with what was computed."), "caution"),
    "failed": Search(_("The search failed; it stands with what was computed and can be asked for again."), "critical"),
}


@register.simple_tag
def proposal_sign(change: str) -> ChangeSign:
    return CHANGE[change]


@register.simple_tag
def proposal_search(state: str) -> Search:
    return SEARCH[state]


@register.simple_tag
def rejection_reasons() -> list[RejectionReason]:
    return list(RejectionReason)


@register.filter
def rejection_word(reason: str) -> str:
    return str(RejectionReason(reason).label)
