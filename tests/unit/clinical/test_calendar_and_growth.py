"""Calendar months, ages, windows; doubling times and their interval."""

# ruff: noqa: E501 - one case of a table is one line

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.clinical import growth as g
from nodules_app.clinical.months import Months, add_months, as_interval, completed_years, whole_months, window
from nodules_app.clinical.rules import span
from nodules_app.clinical.sizes import TENTH, WHOLE, half_up, sphere_diameter_mm, sphere_volume_mm3
from tests.unit.clinical.cases import measured, nodule

DAY = date(2023, 1, 1)
dates = st.dates(date(1900, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 2, "2024-03-31"),
        ("2023-11-30", 3, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-12-31", -1, "2024-11-30"),
        ("2024-03-15", 24, "2026-03-15"),
    ],
)
def test_calendar_months(start: str, months: int, end: str) -> None:
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(end)


@given(dates, st.integers(0, 400))
def test_whole_months_undo_added_months(start: date, months: int) -> None:
    end = add_months(start, months)
    assert whole_months(start, end) == months
    assert whole_months(start, end - timedelta(days=1)) < months
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        ("1990-03-02", "2025-03-01", 34),
        ("1990-03-02", "2025-03-02", 35),
        ("2000-02-29", "2021-02-27", 20),
        ("2000-02-29", "2021-02-28", 21),
        ("2000-02-29", "2024-02-28", 23),
    ],
)
def test_completed_years(born: str, day: str, years: int) -> None:
    assert completed_years(date.fromisoformat(born), date.fromisoformat(day)) == years


@pytest.mark.parametrize(
    ("low", "high", "target"), [(6, 12, 9), (3, 6, 4), (18, 24, 21), (9, 12, 10), (1, 3, 2), (3, 12, 7)]
)
def test_targets(low: int, high: int, target: int) -> None:
    assert window(low, high) == Months(low, target, high)


def test_a_window_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="no such window"):
        Months(6, 5, 12)
    interval = as_interval(window(1, 2), "exam", date(2024, 1, 31))
    assert (interval.earliest, interval.latest) == (date(2024, 2, 29), date(2024, 3, 31))


@pytest.mark.parametrize(
    ("before", "now", "days", "vdt"),
    [
        ({"v": 100}, {"v": 200}, 90, "90.0"),
        ({"v": 100}, {"v": 125}, 91, "282.67"),
        ({"v": 100}, {"v": 80}, 90, None),
        ({"v": 100}, {"v": 100}, 90, None),
        ({"mean": 6}, {"mean": 8}, 180, "144.57"),
        ({"mean": "5.8"}, {"mean": "6.4"}, 365, "856.69"),
    ],
)
def test_doubling_times_of_the_reference(
    before: dict[str, Any], now: dict[str, Any], days: int, vdt: str | None
) -> None:
    growth = g.growth_between("n", measured(on=DAY, **before), measured(on=DAY + timedelta(days=days), **now))
    assert growth is not None
    found = growth.vdt_days
    assert (found is None) == (vdt is None)
    assert found is None or vdt is None or float(found) == pytest.approx(float(vdt), abs=0.005)


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ({"v": 100}, {"v": 125}, "growth"),
        ({"v": 100}, {"v": "124.99"}, "stable"),
        ({"v": 100}, {"v": 75}, "decrease"),
        ({"v": 100}, {"v": "75.01"}, "stable"),
        ({"mean": 6}, {"mean": 8}, "growth"),
        ({"mean": 6}, {"mean": "7.9"}, "stable"),
        ({"mean": 8}, {"mean": 6}, "decrease"),
        ({"mean": 8}, {"mean": "6.1"}, "stable"),
    ],
)
def test_classes_of_change(before: dict[str, Any], now: dict[str, Any], kind: str) -> None:
    growth = g.growth_between("n", measured(on=DAY, **before), measured(on=DAY + timedelta(days=90), **now))
    assert growth is not None
    assert (growth.kind, growth.significant) == (kind, kind == "growth")
    assert (growth.vdt_class is None) == (kind != "growth")


def test_the_interval_of_the_doubling_time() -> None:
    def interval(now: float) -> Any:  # noqa: ANN401
        growth = g.growth_between("n", measured(v=100, on=DAY), measured(v=now, on=DAY + timedelta(days=90)))
        return growth and growth.vdt_ci95_days

    low, high = interval(200)
    assert low < 90 < high
    assert interval(110)[0] is not None
    assert interval(110)[1] is None  # no growth at all is possible
    assert interval(50) == (None, None)


def test_what_cannot_be_compared_has_no_growth() -> None:
    later = DAY + timedelta(days=90)
    assert g.growth_between("n", measured(v=100, on=DAY), measured("6", on=later)) is None
    methods = (measured("5", v=100, on=DAY, method="a"), measured("6", v=300, on=later, method="b"))
    growth = g.growth_between("n", *methods)
    assert growth is not None
    assert growth.basis == "diameter"
    assert g.nodule_growth(nodule(measured("6"))) is None


def test_three_scans_give_each_pair_and_the_whole() -> None:
    days = [DAY + timedelta(days=n) for n in (0, 100, 200)]
    of = nodule(*(measured(v=v, on=day) for v, day in zip((100, 150, 120), days, strict=True)))
    assert [pair.kind for pair in g.pairwise_growth(of)] == ["growth", "stable"]
    whole = g.nodule_growth(of)
    assert whole is not None
    assert (whole.start, whole.end, whole.days) == (days[0], days[2], 200)
    assert g.pairwise_growth(nodule(measured(v=100, on=DAY), measured("5", on=days[1]))) == ()


def test_of_two_entries_on_one_day_the_later_counts() -> None:
    assert [m.volume_mm3 for m in g.measured(nodule(measured(v=100), measured(v=120)))] == [Decimal(120)]


def test_the_shortest_doubling_time_an_interval_can_show() -> None:
    assert float(g.shortest_resolvable_vdt_days(365)) == pytest.approx(1133.8, abs=0.1)


@pytest.mark.parametrize(("value", "step", "rounded"), [("8.5", WHOLE, "9"), ("5.45", WHOLE, "5"), ("5.5", WHOLE, "6"), ("14.95", TENTH, "15.0"), ("5.949", TENTH, "5.9")])  # fmt: skip
def test_half_up_once(value: str, step: Decimal, rounded: str) -> None:
    assert half_up(Decimal(value), step) == Decimal(rounded)


@given(st.decimals("0.5", "60", places=2))
def test_spheres(diameter: Decimal) -> None:
    assert abs(sphere_diameter_mm(sphere_volume_mm3(diameter)) - diameter) < Decimal("1e-20")


@pytest.mark.parametrize(("text", "inside", "outside"), [("< 6", "5.99", "6"), ("<= 6", "6", "6.01"), ("> 6", "6.01", "6"), (">= 6", "6", "5.99"), ("[6, 8)", "6", "8"), ("(6, 8]", "8", "6")])  # fmt: skip
def test_ranges(text: str, inside: str, outside: str) -> None:
    assert Decimal(inside) in span(text)
    assert Decimal(outside) not in span(text)
    with pytest.raises(ValueError, match="no such range"):
        span("6 to 8")
