"""A vessel is told by its course outside the nodule, not by how far it makes a ray go."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.star import ray_directions
from inference.vessels import (
    HIDDEN,
    VESSEL_HU,
    Vessel,
    find_vessels,
    hidden_from,
    share_of_vessels,
    without_vessels,
)

ALONG_MM = np.arange(0.25, 13.0, 0.25)
RADIUS_MM = 4.0
TUBE_MM = 1.2
BLUR_MM = 0.8
LUNG_HU, TISSUE_HU = -860.0, 40.0


def scene(tube_at_mm: float | None, *, plane: bool = False) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Attenuation along the rays of a ball with a tube along x at a distance in y; where they end."""
    points = ray_directions()[:, None] * ALONG_MM[:, None]
    inside = np.linalg.norm(points, axis=-1) < RADIUS_MM
    if tube_at_mm is not None:
        inside |= np.hypot(points[..., 0], points[..., 1] - tube_at_mm) < TUBE_MM
    if plane:
        inside |= points[..., 1] > 3
    hu = np.where(inside, TISSUE_HU, LUNG_HU).astype(np.float32)
    dark = ~inside
    ends = np.where(dark.any(axis=1), ALONG_MM[dark.argmax(axis=1)], ALONG_MM[-1])
    return hu, ends


def found(tube_at_mm: float | None, *, plane: bool = False) -> list[Vessel]:
    hu, ends = scene(tube_at_mm, plane=plane)
    radii = np.full(len(hu), RADIUS_MM)
    return find_vessels(hu, ALONG_MM, radii, ends, level_hu=-550.0, lung_hu=LUNG_HU)


def test_a_ball_alone_has_none():
    assert found(None) == []


@pytest.mark.parametrize("tube_at_mm", [0.0, 2.0, 3.6])
def test_a_vessel_that_goes_through_is_seen_at_both_ends_with_its_course_and_width(tube_at_mm: float):
    first, second = found(tube_at_mm)
    assert first.inward == pytest.approx(-second.inward, abs=1e-6)
    assert abs(first.inward[2]) > 0.99
    assert first.radius_mm == pytest.approx(TUBE_MM, abs=0.25)
    assert first.seen_mm[:2] == pytest.approx([0, tube_at_mm], abs=0.3)


def test_a_vessel_along_the_side_fills_what_bulges():
    vessels = found(3.6)
    beyond_the_ball = np.array([[0.0, 4.4, 0.0]])  # the tube goes to 4.8, the ball to 4
    share, _ = share_of_vessels(beyond_the_ball, vessels, BLUR_MM)
    assert share[0] > 0.6
    across, _ = share_of_vessels(-beyond_the_ball, vessels, BLUR_MM)
    assert across[0] < 0.01


def test_what_a_vessel_adds_depends_on_how_it_meets_the_border():
    vessel = Vessel(np.array([0.0, 0.0, 6.0]), np.array([0.0, 0.0, -1.0]), 6.0, TUBE_MM)
    beside = np.array([[0.0, TUBE_MM, 4.0]])  # the border lies across the vessel
    along = np.array([[0.0, TUBE_MM, 0.0]])  # border and vessel face the same way
    share, added = share_of_vessels(np.vstack([beside, along]), [vessel], BLUR_MM)
    assert share == pytest.approx([0.5, 0.5])
    assert added[0] > 0.3
    assert added[1] == pytest.approx(0)


def test_taking_a_vessel_off_gives_back_the_nodule():
    nodule, vessel = np.array([0.9, 0.5, 0.2]), np.array([0.3, 0.3, 0.3])
    both = 1 - (1 - nodule) * (1 - vessel)
    hu = (LUNG_HU + both * (VESSEL_HU - LUNG_HU)).astype(np.float32)
    cleared = without_vessels(hu, vessel, LUNG_HU)
    assert (cleared - LUNG_HU) / (VESSEL_HU - LUNG_HU) == pytest.approx(nodule, abs=1e-4)


def test_a_faint_nodule_is_hidden_by_less_of_a_vessel():
    assert hidden_from(900.0, LUNG_HU) == HIDDEN
    assert hidden_from(250.0, LUNG_HU) < 0.25


def test_a_vessel_that_passes_by_is_left_alone():
    assert found(6.5) == []


def test_a_wall_is_no_vessel():
    assert found(None, plane=True) == []
