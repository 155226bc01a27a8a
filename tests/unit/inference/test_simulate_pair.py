"""A whole simulated pair agrees with its own truth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from inference.simulate import CLINIC_NODULES, SimulatedPair, simulate_pair
from inference.simulate.anatomy import Lobe
from inference.simulate.nodules import Attenuation, NodulePlan, Placement, sphere_mm3
from inference.simulate.placing import NoRoom
from inference.simulate.scanner import Kernel, Scanner
from inference.simulate.truth import PairTruth
from registration.volume import Volume

SHAPE, SPACING = (96, 128, 128), (3.2, 2.7, 2.7)
NOISELESS = Scanner(Kernel.SOFT, 3.2, float("inf"))


def small(seed: int = 3, nodules: tuple[NodulePlan, ...] = CLINIC_NODULES, **changes: object) -> SimulatedPair:
    arguments: dict[str, object] = {
        "shape_zyx": SHAPE,
        "spacing_zyx_mm": SPACING,
        "vessel_ends": 1500,
        "prior_scanner": NOISELESS,
        "current_scanner": NOISELESS,
    }
    return simulate_pair(seed, nodules=nodules, **{**arguments, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pair() -> SimulatedPair:
    return small()


@pytest.fixture(scope="module")
def healthy() -> SimulatedPair:
    """The same patient without nodules."""
    return small(nodules=())


def added_mm3(with_nodules: Volume, without: Volume, centre_lps_mm: tuple[float, float, float], hu: float) -> float:
    """Volume of a nodule from the brightness that it adds to the lung it stands in."""
    index = np.stack(np.indices(with_nodules.shape_zyx), -1)
    near = np.linalg.norm((index - with_nodules.index_from_lps(centre_lps_mm)) * SPACING, axis=-1) < 14
    more = with_nodules.array_hu[near].astype(float) - without.array_hu[near]
    # A nodule replaces lung; where vessels run through its place it adds less, which the mean there accounts for.
    weight = more / more.sum()
    background = float(np.sum(weight * without.array_hu[near]))
    return more.sum() * with_nodules.voxel_mm3 / (hu - background)


def test_solid_nodules_add_the_brightness_of_their_stated_volume(pair: SimulatedPair, healthy: SimulatedPair) -> None:
    grown, stable = pair.truth.nodules[0], pair.truth.nodules[1]
    assert grown.prior
    assert grown.prior_lps_mm
    assert grown.current_lps_mm
    prior = added_mm3(pair.prior, healthy.prior, grown.prior_lps_mm, 35.0)
    current = added_mm3(pair.current, healthy.current, grown.current_lps_mm, 35.0)
    assert prior == pytest.approx(grown.prior.volume_mm3, rel=0.06)
    assert current / prior == pytest.approx(grown.volume_ratio, rel=0.05)
    assert stable.volume_ratio == 1
    assert stable.doubling_time_days is None


def test_a_nodule_that_is_not_there_leaves_no_trace(pair: SimulatedPair, healthy: SimulatedPair) -> None:
    new, gone = pair.truth.nodules[4], pair.truth.nodules[5]
    assert new.prior is None
    assert new.prior_lps_mm is None
    assert gone.current is None
    for nodule, sick, well, place in (
        (new, pair.prior, healthy.prior, new.expected_prior_lps_mm),
        (gone, pair.current, healthy.current, gone.expected_current_lps_mm),
    ):
        z, y, x = np.round(sick.index_from_lps(place)).astype(int)
        around = np.s_[z - 2 : z + 3, y - 2 : y + 3, x - 2 : x + 3]
        assert np.array_equal(sick.array_hu[around], well.array_hu[around]), nodule.label
    assert new.current
    assert new.current_lps_mm
    assert added_mm3(pair.current, healthy.current, new.current_lps_mm, 35.0) == pytest.approx(
        new.current.volume_mm3, rel=0.08
    )


def test_truth_points_show_the_same_tissue_on_both_scans(healthy: SimulatedPair) -> None:
    prior_points, current_points = (
        np.array(points) for points in (healthy.truth.prior_points_lps_mm, healthy.truth.current_points_lps_mm)
    )
    offsets = np.stack(np.meshgrid(*[np.arange(-9, 9.1, 3)] * 3, indexing="ij"), -1).reshape(-1, 3)

    def patches(volume: Volume, points: np.ndarray) -> np.ndarray:
        index = volume.index_from_lps(points[:, None] + offsets)
        return ndimage.map_coordinates(volume.array_hu.astype(np.float32), np.moveaxis(index, -1, 0), order=1)

    def similarity(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.median([np.corrcoef(one, two)[0, 1] for one, two in zip(a, b, strict=True)]))

    there = patches(healthy.current, current_points)
    assert len(prior_points) > 150
    assert np.allclose(healthy.current_from_prior(prior_points), current_points, atol=1e-3)
    assert np.allclose(healthy.prior_from_current(current_points), prior_points, atol=1e-3)
    assert similarity(patches(healthy.prior, prior_points), there) > 0.85
    assert similarity(patches(healthy.prior, current_points), there) < 0.6  # as if nothing had moved


def test_the_chest_has_lungs_bone_fat_and_air(pair: SimulatedPair) -> None:
    middle = pair.prior.array_hu[48]
    assert np.median(middle[60:68, 20:45]) < -820  # right lung
    assert middle[:80, 0].max() < -900  # air beside the patient, above the couch
    assert pair.prior.array_hu.max() > 400  # bone
    fat = np.mean((middle > -120) & (middle < -80))
    assert 0.03 < fat < 0.4


def test_the_same_seed_gives_the_same_pair_whatever_the_threads() -> None:
    scanner = Scanner(Kernel.SHARP, 3.2, 60.0)
    once, again = (
        small(5, prior_scanner=scanner, current_scanner=scanner, threads=threads, vessel_ends=600) for threads in (1, 2)
    )
    assert np.array_equal(once.current.array_hu, again.current.array_hu)
    assert once.truth == again.truth


def test_scans_may_differ_in_size_and_slices() -> None:
    other = small(
        vessel_ends=600,
        current_shape_zyx=(60, 120, 120),
        current_spacing_zyx_mm=(5.0, 2.9, 2.9),
        current_scanner=replace(NOISELESS, slice_thickness_mm=5.0),
    )
    assert other.current.shape_zyx == (60, 120, 120)
    assert np.all(other.current.contains(other.truth.current_points_lps_mm))


def test_truth_survives_json(pair: SimulatedPair) -> None:
    text = pair.truth.to_json()
    assert PairTruth.from_json(text) == pair.truth
    read = json.loads(text)
    assert read["simulated"] is True
    assert [nodule["prior_lps_mm"] is None for nodule in read["nodules"]] == [False] * 4 + [True, False]


def test_growth_is_stated_as_ratio_and_doubling_time(pair: SimulatedPair) -> None:
    grown = pair.truth.nodules[0]
    assert grown.volume_ratio == pytest.approx(1.75)
    assert grown.doubling_time_days == pytest.approx(182 * np.log(2) / np.log(1.75))


def test_too_many_nodules_are_refused() -> None:
    crowd = tuple(
        NodulePlan(str(k), Lobe.RIGHT_MIDDLE, Attenuation.SOLID, Placement.ISOLATED, sphere_mm3(8), sphere_mm3(8))
        for k in range(40)
    )
    with pytest.raises(NoRoom, match="right middle lobe"):
        small(nodules=crowd, vessel_ends=600)


def test_isolated_nodules_stand_in_plain_lung_and_others_touch_something(
    pair: SimulatedPair, healthy: SimulatedPair
) -> None:
    index = np.stack(np.indices(SHAPE), -1)
    for nodule in pair.truth.nodules:
        state = nodule.prior or nodule.current
        assert state
        away = np.linalg.norm((index - healthy.prior.index_from_lps(nodule.expected_prior_lps_mm)) * SPACING, axis=-1)
        place = healthy.prior.array_hu[away < 0.5 * state.diameter_mm + 1]
        if nodule.placement is Placement.ISOLATED:
            assert np.quantile(place, 0.9) < -700, nodule.label
        else:
            assert place.max() > -600, nodule.label
