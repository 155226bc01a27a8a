"""One page of the worklist with the counts above it, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Case, Exists, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from nodules_app.models import Patient, User
from nodules_app.selectors.clinics import patients_of
from nodules_app.selectors.worklist.finding import find, find_similar
from nodules_app.selectors.worklist.lists import ACT, STEPS, Show, members, open_steps, to_act_on, waiting_steps
from nodules_app.selectors.worklist.rows import Row, rows_of

PAGE_ROWS: Final = 50
EVERYBODY: Final = "everybody"  # every patient with an open step, the earliest deadline first


@dataclass(frozen=True, slots=True)
class Counts:
    """How many patients each list holds, and the two days that say how urgent it is."""

    of: dict[Show, int]
    everybody: int
    earliest_deadline: date | None  # of what is due now
    worst_deadline: date | None  # of what is overdue


@dataclass(frozen=True, slots=True)
class Worklist:
    counts: Counts
    rows: tuple[Row, ...]
    matching: int
    is_running: bool
    only_similar: bool  # nobody matches what was typed: these come near


def worklist(*, user: User, today: date, show: str = "", text: str = "", page: int = 1) -> Worklist:
    """Read one page of the worklist of this person's clinics.

    ``show`` is a list, ``everybody``, or empty for whatever somebody has to act on; ``text`` finds patients whatever
    they wait for, see ``finding``.
    """
    mine = patients_of(user)
    counts = _counts(mine, today)
    first, only_similar = (page - 1) * PAGE_ROWS, False
    if text:
        asked = find(mine, text)
        if not asked.exists():
            asked, only_similar = find_similar(mine, text), True
        asked = asked if only_similar else asked.order_by("name", "pk")
        matching = asked.count()
        shown = list(asked[first : first + PAGE_ROWS])
    elif show == EVERYBODY:
        matching, shown = _everybody(mine, first)
    else:
        asked = mine.filter(members(Show(show), today) if show else to_act_on(today))
        matching = counts.of[Show(show)] if show else asked.count()
        shown = list(_most_harmful_first(asked, today)[first : first + PAGE_ROWS])
    rows = rows_of(shown, today)
    return Worklist(counts, rows, matching, any(Show.RUNNING in row.shows for row in rows), only_similar)


def exported(*, user: User, today: date, show: str = "", most: int) -> tuple[Row, ...]:
    """The rows of a whole list, as far as ``most``, for a spreadsheet."""
    mine = patients_of(user)
    if show == EVERYBODY:
        return rows_of(_everybody(mine, 0, rows=most)[1], today)
    asked = mine.filter(members(Show(show), today) if show else to_act_on(today))
    return rows_of(list(_most_harmful_first(asked, today)[:most]), today)


def _most_harmful_first(asked: QuerySet[Patient], today: date) -> QuerySet[Patient]:
    """By the list that matters most, then by the earliest deadline."""
    deadline = waiting_steps().filter(patient=OuterRef("pk")).order_by("due_until").values("due_until")[:1]
    rank = Case(
        *(When(members(show, today), then=Value(order)) for order, show in enumerate(ACT)),
        default=Value(len(ACT)),
        output_field=IntegerField(),
    )
    return asked.annotate(rank=rank, deadline=Subquery(deadline)).order_by("rank", "deadline", "pk")


def _everybody(mine: QuerySet[Patient], first: int, rows: int = PAGE_ROWS) -> tuple[int, list[Patient]]:
    """Page through the open steps by their own index; of two steps of one patient the earlier stands for both."""
    earlier = open_steps().filter(
        Q(due_until__lt=OuterRef("due_until")) | Q(due_until=OuterRef("due_until"), pk__lt=OuterRef("pk")),
        patient=OuterRef("patient"),
    )
    steps = open_steps().filter(~Exists(earlier), patient__in=mine).select_related("patient")
    page = [step.patient for step in steps.order_by("due_until", "pk")[first : first + rows]]
    return mine.filter(pk__in=open_steps().values("patient")).count(), page


def _counts(mine: QuerySet[Patient], today: date) -> Counts:
    deadlines = {
        show: STEPS[show](today).filter(patient__in=mine).aggregate(first=Min("due_until"))["first"]
        for show in (Show.DUE, Show.OVERDUE)
    }
    return Counts(
        of={show: mine.filter(members(show, today)).count() for show in Show},
        everybody=mine.count(),
        earliest_deadline=deadlines[Show.DUE],
        worst_deadline=deadlines[Show.OVERDUE],
    )
