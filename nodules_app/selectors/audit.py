"""The audit trail as the auditor asks for it: by patient, person, act and time, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from nodules_app.models import AuditEvent, EmergencyAccess, Membership, User
from nodules_app.selectors.clinics import Act, clinics_where, may_where

PAGE_EVENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What the auditor wants to see; empty words ask for everything."""

    number: str = ""
    person: str = ""
    verb: str = ""
    since: date | None = None
    until: date | None = None
    before: int | None = None  # the key of the last event shown: the next page begins after it


@dataclass(frozen=True, slots=True)
class Trail:
    """One page of events, the latest first; ``older`` is where the next page begins."""

    events: Sequence[AuditEvent]
    older: int | None


def trail(*, user: User, asked: Asked) -> Trail:
    """Read one page. It is cut by the last key seen, so that page 1,000 costs what page 1 costs."""
    events = _within_reach(user)
    if asked.number:
        events = events.filter(patient__identifier=asked.number)
    if asked.person:
        events = events.filter(by__username=asked.person)
    if asked.verb:
        events = events.filter(verb=asked.verb)
    zone = ZoneInfo(timezone.get_current_timezone_name())
    if asked.since:
        events = events.filter(at__gte=datetime.combine(asked.since, time(), zone))
    if asked.until:
        events = events.filter(at__lt=datetime.combine(asked.until + timedelta(days=1), time(), zone))
    if asked.before is not None:
        events = events.filter(pk__lt=asked.before)
    page = list(events.select_related("by", "patient").order_by("-pk")[: PAGE_EVENTS + 1])
    return Trail(page[:PAGE_EVENTS], page[PAGE_EVENTS - 1].pk if len(page) > PAGE_EVENTS else None)


def _within_reach(user: User) -> QuerySet[AuditEvent]:
    """Events about patients of the clinics that this person audits, and those about no patient by people there."""
    clinics = clinics_where(user, Act.AUDIT).order_by().values("pk")
    people = Membership.objects.filter(clinic__in=clinics).values("user")
    return AuditEvent.objects.filter(
        may_where(user, Act.AUDIT) | Q(patient__isnull=True, by__in=people) | Q(patient__isnull=True, by=user)
    )


EVERY_VERB: Final = """
WITH RECURSIVE told AS (
    (SELECT verb FROM nodules_app_auditevent ORDER BY verb LIMIT 1)
    UNION ALL
    SELECT (SELECT verb FROM nodules_app_auditevent WHERE verb > told.verb ORDER BY verb LIMIT 1)
    FROM told WHERE told.verb IS NOT NULL
) SELECT verb FROM told WHERE verb IS NOT NULL
"""


def verbs() -> list[str]:
    """Every kind of act that was ever recorded: one statement that leaps along the index, whatever the length."""
    with connection.cursor() as cursor:
        cursor.execute(EVERY_VERB)
        return [verb for (verb,) in cursor.fetchall()]


def emergencies(*, user: User, newest: int = 50) -> Sequence[EmergencyAccess]:
    """Who opened which record in an emergency and why; what nobody has read yet comes first."""
    rows = EmergencyAccess.objects.filter(may_where(user, Act.AUDIT)).select_related("user", "patient", "reviewed_by")
    return list(rows.order_by(F("reviewed_at").desc(nulls_first=True), "-pk")[:newest])
