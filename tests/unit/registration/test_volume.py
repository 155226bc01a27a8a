"""A volume knows where its voxels lie in the patient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registration.volume import Volume

Triple = tuple[float, float, float]

TILT = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])

millimetres = st.floats(-500, 500)
steps = st.floats(0.3, 5)


@given(st.tuples(millimetres, millimetres, millimetres), st.tuples(steps, steps, steps), st.tuples(*[millimetres] * 3))
def test_index_and_point_undo_each_other(origin: Triple, spacing: Triple, point: Triple) -> None:
    volume = Volume(np.zeros((2, 3, 4), np.int16), spacing, origin, TILT)
    assert volume.lps_from_index(volume.index_from_lps(point)) == pytest.approx(np.array(point), abs=1e-6)


def test_axes_run_along_the_columns_of_the_direction() -> None:
    volume = Volume(np.zeros((2, 3, 4), np.int16), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), np.eye(3))
    assert volume.lps_from_index([1, 0, 0]).tolist() == [10, 20, 33]
    assert volume.lps_from_index([0, 1, 2]).tolist() == [12, 22, 30]


def test_a_crop_stays_where_it_was() -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    volume = Volume(array, (3.0, 2.0, 1.0), (1.0, 2.0, 3.0), TILT)
    part = volume.crop((1, 1, 2), (9, 9, 9))
    assert part.shape_zyx == (2, 3, 3)
    assert part.array_hu[0, 0, 0] == array[1, 1, 2]
    assert part.lps_from_index([0, 0, 0]) == pytest.approx(volume.lps_from_index([1, 1, 2]))


def test_it_contains_half_a_voxel_beyond_its_centres() -> None:
    volume = Volume(np.zeros((2, 2, 2), np.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    assert volume.contains([[0, 0, 0], [1.4, 1, 1], [1.6, 1, 1], [0, 0, -0.6]]).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("array", "spacing"),
    [
        (np.zeros((2, 2), np.int16), (1.0, 1.0, 1.0)),
        (np.zeros((2, 2, 2), np.float32), (1.0, 1.0, 1.0)),
        (np.zeros((2, 2, 2), np.int16), (1.0, 0.0, 1.0)),
    ],
)
def test_it_refuses_what_is_no_volume(array: np.ndarray, spacing: Triple) -> None:
    with pytest.raises(ValueError, match=r"int16 array|spacing"):
        Volume(array, spacing, (0.0, 0.0, 0.0), np.eye(3))
