"""Days in the forms in which people write them.

What a cell says is read first (``parts_of``): a year that is certain, and one or two figures that may be day or month.
Which of the two comes first is decided by the whole column (``order_of``), never by one cell, and asked of a person
where no cell of the column tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from nodules_app.exchange.spreadsheet_reading.cells import Cell, plain


class DayOrder(StrEnum):
    """Which of two figures comes first."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class Written(StrEnum):
    """What is wrong with the text of a day."""

    NO_DAY = "no_day"
    NO_SUCH_DAY = "no_such_day"
    PART = "part"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Span:
    """A day, or a whole month where nobody said which day."""

    first: date
    last: date

    @property
    def is_day(self) -> bool:
        return self.first == self.last


@dataclass(frozen=True, slots=True)
class Parts:
    """A day as it was written: ``day`` 0 is a whole month; ``swaps`` when the two figures may change places."""

    year: int
    month: int
    day: int
    swaps: bool = False


MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
TIME: Final = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp]\.?[Mm]\.?)?(Z|[+-]\d{2}:?\d{2})?$")
YEAR_FIRST: Final = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?$")
MONTH_ALONE: Final = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$")
MONTH_THEN_YEAR: Final = re.compile(r"^(\d{1,2})[/.-](\d{4})$")
COMPACT: Final = re.compile(r"^((?:19|20)\d{2})(\d{2})(\d{2})$")
TWO_FIGURES: Final = re.compile(r"^(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{2}|\d{4})$")
DAY_NAME_YEAR: Final = re.compile(r"^(\d{1,2})(?:st|nd|rd|th)?[\s.-]*([A-Za-z]{3,9})\.?[\s,.-]*(\d{4}|'?\d{2})$")
NAME_DAY_YEAR: Final = re.compile(r"^([A-Za-z]{3,9})\.?[\s.-]*(\d{1,2})(?:st|nd|rd|th)?[\s,.-]+(\d{4}|'?\d{2})$")
NAME_YEAR: Final = re.compile(r"^([A-Za-z]{3,9})\.?[\s,.-]*(\d{4})$")
YEAR_ALONE: Final = re.compile(r"^(?:19|20)\d{2}\s*年?$")
EARLIEST_SERIAL: Final = 366.0  # below it a number is a count of something else
LATEST_SERIAL: Final = 80_000.0
EPOCH_1900: Final = date(1899, 12, 30)  # so that Excel's 29 February 1900, which never was, does no harm after it
EPOCH_1904: Final = date(1904, 1, 1)


def parts_of(cell: Cell, *, latest: date, epoch_1904: bool = False) -> Parts | Written:
    """Read what a cell says of a day.

    Parameters
    ----------
    latest
        The last day that this fact can have; a year of two figures is the latest one that does not pass it.
    epoch_1904
        Whether a bare number counts from 1904, as workbooks of old Macintosh programs do.

    Returns
    -------
    Parts or Written
        The parts, or why there are none.
    """
    if isinstance(cell, date):
        return Parts(cell.year, cell.month, cell.day)
    if isinstance(cell, int | float):
        return _of_number(float(cell), epoch_1904=epoch_1904)
    if not isinstance(cell, str):
        return Written.NO_DAY
    text = TIME.sub("", plain(cell))
    return _of_text(text, latest) if text else Written.NO_DAY


def _of_number(number: float, *, epoch_1904: bool) -> Parts | Written:
    if number.is_integer() and (found := COMPACT.match(str(int(number)))):
        return _year_first(found)
    if number.is_integer() and 1900 <= number <= 2100:
        return Written.PART
    if not EARLIEST_SERIAL <= number <= LATEST_SERIAL:
        return Written.NO_DAY
    on = (EPOCH_1904 if epoch_1904 else EPOCH_1900) + timedelta(days=int(number))
    return Parts(on.year, on.month, on.day)


def _year_first(found: re.Match[str]) -> Parts:
    year, month, day = (int(part) for part in found.groups())
    return Parts(year, month, day)


def _of_text(text: str, latest: date) -> Parts | Written:
    if found := YEAR_FIRST.match(text) or COMPACT.match(text):
        return _year_first(found)
    if found := TWO_FIGURES.match(text):
        first, between, second, year = found.groups()
        # With points the day comes first wherever points are used; with strokes and slashes both orders live.
        return Parts(_year(year, latest), int(second), int(first), swaps=between != ".")
    if YEAR_ALONE.match(text):
        return Written.PART
    if found := MONTH_ALONE.match(text):
        return Parts(int(found[1]), int(found[2]), 0)
    if found := MONTH_THEN_YEAR.match(text):
        return Parts(int(found[2]), int(found[1]), 0)
    if text.isdecimal() and len(text) == 5:
        return _of_number(float(text), epoch_1904=False)
    return _with_name(text, latest)


def _with_name(text: str, latest: date) -> Parts | Written:
    if found := DAY_NAME_YEAR.match(text):
        day, name, year = found.groups()
    elif found := NAME_DAY_YEAR.match(text):
        name, day, year = found.groups()
    elif found := NAME_YEAR.match(text):
        name, day, year = found[1], "0", found[2]
    else:
        return Written.NO_DAY
    month = MONTHS.get(name.casefold())
    return Parts(_year(year, latest), month, int(day)) if month else Written.NO_DAY


def _year(written: str, latest: date) -> int:
    digits = written.lstrip("'")
    if len(digits) == 4:
        return int(digits)
    year = latest.year - latest.year % 100 + int(digits)
    return year if year <= latest.year else year - 100


def order_of(parts: Iterable[Parts | Written]) -> DayOrder | Written | None:
    """Say which figure comes first in a column.

    Returns
    -------
    DayOrder, Written or None
        The order that the column proves; ``Written.MIXED`` where it proves both; None where nothing tells, which is
        harmless when no cell needs it (``needs_order``).
    """
    day_first = month_first = False
    for one in parts:
        if isinstance(one, Parts) and one.swaps:
            day_first |= one.day > 12
            month_first |= one.month > 12
    if day_first and month_first:
        return Written.MIXED
    if day_first or month_first:
        return DayOrder.DAY_FIRST if day_first else DayOrder.MONTH_FIRST
    return None


def needs_order(parts: Parts | Written) -> bool:
    """Whether the order of figures changes the day."""
    return isinstance(parts, Parts) and parts.swaps and parts.day != parts.month and max(parts.day, parts.month) <= 12


def span_of(parts: Parts, order: DayOrder | Written | None) -> Span | Written:
    """Give the day, or the whole month, that the parts name in a column of this order."""
    if needs_order(parts) and not isinstance(order, DayOrder):
        return Written.MIXED
    month, day = parts.month, parts.day
    if parts.swaps and (month > 12 or (order is DayOrder.MONTH_FIRST and day <= 12)):
        month, day = day, month
    try:
        if day == 0:
            first = date(parts.year, month, 1)
            return Span(first, _last_of(first))
        return Span(date(parts.year, month, day), date(parts.year, month, day))
    except ValueError:
        return Written.NO_SUCH_DAY


def _last_of(first: date) -> date:
    following = datetime(first.year + first.month // 12, first.month % 12 + 1, 1)  # noqa: DTZ001 a day, no moment
    return (following - timedelta(days=1)).date()
