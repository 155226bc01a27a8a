"""The days and hours of a clinic: when people work, and when no message may go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
LONGEST_CLOSURE_DAYS: Final = 366  # beyond this no calendar is meant, and a search for an open day would not end


class NeverOpen(ValueError):
    """A calendar without a working day in a year: a fault of its data, found when it is saved."""


@lru_cache(maxsize=8192)  # a sweep asks for the same few hundred days a million times
def _instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days and quiet hours in one time zone.

    Attributes
    ----------
    zone
        IANA zone of the clinic; a patient abroad does not change it.
    weekdays
        ISO numbers of the days on which people usually work, 1 is Monday.
    exceptions
        Single days that differ: False is a holiday or closure, True a day worked although its weekday is free.
    quiet_from, quiet_until
        Local times between which no message goes out, usually over midnight; equal times mean no quiet hours.
    """

    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    exceptions: Mapping[date, bool] = field(default_factory=dict)
    quiet_from: time = time(20)
    quiet_until: time = time(8)

    def today(self, now: datetime) -> date:
        """The calendar day of an instant in the clinic's zone."""
        return now.astimezone(self.zone).date()

    def is_working(self, day: date) -> bool:
        """Whether people work on a day: by the calendar's exceptions first, then by the weekday."""
        return self.exceptions.get(day, day.isoweekday() in self.weekdays)

    def forward(self, day: date) -> date:
        """The day itself when people work on it, else the next one on which they do."""
        return self._walk(day, DAY)

    def backward(self, day: date) -> date:
        """The day itself when people work on it, else the last one before on which they did."""
        return self._walk(day, -DAY)

    def _walk(self, day: date, stride: timedelta) -> date:
        for _ in range(LONGEST_CLOSURE_DAYS):
            if self.is_working(day):
                return day
            day += stride
        raise NeverOpen(f"no working day within {LONGEST_CLOSURE_DAYS} days of {day}")

    def begins(self, day: date) -> datetime:
        """Midnight at the start of a day in the clinic, UTC: what is a matter of dates begins then."""
        return _instant(self.zone, day, time(0))

    def opens(self, day: date) -> datetime:
        """The first instant of a day at which a message may go out, UTC.

        A clock that jumps over this time (daylight saving) gives the instant of the jump: a local time that does not
        exist is read with the offset before it.
        """
        begins = self.quiet_until if self._covers(time(0)) else time(0)
        return _instant(self.zone, day, begins)

    def is_quiet(self, now: datetime) -> bool:
        """Whether no message may go out at this instant."""
        return self._covers(now.astimezone(self.zone).time())

    def _covers(self, at: time) -> bool:
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def next_sending(self, now: datetime) -> datetime:
        """The first instant from now on at which a message to a patient may go out: a working day, not quiet."""
        today = self.today(now)
        if self.is_working(today) and not self.is_quiet(now):
            return now
        if self.is_working(today) and (later := self._quiet_ends(now, today)) > now:
            return later
        return self.opens(self.forward(today + DAY))

    def _quiet_ends(self, now: datetime, today: date) -> datetime:
        """The end of today's quiet hours, when they end today; otherwise now."""
        ends = _instant(self.zone, today, self.quiet_until)
        return ends if self.is_quiet(now) and ends > now else now
