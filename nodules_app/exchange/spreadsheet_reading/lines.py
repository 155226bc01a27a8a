"""From cells to the facts of one line: each is understood, or refused with its column, its value and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import Any, Final

from nodules_app.exchange.spreadsheet_reading.cells import Broken, Cell, Line, letters_of, shown
from nodules_app.exchange.spreadsheet_reading.days import (
    DayOrder,
    Parts,
    Span,
    Written,
    needs_order,
    order_of,
    parts_of,
    span_of,
)
from nodules_app.exchange.spreadsheet_reading.errors import (
    BrokenFormula,
    CellRefused,
    DayOrderUnknown,
    DayOutOfRange,
    DigitsLost,
    Missing,
    MixedDays,
    NoAddress,
    NoDay,
    NoNumber,
    NoSize,
    NoSuchDay,
    NumberBecameDay,
    NumberBecameFraction,
    OnlyPartOfADay,
    SizeOutOfRange,
    TooLong,
    UnknownWord,
)
from nodules_app.exchange.spreadsheet_reading.headings import DAYS, Field
from nodules_app.exchange.spreadsheet_reading.sizes import Axes, axes_of, unit_in
from nodules_app.exchange.spreadsheet_reading.words import ATTENUATION, LOBE, SEX, STEP, examples, meaning_of

LEAST_MM: Final = 1.0
MOST_MM: Final = 80.0  # above 30 mm it is a mass, and lists hold those too; 9.0 cm is a slip
EARLIEST_BIRTH: Final = date(1900, 1, 1)
EARLIEST_EXAM: Final = date(1970, 1, 1)  # the first CT of a head was made in 1971
DUE_WITHIN: Final = timedelta(days=3653)
PAST_DUE: Final = timedelta(days=3653)
LONGEST: Final[Mapping[Field, int]] = {
    Field.IDENTIFIER: 64,
    Field.ISSUER: 64,
    Field.NAME: 200,
    Field.FAMILY_NAME: 100,
    Field.GIVEN_NAME: 100,
    Field.MOBILE: 400,
    Field.PHONE: 400,
    Field.EMAIL: 400,
    Field.ADDRESS: 400,
    Field.NODULE: 40,
    Field.OWNER: 120,
    Field.NOTE: 2000,
}
LONGEST_KEPT_DIGITS: Final = 10**15  # IEEE 754 doubles, of which spreadsheet programs show 15 figures
AT: Final = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")
DIALLED: Final = re.compile(r"^\+?[\d\s().\-/]{5,}(?:\s*(?:x|ext\.?|转)\s*\d{1,6})?$", re.IGNORECASE)
WORDS: Final[Mapping[Field, tuple[str, Mapping[str, str]]]] = {
    Field.SEX: ("sex", SEX),
    Field.LOBE: ("lobe", LOBE),
    Field.ATTENUATION: ("attenuation", ATTENUATION),
    Field.STEP: ("step", STEP),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What one line says, understood. An empty text or None: it does not say."""

    identifier: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: date | None = None
    sex: str = ""
    mobile: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    nodule: str = ""
    lobe: str = ""
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    attenuation: str = ""
    measured_on: date | None = None
    last_scan_on: date | None = None
    step: str = ""
    due_from: date | None = None  # with due_on: a day, or the first and last of a month
    due_on: date | None = None
    owner: str = ""
    note: str = ""

    @property
    def names_nodule(self) -> bool:
        return bool(self.nodule or self.lobe or self.attenuation or self.long_axis_mm)

    @property
    def size_mm(self) -> float | None:
        """The mean of the two axes, or the one length that the list gives."""
        if self.long_axis_mm is None or self.short_axis_mm is None:
            return self.long_axis_mm
        return (self.long_axis_mm + self.short_axis_mm) / 2

    def as_json(self) -> dict[str, str | float]:
        """Give what the line says, in a shape that a row keeps; what it does not say is left out."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Facts:
        """Read back what ``as_json`` gave."""
        days = ("birth_date", "measured_on", "last_scan_on", "due_from", "due_on")
        values: dict[str, Any] = {
            name: date.fromisoformat(value) if name in days else value for name, value in told.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a list is to be read: which column says what, and what a person answered."""

    columns: Mapping[Field, int]
    headings: Mapping[int, str]
    today: date
    issuer: str = ""  # of lists that do not name one
    order: DayOrder | None = None  # a person's answer; it counts before what the column proves
    unit: str = ""
    epoch_1904: bool = False
    orders: Mapping[Field, DayOrder | Written | None] = field(default_factory=dict)

    def column_name(self, one: Field) -> str:
        """Name a column as the spreadsheet program and its heading do: H “Due”."""
        index = self.columns[one]
        heading = self.headings.get(index, "")
        return f"{letters_of(index)} “{heading}”" if heading else letters_of(index)

    def cell(self, line: Line, one: Field) -> Cell:
        """The cell of a line that says this, or None."""
        index = self.columns.get(one)
        return line.cells[index] if index is not None and index < len(line.cells) else None

    def latest(self, one: Field) -> date:
        return self.today + DUE_WITHIN if one is Field.DUE_ON else self.today


