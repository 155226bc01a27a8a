"""What a ladder would have sent: last month again, step by step, without writing anything.

Each step is judged on the day of each rung with what was known then: a signature, a booking, an exam or a report that
came later is taken away. Addresses and wishes are those of today, since their past is not kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import Q

from nodules_app.ladder.calendar import Calendar
from nodules_app.ladder.plan import Facts, Verdict, plan
from nodules_app.ladder.rungs import Channel, Rung
from nodules_app.models import Clinic, FollowUp
from nodules_app.services.reminders.gather import Known, changed_on, gather
from nodules_app.services.reminders.rules import calendar_of

MOST_STEPS: Final = 5000
CHUNK: Final = 1000


@dataclass(frozen=True, slots=True)
class Simulated:
    """How often each rung would have acted and on which channel; ``steps`` were looked at, of ``of`` there were."""

    of_rung: Mapping[str, int]
    of_channel: Mapping[Channel, int]
    steps: int
    of: int
    since: date
    until: date

    @property
    def total(self) -> int:
        return sum(self.of_channel.values())


def simulate(*, clinic: Clinic, rungs: tuple[Rung, ...], now: datetime, days: int = 30) -> Simulated:
    """Let a ladder run over the last days of a clinic."""
    calendar = calendar_of(clinic)
    until = calendar.today(now)
    since = until - timedelta(days=days)
    alive = FollowUp.objects.filter(
        Q(closed_at__isnull=True) | Q(closed_at__gte=calendar.begins(since)), patient__clinic=clinic
    )
    keys = list(alive.order_by("pk").values_list("pk", flat=True)[:MOST_STEPS])
    of_rung: Counter[str] = Counter()
    of_channel: Counter[Channel] = Counter()
    for first in range(0, len(keys), CHUNK):
        chunk = FollowUp.objects.filter(pk__in=keys[first : first + CHUNK])
        steps = list(chunk.select_related("patient__clinic", "exam", "owner__covered_by"))
        changes = changed_on(steps)
        for one in gather(steps):
            for rung, channel in _acted(one, changes[one.follow_up.pk], rungs, calendar, since, until):
                of_rung[rung] += 1
                of_channel[channel] += 1
    return Simulated(of_rung, of_channel, len(keys), alive.count(), since, until)


def _acted(
    one: Known, changes: Mapping[str, date], rungs: tuple[Rung, ...], calendar: Calendar, since: date, until: date
) -> list[tuple[str, Channel]]:
    whole = replace(one.facts, told=frozenset())
    planned = {step.planned_on for step in plan(whole, rungs, calendar, calendar.opens(since)) if step.planned_on}
    told: set[str] = set()
    acted: list[tuple[str, Channel]] = []
    for day in sorted(day for day in planned if since <= day <= until):
        then = replace(_as_known_on(day, whole, one.follow_up, changes), told=frozenset(told))
        for step in plan(then, rungs, calendar, calendar.opens(day) + timedelta(minutes=1)):
            if step.verdict == Verdict.ACTS:
                told.add(step.rung)
                acted += [(step.rung, telling.channel) for telling in step.tellings]
    return acted


def _as_known_on(day: date, facts: Facts, follow_up: FollowUp, changes: Mapping[str, date]) -> Facts:
    """Take away what happened after a day."""

    def later(step: str) -> bool:
        return step in changes and changes[step] > day

    ended_on = follow_up.closed_at.date() if follow_up.closed_at else None
    return replace(
        facts,
        is_open=ended_on is None or ended_on > day,
        is_signed=facts.is_signed and not later("accept"),
        booked_on=None if later("book") else facts.booked_on,
        performed_on=facts.performed_on if facts.performed_on and facts.performed_on <= day else None,
        reported_on=facts.reported_on if facts.reported_on and facts.reported_on <= day else None,
    )
