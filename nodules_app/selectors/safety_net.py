"""Whether the proof that nobody is lost is still being made, for the heartbeat on every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache

PROVED_AT: Final = "safety-net-proved-at"  # written by services.safety_net.prove, one cache entry for all processes
LATE_AFTER: Final = timedelta(hours=2)  # the proof is due every hour; one may be missed by a restart


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
