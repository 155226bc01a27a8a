"""How acts on many rows are said: what they do, what came of them, why a row refuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import NoSuchStep
from nodules_app.models import BulkAct, BulkKind
from nodules_app.selectors.clinics import Act
from nodules_app.services.bulk.rows import HANDLERS
from nodules_app.templatetags.follow_ups import no_such_step_words, refused_words
from registration.errors import Refused

register = template.Library()


class Words(NamedTuple):
    """A button, the sentence of what it will do, and of what was done."""

    button: Promise
    effect: Promise
    done: Promise
    icon: str


WORDS: Final[Mapping[BulkKind, Words]] = {
    BulkKind.TAKE: Words(_("Take"), _("You hold them for half an hour."), _("Taken"), "lock"),
    BulkKind.RELEASE: Words(_("Give back"), _("They are free for everybody."), _("Given back"), "undo"),
    BulkKind.ASSIGN: Words(_("Assign …"), _("The step of each row gets this owner."), _("Assigned"), "user"),
    BulkKind.POSTPONE: Words(
        _("Postpone reminders …"),
        _("Messages that wait and the team's open tasks are put off; what asks a clinician is not."),
        _("Reminders postponed"),
        "pause",
    ),
    BulkKind.LETTERS: Words(
        _("Print letters …"),
        _("The letters that wait for these patients go into one batch. Printed letters cannot be undone."),
        _("Letters printed"),
        "print",
    ),
    BulkKind.ACCEPT: Words(
        _("Sign …"),
        _("Each proposed step is signed in your name and planned."),
        _("Signed"),
        "check",
    ),
}


class Button(NamedTuple):
    kind: str
    words: Words


@register.simple_tag
def bulk_buttons(may: Collection[Act]) -> list[Button]:
    """Give the acts that this person may do to chosen rows."""
    return [Button(kind.value, words) for kind, words in WORDS.items() if HANDLERS[kind].may in may]


@register.filter
def bulk_words(kind: str) -> Words:
    return WORDS[BulkKind(kind)]


def kind_of(name: str) -> BulkKind:
    return BulkKind(name)


@register.filter
def reason_of(refused: Mapping[UUID, str], code: UUID) -> str:
    return refused.get(code, "")


def bulk_done(act: BulkAct, rows: int) -> str:
    """Say in one line what was done to how many."""
    count = ngettext("%(count)s patient", "%(count)s patients", rows) % {"count": rows}
    return gettext("%(done)s: %(count)s.") % {"done": WORDS[BulkKind(act.kind)].done, "count": count}


@register.filter
def done_words(act: BulkAct) -> str:
    return bulk_done(act, act.items.count())


def refusal_words(why: Refused | NoSuchStep) -> str:
    return no_such_step_words(why) if isinstance(why, NoSuchStep) else refused_words(why)
