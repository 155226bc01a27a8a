"""The forecast of a nodule: laws for any set of scans, calibration on known nodules, and when a scan could tell."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inference.errors import NotForecast
from inference.estimate import Estimate
from inference.forecast import LONGEST_DAYS, Forecast, History, Seen, forecast
from inference.forecast_prior import PRIORS, Prior
from inference.forecast_telling import NextScan, could_tell_from, shown_already, shows_growth, telling, would_tell_from
from tests.benchmarks.evaluate_forecast import coverage, judge
from tests.benchmarks.forecast_histories import World, draw


def scans(*volumes_mm3: float, error: float = 0.06, every_days: int = 180) -> History:
    seen = (Seen(every_days * index, Estimate(one, error * one)) for index, one in enumerate(volumes_mm3))
    return History(tuple(seen), "solid")


@st.composite
def histories(draw_one: st.DrawFn) -> History:
    count = draw_one(st.integers(1, 5))
    gaps = draw_one(st.lists(st.integers(20, 700), min_size=count, max_size=count))
    volumes = draw_one(st.lists(st.floats(5, 5000), min_size=count, max_size=count))
    error = draw_one(st.floats(0.01, 0.3))
    protocols = draw_one(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    seen = (
        Seen(day, Estimate(volume, error * volume), protocol)
        for day, volume, protocol in zip(itertools.accumulate(gaps), volumes, protocols, strict=True)
    )
    return History(tuple(seen), draw_one(st.sampled_from(list(PRIORS))), draw_one(st.sampled_from([0.0, 0.05])))


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(1, 1000))
def test_courses_share_one_certainty_and_quantiles_stand_in_order(history: History, ahead: int) -> None:
    course = forecast(history)
    day = history.last.day + ahead
    assert course.weights.sum() == pytest.approx(1)
    assert sum(course.probability_of(kind) for kind in ("stable", "growing", "shrinking")) == pytest.approx(1)
    volumes = [course.volume_mm3(day, share) for share in (0.025, 0.25, 0.5, 0.75, 0.975)]
    assert volumes == sorted(volumes)
    for share, volume in zip((0.025, 0.25, 0.5, 0.75, 0.975), volumes, strict=True):
        assert course.probability_below(day, volume) == pytest.approx(share, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(histories(), st.floats(0.2, 5))
def test_a_nodule_and_a_ceiling_k_times_as_large_have_a_forecast_k_times_as_large(
    history: History, factor: float
) -> None:
    def prior(ceiling_mm3: float) -> Prior:
        return replace(PRIORS[history.attenuation], ceiling_mm3=ceiling_mm3, ceiling_highest_mm3=50 * ceiling_mm3)

    larger = History(
        tuple(
            Seen(one.day, Estimate(one.volume_mm3.value * factor, one.volume_mm3.standard_error * factor), one.protocol)
            for one in history.scans
        ),
        history.attenuation,
        history.protocol_relative_error,
    )
    day = history.last.day + 200
    small, large = forecast(history, prior(1e4)), forecast(larger, prior(factor * 1e4))
    assume(small.volume_mm3(day, 0.975) < 1e5)  # far below the largest volume of any chest, where both end
    assert large.volume_mm3(day, 0.5) == pytest.approx(factor * small.volume_mm3(day, 0.5), rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(histories(), st.sampled_from([113.0, 268.0, 1767.0]))
def test_a_limit_once_reached_stays_reached(history: History, limit_mm3: float) -> None:
    course = forecast(history)
    days = range(history.last.day, history.last.day + LONGEST_DAYS, 90)
    chances = [course.probability_reached(day, limit_mm3) for day in days]
    assert all(later >= sooner - 1e-12 for sooner, later in itertools.pairwise(chances))


@settings(max_examples=30, deadline=None)
@given(histories())
def test_before_the_day_a_scan_would_rather_miss_growth_and_from_then_on_rather_show_it(history: History) -> None:
    course = forecast(history)
    could, would = could_tell_from(course), would_tell_from(course)
    if could is None:
        assert would is None
        assert telling(course, history.last.day + LONGEST_DAYS).growth_shown_probability < 0.5
        return
    assert would is None or would >= could
    assert telling(course, could).growth_shown_probability >= 0.5
    if could - 1 > history.last.day:
        assert telling(course, could - 1).growth_shown_probability < 0.5


def test_the_same_scans_give_the_same_answer() -> None:
    first, second = (forecast(scans(100, 130, 150)) for _ in range(2))
    assert np.array_equal(first.weights, second.weights)
    assert first.interval_95_mm3(900) == second.interval_95_mm3(900)


def test_steady_doubling_is_recognised_and_carried_on() -> None:
    course = forecast(scans(100, 200, 400, error=0.02))
    assert course.probability_of("growing") > 0.999
    assert course.vdt_days(0.5) == pytest.approx(180, rel=0.1)
    low, high = course.interval_95_mm3(540)
    assert low < 800 < high
    assert high / low < 1.7


def test_growth_that_slows_down_is_not_carried_on_as_if_it_did_not() -> None:
    volumes = [200 * math.exp(3 * -math.expm1(-0.5 * index)) for index in range(5)]
    course = forecast(scans(*volumes, error=0.02))
    slowing = ~np.isinf(course.depths)
    assert course.weights[slowing].sum() > 0.99
    carried = volumes[-1] * volumes[-1] / volumes[-2]
    assert course.volume_mm3(5 * 180, 0.5) < 0.9 * carried


def test_more_scans_of_an_unchanged_nodule_make_growth_less_likely_and_the_next_scan_later() -> None:
    known = [forecast(scans(*[100.0] * count)) for count in range(1, 6)]
    growing = [course.probability_of("growing") for course in known]
    assert growing == sorted(growing, reverse=True)
    waits = [(could_tell_from(course) or 10**6) - course.history.last.day for course in known]
    assert waits == sorted(waits)


def test_what_one_protocol_is_off_by_cancels_between_its_scans_and_not_between_two() -> None:
    def of(second_protocol: int) -> Forecast:
        seen = (Seen(0, Estimate(100, 2)), Seen(200, Estimate(125, 2.5), second_protocol))
        return forecast(History(seen, "solid", protocol_relative_error=0.15))

    assert of(0).probability_of("growing") > 2 * of(1).probability_of("growing")


def test_a_next_scan_of_another_protocol_must_come_later() -> None:
    seen = (Seen(0, Estimate(100, 4)), Seen(200, Estimate(105, 4)))
    course = forecast(History(seen, "solid", protocol_relative_error=0.15))
    same, other = could_tell_from(course), could_tell_from(course, NextScan(0.04, 1))
    assert same is not None
    assert other is not None
    assert other > same + 20


def test_growth_is_shown_as_the_pages_decide_it() -> None:
    assert not shown_already(forecast(scans(100)))
    assert not shown_already(forecast(scans(100, 124)))
    assert shown_already(forecast(scans(100, 126)))
    assert shown_already(forecast(scans(100, 115, 130)))  # against the first
    course = forecast(scans(100, 110))
    assert shows_growth(course, Seen(400, Estimate(126, 7)))
    assert not shows_growth(course, Seen(400, Estimate(124, 7)))


def test_a_slower_population_lets_the_scan_wait_longer() -> None:
    history = scans(100)
    quick, slow = (could_tell_from(forecast(history, PRIORS[kind])) for kind in ("solid", "ground_glass"))
    assert quick is not None
    assert slow is not None
    assert slow > 2 * quick


@pytest.mark.parametrize("volume_mm3", [0.01, 2e6])
def test_what_is_no_nodule_has_no_course(volume_mm3: float) -> None:
    with pytest.raises(NotForecast, match="no nodule"):
        forecast(scans(volume_mm3))


@pytest.mark.parametrize("days", [(), (10, 10), (10, 5)])
def test_scans_out_of_order_are_a_callers_mistake(days: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="in time"):
        History(tuple(Seen(day, Estimate(100, 5)) for day in days), "solid")


def test_a_scan_that_was_made_tells_nothing_of_the_next() -> None:
    with pytest.raises(ValueError, match="after the last scan"):
        telling(forecast(scans(100, 110)), 180)


@pytest.mark.parametrize(
    "shares", [{"growing_share": 0.0}, {"growing_share": 0.95}, {"slowing_share": 1.0}, {"vdt_longest_days": 100.0}]
)
def test_a_population_without_one_of_the_courses_is_refused(shares: dict[str, float]) -> None:
    given_shares = {"growing_share": 0.1, "shrinking_share": 0.1, "vdt_days": 200.0, "vdt_longest_days": 900.0}
    with pytest.raises(ValueError, match=r"share|median"):
        Prior(**(given_shares | shares))


def test_intervals_hold_what_they_say_on_nodules_that_it_has_not_seen() -> None:
    rng = np.random.default_rng(7)
    judged = [judge(draw(World("as assumed"), rng)) for _ in range(400)]
    # 400 nodules: 95 % by chance alone lie between 92.3 and 97.7 (99 % limits).
    assert 0.923 <= coverage(judged, 0.95) <= 0.977
    assert 0.74 <= coverage(judged, 0.8) <= 0.86
