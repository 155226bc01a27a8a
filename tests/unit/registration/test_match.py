"""Findings of both scans, one to one, and said when it is not clear."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from registration.match import Finding, match_findings, pair_probabilities
from tests.unit.registration.test_transform import registration

SHIFT = np.array([0.0, 0.0, 5.0])
IDENTITY_TURN = registration()


def carried(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Where the registration of these tests puts a prior point."""
    a, b, c = IDENTITY_TURN.current_from_prior([x, y, z]).tolist()
    return a, b, c


def moved_by(point: tuple[float, float, float], mm: float) -> tuple[float, float, float]:
    return point[0] + mm, point[1], point[2]


def test_the_same_nodule_is_found_and_a_new_and_a_vanished_one_stay_alone() -> None:
    prior = [Finding((20, 20, 20), 6.0, "solid"), Finding((70, 60, 20), 8.0, "solid")]
    current = [Finding(carried(40, 80, 80), 5.0, "solid"), Finding(moved_by(carried(20, 20, 20), 0.8), 7.0, "solid")]
    result = match_findings(prior, current, IDENTITY_TURN)
    (pair,) = result.pairs
    assert (pair.prior, pair.current) == (0, 1)
    assert pair.sure
    assert pair.distance_mm == pytest.approx(0.8)
    assert result.only_prior == (1,)
    assert result.only_current == (0,)
    assert result.ambiguous == ()


def test_two_candidates_at_the_same_distance_are_ambiguous() -> None:
    prior = [Finding((50, 50, 50), 6.0)]
    here = carried(50, 50, 50)
    result = match_findings(
        prior, [Finding(moved_by(here, 2.0), 6.0), Finding(moved_by(here, -2.0), 6.0)], IDENTITY_TURN
    )
    (pair,) = result.ambiguous
    assert pair.probability == pytest.approx(0.5, abs=0.02)
    assert pair.rivals == (1 - pair.current,)


def test_size_and_attenuation_decide_between_neighbours() -> None:
    here = carried(50, 50, 50)
    prior = [Finding((50, 50, 50), 6.0, "ground_glass")]
    current = [Finding(moved_by(here, 1.5), 14.0, "solid"), Finding(moved_by(here, -1.5), 6.5, "ground_glass")]
    (pair,) = match_findings(prior, current, IDENTITY_TURN).pairs
    assert pair.current == 1
    assert pair.sure


def test_neighbours_are_paired_together_not_greedily() -> None:
    """The second prior finding is nearest to the first current one, but then nothing would be left for the first."""
    one, two = (50.0, 50.0, 50.0), (50.0, 50.0, 54.0)
    current = [Finding(carried(50, 50, 53.0), 5.0), Finding(carried(50, 50, 57.0), 5.0)]
    result = match_findings([Finding(one, 5.0), Finding(two, 5.0)], current, IDENTITY_TURN)
    assert [(pair.prior, pair.current) for pair in result.pairs] == [(0, 0), (1, 1)]


def test_nothing_is_paired_across_the_lung() -> None:
    result = match_findings([Finding((20, 20, 20))], [Finding(carried(60, 60, 60))], IDENTITY_TURN)
    assert result.pairs == ()
    assert (result.only_prior, result.only_current) == ((0,), (0,))


def test_a_finding_that_the_map_does_not_reach_is_named() -> None:
    result = match_findings([Finding((50, 50, -200))], [Finding(carried(50, 50, 50))], IDENTITY_TURN)
    assert result.not_carried == (0,)
    assert result.only_prior == ()


def test_no_findings_give_no_pairs() -> None:
    empty = match_findings([], [], IDENTITY_TURN)
    assert (empty.pairs, empty.only_prior, empty.only_current, empty.not_carried) == ((), (), (), ())
    assert match_findings([], [Finding(carried(50, 50, 50))], IDENTITY_TURN).only_current == (0,)
    assert match_findings([Finding((50, 50, 50))], [], IDENTITY_TURN).only_prior == (0,)


places = st.tuples(*[st.floats(5, 90)] * 3)
findings = st.lists(st.builds(Finding, places, st.none() | st.floats(3, 30)), max_size=6)


@settings(max_examples=50, deadline=None)
@given(findings, findings)
def test_every_finding_has_exactly_one_place(prior: list[Finding], there: list[Finding]) -> None:
    current = [Finding(carried(*finding.lps_mm), finding.diameter_mm) for finding in there]
    result = match_findings(prior, current, IDENTITY_TURN)
    of_prior = [pair.prior for pair in result.pairs] + [*result.only_prior, *result.not_carried]
    of_current = [pair.current for pair in result.pairs] + list(result.only_current)
    assert sorted(of_prior) == list(range(len(prior)))
    assert sorted(of_current) == list(range(len(current)))
    assert all(0 <= pair.probability <= 1 for pair in result.pairs)


