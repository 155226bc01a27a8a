"""The lists of the worklist: of each, which patients stand on it.

Every list is a condition on open steps or on work that ended without a result, so that its cost follows the number of
its members and not that of all patients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from nodules_app.lifecycles import OPEN_FOLLOW_UP, OPEN_RUN, TO_ARRANGE, FollowUpState, RunState
from nodules_app.models import Closure, FollowUp, FollowUpKind, Nodule, Reminder, Run, Scan
from nodules_app.models.reminders import IN_TROUBLE

BOOK_AHEAD_DAYS: Final = 42  # the ladder asks whether a yearly scan is booked six weeks before its day
ENDED_WITHOUT_RESULT: Final = (RunState.REFUSED, RunState.FAILED)
BOOKABLE: Final = (FollowUpKind.CT, FollowUpKind.WORKUP)
Steps = QuerySet[FollowUp]


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
    REPORT = "report"  # the exam was made; its report is awaited
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
    Show.RUNNING,
)


def open_steps() -> Steps:
    return FollowUp.objects.filter(state__in=OPEN_FOLLOW_UP)


def waiting_steps() -> Steps:
    """Open steps whose exam was not made: once it was, nobody is late any more."""
    return FollowUp.objects.filter(state__in=(FollowUpState.PROPOSED, *TO_ARRANGE))


def _overdue(today: date) -> Steps:
    return waiting_steps().filter(due_until__lt=today)


def _due(today: date) -> Steps:
    return waiting_steps().filter(due_from__lte=today, due_until__gte=today)


def _to_book(today: date) -> Steps:
    unbooked = FollowUp.objects.filter(
        state__in=(FollowUpState.PLANNED, FollowUpState.DEFERRED), kind__in=BOOKABLE, due_until__gte=today
    )
    return unbooked.filter(target_on__lte=today + timedelta(days=BOOK_AHEAD_DAYS))


def _in_state(*states: FollowUpState) -> Callable[[date], Steps]:
    return lambda _today: FollowUp.objects.filter(state__in=states)


STEPS: Final[Mapping[Show, Callable[[date], Steps]]] = {
    Show.OVERDUE: _overdue,
    Show.MISSED: _in_state(FollowUpState.NOT_ATTENDED),
    Show.DECIDE: _in_state(FollowUpState.REPORTED, FollowUpState.LOST_SUSPECTED),
    Show.NEW: _in_state(FollowUpState.PROPOSED),
    Show.BOOK: _to_book,
    Show.DUE: _due,
    Show.REPORT: _in_state(FollowUpState.PERFORMED),
}


def members(show: Show, today: date) -> Q:
    """The condition "stands on this list", for patients."""
    if show is Show.RUNNING:
        return Q(pk__in=Run.objects.filter(state__in=OPEN_RUN, patient__isnull=False).values("patient"))
    if show is Show.UNREACHED:
        return Q(pk__in=Reminder.objects.filter(state__in=IN_TROUBLE).values("patient"))
    if show is Show.REFUSED:
        return Q(pk__in=_without_result().values("patient"))
    on_it = Q(pk__in=STEPS[show](today).values("patient"))
    return on_it | _unread() if show is Show.NEW else on_it


def to_act_on(today: date) -> Q:
    """The condition "somebody has to do something now, or the product is at it"."""
    condition = Q(pk__in=[])
    for show in ACT:
        condition |= members(show, today)
    return condition


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
    return Run.objects.filter(~Exists(newer), state__in=ENDED_WITHOUT_RESULT, patient__isnull=False)


def _unread() -> Q:
    """An exam was taken in, and nobody has marked a nodule or recorded that there is none."""
    return (
        Q(Exists(Scan.objects.filter(study__patient=OuterRef("pk"))))
        & ~Q(Exists(Nodule.objects.filter(patient=OuterRef("pk"))))
        & ~Q(Exists(Closure.objects.filter(patient=OuterRef("pk"), ended_at__isnull=True)))
    )
