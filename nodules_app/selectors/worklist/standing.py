"""Who stands on which list: counted, paged and told for single patients, always from the same rows (``lists``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Count, DateField, Exists, Expression, F, Min, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast

from nodules_app.models import FollowUp, Patient
from nodules_app.selectors.worklist.lists import ACT, BESIDE, OPEN, STEPS, Show

Clinics = Sequence[int]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many patients each list holds, and the two days that say how urgent it is."""

    of: Mapping[Show, int]
    to_act_on: int  # on any list that somebody has to act on
    everybody: int  # with an open step
    has_patients: bool
    earliest_deadline: date | None  # of what is due now
    worst_deadline: date | None  # of what is overdue


ACT_ON: Final = "act"
ANY: Final = "any"


def counts(clinics: Clinics, today: date) -> Counts:
    """Count every list: one pass over the open steps, and one query for each list that has other rows beside them."""
    conditions = {show: condition(today) for show, condition in STEPS.items()}
    acted_on = reduce(or_, (conditions[show] for show in ACT if show in conditions))
    asked: dict[str, Q | None] = {str(show): one for show, one in conditions.items()}
    asked |= {ACT_ON: acted_on, ANY: None}
    steps = FollowUp.objects.filter(OPEN, patient__clinic__in=clinics).aggregate(
        **{name: Count("patient", distinct=True, filter=one) for name, one in asked.items()},
        earliest_deadline=Min("due_until", filter=conditions[Show.DUE]),
        worst_deadline=Min("due_until", filter=conditions[Show.OVERDUE]),
    )
    beside = {show: _beside((show,), conditions.get(show), clinics) for show in BESIDE}
    return Counts(
        of={show: steps.get(str(show), 0) + beside.get(show, 0) for show in Show},
        to_act_on=steps[ACT_ON] + _beside(ACT, acted_on, clinics),
        everybody=steps[ANY],
        has_patients=Patient.objects.filter(clinic__in=clinics).exists(),
        earliest_deadline=steps["earliest_deadline"],
        worst_deadline=steps["worst_deadline"],
    )


def _beside(shows: Iterable[Show], by_step: Q | None, clinics: Clinics) -> int:
    """Count the patients whom other rows than steps put on these lists, less those who stand there by a step too."""
    arms = [source.rows().filter(patient__clinic__in=clinics) for show in shows for source in BESIDE.get(show, ())]
    if by_step:
        counted = Exists(FollowUp.objects.filter(OPEN, by_step, patient=OuterRef("patient")))
        arms = [rows.filter(~counted) for rows in arms]
    patients = [rows.values("patient").distinct() for rows in arms]
    return (patients[0].union(*patients[1:]) if len(patients) > 1 else patients[0]).count()


def in_order(shows: Sequence[Show], clinics: Clinics, today: date, most: int) -> list[int]:
    """The first ``most`` patients of several lists, those of an earlier list first, in each who has waited longest.

    Whoever is among the first ``most`` of all is among the first ``most`` of the earliest list that has them, so that
    no list is read further, whatever its length.
    """
    steps = FollowUp.objects.filter(OPEN, patient__clinic__in=clinics)
    arms = []
    for rank, show in enumerate(shows):
        if show in STEPS:
            # A patient has two open steps at most, a review and another: the constraint patient_has_one_open_step.
            rows = _arm(steps.filter(STEPS[show](today)), rank).annotate(since=F("due_until"))
            arms.append(rows.order_by("since", "patient")[: 2 * most])
        for source in BESIDE.get(show, ()):
            rows = _arm(source.rows().filter(patient__clinic__in=clinics), rank)
            arms.append(rows.annotate(since=_day(Min(source.waits_since))).order_by("since", "patient")[:most])
    told = arms[0].union(*arms[1:], all=True) if len(arms) > 1 else arms[0]
    ordered = sorted(told, key=lambda row: (row["rank"], row["since"], row["patient"]))
    return list(dict.fromkeys(row["patient"] for row in ordered))[:most]


def shows_of(patients: Iterable[int], today: date) -> dict[int, frozenset[Show]]:
    """The lists on which each of these patients stands."""
    keys, every = list(patients), list(Show)
    steps = FollowUp.objects.filter(OPEN, patient__in=keys)
    arms = [_arm(steps.filter(STEPS[show](today)), every.index(show)) for show in STEPS]
    arms += [
        _arm(source.rows().filter(patient__in=keys), every.index(show)) for show in BESIDE for source in BESIDE[show]
    ]
    on: defaultdict[int, set[Show]] = defaultdict(set)
    for row in arms[0].union(*arms[1:], all=True):
        on[row["patient"]].add(every[row["rank"]])
    return {key: frozenset(on[key]) for key in keys}


def _arm(rows: QuerySet[Any], rank: int) -> QuerySet[Any, dict[str, Any]]:
    """Give rows of any table the shape in which they can stand in one union."""
    arm: QuerySet[Any, dict[str, Any]] = rows.annotate(rank=Value(rank)).values("rank", "patient")
    return arm


def _day(moment: Expression) -> Cast:
    """The calendar day of a moment: steps wait since a day, other rows since a moment."""
    return Cast(moment, DateField())
