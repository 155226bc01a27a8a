"""Lists that were sent: how far each has come, its lines by verdict, and what was taken over of a patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db.models import Count

from nodules_app.lifecycles import OPEN_RUN, RunState
from nodules_app.models import LineVerdict, ListEntry, Patient, Run, RunKind, Spreadsheet, SpreadsheetLine, User
from nodules_app.selectors.clinics import Act, clinics_where

LISTS: Final = 20
LINES_A_PAGE: Final = 50
KINDS: Final = (RunKind.CHECK_LIST, RunKind.STORE_LIST)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a list has come."""

    state: str  # asked: its columns are to be said; checking, checked, storing, stored, refused, failed, discarded
    progress: int
    refusal: dict[str, Any] | None
    retry: UUID | None

    @property
    def is_running(self) -> bool:
        return self.state in ("checking", "storing")


@dataclass(frozen=True, slots=True)
class ListLine:
    """One list of the overview."""

    spreadsheet: Spreadsheet
    standing: Standing


def lists(user: User, newest: int = LISTS) -> list[ListLine]:
    """Give the latest lists of this person's clinics, the newest first."""
    mine = clinics_where(user, Act.RECORD).order_by()
    rows = Spreadsheet.objects.filter(batch__clinic__in=mine).select_related("batch__clinic", "batch__by")
    newest_rows = list(rows.order_by("-pk")[:newest])
    latest = _latest_runs(newest_rows)
    return [ListLine(row, _standing(row, latest.get(row.batch_id))) for row in newest_rows]


def standing(spreadsheet: Spreadsheet) -> Standing:
    """Say how far one list has come."""
    return _standing(spreadsheet, _latest_runs([spreadsheet]).get(spreadsheet.batch_id))


def _latest_runs(rows: Sequence[Spreadsheet]) -> Mapping[int, Run]:
    asked = Run.objects.filter(import_batch__in=[row.batch_id for row in rows], kind__in=KINDS)
    return {run.import_batch_id or 0: run for run in asked.order_by("pk")}


def _standing(spreadsheet: Spreadsheet, run: Run | None) -> Standing:
    if spreadsheet.stored_at is not None or spreadsheet.discarded_at is not None:
        return Standing("stored" if spreadsheet.stored_at else "discarded", 100, None, None)
    if run is None:
        return Standing("asked", 0, None, None)
    if run.state in OPEN_RUN:
        return Standing("checking" if run.kind == RunKind.CHECK_LIST else "storing", run.progress, None, None)
    if run.state == RunState.REFUSED:
        return Standing("refused", run.progress, run.refusal, None)
    if run.state == RunState.FAILED:
        return Standing("failed", run.progress, None, run.code)
    return Standing("checked" if spreadsheet.checked_at else "asked", 100, None, None)


def counts(spreadsheet: Spreadsheet) -> dict[str, int]:
    """How many lines have each verdict, in the order in which the page shows them."""
    counted = dict(spreadsheet.lines.values_list("verdict").annotate(many=Count("pk")))
    return {verdict.value: counted.get(verdict.value, 0) for verdict in LineVerdict}


def lines(spreadsheet: Spreadsheet, *, verdict: str = "", after: int = 0) -> list[SpreadsheetLine]:
    """Give a page of lines, and one more when there are further ones."""
    rows = spreadsheet.lines.filter(number__gt=after).select_related("known", "taken_by").order_by("number")
    return list((rows.filter(verdict=verdict) if verdict else rows)[: LINES_A_PAGE + 1])


def every_line(spreadsheet: Spreadsheet) -> Iterator[SpreadsheetLine]:
    """Give all lines in their order, without holding them."""
    return spreadsheet.lines.order_by("number").iterator(chunk_size=1000)


@dataclass(frozen=True, slots=True)
class Told:
    """What a list says of a patient, as the patient's page tells it."""

    label: str  # of the nodule; empty where the line was taken over beside nodules from images
    seen_on: date | None
    last_scan_on: date | None
    size_mm: float | None
    size_sd_mm: float | None
    attenuation: str
    lobe: str
    note: str
    line: int
    source: str
    by: str


def told_by_lists(patient: Patient) -> list[Told]:
    """What the clinic's own lists say of a patient, in force, the latest day first."""
    rows = ListEntry.objects.filter(patient=patient).order_by("key", "-pk").distinct("key")
    found = ListEntry.objects.filter(pk__in=rows.values("pk"))
    related = found.select_related("nodule__merged_into", "spreadsheet__batch", "spreadsheet__stored_by")
    return [_told(row) for row in related.order_by("-seen_on", "nodule__number", "pk")]


def _told(row: ListEntry) -> Told:
    nodule = row.nodule.merged_into or row.nodule if row.nodule else None
    return Told(
        label=nodule.label if nodule else "",
        seen_on=row.seen_on,
        last_scan_on=row.last_scan_on,
        size_mm=row.size_mm,
        size_sd_mm=row.size_sd_mm,
        attenuation=row.attenuation,
        lobe=row.lobe,
        note=row.note,
        line=row.line,
        source=row.spreadsheet.batch.source_name,
        by=str(row.spreadsheet.stored_by or ""),
    )
