"""The start from lung to lung."""

from __future__ import annotations

import numpy as np
import pytest

from registration.affine import Affine, lung_points_mm, start_affine
from registration.coarse import robust_affine
from registration.errors import NoCommonLung
from registration.lungs import Lungs

ORIGIN = np.zeros(3)


def ellipsoids(scale_z: float = 1.0, shift_mm: float = 0.0, first: int = 0, last: int = 100, **cut: bool) -> Lungs:
    """Two lungs of 60 x 66 x 210 mm, narrower at the top, on slices ``first`` to ``last`` of a grid of 3 mm."""
    z, y, x = np.meshgrid(*(np.arange(n) * 3.0 for n in (100, 60, 80)), indexing="ij")
    mask = np.zeros(z.shape, np.uint8)
    height = (z - 150 - shift_mm) / (105 * scale_z)
    width = np.clip(1 - 0.35 * height, 0.2, None)
    for side, middle in ((1, 75), (2, 165)):
        mask[((x - middle) / (33 * width)) ** 2 + ((y - 90) / (45 * width)) ** 2 + height**2 < 1] = side
    part = mask[first:last]
    return Lungs(part, (3.0, 3.0, 3.0), (0.0, 0.0, 3.0 * first), np.eye(3), 1.0, 1.0, -850.0,
                 cut.get("above", False), cut.get("below", False))  # fmt: skip


def origin_of(lungs: Lungs) -> np.ndarray:
    return np.array(lungs.origin_lps_mm[::-1])


def start(prior: Lungs, current: Lungs) -> Affine:
    return start_affine(prior, current, origin_of(prior), origin_of(current))


def test_the_same_lungs_stay_where_they_are() -> None:
    affine = start(ellipsoids(), ellipsoids())
    assert affine.matrix == pytest.approx(np.eye(3))
    assert affine.shift_mm == pytest.approx(np.zeros(3))


def test_it_finds_a_deeper_breath() -> None:
    prior, current = ellipsoids(), ellipsoids(scale_z=1.15, shift_mm=12)
    affine = start(prior, current)
    assert affine.matrix[0, 0] == pytest.approx(1.15, abs=0.03)
    top = lung_points_mm(prior, ORIGIN)[-1:]
    assert affine(top)[0, 0] == pytest.approx(150 + 12 + (top[0, 0] - 150) * 1.15, abs=4)


@pytest.mark.parametrize(("first", "last", "cut"), [(40, 100, "below"), (0, 60, "above")])
def test_a_scan_of_a_part_is_slid_to_its_height(first: int, last: int, cut: str) -> None:
    affine = start(ellipsoids(), ellipsoids(shift_mm=15, first=first, last=last, **{cut: True}))
    middle = np.array([[165.0, 90.0, 120.0]])
    assert affine(middle)[0] == pytest.approx([180, 90, 120], abs=9)


def test_it_refuses_parts_that_hardly_meet() -> None:
    with pytest.raises(NoCommonLung) as refused:
        start(ellipsoids(first=0, last=30, above=True), ellipsoids(first=75, last=92, below=True))
    assert refused.value.code == "no_common_lung"
    assert "mm of lung" in str(refused.value)


def test_a_robust_fit_leaves_outliers_aside() -> None:
    random = np.random.default_rng(5)
    points = random.uniform(0, 200, (400, 3))
    matrix = np.array([[1.05, 0.02, 0], [-0.02, 0.97, 0.01], [0, 0.03, 1.0]])
    truth = Affine(matrix, np.full(3, 100.0), np.array([4.0, -3.0, 2.0]))
    shifts = truth(points) - points
    shifts[:120] = random.uniform(-30, 30, (120, 3))
    found = robust_affine(points, shifts, np.ones(400), truth.centre_mm)
    assert np.abs(found(points) - truth(points)).max() < 1.0


def test_displacements_of_two_maps_add_up() -> None:
    one = Affine(np.diag([1.1, 1, 1]), np.zeros(3), np.array([1.0, 0, 0]))
    other = Affine(np.diag([1, 0.9, 1]), np.zeros(3), np.array([0, 2.0, 0]))
    points = np.array([[10.0, 20, 30]])
    both = one(points) - points + other(points) - points
    assert one.plus(other)(points) - points == pytest.approx(both)
