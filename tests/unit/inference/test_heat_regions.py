"""Borders of a heat map on a slice: round where the heat lies, in pixels of the slice, and none where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from inference.attribution import HeatMap
from inference.heat_regions import region_of
from inference.patch_grid import PatchGrid
from registration.volume import Volume

SIDE, STEP_MM = 40, 0.8
MIDDLE = (12.0, -8.0, 30.0)


def scan(direction: np.ndarray | None = None) -> Volume:
    turned = np.eye(3) if direction is None else direction
    array = np.full((40, 60, 60), -800, np.int16)
    plain = Volume(array, (1.5, 0.7, 0.7), (0.0, 0.0, 0.0), turned)
    x, y, z = (float(v) for v in np.asarray(plain.lps_from_index(np.array([20.0, 30.0, 30.0]))))
    return Volume(array, (1.5, 0.7, 0.7), (MIDDLE[0] - x, MIDDLE[1] - y, MIDDLE[2] - z), turned)


def ball_of_heat(volume: Volume, at_lps_mm: tuple[float, float, float], most: float = 1.0) -> HeatMap:
    grid = PatchGrid.about(volume, MIDDLE, side=SIDE, step_mm=STEP_MM)
    points = grid.lps_from_index(np.moveaxis(np.indices((SIDE, SIDE, SIDE)), 0, -1))
    away_mm = np.linalg.norm(points - np.array(at_lps_mm), axis=-1)
    heat = (most * np.exp(-0.5 * (away_mm / 3.0) ** 2)).astype(np.float32)
    return HeatMap(heat, grid, "spiculation", 0.8, "phenotype-1", "0" * 64)


@pytest.mark.parametrize(
    ("shift_mm", "towards"),
    [((5.0, 0, 0), "left"), ((-5.0, 0, 0), "right"), ((0, 5.0, 0), "back"), ((0, -5.0, 0), "front")],
)
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_the_border_lies_about_the_heat_and_says_which_way(
    shift_mm: tuple[float, float, float], towards: str, flip: float
) -> None:
    volume = scan(np.diag([flip, flip, 1.0]))  # supine or prone: the same place in the patient
    at = (MIDDLE[0] + shift_mm[0], MIDDLE[1] + shift_mm[1], MIDDLE[2])
    region = region_of(ball_of_heat(volume, at), volume, MIDDLE, 20)
    assert region is not None
    assert region.towards == towards
    assert region.offset_mm == pytest.approx(5.0, abs=0.8)
    _, row, column = (float(v) for v in np.asarray(volume.index_from_lps(at)))
    (outer,), (inner,) = region.outer_px, region.inner_px
    for border, level in ((outer, 0.4), (inner, 0.75)):
        x, y = np.array(border).T
        assert (x.mean(), y.mean()) == pytest.approx((column, row), abs=0.7)
        radius_mm = 3.0 * np.sqrt(-2 * np.log(level))
        assert 0.7 * np.hypot(x - column, y - row).mean() == pytest.approx(radius_mm, abs=0.5)


def test_there_is_no_region_where_nothing_matters_or_the_slice_lies_beyond() -> None:
    volume = scan()
    assert region_of(ball_of_heat(volume, MIDDLE, most=0.01), volume, MIDDLE, 20) is None
    assert region_of(ball_of_heat(volume, MIDDLE), volume, MIDDLE, 0) is None
