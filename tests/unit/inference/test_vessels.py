"""A vessel is told by its course outside the nodule, not by how far it makes a ray go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.star import ray_directions
from inference.vessels import vessel_rays

ALONG_MM = np.arange(0.25, 13.0, 0.25)
RADIUS_MM = 4.0
LUNG_HU, TISSUE_HU = -860.0, 40.0


def scene(tube_at_mm: float | None, *, plane: bool = False) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Attenuation along the rays of a ball with a tube of 1.2 mm radius along x at a distance in y; where they end."""
    points = ray_directions()[:, None] * ALONG_MM[:, None]
    inside = np.linalg.norm(points, axis=-1) < RADIUS_MM
    if tube_at_mm is not None:
        inside |= np.hypot(points[..., 0], points[..., 1] - tube_at_mm) < 1.2
    if plane:
        inside |= points[..., 1] > 3
    hu = np.where(inside, TISSUE_HU, LUNG_HU).astype(np.float32)
    dark = ~inside
    ends = np.where(dark.any(axis=1), ALONG_MM[dark.argmax(axis=1)], ALONG_MM[-1])
    return hu, ends


def found(tube_at_mm: float | None, *, plane: bool = False) -> NDArray[np.bool_]:
    hu, ends = scene(tube_at_mm, plane=plane)
    return vessel_rays(hu, ALONG_MM, np.full(len(hu), RADIUS_MM), ends, -550.0)


def test_a_ball_alone_has_none():
    assert not found(None).any()


def test_a_vessel_through_the_middle_leaves_at_both_ends():
    along_x = ray_directions()[:, 2]
    marked = found(0.0)
    assert marked[np.abs(along_x) > 0.97].mean() > 0.6  # the others go on to the end: nobody takes that for a border
    assert not marked[np.abs(along_x) < 0.6].any()


def test_a_vessel_along_the_side_is_marked_where_it_bulges():
    towards_it = ray_directions()[:, 1]
    marked = found(3.6)
    assert marked[towards_it > 0.98].all()  # there it goes only 0.8 mm beyond the ball
    assert not marked[towards_it < 0].any()


def test_a_vessel_that_passes_by_is_left_alone():
    assert not found(6.5).any()


def test_a_wall_is_no_vessel():
    assert not found(None, plane=True).any()
