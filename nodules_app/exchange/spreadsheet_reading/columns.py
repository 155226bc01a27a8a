"""Where the headings of a table stand, and what its columns seem to say: a proposal that a person corrects."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from nodules_app.exchange.spreadsheet_reading.cells import Cell, Line, Sheet, shown
from nodules_app.exchange.spreadsheet_reading.days import Parts, parts_of
from nodules_app.exchange.spreadsheet_reading.errors import NoHeadings
from nodules_app.exchange.spreadsheet_reading.headings import Field, field_of
from nodules_app.exchange.spreadsheet_reading.sizes import axes_of, unit_in
from nodules_app.exchange.spreadsheet_reading.words import folded, meaning_of

HEADINGS_WITHIN: Final = 30  # lines: above them stand titles
SAMPLES: Final = 3
MOST: Final = 0.7  # of a column's values that must look alike to say what it is
EMAIL: Final = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")
CHINESE_MOBILE: Final = re.compile(r"^(?:\+?86)?1[3-9]\d{9}$")


class Because(StrEnum):
    """Why a column is taken for what it is."""

    KEPT = "kept"  # a person said so of a list with the same headings
    HEADING = "heading"
    VALUES = "values"
    NOTHING = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the page shows it: its heading, some values, and what it seems to say."""

    index: int
    heading: str
    samples: tuple[str, ...]
    field: Field | None
    because: Because
    hidden: bool
    formulas: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The headings of one sheet."""

    sheet: str
    line: int
    columns: tuple[Column, ...]
    known: int  # headings that say something to us

    @property
    def key(self) -> str:
        """The same for the same headings in the same order, however they are written."""
        return hashlib.sha256(json.dumps([folded(one.heading) for one in self.columns]).encode()).hexdigest()


def head_of(sheet: Sheet, *, today: date, kept: Mapping[str, Mapping[str, str]] | None = None) -> Head:
    """Find the headings of a sheet and say what its columns seem to be.

    Parameters
    ----------
    kept
        What a person said of lists of this clinic before: by ``Head.key``, the field of each column by its index.

    Raises
    ------
    NoHeadings
    """
    place = _heading_place(sheet.first)
    if place is None:
        raise NoHeadings(sheet=sheet.name or "CSV")
    line = sheet.first[place]
    below = sheet.first[place + 1 :]
    width = max(len(one.cells) for one in (line, *below))
    headings = [shown(line.cells[index]) if index < len(line.cells) else "" for index in range(width)]
    values = [[one.cells[index] for one in below if index < len(one.cells)] for index in range(width)]
    bare = [_column(index, headings[index], values[index], sheet) for index in range(width)]
    columns = [one for one in bare if one.heading or one.samples]
    known = sum(field_of(one.heading) is not None for one in columns)
    head = Head(sheet.name, line.number, tuple(columns), known)
    said = (kept or {}).get(head.key)
    proposed = _as_kept(columns, said) if said is not None else _proposed(columns, values, today)
    return Head(sheet.name, line.number, tuple(proposed), known)


def _heading_place(first: Sequence[Line]) -> int | None:
    """The line with most headings that we know; else the first with two texts or more and nothing but texts."""
    lines = first[:HEADINGS_WITHIN]
    known = [sum(field_of(shown(cell)) is not None for cell in line.cells if isinstance(cell, str)) for line in lines]
    best = max(range(len(lines)), key=lambda place: (known[place], -place), default=None)
    if best is not None and known[best] >= 2:
        return best
    texts = (place for place, line in enumerate(lines) if _is_all_text(line))
    return next(texts, None)


def _is_all_text(line: Line) -> bool:
    cells = [cell for cell in line.cells if cell is not None]
    return len(cells) > 1 and all(isinstance(cell, str) and not cell[0].isdigit() for cell in cells)


def _column(index: int, heading: str, values: Sequence[Cell], sheet: Sheet) -> Column:
    samples: list[str] = []
    for cell in values:
        if (text := shown(cell)[:60]) and text not in samples:
            samples.append(text)
        if len(samples) == SAMPLES:
            break
    return Column(index, heading, tuple(samples), None, Because.NOTHING, index in sheet.hidden, index in sheet.formulas)


def _with(column: Column, field: Field | None, because: Because) -> Column:
    shows = (column.index, column.heading, column.samples)
    return Column(*shows, field, because if field else Because.NOTHING, column.hidden, column.formulas)


def _as_kept(columns: Sequence[Column], said: Mapping[str, str]) -> list[Column]:
    fields = {int(index): Field(field) for index, field in said.items()}
    return [_with(column, fields.get(column.index), Because.KEPT) for column in columns]


def _proposed(columns: Sequence[Column], values: Sequence[Sequence[Cell]], today: date) -> list[Column]:
    """Give each field to the first column whose heading says it; then look at the values of the others."""
    taken: dict[Field, int] = {}
    for column in columns:
        field = field_of(column.heading)
        if field is not None and not column.hidden and field not in taken:
            taken[field] = column.index
    by_heading = {index: field for field, index in taken.items()}
    proposed = []
    for column in columns:
        if column.index in by_heading:
            proposed.append(_with(column, by_heading[column.index], Because.HEADING))
            continue
        cells = [cell for cell in values[column.index] if cell is not None]
        field = None if column.hidden or field_of(column.heading) else _by_values(cells, column.heading, today)
        if field is None or field in taken:
            proposed.append(column)
            continue
        taken[field] = column.index
        proposed.append(_with(column, field, Because.VALUES))
    return proposed


def _by_values(cells: Sequence[Cell], heading: str, today: date) -> Field | None:
    """What most values of a column are, where that can mean one thing only."""
    if len(cells) < 2:
        return None

    def mostly(is_one: Callable[[Cell], bool]) -> bool:
        return sum(is_one(cell) for cell in cells) >= MOST * len(cells)

    if mostly(lambda cell: bool(EMAIL.match(shown(cell)))):
        return Field.EMAIL
    if mostly(lambda cell: bool(CHINESE_MOBILE.match(shown(cell).replace(" ", "").replace("-", "")))):
        return Field.MOBILE
    for kind, field in (("sex", Field.SEX), ("lobe", Field.LOBE), ("attenuation", Field.ATTENUATION)):
        if mostly(lambda cell, kind=kind: len(shown(cell)) > 0 and meaning_of(kind, shown(cell)) is not None):  # type: ignore[misc]
            return field
    if mostly(lambda cell: isinstance(cell, str) and axes_of(cell, unit="") is not None) and unit_in(heading):
        return Field.SIZE
    return _by_days(cells, today)


def _by_days(cells: Sequence[Cell], today: date) -> Field | None:
    """A column of days long ago is that of birth, a column of days to come says when something is due."""
    days = [parts_of(cell, latest=today) for cell in cells if not isinstance(cell, int | float)]
    years = sorted(one.year for one in days if isinstance(one, Parts))
    if len(years) < MOST * len(cells) or not years:
        return None
    middle = years[len(years) // 2]
    if middle <= today.year - 18:
        return Field.BIRTH_DATE
    return Field.DUE_ON if middle > today.year else None
