"""What was signed of a patient, and which DICOM objects tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nodules_app.lifecycles import SIGNED_READING, ReadingState
from nodules_app.models import MadeObject, Patient, Reading, ReportedMeasure


@dataclass(frozen=True, slots=True)
class SignedLine:
    """One signed version of a reading with what was made of it, the newest first."""

    reading: Reading
    made: tuple[MadeObject, ...]

    @property
    def is_replaced(self) -> bool:
        return self.reading.state == ReadingState.REPLACED


def signed_lines(patient: Patient) -> Sequence[SignedLine]:
    """All that was signed of a patient, the newest first, in two queries."""
    rows = (
        Reading.objects.filter(patient=patient, state__in=SIGNED_READING)
        .select_related("scan__study", "signed_by")
        .prefetch_related("objects_made")
        .order_by("-pk")
    )
    return [SignedLine(row, tuple(sorted(row.objects_made.all(), key=lambda one: (one.kind, -one.pk)))) for row in rows]


@dataclass(frozen=True, slots=True)
class ReportedLine:
    """One number that somebody else's report gives of a nodule."""

    nodule: str
    exam_on: date | None
    quantity: str
    is_known: bool
    value: float
    unit: str
    reach: float | None
    source: str
    measured_on: date | None


def reported_lines(patient: Patient) -> list[ReportedLine]:
    """What reports of others say of a patient's nodules in numbers, in one query."""
    rows = ReportedMeasure.objects.filter(finding__nodule__patient=patient)
    return [
        ReportedLine(
            nodule=row.finding.nodule.label,
            exam_on=row.finding.scan.study.acquired_on,
            quantity=row.quantity,
            is_known=row.is_known,
            value=row.value,
            unit=row.unit,
            reach=row.reach,
            source=row.source,
            measured_on=row.measured_on,
        )
        for row in rows.select_related("finding__nodule", "finding__scan__study").order_by("finding__nodule", "pk")
    ]


def signed_readings(*, code: str | None = None, since: date | None = None, replaced: bool = False) -> list[Reading]:
    """Signed readings of all clinics in the order of their signatures, for the operator's export."""
    rows = Reading.objects.filter(state__in=SIGNED_READING).select_related("patient__clinic", "scan__series")
    if code is not None:
        rows = rows.filter(code=code)
    elif not replaced:
        rows = rows.exclude(state=ReadingState.REPLACED)
    if since is not None:
        rows = rows.filter(signed_at__date__gte=since)
    return list(rows.order_by("signed_at", "pk"))
