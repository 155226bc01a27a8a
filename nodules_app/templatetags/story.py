"""How the story of a patient is told: the name of each lane, and one sentence for each event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import DocumentState
from nodules_app.models import AttemptBy, AttemptOutcome, DocumentKind, OutcomeKind
from nodules_app.selectors.story import Event, EventKind, Lane, Owed, Story
from nodules_app.selectors.story_standing import Became, Stands
from nodules_app.templatetags.follow_ups import change_words, in_words, step_kind_words
from nodules_app.templatetags.patients import day_text, guideline_name, management_words, step_title
from nodules_app.templatetags.reminders import channel_word, recipient_word

register = template.Library()

LANES: Final[Mapping[Lane, Promise]] = {
    Lane.SCANS: _("Exams"),
    Lane.DECIDED: _("Decisions"),
    Lane.MEETINGS: _("Conference"),
    Lane.WRITTEN: _("Letters and reports"),
    Lane.CONTACTS: _("Contacts"),
    Lane.OWED: _("Owed"),
}


def _scan(event: Event) -> str:
    return ", ".join(filter(None, (gettext("CT"), event.facts["description"], event.facts["kernel"])))


def _assessed(event: Event) -> str:
    told = {"guideline": guideline_name(event.facts["guideline"]), "says": management_words(event.facts["management"])}
    return gettext("%(guideline)s: %(says)s") % told


def _overrode(event: Event) -> str:
    return gettext("Chosen otherwise: %(what)s") % {"what": management_words(event.facts["management"])}


def _taken_back(event: Event) -> str:
    return gettext("Signed and taken back: %(what)s") % {"what": management_words(event.facts["management"])}


def _reminder(event: Event) -> str:
    return f"{channel_word(event.facts['channel'])}, {recipient_word(event.facts['recipient'])}"


def _contact(event: Event) -> str:
    return f"{AttemptBy(event.facts['channel']).label}: {AttemptOutcome(event.facts['outcome']).label}"


def _document(event: Event) -> str:
    named = str(DocumentKind(event.facts["document"]).label)
    if event.facts["posted_on"]:
        told = {"document": named, "day": day_text(date.fromisoformat(event.facts["posted_on"]))}
        named = gettext("%(document)s, posted on %(day)s") % told
    is_retracted = event.facts["state"] == DocumentState.RETRACTED
    return gettext("%(document)s, retracted") % {"document": named} if is_retracted else named


SENTENCE: Final[Mapping[EventKind, Callable[[Event], str]]] = {
    EventKind.SCAN: _scan,
    EventKind.MISSED: lambda _event: gettext("Did not come"),
    EventKind.CHANGED: lambda event: f"{step_kind_words(event.facts['kind'])}: {change_words(event.facts['step'])}",
    EventKind.APPOINTMENT: lambda event: gettext("Booked: %(where)s") % event.facts,
    EventKind.ASSESSED: _assessed,
    EventKind.SIGNED: lambda event: gettext("Signed: %(what)s") % {"what": management_words(event.facts["management"])},
    EventKind.TAKEN_BACK: _taken_back,
    EventKind.OVERRODE: _overrode,
    EventKind.MEETING: lambda event: (
        gettext("On the list: %(question)s") % {"question": in_words(event.facts["question"])}
    ),
    EventKind.OUTCOME: lambda event: gettext("Decided: %(what)s") % {"what": OutcomeKind(event.facts["outcome"]).label},
    EventKind.REMINDER: _reminder,
    EventKind.CONTACT: _contact,
    EventKind.DOCUMENT: _document,
    EventKind.CLOSED: lambda _event: gettext("Follow-up ended"),
}


@register.filter
def lane_words(lane: str) -> str:
    return str(LANES[Lane(lane)])


@register.filter
def event_sentence(event: Event) -> str:
    """Say what happened in one sentence."""
    return SENTENCE[event.kind](event)


SHORT: Final[Mapping[EventKind, Callable[[Event], str]]] = {
    EventKind.SCAN: lambda event: day_text(event.on),
    EventKind.MISSED: lambda _event: gettext("missed"),
    EventKind.CHANGED: lambda event: str(change_words(event.facts["step"])),
    EventKind.ASSESSED: lambda event: management_words(event.facts["management"]),
    EventKind.SIGNED: lambda event: management_words(event.facts["management"]),
    EventKind.OVERRODE: lambda event: management_words(event.facts["management"]),
    EventKind.TAKEN_BACK: lambda _event: gettext("taken back"),
    EventKind.MEETING: lambda event: day_text(event.on),
    EventKind.OUTCOME: lambda event: str(OutcomeKind(event.facts["outcome"]).label),
    EventKind.CONTACT: lambda event: str(AttemptOutcome(event.facts["outcome"]).label),
    EventKind.DOCUMENT: lambda event: str(DocumentKind(event.facts["document"]).label),
    EventKind.CLOSED: lambda _event: gettext("ended"),
}


def event_short(event: Event) -> str:
    """Say it in a word or two, for beside its sign; nothing for what speaks by its sign alone."""
    return SHORT[event.kind](event) if event.kind in SHORT else ""


@register.filter
def event_source(event: Event) -> str:
    """Name what produced it: edition and ruleset of a guideline, version of a method, ladder or program."""
    facts = event.facts
    match event.kind:
        case EventKind.ASSESSED | EventKind.SIGNED | EventKind.OVERRODE | EventKind.TAKEN_BACK:
            told = {"guideline": guideline_name(facts["guideline"]), "edition": facts["edition"]}
            told |= {"ruleset": facts["ruleset"], "rule": facts["rule"]}
            return gettext("%(guideline)s, edition %(edition)s, ruleset %(ruleset)s, rule %(rule)s") % told
        case EventKind.SCAN if facts["methods"]:
            return gettext("Measured by %(methods)s") % facts
        case EventKind.REMINDER if facts["ladder"]:
            return gettext("Ladder version %(ladder)s") % facts
        case EventKind.DOCUMENT:
            return facts["made_with"].rstrip("。.")
        case _:
            return ""


@register.filter
def event_why(event: Event) -> str:
    """Give the reason that somebody wrote, where there is one."""
    return in_words(event.facts.get("why", ""))


def owed_sentence(owed: Owed, late_days: int) -> str:
    """Say what was owed, and how late it is or was."""
    what = management_words(owed.management) if owed.management else step_kind_words(owed.kind)
    if not late_days:
        return what
    late = ngettext("%(days)s day late", "%(days)s days late", late_days) % {"days": late_days}
    return f"{what} · {late}"


def owed_short(owed: Owed, late_days: int) -> str:
    """Say of a window in a word what is open, or how late it was."""
    if late_days:
        return ngettext("%(days)s day late", "%(days)s days late", late_days) % {"days": late_days}
    return "" if owed.ended_on else step_kind_words(owed.kind)


@register.filter
def became_words(found: Sequence[Stands], kind: str) -> str:
    """Say of how many nodules one thing became."""
    return _became_words(Became(kind), len(found)) % {"count": len(found)}


def _became_words(kind: Became, count: int) -> str:
    match kind:
        case Became.GROWING:
            return ngettext("%(count)s growing", "%(count)s growing", count)
        case Became.NEW:
            return ngettext("%(count)s new", "%(count)s new", count)
        case Became.SLOWLY:
            return ngettext("%(count)s grown since first measured", "%(count)s grown since first measured", count)
        case Became.UNMEASURED:
            return ngettext("%(count)s not measured", "%(count)s not measured", count)
        case Became.NOT_COMPARED:
            return ngettext("%(count)s not compared", "%(count)s not compared", count)
        case Became.SMALLER:
            return ngettext("%(count)s smaller", "%(count)s smaller", count)
        case Became.GONE:
            return ngettext("%(count)s gone", "%(count)s gone", count)
        case Became.UNCHANGED:
            return ngettext("%(count)s unchanged", "%(count)s unchanged", count)


@register.filter
def next_title(owed: Owed) -> str:
    return step_title(owed)


@register.filter
def in_short(story: Story) -> str:
    """Tell the whole story in one line."""
    parts = [ngettext("%(count)s exam", "%(count)s exams", story.scans) % {"count": story.scans}]
    days = [event.on for event in story.events if event.kind is EventKind.SCAN]
    if len(days) > 1:
        months = round((days[-1] - days[0]).days / 30.44)
        parts[0] += " " + ngettext("in %(count)s month", "in %(count)s months", months) % {"count": months}
    if story.missed:
        parts.append(ngettext("%(count)s missed", "%(count)s missed", story.missed) % {"count": story.missed})
    count = len(story.open_steps)
    parts.append(
        ngettext("%(count)s step open", "%(count)s steps open", count) % {"count": count}
        if count
        else gettext("nothing open")
    )
    return " · ".join(parts)
