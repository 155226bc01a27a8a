"""What a conference decided of a patient, as plain values: a confirmed outcome with who does what by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from nodules_app.models import MdtCase, MdtMinutes, MdtOutcome, Patient


@dataclass(frozen=True, slots=True)
class Task:
    """Who does what by when; with a result where it is done."""

    what: str
    who: str
    due_on: date
    result: str


@dataclass(frozen=True, slots=True)
class Conference:
    """A confirmed outcome, and the minutes that were signed of its meeting where there are any."""

    on: date
    kind: str
    ct_on: date | None
    says: str
    confirmed_by: str
    confirmed_at: datetime
    tasks: tuple[Task, ...]
    minutes_version: int | None
    minutes_sha256: str


def conference_of(patient: Patient, exam_on: date | None) -> Conference | None:
    """The latest outcome that was confirmed since an exam; one of an earlier exam says nothing about this."""
    confirmed = MdtOutcome.objects.filter(case__patient=patient, confirmed_at__isnull=False)
    row = confirmed.select_related("case__meeting", "confirmed_by").order_by("-confirmed_at", "-pk").first()
    if row is None or row.confirmed_at is None:
        return None
    if exam_on is not None and timezone.localdate(row.confirmed_at) < exam_on:
        return None
    meeting = row.case.meeting
    minutes = MdtMinutes.objects.filter(meeting=meeting).defer("pdf").order_by("-version").first() if meeting else None
    return Conference(
        on=timezone.localdate(meeting.starts_at if meeting else row.confirmed_at),
        kind=row.kind,
        ct_on=row.ct_on,
        says=row.says,
        confirmed_by=str(row.confirmed_by),
        confirmed_at=row.confirmed_at,
        tasks=tuple(_tasks(row.case)),
        minutes_version=minutes.version if minutes else None,
        minutes_sha256=minutes.sha256 if minutes else "",
    )


def _tasks(case: MdtCase) -> list[Task]:
    rows = case.actions.select_related("owner").order_by("due_on", "pk")
    return [Task(row.what, str(row.owner), row.due_on, row.result) for row in rows]
