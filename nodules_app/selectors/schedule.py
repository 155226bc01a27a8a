"""What the week page shows: the slots of one clinic's scanners or rooms, and who still needs one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from nodules_app.models import Clinic, ResourceKind, User
from nodules_app.selectors.clinics import Act, acts_of, clinics_where
from nodules_app.selectors.scheduling import Day, ToBook, days, to_book

MOST_TO_BOOK: Final = 40


@dataclass(frozen=True, slots=True)
class WeekPage:
    """One week."""

    clinics: tuple[Clinic, ...]
    clinic: Clinic | None
    kind: ResourceKind
    days: tuple[Day, ...]
    waiting: tuple[ToBook, ...]
    monday: date
    now: datetime
    may_book: bool
    may_set_up: bool

    @property
    def earlier(self) -> date:
        return self.monday - timedelta(days=7)

    @property
    def later(self) -> date:
        return self.monday + timedelta(days=7)

    @property
    def has_slots(self) -> bool:
        return any(day.slots for day in self.days)


def week_page(user: User, *, asked_clinic: str, asked_kind: str, on: date, now: datetime) -> WeekPage:
    """Lay out the week of a day; what was asked for and does not exist falls back to the first that does."""
    clinics = tuple(clinics_where(user, Act.SEE))
    clinic = next((one for one in clinics if str(one.code) == asked_clinic), clinics[0] if clinics else None)
    kind = ResourceKind(asked_kind) if asked_kind in ResourceKind.values else ResourceKind.CT
    monday = on - timedelta(days=on.weekday())
    shown = days(clinic, kind, monday, monday + timedelta(days=6)) if clinic else ()
    acts = acts_of(user, clinic) if clinic else frozenset()
    return WeekPage(
        clinics=clinics,
        clinic=clinic,
        kind=kind,
        days=tuple(day for day in shown if day.is_open or day.slots or day.closed_because or day.on.weekday() < 5),
        waiting=to_book(clinic, kind, most=MOST_TO_BOOK) if clinic else (),
        monday=monday,
        now=now,
        may_book=Act.RECORD in acts,
        may_set_up=Act.MANAGE in acts,
    )
