"""Lines from an Excel workbook, streamed: values of formulas, days of either date system, numbers as they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice, zip_longest
from pathlib import Path
from typing import IO, Any, Final
from xml.etree.ElementTree import ParseError, iterparse
from zipfile import BadZipFile, ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from nodules_app.exchange.spreadsheet_reading.cells import (
    MOST_COLUMNS,
    MOST_LINES,
    Broken,
    Cell,
    Line,
    Sheet,
    unguarded,
)
from nodules_app.exchange.spreadsheet_reading.errors import (
    Damaged,
    EmptyFile,
    HoldsMacro,
    NoSuchSheet,
    NotAList,
    TooManyColumns,
    TooManyLines,
    UnpacksTooLarge,
)

FIRST: Final = 60
UNPACKED_LIMIT: Final = 300 << 20  # 50,000 lines of 40 columns unpack to about 120 MB
WORDS_LIMIT: Final = 48 << 20  # the table of texts is the one part that is held in memory
WORDS: Final = "xl/sharedStrings.xml"
WORKBOOK: Final = "xl/workbook.xml"
MACROS: Final = "vbaproject.bin"
ZEROS: Final = re.compile(r"^0{2,}$")
CHUNK: Final = 1 << 16
TROUBLE: Final = (BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, IndexError, ParseError, OSError)
# What openpyxl raises for a workbook that breaks the format; each is the file's fault, and is said so.


def guard(path: Path) -> None:
    """Look into the container before anything of it is unpacked.

    Raises
    ------
    NotAList, HoldsMacro, UnpacksTooLarge, Damaged
    """
    try:
        with ZipFile(path) as container:
            parts = container.infolist()
    except (BadZipFile, OSError) as problem:
        raise Damaged from problem
    names = {part.filename for part in parts}
    if WORKBOOK not in names:
        raise NotAList
    if any(name.casefold().endswith(MACROS) for name in names):
        raise HoldsMacro
    unpacked = sum(part.file_size for part in parts)  # never more comes out: the reader stops at what is declared
    words = sum(part.file_size for part in parts if part.filename == WORDS)
    if unpacked > UNPACKED_LIMIT or words > WORDS_LIMIT:
        raise UnpacksTooLarge(unpacked_mb=unpacked >> 20, limit_mb=UNPACKED_LIMIT >> 20)


@contextmanager
def _opened(path: Path, *, formulas: bool = False) -> Iterator[Workbook]:
    """Open a workbook by its bytes: given a name, openpyxl would judge the file by that."""
    with path.open("rb") as file:
        try:
            book = load_workbook(file, read_only=True, data_only=not formulas, keep_links=False)
        except TROUBLE as problem:
            raise Damaged from problem
        try:
            yield book
        finally:
            book.close()


def look_at_xlsx(path: Path) -> tuple[Sheet, ...]:
    """Give each sheet that is shown and holds something. Raises ``EmptyFile`` and what ``guard`` raises."""
    guard(path)
    sheets = []
    with _opened(path) as book:
        for name in book.sheetnames:
            if not hasattr(book[name], "iter_rows") or book[name].sheet_state != "visible":
                continue  # a sheet that is one chart; one that is hidden, which nobody who sends the list sees
            part = _part_of(book[name])
            calculated = _holds_formulas(path, part)
            first = tuple(islice(_lines(path, book, name, calculated=calculated), FIRST))
            if first:
                formulas = _formula_columns(path, name) if calculated else frozenset()
                sheets.append(Sheet(name, first, _hidden_columns(path, part), formulas, _counts_from_1904(book)))
    if not sheets:
        raise EmptyFile
    return tuple(sheets)


def read_xlsx(path: Path, sheet: str) -> Iterator[Line]:
    """Give every line of a sheet that holds something.

    Raises
    ------
    NoSuchSheet, TooManyLines, TooManyColumns, and what ``guard`` raises
    """
    guard(path)
    with _opened(path) as book:
        if sheet not in book.sheetnames:
            raise NoSuchSheet(sheet=sheet)
        yield from _lines(path, book, sheet, calculated=_holds_formulas(path, _part_of(book[sheet])))


def _part_of(sheet: Any) -> str:  # noqa: ANN401 openpyxl's read-only sheet has no type of its own
    return str(sheet._worksheet_path)  # noqa: SLF001 the one place that knows which part of the container it is


def _counts_from_1904(book: Workbook) -> bool:
    return bool(book.epoch.year == 1904)


def _lines(path: Path, book: Workbook, sheet: str, *, calculated: bool) -> Iterator[Line]:
    kept = 0
    try:
        for number, cells in enumerate(_values(path, book, sheet, calculated=calculated), start=1):
            if all(cell is None for cell in cells):
                continue
            kept += 1
            if kept > MOST_LINES:
                raise TooManyLines(limit=MOST_LINES)
            yield Line(number, cells if len(cells) <= MOST_COLUMNS else _narrowed(cells))
    except TROUBLE as problem:
        raise Damaged from problem


def _narrowed(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Drop empty cells at the right end, which programs leave behind. Raises ``TooManyColumns``."""
    width = max(index + 1 for index, cell in enumerate(cells) if cell is not None)
    if width > MOST_COLUMNS:
        raise TooManyColumns(limit=MOST_COLUMNS)
    return cells[:width]


