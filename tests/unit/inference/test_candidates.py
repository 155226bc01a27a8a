"""Round spots are proposed, vessels are not, and what the other scan shows clear comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.candidates import Candidate, each_once, find_candidates, held_against_each_other
from registration.affine import Affine
from registration.lungs import Lungs
from registration.mapping import Mapping
from registration.quality import Support
from registration.transform import Registration
from registration.volume import Volume

SHAPE = (90, 110, 110)
SPACING = (1.0, 0.8, 0.8)
NODULES_ZYX_MM = {6.0: (30.0, 30.0, 30.0), 9.0: (60.0, 55.0, 30.0), 5.0: (45.0, 30.0, 60.0)}
GROUND_GLASS_ZYX_MM = (65.0, 25.0, 60.0)


def chest(*, nodules: bool) -> tuple[Volume, Lungs]:
    """Draw a block of lung with vessels, with or without nodules; all of it counts as right lung."""
    grid = np.meshgrid(*(np.arange(n) * step for n, step in zip(SHAPE, SPACING, strict=True)), indexing="ij")
    image = np.full(SHAPE, -860.0)
    for y_mm, x_mm, radius_mm in ((20, 45, 1.5), (60, 60, 2.5), (45, 15, 1.0), (75, 40, 2.0)):
        vessel = np.hypot(grid[1] - y_mm - 0.2 * grid[0], grid[2] - x_mm) < radius_mm
        image[vessel] = 30.0
    if nodules:
        for diameter_mm, centre in NODULES_ZYX_MM.items():
            image[_away_mm(grid, centre) < diameter_mm / 2] = 30.0
        image[_away_mm(grid, GROUND_GLASS_ZYX_MM) < 6] = -600.0
    image += np.random.default_rng(4).standard_normal(SHAPE) * 30
    volume = Volume(image.round().astype(np.int16), SPACING, (5.0, -40.0, 100.0), np.eye(3))
    mask = np.ones((30, 30, 30), np.uint8)
    lungs = Lungs(mask, (3.0, 2.95, 2.95), (5.0, -40.0, 100.0), np.eye(3), 800.0, 0.0, -850.0, True, True)
    return volume, lungs


def _away_mm(grid: list[np.ndarray], centre: tuple[float, float, float]) -> np.ndarray:
    return np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True)))


def standing_still() -> Registration:
    """Give the map between a scan and itself."""
    grid = np.stack(np.meshgrid(*(np.arange(-60.0, 200.0, 10.0) for _ in range(3)), indexing="ij"), -1).reshape(-1, 3)
    return Registration(
        mapping=Mapping(Affine(np.eye(3), np.zeros(3), np.zeros(3))),
        prior_rotation=np.eye(3),
        current_rotation=np.eye(3),
        support=Support(grid, np.full(len(grid), 0.2)),
        median_residual_mm=0.2,
        inverse_error_mm=0.0,
        fold_fraction=0.0,
        kept_fraction=0.9,
        median_agreement=0.9,
    )


WITH, LUNGS = chest(nodules=True)
FOUND = find_candidates(WITH, LUNGS)
STILL = standing_still()
BOTH_LUNGS = LUNGS, LUNGS


def lps(centre_zyx_mm: tuple[float, float, float]) -> np.ndarray:
    return WITH.lps_from_index(np.asarray(centre_zyx_mm) / np.asarray(SPACING))


def nearest(centre_zyx_mm: tuple[float, float, float]) -> tuple[int, float]:
    away = [float(np.linalg.norm(np.asarray(spot.lps_mm) - lps(centre_zyx_mm))) for spot in FOUND]
    return int(np.argmin(away)), min(away)


@pytest.mark.parametrize("diameter_mm", list(NODULES_ZYX_MM))
def test_every_solid_nodule_is_among_the_first(diameter_mm: float):
    rank, away_mm = nearest(NODULES_ZYX_MM[diameter_mm])
    assert rank < 6
    assert away_mm < 2
    assert FOUND[rank].diameter_mm == pytest.approx(diameter_mm, abs=1.6)


def test_ground_glass_is_not_drowned_by_vessels():
    rank, away_mm = nearest(GROUND_GLASS_ZYX_MM)
    assert rank < 6
    assert away_mm < 3
    assert FOUND[rank].contrast_hu < 400


def test_vessels_alone_give_hardly_any():
    assert len(find_candidates(*chest(nodules=False))) <= 3


def test_the_same_scan_gives_the_same_list():
    assert find_candidates(WITH, LUNGS) == FOUND


def test_the_limit_keeps_the_best():
    assert find_candidates(WITH, LUNGS, limit=2) == FOUND[:2]


def test_what_the_other_scan_shows_clear_comes_first():
    without, _ = chest(nodules=False)
    prior, current = held_against_each_other((), FOUND[::-1], (without, WITH), BOTH_LUNGS, STILL)
    assert prior == ()
    assert {spot.lps_mm for spot in current} == {spot.lps_mm for spot in FOUND}
    assert [spot.change for spot in current[:4]] == ["new"] * 4
    assert [spot.score for spot in current[:4]] == sorted((spot.score for spot in current[:4]), reverse=True)
    gone, _ = held_against_each_other(FOUND, (), (WITH, without), BOTH_LUNGS, STILL)
    assert [spot.change for spot in gone[:4]] == ["gone"] * 4


def test_a_spot_on_both_scans_is_the_same_or_has_grown():
    smaller = tuple(replace(spot, diameter_mm=0.7 * spot.diameter_mm) for spot in FOUND[:2])
    _, same = held_against_each_other(FOUND[:2], FOUND[:2], (WITH, WITH), BOTH_LUNGS, STILL)
    _, grown = held_against_each_other(smaller, FOUND[:2], (WITH, WITH), BOTH_LUNGS, STILL)
    assert [spot.change for spot in same] == ["same", "same"]
    assert [spot.change for spot in grown] == ["grown", "grown"]


def test_what_has_grown_comes_before_what_stayed():
    before = (FOUND[0], replace(FOUND[1], diameter_mm=0.6 * FOUND[1].diameter_mm))
    _, current = held_against_each_other(before, FOUND[:2], (WITH, WITH), BOTH_LUNGS, STILL)
    assert current[0].lps_mm == FOUND[1].lps_mm


def test_a_place_that_the_map_does_not_reach_is_not_judged():
    spot = Candidate((900.0, 0.0, 0.0), 6.0, 800.0, 1.0)
    _, (noted,) = held_against_each_other((), [spot], (WITH, WITH), BOTH_LUNGS, STILL)
    assert noted.change is None


def test_a_spot_that_the_other_scan_did_not_propose_is_still_compared():
    prior, current = held_against_each_other((), FOUND, (WITH, WITH), BOTH_LUNGS, STILL)
    assert prior == ()
    assert {spot.change for spot in current} == {"same"}
    for spot in current:
        assert spot.there_diameter_mm == pytest.approx(spot.diameter_mm, abs=0.3)
    before, _ = held_against_each_other(FOUND[:1], (), (WITH, WITH), BOTH_LUNGS, STILL)
    assert before[0].change == "same"


def test_in_one_list_each_spot_stands_once_and_none_is_lost():
    """A spot that only the prior scan proposed stays in the list, also where the current one shows something."""
    prior, current = held_against_each_other(FOUND[:3], FOUND[1:], (WITH, WITH), BOTH_LUNGS, STILL)
    told = each_once(prior, current)
    assert [spot.lps_mm for side, spot in told if side == "prior"] == [FOUND[0].lps_mm]
    assert sorted(spot.lps_mm for side, spot in told if side == "current") == sorted(spot.lps_mm for spot in FOUND[1:])


def test_ground_glass_with_a_vessel_through_it_is_found_as_large_as_it_is():
    grid = np.meshgrid(*(np.arange(n) * step for n, step in zip(SHAPE, SPACING, strict=True)), indexing="ij")
    centre = (45.0, 45.0, 45.0)
    image = WITH.array_hu.copy()
    glass = _away_mm(grid, centre) < 5
    image[glass] = np.maximum(image[glass], -600)
    image[np.hypot(grid[1] - centre[1], grid[2] - centre[2] - 0.3 * (grid[0] - centre[0])) < 1.2] = 30
    found = find_candidates(Volume(image, WITH.spacing_zyx_mm, WITH.origin_lps_mm, WITH.direction), LUNGS)
    (there,) = [one for one in found if np.linalg.norm(np.asarray(one.lps_mm) - lps(centre)) < 3]
    assert there.diameter_mm == pytest.approx(10.0, abs=2.5)
