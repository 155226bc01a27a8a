"""One scan as a stack of slices: whose it is, and which nodules lie where on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from nodules_app.models import Finding, Measurement, Scan


@dataclass(frozen=True, slots=True)
class Place:
    """One nodule on the scan, with the size to draw it; without a measurement the size is unknown."""

    code: UUID
    label: str
    lps_mm: tuple[float, float, float]
    present: bool
    mean_diameter_mm: float | None


@dataclass(frozen=True, slots=True)
class OtherScan:
    code: UUID
    on: date | None


@dataclass(frozen=True, slots=True)
class ScanPage:
    """What the page of a scan's slices needs besides the picture."""

    code: UUID
    series: UUID
    on: date | None
    description: str
    kernel: str
    slice_thickness_mm: float | None
    superseded: bool
    places: tuple[Place, ...]
    others: tuple[OtherScan, ...]  # of the same patient, the earliest first, this one included


def scan_page(scan: Scan) -> ScanPage:
    """Read the page of one scan in three queries."""
    findings = Finding.objects.filter(scan=scan, superseded_at__isnull=True).select_related("nodule")
    sizes = dict(
        Measurement.objects.filter(finding__scan=scan)
        .order_by("finding_id", "-pk")
        .distinct("finding_id")
        .values_list("finding_id", "mean_diameter_mm")
    )
    scans = Scan.objects.filter(study__patient=scan.study.patient_id, superseded_at__isnull=True)
    return ScanPage(
        code=scan.code,
        series=scan.series.code,
        on=scan.study.acquired_on,
        description=scan.series.description,
        kernel=scan.series.kernel,
        slice_thickness_mm=scan.series.slice_thickness_mm,
        superseded=scan.superseded_at is not None,
        places=tuple(
            Place(finding.code, finding.nodule.label, finding.lps_mm, finding.present, sizes.get(finding.pk))
            for finding in findings.order_by("nodule__number")
        ),
        others=tuple(
            OtherScan(other.code, other.study.acquired_on)
            for other in scans.select_related("study").order_by("study__acquired_on", "pk")
        ),
    )
