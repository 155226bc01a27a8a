"""The calendar: calendar months, never 30 days; windows with both ends inclusive (reference section 8, D1-D9)."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Literal

Anchor = Literal["exam", "baseline"]


@dataclass(frozen=True, slots=True)
class Months:
    """A window in months counted from its anchor."""

    earliest: int
    target: int
    latest: int

    def __post_init__(self) -> None:
        """A window that ends before it begins is a fault of the table."""
        if not 0 < self.earliest <= self.target <= self.latest:
            raise ValueError(f"no such window: {self.earliest}/{self.target}/{self.latest}")


@dataclass(frozen=True, slots=True)
class Interval:
    """A window as dates, both ends inclusive."""

    earliest: date
    target: date
    latest: date
    months: Months
    anchor: Anchor
    anchor_date: date


def add_months(day: date, months: int) -> date:
    """Same day number ``months`` later; a shorter month gives its last day (31 January + 1 = 28 or 29 February).

    Always add to the anchor itself, never to a date that was already shortened.
    """
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    month = month0 + 1
    return date(year, month, day.day if day.day <= 28 else min(day.day, monthrange(year, month)[1]))


def whole_months(start: date, end: date) -> int:
    """The largest n with ``start`` + n months <= ``end``; negative when ``end`` comes first."""
    n = (end.year - start.year) * 12 + end.month - start.month
    return n if add_months(start, n) <= end else n - 1


def completed_years(born: date, day: date) -> int:
    """Age in completed years; born on 29 February counts on 28 February in common years."""
    return whole_months(born, day) // 12


def window(earliest: int, latest: int | None = None) -> Months:
    """A window whose target is the floor of its middle month (AMB-34); one number is one fixed month."""
    last = earliest if latest is None else latest
    return Months(earliest, (earliest + last) // 2, last)


def as_interval(months: Months, anchor: Anchor, anchor_date: date) -> Interval:
    """Turn months into dates."""
    earliest = add_months(anchor_date, months.earliest)
    if months.latest == months.earliest:
        return Interval(earliest, earliest, earliest, months, anchor, anchor_date)
    return Interval(
        earliest,
        add_months(anchor_date, months.target),
        add_months(anchor_date, months.latest),
        months,
        anchor,
        anchor_date,
    )
