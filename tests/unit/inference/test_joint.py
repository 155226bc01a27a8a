"""Measured together, two scans of one nodule share what they must have in common and keep what differs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.joint import METHOD_TOGETHER, draw_together, measure_together
from inference.measure import NoduleMeasurement, measure
from registration.volume import Volume
from tests.phantoms import DrawnNodule, NodulePhantom, draw

STILL = np.eye(3)


def measured(drawn: DrawnNodule) -> NoduleMeasurement:
    return measure(drawn.volume, drawn.centre_lps_mm)


def ratio(pair: tuple[NoduleMeasurement, NoduleMeasurement]) -> float:
    return math.log(pair[1].volume_mm3.value / pair[0].volume_mm3.value)


def together(
    prior: NoduleMeasurement, current: NoduleMeasurement, jacobian: NDArray[np.float64] = STILL
) -> tuple[NoduleMeasurement, NoduleMeasurement]:
    both = measure_together(prior, current, jacobian)
    assert both is not None
    return both


def flipped(volume: Volume) -> Volume:
    """The same patient with two array axes running the other way."""
    x, y, z = volume.lps_from_index([volume.shape_zyx[0] - 1, 0, volume.shape_zyx[2] - 1])
    turned = np.ascontiguousarray(volume.array_hu[::-1, :, ::-1])
    return Volume(turned, volume.spacing_zyx_mm, (x, y, z), volume.direction @ np.diag([-1.0, 1.0, -1.0]))


def test_the_ratio_of_ground_glass_spreads_less_at_equal_bias():
    glass = NodulePhantom(nodule_hu=-600, noise_hu=45, side_mm=30)
    off_apart, off_together = [], []
    for seed in range(10):
        first = draw(replace(glass, diameter_mm=7, seed=seed))
        second = draw(replace(glass, diameter_mm=8, seed=100 + seed))
        truth = math.log(second.volume_mm3 / first.volume_mm3)
        apart = measured(first), measured(second)
        off_apart.append(ratio(apart) - truth)
        off_together.append(ratio(together(*apart)) - truth)
    assert np.std(off_together) < 0.85 * np.std(off_apart)
    assert abs(np.mean(off_together)) < abs(np.mean(off_apart)) + 0.01


def test_growth_to_one_side_is_kept():
    prior = draw(NodulePhantom(diameter_mm=8))
    current = draw(NodulePhantom(diameter_mm=8, stretch_zyx=(1.0, 1.0, 1.4), seed=5))
    both = together(measured(prior), measured(current))
    assert ratio(both) == pytest.approx(math.log(1.4), abs=0.03)


def test_the_same_scan_twice_has_not_grown():
    alone = measured(draw(NodulePhantom(diameter_mm=8, vessels=2, seed=3)))
    assert ratio(together(alone, alone)) == pytest.approx(0, abs=1e-6)


def test_swapping_the_scans_mirrors_the_ratio():
    prior = measured(draw(NodulePhantom(diameter_mm=7, vessels=1, seed=3)))
    current = measured(draw(NodulePhantom(diameter_mm=8.5, vessels=1, seed=8)))
    assert ratio(together(prior, current)) == pytest.approx(-ratio(together(current, prior)), abs=0.02)


def test_how_the_arrays_lie_does_not_matter():
    drawn = draw(NodulePhantom(diameter_mm=9, irregularity=0.15))
    prior = measured(drawn)
    current = measure(flipped(drawn.volume), drawn.centre_lps_mm)
    assert ratio(together(prior, current)) == pytest.approx(0, abs=0.01)


def test_a_turn_of_the_patient_is_followed():
    drawn = draw(NodulePhantom(diameter_mm=9, stretch_zyx=(1.0, 0.75, 1.3), vessels=1, seed=2))
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    volume = drawn.volume
    x, y, z = quarter @ np.asarray(volume.origin_lps_mm)
    turned = Volume(volume.array_hu, volume.spacing_zyx_mm, (x, y, z), quarter @ volume.direction)
    current = measure(turned, quarter @ drawn.centre_lps_mm)
    assert ratio(together(measured(drawn), current, quarter)) == pytest.approx(0, abs=1e-6)


def test_the_core_of_a_nodule_that_became_solid_is_not_shared():
    prior = measured(draw(NodulePhantom(diameter_mm=9, nodule_hu=-600)))
    current = measured(draw(NodulePhantom(diameter_mm=9, seed=4)))
    drawn = draw_together(prior.border, current.border, np.eye(3))
    assert drawn is not None
    assert [one.levels for one in drawn] == [prior.border.levels, current.border.levels]


def test_borders_without_anything_in_common_do_not_help_each_other():
    alone = measured(draw(NodulePhantom(diameter_mm=8)))
    unseen = replace(alone.border.rays, long=np.ones_like(alone.border.rays.long))
    assert measure_together(alone, replace(alone, border=replace(alone.border, rays=unseen)), STILL) is None


def test_the_method_says_so():
    alone = measured(draw(NodulePhantom(diameter_mm=8)))
    assert {one.method for one in together(alone, alone)} == {METHOD_TOGETHER}


def test_cores_without_noise_keep_their_difference():
    prior = measured(draw(NodulePhantom(diameter_mm=9, noise_hu=0)))
    current = measured(draw(NodulePhantom(diameter_mm=9, noise_hu=0, nodule_hu=60)))
    both = draw_together(prior.border, current.border, np.eye(3))
    assert both is not None
    assert [one.levels.core_hu for one in both] == pytest.approx(
        [one.border.levels.core_hu for one in (prior, current)], abs=0.5
    )
