"""One nodule on two scans: the word, the places, and what is never said."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inference.absence import KEPT_CONFIDENCE, Absence, Alone, explain_absence
from inference.comparability import Comparability, Reason
from inference.errors import BorderNotFound, NotMeasured
from inference.estimate import Estimate
from inference.follow import follow_nodule, follow_nodules
from inference.growth import growth
from inference.measure import NoduleMeasurement, measure
from inference.sightings import Asked, Carried, Point, Scan, Side
from inference.words import change_word
from registration.affine import Affine
from registration.mapping import Mapping
from registration.match import SURE
from registration.quality import Support
from registration.transform import Registration
from registration.volume import Volume
from tests.phantoms import NodulePhantom, draw

MIDDLE_LPS_MM = (-29.0, 51.0, 221.0)


def nearly_identity(*, residual_mm: float = 0.3, shift_x_mm: float = 0.0, reach: bool = True) -> Registration:
    """Give the map between two phantoms, which lie at the same place to within a voxel."""
    middle_zyx = np.array(MIDDLE_LPS_MM)[::-1]
    around = middle_zyx + 8 * (np.indices((5, 5, 5)).reshape(3, -1).T - 2.0) + (0 if reach else 500)
    mapping = Mapping(Affine(np.eye(3), middle_zyx, np.array([0.0, 0.0, shift_x_mm])))
    return Registration(
        mapping=mapping,
        prior_rotation=np.eye(3),
        current_rotation=np.eye(3),
        support=Support(around, np.full(len(around), residual_mm / 0.6)),
        median_residual_mm=residual_mm,
        inverse_error_mm=0.1,
        fold_fraction=0.0,
        kept_fraction=0.9,
        median_agreement=0.9,
    )


def scan(diameter_mm: float, seed: int) -> tuple[Scan, np.ndarray]:
    drawn = draw(NodulePhantom(diameter_mm=diameter_mm, seed=seed, side_mm=44))
    return Scan(volume=drawn.volume), drawn.centre_lps_mm


def lung(hu: int = -860, noise_hu: float = 30) -> Scan:
    noise = np.random.default_rng(1).standard_normal((42, 60, 60)) * noise_hu
    return Scan(volume=Volume((hu + noise).astype(np.int16), (1.0, 0.7, 0.7), (-50.0, 30.0, 200.0), np.eye(3)))


SMALL, SMALL_AT = scan(diameter_mm=7, seed=1)
SAME, SAME_AT = scan(diameter_mm=7, seed=2)
LARGER, LARGER_AT = scan(diameter_mm=7.9, seed=3)  # 44 % more
LARGE, LARGE_AT = scan(diameter_mm=9.5, seed=4)  # two and a half times
EMPTY = lung()
SAME_PLACE = nearly_identity()


@pytest.mark.parametrize(
    ("prior", "current", "word", "ratio"),
    [
        (SMALL, SAME, "unchanged", 1.0),
        (SMALL, LARGER, "larger-slightly", (7.9 / 7) ** 3),
        (SMALL, LARGE, "larger-markedly", (9.5 / 7) ** 3),
        (LARGER, SMALL, "smaller-slightly", (7 / 7.9) ** 3),
        (LARGE, SMALL, "smaller-markedly", (7 / 9.5) ** 3),
    ],
    ids=["unchanged", "larger-slightly", "larger-markedly", "smaller-slightly", "smaller-markedly"],
)
def test_the_word_of_a_nodule_on_both_scans(prior: Scan, current: Scan, word: str, ratio: float):
    at = MIDDLE_LPS_MM
    followed = follow_nodule(prior, current, SAME_PLACE, at, asked_on="prior", interval_days=200)
    assert followed.comparison == word
    assert followed.growth is not None
    assert followed.growth.volume_ratio == pytest.approx(ratio, rel=0.06)
    assert followed.confidence > 0.6
    assert not followed.ambiguous


def test_asking_on_either_scan_gives_the_same_nodule():
    on_prior = follow_nodule(SMALL, LARGE, SAME_PLACE, SMALL_AT, asked_on="prior", interval_days=200)
    on_current = follow_nodule(SMALL, LARGE, SAME_PLACE, LARGE_AT, asked_on="current", interval_days=200)
    assert on_prior.comparison == on_current.comparison
    assert on_prior.prior_lps_mm == pytest.approx(on_current.prior_lps_mm, abs=0.1)
    assert on_prior.current_lps_mm == pytest.approx(on_current.current_lps_mm, abs=0.1)
    assert on_prior.growth is not None
    assert on_current.growth is not None
    assert on_prior.growth.volume_ratio == pytest.approx(on_current.growth.volume_ratio, rel=0.02)


def test_clear_lung_at_the_place_makes_it_new_or_resolved():
    gone = follow_nodule(SMALL, EMPTY, SAME_PLACE, SMALL_AT, asked_on="prior", interval_days=200)
    new = follow_nodule(EMPTY, SMALL, SAME_PLACE, SMALL_AT, asked_on="current", interval_days=200)
    assert (gone.comparison, new.comparison) == ("resolved", "new")
    assert gone.current is None
    assert new.prior is None
    assert gone.current_lps_mm == pytest.approx(gone.prior_lps_mm, abs=0.01)
    assert gone.growth is None


@pytest.mark.parametrize(("hu", "by"), [(-500, "ground-glass-opacity"), (40, "dense-opacity"), (2500, "metal")])
def test_what_hides_the_place_is_named(hu: int, by: str):
    followed = follow_nodule(SMALL, lung(hu), SAME_PLACE, SMALL_AT, asked_on="prior", interval_days=200)
    assert (followed.comparison, followed.obscured_by) == ("obscured", by)
    assert followed.current is None


def test_a_place_beyond_the_scan_is_outside_the_field():
    there = nearly_identity(shift_x_mm=60)
    assert follow_nodule(SMALL, EMPTY, there, SMALL_AT, asked_on="prior").comparison == "outside-field"


def test_padding_around_a_round_field_of_view_is_outside_the_field():
    assert follow_nodule(SMALL, lung(-2048, 0), SAME_PLACE, SMALL_AT, asked_on="prior").comparison == "outside-field"


def test_where_the_map_does_not_reach_nothing_is_said():
    nowhere = nearly_identity(reach=False)
    followed = follow_nodule(SMALL, EMPTY, nowhere, SMALL_AT, asked_on="prior")
    assert followed.comparison == "not-assessable"
    assert followed.current_lps_mm is None
    assert followed.residual_mm is None
    beyond = nearly_identity(reach=False, shift_x_mm=60)
    assert follow_nodule(SMALL, EMPTY, beyond, SMALL_AT, asked_on="prior").comparison == "outside-field"


def test_a_loose_map_never_says_resolved():
    loose = nearly_identity(residual_mm=9)
    assert follow_nodule(SMALL, EMPTY, loose, SMALL_AT, asked_on="prior").comparison == "not-assessable"


def test_a_point_in_plain_lung_is_refused_and_nothing_is_concluded():
    followed = follow_nodule(SMALL, EMPTY, SAME_PLACE, SMALL_AT + np.array([0, 0, 13]), asked_on="prior")
    assert followed.comparison == "not-assessable"
    assert isinstance(followed.prior, NotMeasured)
    assert followed.prior.code == "nothing_at_point"


def test_a_point_outside_the_scan_is_refused():
    followed = follow_nodule(SMALL, SAME, SAME_PLACE, (0, 0, 9999), asked_on="prior")
    assert isinstance(followed.prior, NotMeasured)
    assert followed.prior.code == "point_outside_scan"
    assert followed.current is None


def test_a_nodule_cut_by_the_edge_is_not_compared_but_its_place_is_known():
    z = round(float(SAME.volume.index_from_lps(SAME_AT)[0]))
    cut = Scan(volume=SAME.volume.crop((z - 2, 0, 0), (99, 99, 99)))
    followed = follow_nodule(SMALL, cut, SAME_PLACE, SMALL_AT, asked_on="prior", interval_days=200)
    assert followed.comparison == "present"
    assert isinstance(followed.current, NotMeasured)
    assert followed.current.code == "cut_by_scan_edge"
    assert followed.current_lps_mm is not None


def told_of(there: Scan, shown: NoduleMeasurement | NotMeasured, *, off_mm: float = 0.0) -> Absence:
    """What is said of the small nodule, asked so far off its middle, where nothing could be measured there."""
    off = np.array([0.0, 0.0, off_mm])
    x, y, z = SMALL_AT + off
    lost = BorderNotFound(leaking_percent=80.0)
    carried = Carried(SAME_AT if isinstance(shown, NoduleMeasurement) else SAME_AT + off, SAME_AT, 0.3)
    return explain_absence(SMALL, there, Alone((x, y, z), shown, carried, [lost]), "resolved")


def test_what_has_no_border_on_either_scan_is_found_again_but_not_compared():
    refused = BorderNotFound(leaking_percent=80.0)
    found = told_of(SAME, refused)
    assert found.word == "present"
    assert found.there is not None
    assert isinstance(found.there.shown, BorderNotFound)
    assert found.there.centre_lps_mm == pytest.approx(SAME_AT)
    for there, off_mm in ((EMPTY, 0.0), (lung(40), 0.0), (SAME, 13.0)):  # gone, hidden, and nothing where it was asked
        told = told_of(there, refused, off_mm=off_mm)
        assert (told.word, told.there) == ("not-assessable", None)


def test_a_nodule_whose_border_is_lost_is_still_there_where_its_brightness_is():
    shown = measure(SMALL.volume, SMALL_AT)
    assert told_of(SAME, shown).word == "present"
    assert (told_of(EMPTY, shown).word, told_of(EMPTY, shown).there) == ("resolved", None)


def test_what_is_still_there_lies_where_it_was_asked_not_where_something_larger_was_measured():
    told = told_of(SAME, measure(SMALL.volume, SMALL_AT), off_mm=1.5)
    assert told.there is not None
    assert told.there.centre_lps_mm == pytest.approx(SAME_AT + np.array([0, 0, 1.5]), abs=0.3)


def test_without_a_word_why_it_says_that_it_was_not_measured():
    alone = Alone(tuple(SMALL_AT), BorderNotFound(leaking_percent=80.0), Carried(SAME_AT, SAME_AT, 0.3), [])
    told = explain_absence(SMALL, SAME, alone, "resolved")
    assert told.there is not None
    assert isinstance(told.there.shown, NotMeasured)
    assert told.there.shown.code == "not_measured"


def test_a_blob_that_branches_as_a_vessel_is_not_taken_for_the_nodule_but_the_place_is_bright(
    monkeypatch: pytest.MonkeyPatch,
):
    def branching(scan: Scan, at_lps_mm: np.ndarray) -> NoduleMeasurement:
        return replace(measure(scan.volume, at_lps_mm), joined_share=0.4)

    monkeypatch.setattr("inference.sightings.measured_or_refused", branching)
    followed = follow_nodule(SMALL, SAME, SAME_PLACE, SMALL_AT, asked_on="prior", interval_days=200)
    assert (followed.comparison, followed.confidence, followed.growth) == ("present", KEPT_CONFIDENCE, None)
    assert isinstance(followed.current, NotMeasured)


def test_a_loose_map_does_not_say_that_it_is_still_there():
    loose = Carried(SAME_AT, SAME_AT, 9.0)
    alone = Alone(tuple(SMALL_AT), BorderNotFound(leaking_percent=80.0), loose, [])
    assert explain_absence(SMALL, SAME, alone, "resolved").word == "not-assessable"


def test_two_blobs_at_the_place_are_said_to_be_ambiguous():
    volume = EMPTY.volume.array_hu.copy()
    grid = np.indices(volume.shape).reshape(3, -1).T * np.asarray(EMPTY.volume.spacing_zyx_mm)
    middle = EMPTY.volume.index_from_lps(MIDDLE_LPS_MM) * np.asarray(EMPTY.volume.spacing_zyx_mm)
    for offset in (-3.4, 3.4):
        away = np.linalg.norm(grid - middle - np.array([0, 0, offset]), axis=1).reshape(volume.shape)
        volume[away < 2.4] += 880
    twins = Scan(volume=Volume(volume, EMPTY.volume.spacing_zyx_mm, EMPTY.volume.origin_lps_mm, np.eye(3)))
    one, at = scan(diameter_mm=5, seed=6)
    followed = follow_nodule(one, twins, nearly_identity(residual_mm=0.8), at, asked_on="prior", interval_days=99)
    assert followed.ambiguous
    assert followed.confidence < SURE
    assert (followed.comparison, followed.growth) == ("not-assessable", None)
    assert len(followed.rival_places_lps_mm) == 1


def test_grade_d_gives_the_word_no_rate():
    undated = Comparability("D", (Reason("no_interval", "D", ""),), 0.0)
    damaged = Comparability("D", (Reason("series_damaged", "D", ""),), 0.0)
    asked: dict[str, Any] = {"asked_on": "prior", "interval_days": 200}
    without_dates = follow_nodule(SMALL, LARGE, SAME_PLACE, SMALL_AT, comparability=undated, **asked)
    assert without_dates.comparison == "larger-markedly"
    assert without_dates.growth is None
    broken = follow_nodule(SMALL, LARGE, SAME_PLACE, SMALL_AT, comparability=damaged, **asked)
    assert broken.comparison == "present"
    assert broken.growth is None


def test_what_the_pair_costs_widens_the_interval():
    costly = Comparability("C", (), 0.5)
    asked: dict[str, Any] = {"asked_on": "prior", "interval_days": 200}
    followed = follow_nodule(SMALL, LARGER, SAME_PLACE, SMALL_AT, comparability=costly, **asked)
    assert followed.comparison == "unchanged"
    assert followed.growth is not None
    assert followed.growth.log_ratio_error > 0.5


def test_another_attenuation_class_makes_the_ratio_less_sure():
    faint = draw(NodulePhantom(diameter_mm=9.5, nodule_hu=-580, seed=7, side_mm=44))
    followed = follow_nodule(
        Scan(volume=faint.volume), LARGE, SAME_PLACE, LARGE_AT, asked_on="current", interval_days=99
    )
    assert followed.growth is not None
    assert followed.growth.log_ratio_error > 0.2


def test_without_an_interval_there_is_a_word_but_no_rate():
    followed = follow_nodule(SMALL, LARGE, SAME_PLACE, SMALL_AT, asked_on="prior")
    assert (followed.comparison, followed.growth) == ("larger-markedly", None)


def test_two_asked_points_in_one_nodule_are_one():
    one, two = follow_nodules(SMALL, SAME, SAME_PLACE, [point(SMALL_AT), point(SMALL_AT + 1.0)])
    assert (one.same_as, two.same_as) == ((1,), (0,))
    assert one.comparison == two.comparison == "unchanged"
    assert not one.ambiguous


def test_a_nodule_asked_on_both_scans_is_one():
    on_prior, on_current = follow_nodules(
        SMALL, LARGE, SAME_PLACE, [point(SMALL_AT), point(LARGE_AT, "current")], interval_days=200
    )
    assert (on_prior.same_as, on_current.same_as) == ((1,), (0,))
    assert on_prior.comparison == on_current.comparison == "larger-markedly"
    assert on_prior.confidence == on_current.confidence > 0.9


def point(at_lps_mm: np.ndarray, on: Side = "prior", partner: Point | None = None) -> Asked:
    x, y, z = (float(v) for v in at_lps_mm)
    return Asked((x, y, z), on, partner)


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        (0.5, "smaller-markedly"),
        (0.7, "smaller-slightly"),
        (0.9, "unchanged"),
        (1.2, "unchanged"),
        (1.3, "larger-slightly"),
        (1.8, "larger-markedly"),
    ],
)
def test_the_limits_of_the_words(ratio: float, word: str):
    assert change_word(growth(Estimate(100, 1), Estimate(100 * ratio, ratio), 100)) == word


def test_an_uncertain_doubling_is_unchanged():
    assert change_word(growth(Estimate(100, 40), Estimate(200, 80), 100)) == "unchanged"
    assert math.log(2) < 1.96 * math.hypot(0.4, 0.4)
