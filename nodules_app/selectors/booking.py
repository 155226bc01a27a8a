"""What the booking page shows: four weeks of the calendar with the window on it, and the slots of one day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from nodules_app.clinical.visibility import Visibility, visibility
from nodules_app.lifecycles import AppointmentState
from nodules_app.models import Appointment, FollowUp, FollowUpKind
from nodules_app.selectors.scheduling import Day, Slot, days, kind_for

BAR_WIDTH = 120  # of the drawing's own units


@dataclass(frozen=True, slots=True)
class DayCell:
    """One day as the calendar draws it."""

    day: Day
    in_window: bool
    is_target: bool
    is_chosen: bool
    is_past: bool

    @property
    def used_width(self) -> int:
        return round(BAR_WIDTH * self.day.others / len(self.day.slots)) if self.day.slots else 0

    @property
    def ours_width(self) -> int:
        return round(BAR_WIDTH * self.day.ours / len(self.day.slots)) if self.day.slots else 0

    @property
    def can_be_chosen(self) -> bool:
        return bool(self.day.free) and not self.is_past


@dataclass(frozen=True, slots=True)
class Shows:
    """What a scan on that day could tell of growth since the exam on which the step rests."""

    on: date
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class BookingPage:
    """Everything that the booking page draws."""

    weeks: tuple[tuple[DayCell, ...], ...]
    weekdays: tuple[date, ...]  # the first week's days, for the head of the columns
    chosen: DayCell | None
    free: tuple[Slot, ...]
    appointment: Appointment | None
    first: date
    weeks_shown: int
    has_resources: bool
    shows: tuple[Shows, ...]  # empty when no scan is there to compare with

    @property
    def earlier(self) -> date:
        return self.first - timedelta(weeks=self.weeks_shown)

    @property
    def later(self) -> date:
        return self.first + timedelta(weeks=self.weeks_shown)


def booking_page(follow_up: FollowUp, *, today: date, first: date | None, on: date | None, weeks: int) -> BookingPage:
    """Lay the calendar of the step's clinic out by weeks, from the week in which the window opens unless told."""
    begin = first or max(today, follow_up.due_from)
    monday = begin - timedelta(days=begin.weekday())
    kind = kind_for(follow_up.kind)
    last = monday + timedelta(days=7 * weeks - 1)
    shown = days(follow_up.patient.clinic, kind, monday, last) if kind else ()
    chosen_on = on or _best(shown, follow_up, today)
    cells = [_cell(day, follow_up, today=today, chosen_on=chosen_on) for day in shown]
    worked = {cell.day.on.weekday() for cell in cells if cell.day.is_open or cell.day.slots or cell.day.closed_because}
    rows = [tuple(cell for cell in week if cell.day.on.weekday() in worked) for week in _weeks(cells)]
    chosen = next((cell for cell in cells if cell.is_chosen), None)
    return BookingPage(
        weeks=tuple(rows),
        weekdays=tuple(cell.day.on for cell in rows[0]) if rows else (),
        chosen=chosen,
        free=chosen.day.free if chosen and chosen.can_be_chosen else (),
        appointment=follow_up.appointments.filter(state=AppointmentState.BOOKED).select_related("resource").first(),
        first=monday,
        weeks_shown=weeks,
        has_resources=any(day.slots for day in shown),
        shows=_shows(follow_up, chosen.day.on if chosen else follow_up.target_on),
    )


def _shows(follow_up: FollowUp, chosen_on: date) -> tuple[Shows, ...]:
    """On the chosen day and on the last day of the window, for a CT that will be compared with an earlier one."""
    if follow_up.kind != FollowUpKind.CT or follow_up.assessment is None:
        return ()
    since = follow_up.assessment.exam_on
    asked = sorted({on for on in (chosen_on, follow_up.due_until) if on > since})
    return tuple(Shows(on, visibility((on - since).days)) for on in asked)


def _weeks(cells: Sequence[DayCell]) -> Iterator[Sequence[DayCell]]:
    return (cells[start : start + 7] for start in range(0, len(cells), 7))


def _best(shown: tuple[Day, ...], follow_up: FollowUp, today: date) -> date | None:
    """The day inside the window with room that lies nearest to the target; the earlier of two."""
    inside = [
        day.on for day in shown if day.free and today < day.on and follow_up.due_from <= day.on <= follow_up.due_until
    ]
    return min(inside, key=lambda on: (abs((on - follow_up.target_on).days), on), default=None)


def _cell(day: Day, follow_up: FollowUp, *, today: date, chosen_on: date | None) -> DayCell:
    return DayCell(
        day=day,
        in_window=follow_up.due_from <= day.on <= follow_up.due_until,
        is_target=day.on == follow_up.target_on,
        is_chosen=day.on == chosen_on,
        is_past=day.on <= today,
    )
