"""Laws of the parts a simulated chest is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.simulate.anatomy import LOBES, Anatomy, Lobe
from inference.simulate.grid import Grid, interpolate
from inference.simulate.motion import Motion
from inference.simulate.nodules import (
    Attenuation,
    NodulePlan,
    Placement,
    Surface,
    pleural_scale,
    share_inside,
    sphere_mm3,
)
from inference.simulate.shapes import lungs_at_rest
from inference.simulate.trees import MURRAY_EXPONENT, curved, grow
from inference.simulate.tubes import Tubes, fill, near_mm

offsets = st.floats(-0.5, 0.5)


def block(half_mm: float, spacing_zyx_mm: tuple[float, float, float]) -> Grid:
    z, y, x = (2 * int(np.ceil(half_mm / step)) + 1 for step in spacing_zyx_mm)
    return Grid.centred((z, y, x), spacing_zyx_mm)


@given(a=offsets, b=offsets, c=offsets)
def test_interpolation_keeps_linear_fields(a: float, b: float, c: float) -> None:
    target = Grid((7, 9, 8), (1.1, 0.7, 0.6), (-3.0 + a, 2.0 + b, 5.0 + c))
    nodes = target.coarse(3.0)
    z, y, x = (nodes.axis_mm(axis) for axis in range(3))
    values = (2 * z[:, None, None] - y[:, None] + 0.5 * x).astype(np.float32)
    z, y, x = (target.axis_mm(axis) for axis in range(3))
    assert np.allclose(interpolate(values, nodes, target), 2 * z[:, None, None] - y[:, None] + 0.5 * x, atol=1e-4)


def test_planes_cut_along_z_fill_the_same_space() -> None:
    grid = Grid.centred((5, 2, 2), (2.0, 1.0, 1.0))
    fine = grid.divided_along_z(2)
    assert np.allclose(fine.axis_mm(0).reshape(5, 2).mean(axis=1), grid.axis_mm(0))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 50),
    diameter_mm=st.floats(4, 14),
    offset=st.tuples(offsets, offsets, offsets),
    spacing=st.sampled_from([(1.0, 0.7, 0.7), (2.5, 0.6, 0.6), (0.63, 0.85, 0.85)]),
)
def test_a_drawn_nodule_has_its_stated_volume(
    seed: int, diameter_mm: float, offset: tuple[float, float, float], spacing: tuple[float, float, float]
) -> None:
    surface = Surface.drawn(np.random.default_rng(seed))
    grid = block(0.75 * diameter_mm + 1, spacing)
    share = share_inside(surface, sphere_mm3(diameter_mm), np.array(offset), grid)
    assert share.sum() * np.prod(spacing) == pytest.approx(sphere_mm3(diameter_mm), rel=0.004)


def test_a_drawn_nodule_is_uneven_but_no_star() -> None:
    surface = Surface.drawn(np.random.default_rng(3))
    directions = np.random.default_rng(4).standard_normal((500, 3))
    radius = surface.radius(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    assert 0.01 < np.std(np.log(radius)) < 0.09


def test_the_part_of_a_pleural_nodule_in_the_lung_has_the_stated_volume() -> None:
    # A flat wall at x = 0, lung at x < 0; a ball whose centre lies 2.5 mm deep: the cap beyond the wall is known.
    nodes = Grid.centred((20, 20, 20), (3.0, 3.0, 3.0))
    lung_mm = np.broadcast_to(nodes.axis_mm(2).astype(np.float32), nodes.shape_zyx)
    ball = Surface(np.zeros((1, 3)), np.full(1, np.pi / 2), float(np.log((3 / (4 * np.pi)) ** (1 / 3))))
    whole_mm3 = pleural_scale(ball, 200.0, np.array([-2.5, 0.0, 0.0]), np.ascontiguousarray(lung_mm), nodes)
    radius = (3 * whole_mm3 / (4 * np.pi)) ** (1 / 3)
    cap = radius - 2.5
    assert whole_mm3 - np.pi * cap**2 * (3 * radius - cap) / 3 == pytest.approx(200.0, rel=0.003)


@pytest.mark.parametrize("radius_mm", [0.2, 0.5, 1.5, 4.0])
def test_a_tube_keeps_its_cross_section(radius_mm: float) -> None:
    grid = Grid.centred((20, 40, 40), (1.0, 0.7, 0.7))
    path = np.array([[0.2, 0.1, -30.0], [0.2, 0.1, 30.0]])
    covered = np.zeros(grid.shape_zyx, np.float32)
    fill(Tubes.along(path, np.full(2, radius_mm)), grid, covered)
    area_mm2 = float(covered.sum(axis=(1, 2)).mean()) * 0.49
    assert area_mm2 == pytest.approx(np.pi * radius_mm**2, rel=0.06)


def test_a_flattened_tube_is_higher_than_thick() -> None:
    grid = Grid.centred((41, 41, 3), (0.5, 0.5, 0.5))
    covered = np.zeros(grid.shape_zyx, np.float32)
    path = np.array([[-9.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    fill(Tubes.along(path, np.full(2, 3.0), 1.6), grid, covered)
    middle = covered[:, :, 1]
    assert middle[:, 20].sum() / middle[20].sum() == pytest.approx(1.6, rel=0.05)


def test_distance_to_a_tube_is_exact_and_ends_at_its_reach() -> None:
    grid = Grid.centred((21, 21, 21), (1.0, 1.0, 1.0))
    distance = near_mm(Tubes.along(np.array([[0.0, 0, -30], [0, 0, 30]]), np.full(2, 2.0)), grid, 5.0)
    expected = np.minimum(np.hypot(grid.axis_mm(1)[:, None], grid.axis_mm(2)) - 2, 5)
    assert np.allclose(distance, expected, atol=1e-5)


def test_a_tree_reaches_all_tissue_and_tapers_by_murray() -> None:
    rng = np.random.default_rng(5)
    lobes = [rng.uniform((20, 0, 0), (80, 60, 60), (80, 3)), rng.uniform((20, 0, -70), (80, 60, -10), (70, 3))]
    tree = grow((0.0, 30.0, 0.0), lobes, rng, widest_mm=100.0)
    assert np.all(tree.parents[1:] < np.arange(1, len(tree.parents)))
    ends = tree.nodes_lps_mm[tree.children == 0]
    assert sorted(map(tuple, ends)) == sorted(map(tuple, np.concatenate(lobes)))
    inner = tree.children > 0
    powers = np.zeros(len(tree.radii_mm))
    np.add.at(powers, tree.parents[1:], tree.radii_mm[1:] ** MURRAY_EXPONENT)
    assert np.allclose(powers[inner], tree.radii_mm[inner] ** MURRAY_EXPONENT)


def test_curved_branches_hang_together() -> None:
    rng = np.random.default_rng(6)
    tubes = curved(grow((0.0, 0.0, 0.0), [rng.uniform(10, 50, (40, 3))], rng, widest_mm=5.0))
    ends = {tuple(np.round(end, 6)) for end in tubes.ends_lps_mm} | {(0.0, 0.0, 0.0)}
    assert all(tuple(np.round(start, 6)) in ends for start in tubes.starts_lps_mm)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0, 2.5))
def test_motion_can_be_undone(seed: int, scale: float) -> None:
    motion = Motion.drawn(np.random.default_rng(seed), scale=scale)
    points = np.random.default_rng(1).uniform(-140, 140, (40, 3))
    assert np.allclose(motion.tissue_from_scan(motion.scan_from_tissue(points)), points, atol=1e-4)
    assert np.allclose(motion.body_from_scan(motion.scan_from_body(points)), points, atol=1e-9)


def test_no_motion_leaves_all_in_place() -> None:
    points = np.random.default_rng(1).uniform(-140, 140, (40, 3))
    still, none = Motion.drawn(np.random.default_rng(9), scale=0.0), Motion.none()
    assert np.allclose(still.scan_from_tissue(points), none.scan_from_tissue(points), atol=1e-6)


def test_the_diaphragm_moves_and_the_apex_hardly() -> None:
    motion = Motion.drawn(np.random.default_rng(2))
    apex, base = np.array([[40.0, 10, 120], [60.0, 0, -90]])
    slide = np.abs(motion.tissue_from_scan([apex, base]) - motion.body_from_scan([apex, base]))[:, 2]
    assert slide[1] > 4
    assert slide[0] < 0.5 * slide[1]


def test_motion_that_might_fold_is_refused() -> None:
    with pytest.raises(ValueError, match="motion scale"):
        Motion.drawn(np.random.default_rng(0), scale=3.0)


@pytest.mark.parametrize("seed", range(4))
def test_lungs_have_an_adults_size_and_five_lobes(seed: int) -> None:
    anatomy = Anatomy.drawn(np.random.default_rng(seed))
    lung_mm, nodes = lungs_at_rest(anatomy, 5.0)
    inside = lung_mm < 0
    points = nodes.points_lps_mm()[inside]
    litres = len(points) * 125e-6
    assert 3.5 < litres < 6.5
    share = np.bincount(anatomy.lobe_index(points), minlength=5) / len(points)
    assert share.min() > 0.05
    assert share[LOBES.index(Lobe.RIGHT_MIDDLE)] == share.min()
    right = np.mean(points[:, 0] < 0)
    assert 0.47 < right < 0.6


@pytest.mark.parametrize(
    ("volumes", "match"),
    [
        ((-1.0, 5.0, 0.0, 0.0), "negative"),
        ((0.0, 0.0, 0.0, 0.0), "neither"),
        ((10.0, 10.0, 11.0, 0.0), "more solid"),
    ],
)
def test_an_impossible_nodule_cannot_be_ordered(volumes: tuple[float, float, float, float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        NodulePlan("X", Lobe.LEFT_UPPER, Attenuation.PART_SOLID, Placement.ISOLATED, *volumes)
