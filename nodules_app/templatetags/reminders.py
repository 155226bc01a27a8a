"""The words of reminders: rungs, reasons, states, channels and recipients, each as people say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Protocol

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.ladder.plan import CATCH_UP, Why
from nodules_app.ladder.rungs import Anchor, Channel, Problem, Recipient, Rung, Tier
from nodules_app.lifecycles import ReminderState
from nodules_app.models import AttemptOutcome, Reminder
from nodules_app.models.reminders import RUNGS
from nodules_app.selectors import reminders as selectors
from nodules_app.selectors.reminders import Desk, Show
from nodules_app.templatetags import quantities
from nodules_app.templatetags.words import Sign

register = template.Library()


class Counted(Protocol):
    """A simulated month, as far as this page reads it."""

    of_channel: Mapping[str, int]

    @property
    def total(self) -> int: ...


WHY: Final[Mapping[str, Promise | str]] = {
    Why.DUE: _("due now"),
    Why.NOT_YET: _("its day has not come"),
    Why.QUIET: _("waits for the end of quiet hours"),
    Why.ALREADY: _("done; see the record"),
    Why.STEP_ENDED: _("the step has ended"),
    Why.SIGNED: _("signed already"),
    Why.NOT_SIGNED: _("nobody has signed the step"),
    Why.IS_BOOKED: _("a day is booked"),
    Why.CAME: _("the patient came"),
    Why.CONFIRMED: _("the patient has confirmed the day"),
    Why.READ: _("read already"),
    Why.NO_DAY: _("the day it counts from is not known"),
    Why.DAY_PASSED: _("the day has passed"),
    Why.NOTHING_FOR_THE_PATIENT: _("there is nothing the patient has to do"),
    Why.NO_RUNG: _("not part of this ladder"),
    Why.LATER_RUNG_STANDS: _("a later rung stands for it"),
    Why.OUTAGE: _("its time passed while reminders stood still"),
    Why.DECEASED: _("the patient has died"),
    Why.DO_NOT_CONTACT: _("the patient wants no contact"),
    Why.NO_ADDRESS: _("no address that works"),
    "letter_needs_a_font": _("no font draws its letters; ask the operator to name one that does"),
    Why.CALL_INSTEAD: _("the patient asked to be called"),
    Why.MISSED: _("to make good what was missed"),
    "replanned": _("the step got other days"),
    "answered": _("answered elsewhere"),
    "silence": _("nobody answered in time"),
    "failed": _("the message could not be sent"),
    "bounced": _("the message came back"),
    "uncertain": _("nobody knows whether it went out"),
    "unknown": _("no receipt for two days"),
} | {one.value: one.label for one in AttemptOutcome}  # why a call that was tried is still owed
STATES: Final[dict[str, Sign]] = {
    ReminderState.SUPPRESSED: Sign(_("Not sent"), "pause", "caution"),
    ReminderState.QUEUED: Sign(_("Waits"), "clock"),
    ReminderState.SENDING: Sign(_("Being sent"), "next"),
    ReminderState.HANDED_OVER: Sign(_("Handed over"), "letter"),
    ReminderState.DELIVERED: Sign(_("Delivered"), "letter"),
    ReminderState.BOUNCED: Sign(_("Came back"), "broken", "critical"),
    ReminderState.UNCERTAIN: Sign(_("Sent or not?"), "help", "critical"),
    ReminderState.UNKNOWN: Sign(_("No receipt"), "help", "caution"),
    ReminderState.FAILED: Sign(_("Failed"), "broken", "critical"),
    ReminderState.ACKNOWLEDGED: Sign(_("Answered"), "done", "brand"),
    ReminderState.CANCELLED: Sign(_("Cancelled"), "slash"),
}
OPEN_TASK: Final = Sign(_("To do"), "phone", "meeting")
CHANNELS: Final[dict[str, Promise]] = {
    Channel.EMAIL: _("E-mail"),
    Channel.LETTER: _("Letter"),
    Channel.MESSAGE: _("Message"),
    Channel.TASK: _("Task"),
}
RECIPIENTS: Final[dict[str, Promise]] = {
    Recipient.PATIENT: _("Patient"),
    Recipient.REFERRER: _("Referring physician"),
    Recipient.OWNER: _("Owner of the step"),
    Recipient.COORDINATORS: _("Coordinators"),
    Recipient.RADIOLOGISTS: _("Radiologists"),
    Recipient.PHYSICIANS: _("Chest physicians"),
    Recipient.LEAD: _("MDT chair"),
    Recipient.MANAGER: _("Programme manager"),
}
ANCHORS: Final[dict[str, str]] = {
    Anchor.TARGET: "D",
    Anchor.DAY: "D",
    Anchor.CLOSE: "C",
    Anchor.PERFORMED: "P",
    Anchor.REPORTED: "R",
}
PROBLEMS: Final[dict[str, Promise]] = {
    Problem.NO_RUNGS: _("it has no rungs"),
    Problem.TWICE: _("a rung stands in it twice"),
    Problem.NOT_ENOUGH_WHEN_OVERDUE: _("overdue patients get a letter or a call, never a message alone"),
    Problem.HIGH_NEEDS_TWO_WAYS: _("where delay harms most, the patient is reached in two ways, one of them a person"),
    Problem.NO_HUMAN_AT_THE_END: _("each ladder ends with a person who must answer"),
    Problem.OVERDUE_BEFORE_THE_END: _("a step is not overdue before the day after its window"),
}
SHOWS: Final[dict[Show, Sign]] = {
    Show.TASKS: Sign(_("To do"), "phone"),
    Show.MINE: Sign(_("For me"), "user"),
    Show.FAILED: Sign(_("Did not arrive"), "broken", "critical"),
    Show.LETTERS: Sign(_("Letters to print"), "print"),
    Show.SENT: Sign(_("Sent in two weeks"), "letter"),
}
STEPS: Final[dict[str, tuple[str, Promise]]] = {
    "plan": ("calendar", _("Fell due")),
    "raise": ("escalated", _("Asked of a person")),
    "claim": ("next", _("Taken up to be sent")),
    "hand_over": ("letter", _("Handed over")),
    "deliver": ("check", _("Delivered")),
    "retry": ("undo", _("To be tried again")),
    "fail": ("broken", _("Failed")),
    "suppress": ("pause", _("Not sent")),
    "lose_track": ("help", _("Nobody knows whether it went out")),
    "miss_receipt": ("help", _("No receipt for two days")),
    "bounce": ("broken", _("Came back")),
    "cancel": ("slash", _("Cancelled")),
    "settle": ("slash", _("Not needed any more")),
    "send_again": ("undo", _("Sent again by a person")),
    "attempt": ("phone", _("Tried, nobody reached")),
    "postpone": ("pause", _("Postponed")),
    "put_back": ("undo", _("Postponement undone")),
    "receipt": ("letter", _("The provider says")),
    "held_back": ("broken", _("Not printed")),
    "acknowledge": ("done", _("Answered")),
}


@register.filter
def rung_word(code: str) -> str:
    """Name a rung; what an outage left is named after the rung that was missed."""
    if code.startswith(CATCH_UP):
        return gettext("Make good: %(rung)s") % {"rung": rung_word(code.partition(":")[2])}
    return str(RUNGS.get(code, code))


@register.filter
def key_parts(key: str) -> list[str]:
    """Cut a key where a line may break."""
    return re.findall(r"[^:-]*[:-]?", key)


@register.filter
def why_word(why: str) -> str:
    return str(WHY.get(why, why))


@register.filter
def state_sign(row: Reminder) -> Sign:
    """The state in words; a task that stands in the list is something to do."""
    is_open_task = row.channel == Channel.TASK and row.state == ReminderState.DELIVERED
    return OPEN_TASK if is_open_task else STATES[row.state]


@register.filter
def channel_word(channel: str) -> str:
    return str(CHANNELS[channel])


@register.filter
def recipient_word(recipient: str) -> str:
    return str(RECIPIENTS[recipient])


@register.filter
def problem_words(problems: tuple[Problem, ...]) -> list[str]:
    return [str(PROBLEMS[problem]) for problem in problems]


@register.filter
def event_words(events: list[object]) -> list[dict[str, object]]:
    """Turn events into the entries of a log, the latest first."""
    entries = []
    for event in events:
        icon, title = STEPS[event.step]  # type: ignore[attr-defined]
        by = getattr(event, "by", None)
        text = " · ".join(part for part in (str(by) if by else "", why_word(event.why)) if part)  # type: ignore[attr-defined]
        entries.append({"at": event.at, "icon": icon, "title": title, "text": text})  # type: ignore[attr-defined]
    return entries


@register.simple_tag
def offset_word(rung: Rung | None, tier: str) -> str:
    """Write where a rung stands: D-14, C+7."""
    if rung is None or Tier(tier) not in rung.offset_days:
        return ""
    days = rung.offset_days[Tier(tier)]
    return f"{ANCHORS[rung.anchor]}{'+' if days >= 0 else quantities.MINUS}{abs(days)}"


@register.simple_tag
def desk_counts(found: Desk, show: Show) -> list[dict[str, object]]:
    """Give the lists of the desk as counts that open them."""
    late = gettext("%(count)s late") % {"count": found.overdue} if found.overdue else ""
    return [
        {
            "figure": found.counts[one],
            "icon": sign.icon,
            "what": sign.label,
            "note": late if one is Show.TASKS else "",
            "url": f"{reverse('reminders')}?show={one}",
            "tone": sign.tone if found.counts[one] else "",
            "is_here": one is show,
        }
        for one, sign in SHOWS.items()
    ]


@register.inclusion_tag("reminders/_pulse.html")
def reminder_pulse() -> dict[str, object]:
    """Say whether reminders are alive; in words when they are not."""
    return {"pulse": selectors.pulse(now=timezone.now())}


@register.simple_tag
def simulated_lines(before: Counted, after: Counted | None) -> list[tuple[str, int, int]]:
    """Lay two simulated months side by side, a line a channel and one for all."""
    lines = [
        (str(word), before.of_channel.get(channel, 0), after.of_channel.get(channel, 0) if after else 0)
        for channel, word in CHANNELS.items()
    ]
    return [*lines, (gettext("Together"), before.total, after.total if after else 0)]
