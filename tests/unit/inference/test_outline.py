"""Borders as polygons on every slice, and the solid part within."""

from __future__ import annotations

import numpy as np
import pytest

from inference.outline import polygons_by_slice_px, solid_part
from registration.volume import Volume

START = (5, 20, 30)


def ball(radius_px: float, size: int = 21) -> np.ndarray:
    z, y, x = np.indices((size, size, size)) - size // 2
    return z * z + y * y + x * x <= radius_px**2


def area_px(polygon: list[tuple[float, float]]) -> float:
    x, y = np.asarray(polygon).T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def test_every_slice_of_a_ball_has_its_circle_in_place() -> None:
    drawn = polygons_by_slice_px(ball(7.0), START)
    assert sorted(drawn) == list(range(5 + 3, 5 + 18))
    (middle,) = drawn[15]
    assert np.asarray(middle).mean(axis=0) == pytest.approx((40, 30), abs=0.2)
    assert area_px(middle) == pytest.approx(np.pi * 49, rel=0.05)
    assert middle[0] == middle[-1]


def test_two_parts_on_a_slice_are_two_polygons() -> None:
    inside = np.zeros((1, 12, 30), bool)
    inside[0, 3:9, 3:9] = inside[0, 3:9, 18:24] = True
    assert len(polygons_by_slice_px(inside, (0, 0, 0))[0]) == 2


def test_the_solid_part_is_the_dense_core_and_not_the_haze() -> None:
    hu = np.full((31, 60, 60), -850, np.int16)
    block = hu[5:26, 20:41, 30:51]
    block[ball(8.0)] = -600
    block[ball(4.0)] = 30
    volume = Volume(hu, (1.0, 0.7, 0.7), (0.0, 0.0, 0.0), np.eye(3))
    solid = solid_part(volume, ball(8.0), START)
    assert solid.sum() == pytest.approx(ball(4.0).sum(), rel=0.15)
    assert not solid_part(volume, ball(8.0) & ~ball(6.0), START).any()
