"""The surface that honest rays agree on, and how it goes on where they are hidden or lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.neighbourhood import Neighbourhood
from inference.star import RAYS, Star, first_crossing_mm, fit_log_radius, ray_directions

RADIUS_MM = 5.0
ALL = np.ones(RAYS)


def radii_mm(ends: np.ndarray, trust: np.ndarray = ALL, at_least: np.ndarray | None = None) -> np.ndarray:
    return Star(np.zeros(3), fit_log_radius(ends, trust, at_least)).ray_radii_mm()


def cap(cosine: float) -> np.ndarray:
    """Rays that point upward within an angle."""
    return np.asarray(ray_directions()[:, 0] > cosine)


def test_a_ball_is_a_ball():
    assert radii_mm(RADIUS_MM * ALL) == pytest.approx(RADIUS_MM, rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.6, 0.95), st.floats(1.2, 4.0))
def test_rays_that_ran_away_move_nothing(cosine: float, times: float):
    ends = np.where(cap(cosine), times * RADIUS_MM, RADIUS_MM)
    assert radii_mm(ends)[~cap(cosine - 0.3)] == pytest.approx(RADIUS_MM, rel=0.05)


@pytest.mark.parametrize("cosine", [0.5, 0.7, 0.9])
def test_a_hidden_cap_goes_on_as_the_rest_does(cosine: float):
    base = cap(cosine)
    to_wall = RADIUS_MM * cosine / np.maximum(ray_directions()[:, 0], cosine)  # a plane that cuts the cap off
    found = radii_mm(np.where(base, to_wall, RADIUS_MM), np.where(base, 0.3, 1.0), base)
    assert found[base] == pytest.approx(RADIUS_MM, rel=0.03)
    seen_as_border = radii_mm(np.where(base, to_wall, RADIUS_MM))
    assert seen_as_border[base].mean() < found[base].mean()


def test_a_wall_behind_the_border_cannot_be_reached_by_all_means():
    base = cap(0.8)
    found = radii_mm(np.where(base, 2 * RADIUS_MM, RADIUS_MM), np.where(base, 0.3, 1.0), base)
    assert found[base].max() < 1.3 * RADIUS_MM


def test_a_crossing_lies_between_samples():
    along = np.arange(0.25, 5, 0.25)
    hu = np.where(along < 3.1, 40.0, -860.0).astype(np.float32)[None]
    ends, crosses = first_crossing_mm(along, hu, -410.0)
    assert crosses.all()
    assert ends[0] == pytest.approx(3.125, abs=0.01)


def block(hu: np.ndarray) -> Neighbourhood:
    ends = np.array([[-99.0] * 3, [99.0] * 3])
    return Neighbourhood(hu.astype(np.float32), (0, 0, 0), np.ones(3), np.full(3, 12.0), ends)


def ball(radius_mm: float) -> np.ndarray:
    z, y, x = np.ogrid[-12:13, -12:13, -12:13]
    return np.asarray(np.sqrt(z * z + y * y + x * x) < radius_mm)


def test_enclosed_air_becomes_tissue_and_open_air_stays():
    shell = block(np.where(ball(9) & ~ball(5), 40.0, -900.0))
    sealed = shell.sealed().hu
    assert sealed[12, 12, 12] > 0
    assert sealed[0, 0, 0] == -900
    opened = np.where(ball(9) & ~ball(5), 40.0, -900.0)
    opened[:, 10:15, 10:15] = -900.0
    assert block(opened).sealed().hu[12, 12, 12] == -900


def test_a_block_without_holes_stays_as_it_is():
    solid = block(np.where(ball(8), 40.0, -900.0))
    assert np.array_equal(solid.sealed().hu, solid.hu)
