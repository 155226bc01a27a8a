"""The clinic's calendar and ladder as the pure core takes them, and how a new version of a ladder comes into force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max

from nodules_app.ladder.calendar import Calendar
from nodules_app.ladder.rungs import DEFAULT, Rung, as_json, from_json, problems_of
from nodules_app.models import Clinic, ClinicDay, LadderVersion, User
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

DEFAULT_CAP = 25


class LadderNotAllowed(Refused):
    """The rungs break a rule that holds in every clinic."""

    code = "ladder_not_allowed"
    sentence = gettext_noop("This ladder breaks a rule: {problems}.")
    remedy = gettext_noop("Change the rungs that are named; nothing was stored.")


@dataclass(frozen=True, slots=True)
class LadderInForce:
    """What holds in a clinic now; version None is the product's own ladder, which nobody has changed yet."""

    version: LadderVersion | None
    rungs: tuple[Rung, ...]
    task_cap: int

    @property
    def number(self) -> int:
        return self.version.number if self.version else 0


def calendar_of(clinic: Clinic) -> Calendar:
    """Read the days and hours of a clinic."""
    days = ClinicDay.objects.filter(clinic=clinic).values_list("on", "is_working")
    return Calendar(
        zone=ZoneInfo(clinic.time_zone),
        weekdays=frozenset(clinic.working_weekdays),
        exceptions=dict(days),
        quiet_from=clinic.quiet_from,
        quiet_until=clinic.quiet_until,
    )


def ladder_of(clinic: Clinic) -> LadderInForce:
    """Read the ladder in force."""
    version = LadderVersion.objects.filter(clinic=clinic).order_by("-number").first()
    if version is None:
        return LadderInForce(None, DEFAULT, DEFAULT_CAP)
    return LadderInForce(version, from_json(version.rungs), version.task_cap)


@transaction.atomic
def change_ladder(
    *, clinic: Clinic, rungs: tuple[Rung, ...], why: str, by: User, task_cap: int = DEFAULT_CAP
) -> LadderVersion:
    """Put a new version of the ladder in force; what was told under an older one stays told.

    Raises
    ------
    LadderNotAllowed
        The rungs break a rule that holds everywhere; see ``ladder.rungs.problems_of``.
    """
    if problems := problems_of(rungs):
        raise LadderNotAllowed(problems=", ".join(str(one) for one in problems))
    Clinic.objects.select_for_update().get(pk=clinic.pk)  # two editors at once get two numbers
    latest = LadderVersion.objects.filter(clinic=clinic).aggregate(Max("number"))["number__max"] or 0
    version = LadderVersion.objects.create(
        clinic=clinic, number=latest + 1, rungs=as_json(rungs), task_cap=task_cap, why=why, by=by
    )
    record("ladder.changed", None, by=by, clinic=clinic.code, number=version.number)
    return version


def answer_until(calendar: Calendar, now: datetime, days: int) -> datetime:
    """The instant until which a person may answer: the start of a working day, so nobody is late over a weekend."""
    return calendar.begins(calendar.forward(calendar.today(now) + timedelta(days=days)))


def versions_of(clinic: Clinic) -> list[LadderVersion]:
    """Every version there was, the latest first: who changed it and why."""
    return list(LadderVersion.objects.filter(clinic=clinic).select_related("by").order_by("-number"))
