"""Two nodules that have become one, one that has fallen apart, and neighbours that are neither."""

from __future__ import annotations

import numpy as np

from inference.follow import FollowedNodule, follow_nodules
from inference.sightings import Asked, Point, Scan, Side
from registration.volume import Volume
from tests.unit.inference.test_follow import MIDDLE_LPS_MM, SAME_PLACE, lung

BESIDE_MM = 3.6


def balls(*placed: tuple[float, float], seed: int = 3) -> Scan:
    """Draw balls of (offset along x in mm, diameter in mm) around the middle of a cube of lung."""
    empty = lung()
    spacing = np.asarray(empty.volume.spacing_zyx_mm)
    grid = np.indices(empty.volume.shape_zyx).reshape(3, -1).T * spacing
    middle = empty.volume.index_from_lps(MIDDLE_LPS_MM) * spacing
    image = np.full(empty.volume.shape_zyx, -860.0)
    for offset_mm, diameter_mm in placed:
        away = np.linalg.norm(grid - middle - np.array([0, 0, offset_mm]), axis=1).reshape(image.shape)
        share = np.clip((diameter_mm / 2 - away) / 0.8 + 0.5, 0, 1)
        image = np.maximum(image, -860 + 890 * share)
    image += np.random.default_rng(seed).standard_normal(image.shape) * 20
    volume = Volume(image.round().astype(np.int16), empty.volume.spacing_zyx_mm, empty.volume.origin_lps_mm, np.eye(3))
    return Scan(volume=volume)


def at(offset_mm: float, on: Side = "prior", partner_mm: float | None = None) -> Asked:
    x, y, z = MIDDLE_LPS_MM
    partner: Point | None = None if partner_mm is None else (x + partner_mm, y, z)
    return Asked((x + offset_mm, y, z), on, partner)


TWO = balls((-BESIDE_MM, 6.0), (BESIDE_MM, 6.0))
ONE = balls((0.0, 13.0), seed=4)


def follow(prior: Scan, current: Scan, *asked: Asked) -> tuple[FollowedNodule, ...]:
    return follow_nodules(prior, current, SAME_PLACE, asked, interval_days=200)


def test_two_nodules_that_have_become_one_are_merged_and_name_each_other():
    first, second = follow(TWO, ONE, at(-BESIDE_MM), at(BESIDE_MM))
    assert first.comparison == second.comparison == "merged"
    assert (first.rivals, second.rivals) == ((1,), (0,))
    assert first.growth is second.growth is None  # of which of the two would it be
    assert first.current is second.current is not None
    assert first.confidence > 0.9


def test_one_nodule_that_has_become_two_is_split():
    whole, left, right = follow(ONE, TWO, at(0.0), at(-BESIDE_MM, "current"), at(BESIDE_MM, "current"))
    assert {whole.comparison, left.comparison, right.comparison} == {"split"}
    assert whole.rivals == (1, 2)
    assert left.rivals == (0, 2)


def test_a_neighbour_that_went_is_resolved_and_does_not_merge():
    stayed, went = follow(TWO, balls((-BESIDE_MM, 6.0), seed=5), at(-BESIDE_MM), at(BESIDE_MM))
    assert (stayed.comparison, went.comparison) == ("unchanged", "resolved")


def test_two_neighbours_that_stayed_are_each_paired_with_their_own():
    first, second = follow(TWO, balls((-BESIDE_MM, 6.0), (BESIDE_MM, 6.0), seed=6), at(-BESIDE_MM), at(BESIDE_MM))
    assert first.comparison == second.comparison == "unchanged"
    assert first.current_lps_mm is not None
    assert second.current_lps_mm is not None
    assert first.current_lps_mm[0] < MIDDLE_LPS_MM[0] < second.current_lps_mm[0]
    assert not first.ambiguous


def test_what_a_person_has_said_is_not_called_merged():
    first, second = follow(TWO, ONE, at(-BESIDE_MM, partner_mm=0.0), at(BESIDE_MM))
    assert first.confidence == 1.0
    assert first.comparison not in ("merged", "not-assessable")
    assert second.comparison == "not-assessable"


def test_a_nodule_missing_from_the_list_of_the_prior_scan_is_seen_in_retrospect():
    known, overlooked = follow(
        TWO, balls((-BESIDE_MM, 6.0), (BESIDE_MM, 8.0), seed=7), at(-BESIDE_MM), at(BESIDE_MM, "current")
    )
    assert known.comparison == "unchanged"
    assert (overlooked.comparison, overlooked.change) == ("seen-in-retrospect", "larger-markedly")
    assert overlooked.growth is not None
