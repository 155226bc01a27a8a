"""What the reminders of a clinic are doing, for the pages and the heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db.models import Min

from nodules_app.models import Reminder
from nodules_app.models.reminders import WAITING

SWEPT_AT: Final = "reminders-swept-at"  # written by services.reminders.sweep, one cache entry for all processes
LATE_AFTER: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether reminders are alive: when the last sweep ended, and how long the oldest message has been waiting."""

    swept_at: datetime | None
    oldest_unsent_at: datetime | None
    late: bool


def pulse(*, now: datetime) -> Pulse:
    """Read the heartbeat; a sweep that nobody remembers counts as late, because then nobody knows."""
    swept_at = cache.get(SWEPT_AT)
    waiting = Reminder.objects.filter(state__in=WAITING, not_before__lte=now).exclude(channel="letter")
    oldest = waiting.aggregate(Min("not_before"))["not_before__min"]
    return Pulse(swept_at, oldest, late=swept_at is None or now - swept_at > LATE_AFTER)
