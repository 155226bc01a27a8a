"""One line of a list: what is understood, and each refusal with its column, its value and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.exchange.spreadsheet_reading import errors
from nodules_app.exchange.spreadsheet_reading.cells import Broken, Cell, Line
from nodules_app.exchange.spreadsheet_reading.days import DayOrder
from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.exchange.spreadsheet_reading.lines import Facts, Reading, facts_of, with_day_orders

TODAY = date(2026, 11, 21)


def reading(**changed: object) -> Reading:
    fields = list(Field)
    told = {
        "columns": {field: at for at, field in enumerate(fields)},
        "headings": dict(enumerate(fields)),
        "today": TODAY,
    }
    return Reading(**(told | changed))  # type: ignore[arg-type]


def line(number: int, cells: Mapping[str, Cell]) -> Line:
    return Line(number, tuple(cells.get(field.value) for field in Field))


def understood(**cells: Cell) -> tuple[Facts, list[str]]:
    facts, refused = facts_of(reading(), line(2, {"identifier": "0071"} | cells))
    return facts, [one.code for one in refused]


def test_a_whole_line() -> None:
    facts, refused = understood(
        issuer="TEST",
        family_name="示例",
        given_name="甲",
        birth_date="1961年2月2日",
        sex="女",
        mobile=13800000601,
        phone="+86 10 6000 0601 转 3",
        email="a@example.org",
        nodule=1,
        lobe="右上叶",
        size="0,9 x 0.7 cm",
        attenuation="混合磨玻璃",
        measured_on="2025-04-03",
        last_scan_on=date(2025, 4, 3),
        step="CT in March",
        due_on="Mar 2027",
        note="  two  words ",
    )
    assert refused == []
    assert facts == Facts(
        identifier="0071",
        issuer="TEST",
        name="示例^甲",
        birth_date=date(1961, 2, 2),
        sex="female",
        mobile="13800000601",
        phone="+86 10 6000 0601 转 3",
        email="a@example.org",
        nodule="1",
        lobe="RUL",
        long_axis_mm=9.0,
        short_axis_mm=7.0,
        attenuation="part_solid",
        measured_on=date(2025, 4, 3),
        last_scan_on=date(2025, 4, 3),
        step="ct",
        due_from=date(2027, 3, 1),
        due_on=date(2027, 3, 31),
        note="two words",
    )
    assert facts.size_mm == 8.0
    assert Facts.from_json(facts.as_json()) == facts


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"identifier": None}, "cell_missing"),
        ({"identifier": 1.5}, "cell_digits_lost"),
        ({"identifier": 110101196102020000.0}, "cell_digits_lost"),
        ({"identifier": "1.10101E+17"}, "cell_digits_lost"),
        ({"identifier": date(2025, 4, 3)}, "cell_number_became_day"),
        ({"identifier": "12345.0"}, "cell_number_became_fraction"),
        ({"identifier": "Total"}, "cell_no_number"),
        ({"identifier": Broken("#N/A")}, "cell_broken_formula"),
        ({"identifier": "9" * 65}, "cell_too_long"),
        ({"birth_date": "31-Feb-1970"}, "cell_no_such_day"),
        ({"birth_date": "1970"}, "cell_part_of_a_day"),
        ({"birth_date": "Mar 1970"}, "cell_part_of_a_day"),
        ({"birth_date": "2030-01-01"}, "cell_day_out_of_range"),
        ({"birth_date": "03/04/1961"}, "cell_mixed_days"),
        ({"measured_on": "yesterday"}, "cell_no_day"),
        ({"due_on": "1961-02-02"}, "cell_day_out_of_range"),
        ({"size": "9.0 cm"}, "cell_size_out_of_range"),
        ({"size": "0.8"}, "cell_size_out_of_range"),
        ({"size": "small"}, "cell_no_size"),
        ({"lobe": "left"}, "cell_unknown_word"),
        ({"email": "nobody"}, "cell_no_address"),
        ({"phone": "ask her son"}, "cell_no_address"),
    ],
)
def test_what_is_refused_names_column_and_value(cells: dict[str, Cell], code: str) -> None:
    facts, refused = facts_of(reading(), line(2, {"identifier": "0071"} | cells))
    assert [one.code for one in refused] == [code]
    (field,) = cells
    assert field in refused[0].as_sentence()
    assert refused[0].as_remedy()
    assert facts.name == ""


def test_short_and_long_change_places_where_a_list_has_them_the_other_way_round() -> None:
    facts, _ = understood(size=6, short_axis=8)
    assert (facts.long_axis_mm, facts.short_axis_mm) == (8.0, 6.0)


def test_a_column_of_days_decides_or_a_person_is_asked() -> None:
    unclear = [line(3, {"due_on": "03/04/2027"}), line(4, {"due_on": "05/06/2027"})]
    with pytest.raises(errors.DayOrderUnknown) as asked:
        with_day_orders(reading(), unclear)
    assert "due_on" in asked.value.as_sentence()
    told = with_day_orders(reading(order=DayOrder.MONTH_FIRST), unclear)
    assert facts_of(told, unclear[0])[0].due_on == date(2027, 3, 4)
    proven = with_day_orders(reading(), [*unclear, line(5, {"due_on": "25/06/2027"})])
    assert facts_of(proven, unclear[0])[0].due_on == date(2027, 4, 3)
    mixed = with_day_orders(reading(), [*unclear, line(5, {"due_on": "25/06/2027"}), line(6, {"due_on": "06/25/2027"})])
    assert [one.code for one in facts_of(mixed, unclear[0])[1]][-1] == "cell_mixed_days"


CELLS = (
    st.none() | st.text(max_size=20) | st.integers() | st.floats(allow_nan=False) | st.dates() | st.just(Broken("#N/A"))
)


@given(st.tuples(*[CELLS for _ in Field]))
def test_no_line_breaks_the_reading(cells: tuple[Cell, ...]) -> None:
    facts, refused = facts_of(reading(), Line(2, cells))
    assert facts.identifier or refused
    assert Facts.from_json(facts.as_json()) == facts
