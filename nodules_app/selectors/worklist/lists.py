"""The lists of the worklist: which rows put a patient on each, and since when.

Every list is a condition on open steps, or rows of another table, or both, so that its cost follows the number of open
steps and of its members, never that of all patients. What a list holds is said here once: its count, its page, the tags
of a row and its spreadsheet are all made from it (``standing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from nodules_app.lifecycles import OPEN_FOLLOW_UP, OPEN_READING, OPEN_RUN, TO_ARRANGE, FollowUpState
from nodules_app.models import FollowUpKind, Reading, Reminder, Run, Unread
from nodules_app.models.reminders import IN_TROUBLE
from nodules_app.models.runs import WITHOUT_RESULT

BOOK_AHEAD_DAYS: Final = 42  # the ladder asks whether a yearly scan is booked six weeks before its day
BOOKABLE: Final = (FollowUpKind.CT, FollowUpKind.WORKUP)


class Show(StrEnum):
    """The lists, the most harmful delay first; each is also the filter that opens it."""

    OVERDUE = "overdue"
    MISSED = "missed"  # did not come: somebody must call
    DECIDE = "decide"  # a result, or silence, that a clinician must answer
    UNREACHED = "unreached"  # a reminder failed or came back, or nobody knows whether it went, and nobody dealt with it
    REFUSED = "refused"
    NEW = "new"  # a proposal that nobody has signed, or an exam on which nobody has marked a nodule
    BOOK = "book"
    DUE = "due"
    REPORT = "report"  # the exam was made, and no reader has signed what it shows
    RUNNING = "running"


ACT: Final = (
    Show.OVERDUE,
    Show.MISSED,
    Show.DECIDE,
    Show.UNREACHED,
    Show.REFUSED,
    Show.NEW,
    Show.BOOK,
    Show.DUE,
    Show.REPORT,
    Show.RUNNING,
)

OPEN: Final = Q(state__in=OPEN_FOLLOW_UP)
# Open steps whose exam was not made: once it was, nobody is late any more.
WAITING: Final = Q(state__in=(FollowUpState.PROPOSED, *TO_ARRANGE))
# What an exam led to is no result to act upon until a reader has signed; the exam itself stands under ``REPORT``.
UNSIGNED: Final = (
    Q(state__in=(FollowUpState.PROPOSED, FollowUpState.REPORTED))
    & ~Q(kind=FollowUpKind.REVIEW)
    & Q(patient__in=Reading.objects.filter(state__in=OPEN_READING).values("patient"))
)


def _overdue(today: date) -> Q:
    return WAITING & Q(due_until__lt=today) & ~UNSIGNED


def _due(today: date) -> Q:
    return WAITING & Q(due_from__lte=today, due_until__gte=today) & ~UNSIGNED


def _to_book(today: date) -> Q:
    unbooked = Q(state__in=(FollowUpState.PLANNED, FollowUpState.DEFERRED), kind__in=BOOKABLE)
    return unbooked & Q(due_until__gte=today, target_on__lte=today + timedelta(days=BOOK_AHEAD_DAYS))


def _in_state(*states: FollowUpState) -> Callable[[date], Q]:
    return lambda _today: Q(state__in=states)


def _signed(*states: FollowUpState) -> Callable[[date], Q]:
    return lambda _today: Q(state__in=states) & ~UNSIGNED


# The lists that open steps stand on. One pass over the open steps counts them all.
STEPS: Final[Mapping[Show, Callable[[date], Q]]] = {
    Show.OVERDUE: _overdue,
    Show.MISSED: _in_state(FollowUpState.NOT_ATTENDED),
    Show.DECIDE: _signed(FollowUpState.REPORTED, FollowUpState.LOST_SUSPECTED),
    Show.NEW: _signed(FollowUpState.PROPOSED),
    Show.BOOK: _to_book,
    Show.DUE: _due,
    Show.REPORT: _in_state(FollowUpState.PERFORMED),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that put their patient on a list; ``waits_since`` is the column with the moment from which they do."""

    rows: Callable[[], QuerySet[Any]]
    waits_since: str


def _without_result() -> QuerySet[Run]:
    """Work that ended without a result and that nothing newer of its kind has made good."""
    newer = Run.objects.filter(
        Q(scan=OuterRef("scan"))
        | Q(comparison=OuterRef("comparison"))
        | Q(scan__isnull=True, comparison__isnull=True),  # work on the patient as a whole
        patient=OuterRef("patient"),
        kind=OuterRef("kind"),
        pk__gt=OuterRef("pk"),
    )
    return Run.objects.filter(~Exists(newer), state__in=WITHOUT_RESULT, patient__isnull=False)


# What else puts somebody on a list. A new source needs a ``patient`` column and an index that finds its rows.
BESIDE: Final[Mapping[Show, tuple[Source, ...]]] = {
    Show.UNREACHED: (Source(lambda: Reminder.objects.filter(state__in=IN_TROUBLE), "created_at"),),
    Show.REFUSED: (Source(_without_result, "created_at"),),
    Show.NEW: (Source(Unread.objects.all, "since"),),
    Show.REPORT: (Source(lambda: Reading.objects.filter(state__in=OPEN_READING), "created_at"),),
    Show.RUNNING: (Source(lambda: Run.objects.filter(state__in=OPEN_RUN, patient__isnull=False), "created_at"),),
}
