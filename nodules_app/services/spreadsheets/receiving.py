"""Taking in a list: keep the file, look at its first lines, propose what its columns say, and ask for the check."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from nodules_app.exchange.spreadsheet_reading.cells import Sheet, plain
from nodules_app.exchange.spreadsheet_reading.columns import Head, head_of
from nodules_app.exchange.spreadsheet_reading.days import DayOrder
from nodules_app.exchange.spreadsheet_reading.errors import FileTooLarge, NoHeadings
from nodules_app.exchange.spreadsheet_reading.files import LIMIT_BYTES, look_at
from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.models import Clinic, ImportBatch, Patient, RunKind, Spreadsheet, SpreadsheetColumns, User
from nodules_app.services import intake, runs
from nodules_app.services.audit import record
from nodules_app.services.clinics import clinic_of_delivery
from nodules_app.services.spreadsheets.sentences import AlreadyStored, FileGone, IdentifierNotNamed


@dataclass(frozen=True, slots=True)
class Said:
    """How a person says that a list is to be read."""

    sheet: str
    columns: Mapping[int, Field]
    order: DayOrder | None = None
    unit: str = ""
    issuer: str = ""


def receive(*, file: UploadedFile[bytes], by: User, clinic: Clinic | None = None) -> Spreadsheet:
    """Keep a list and look at its headings; nothing of it is taken over yet.

    Raises
    ------
    FileRefused, DiskFull, ClinicNotNamed, NoClinicForYou
    """
    clinic = clinic_of_delivery(by=by, named=clinic)
    if (size := file.size or 0) > LIMIT_BYTES:
        raise FileTooLarge(sent_mb=size >> 20, limit_mb=LIMIT_BYTES >> 20)
    path = intake.keep([file])
    try:
        heads = _heads(clinic, path)
        with transaction.atomic():
            batch = ImportBatch.objects.create(
                clinic=clinic, source_name=plain(file.name or "")[:200], path=str(path), owned=True, by=by
            )
            sent = Spreadsheet.objects.create(batch=batch, heads=heads)
            record("list.received", None, by=by, spreadsheet=sent.code)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)  # what no row names is of no use to anybody
        raise
    return sent


def _heads(clinic: Clinic, path: Path) -> list[dict[str, Any]]:
    """The headings of every sheet that has some. Raises ``NoHeadings`` where none has."""
    kept = {row.headings_key: row.columns for row in SpreadsheetColumns.objects.filter(clinic=clinic)}
    found = []
    without: NoHeadings | None = None
    for sheet in look_at(path):
        try:
            found.append(_head_json(head_of(sheet, today=timezone.localdate(), kept=kept), sheet))
        except NoHeadings as refusal:
            without = refusal
    if not found and without is not None:
        raise without
    return found


def _head_json(head: Head, sheet: Sheet) -> dict[str, Any]:
    return asdict(head) | {"key": head.key, "epoch_1904": sheet.epoch_1904}


def usual_issuer(clinic: Clinic) -> str:
    """The issuer of most numbers of this clinic: what a list that names none most probably means."""
    counted = Patient.objects.filter(clinic=clinic).values("issuer").annotate(many=Count("pk")).order_by("-many")
    return str(counted[0]["issuer"]) if counted else ""


@transaction.atomic
def read_so(*, spreadsheet: Spreadsheet, said: Said, by: User) -> Spreadsheet:
    """Say what the columns are, keep it for lists with the same headings, and ask for the check.

    Raises
    ------
    IdentifierNotNamed, AlreadyStored, FileGone
    """
    held = hold(spreadsheet)
    if Field.IDENTIFIER not in said.columns.values():
        raise IdentifierNotNamed
    head = next(one for one in held.heads if one["sheet"] == said.sheet)
    headings = {column["index"]: column["heading"] for column in head["columns"]}
    held.reading = {
        "sheet": said.sheet,
        "line": head["line"],
        "epoch_1904": head["epoch_1904"],
        "columns": {field.value: index for index, field in said.columns.items()},
        "headings": headings,
        "order": said.order.value if said.order else "",
        "unit": said.unit,
        "issuer": said.issuer,
    }
    held.checked_at = None
    held.save(update_fields=["reading", "checked_at"])
    held.lines.update(taken_by=None)  # who took a line took what it said then
    SpreadsheetColumns.objects.update_or_create(
        clinic=held.batch.clinic,
        headings_key=head["key"],
        defaults={"columns": {str(index): field.value for index, field in said.columns.items()}, "by": by},
    )
    record("list.columns_said", None, by=by, spreadsheet=held.code)
    ask_for_check(held, by=by)
    return held


def ask_for_check(held: Spreadsheet, *, by: User) -> None:
    if not Path(held.batch.path).exists():
        raise FileGone
    runs.request(RunKind.CHECK_LIST, by=by, import_batch=held.batch)


@transaction.atomic
def discard(*, spreadsheet: Spreadsheet, by: User) -> None:
    """Lay a list aside: its file and what was found of its lines are removed. Raises ``AlreadyStored``."""
    held = hold(spreadsheet)
    held.discarded_at = timezone.now()
    held.save(update_fields=["discarded_at"])
    held.lines.all().delete()
    record("list.discarded", None, by=by, spreadsheet=held.code)
    forget_file(held)


def forget_file(spreadsheet: Spreadsheet) -> None:
    """Remove the file once the act commits; what was taken over names its lines."""
    folder = Path(spreadsheet.batch.path).parent
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))


def hold(spreadsheet: Spreadsheet) -> Spreadsheet:
    """Lock a list that is neither stored nor laid aside. Raises ``AlreadyStored``."""
    rows = Spreadsheet.objects.select_for_update(of=("self",)).select_related("batch__clinic", "batch__by")
    held = rows.get(pk=spreadsheet.pk)
    if held.stored_at is not None or held.discarded_at is not None:
        raise AlreadyStored
    return held
