"""Who tried to reach a patient, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodules_app.models import ContactAttempt, ContactPoint, Patient


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt as a page shows it; the number that was dialled is masked."""

    at: datetime
    by: str
    channel: str
    of: str
    outcome: str
    agreed: str
    call_back_at: datetime | None
    number: str
    note: str


def attempts_of(patient: Patient, *, newest: int = 20) -> tuple[Tried, ...]:
    """The latest attempts, the last one first."""
    rows = ContactAttempt.objects.filter(patient=patient).select_related("by", "contact").order_by("-pk")
    return tuple(_tried(row) for row in rows[:newest])


def last_attempts(patients: Iterable[UUID]) -> Mapping[UUID, Tried]:
    """The last attempt of each of these patients, in one query."""
    rows = ContactAttempt.objects.filter(patient__code__in=list(patients))
    latest = rows.select_related("by", "contact", "patient").order_by("patient_id", "-pk").distinct("patient_id")
    return {row.patient.code: _tried(row) for row in latest}


def points_in_use(patient: Patient) -> list[ContactPoint]:
    """Numbers and addresses that can be tried, the patient's own first."""
    points = ContactPoint.objects.filter(patient=patient, retired_at__isnull=True, failed_at__isnull=True)
    return sorted(points.order_by("-pk"), key=lambda point: point.of != "patient")


def _tried(row: ContactAttempt) -> Tried:
    return Tried(
        at=row.at,
        by=str(row.by),
        channel=row.channel,
        of=row.of,
        outcome=row.outcome,
        agreed=row.agreed,
        call_back_at=row.call_back_at,
        number=row.contact.masked if row.contact else "",
        note=row.note,
    )
