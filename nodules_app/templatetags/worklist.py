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

from nodules_app.exchange.spreadsheets import Cell
from nodules_app.lifecycles import FollowUpState, RunState
from nodules_app.models import RunKind
from nodules_app.selectors.worklist.lists import Show
from nodules_app.selectors.worklist.page import EVERYBODY, PAGE_ROWS
from nodules_app.selectors.worklist.rows import LastRun, Row, Step
from nodules_app.selectors.worklist.standing import Counts
from nodules_app.templatetags.imports import person_name

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
    Show.BOOK: (_("To book"), "calendar"),
    Show.OVERDUE: (_("Overdue"), "overdue"),
    Show.MISSED: (_("Did not come"), "phone"),
    Show.DECIDE: (_("To decide"), "decide"),
    Show.DUE: (_("Due now"), "clock"),
    Show.REPORT: (_("Awaiting report"), "performed"),
    Show.RUNNING: (_("Being computed"), "pause"),
    Show.REFUSED: (_("Refused"), "slash"),
    Show.UNREACHED: (_("Reminder failed"), "broken"),
}
TILES: Final = (Show.NEW, Show.BOOK, Show.OVERDUE, Show.MISSED, Show.DECIDE, Show.UNREACHED)
RUN_STATE: Final[Mapping[RunState, Promise]] = {
    RunState.QUEUED: _("waiting"),
    RunState.RUNNING: _("running"),
    RunState.SUCCEEDED: _("done"),
    RunState.REFUSED: _("refused"),
    RunState.FAILED: _("failed"),
    RunState.CANCELLED: _("cancelled"),
}


@register.simple_tag
def worklist_counts(counts: Counts, shown: str, today: date, conference: int) -> list[Count]:
    """Give the lists that somebody must work, and the conference's; brick only where a patient waits too long."""
    notes = {
        Show.NEW: gettext("to mark or to sign"),
        Show.BOOK: gettext("within six weeks"),
        Show.OVERDUE: _worst(counts.worst_deadline, today),
        Show.MISSED: gettext("to call"),
        Show.DECIDE: gettext("results and silence"),
        Show.UNREACHED: gettext("did not arrive"),
    }
    note = gettext("cases on no list yet") if conference else gettext("none")
    prepare = Count(conference, "mdt", _("Conference"), note, reverse("mdt"), "", is_here=False)
    lists = [
        Count(
            figure=counts.of[show],
            icon=WHAT[show][1],
            what=WHAT[show][0],
            note=notes[show] if counts.of[show] else gettext("none"),
            url=f"{reverse('worklist')}?show={show}#list",
            tone="critical" if show is Show.OVERDUE and counts.of[show] else "",
            is_here=show == shown,
        )
        for show in TILES
    ]
    return [*lists, prepare]


class Tab(NamedTuple):
    label: Promise
    figure: int
    note: str
    url: str
    is_here: bool


@register.simple_tag
def worklist_tabs(counts: Counts, shown: str) -> list[Tab]:
    """Give the other lists: what runs by itself, and everybody."""
    notes = {Show.DUE: _closes(counts.earliest_deadline)}
    others = [show for show in Show if show not in TILES]
    tabs = [
        Tab(WHAT[show][0], counts.of[show], notes.get(show, ""), f"?show={show}#list", show == shown)
        for show in others
        if counts.of[show] or show == shown
    ]
    return [*tabs, Tab(_("Everybody"), counts.everybody, "", f"?show={EVERYBODY}#list", shown == EVERYBODY)]


EXPORT_HEAD: Final = (
    _("Name"),
    _("Number"),
    _("Sex"),
    _("Age"),
    _("Nodules"),
    _("State"),
    _("Next step"),
    _("Not before"),
    _("Not after"),
    _("Booked on"),
)


def export_cells(row: Row) -> tuple[Cell, ...]:
    """Give a row as a spreadsheet has it."""
    step = row.step
    nodules = "; ".join(
        f"{nodule.label} {round(nodule.volume_mm3)} mm³" if nodule.volume_mm3 else nodule.label
        for nodule in row.nodules
    )
    return (
        person_name(row.name),
        row.number,
        row.sex,
        row.age_years,
        nodules,
        str(row_tag(row).label),
        f"{step.kind.label} {management_text(step)}".strip() if step else "",
        step.due_from if step else None,
        step.due_until if step else None,
        step.booked_on if step else None,
    )


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
def show_word(show: str) -> Promise:
    return _("Everybody") if show == EVERYBODY else WHAT[Show(show)][0]


MATTERS_MOST: Final = (
    (Show.OVERDUE, "critical"),
    (Show.MISSED, "caution"),
    (Show.DECIDE, "caution"),
    (Show.UNREACHED, "caution"),
    (Show.REFUSED, "caution"),
    (Show.RUNNING, "brand"),
)


@register.filter
def row_tag(row: Row) -> Tag:
    """Give the one state of a row that matters most to whoever reads the list."""
    for show, tone in MATTERS_MOST:
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
def pages(rows: int, matching: int, page: int) -> Pages:
    """Say how much of a list is shown and which page comes next."""
    until = (page - 1) * PAGE_ROWS + rows
    return Pages(until, matching, page + 1 if until < matching else None)
