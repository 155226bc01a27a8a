"""What was signed of a patient, and which DICOM objects tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nodules_app.lifecycles import SIGNED_READING, ReadingState
from nodules_app.models import MadeObject, Patient, Reading


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
