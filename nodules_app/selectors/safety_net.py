"""Whether anybody is lost, and whether the proof that nobody is lost is still being made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.db import connection

PROVED_AT: Final = "safety-net-proved-at"  # written by services.safety_net.prove, one cache entry for all processes
LATE_AFTER: Final = timedelta(minutes=30)  # the proof is due every ten minutes; two may be missed by a restart


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When every active nodule was last proved to have a next step, and how many there were."""

    proved_at: datetime | None
    active_nodules: int
    late: bool


def heartbeat(*, now: datetime) -> Heartbeat:
    """Read the last proof; none at all counts as late, because then nobody knows."""
    proof = cache.get(PROVED_AT)
    if proof is None:
        return Heartbeat(None, 0, late=True)
    proved_at, active = proof
    return Heartbeat(proved_at, active, late=now - proved_at > LATE_AFTER)


@dataclass(frozen=True, slots=True)
class UncoveredNodule:
    """An active nodule that has neither an open follow-up nor a closure; the database should have refused it."""

    patient: UUID
    nodule: UUID
    label: str


def uncovered_nodules() -> tuple[UncoveredNodule, ...]:
    """Ask the one statement of "nobody is lost"; in a clinic in good order the answer is empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.code, n.code, n.number FROM nodules_app_uncovered_nodule u"
            " JOIN nodules_app_nodule n ON n.id = u.nodule_id JOIN nodules_app_patient p ON p.id = u.patient_id"
            " ORDER BY n.id"
        )
        return tuple(UncoveredNodule(patient, nodule, f"N{number}") for patient, nodule, number in cursor.fetchall())
