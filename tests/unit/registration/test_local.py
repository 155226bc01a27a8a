"""The last step at single places: nearer to the truth where the surroundings say so, otherwise where the map put it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from registration.local import LocalScan, Refined, hollow_mm, refine_on_prior, refine_places
from registration.lungs import Lungs, segment_lungs
from registration.register import Registration
from registration.transform import Registration as Map
from registration.volume import Volume
from tests.unit.registration.chest import ChestPair, draw_chest

OFF_MM = np.array([0.5, -0.4, 0.6])  # what is put onto a good map
BothLungs = tuple[Lungs, Lungs]


@pytest.fixture(scope="module")
def lungs(chest_pair: ChestPair) -> BothLungs:
    return segment_lungs(chest_pair.prior), segment_lungs(chest_pair.current)


@pytest.fixture(scope="module")
def deep(chest_pair: ChestPair, lungs: BothLungs) -> tuple[np.ndarray, np.ndarray]:
    """Sixty points well inside the lungs, on both scans."""
    prior, current = chest_pair.truth()
    inside = np.flatnonzero(lungs[0].distance_mm(prior) < -12)
    chosen = inside[:: len(inside) // 60][:60]
    return prior[chosen], current[chosen]


def shifted(registration: Map, expected_mm: float = 0.9) -> Map:
    """The same map, off by the same everywhere, and saying so."""
    affine = registration.mapping.affine
    moved = replace(registration.mapping, affine=replace(affine, shift_mm=affine.shift_mm + OFF_MM))
    support = registration.support
    residuals_mm = np.full_like(support.residuals_mm, expected_mm / 0.8)
    return replace(registration, mapping=moved, support=replace(support, residuals_mm=residuals_mm))


@pytest.fixture(scope="module")
def refined(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> Refined:
    worse = shifted(chest_registration)
    return refine_places(LocalScan(chest_pair.prior, lungs[0]), LocalScan(chest_pair.current, lungs[1]), worse, deep[0])


def test_a_map_that_is_off_is_put_right(refined: Refined, deep: tuple[np.ndarray, np.ndarray]) -> None:
    off_mm = np.linalg.norm(refined.places_lps_mm - deep[1], axis=1)
    assert refined.moved.mean() > 0.8
    assert np.median(off_mm) < 0.35 * np.linalg.norm(OFF_MM)
    assert off_mm.max() < 1.2 * np.linalg.norm(OFF_MM)  # where a step is wrong it is a small one


def test_what_is_left_is_told(refined: Refined, deep: tuple[np.ndarray, np.ndarray]) -> None:
    off_mm = np.linalg.norm(refined.places_lps_mm - deep[1], axis=1)
    assert np.median(refined.residuals_mm[refined.moved]) < 0.5  # the map itself says 0.9
    assert np.mean(off_mm < 2 * refined.residuals_mm) > 0.85


def test_a_good_map_stays_good(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> None:
    found = refine_places(
        LocalScan(chest_pair.prior, lungs[0]), LocalScan(chest_pair.current, lungs[1]), chest_registration, deep[0]
    )
    by_map_mm = np.linalg.norm(chest_registration.current_from_prior(deep[0]) - deep[1], axis=1)
    off_mm = np.linalg.norm(found.places_lps_mm - deep[1], axis=1)
    assert np.median(off_mm) < np.median(by_map_mm) + 0.03
    assert np.percentile(off_mm, 95) < np.percentile(by_map_mm, 95) + 0.1


def test_no_step_is_longer_than_what_the_map_may_be_off(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> None:
    sure = shifted(chest_registration, expected_mm=0.1)  # it believes to be right, so it may be moved by 0.3 mm
    found = refine_places(LocalScan(chest_pair.prior, lungs[0]), LocalScan(chest_pair.current, lungs[1]), sure, deep[0])
    gone_mm = np.linalg.norm(found.places_lps_mm - sure.current_from_prior(deep[0]), axis=1)
    assert (gone_mm <= 3 * sure.residual_mm(deep[0]) + 1e-9).all()


def test_what_has_grown_in_between_does_not_pull(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> None:
    """A ball that stands beside the place on the current scan alone, within what is left out."""
    prior, current = deep[0][::6], deep[1][::6]
    left_out_mm = float(hollow_mm(8.0))
    array = chest_pair.current.array_hu.copy()
    grid = np.indices(array.shape).reshape(3, -1).T
    for place in current:
        index = chest_pair.current.index_from_lps(place + np.array([2.0, 0.0, 0.0]))
        away_mm = np.linalg.norm((grid - index) * chest_pair.current.spacing_zyx_mm, axis=1)
        array.reshape(-1)[away_mm < 4.0] = 40
    grown = replace(chest_pair.current, array_hu=array)
    found, before = (
        refine_places(
            LocalScan(chest_pair.prior, lungs[0]),
            LocalScan(scan, lungs[1]),
            chest_registration,
            prior,
            left_out_mm=left_out_mm,
        )
        for scan in (grown, chest_pair.current)
    )
    assert np.abs(found.places_lps_mm - before.places_lps_mm).max() < 0.15


def test_both_ways_lead_to_the_same_pair_of_places(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> None:
    worse = shifted(chest_registration)
    back = refine_on_prior(
        LocalScan(chest_pair.prior, lungs[0]), LocalScan(chest_pair.current, lungs[1]), worse, deep[1][:20]
    )
    off_mm = np.linalg.norm(back.places_lps_mm - deep[0][:20], axis=1)
    assert np.median(off_mm) < 0.4 * np.linalg.norm(OFF_MM)


def test_where_the_map_does_not_reach_there_is_no_place(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs
) -> None:
    far = [[9999.0, 0.0, 0.0], [np.nan, 0.0, 0.0]]
    for way in (refine_places, refine_on_prior):
        found = way(
            LocalScan(chest_pair.prior, lungs[0]), LocalScan(chest_pair.current, lungs[1]), chest_registration, far
        )
        assert np.isnan(found.places_lps_mm).all()
        assert not found.moved.any()


def test_without_structure_around_it_the_place_stays(chest_registration: Registration, lungs: BothLungs) -> None:
    empty = replace(draw_chest(), array_hu=np.full((90, 96, 136), -860, np.int16))
    point = lungs[0].origin_lps_mm + np.array([40.0, 60.0, 90.0])
    found = refine_places(LocalScan(empty, lungs[0]), LocalScan(empty, lungs[1]), chest_registration, point[None])
    assert not found.moved.any()
    np.testing.assert_array_equal(found.places_lps_mm[0], chest_registration.current_from_prior(point))


def test_the_same_question_has_the_same_answer(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> None:
    first, second = (
        refine_places(
            LocalScan(chest_pair.prior, lungs[0]),
            LocalScan(chest_pair.current, lungs[1]),
            chest_registration,
            deep[0][:5],
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.places_lps_mm, second.places_lps_mm)
    np.testing.assert_array_equal(first.residuals_mm, second.residuals_mm)


def test_a_nodule_may_have_grown_by_half() -> None:
    np.testing.assert_allclose(hollow_mm([4.0, 10.0]), [3.6, 7.5])


def test_the_scan_may_end_beside_the_place(
    chest_pair: ChestPair, chest_registration: Registration, lungs: BothLungs, deep: tuple[np.ndarray, np.ndarray]
) -> None:
    """Cut two millimetres above the place: no crash, and the place stays near."""
    prior, current = deep[0][30], deep[1][30]
    cut_at = int(chest_pair.current.index_from_lps(current)[0]) + 2
    cut = Volume(
        np.ascontiguousarray(chest_pair.current.array_hu[:cut_at]),
        chest_pair.current.spacing_zyx_mm,
        chest_pair.current.origin_lps_mm,
        chest_pair.current.direction,
    )
    found = refine_places(
        LocalScan(chest_pair.prior, lungs[0]), LocalScan(cut, lungs[1]), chest_registration, prior[None]
    )
    assert np.linalg.norm(found.places_lps_mm[0] - current) < 1.0
