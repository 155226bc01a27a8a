"""A person's strokes on an outline: laws that hold wherever they fall, and whose outline the error says it is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.calipers import READER_SD_MM, caliper_error_mm
from inference.drawn import (
    LARGEST_STROKE_MM,
    Stroke,
    ball_volume,
    measure_drawn,
    outline_of,
)
from inference.errors import NothingAtPoint, TooLarge
from inference.estimate import Estimate
from inference.measure import NoduleMeasurement, measure
from inference.outline import polygons_by_slice_px
from registration.volume import Volume

SPACING_ZYX_MM = (1.25, 0.7, 0.7)
SHAPE_ZYX = (48, 80, 80)
ORIGIN_LPS_MM = (-28.0, -28.0, -30.0)


@cache
def lung() -> Volume:
    """Noisy lung with one solid ball of 10 mm in the middle."""
    array = np.random.default_rng(3).normal(-850, 20, SHAPE_ZYX)
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE_ZYX)]
    x0, y0, z0 = ORIGIN_LPS_MM
    square = (z * 1.25 + z0) ** 2 + (y * 0.7 + y0) ** 2 + (x * 0.7 + x0) ** 2
    share = np.clip((5.0 - np.sqrt(square)) / 0.8 + 0.5, 0, 1)
    array = array * (1 - share) + 30 * share
    return Volume(np.round(array).astype(np.int16), SPACING_ZYX_MM, ORIGIN_LPS_MM, np.eye(3))


@cache
def machine() -> NoduleMeasurement:
    return measure(lung(), (0.0, 0.0, 0.0))


places = st.tuples(*(st.floats(-7, 7) for _ in range(3)))
balls = st.builds(Stroke, st.sampled_from(["add", "erase"]), places, st.floats(0.5, 4))
strokes = st.lists(balls, max_size=4)


@settings(max_examples=25, deadline=None)
@given(strokes, places, st.floats(0.5, 4))
def test_adding_never_makes_it_smaller_nor_erasing_larger(
    before: list[Stroke], centre: tuple[float, float, float], radius_mm: float
) -> None:
    base = outline_of(lung(), machine(), before)
    more = outline_of(lung(), machine(), [*before, Stroke("add", centre, radius_mm)])
    assert more.inside.sum() >= base.inside.sum()
    try:
        less = outline_of(lung(), machine(), [*before, Stroke("erase", centre, radius_mm)])
    except NothingAtPoint:
        return
    assert less.inside.sum() <= base.inside.sum()


@settings(max_examples=25, deadline=None)
@given(strokes)
def test_the_same_strokes_give_the_same_numbers(drawn: list[Stroke]) -> None:
    first, second = (measure_drawn(lung(), machine(), drawn) for _ in range(2))
    assert first.volume_mm3 == second.volume_mm3
    assert np.array_equal(first.outline.inside, second.outline.inside)


@settings(max_examples=25, deadline=None)
@given(strokes)
def test_a_stroke_done_twice_is_done_once(drawn: list[Stroke]) -> None:
    once = outline_of(lung(), machine(), drawn)
    twice = outline_of(lung(), machine(), [one for one in drawn for _ in range(2)])
    assert np.array_equal(once.inside, twice.inside)


@settings(max_examples=25, deadline=None)
@given(strokes)
def test_the_error_lies_between_the_machines_and_a_readers(drawn: list[Stroke]) -> None:
    done = measure_drawn(lung(), machine(), drawn)
    assert 0 <= done.drawn_share <= 1
    ball_mm = (6 * done.volume_mm3.value / np.pi) ** (1 / 3)
    least = machine().volume_mm3.relative_error
    assert least <= done.volume_mm3.relative_error <= np.hypot(least, 3 * READER_SD_MM / ball_mm) * (1 + 1e-9)


def test_without_strokes_it_is_the_machines() -> None:
    done = measure_drawn(lung(), machine(), [])
    assert done.drawn_share == 0
    assert done.volume_mm3 == machine().volume_mm3
    assert done.mean_diameter_mm == machine().mean_diameter_mm
    assert np.array_equal(done.outline.inside.sum(), machine().outline.sum())


def test_the_kept_border_is_the_one_that_is_drawn_on_its_slice() -> None:
    drawn = measure_drawn(lung(), machine(), [Stroke("add", (5.0, 0.0, 0.0), 3.0)])
    every = polygons_by_slice_px(drawn.outline.inside, drawn.outline.start_zyx)
    assert drawn.outline_px == every[drawn.axial_index]


def test_a_ball_beside_adds_its_own_volume() -> None:
    beside = measure_drawn(lung(), machine(), [Stroke("add", (12.0, 0.0, 0.0), 3.0)])
    gained_mm3 = beside.volume_mm3.value - machine().volume_mm3.value
    assert gained_mm3 == pytest.approx(4 / 3 * np.pi * 27, rel=0.08)


def test_a_threshold_takes_only_what_is_bright() -> None:
    bright = measure_drawn(lung(), None, [Stroke("threshold", (0.0, 0.0, 0.0), 9.0, -300, 300)])
    assert bright.volume_mm3.value == pytest.approx(4 / 3 * np.pi * 125, rel=0.12)
    assert bright.attenuation == "solid"
    assert bright.drawn_share == 1


def test_an_outline_without_a_machine_has_a_readers_error() -> None:
    alone = measure_drawn(lung(), None, [Stroke("add", (0.0, 0.0, 0.0), 5.0)])
    assert alone.mean_diameter_mm.standard_error == pytest.approx(READER_SD_MM)
    assert alone.mean_diameter_mm.value == pytest.approx(10, abs=0.8)


def test_smoothing_takes_a_spike_off() -> None:
    spike = [Stroke("add", (7.0, 0.0, 0.0), 0.6)]
    rough, smooth = (outline_of(lung(), machine(), told) for told in (spike, [*spike, Stroke("smooth")]))
    assert smooth.inside.sum() < rough.inside.sum()


def test_nothing_left_is_refused() -> None:
    with pytest.raises(NothingAtPoint):
        measure_drawn(lung(), machine(), [Stroke("erase", (0.0, 0.0, 0.0), 20.0)])


def test_nothing_drawn_on_nothing_is_refused() -> None:
    with pytest.raises(NothingAtPoint):
        measure_drawn(lung(), None, [Stroke("smooth")])


def test_a_stroke_outside_the_scan_draws_nothing() -> None:
    far = Stroke("add", (900.0, 0.0, 0.0), 3.0)
    with pytest.raises(NothingAtPoint):
        measure_drawn(lung(), None, [far])


def test_strokes_across_a_large_scan_are_refused() -> None:
    whole = Volume(np.full((400, 256, 256), -850, np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    ends = [Stroke("add", (5.0, 5.0, 5.0), 3.0), Stroke("add", (250.0, 250.0, 390.0), LARGEST_STROKE_MM)]
    with pytest.raises(TooLarge):
        measure_drawn(whole, None, ends)


def test_two_axes_say_a_volume_with_three_times_their_error() -> None:
    ball = ball_volume(Estimate(10.0, 0.5))
    assert ball.value == pytest.approx(523.6, abs=0.1)
    assert ball.relative_error == pytest.approx(0.15)
    assert caliper_error_mm(0.7) > READER_SD_MM == pytest.approx(0.624, abs=0.001)
