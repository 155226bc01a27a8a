"""The check of a list, as a run: every line read and judged, nothing taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from nodules_app.exchange.spreadsheet_reading.cells import MOST_COLUMNS, Line, letters_of, shown
from nodules_app.exchange.spreadsheet_reading.days import DayOrder
from nodules_app.exchange.spreadsheet_reading.errors import EmptyFile
from nodules_app.exchange.spreadsheet_reading.files import read
from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.exchange.spreadsheet_reading.lines import Reading, facts_of, with_day_orders
from nodules_app.models import Run, Spreadsheet, SpreadsheetLine
from nodules_app.services import runs
from nodules_app.services.audit import record
from nodules_app.services.spreadsheets import notices
from nodules_app.services.spreadsheets.judging import Judged, judge
from nodules_app.services.spreadsheets.sentences import BesideTheHeadings, FileGone
from nodules_app.services.spreadsheets.world import chunks

VERSION: Final = "1"
SAY_PROGRESS_EVERY: Final = 500  # lines
READ_PER_CENT: Final = 45
AT_ONCE: Final = 1000


def spreadsheet_of(run: Run) -> Spreadsheet:
    """The list that a run is about."""
    if run.import_batch is None:
        raise ValueError(f"run {run.code} names no delivery")
    return Spreadsheet.objects.select_related("batch__clinic", "batch__by").get(batch=run.import_batch)


def check(run: Run) -> Callable[[], Mapping[str, str]]:
    """Read and judge every line; the verdicts replace those of the check before.

    Raises
    ------
    FileRefused, FileGone
    """
    spreadsheet = spreadsheet_of(run)
    judged = _understood(spreadsheet, run)
    world = judge(spreadsheet.batch.clinic, judged, lambda per_cent: runs.say_progress(run, per_cent))
    notices.say(judged, world)

    def store() -> Mapping[str, str]:
        _keep(spreadsheet, judged)
        Spreadsheet.objects.filter(pk=spreadsheet.pk).update(checked_at=timezone.now())
        record("list.checked", None, by=run.requested_by, spreadsheet=spreadsheet.code, lines=len(judged))
        return {"list": VERSION}

    return store


def _reading(said: Mapping[str, Any]) -> Reading:
    return Reading(
        columns={Field(field): index for field, index in said["columns"].items()},
        headings={int(index): heading for index, heading in said["headings"].items()},
        today=timezone.localdate(),
        issuer=said["issuer"],
        order=DayOrder(said["order"]) if said["order"] else None,
        unit=said["unit"],
        epoch_1904=said["epoch_1904"],
    )


def _understood(spreadsheet: Spreadsheet, run: Run) -> list[Judged]:
    """Read the file; its cells are let go when their facts are known. Raises ``FileRefused``, ``FileGone``."""
    path, said = Path(spreadsheet.batch.path), spreadsheet.reading
    if not path.exists():
        raise FileGone
    lines = [line for line in read(path, said["sheet"]) if line.number > said["line"]]
    if not lines:
        raise EmptyFile
    runs.say_progress(run, 20)
    reading, is_csv = with_day_orders(_reading(said), lines), not said["sheet"]
    taken = set(spreadsheet.lines.filter(taken_by__isnull=False).values_list("number", flat=True))
    judged = []
    for count, line in enumerate(lines):
        facts, refused = facts_of(reading, line)
        one = Judged(line.number, facts, taken=line.number in taken)
        for refusal in (*refused, *(_beside(reading, line) if is_csv else ())):
            one.refuse(refusal)
        judged.append(one)
        if count % SAY_PROGRESS_EVERY == 0:
            runs.say_progress(run, 20 + (READ_PER_CENT - 20) * count // len(lines))
    return judged


def _beside(reading: Reading, line: Line) -> Iterator[BesideTheHeadings]:
    """The first value to the right of every heading; in a CSV its line has probably slipped."""
    width = 1 + max((index for index, heading in reading.headings.items() if heading), default=MOST_COLUMNS)
    for index, cell in enumerate(line.cells[width:], start=width):
        if cell is not None:
            yield BesideTheHeadings(column=letters_of(index), value=shown(cell)[:80])
            return


def _keep(spreadsheet: Spreadsheet, judged: Sequence[Judged]) -> None:
    """Write the verdicts anew; who took a held line is kept."""
    by = dict(spreadsheet.lines.filter(taken_by__isnull=False).values_list("number", "taken_by"))
    spreadsheet.lines.all().delete()
    for part in chunks(judged, AT_ONCE):  # a generator would be held whole as rows
        SpreadsheetLine.objects.bulk_create(
            SpreadsheetLine(
                spreadsheet=spreadsheet,
                number=one.number,
                verdict=one.verdict,
                facts=one.facts.as_json(),
                told=one.told,
                known=one.known,
                taken_by_id=by.get(one.number),
            )
            for one in part
        )
