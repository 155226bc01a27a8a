"""The followed nodules of many patients, each in one line: its latest size and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import F

from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import ListEntry, Match, Measurement, Nodule
from nodules_app.selectors.descriptions import descriptions_of

# A nodule that changed leads, whatever its size.
LEADS: Final = ("larger-markedly", "new", "larger-slightly")


@dataclass(frozen=True, slots=True)
class NoduleCell:
    """A nodule in one line."""

    label: str
    lobe: str
    attenuation: str
    volume_mm3: float | None
    mean_diameter_mm: float | None
    told_mm: float | None  # what the clinic's own list says of a nodule that was never measured
    word: str


def nodule_cells(patients: Iterable[int]) -> defaultdict[int, list[NoduleCell]]:
    """The followed nodules of each patient, the leading one first, each with its latest size and word."""
    shown = Nodule.objects.filter(patient__in=patients, state__in=FOLLOWED_NODULE)
    measured = {
        row.finding.nodule_id: row
        for row in Measurement.objects.filter(
            finding__nodule__in=shown, finding__superseded_at__isnull=True, finding__present=True
        )
        .select_related("finding")
        .order_by("finding__nodule_id", "-finding__scan__study__acquired_on", "-pk")
        .distinct("finding__nodule_id")
    }
    words = dict(
        Match.objects.filter(nodule__in=shown, superseded_at__isnull=True)
        .order_by("nodule_id", "-comparison__current__study__acquired_on", "-pk")
        .distinct("nodule_id")
        .values_list("nodule_id", "word")
    )
    described = descriptions_of(shown)
    told = _told(nodule.pk for nodule in shown if nodule.pk not in measured)
    cells: defaultdict[int, list[NoduleCell]] = defaultdict(list)
    for nodule in shown:
        description = described.get(nodule.pk)
        size = measured.get(nodule.pk)
        listed = told.get(nodule.pk)
        cells[nodule.patient_id].append(
            NoduleCell(
                label=nodule.label,
                lobe=description.lobe if description else listed.lobe if listed else "",
                attenuation=size.attenuation if size else listed.attenuation if listed else "",
                volume_mm3=size.volume_mm3 if size else None,
                mean_diameter_mm=size.mean_diameter_mm if size else None,
                told_mm=listed.size_mm if listed else None,
                word=words.get(nodule.pk, ""),
            )
        )
    for nodules in cells.values():
        nodules.sort(key=_leading_first)
    return cells


def _told(nodules: Iterable[int]) -> dict[int, ListEntry]:
    """What the clinic's lists said last of the size of each nodule."""
    sized = ListEntry.objects.filter(nodule__in=list(nodules), size_mm__isnull=False)
    latest = sized.order_by("nodule_id", F("seen_on").desc(nulls_last=True), "-pk").distinct("nodule_id")
    return {row.nodule_id: row for row in latest if row.nodule_id is not None}


def _leading_first(cell: NoduleCell) -> tuple[int, float, float]:
    changed = LEADS.index(cell.word) if cell.word in LEADS else len(LEADS)
    return changed, -(cell.volume_mm3 or 0), -(cell.told_mm or 0)
