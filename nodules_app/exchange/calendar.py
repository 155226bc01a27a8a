"""Appointments as iCalendar (RFC 5545), for the calendar programs of the staff.

A calendar is copied to telephones and clouds, so it says that a slot is taken and where, never whose or why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from icalendar import Calendar, Event

PRODUCT = "-//Nodule Clinic//Appointments//EN"


@dataclass(frozen=True, slots=True)
class Entry:
    """One appointment as a calendar shows it; ``is_off`` for one that was moved, missed or cancelled."""

    code: UUID
    starts_at: datetime
    ends_at: datetime
    place: str
    title: str
    url: str
    changed_at: datetime
    is_off: bool


def as_icalendar(entries: Iterable[Entry], *, name: str) -> bytes:
    """Write one calendar; an appointment keeps its UID, so that a program moves its entry and never doubles it."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry.code}@nodule-clinic")
        event.add("dtstamp", entry.changed_at)
        event.add("dtstart", entry.starts_at)
        event.add("dtend", entry.ends_at)
        event.add("summary", entry.title)
        event.add("location", entry.place)
        event.add("url", entry.url)
        event.add("status", "CANCELLED" if entry.is_off else "CONFIRMED")
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written
