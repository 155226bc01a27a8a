"""Sizes as people write them: one or two lengths, mm or cm, point or comma."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from nodules_app.exchange.spreadsheet_reading.cells import Cell, plain

NUMBER: Final = r"(\d{1,3}(?:[.,]\d{1,3})?)"
UNIT: Final = r"(mm|cm|毫米|厘米|公分)?"
ONE: Final = re.compile(rf"^(?:约|ca\.?|~|≈)?\s*{NUMBER}\s*{UNIT}\.?$", re.IGNORECASE)
TWO: Final = re.compile(
    rf"^(?:约|ca\.?|~|≈)?\s*{NUMBER}\s*{UNIT}\s*(?:[x×*✕]|by)\s*{NUMBER}\s*{UNIT}\.?$", re.IGNORECASE
)
CENTIMETRES: Final = ("cm", "厘米", "公分")
IN_HEADING: Final = re.compile(r"[(\[（【/_ ](mm|cm|毫米|厘米|公分)[)\]）】]?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Axes:
    """One length, or the longer and the shorter of two, in mm; the mean is what a guideline calls the size."""

    long_mm: float
    short_mm: float | None

    @property
    def mean_mm(self) -> float:
        return self.long_mm if self.short_mm is None else (self.long_mm + self.short_mm) / 2


def unit_in(heading: str) -> str:
    """Give the unit that a heading names, mm or cm, or nothing."""
    found = IN_HEADING.search(plain(heading))
    if not found:
        return ""
    return "cm" if found[1].casefold() in CENTIMETRES else "mm"


def axes_of(cell: Cell, *, unit: str) -> Axes | None:
    """Read one or two lengths; a unit in the cell counts before that of the column. None where there is no size."""
    if isinstance(cell, int | float):
        return Axes(_in_mm(float(cell), unit), None)
    if not isinstance(cell, str):
        return None
    text = plain(cell)
    if found := ONE.match(text):
        return Axes(_in_mm(_number(found[1]), found[2] or unit), None)
    if found := TWO.match(text):
        first, first_unit, second, second_unit = found.groups()
        meant = second_unit or first_unit or unit
        lengths = sorted((_in_mm(_number(first), first_unit or meant), _in_mm(_number(second), meant)))
        return Axes(lengths[1], lengths[0])
    return None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _in_mm(length: float, unit: str) -> float:
    return round(length * (10 if unit.casefold() in CENTIMETRES else 1), 3)
