"""Whether anybody is lost, and whether the proof that nobody is lost is still being made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.db.models import Count

from nodules_app.lifecycles import FOLLOWED_NODULE, OPEN_FOLLOW_UP
from nodules_app.models import Closure, FollowUp, Nodule

PROVED_AT: Final = "safety-net-proved-at"  # written by services.safety_net.prove, one cache entry for all processes
LAST_PROOF: Final = "safety-net-last-proof"  # the whole answer, also when somebody is lost
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
class Coverage:
    """How many nodules are followed, and by what each is covered; one may be covered in both ways."""

    active_nodules: int
    by_step: int
    by_closure: int


@dataclass(frozen=True, slots=True)
class UncoveredNodule:
    """An active nodule that has neither an open follow-up nor a closure; the database should have refused it."""

    patient: UUID
    nodule: UUID
    label: str


@dataclass(frozen=True, slots=True)
class Proof:
    """One answer of the database to "is anybody lost?", with its moment."""

    at: datetime
    covered: Coverage
    lost: tuple[UncoveredNodule, ...]


def last_proof() -> Proof | None:
    """The latest answer, whether good or bad; None when nobody has asked since the product was started anew."""
    proof: Proof | None = cache.get(LAST_PROOF)
    return proof


def coverage() -> Coverage:
    """Count what the statement of "nobody is lost" walks through, each way in one walk over its own tables."""
    active = Nodule.objects.filter(state__in=FOLLOWED_NODULE)
    closed = Closure.objects.filter(ended_at__isnull=True)
    steps = FollowUp.nodules.through.objects.filter(
        followup__state__in=OPEN_FOLLOW_UP, nodule__state__in=FOLLOWED_NODULE
    )
    return Coverage(
        active_nodules=active.count(),
        by_step=steps.aggregate(nodules=Count("nodule", distinct=True))["nodules"],
        by_closure=active.filter(patient__in=closed.values("patient")).count(),
    )


def uncovered_nodules() -> tuple[UncoveredNodule, ...]:
    """Ask the one statement of "nobody is lost"; in a clinic in good order the answer is empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.code, n.code, n.number FROM nodules_app_uncovered_nodule u"
            " JOIN nodules_app_nodule n ON n.id = u.nodule_id JOIN nodules_app_patient p ON p.id = u.patient_id"
            " ORDER BY n.id"
        )
        return tuple(UncoveredNodule(patient, nodule, f"N{number}") for patient, nodule, number in cursor.fetchall())
