"""Bias, repeatability and honesty of a measurement, on phantoms whose volume is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inference.measure import NoduleMeasurement, measure
from tests.phantoms import DrawnNodule, NodulePhantom, draw, repeat


def measured(drawn: DrawnNodule, shift_mm: tuple[float, float, float] = (0, 0, 0)) -> NoduleMeasurement:
    return measure(drawn.volume, drawn.centre_lps_mm + np.asarray(shift_mm))


def errors(asked: NodulePhantom, times: int) -> np.ndarray:
    """Logarithm of measured over true volume for several repeats."""
    return np.array([math.log(measured(drawn).volume_mm3.value / drawn.volume_mm3) for drawn in repeat(asked, times)])


@pytest.mark.parametrize(
    ("asked", "bias", "spread"),
    [
        (NodulePhantom(diameter_mm=5), 0.04, 0.05),
        (NodulePhantom(diameter_mm=8), 0.02, 0.02),
        (NodulePhantom(diameter_mm=12), 0.02, 0.015),
        (NodulePhantom(diameter_mm=8, irregularity=0.15), 0.03, 0.03),
        (NodulePhantom(diameter_mm=8, vessels=2), 0.06, 0.05),
        (NodulePhantom(diameter_mm=8, wall=True), 0.06, 0.05),
        (NodulePhantom(diameter_mm=9, nodule_hu=-600), 0.05, 0.05),
        (NodulePhantom(diameter_mm=9, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5), 0.05, 0.06),
    ],
    ids=["5 mm", "8 mm", "12 mm", "irregular", "on vessels", "on the wall", "ground glass", "thick slices"],
)
def test_the_volume_is_right_on_average_and_repeats(asked: NodulePhantom, bias: float, spread: float):
    found = errors(asked, 5)
    assert abs(np.median(found)) < bias
    assert found.std(ddof=1) < spread


@pytest.mark.parametrize(
    "asked",
    [
        NodulePhantom(diameter_mm=8, irregularity=0.1),
        NodulePhantom(diameter_mm=10, wall=True),
        NodulePhantom(vessels=1),
    ],
    ids=["isolated", "on the wall", "on a vessel"],
)
def test_a_point_moved_by_two_millimetres_finds_the_same_nodule(asked: NodulePhantom):
    drawn = draw(asked)
    middle = measured(drawn).volume_mm3.value
    moves = 2 * np.vstack([np.eye(3), -np.eye(3)])
    changes = [abs(measured(drawn, tuple(move)).volume_mm3.value / middle - 1) for move in moves]
    assert np.median(changes) < 0.03
    assert max(changes) < 0.10


def test_the_stated_interval_of_the_ratio_holds_the_truth():
    small = repeat(NodulePhantom(diameter_mm=7, irregularity=0.1, noise_hu=45, side_mm=30), 10)
    large = repeat(NodulePhantom(diameter_mm=8.5, irregularity=0.1, noise_hu=45, seed=100, side_mm=30), 10)
    held = 0
    for prior, current in zip(small, large, strict=True):
        first, second = measured(prior).volume_mm3, measured(current).volume_mm3
        log_error = math.hypot(first.relative_error, second.relative_error)
        off = math.log(second.value / first.value) - math.log(current.volume_mm3 / prior.volume_mm3)
        held += abs(off) < 1.96 * log_error
    assert held >= 9


def test_more_noise_and_thicker_slices_state_a_larger_error():
    calm, noisy = (measured(draw(NodulePhantom(diameter_mm=5, noise_hu=hu))) for hu in (20.0, 20.0))
    thick = measured(draw(NodulePhantom(diameter_mm=5, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5)))
    assert noisy.volume_mm3.relative_error == calm.volume_mm3.relative_error
    assert thick.volume_mm3.relative_error > 1.2 * calm.volume_mm3.relative_error


def test_axes_of_an_ellipsoid():
    drawn = draw(NodulePhantom(diameter_mm=10, stretch_zyx=(1.0, 0.8, 1.3)))
    found = measured(drawn)
    assert found.long_axis_mm == pytest.approx(13, abs=0.7)
    assert found.short_axis_mm == pytest.approx(8, abs=0.5)
    assert found.mean_diameter_mm.value == pytest.approx((found.long_axis_mm + found.short_axis_mm) / 2)
    centre = drawn.volume.index_from_lps(drawn.centre_lps_mm)
    assert abs(found.axial_index - centre[0]) <= 1


def test_the_centre_is_found_to_a_fraction_of_a_voxel():
    drawn = draw(NodulePhantom(diameter_mm=8))
    found = measured(drawn, (1.5, -1.0, 0.5))
    assert np.linalg.norm(np.asarray(found.centre_lps_mm) - drawn.centre_lps_mm) < 0.25


def test_the_outline_lies_where_it_says():
    drawn = draw(NodulePhantom(diameter_mm=10))
    found = measured(drawn)
    voxels = np.argwhere(found.outline) + np.asarray(found.outline_start_zyx)
    middle = drawn.volume.lps_from_index(voxels.mean(axis=0))
    assert np.linalg.norm(middle - drawn.centre_lps_mm) < 0.5
    outline_mm3 = found.outline.sum() * drawn.volume.voxel_mm3
    assert drawn.volume_mm3 < outline_mm3 < 1.4 * drawn.volume_mm3  # readers draw generously


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (NodulePhantom(diameter_mm=6), "solid"),
        (NodulePhantom(diameter_mm=12), "solid"),
        (NodulePhantom(diameter_mm=10, nodule_hu=-620), "ground_glass"),
        (NodulePhantom(diameter_mm=16, nodule_hu=-600, solid_core_mm=7), "part_solid"),
    ],
)
def test_the_attenuation_class(asked: NodulePhantom, expected: str):
    assert measured(draw(asked)).attenuation == expected


def test_the_solid_part_of_a_part_solid_nodule():
    found = measured(draw(NodulePhantom(diameter_mm=16, nodule_hu=-600, solid_core_mm=7)))
    assert found.solid_mean_diameter_mm == pytest.approx(7, abs=0.7)
    assert found.solid_volume_mm3 == pytest.approx(math.pi / 6 * 7**3, rel=0.15)
    assert found.volume_mm3.value == pytest.approx(math.pi / 6 * 16**3, rel=0.10)


@pytest.mark.parametrize("core_mm", [5.0, 7.0])
def test_the_volume_of_a_part_solid_nodule_holds_its_halo(core_mm: float):
    found = measured(draw(NodulePhantom(diameter_mm=12, nodule_hu=-600, solid_core_mm=core_mm)))
    assert found.volume_mm3.value == pytest.approx(math.pi / 6 * 12**3, rel=0.06)


def test_mass_is_volume_times_density():
    found = measured(draw(NodulePhantom(diameter_mm=10, nodule_hu=-600, noise_hu=10)))
    assert found.mean_hu == pytest.approx(-600, abs=15)
    assert found.mass_mg == pytest.approx(math.pi / 6 * 10**3 * 0.4, rel=0.06)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (NodulePhantom(diameter_mm=8), ()),
        (NodulePhantom(diameter_mm=8, vessels=2, seed=3), ("vessel",)),
        (NodulePhantom(diameter_mm=9, wall=True, seed=2), ("pleura",)),
    ],
)
def test_what_the_nodule_is_attached_to(asked: NodulePhantom, expected: str):
    assert measured(draw(asked)).attached_to == expected


def test_a_turned_patient_measures_alike():
    drawn = draw(NodulePhantom(diameter_mm=9, irregularity=0.15))
    volume = drawn.volume
    flipped = type(volume)(
        np.ascontiguousarray(volume.array_hu[::-1, :, ::-1]),
        volume.spacing_zyx_mm,
        tuple(volume.lps_from_index([volume.shape_zyx[0] - 1, 0, volume.shape_zyx[2] - 1])),
        volume.direction @ np.diag([-1.0, 1.0, -1.0]),
    )
    first, second = measure(volume, drawn.centre_lps_mm), measure(flipped, drawn.centre_lps_mm)
    assert second.volume_mm3.value == pytest.approx(first.volume_mm3.value, rel=0.01)
    assert second.centre_lps_mm == pytest.approx(first.centre_lps_mm, abs=0.1)
