"""What a place shows: how much of a spot's brightness is left there, without a border of anything."""

from __future__ import annotations

import numpy as np
import pytest

from inference.surroundings import brightness_kept
from registration.volume import Volume

LUNG_HU, SPACING_MM = -860, (1.5, 0.7, 0.7)
AT_LPS_MM = np.array([0.0, 0.0, 0.0])


def lung_with(hu: int | None = None, *, diameter_mm: float = 5.0, lung_hu: int = LUNG_HU, wall: bool = False) -> Volume:
    """Lung with noise, a ball in its middle, and perhaps a wall beside it."""
    rng = np.random.default_rng(3)
    shape = (30, 64, 64)
    origin = -(np.array(shape[::-1]) - 1) / 2 * np.array(SPACING_MM[::-1])
    z, y, x = (
        (np.arange(n) - (n - 1) / 2).reshape([-1 if axis == a else 1 for a in range(3)]) * SPACING_MM[axis]
        for axis, n in enumerate(shape)
    )
    image = np.full(shape, float(lung_hu))
    if wall:
        image[np.broadcast_to(x > 4.0, shape)] = 40.0
    if hu is not None:
        image[z**2 + y**2 + x**2 < (diameter_mm / 2) ** 2] = hu
    return Volume((image + rng.normal(0, 20, shape)).astype(np.int16), SPACING_MM, tuple(origin), np.eye(3))


def kept(here: Volume, there: Volume) -> float | None:
    return brightness_kept(here, there, AT_LPS_MM, AT_LPS_MM, diameter_mm=5.0)


@pytest.mark.parametrize("wall", [False, True], ids=["open lung", "at a wall"])
def test_a_nodule_keeps_its_brightness_and_a_gone_one_does_not(wall: bool):
    nodule, changed, gone = lung_with(-300, wall=wall), lung_with(-300, diameter_mm=7, wall=wall), lung_with(wall=wall)
    assert kept(nodule, nodule) == pytest.approx(1.0)
    assert kept(nodule, changed) == pytest.approx(1.0, abs=0.15)
    assert abs(kept(nodule, gone) or 9) < 0.15


def test_bone_and_calcium_count_as_tissue():
    assert kept(lung_with(40), lung_with(1200)) == pytest.approx(1.0, abs=0.15)


def test_a_deeper_breath_does_not_count_as_a_change_of_the_spot():
    assert kept(lung_with(-300), lung_with(-350, lung_hu=-910)) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (lung_with(-780), lung_with(-780)),  # too faint to stand out
        (lung_with(-300), lung_with(40, lung_hu=-200)),  # no lung is left to hold it against
        (lung_with(40, lung_hu=-200), lung_with(40)),
        (lung_with(-300), lung_with(-300, diameter_mm=19)),  # the lung around it has filled
    ],
    ids=["faint", "filled there", "filled here", "filling"],
)
def test_where_nothing_can_be_told_nothing_is_said(here: Volume, there: Volume):
    assert kept(here, there) is None


def test_slices_thicker_than_the_spot_still_have_a_voxel_of_it():
    shape = (9, 64, 64)
    image = np.full(shape, float(LUNG_HU))
    image[4, 30:34, 30:34] = -100.0
    thick = Volume(image.astype(np.int16), (5.0, 0.7, 0.7), (-22.05, -22.05, -17.6), np.eye(3))
    assert brightness_kept(thick, thick, AT_LPS_MM, AT_LPS_MM, diameter_mm=5.0) == pytest.approx(1.0)


def test_a_vessel_through_faint_ground_glass_is_not_what_is_left_of_it():
    glass, vessel = lung_with(-620, diameter_mm=14), lung_with(-100, diameter_mm=3.6)
    assert (brightness_kept(glass, vessel, AT_LPS_MM, AT_LPS_MM, diameter_mm=4.0) or 0) > 0.9
    assert (brightness_kept(glass, vessel, AT_LPS_MM, AT_LPS_MM, diameter_mm=14.0) or 1) < 0.4
