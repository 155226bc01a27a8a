"""Findings of both scans, one to one, and said when it is not clear."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registration.match import Finding, match_findings
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
