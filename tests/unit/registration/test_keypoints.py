"""Keypoints, the discrete search and the fine search, on small random blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from registration.grid import Grid, LungImage
from registration.interior import lung_image, well_inside
from registration.keypoints import Keypoints, find_keypoints, thinned
from registration.pyramid import windowed
from registration.refine import moved
from registration.search import choose_shifts, shift_costs

SPACING = np.array([1.5, 1.5, 1.5])
SHAPE = (40, 44, 48)


def grid_of(image: np.ndarray, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Grid:
    return windowed(Grid(np.ascontiguousarray(np.rint(image), dtype=np.int16), SPACING, np.array(origin)))


def blobs(shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    return -700 + 150 * noise / noise.std()


def lung_of(image: np.ndarray, inner: np.ndarray | None = None) -> LungImage:
    """All of the image counts as lung unless told otherwise."""
    return LungImage(*grid_of(image), np.ones(image.shape, np.uint8) if inner is None else inner.astype(np.uint8))


def test_keypoints_lie_one_in_each_cell_inside_the_mask() -> None:
    mask = np.zeros(SHAPE)
    mask[:, :, 24:] = 1
    found = find_keypoints(lung_of(blobs(), mask), cell_mm=9.0)
    assert 100 < len(found.scores) <= 6 * 7 * 4
    assert (found.points_mm[:, 2] >= 24 * 1.5).all()
    cells = {tuple(cell) for cell in (found.points_mm // 9.0).astype(int)}
    assert len(cells) == len(found.scores)


def test_flat_places_and_edges_hold_no_keypoint() -> None:
    edge = np.full(SHAPE, -900.0)
    edge[20:] = -300.0
    assert not len(find_keypoints(lung_of(edge)).scores)
    assert not len(find_keypoints(lung_of(np.full(SHAPE, -900.0))).scores)


def test_a_corner_scores_where_it_is() -> None:
    image = np.full(SHAPE, -900.0)
    image[20:26, 20:26, 20:26] = -200.0
    found = find_keypoints(lung_of(image), cell_mm=60.0)
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


def refined(image: np.ndarray, other: np.ndarray, shift: np.ndarray, inner: np.ndarray | None = None):
    points = np.stack(np.meshgrid(*[np.arange(8, 32, 6) * 1.5] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    jacobians = np.repeat(np.eye(3)[None], len(points), axis=0)
    lungs = lung_of(image, inner), lung_of(other)
    found = moved(*lungs, points, points.copy(), jacobians, sigma_mm=4.0, half_width_mm=5.0)
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
    assert (found.structure == 0).all()
    assert (off_mm == 0).all()
    outside, _ = refined(blobs(), blobs(), np.zeros(3), np.zeros(SHAPE))
    assert (outside.agreement == -1).all()


def test_a_patch_beyond_the_mask_is_not_read() -> None:
    """Structure that slides along the lung must not pull: here everything outside the mask moves the other way."""
    image, shift = blobs(), np.array([0.0, 0.8, 0.0])
    inside = ndimage.shift(image, shift / 1.5, order=3, mode="nearest")
    against = ndimage.shift(image, -2 * shift / 1.5, order=3, mode="nearest")
    keep = np.zeros(SHAPE)
    keep[:, :, :20] = 1
    _, off_mm = refined(image, np.where(keep > 0, inside, against), shift, keep)
    near_border = np.tile(np.repeat([False, False, True, False], 1), 16)  # points at x index 8, 14, 20, 26
    assert np.median(off_mm[~near_border].reshape(-1, 3)[:, :2]) < 0.1


def test_what_the_other_scan_does_not_show_as_lung_is_not_compared() -> None:
    """A rib that has come beside the patch on the other scan must not pull it."""
    image = blobs()
    other = image.copy()
    other[:, 24:] = -100.0
    inner = np.ones(SHAPE, np.uint8)
    inner[:, 23:] = 0
    points = np.array([[30.0, 28.5, 30.0], [30.0, 48.0, 30.0]])
    jacobians = np.repeat(np.eye(3)[None], 2, axis=0)
    window = {"sigma_mm": 4.0, "half_width_mm": 5.0}
    found = moved(lung_of(image), lung_of(other, inner), points, points.copy(), jacobians, **window)
    assert np.abs(found.points_mm[0] - points[0]).max() < 0.01
    assert found.agreement[0] > 0.99
    assert found.agreement[1] == -1  # it lies in the rib
    assert (found.points_mm[1] == points[1]).all()


def test_a_vessel_fixes_its_place_across_itself_only() -> None:
    _, y, x = np.indices(SHAPE) * 1.5
    vessel = -850 + 800 * np.exp(-((y - 30) ** 2 + (x - 33) ** 2) / (2 * 2.0**2))
    point = np.array([[30.0, 30.0, 33.0]])
    lungs = lung_of(vessel), lung_of(vessel)
    found = moved(*lungs, point, point.copy(), np.eye(3)[None], sigma_mm=3.0, half_width_mm=4.5)
    along, across_y, across_x = np.diag(found.structure[0])
    assert along < 1
    assert min(across_y, across_x) > 1000


def aired(mask: Grid) -> Grid:
    """A scan on the voxels of a mask: air inside, tissue outside."""
    return mask._replace(image=np.where(mask.image > 0, -850, 40).astype(np.int16))


def test_the_inner_lung_keeps_a_mask_voxel_away_from_the_wall_but_not_from_the_end_of_the_scan() -> None:
    mask = Grid(np.zeros((10, 11, 12), np.int16), np.full(3, 6.0), np.full(3, 2.25))
    mask.image[:, 3:9, 4:10] = 1
    inner = lung_image(grid_of(np.zeros(SHAPE)), mask, aired(mask)).inner
    shown = np.argwhere(inner) * 1.5
    assert shown[:, 0].min() == 0.0
    assert shown[:, 0].max() == (SHAPE[0] - 1) * 1.5
    first_y, first_x = 2.25 + 3.5 * 6, 2.25 + 4.5 * 6  # borders of the first mask voxels that have mask on both sides
    assert 0 <= shown[:, 1].min() - first_y < 1.5
    assert 0 <= shown[:, 2].min() - first_x < 1.5


def test_a_rib_that_reaches_into_the_closed_mask_is_kept_away_from_and_a_vessel_is_not() -> None:
    mask = Grid(np.zeros((20, 20, 20), np.int16), np.full(3, 3.0), np.zeros(3))
    mask.image[:, 2:18, 2:18] = 1
    coarse = aired(mask)
    coarse.image[8:12, 2:5, :] = 40  # a rib along x, pressed 9 mm into the lung: the mask is closed over it
    coarse.image[:, 12:14, 10] = 40  # a vessel
    coarse.image[3:6, 9:12, 4:7] = 40  # a nodule that hangs free
    inner = well_inside(mask, coarse).image > 0
    assert not inner[8:12, :6].any()
    assert not inner[7, 3:5].any()
    assert inner[2, 3, 10]
    assert inner[1:-1, 12:14, 10].all()
    assert inner[3:6, 9:12, 4:7].all()


def test_beyond_the_end_of_the_scan_there_is_no_wall() -> None:
    mask = Grid(np.ones((12, 12, 12), np.int16), np.full(3, 3.0), np.zeros(3))
    whole = Grid(np.full((12, 12, 12), 40, np.int16), np.full(3, 3.0), np.zeros(3))
    mask.image[:, 0] = 0
    part = whole._replace(image=whole.image[6:], origin_mm=np.array([18.0, 0.0, 0.0]))
    assert not well_inside(mask, whole).image.any()
    shown = np.argwhere(well_inside(mask, part).image)
    assert set(shown[:, 0]) == set(range(5))
