"""Cubes for networks: where they lie, how they are turned, and which scans they are not cut from."""

from __future__ import annotations

import numpy as np
import pytest

from inference.model_errors import NotForNetworks
from inference.patches import cut_patches, digest, refuse_what_is_no_chest, scaled
from registration.volume import Volume


def slope(shape: tuple[int, int, int] = (20, 30, 40), direction: np.ndarray | None = None) -> Volume:
    """HU that rise by 10 a millimetre along z, 5 along y, 2 along x of the patient."""
    spacing, direction = (2.0, 0.7, 0.8), np.eye(3) if direction is None else direction
    empty = Volume(np.zeros(shape, np.int16), spacing, (3.0, -4.0, 50.0), direction)
    points = empty.lps_from_index(np.moveaxis(np.indices(shape), 0, -1))
    hu = 10 * (points[..., 2] - 70) + 5 * points[..., 1] + 2 * points[..., 0] - 400
    return Volume(np.rint(hu).astype(np.int16), spacing, (3.0, -4.0, 50.0), direction)


def test_a_cube_is_interpolated_about_its_place() -> None:
    volume = slope()
    place = volume.lps_from_index((10.3, 14.7, 20.2))
    (cube,) = cut_patches(volume, place, side=4, step_mm=1.0)
    middle = 10 * (place[2] - 70) + 5 * place[1] + 2 * place[0] - 400
    assert float(cube.mean()) == pytest.approx(middle, abs=1)
    steps = [float(np.diff(cube.astype(float), axis=axis).mean()) for axis in range(3)]
    assert steps == pytest.approx([10, 5, 2], abs=0.3)


def test_an_averaged_cube_lies_where_the_other_does_and_has_less_noise() -> None:
    volume = slope()
    place = volume.lps_from_index((10.3, 14.7, 20.2))
    plain, averaged = (cut_patches(volume, place, side=4, step_mm=1.4, averaged=how)[0] for how in (False, True))
    assert np.abs(plain.astype(int) - averaged).max() <= 1
    fine = Volume(
        np.random.default_rng(1).normal(-800, 50, (40, 60, 60)).astype(np.int16), (1, 0.5, 0.5), (0, 0, 0), np.eye(3)
    )
    noises = [float(cut_patches(fine, (15, 15, 20), side=16, step_mm=1.0, averaged=how).std()) for how in (False, True)]
    assert noises[1] < 0.75 * noises[0]
    coarse = slope()
    both = [cut_patches(coarse, place, side=4, step_mm=0.5, averaged=how) for how in (False, True)]
    assert np.array_equal(*both)  # nothing of the scan lies between


def test_a_cube_is_turned_towards_head_back_and_left_however_the_scan_lies() -> None:
    feet_first = np.diag([-1.0, 1.0, -1.0])
    for direction in (feet_first, np.eye(3)[:, [1, 2, 0]]):
        volume = slope(direction=direction)
        (cube,) = cut_patches(volume, volume.lps_from_index((10, 15, 20)), side=4, step_mm=1.0)
        steps = [float(np.diff(cube.astype(float), axis=axis).mean()) for axis in range(3)]
        assert steps == pytest.approx([10, 5, 2], abs=0.5)


def test_beyond_the_scan_its_border_goes_on() -> None:
    volume = slope()
    (cube,) = cut_patches(volume, volume.lps_from_index((0, 15, 20)), side=8, step_mm=1.0)
    assert np.array_equal(cube[0], cube[3])
    assert not np.array_equal(cube[4], cube[7])


def test_the_window_is_kept_and_scaled() -> None:
    volume = Volume(np.full((10, 10, 10), 3000, np.int16), (1, 1, 1), (0, 0, 0), np.eye(3))
    cubes = cut_patches(volume, (5, 5, 5), side=3, step_mm=1.0)
    assert float(scaled(cubes).max()) == 1.0
    assert digest(cubes) == digest(cubes.copy()) != digest(cubes - 1)


@pytest.mark.parametrize(
    ("place", "words"), [((np.nan, 0, 60), "no point"), ((np.inf, 0, 60), "no point"), ((500, 0, 60), "outside")]
)
def test_a_place_that_is_none_is_refused(place: tuple[float, float, float], words: str) -> None:
    with pytest.raises(NotForNetworks, match=words):
        cut_patches(slope(), place, side=4, step_mm=1.0)


def chest(shape: tuple[int, int, int] = (20, 64, 64)) -> np.ndarray:
    array = np.full(shape, 40, np.int16)
    array[:, 16:48, 16:48] = -850
    return array


@pytest.mark.parametrize(
    ("array", "spacing", "words"),
    [
        (chest((1, 64, 64)), (1.0, 1.0, 1.0), "1 slices"),
        (chest(), (10.0, 1.0, 1.0), "10.0 mm apart"),
        (chest() + np.int16(1024), (1.0, 1.0, 1.0), "Hounsfield"),  # the intercept was left out
        (np.zeros((20, 64, 64), np.int16), (1.0, 1.0, 1.0), "Hounsfield"),
        (np.full((20, 64, 64), -1000, np.int16), (1.0, 1.0, 1.0), "Hounsfield"),
        (np.broadcast_to(np.int16(-800), (2048, 2048, 1024)), (1.0, 1.0, 1.0), "larger"),
    ],
)
def test_a_scan_that_is_no_chest_is_refused(array: np.ndarray, spacing: tuple[float, float, float], words: str) -> None:
    with pytest.raises(NotForNetworks, match=words):
        refuse_what_is_no_chest(Volume(array, spacing, (0, 0, 0), np.eye(3)))


def test_a_chest_is_looked_at() -> None:
    refuse_what_is_no_chest(Volume(chest(), (1.0, 1.0, 1.0), (0, 0, 0), np.eye(3)))
