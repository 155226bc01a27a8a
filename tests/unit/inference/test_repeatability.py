"""The stated error grows with everything that makes a volume less sure."""

from __future__ import annotations

import math
from typing import Any

import pytest

from inference.noise import ScanNoise
from inference.repeatability import ErrorParts, diameter_error_mm, volume_error

USUAL: dict[str, Any] = {
    "volume_mm3": math.pi / 6 * 8**3,
    "contrast_hu": 890.0,
    "voxel_mm3": 0.49,
    "slice_mm": 1.0,
    "noise": ScanNoise(30.0, 4.0),
    "attached_to": (),
    "attenuation": "solid",
}


def parts(**changes: object) -> ErrorParts:
    return volume_error(**(USUAL | changes))


def test_the_noise_part_of_an_eight_millimetre_sphere():
    assert parts().noise == pytest.approx(0.004, abs=0.001)  # as measured on spheres: 0.4 to 0.5 %


@pytest.mark.parametrize(
    "worse",
    [
        {"noise": ScanNoise(60.0, 4.0)},
        {"noise": ScanNoise(30.0, 8.0)},
        {"contrast_hu": 250.0},
        {"slice_mm": 2.5},
        {"volume_mm3": math.pi / 6 * 5**3},
        {"attached_to": ("vessel",)},
        {"attached_to": ("pleura",)},
        {"attenuation": "ground_glass"},
    ],
)
def test_what_makes_a_volume_less_sure(worse: dict[str, Any]):
    assert parts(**worse).total > parts().total


def test_a_small_nodule_on_the_wall_can_never_show_growth_of_half():
    small = parts(volume_mm3=math.pi / 6 * 5**3, attached_to=("pleura",)).total
    assert 1.96 * math.sqrt(2) * small > math.log(1.5)


def test_no_volume_is_believed_better_than_its_method():
    assert parts(noise=ScanNoise(1.0, 1.0), volume_mm3=5000.0).total >= 0.06


def test_thin_slices_cost_nothing():
    assert parts(slice_mm=1.0).sampling == 0
    assert parts(slice_mm=2.5).sampling == pytest.approx(1.5 * (2.5 / 8) ** 4)


def test_a_diameter_is_a_third_as_uncertain_as_the_volume_and_never_below_the_pixel():
    assert diameter_error_mm(9.0, 0.1, 0.0) == pytest.approx(0.3)
    assert diameter_error_mm(9.0, 0.0, 0.7) == pytest.approx(0.7 / math.sqrt(12))