@settings(max_examples=30, deadline=None)
@given(places, st.floats(0, 8), st.floats(0, 8))
def test_farther_is_never_surer(place: tuple[float, float, float], near_mm: float, far_mm: float) -> None:
    near_mm, far_mm = sorted([near_mm, far_mm])
    probability = []
    for mm in (near_mm, far_mm):
        pairs = match_findings([Finding(place)], [Finding(moved_by(carried(*place), mm))], IDENTITY_TURN).pairs
        probability.append(pairs[0].probability if pairs else 0.0)
    assert probability[0] >= probability[1] - 1e-9


@pytest.mark.parametrize(("diameter", "attenuation"), [(0.0, None), (float("nan"), None), (5.0, "fluffy")])
def test_a_finding_is_possible(diameter: float, attenuation: str | None) -> None:
    with pytest.raises(ValueError, match="no such"):
        Finding((0, 0, 0), diameter, attenuation)


def test_two_neighbours_on_both_scans_are_sure_together_although_each_alone_would_not_be() -> None:
    """Each current finding could be either prior one, but both taken crosswise would be much less likely."""
    prior = [Finding((50, 50, 50), 6.0), Finding((50, 50, 55), 6.0)]
    current = [Finding(carried(50, 50, 50.3), 6.0), Finding(carried(50, 50, 55.3), 6.0)]
    result = match_findings(prior, current, IDENTITY_TURN)
    assert [(pair.prior, pair.current) for pair in result.pairs] == [(0, 0), (1, 1)]
    assert all(pair.sure for pair in result.pairs)
    assert result.ambiguous == ()


def test_two_prior_findings_for_one_current_one_are_both_named() -> None:
    prior = [Finding((50, 50, 48), 6.0), Finding((50, 50, 52), 6.0)]
    (pair,) = match_findings(prior, [Finding(carried(50, 50, 50), 6.0)], IDENTITY_TURN).pairs
    assert pair.ambiguous
    assert pair.prior_rivals == (1 - pair.prior,)
    assert pair.rivals == ()


def test_a_pair_that_a_person_confirmed_stands_and_is_taken() -> None:
    prior = [Finding((50, 50, 50), 6.0), Finding((50, 50, 53), 6.0)]
    current = [Finding(carried(50, 50, 50), 6.0), Finding(carried(50, 50, 53), 6.0)]
    freely = match_findings(prior, current, IDENTITY_TURN)
    assert [(pair.prior, pair.current) for pair in freely.pairs] == [(0, 0), (1, 1)]
    told = match_findings(prior, current, IDENTITY_TURN, settled=[(0, 1)])
    assert [(pair.prior, pair.current) for pair in told.pairs] == [(0, 1), (1, 0)]
    assert told.pairs[0].probability == 1.0
    assert told.pairs[0].rivals == told.pairs[0].prior_rivals == ()


def test_clutter_is_believed_less_than_a_marked_finding() -> None:
    def probability(*, clutter: bool) -> float:
        there = Finding(moved_by(carried(50, 50, 50), 3.5), 6.0, clutter=clutter)
        pairs = match_findings([Finding((50, 50, 50), 6.0)], [there], IDENTITY_TURN).pairs
        return pairs[0].probability if pairs else 0.0

    assert probability(clutter=True) < probability(clutter=False)


def test_density_and_shape_decide_too() -> None:
    prior = [Finding((50, 50, 50), 6.0, mean_hu=-50.0, slenderness=1.1)]
    at = carried(50, 50, 50)
    for other in (
        Finding(moved_by(at, 1.5), 6.0, mean_hu=-650.0, slenderness=1.1),
        Finding(moved_by(at, 1.5), 6.0, mean_hu=-50.0, slenderness=2.4),
    ):
        alike = Finding(moved_by(at, -1.5), 6.0, mean_hu=-60.0, slenderness=1.1)
        (pair,) = match_findings(prior, [other, alike], IDENTITY_TURN).pairs
        assert pair.current == 1
        assert pair.probability > 0.8


odds_of_few = st.integers(1, 3).flatmap(
    lambda rows: st.integers(1, 4).flatmap(
        lambda columns: arrays(float, (rows, columns), elements=st.sampled_from([0.0, 0.01, 0.7, 3.0, 500.0]))
    )
)


@settings(max_examples=60, deadline=None)
@given(odds_of_few)
def test_probabilities_are_those_of_all_pairings_counted_one_by_one(odds: np.ndarray) -> None:
    rows, columns = odds.shape
    total, with_pair = 0.0, np.zeros_like(odds)
    for partners in itertools.product(range(-1, columns), repeat=rows):
        used = [j for j in partners if j >= 0]
        if len(used) != len(set(used)):
            continue
        weight = math.prod(odds[i, j] for i, j in enumerate(partners) if j >= 0)
        total += weight
        for i, j in enumerate(partners):
            if j >= 0:
                with_pair[i, j] += weight
    assert pair_probabilities(odds) == pytest.approx(with_pair / total, rel=1e-9, abs=1e-12)


def test_a_large_crowd_is_answered_with_a_lower_bound() -> None:
    few = np.full((7, 7), 1e-3) + np.diag([1000.0] * 7)
    chances = pair_probabilities(few)
    assert np.diag(chances) == pytest.approx([1000.001 / (1001.001 + 12e-3)] * 7)
    assert (chances.sum(axis=1) <= 1).all()
