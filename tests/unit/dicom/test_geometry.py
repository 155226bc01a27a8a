"""Order and distance of planes follow from geometry alone."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodules_app.dicom.geometry import gaps, is_axial, plane_word, stack

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
steps = st.floats(0.3, 10)


def places(along: np.ndarray) -> np.ndarray:
    return np.stack([np.full_like(along, -10), np.full_like(along, -20), along], axis=1)


@settings(deadline=None)
@given(st.integers(2, 60), steps, st.floats(-2000, 2000), st.randoms(use_true_random=False))
def test_shuffled_planes_come_back_in_order(count: int, step: float, start: float, random: Random):
    along = start + step * np.arange(count)
    shuffled = list(range(count))
    random.shuffle(shuffled)
    placed = stack(places(along[shuffled]), AXIAL)
    assert [shuffled[i] for i in placed.order] == list(range(count))
    assert placed.even
    assert placed.step_mm == pytest.approx(step, abs=2e-4)


@settings(deadline=None)
@given(st.integers(3, 40), st.floats(0.5, 5))
def test_a_mirrored_image_plane_still_goes_from_feet_to_head(count: int, step: float):
    along = step * np.arange(count)
    placed = stack(places(along), (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0))  # normal points to the feet
    assert placed.direction[2] == 1
    assert list(placed.order) == list(range(count))


@settings(deadline=None)
@given(st.integers(20, 300), st.floats(0.4, 3))
def test_positions_rounded_to_a_decimal_are_even(count: int, step: float):
    placed = stack(places(np.round(step * np.arange(count), 1)), AXIAL)
    assert placed.even
    assert placed.step_mm == pytest.approx(step, rel=0.02)


@settings(deadline=None)
@given(st.integers(6, 80), st.floats(0.5, 5), st.data())
def test_missing_planes_are_counted_where_they_are(count: int, step: float, data: st.DataObject):
    first = data.draw(st.integers(1, count - 4))
    missing = data.draw(st.integers(1, min(3, count - first - 2)))
    numbers = [n for n in range(count) if not first <= n < first + missing]
    if len(numbers) < 5:
        return
    placed = stack(places(step * np.array(numbers, dtype=float)), AXIAL)
    assert not placed.even
    (gap,) = gaps(placed.along_mm, placed.step_mm) or ()
    assert (gap.index, gap.missing) == (first - 1, missing)
    assert gap.gap_mm == pytest.approx((missing + 1) * step)


def test_spacing_that_varies_is_no_gap():
    along = np.array([0, 2.5, 5, 8.3, 11.6, 14.9])
    placed = stack(places(along), AXIAL)
    assert not placed.even
    assert gaps(placed.along_mm, placed.step_mm) is None


@settings(deadline=None)
@given(st.floats(1, 40))
def test_tilt_is_the_angle_between_normal_and_travel(degrees: float):
    angle = np.radians(degrees)
    placed = stack(places(2.5 * np.arange(9.0)), (1, 0, 0, 0, float(np.cos(angle)), float(np.sin(angle))))
    assert placed.tilt_degrees == pytest.approx(degrees, abs=1e-6)
    assert placed.step_mm == pytest.approx(2.5 * np.cos(angle), abs=1e-4)


def test_an_oblique_stack_along_its_own_normal_is_not_tilted():
    angle = np.radians(20)
    normal = np.array([0, -np.sin(angle), np.cos(angle)])
    placed = stack(np.outer(np.arange(8.0), normal), (1, 0, 0, 0, float(np.cos(angle)), float(np.sin(angle))))
    assert placed.tilt_degrees == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("orientation", "word"),
    [(AXIAL, "axial"), ((1, 0, 0, 0, 0, -1), "coronal"), ((0, 1, 0, 0, 0, -1), "sagittal")],
)
def test_planes_have_names(orientation: tuple[float, ...], word: str):
    assert plane_word(orientation) == word
    assert is_axial(orientation) == (word == "axial")
