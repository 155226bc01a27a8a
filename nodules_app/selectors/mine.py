"""The patients whose steps somebody owns, and those of the colleagues whom this person covers today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from nodules_app.lifecycles import OPEN_FOLLOW_UP
from nodules_app.models import FollowUp, User
from nodules_app.selectors.clinics import patients_of
from nodules_app.selectors.cover import stands_for
from nodules_app.selectors.worklist.rows import Row, rows_of

PAGE_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Owned:
    """The rows of one owner: oneself, or a colleague who is away."""

    owner: User
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class MyPatients:
    """One page: the earliest deadlines of all of them, parted by owner, oneself first."""

    groups: tuple[Owned, ...]
    next_page: int | None


def my_patients(user: User, *, today: date, page: int = 1) -> MyPatients:
    """Read one page of what this person answers for today."""
    owners = [user, *stands_for(user, today)]
    first = (page - 1) * PAGE_STEPS
    owned = FollowUp.objects.filter(
        owner__in=owners, state__in=OPEN_FOLLOW_UP, patient__in=patients_of(user)
    ).select_related("patient")
    steps = list(owned.order_by("due_until", "pk")[first : first + PAGE_STEPS + 1])
    shown = steps[:PAGE_STEPS]
    patients = {step.patient_id: step.patient for step in shown}
    rows = dict(zip(patients, rows_of(list(patients.values()), today), strict=True))
    groups = []
    for owner in owners:
        keys = dict.fromkeys(step.patient_id for step in shown if step.owner_id == owner.pk)
        groups.append(Owned(owner, tuple(rows[key] for key in keys)))
    return MyPatients(tuple(groups), page + 1 if len(steps) > PAGE_STEPS else None)
