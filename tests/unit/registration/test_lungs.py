"""The lungs of drawn chests: volume, sides, what belongs to them and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from registration.errors import NoLungsFound
from registration.lungs import LEFT, RIGHT, Lungs, segment_lungs
from registration.volume import Volume
from tests.unit.registration.chest import ORIGIN_LPS_MM, SHAPE_ZYX, SPACING_ZYX_MM, axes_mm, mirrored_axis

RIGHT_ML = 4 / 3 * np.pi * 46 * 62 * 88 / 1000
LEFT_ML = 4 / 3 * np.pi * 42 * 60 * 84 / 1000
MIDDLE_LPS = np.add(ORIGIN_LPS_MM, [135.0, 95.0, 106.8])  # where the drawing has its zero


@pytest.fixture(scope="module")
def lungs(still_chest: Volume) -> Lungs:
    return segment_lungs(still_chest)


def middle_plus(offsets_mm: list[float] | list[list[float]]) -> np.ndarray:
    """Patient points at offsets x, y, z from the middle of the drawing."""
    return np.add(MIDDLE_LPS, offsets_mm)


def painted(chest: Volume, where: np.ndarray, value_hu: int) -> Volume:
    array = chest.array_hu.copy()
    array[np.broadcast_to(where, array.shape)] = value_hu
    return replace(chest, array_hu=array)


def test_both_lungs_have_their_volume(lungs: Lungs) -> None:
    assert lungs.right_ml == pytest.approx(RIGHT_ML, rel=0.05)
    assert lungs.left_ml == pytest.approx(LEFT_ML, rel=0.05)
    assert -870 < lungs.mean_hu < -750
    assert not lungs.cut_above
    assert not lungs.cut_below


def test_right_is_right_and_the_trachea_is_no_lung(lungs: Lungs) -> None:
    points = middle_plus([[-58, 0, 0], [60, 0, 0], [0, 5, 60], [0, 66, 0]])
    assert lungs.side_of(points).tolist() == [RIGHT, LEFT, 0, 0]
    assert lungs.contains(points[0])
    assert not lungs.contains(points[3])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_stored_the_other_way_round_it_is_the_same(still_chest: Volume, lungs: Lungs, axis: int) -> None:
    other = segment_lungs(mirrored_axis(still_chest, axis))
    assert other.right_ml == pytest.approx(lungs.right_ml, rel=0.01)
    assert other.left_ml == pytest.approx(lungs.left_ml, rel=0.01)


def test_a_nodule_on_the_pleura_stays_inside(still_chest: Volume) -> None:
    z, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    ball = (z - 4) ** 2 + y**2 + (x + 99) ** 2 < 6**2  # half in the wall of the right lung
    lungs = segment_lungs(painted(still_chest, ball, 40))
    assert lungs.contains(middle_plus([-96, 0, 4]))


def test_a_large_nodule_in_the_middle_stays_inside(still_chest: Volume) -> None:
    z, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    lungs = segment_lungs(painted(still_chest, z**2 + y**2 + (x + 58) ** 2 < 15**2, 40))
    assert lungs.contains(middle_plus([-58, 0, 0]))


def test_padding_around_a_round_field_of_view_is_no_lung(still_chest: Volume, lungs: Lungs) -> None:
    _, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    padded = segment_lungs(painted(still_chest, x**2 + y**2 > 128**2, -2048))
    assert padded.total_ml == pytest.approx(lungs.total_ml, rel=0.01)


def test_a_field_of_view_that_cuts_a_lung_keeps_the_rest(still_chest: Volume) -> None:
    _, _, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    cut = segment_lungs(painted(still_chest, x < -97, -2048))
    assert 0.85 * RIGHT_ML < cut.right_ml < RIGHT_ML
    assert cut.left_ml == pytest.approx(LEFT_ML, rel=0.05)


def test_a_table_of_foam_is_no_lung(still_chest: Volume, lungs: Lungs) -> None:
    _, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    shell = painted(still_chest, (np.abs(x) < 110) & (y > 87), 0)
    foam = painted(shell, (np.abs(x) < 106) & (y > 89) & (y < 93), -940)
    assert segment_lungs(foam).total_ml == pytest.approx(lungs.total_ml, rel=0.02)


def test_gas_in_the_bowel_is_no_lung(still_chest: Volume) -> None:
    lower = still_chest.crop((0, 0, 0), (50, 999, 999))
    below = np.full((40, *SHAPE_ZYX[1:]), -1000, np.int16)
    _, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    below[:, ((x / 125) ** 2 + (y / 85) ** 2 < 1)[0]] = 40
    below[5:35, ((x - 60) ** 2 + y**2 < 35**2)[0]] = -1000
    x0, y0, z0 = lower.origin_lps_mm
    volume = Volume(
        np.concatenate([below, lower.array_hu]), SPACING_ZYX_MM, (x0, y0, z0 - 40 * SPACING_ZYX_MM[0]), np.eye(3)
    )
    lungs = segment_lungs(volume)
    assert not lungs.contains(middle_plus([60, 0, -106 - 48]))
    assert lungs.cut_above
    assert not lungs.cut_below


def test_one_lung_alone_keeps_its_side(still_chest: Volume) -> None:
    _, _, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    array = still_chest.array_hu.copy()
    array[np.broadcast_to(x < -5, array.shape) & (array < 40) & (array > -990)] = 40
    lungs = segment_lungs(replace(still_chest, array_hu=array))
    assert lungs.right_ml == 0
    assert lungs.left_ml == pytest.approx(LEFT_ML, rel=0.06)


def test_lungs_that_touch_are_parted(still_chest: Volume) -> None:
    z, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    bridge = (np.abs(x) < 22) & (np.abs(y + 30) < 3) & (np.abs(z) < 30)
    lungs = segment_lungs(painted(still_chest, bridge, -860))
    assert lungs.right_ml == pytest.approx(RIGHT_ML, rel=0.08)
    assert lungs.left_ml == pytest.approx(LEFT_ML, rel=0.08)


@pytest.mark.parametrize(("first", "last", "above", "below"), [(0, 60, True, False), (30, 90, False, True)])
def test_a_scan_that_ends_too_early_says_so(
    still_chest: Volume, first: int, last: int, above: bool, below: bool
) -> None:
    lungs = segment_lungs(still_chest.crop((first, 0, 0), (last, 999, 999)))
    assert (lungs.cut_above, lungs.cut_below) == (above, below)


def test_distance_grows_from_the_surface(lungs: Lungs) -> None:
    inside, near, far = lungs.distance_mm(middle_plus([[-58, 0, 4], [-99, 0, 4], [-124, 0, 4]]))
    assert inside == pytest.approx(-46, abs=4)
    assert abs(near) < 8
    assert far == pytest.approx(20, abs=4)
    assert lungs.distance_mm(middle_plus([-58, 0, 4])) == pytest.approx(inside)


def test_it_comes_back_from_its_file(lungs: Lungs, tmp_path: Path) -> None:
    lungs.save(tmp_path / "lungs.npz")
    back = Lungs.load(tmp_path / "lungs.npz")
    assert np.array_equal(back.mask, lungs.mask)
    assert (back.right_ml, back.cut_above, back.origin_lps_mm) == (lungs.right_ml, lungs.cut_above, lungs.origin_lps_mm)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((40, 60, 60), np.int16), "same value"),
        (np.random.default_rng(0).integers(-1000, 400, (40, 60, 60)).astype(np.int16), "no enclosed air"),
        (np.random.default_rng(0).integers(-1000, 400, (2, 60, 60)).astype(np.int16), "thinner"),
    ],
)
def test_it_refuses_what_shows_no_lungs(array: np.ndarray, reason: str) -> None:
    with pytest.raises(NoLungsFound, match=reason) as refused:
        segment_lungs(Volume(array, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0), np.eye(3)))
    assert refused.value.code == "no_lungs_found"
    assert refused.value.as_remedy()


def test_it_refuses_the_bases_on_an_abdomen_scan(still_chest: Volume) -> None:
    with pytest.raises(NoLungsFound, match="ml of lung"):
        segment_lungs(still_chest.crop((0, 0, 0), (17, 999, 999)))
