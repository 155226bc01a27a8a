"""The words of the figures: what each counts, in one sentence, and how a figure is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from nodules_app.selectors.quality.values import Quality, Share, Spread
from nodules_app.templatetags.follow_ups import override_words, step_kind_words
from nodules_app.templatetags.patients import guideline_name, management_words
from nodules_app.templatetags.reminders import STATES, channel_word

SMALL: Final = 5  # groups below this are not shown in a shared view

DEFINITION: Final[dict[str, Promise]] = {
    "lost": _("Active nodules without an open step and without a recorded reason, of all active nodules. Now."),
    "suspected": _("Steps of patients who answered no reminder, waiting for a clinician's decision. Now."),
    "on_time": _(
        "CTs made by the last day of their window, of signed CTs whose window ended in the period. Not counted: died, "
        "handed over and acknowledged, replaced by a newer step, nothing left to follow, entered in error."
    ),
    "within_30": _("The same CTs, made no later than 30 days after their target day."),
    "scan_to_result": _("Days from the exam to the first signature of its reading, for readings signed in the period."),
    "result_to_contact": _("Days from that signature until the patient was reached, or a message or letter went out."),
    "concordance": _("Decisions that follow the guideline's answer, of all decisions signed in the period."),
    "mdt_wait": _("Days from the question to the confirmed outcome, for outcomes confirmed in the period."),
    "mdt_24": _("Outcomes confirmed no later than 24 hours after the meeting ended."),
    "mdt_actions": _(
        "Actions of the conference done by their day, of those whose day lies in the period and has passed."
    ),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with what it means."""

    code: str
    title: str
    value: str
    under: str
    definition: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of figures, as page and export show it."""

    group: str
    name: str
    part: int | None  # None: too small to be shown
    whole: int | None
    value: str


def tiles(found: Quality, *, shared: bool) -> list[Tile]:
    """The figures that stand on top."""
    suspected = _count(found.suspected_lost, shared=shared)
    return [
        _counted("lost", gettext("Nobody is lost"), str(found.lost.part), _of(found.lost, shared=shared)),
        _counted("suspected", gettext("Suspected lost"), suspected, gettext("a clinician must decide")),
        _share("on_time", gettext("CT on time"), found.steps.on_time, shared=shared),
        _share("within_30", gettext("CT within 30 days of target"), found.steps.within_30_days, shared=shared),
        _spread("scan_to_result", gettext("Exam to result"), found.times.scan_to_result, shared=shared),
        _spread("result_to_contact", gettext("Result to contact"), found.times.result_to_contact, shared=shared),
        _share("concordance", gettext("Decided as the guideline says"), found.decided.concordance, shared=shared),
        _spread("mdt_wait", gettext("Question to outcome"), found.conference.wait, shared=shared),
        _share("mdt_24", gettext("Outcome within 24 hours"), found.conference.within_24_h, shared=shared),
        _share("mdt_actions", gettext("Actions on time"), found.conference.actions_on_time, shared=shared),
    ]


def tables(found: Quality, *, shared: bool) -> list[tuple[str, list[Row]]]:
    """The figures by group, each with its heading."""
    overdue = [
        (gettext("more than 180 days") if not upper else gettext("up to %(days)s days") % {"days": upper}, count)
        for upper, count in found.overdue
    ]
    reminders = [
        (f"{channel_word(channel)}: {STATES[state].label if state in STATES else state}", count)
        for channel, state, count in found.told.by_state
    ]
    managements = [
        (f"{guideline_name(code)}: {management_words(what)}", n) for code, what, n in found.decided.managements
    ]
    overrides = [(override_words(code), count) for code, count in found.decided.overrides]
    kinds = [
        Row("kind", step_kind_words(kind), *_hidden(share, shared=shared), _percent(share, shared=shared))
        for kind, share in found.steps.by_kind
    ]
    return [
        (gettext("Overdue now, by how long"), list(_plain("overdue", overdue, shared=shared))),
        (gettext("Kept by kind of step"), kinds),
        (gettext("What the guidelines answered, patients"), list(_plain("management", managements, shared=shared))),
        (gettext("Why decided otherwise"), list(_plain("override", overrides, shared=shared))),
        (gettext("Reminders by what became of them"), list(_plain("reminder", reminders, shared=shared))),
    ]


def _plain(group: str, counted: list[tuple[str, int]], *, shared: bool) -> Iterator[Row]:
    for name, count in counted:
        small = shared and 0 < count < SMALL
        yield Row(group, name, None if small else count, None, _count(count, shared=shared))


def _counted(code: str, title: str, value: str, under: str) -> Tile:
    return Tile(code, title, value, under, str(DEFINITION[code]))


def _share(code: str, title: str, share: Share, *, shared: bool) -> Tile:
    return _counted(code, title, _percent(share, shared=shared), _of(share, shared=shared))


def _spread(code: str, title: str, spread: Spread, *, shared: bool) -> Tile:
    if spread.median_days is None or spread.p90_days is None or (shared and spread.count < SMALL):
        return _counted(code, title, "–", _too_few(spread.count, shared=shared))
    days = round(spread.median_days)
    under = gettext("median of %(count)s; 90 %% within %(days)s days") % {
        "count": spread.count,
        "days": round(spread.p90_days),
    }
    return _counted(code, title, ngettext("%(days)s day", "%(days)s days", days) % {"days": days}, under)


def _percent(share: Share, *, shared: bool) -> str:
    if share.ratio is None or (shared and share.whole < SMALL):
        return "–"
    return f"{100 * share.ratio:.0f} %"


def _of(share: Share, *, shared: bool) -> str:
    if not share.whole or (shared and share.whole < SMALL):
        return _too_few(share.whole, shared=shared)
    return gettext("%(part)s of %(whole)s") % {"part": share.part, "whole": share.whole}


def _hidden(share: Share, *, shared: bool) -> tuple[int | None, int | None]:
    return (None, None) if shared and share.whole < SMALL else (share.part, share.whole)


def _count(count: int, *, shared: bool) -> str:
    return gettext("fewer than %(small)s") % {"small": SMALL} if shared and 0 < count < SMALL else str(count)


def _too_few(count: int, *, shared: bool) -> str:
    return gettext("fewer than %(small)s") % {"small": SMALL} if shared and count else gettext("nothing in this period")
