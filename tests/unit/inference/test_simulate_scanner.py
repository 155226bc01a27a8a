"""What the simulated scanner does to a known scene."""

from __future__ import annotations

import numpy as np
import pytest

from inference.simulate.grid import Floats, Grid
from inference.simulate.scanner import LOWEST_HU, OUTSIDE_FIELD_HU, Kernel, Scanner, acquire

GRID = Grid.centred((8, 64, 64), (2.0, 0.8, 0.8))
NOISELESS = float("inf")


def water(grid: Grid) -> Floats:
    return np.zeros(grid.shape_zyx, np.float32)


def point(grid: Grid) -> Floats:
    """A bright thin rod across the slices, near the middle."""
    scene = np.zeros(grid.shape_zyx, np.float32)
    scene[:, 32, 32] = 2000
    return scene


@pytest.mark.parametrize("kernel", Kernel)
def test_no_kernel_changes_an_integral(kernel: Kernel) -> None:
    got = acquire(Scanner(kernel, 2.0, NOISELESS), GRID, point, (0,))
    assert got[4].sum() == pytest.approx(2000, abs=25)  # rounding to whole HU
    assert got[4, 32, 32] < 1500


def test_a_sharp_kernel_shows_a_point_brighter_and_overshoots() -> None:
    soft, sharp = (acquire(Scanner(kernel, 2.0, NOISELESS), GRID, point, (0,))[4] for kernel in Kernel)
    assert sharp.max() > 1.2 * soft.max()
    assert sharp.min() < -20 <= soft.min()


def test_noise_falls_with_the_square_root_of_dose() -> None:
    low, high = (acquire(Scanner(Kernel.SOFT, 2.0, exposure), GRID, water, (1,)).std() for exposure in (25.0, 100.0))
    assert low / high == pytest.approx(2.0, rel=0.05)


def test_noise_of_a_sharp_kernel_is_stronger_and_finer() -> None:
    soft, sharp = (acquire(Scanner(kernel, 2.0, 60.0), GRID, water, (1,)).astype(float) for kernel in Kernel)
    assert sharp.std() > 1.8 * soft.std()
    assert (
        np.mean(sharp[:, :, 1:] * sharp[:, :, :-1]) / sharp.var()
        < np.mean(soft[:, :, 1:] * soft[:, :, :-1]) / soft.var()
    )


def test_noise_depends_on_its_seed_alone() -> None:
    scanner = Scanner(Kernel.SOFT, 2.0, 60.0)
    once = acquire(scanner, GRID, water, (1, 2), threads=1)
    assert np.array_equal(once, acquire(scanner, GRID, water, (1, 2), threads=2))
    other = acquire(scanner, GRID, water, (1, 3), threads=1)
    assert abs(np.corrcoef(once.ravel(), other.ravel())[0, 1]) < 0.05


def test_thick_slices_share_noise_with_their_neighbours_and_thin_ones_do_not() -> None:
    thin, thick = (
        acquire(Scanner(Kernel.SOFT, thickness_mm, 60.0), GRID, water, (4,)).astype(float)
        for thickness_mm in (2.0, 4.0)
    )
    shared = [np.corrcoef(noise[3].ravel(), noise[4].ravel())[0, 1] for noise in (thin, thick)]
    assert abs(shared[0]) < 0.1
    assert shared[1] > 0.4


@pytest.mark.parametrize("thickness_mm", [2.0, 5.0])
def test_the_slice_profile_has_the_stated_width(thickness_mm: float) -> None:
    offsets = np.arange(-8, 8.001, 0.01)
    weight = Scanner(Kernel.SOFT, thickness_mm).profile(offsets)
    assert weight.sum() == pytest.approx(1)
    assert np.sum(weight > 0.5 * weight.max()) * 0.01 == pytest.approx(thickness_mm, abs=0.05)


def test_a_round_field_is_padded_outside() -> None:
    got = acquire(Scanner(Kernel.SOFT, 2.0, NOISELESS, round_field=True), GRID, water, (0,))
    assert np.all(got[:, 0, 0] == OUTSIDE_FIELD_HU)
    assert np.all(got[:, 32, 1:-1] == 0)


def test_values_are_clipped_to_what_scanners_store() -> None:
    got = acquire(Scanner(Kernel.SOFT, 2.0, NOISELESS), GRID, lambda grid: water(grid) - 5000, (0,))
    assert got.min() == got.max() == LOWEST_HU
