"""What the reminders of a clinic are doing, for the pages and the heartbeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Min, Q
from django.utils import timezone

from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import ReminderState
from nodules_app.models import (
    Clinic,
    ContactPoint,
    ContactPreference,
    LetterBatch,
    Outcome,
    Patient,
    Reminder,
    User,
)
from nodules_app.models.reminders import IN_TROUBLE, WAITING
from nodules_app.selectors.clinics import Act, clinics_where
from nodules_app.selectors.cover import away_on

SWEPT_AT: Final = "reminders-swept-at"  # written by services.reminders.sweep, one cache entry for all processes
LATE_AFTER: Final = timedelta(hours=2)
PAGE_ROWS: Final = 50
SENT_LATELY: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether reminders are alive: when the last sweep ended, and how long the oldest message has been waiting."""

    swept_at: datetime | None
    oldest_unsent_at: datetime | None
    late: bool


def pulse(*, now: datetime) -> Pulse:
    """Read the heartbeat; a sweep that nobody remembers counts as late, because then nobody knows."""
    swept_at = cache.get(SWEPT_AT)
    waiting = Reminder.objects.filter(state__in=WAITING, not_before__lte=now).exclude(channel=Channel.LETTER)
    oldest = waiting.aggregate(Min("not_before"))["not_before__min"]
    return Pulse(swept_at, oldest, late=swept_at is None or now - swept_at > LATE_AFTER)


class Show(StrEnum):
    """The lists of the reminder desk; each count is the filter that opens its list."""

    TASKS = "tasks"  # a person must do something
    MINE = "mine"
    FAILED = "failed"  # did not arrive, or nobody knows
    LETTERS = "letters"  # wait to be printed
    SENT = "sent"  # in the last two weeks


@dataclass(frozen=True, slots=True)
class Desk:
    """One page of one list, and the counts of all."""

    counts: Mapping[Show, int]
    overdue: int  # tasks whose time to answer is over
    rows: Sequence[Reminder]
    matching: int
    shown_until: int
    next_page: int | None


def desk(*, user: User, show: Show, now: datetime, page: int = 1) -> Desk:
    """Read a list of the reminder desk in a fixed number of queries; tasks that should be answered first lead."""
    ours = Reminder.objects.filter(clinic__in=clinics_where(user, Act.SEE).order_by().values("pk"))
    of = {one: _in_list(one, user, now) for one in Show}
    # Every list has its index; what stands on none, which is nearly all, is not looked at.
    on_any = reduce(or_, (condition for one, condition in of.items() if one is not Show.MINE))
    figures = ours.filter(on_any).aggregate(
        **{str(one): Count("pk", filter=condition) for one, condition in of.items()},
        overdue=Count("pk", filter=of[Show.TASKS] & Q(answer_by__lt=now)),
    )
    order = ("answer_by", "tier", "pk") if show in (Show.TASKS, Show.MINE) else ("-pk",)
    rows = ours.filter(of[show]).select_related("patient", "follow_up", "assigned_to").order_by(*order)
    first = (page - 1) * PAGE_ROWS
    counts = {one: figures[one] for one in Show}
    shown = list(rows[first : first + PAGE_ROWS])
    until = first + len(shown)
    return Desk(counts, figures["overdue"], shown, counts[show], until, page + 1 if until < counts[show] else None)


def _in_list(show: Show, user: User, now: datetime) -> Q:
    open_task = Q(channel=Channel.TASK, state=ReminderState.DELIVERED)
    return {
        Show.TASKS: open_task,
        Show.MINE: open_task
        & (Q(assigned_to=user) | (Q(assigned_to__covered_by=user) & away_on(timezone.localdate(now), "assigned_to__"))),
        Show.FAILED: Q(state__in=IN_TROUBLE),
        Show.LETTERS: Q(channel=Channel.LETTER, state=ReminderState.QUEUED),
        Show.SENT: Q(handed_over_at__gte=now - SENT_LATELY),
    }[show]


def batches(*, user: User, newest: int = 20) -> Sequence[LetterBatch]:
    """The letters that were printed last."""
    ours = LetterBatch.objects.filter(clinic__in=clinics_where(user, Act.SEE).order_by().values("pk"))
    signed = Count("printed_letters", distinct=True)
    counted = ours.annotate(reminders_in=Count("reminders", distinct=True), signed_in=signed)
    return list(counted.select_related("by").order_by("-pk")[:newest])


def without_action(*, user: User, now: datetime) -> list[tuple[str, int, int]]:
    """Of each rung in the last week: how many tasks were answered, and how many of them with "no action needed"."""
    rows = (
        Reminder.objects.filter(
            clinic__in=clinics_where(user, Act.SEE).order_by().values("pk"),
            channel=Channel.TASK,
            acknowledged_at__gte=now - timedelta(days=7),
        )
        .values_list("rung")
        .annotate(answered=Count("pk"), dismissed=Count("pk", filter=Q(outcome=Outcome.NO_ACTION)))
        .order_by("-dismissed", "rung")
    )
    return [(rung, answered, dismissed) for rung, answered, dismissed in rows]


def letters_waiting(*, user: User) -> list[tuple[Clinic, int]]:
    """How many reminders wait to be printed in each clinic where this person may print them."""
    waiting = Q(channel=Channel.LETTER, state=ReminderState.QUEUED)
    counted = dict(Reminder.objects.filter(waiting).values_list("clinic").annotate(Count("pk")))
    return [(clinic, counted.get(clinic.pk, 0)) for clinic in clinics_where(user, Act.RECORD)]


def of_patient(patient: Patient, *, newest: int = 100) -> Sequence[Reminder]:
    """What was done for a patient, the latest first."""
    rows = Reminder.objects.filter(patient=patient).select_related("acknowledged_by", "contact")
    return list(rows.order_by("-pk")[:newest])


@dataclass(frozen=True, slots=True)
class ReachOf:
    """Where a patient and those around them are reached, and the patient's wishes."""

    points: Sequence[ContactPoint]
    wish: ContactPreference | None


def reach_of(patient: Patient) -> ReachOf:
    """Read addresses in use and those that failed; what was taken out of use is not shown."""
    points = ContactPoint.objects.filter(patient=patient, retired_at__isnull=True).order_by("of", "kind", "-pk")
    return ReachOf(list(points), ContactPreference.objects.filter(patient=patient).first())
