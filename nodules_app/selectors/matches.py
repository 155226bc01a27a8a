"""What a reader needs to say whether two findings are one nodule."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import Finding, Match


@dataclass(frozen=True, slots=True)
class OtherFinding:
    """Another nodule's finding on the scan in question."""

    code: UUID
    label: str


def others_on_scan(match: Match, scan: int) -> tuple[OtherFinding, ...]:
    """The findings of other followed nodules on a scan, in the order of their numbers."""
    rows = Finding.objects.filter(
        scan=scan, superseded_at__isnull=True, present=True, nodule__state__in=FOLLOWED_NODULE
    ).exclude(nodule=match.nodule)
    ordered = rows.select_related("nodule").order_by("nodule__number")
    return tuple(OtherFinding(row.code, row.nodule.label) for row in ordered)
