"""One page of the worklist with the counts above it, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Min, QuerySet

from nodules_app.models import FollowUp, Patient, User
from nodules_app.selectors.clinics import Act, clinics_where
from nodules_app.selectors.worklist.finding import find, find_similar
from nodules_app.selectors.worklist.lists import ACT, OPEN, Show
from nodules_app.selectors.worklist.rows import Row, rows_of
from nodules_app.selectors.worklist.standing import Clinics, Counts, counts, in_order

PAGE_ROWS: Final = 50
MOST_FOUND: Final = 1000  # beyond, another word finds somebody sooner than another page
EVERYBODY: Final = "everybody"  # every patient with an open step, the earliest deadline first


@dataclass(frozen=True, slots=True)
class Worklist:
    counts: Counts
    rows: tuple[Row, ...]
    matching: int
    more_match: bool  # than ``matching``: a search counts no further than ``MOST_FOUND``
    is_running: bool
    only_similar: bool  # nobody matches what was typed: these come near


def worklist(*, user: User, today: date, show: str = "", text: str = "", page: int = 1) -> Worklist:
    """Read one page of the worklist of this person's clinics.

    ``show`` is a list, ``everybody``, or empty for whatever somebody has to act on; ``text`` finds patients whatever
    they wait for, see ``finding``.
    """
    clinics = clinics_of(user)
    counted = counts(clinics, today)
    first = (page - 1) * PAGE_ROWS
    matching, only_similar = _matching(counted, show), False
    if text:
        found, only_similar = _found(clinics, text)
        matching, shown = len(found), _patients(found[:MOST_FOUND][first : first + PAGE_ROWS])
    else:
        shown = _listed(show, clinics, today, first, first + PAGE_ROWS)
    rows = rows_of(shown, today)
    return Worklist(
        counted,
        rows,
        min(matching, MOST_FOUND) if text else matching,
        bool(text) and matching > MOST_FOUND,
        any(Show.RUNNING in row.shows for row in rows),
        only_similar,
    )


def exported(*, user: User, today: date, show: str = "", most: int) -> tuple[Row, ...]:
    """The rows of a whole list, as far as ``most``, for a spreadsheet."""
    return rows_of(_listed(show, clinics_of(user), today, 0, most), today)


def clinics_of(user: User) -> Clinics:
    """The clinics whose patients this person sees; as numbers, from which the database knows how many patients come."""
    return list(clinics_where(user, Act.SEE).values_list("pk", flat=True))


def _matching(counted: Counts, show: str) -> int:
    if show == EVERYBODY:
        return counted.everybody
    return counted.of[Show(show)] if show else counted.to_act_on


def _listed(show: str, clinics: Clinics, today: date, first: int, until: int) -> list[Patient]:
    if show == EVERYBODY:
        return _everybody(clinics, first, until)
    return _patients(in_order((Show(show),) if show else ACT, clinics, today, until)[first:])


def _patients(keys: Sequence[int]) -> list[Patient]:
    """These patients, in this order, less those whom a colleague has merged away since the keys were read."""
    found = Patient.objects.in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _found(clinics: Clinics, text: str) -> tuple[list[int], bool]:
    """The keys of those who match, by name, else of those who come near; one more than ``MOST_FOUND`` says "more"."""
    mine = Patient.objects.filter(clinic__in=clinics)
    exact = list(find(mine, text).order_by("name", "pk").values_list("pk", flat=True)[: MOST_FOUND + 1])
    if exact:
        return exact, False
    near: QuerySet[Patient] = find_similar(mine, text)
    return list(near.values_list("pk", flat=True)[: MOST_FOUND + 1]), True


def _everybody(clinics: Clinics, first: int, until: int) -> list[Patient]:
    """Page through the patients with an open step; of two steps of one patient the earlier stands for both."""
    steps = FollowUp.objects.filter(OPEN, patient__clinic__in=clinics).values("patient")
    keys = steps.annotate(deadline=Min("due_until")).order_by("deadline", "patient")
    return _patients([step["patient"] for step in keys[first:until]])
