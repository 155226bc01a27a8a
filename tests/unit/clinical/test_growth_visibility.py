"""What an interval can show: the figures that the product states, and the laws of a chance."""

from __future__ import annotations

from decimal import Decimal
from math import erf, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodules_app.clinical import visibility as v

days = st.integers(0, 3000)
vdts = st.integers(20, 3000).map(Decimal)


@pytest.mark.parametrize(("after", "vdt"), [(42, 130), (90, 280), (129, 400), (180, 560), (365, 1130)])
def test_the_longest_doubling_time_that_an_interval_shows(after: int, vdt: int) -> None:
    assert float(v.visibility(after).shows_up_to_vdt_days) == pytest.approx(vdt, rel=0.005)


@pytest.mark.parametrize(("after", "chance"), [(90, 0.45), (180, 0.95)])
def test_how_likely_a_doubling_in_300_days_shows(after: int, chance: float) -> None:
    found = v.visibility(after).chances[0]
    assert found.vdt_days == 300
    assert float(found.probability) == pytest.approx(chance, abs=0.006)


def test_a_page_prints_whole_days_that_are_still_shown() -> None:
    limit = v.visibility(365).shows_up_to_vdt_days
    assert v.whole_days(limit) == 1133 < limit


def test_at_the_limit_the_chance_is_even() -> None:
    limit = v.visibility(200).shows_up_to_vdt_days
    assert v.chance_of_showing(limit, 200) == pytest.approx(Decimal("0.5"), abs=Decimal("1e-9"))


@settings(deadline=None)
@given(days, vdts, st.integers(1, 400))
def test_it_never_falls_with_time_and_never_rises_with_the_doubling_time(after: int, vdt: Decimal, more: int) -> None:
    chance = v.chance_of_showing(vdt, after)
    assert 0 <= chance <= 1
    assert v.chance_of_showing(vdt, after + more) >= chance
    assert v.chance_of_showing(vdt + more, after) <= chance


@settings(deadline=None)
@given(days, vdts, st.decimals("0.01", "0.5", places=3))
def test_the_chance_is_that_of_a_normal_logarithm(after: int, vdt: Decimal, error: Decimal) -> None:
    beyond = (after * log(2) / float(vdt) - log(1.25)) / float(error)
    found = float(v.chance_of_showing(vdt, after, log_ratio_sd=error))
    assert found == pytest.approx((1 + erf(beyond / sqrt(2))) / 2, abs=2e-9)


def test_without_an_error_growth_shows_or_does_not() -> None:
    zero = Decimal(0)
    assert [v.chance_of_showing(Decimal(300), after, log_ratio_sd=zero) for after in (96, 97)] == [0, 1]


@settings(deadline=None)
@given(vdts, st.decimals("0.01", "0.99", places=2))
def test_the_day_from_which_growth_shows(vdt: Decimal, chance: Decimal) -> None:
    first = v.days_to_show(vdt, chance)
    assert first is not None
    assert v.chance_of_showing(vdt, first) >= chance
    assert first == 0 or v.chance_of_showing(vdt, first - 1) < chance


def test_what_ten_years_cannot_show() -> None:
    assert v.days_to_show(Decimal(100_000), Decimal("0.9")) is None
    assert v.days_to_show(Decimal(300), Decimal(0)) == 0


def test_the_error_of_two_volumes() -> None:
    assert v.log_ratio_sd_of(Decimal("0.06"), Decimal("0.08")) == Decimal("0.1")


@pytest.mark.parametrize(("vdt", "after", "error"), [(0, 90, "0.1"), (300, -1, "0.1"), (300, 90, "-0.1")])
def test_what_is_no_scan_is_a_mistake_of_the_caller(vdt: int, after: int, error: str) -> None:
    with pytest.raises(ValueError, match="no such scan"):
        v.chance_of_showing(Decimal(vdt), after, log_ratio_sd=Decimal(error))


@pytest.mark.parametrize("chance", ["-0.1", "1.1"])
def test_what_is_no_probability(chance: str) -> None:
    with pytest.raises(ValueError, match="no such probability"):
        v.days_to_show(Decimal(300), Decimal(chance))
