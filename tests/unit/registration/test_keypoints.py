"""Keypoints, the discrete search and the fine search, on small random blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from registration.grid import Grid
from registration.keypoints import Keypoints, find_keypoints, thinned
from registration.refine import moved
from registration.search import choose_shifts, shift_costs

SPACING = np.array([1.5, 1.5, 1.5])
SHAPE = (40, 44, 48)


def grid_of(image: np.ndarray, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Grid:
    return Grid(np.ascontiguousarray(np.rint(image), dtype=np.int16), SPACING, np.array(origin))


def blobs(shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    return -700 + 150 * noise / noise.std()


EVERYWHERE = grid_of(np.ones(SHAPE))


def test_keypoints_lie_one_in_each_cell_inside_the_mask() -> None:
    mask = np.zeros(SHAPE)
    mask[:, :, 24:] = 1
    found = find_keypoints(grid_of(blobs()), grid_of(mask), cell_mm=9.0)
    assert 100 < len(found.scores) <= 6 * 7 * 4
    assert (found.points_mm[:, 2] >= 24 * 1.5).all()
    cells = {tuple(cell) for cell in (found.points_mm // 9.0).astype(int)}
    assert len(cells) == len(found.scores)


def test_flat_places_and_edges_hold_no_keypoint() -> None:
    edge = np.full(SHAPE, -900.0)
    edge[20:] = -300.0
    assert not len(find_keypoints(grid_of(edge), EVERYWHERE).scores)
    assert not len(find_keypoints(grid_of(np.full(SHAPE, -900.0)), EVERYWHERE).scores)


def test_a_corner_scores_where_it_is() -> None:
    image = np.full(SHAPE, -900.0)
    image[20:26, 20:26, 20:26] = -200.0
    found = find_keypoints(grid_of(image), EVERYWHERE, cell_mm=60.0)
    (best,) = found.points_mm[np.argsort(-found.scores)[:1]]
    assert np.abs(best / 1.5 - 22.5).max() < 5


def test_thinning_keeps_the_best_of_each_larger_cell() -> None:
    points = np.array([[1.0, 1, 1], [2, 2, 2], [30, 1, 1], [31, 1, 1], [32, 1, 1]])
    scores = np.array([1.0, 5.0, 2.0, 9.0, 3.0])
    assert sorted(thinned(Keypoints(points, scores), 20.0).tolist()) == [1, 3]


@pytest.mark.parametrize("shift", [(3.0, -6.0, 1.5), (0.0, 0.0, 0.0), (-6.0, 6.0, 6.0)])
def test_the_search_finds_a_shift_of_several_steps(shift: tuple[float, float, float]) -> None:
    image = blobs()
    other = ndimage.shift(image, np.array(shift) / 1.5, order=1, mode="nearest")
    points = np.array([[30.0, 30, 30], [27, 36, 33], [33, 30, 39]])
    costs = shift_costs(grid_of(image), grid_of(other), points, points, np.ones(3), reach=5, step_mm=1.5)
    found, agreement = choose_shifts(costs, np.zeros_like(points), 0.0)
    assert found == pytest.approx(np.tile(shift, (3, 1)))
    assert (agreement > 0.85).all()


def test_a_strong_pull_overrules_the_picture() -> None:
    image = blobs()
    points = np.array([[30.0, 30, 30]])
    costs = shift_costs(grid_of(image), grid_of(image), points, points, np.ones(3), reach=4, step_mm=1.5)
    found, _ = choose_shifts(costs, np.full((1, 3), 3.0), 1.0)
    assert found == pytest.approx(np.full((1, 3), 3.0))


def test_flat_patches_agree_with_nothing() -> None:
    flat = grid_of(np.full(SHAPE, -850.0))
    points = np.array([[30.0, 30, 30]])
    costs = shift_costs(flat, grid_of(blobs()), points, points, np.ones(3), reach=2, step_mm=1.5)
    assert costs.values == pytest.approx(np.ones_like(costs.values), abs=0.01)


def refined(image: np.ndarray, other: np.ndarray, shift: np.ndarray, mask: Grid = EVERYWHERE):
    points = np.stack(np.meshgrid(*[np.arange(8, 32, 6) * 1.5] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    jacobians = np.repeat(np.eye(3)[None], len(points), axis=0)
    found = moved(
        grid_of(image), grid_of(other), mask, points, points.copy(), jacobians, sigma_mm=4.0, half_width_mm=5.0
    )
    return found, np.linalg.norm(found.points_mm - points - shift, axis=1)


def test_the_fine_search_finds_a_fraction_of_a_voxel() -> None:
    image = blobs()
    shift = np.array([0.6, -0.4, 0.9])
    found, off_mm = refined(image, ndimage.shift(image, shift / 1.5, order=3, mode="nearest"), shift)
    assert np.median(off_mm) < 0.075  # a twentieth of a voxel
    assert np.median(found.agreement) > 0.98


def test_a_darker_lung_with_less_contrast_is_still_the_same() -> None:
    image = blobs()
    shift = np.array([0.5, 0.5, -0.5])
    other = ndimage.shift(image, shift / 1.5, order=3, mode="nearest") * 0.8 - 160
    _, off_mm = refined(image, other, shift)
    assert np.median(off_mm) < 0.05


def test_nothing_moves_where_there_is_nothing_to_compare() -> None:
    flat = np.full(SHAPE, -850.0)
    found, off_mm = refined(flat, blobs(), np.zeros(3))
    assert (found.agreement == -1).all()
    assert (found.information == 0).all()
    assert (off_mm == 0).all()
    outside, _ = refined(blobs(), blobs(), np.zeros(3), grid_of(np.zeros(SHAPE)))
    assert (outside.agreement == -1).all()


def test_a_patch_beyond_the_mask_is_not_read() -> None:
    """Structure that slides along the lung must not pull: here everything outside the mask moves the other way."""
    image, shift = blobs(), np.array([0.0, 0.8, 0.0])
    inside = ndimage.shift(image, shift / 1.5, order=3, mode="nearest")
    against = ndimage.shift(image, -2 * shift / 1.5, order=3, mode="nearest")
    keep = np.zeros(SHAPE)
    keep[:, :, :20] = 1
    _, off_mm = refined(image, np.where(keep > 0, inside, against), shift, grid_of(keep))
    near_border = np.tile(np.repeat([False, False, True, False], 1), 16)  # points at x index 8, 14, 20, 26
    assert np.median(off_mm[~near_border].reshape(-1, 3)[:, :2]) < 0.1
