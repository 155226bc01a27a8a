"""What a card of the board says, and to which lanes it may be moved by whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from django import template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import FOLLOW_UP, FollowUpState
from nodules_app.models import FollowUpKind
from nodules_app.selectors.board import LANES, Card
from nodules_app.selectors.clinics import Act

register = template.Library()

LANE: Final[Mapping[FollowUpState, tuple[Promise, str]]] = {
    FollowUpState.PROPOSED: (_("Proposed"), "new"),
    FollowUpState.PLANNED: (_("Planned"), "calendar"),
    FollowUpState.DEFERRED: (_("Put off"), "pause"),
    FollowUpState.BOOKED: (_("Booked"), "booked"),
    FollowUpState.NOT_ATTENDED: (_("Did not come"), "phone"),
    FollowUpState.LOST_SUSPECTED: (_("No answer"), "lost"),
    FollowUpState.PERFORMED: (_("Made, no report"), "performed"),
    FollowUpState.REPORTED: (_("Read, no decision"), "decide"),
}
BOOKABLE: Final = (FollowUpKind.CT, FollowUpKind.WORKUP)


class Move(NamedTuple):
    """One way from a lane to another; ``form`` names the page that asks for the facts, nothing when none are needed."""

    step: str
    may: Act
    form: str
    label: Promise


MOVES: Final = (
    Move("accept", Act.DECIDE, "", _("Sign this step")),
    Move("book", Act.RECORD, "book", _("Book a day …")),
    Move("unbook", Act.RECORD, "give-back", _("Give the day back …")),
    Move("miss", Act.RECORD, "missed", _("The patient did not come …")),
    Move("defer", Act.DECIDE, "put-off", _("Put off …")),
    Move("suspect_lost", Act.RECORD, "lost", _("The patient cannot be reached …")),
    Move("find", Act.RECORD, "found", _("The patient was reached again …")),
    Move("set_aside", Act.DECIDE, "set-aside", _("The exam does not answer this step …")),
)


class Entry(NamedTuple):
    """One line of a card's menu: the lane to which it leads, and the address that does it or asks for the facts."""

    to: FollowUpState
    url: str
    label: Promise
    at_once: bool


@register.filter
def lane_word(state: str) -> Promise:
    return LANE[FollowUpState(state)][0]


@register.filter
def lane_icon(state: str) -> str:
    return LANE[FollowUpState(state)][1]


@register.filter
def card_moves(card: Card) -> list[Entry]:
    """Give the moves that the life cycle knows from here and that this person may make; nothing else can be dropped."""
    entries = []
    for move in MOVES:
        to = FOLLOW_UP.get((card.state, move.step))
        if to is None or to == card.state or to not in LANES or move.may not in card.may or not _possible(card, move):
            continue
        entries.append(Entry(to, _url(card, move), move.label, not move.form))
    return entries


def _possible(card: Card, move: Move) -> bool:
    if move.step == "accept":  # a review asks for reading, a discharge for its reason
        return bool(card.rule_id) and card.kind != FollowUpKind.DISCHARGE
    return move.step != "book" or card.kind in BOOKABLE


def _url(card: Card, move: Move) -> str:
    if not move.form:
        return reverse("board-accept", kwargs={"code": card.code})
    if move.form == "book":
        return reverse("book", kwargs={"code": card.code})
    return reverse("follow-up-act", kwargs={"code": card.code, "name": move.form})


@register.filter
def card_words(card: Card) -> str:
    """Say what is owed: in the words of the guideline where it has some, else by its kind."""
    management = card.management_zh if get_language() == "zh-hans" else card.management_en
    return management or str(FollowUpKind(card.kind).label)
