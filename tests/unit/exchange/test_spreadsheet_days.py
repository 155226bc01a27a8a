"""Days in the forms in which people write them; and any day, in any form, reads back the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.exchange.spreadsheet_reading.cells import Cell
from nodules_app.exchange.spreadsheet_reading.days import (
    EPOCH_1900,
    EPOCH_1904,
    DayOrder,
    Parts,
    Span,
    Written,
    needs_order,
    order_of,
    parts_of,
    span_of,
)

LATEST = date(2026, 11, 21)
NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def read(cell: Cell, order: DayOrder | Written | None = None, latest: date = LATEST) -> Span | Written:
    parts = parts_of(cell, latest=latest)
    return span_of(parts, order) if isinstance(parts, Parts) else parts


@pytest.mark.parametrize(
    "written",
    [
        "2025-04-03",
        "2025-04-03 00:00:00",
        "2025-04-03T08:15:00Z",
        "2025/4/3",
        "2025.4.3",
        "2025年4月3日",
        "2025 年 4 月 3 日",
        "２０２５年４月３日",
        "20250403",
        20250403,
        "3 Apr 25",
        "3-Apr-2025",
        "03APR2025",
        "3rd April 2025",
        "April 3, 2025",
        "Apr. 3 2025",
        "3.4.2025",
        "03.04.25",
        date(2025, 4, 3),
        45750,
        45750.0,
        "45750",
        "  2025-04-03\u00a0",
    ],
)
def test_the_third_of_april(written: Cell) -> None:
    assert read(written) == Span(date(2025, 4, 3), date(2025, 4, 3))


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("31-Feb-1970", Written.NO_SUCH_DAY),
        ("1970-02-31", Written.NO_SUCH_DAY),
        ("31/02/1970", Written.NO_SUCH_DAY),
        ("04.25.2025", Written.NO_SUCH_DAY),
        ("1961", Written.PART),
        (1961, Written.PART),
        ("1961年", Written.PART),
        ("soon", Written.NO_DAY),
        ("3 Foo 2025", Written.NO_DAY),
        ("12", Written.NO_DAY),
        (7.2, Written.NO_DAY),
        ("03/04/2025", Written.MIXED),
        ("", Written.NO_DAY),
        (None, Written.NO_DAY),
    ],
)
def test_what_is_no_day(written: Cell, wrong: Written) -> None:
    assert read(written) is wrong


def test_a_month_is_a_span() -> None:
    march = Span(date(2026, 3, 1), date(2026, 3, 31))
    assert {read("Mar 2026"), read("2026-03"), read("2026年3月"), read("03/2026")} == {march}
    assert read("2026-12") == Span(date(2026, 12, 1), date(2026, 12, 31))


def test_years_of_two_figures_do_not_pass_the_latest_day() -> None:
    assert read("3 Apr 61") == Span(date(1961, 4, 3), date(1961, 4, 3))
    assert read("3 Apr 61", latest=date(2070, 1, 1)) == Span(date(2061, 4, 3), date(2061, 4, 3))


def test_the_column_says_which_figure_is_the_month() -> None:
    def order(*cells: Cell) -> DayOrder | Written | None:
        return order_of(parts_of(cell, latest=LATEST) for cell in cells)

    assert order("03/04/2025", "25/04/2025") is DayOrder.DAY_FIRST
    assert order("03/04/2025", "04/25/2025") is DayOrder.MONTH_FIRST
    assert order("03/04/2025", "25/04/2025", "04/25/2025") is Written.MIXED
    assert order("03/04/2025", "05/05/2025") is None
    assert order("2025-04-03", "3 Apr 25") is None
    assert read("03/04/2025", DayOrder.DAY_FIRST) == Span(date(2025, 4, 3), date(2025, 4, 3))
    assert read("03/04/2025", DayOrder.MONTH_FIRST) == Span(date(2025, 3, 4), date(2025, 3, 4))
    assert read("25/04/2025", DayOrder.MONTH_FIRST) == read("04/25/2025", DayOrder.DAY_FIRST)
    assert not needs_order(parts_of("05/05/2025", latest=LATEST))


def numbered(day: date) -> int:
    return (day - EPOCH_1900).days


FORMS: list[tuple[Callable[[date], Cell], DayOrder | None]] = [
    (date.isoformat, None),
    (lambda day: f"{day:%Y/%m/%d}", None),
    (lambda day: f"{day.year}年{day.month}月{day.day}日", None),
    (lambda day: f"{day.year}.{day.month}.{day.day}", None),
    (lambda day: f"{day:%Y%m%d}", None),
    (lambda day: f"{day.day}.{day.month}.{day.year}", None),
    (lambda day: f"{day.day} {NAMES[day.month - 1]} {day.year}", None),
    (lambda day: f"{NAMES[day.month - 1]} {day.day}, {day.year}", None),
    (lambda day: f"{day:%d/%m/%Y}", DayOrder.DAY_FIRST),
    (lambda day: f"{day.month}-{day.day}-{day.year}", DayOrder.MONTH_FIRST),
    (numbered, None),
    (lambda day: day, None),
]


# From 1906: a bare number below is taken for a year.
@given(st.dates(date(1906, 1, 1), date(2026, 11, 21)), st.sampled_from(FORMS))
def test_any_day_in_any_form_reads_back(day: date, form: tuple[Callable[[date], Cell], DayOrder | None]) -> None:
    write, order = form
    assert read(write(day), order) == Span(day, day)


@given(st.dates(date(1950, 1, 1), date(2026, 11, 21)))
def test_a_number_counts_from_1904_where_the_workbook_does(day: date) -> None:
    parts = parts_of((day - EPOCH_1904).days, latest=LATEST, epoch_1904=True)
    assert parts == Parts(day.year, day.month, day.day)


@given(st.text(max_size=30) | st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_no_text_and_no_number_breaks_it(cell: Cell) -> None:
    said = read(cell, DayOrder.DAY_FIRST)
    assert isinstance(said, Span | Written)
