"""Laws of growth: they hold for every pair of volumes, not for chosen ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference.estimate import Estimate
from inference.growth import REPEATABLE_RATIO, growth

mm3 = st.floats(10, 50_000)
days = st.integers(1, 3650)
errors = st.floats(0, 0.3)


def estimate(volume_mm3: float, relative_error: float) -> Estimate:
    return Estimate(volume_mm3, volume_mm3 * relative_error)


@given(mm3, days)
def test_twice_the_volume_doubles_in_the_interval(volume_mm3: float, interval_days: int):
    change = growth(Estimate(volume_mm3, 0), Estimate(2 * volume_mm3, 0), interval_days)
    assert change.vdt_days == pytest.approx(interval_days)
    assert change.significant


@given(mm3, mm3, days, errors, errors)
def test_swapping_the_scans_mirrors_the_change(
    first_mm3: float, second_mm3: float, interval_days: int, first_error: float, second_error: float
):
    forward = growth(estimate(first_mm3, first_error), estimate(second_mm3, second_error), interval_days)
    back = growth(estimate(second_mm3, second_error), estimate(first_mm3, first_error), interval_days)
    assert forward.volume_ratio * back.volume_ratio == pytest.approx(1)
    assert forward.volume_ratio_ci95[0] * back.volume_ratio_ci95[1] == pytest.approx(1)
    assert forward.significant == back.significantly_smaller
    assert forward.vdt_days == (None if back.vdt_days is None else pytest.approx(-back.vdt_days))


@given(mm3, st.floats(0.3, 4), days, errors)
def test_only_the_ratio_counts(volume_mm3: float, ratio: float, interval_days: int, error: float):
    small = growth(estimate(volume_mm3, error), estimate(volume_mm3 * ratio, error), interval_days)
    large = growth(estimate(3 * volume_mm3, error), estimate(3 * volume_mm3 * ratio, error), interval_days)
    assert large.volume_ratio == pytest.approx(small.volume_ratio)
    assert large.volume_ratio_ci95 == pytest.approx(small.volume_ratio_ci95)


@given(mm3, st.floats(1.01, 6), days, errors)
def test_the_interval_of_the_doubling_time_is_that_of_the_ratio(
    volume_mm3: float, ratio: float, interval_days: int, error: float
):
    change = growth(estimate(volume_mm3, error), estimate(volume_mm3 * ratio, error), interval_days)
    assert change.vdt_ci95_days is not None
    assert change.vdt_days is not None
    low_ratio, high_ratio = change.volume_ratio_ci95
    shortest, longest = change.vdt_ci95_days
    assert shortest == pytest.approx(interval_days * math.log(2) / math.log(high_ratio))
    assert shortest <= change.vdt_days * (1 + 1e-9)
    assert (longest is None) == (low_ratio <= 1)
    if longest is not None:
        assert longest >= change.vdt_days * (1 - 1e-9)


@given(mm3, st.floats(0.2, 6), days, errors, st.floats(0, 0.2))
def test_more_error_never_makes_growth_surer(
    volume_mm3: float, ratio: float, interval_days: int, error: float, extra: float
):
    prior, current = estimate(volume_mm3, error), estimate(volume_mm3 * ratio, error)
    plain = growth(prior, current, interval_days)
    wider = growth(prior, current, interval_days, extra_relative_error=extra)
    assert wider.significant <= plain.significant
    assert wider.log_ratio_error >= plain.log_ratio_error
    assert wider.shortest_resolvable_vdt_days <= plain.shortest_resolvable_vdt_days


@given(mm3, days, errors)
def test_growth_at_the_shortest_resolvable_time_is_just_not_missed(volume_mm3: float, interval_days: int, error: float):
    limit = growth(estimate(volume_mm3, error), estimate(volume_mm3, error), interval_days)
    doublings = interval_days / limit.shortest_resolvable_vdt_days
    assume(doublings < 10)
    faster = growth(estimate(volume_mm3, error), estimate(volume_mm3 * 2 ** (1.01 * doublings), error), interval_days)
    slower = growth(estimate(volume_mm3, error), estimate(volume_mm3 * 2 ** (0.99 * doublings), error), interval_days)
    assert faster.significant
    assert not slower.significant


def test_an_unchanged_nodule_has_no_doubling_time_but_a_shortest_possible_one():
    change = growth(Estimate(200, 12), Estimate(200, 12), 365)
    assert change.vdt_days is None
    assert change.vdt_ci95_days == (pytest.approx(365 * math.log(2) / (1.959964 * 0.06 * math.sqrt(2)), rel=1e-4), None)


def test_a_surely_shrinking_nodule_has_no_doubling_time_interval():
    change = growth(Estimate(200, 2), Estimate(100, 1), 365)
    assert change.vdt_ci95_days is None
    assert change.vdt_days == pytest.approx(-365)


def test_a_quarter_is_not_yet_growth_however_sure():
    assert not growth(Estimate(100, 0), Estimate(100 * REPEATABLE_RATIO * 0.999, 0), 100).significant
    assert growth(Estimate(100, 0), Estimate(100 * REPEATABLE_RATIO * 1.001, 0), 100).significant


@pytest.mark.parametrize(("interval_days", "extra"), [(0, 0.0), (-5, 0.0), (10, -0.1), (10, math.nan)])
def test_a_meaningless_question_is_a_callers_mistake(interval_days: int, extra: float):
    with pytest.raises(ValueError, match="no meaning"):
        growth(Estimate(1, 0), Estimate(1, 0), interval_days, extra_relative_error=extra)
