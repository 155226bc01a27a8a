"""What a cell of a list may hold, whichever file it came from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

MOST_LINES: Final = 50_000
MOST_COLUMNS: Final = 200
COMPUTED: Final = frozenset("=+-@")  # a text that begins so is a formula to spreadsheet programs


@dataclass(frozen=True, slots=True)
class Broken:
    """A formula that has no value: an error word of the program, or never computed."""

    shown: str


Cell = str | int | float | date | Broken | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its number in the file, counted from 1 as a spreadsheet program does."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a file: its first lines, and what its columns carry that cells do not show."""

    name: str
    first: tuple[Line, ...]
    hidden: frozenset[int]  # columns, from 0
    formulas: frozenset[int]
    epoch_1904: bool = False


def shown(cell: Cell) -> str:
    """Give a cell as a person would read it, without surrounding or full-width signs."""
    if cell is None:
        return ""
    if isinstance(cell, Broken):
        return cell.shown
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return plain(cell) if isinstance(cell, str) else str(cell)


def plain(text: str) -> str:
    """Fold full-width signs and the many kinds of blanks (UAX #15, NFKC); the words stay as they are."""
    kept = text.replace("\ufeff", "").replace("\0", "")  # a database stores no zero
    return " ".join(unicodedata.normalize("NFKC", kept).split())


def unguarded(text: str) -> str:
    """Take away the sign before a text that a spreadsheet program would compute; the writer put it there."""
    return text[1:] if text[:1] == "'" and text[1:2] in COMPUTED else text


def letters_of(column: int) -> str:
    """Name a column, counted from 0, as spreadsheet programs do: A … Z, AA …"""
    name = ""
    rest = column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        name = chr(ord("A") + digit) + name
    return name
