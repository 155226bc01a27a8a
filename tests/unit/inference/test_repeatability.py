"""The stated error grows with everything that makes a volume less sure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from inference.noise import ScanNoise
from inference.repeatability import SEPARATE, TOGETHER, ErrorParts, diameter_error_mm, volume_error

USUAL: dict[str, Any] = {
    "volume_mm3": math.pi / 6 * 8**3,
    "contrast_hu": 890.0,
    "voxel_mm3": 0.49,
    "slice_mm": 1.0,
    "noise": ScanNoise(30.0, 4.0),
    "joined_share": 0.0,
    "wall_share": 0.0,
    "attenuation": "solid",
}


def parts(**changes: object) -> ErrorParts:
    return volume_error(**(USUAL | changes))


def test_the_noise_part_of_an_eight_millimetre_sphere():
    assert parts().noise == pytest.approx(0.004 * SEPARATE.noise, rel=0.1)  # as measured on spheres: 0.4 to 0.5 %


@pytest.mark.parametrize(
    "worse",
    [
        {"noise": ScanNoise(60.0, 4.0)},
        {"noise": ScanNoise(30.0, 8.0)},
        {"contrast_hu": 250.0},
        {"slice_mm": 2.5},
        {"volume_mm3": math.pi / 6 * 5**3},
        {"joined_share": 0.1},
        {"wall_share": 0.1},
        {"attenuation": "ground_glass"},
        {"attenuation": "part_solid"},
    ],
)
def test_what_makes_a_volume_less_sure(worse: dict[str, Any]):
    assert parts(**worse).total > parts().total


def test_a_border_that_is_hardly_seen_is_hardly_sure():
    seen = parts(volume_mm3=math.pi / 6 * 5**3).total
    joined = parts(volume_mm3=math.pi / 6 * 5**3, joined_share=0.4).total
    assert joined > 1.5 * seen


def test_the_same_layer_matters_less_on_a_large_nodule():
    of_layers = replace(SEPARATE, small_mm2=0.0, small_joined_mm2=0.0)
    small, large = (parts(volume_mm3=math.pi / 6 * d**3, joined_share=0.1, table=of_layers).method for d in (5, 10))
    assert small == pytest.approx(2 * large)


def test_what_blur_leaves_open_is_soon_over():
    of_blur = replace(SEPARATE, border_mm=0.0)
    small, large = (parts(volume_mm3=math.pi / 6 * d**3, table=of_blur).method for d in (5, 10))
    assert small == pytest.approx(4 * large)


def test_a_wall_that_another_scan_puts_elsewhere_makes_the_pair_unsure():
    """Where both scans see the same wall the ratio is nearly as sure as without one."""
    same, moved = (parts(wall_share=0.2, moved_wall_share=share, table=TOGETHER).total for share in (0.0, 0.1))
    assert moved > 2 * same
    assert parts(wall_share=0.2, moved_wall_share=0.1).total == parts(wall_share=0.2).total  # alone no scan knows


def test_a_hidden_border_costs_more_on_a_wall_and_in_a_small_nodule():
    """Fat and folds hide where the base ends; a vessel as wide as the nodule hides all of it."""
    free, on_wall = (parts(joined_share=0.2, wall_share=share).total for share in (0.0, 0.2))
    assert on_wall > 1.5 * free
    costs = []
    for diameter_mm in (5, 10):
        seen, joined = (parts(volume_mm3=math.pi / 6 * diameter_mm**3, joined_share=share).method for share in (0, 0.3))
        costs.append(math.sqrt(joined**2 - seen**2))
    assert costs[0] > 2 * costs[1]


def test_a_touch_of_the_wall_costs_nothing():
    assert parts(wall_share=0.02).total == parts().total


def test_a_border_that_both_scans_see_is_surer_when_drawn_together():
    for changes in ({}, {"attenuation": "ground_glass"}, {"volume_mm3": 65.0}, {"slice_mm": 2.5}):
        assert parts(**changes, table=TOGETHER).total < parts(**changes, table=SEPARATE).total


def test_a_diameter_is_a_third_as_uncertain_as_the_volume_and_never_below_the_pixel():
    assert diameter_error_mm(9.0, 0.1, 0.0) == pytest.approx(0.3)
    assert diameter_error_mm(9.0, 0.0, 0.7) == pytest.approx(0.7 / math.sqrt(12))