def with_day_orders(reading: Reading, lines: Sequence[Line]) -> Reading:
    """Let each column of days say itself whether the day or the month comes first.

    Raises
    ------
    DayOrderUnknown
        A column needs to know, and neither it nor a person says.
    """
    orders: dict[Field, DayOrder | Written | None] = {}
    for one in DAYS:
        if one not in reading.columns:
            continue
        parts = [_parts(reading, line, one) for line in lines]
        orders[one] = reading.order or order_of(parts)
        unclear = next((line for line, it in zip(lines, parts, strict=True) if needs_order(it)), None)
        if orders[one] is None and unclear is not None:
            raise DayOrderUnknown(column=reading.column_name(one), value=shown(reading.cell(unclear, one)))
    return replace(reading, orders=orders)


def _parts(reading: Reading, line: Line, one: Field) -> Parts | Written:
    return parts_of(reading.cell(line, one), latest=reading.latest(one), epoch_1904=reading.epoch_1904)


def facts_of(reading: Reading, line: Line) -> tuple[Facts, tuple[CellRefused, ...]]:
    """Understand one line.

    Returns
    -------
    tuple
        What was understood, and everything that was not, in the order of the fields.
    """
    told: dict[str, Any] = {}
    refused: list[CellRefused] = []
    for one in Field:
        cell = reading.cell(line, one)
        if cell is None:
            continue
        try:
            told |= _fact(reading, one, cell)
        except CellRefused as refusal:
            refused.append(refusal)
    if not told.get("identifier") and not any(refusal.facts.get("of") == Field.IDENTIFIER for refusal in refused):
        refused.insert(0, Missing(column=reading.column_name(Field.IDENTIFIER), value=""))
    told["name"] = told.get("name") or "^".join(
        part for part in (told.pop("family_name", ""), told.pop("given_name", "")) if part
    )
    for part in ("family_name", "given_name"):
        told.pop(part, None)
    told.setdefault("issuer", reading.issuer)
    return Facts(**_axes_in_order(told)), tuple(refused)


def _axes_in_order(told: dict[str, Any]) -> dict[str, Any]:
    long_mm, short_mm = told.get("long_axis_mm"), told.get("short_axis_mm")
    if long_mm and short_mm and short_mm > long_mm:
        return told | {"long_axis_mm": short_mm, "short_axis_mm": long_mm}
    return told


def _fact(reading: Reading, one: Field, cell: Cell) -> dict[str, Any]:
    """Understand one cell. Raises ``CellRefused``."""
    where = {"column": reading.column_name(one), "value": shown(cell)[:80], "of": one}
    if isinstance(cell, Broken):
        raise BrokenFormula(**where)
    if one in DAYS:
        return _day(reading, one, cell, where)
    if one in (Field.SIZE, Field.SHORT_AXIS):
        return _size(reading, one, cell, where)
    if one in WORDS:
        return {one.value: _word(one, cell, where)}
    text = _text(one, cell, where)
    if len(text) > LONGEST[one]:
        raise TooLong(**where, length=len(text), limit=LONGEST[one])
    if one in ADDRESSES and not ADDRESSES[one](text):
        raise NoAddress(**where)
    return {one.value: text}


