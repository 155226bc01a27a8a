"""Levels and frames: the same patient gives the same picture at the same place, however the array is stored."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.pyramid import Frame, block_means, crop_around
from registration.volume import Volume
from tests.unit.registration.chest import mirrored_axis

random = np.random.default_rng(3)
SMALL = Volume(random.integers(-1000, 500, (8, 9, 12)).astype(np.int16), (2.0, 1.0, 1.0), (5.0, -3.0, 7.0), np.eye(3))


def test_block_means_are_the_means_of_blocks() -> None:
    level = block_means(SMALL, Frame.of(SMALL), 2.0)
    expected = SMALL.array_hu[:, :8, :].reshape(8, 4, 2, 6, 2).mean(axis=(2, 4))
    assert level.spacing_mm.tolist() == [2, 2, 2]
    assert np.abs(level.image - expected).max() <= 0.5
    assert level.origin_mm.tolist() == [7, -2.5, 5.5]


def test_padding_and_metal_are_clipped_before_they_are_averaged() -> None:
    array = np.array([[[-3024, -3024], [3071, 3071]]], np.int16)
    volume = Volume(array, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    assert block_means(volume, Frame.of(volume), 1.0).image.ravel().tolist() == [-2048, -2048, 1023, 1023]


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_a_scan_stored_the_other_way_round_gives_the_same_level(axes: tuple[int, ...]) -> None:
    stored = SMALL
    for axis in axes:
        stored = mirrored_axis(stored, axis)
    here, there = block_means(SMALL, Frame.of(SMALL), 1.0), block_means(stored, Frame.of(stored), 1.0)
    assert np.array_equal(here.image, there.image)
    assert there.origin_mm == pytest.approx(here.origin_mm)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_scan_stored_with_its_axes_exchanged_gives_the_same_level(order: tuple[int, int, int]) -> None:
    spacing = np.array(SMALL.spacing_zyx_mm)[list(order)]
    columns = np.eye(3)[:, [2 - axis for axis in order]][:, ::-1]  # direction columns for array axes x, y, z
    stored = Volume(
        np.ascontiguousarray(SMALL.array_hu.transpose(order)),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        SMALL.origin_lps_mm,
        columns,
    )
    level = block_means(stored, Frame.of(stored), 1.0)
    assert np.array_equal(level.image, SMALL.array_hu)
    assert level.spacing_mm.tolist() == [2, 1, 1]


@given(st.floats(-0.6, 0.6), st.lists(st.tuples(*[st.floats(-300, 300)] * 3), min_size=1, max_size=4))
def test_frame_and_patient_undo_each_other(tilt: float, points: list[tuple[float, float, float]]) -> None:
    c, s = np.cos(tilt), np.sin(tilt)
    volume = Volume(SMALL.array_hu, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.array([[1, 0, 0], [0, c, -s], [0, s, c]]))
    frame = Frame.of(volume)
    assert frame.to_lps(frame.from_lps(points)) == pytest.approx(np.array(points), abs=1e-9)


def test_the_fine_level_covers_the_box_and_its_margin() -> None:
    volume = Volume(np.zeros((60, 80, 80), np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    level = crop_around(volume, Frame.of(volume), np.array([25.0, 30, 30]), np.array([35.0, 50, 50]))
    assert level.contains(np.array([[10.5, 15.5, 15.5], [49.0, 64, 64]])).all()
    assert not level.contains(np.array([[5.0, 30, 30]])).any()
