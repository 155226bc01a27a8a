"""How the worklist says its counts and the state of a row: figure, word, sign and colour together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from django import template
from django.urls import reverse
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import FollowUpState, RunState
from nodules_app.models import RunKind
from nodules_app.selectors.worklist import Counts, LastRun, Row, Show, Step

register = template.Library()


class Count(NamedTuple):
    figure: int
    icon: str
    what: Promise
    note: str
    url: str
    tone: str
    is_here: bool


class Tag(NamedTuple):
    label: str | Promise
    tone: str
    icon: str


WHAT: Final[Mapping[Show, tuple[Promise, str]]] = {
    Show.NEW: (_("To review"), "report"),
    Show.RUNNING: (_("Being computed"), "performed"),
    Show.REFUSED: (_("Refused"), "slash"),
    Show.DUE: (_("Due now"), "clock"),
    Show.OVERDUE: (_("Overdue"), "overdue"),
}
RUN_STATE: Final[Mapping[RunState, Promise]] = {
    RunState.QUEUED: _("waiting"),
    RunState.RUNNING: _("running"),
    RunState.SUCCEEDED: _("done"),
    RunState.REFUSED: _("refused"),
    RunState.FAILED: _("failed"),
    RunState.CANCELLED: _("cancelled"),
}


@register.simple_tag
def worklist_counts(counts: Counts, shown: Show | None, today: date) -> list[Count]:
    """Give the five counts; brick only where a patient waits too long."""
    notes = {
        Show.NEW: gettext("to mark or to sign"),
        Show.RUNNING: gettext("keeps itself up to date"),
        Show.REFUSED: gettext("says what to do"),
        Show.DUE: _closes(counts.earliest_deadline),
        Show.OVERDUE: _worst(counts.worst_deadline, today),
    }
    return [
        Count(
            figure=counts.of[show],
            icon=icon,
            what=what,
            note=notes[show] if counts.of[show] else gettext("none"),
            url=f"{reverse('worklist')}?show={show}#list",
            tone="critical" if show is Show.OVERDUE and counts.of[show] else "",
            is_here=show is shown,
        )
        for show, (what, icon) in WHAT.items()
    ]


def _closes(deadline: date | None) -> str:
    if deadline is None:
        return gettext("none")
    return gettext("first window closes %(day)s") % {"day": formats.date_format(deadline, "MONTH_DAY_FORMAT")}


def _worst(deadline: date | None, today: date) -> str:
    if deadline is None:
        return gettext("none")
    days = (today - deadline).days
    return ngettext("worst %(days)s day", "worst %(days)s days", days) % {"days": days}


@register.filter
def show_word(show: Show) -> Promise:
    return WHAT[show][0]


@register.filter
def row_tag(row: Row) -> Tag:
    """Give the one state of a row that matters most to whoever reads the list."""
    for show, tone in ((Show.OVERDUE, "critical"), (Show.REFUSED, "caution"), (Show.RUNNING, "brand")):
        if show in row.shows:
            return Tag(WHAT[show][0], tone, WHAT[show][1])
    return _step_tag(row)


def _step_tag(row: Row) -> Tag:
    if Show.NEW in row.shows:
        return Tag(_("To review"), "brand", "report")
    if row.step is None:
        return Tag(_("Nothing open"), "outline", "done")
    if row.step.state is FollowUpState.PERFORMED:
        return Tag(_("Awaiting report"), "brand", "performed")
    if row.step.booked_on is not None:
        day = formats.date_format(row.step.booked_on, "MONTH_DAY_FORMAT")
        return Tag(gettext("Booked %(day)s") % {"day": day}, "", "booked")
    if Show.DUE in row.shows:
        return Tag(_("Due"), "caution", "clock")
    return Tag(_("Planned"), "", "calendar")


@register.filter
def management_text(step: Step) -> str:
    """Give the management in the reader's language; it has both because the clinical core is kept in both."""
    return step.management_zh if get_language() == "zh-hans" else step.management_en


@register.filter
def run_word(run: LastRun) -> Promise:
    return RUN_STATE[run.state]


@register.filter
def run_kind_word(kind: str) -> str | Promise:
    return RunKind(kind).label


@dataclass(frozen=True, slots=True)
class Pages:
    """Where one page of a list stands among all."""

    shown_until: int
    matching: int
    next_page: int | None


@register.simple_tag
def pages(rows: int, matching: int, page: int, page_rows: int) -> Pages:
    """Say how much of a list is shown and which page comes next."""
    until = (page - 1) * page_rows + rows
    return Pages(until, matching, page + 1 if until < matching else None)