ADDRESSES: Final[Mapping[Field, Callable[[str], object]]] = {
    Field.EMAIL: AT.match,
    Field.MOBILE: DIALLED.match,
    Field.PHONE: DIALLED.match,
}


def _text(one: Field, cell: Cell, where: dict[str, Any]) -> str:
    """Text as it stands; of numbers that tell a person from others nothing may have been lost on the way."""
    if one in (Field.IDENTIFIER, Field.MOBILE, Field.PHONE):
        if isinstance(cell, date):
            raise NumberBecameDay(**where)
        if isinstance(cell, float) and not cell.is_integer():
            raise DigitsLost(**where)
        if isinstance(cell, int | float) and abs(cell) >= LONGEST_KEPT_DIGITS:
            raise DigitsLost(**where | {"value": f"{cell:.0f}"})
        if isinstance(cell, str) and re.fullmatch(r"\d(?:[.,]\d+)?E\+\d+", cell, re.IGNORECASE):
            raise DigitsLost(**where)
        if isinstance(cell, str) and re.fullmatch(r"\d+[.,]0", shown(cell)):
            raise NumberBecameFraction(**where)
    text = shown(cell)
    if one is Field.IDENTIFIER and not any(sign.isdigit() for sign in text):
        raise NoNumber(**where)
    return text


def _word(one: Field, cell: Cell, where: dict[str, Any]) -> str:
    kind, allowed = WORDS[one]
    meaning = meaning_of(kind, shown(cell))
    if meaning is None:
        raise UnknownWord(**where, allowed=examples(allowed))
    return meaning


def _day(reading: Reading, one: Field, cell: Cell, where: dict[str, Any]) -> dict[str, Any]:
    parts = parts_of(cell, latest=reading.latest(one), epoch_1904=reading.epoch_1904)
    span = span_of(parts, reading.orders.get(one)) if isinstance(parts, Parts) else parts
    if isinstance(span, Written):
        raise NOT_A_DAY[span](**where)
    if not span.is_day and one is not Field.DUE_ON:
        raise OnlyPartOfADay(**where)
    earliest, latest = _range(reading, one)
    if not earliest <= span.first <= span.last <= latest:
        raise DayOutOfRange(**where, earliest=earliest, latest=latest)
    return _as_due(span) if one is Field.DUE_ON else {one.value: span.first}


NOT_A_DAY: Final[Mapping[Written, type[CellRefused]]] = {
    Written.NO_DAY: NoDay,
    Written.NO_SUCH_DAY: NoSuchDay,
    Written.PART: OnlyPartOfADay,
    Written.MIXED: MixedDays,
}


def _as_due(span: Span) -> dict[str, date]:
    return {"due_on": span.last} if span.is_day else {"due_from": span.first, "due_on": span.last}


def _range(reading: Reading, one: Field) -> tuple[date, date]:
    if one is Field.BIRTH_DATE:
        return EARLIEST_BIRTH, reading.today
    if one is Field.DUE_ON:
        return reading.today - PAST_DUE, reading.today + DUE_WITHIN
    return EARLIEST_EXAM, reading.today


def _size(reading: Reading, one: Field, cell: Cell, where: dict[str, Any]) -> dict[str, Any]:
    unit = unit_in(reading.headings.get(reading.columns[one], "")) or reading.unit
    axes = axes_of(cell, unit=unit)
    if axes is None:
        raise NoSize(**where)
    least_mm = axes.long_mm if axes.short_mm is None else axes.short_mm
    if not LEAST_MM <= least_mm <= axes.long_mm <= MOST_MM:
        raise SizeOutOfRange(**where, size_mm=f"{axes.long_mm:g}", least_mm=f"{LEAST_MM:g}", most_mm=f"{MOST_MM:g}")
    return _axes(one, axes)


def _axes(one: Field, axes: Axes) -> dict[str, Any]:
    if one is Field.SHORT_AXIS:
        return {"short_axis_mm": axes.long_mm}
    told = {"long_axis_mm": axes.long_mm}
    return told if axes.short_mm is None else told | {"short_axis_mm": axes.short_mm}
