"""Nodules that tempt a border to go wrong: hollow ones, large ones, on fat, beside metal, at any place of the grid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inference.errors import NotMeasured
from inference.measure import NoduleMeasurement, measure
from registration.volume import Volume
from tests.phantoms import DrawnNodule, NodulePhantom, draw, repeat


def measured(drawn: DrawnNodule, shift_mm: tuple[float, float, float] = (0, 0, 0)) -> NoduleMeasurement:
    return measure(drawn.volume, drawn.centre_lps_mm + np.asarray(shift_mm))


@pytest.mark.parametrize(
    "shift_mm", [(0, 0, 0), (-7, 0, 0), (0, 0, 6.5)], ids=["in the air", "in the wall", "in the wall, another slice"]
)
def test_a_cavity_belongs_to_its_nodule_wherever_the_point_lies(shift_mm: tuple[float, float, float]):
    drawn = draw(NodulePhantom(diameter_mm=16, solid_core_mm=9, core_hu=-950, side_mm=50))
    found = measured(drawn, shift_mm)
    assert found.volume_mm3.value == pytest.approx(drawn.volume_mm3, rel=0.04)
    assert found.attenuation == "solid"
    air_mm3 = math.pi / 6 * 9**3
    assert found.mass_mg == pytest.approx((drawn.volume_mm3 - air_mm3) * 1.03, rel=0.12)  # air weighs nothing


@pytest.mark.parametrize(
    ("diameter_mm", "cavity_mm", "within"), [(8.0, 3.5, 0.06), (7.0, 4.0, 0.15), (6.0, 3.5, 0.2), (6.0, 2.5, 0.2)]
)
def test_a_small_cavity_is_never_silently_a_hole(diameter_mm: float, cavity_mm: float, within: float):
    """Walls of 1 to 2 mm are darkened by blur, and so is the cavity brightened: neither looks like itself."""
    asked = NodulePhantom(
        diameter_mm=diameter_mm, solid_core_mm=cavity_mm, core_hu=-950, core_off_mm=0.5, irregularity=0.12, seed=5
    )
    drawn = draw(asked)
    for shift_mm in ((0, 0, 0), (2, 0, 0), (0, -2, 0)):
        assert measured(drawn, shift_mm).volume_mm3.value == pytest.approx(drawn.volume_mm3, rel=within)


@pytest.mark.parametrize(("diameter_mm", "cavity_mm", "seed"), [(6.0, 4.5, 39), (6.0, 4.5, 5), (10.0, 8.5, 39)])
def test_a_cavity_with_a_thin_wall_is_right_or_refused(diameter_mm: float, cavity_mm: float, seed: int):
    """From the wall of one a third of the volume was given, in silence."""
    asked = NodulePhantom(
        diameter_mm=diameter_mm, solid_core_mm=cavity_mm, core_hu=-950, core_off_mm=0.5, irregularity=0.12, seed=seed
    )
    drawn = draw(asked)
    wall_mm = (diameter_mm + cavity_mm) / 4
    shifts_mm = [(0, 0, 0), *(sign * wall_mm * np.eye(3)[axis] for axis in range(3) for sign in (1, -1))]
    refused = set()
    for shift_mm in shifts_mm:
        try:
            found = measured(drawn, tuple(shift_mm))
        except NotMeasured as no:
            refused.add(no.code)
        else:
            assert found.volume_mm3.value == pytest.approx(drawn.volume_mm3, rel=0.2)
    assert "cavity_wall_too_thin" in refused


@pytest.mark.parametrize("diameter_mm", [24.0, 34.0])
def test_a_nodule_that_fills_all_that_is_near_is_measured(diameter_mm: float):
    drawn = draw(NodulePhantom(diameter_mm=diameter_mm, side_mm=diameter_mm + 34))
    assert measured(drawn).volume_mm3.value == pytest.approx(drawn.volume_mm3, rel=0.03)


@pytest.mark.parametrize("fat_mm", [3.0, 6.0])
def test_fat_on_the_wall_is_no_part_of_the_nodule(fat_mm: float):
    asked = NodulePhantom(diameter_mm=11, wall=True, fat_mm=fat_mm, side_mm=44)
    errors = [math.log(measured(drawn).volume_mm3.value / drawn.volume_mm3) for drawn in repeat(asked, 5)]
    assert abs(np.median(errors)) < 0.08
    assert max(np.abs(errors)) < 0.20


@pytest.mark.parametrize("slice_mm", [1.0, 2.5])
def test_centres_lie_neither_half_a_voxel_nor_less_to_one_side(slice_mm: float):
    asked = NodulePhantom(diameter_mm=9, spacing_zyx_mm=(slice_mm, 0.7, 0.7), slice_thickness_mm=slice_mm, side_mm=32)
    off = [np.asarray(measured(drawn).centre_lps_mm) - drawn.centre_lps_mm for drawn in repeat(asked, 10)]
    assert np.abs(np.mean(off, axis=0)).max() < 0.06
    assert np.linalg.norm(off, axis=1).max() < 0.3


def test_metal_beside_a_nodule_changes_little():
    drawn = draw(NodulePhantom(diameter_mm=9))
    hu = drawn.volume.array_hu.copy()
    z, y, x = np.round(drawn.volume.index_from_lps(drawn.centre_lps_mm)).astype(int)
    hu[z - 1 : z + 2, y + 13 : y + 16, x - 1 : x + 2] = 3071  # a clip, 9 mm away, and the streak it throws
    hu[z, y + 13, x + 2 :] = -400
    beside = Volume(hu, drawn.volume.spacing_zyx_mm, drawn.volume.origin_lps_mm, drawn.volume.direction)
    found = measure(beside, drawn.centre_lps_mm)
    assert found.volume_mm3.value == pytest.approx(drawn.volume_mm3, rel=0.03)


def test_a_wire_through_the_lung_says_that_its_surface_is_not_all_border():
    hu = np.full((30, 48, 48), -860, np.int16)
    hu[14:16, 20:23, :] = 3071
    wire = Volume(hu, (1.0, 0.7, 0.7), (0.0, 0.0, 0.0), np.eye(3))
    assert measure(wire, wire.lps_from_index([15, 21, 20])).joined_share > 0.1


@pytest.mark.parametrize(
    "asked",
    [
        NodulePhantom(diameter_mm=9, wall=True, vessels=1),
        NodulePhantom(diameter_mm=10, vessels=2, irregularity=0.12),
        NodulePhantom(diameter_mm=10, nodule_hu=-600),
        NodulePhantom(diameter_mm=14, nodule_hu=-600, solid_core_mm=6),
        NodulePhantom(diameter_mm=8, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5),
    ],
    ids=["wall and vessel", "vessels", "ground glass", "part solid", "thick slices"],
)
def test_a_point_moved_by_two_millimetres_finds_the_same_nodule(asked: NodulePhantom):
    drawn = draw(asked)
    middle = measured(drawn).volume_mm3.value
    moves = 2 * np.vstack([np.eye(3), -np.eye(3)])
    changes = [abs(measured(drawn, tuple(move)).volume_mm3.value / middle - 1) for move in moves]
    assert np.median(changes) < 0.03
    assert max(changes) < 0.10
