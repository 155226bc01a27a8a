"""What stood of a scan at the moment of a signature: its findings by their place, and how each was measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from nodules_app.models import Finding, Measurement, Scan

Places = Mapping[tuple[float, ...], Finding]


def findings_then(scan: Scan, at: datetime) -> Places:
    """Give the findings of a scan that were in force, by their place as it stands in the signed content."""
    in_force = Q(superseded_at__isnull=True) | Q(superseded_at__gt=at)
    rows = Finding.objects.filter(in_force, scan=scan, created_at__lte=at)
    related = ("nodule", "scan__series", "scan__study")
    return {_place(row.lps_mm): row for row in rows.select_related(*related).order_by("pk")}


def finding_told(told: Mapping[str, Any] | None, rows: Places) -> Finding | None:
    """Give the finding that one side of a signed nodule names."""
    return rows.get(tuple(told["lps_mm"])) if told else None


def measurement_then(finding: Finding | None, at: datetime) -> Measurement | None:
    """Give the measurement of a finding that was the latest."""
    if finding is None:
        return None
    return finding.measurements.filter(created_at__lte=at).select_related("by").order_by("-pk").first()


def _place(lps_mm: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(value, 2) for value in lps_mm)