def _values(path: Path, book: Workbook, sheet: str, *, calculated: bool) -> Iterator[tuple[Cell, ...]]:
    """Give the cells of each row; where there are formulas they are read beside their values, for one may have none."""
    if not calculated:
        for row in _rows(book, sheet):
            yield tuple(_cell(cell) for cell in row)
        return
    with _opened(path, formulas=True) as written:
        for row, formulas in zip_longest(_rows(book, sheet), _rows(written, sheet), fillvalue=()):
            yield tuple(_computed(cell, formula) for cell, formula in zip_longest(row, formulas))


def _rows(book: Workbook, sheet: str) -> Iterator[tuple[Any, ...]]:
    """Give each row as wide as it is: filled up to the corner of the sheet, one stray cell there would cost hours."""
    read_only: Any = book[sheet]
    read_only.reset_dimensions()
    yield from read_only.iter_rows()


def _computed(cell: Any, formula: Any) -> Cell:  # noqa: ANN401 openpyxl's read-only cells
    value = _cell(cell) if cell is not None else None
    if value is None and formula is not None and formula.data_type == "f":
        return Broken(str(formula.value)[:60])
    return value


def _cell(cell: Any) -> Cell:  # noqa: ANN401
    value = cell.value
    if value is None or value == "":
        return None
    if cell.data_type == "e":
        return Broken(str(value))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, int) and (padded := _zeros(cell.number_format)) and value >= 0:
        return str(value).zfill(padded)
    if isinstance(value, int | float | date):
        return value
    return unguarded(str(value).strip()) or None


def _zeros(number_format: str) -> int:
    """The width to which a number is filled with zeros where it is shown, 0 where it is not."""
    return len(number_format) if ZEROS.match(number_format or "") else 0


def _formula_columns(path: Path, sheet: str) -> frozenset[int]:
    with _opened(path, formulas=True) as book:
        rows = islice(_rows(book, sheet), FIRST)
        return frozenset(index for row in rows for index, cell in enumerate(row) if cell.data_type == "f")


def _holds_formulas(path: Path, part: str) -> bool:
    """Whether any cell of a sheet is computed: a look at the bytes spares a second reading of all cells."""
    end = b""
    with ZipFile(path) as container, container.open(part) as file:
        while chunk := file.read(CHUNK):
            if b"<f>" in (seen := end + chunk) or b"<f " in seen or b"<f/" in seen:
                return True
            end = seen[-2:]
    return False


def _hidden_columns(path: Path, part: str) -> frozenset[int]:
    """The columns that the workbook hides; they stand before the rows."""
    with ZipFile(path) as container, container.open(part) as file:
        return frozenset(_hidden_in(file))


def _hidden_in(file: IO[bytes]) -> Iterator[int]:
    for _event, element in iterparse(file, events=("start",)):  # noqa: S314 expat bounds expansion; guard bounds size
        tag = element.tag.rpartition("}")[2]
        if tag == "sheetData":
            return
        if tag == "col" and element.get("hidden") in ("1", "true"):
            last = min(int(element.get("max", "0")), MOST_COLUMNS)
            yield from range(int(element.get("min", "1")) - 1, last)
