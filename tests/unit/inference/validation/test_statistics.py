"""Each statistic against published worked examples, plain definitions, and laws that need no reference."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inference.validation.calibration import brier, brier_skill, calibration, wilson
from inference.validation.cases import Cases, NotAProbability, NotFinite, OneOutcomeOnly
from inference.validation.discrimination import area, average_precision, compare_areas, precision_recall, roc
from inference.validation.froc import RATES, Marked, froc
from inference.validation.logistic import Separated, fit_logistic
from inference.validation.resampling import difference_of, interval_of
from inference.validation.usefulness import decision_curve, net_benefit, reclassified

# Hanley and McNeil 1982, Radiology 143:29, table 1: 109 CTs rated 1 to 5 by one reader; area 0.893, standard error
# 0.032 (by Wilcoxon's statistic).
NORMAL = (33, 6, 6, 11, 2)
ABNORMAL = (3, 2, 2, 11, 33)


def hanley() -> Cases:
    scores = [*np.repeat(range(1, 6), NORMAL), *np.repeat(range(1, 6), ABNORMAL)]
    return Cases.of(scores, [False] * sum(NORMAL) + [True] * sum(ABNORMAL))


@st.composite
def cases(draw: st.DrawFn) -> Cases:
    count = draw(st.integers(6, 40))
    scores = draw(st.lists(st.integers(1, 19).map(lambda step: step / 20), min_size=count, max_size=count))
    outcomes = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    assume(2 <= sum(outcomes) <= count - 2)
    return Cases.of(scores, outcomes)


def by_definition(some: Cases) -> float:
    """How often an event scores above another case; a tie is half."""
    pairs = itertools.product(some.scores[some.outcomes], some.scores[~some.outcomes])
    return float(np.mean([1.0 if one > other else 0.5 if one == other else 0.0 for one, other in pairs]))


# ---------------------------------------------------------------- discrimination


def test_the_area_of_the_published_example() -> None:
    found = area(hanley())
    assert found.share == pytest.approx(0.893, abs=0.0005)
    # The width on the log-odds, carried back, is that of a standard error of 0.031 to 0.032.
    odds = [math.log(one / (1 - one)) for one in (found.low_share, found.high_share)]
    error = (odds[1] - odds[0]) / 2 / 1.96 * found.share * (1 - found.share)
    assert error == pytest.approx(0.0317, abs=0.001)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_area_is_its_definition_and_that_under_the_curve(some: Cases) -> None:
    curve = roc(some)
    trapezoids = float(np.sum(np.diff(curve.x) * (curve.y[1:] + curve.y[:-1]) / 2))
    assert area(some).share == pytest.approx(by_definition(some))
    assert area(some).share == pytest.approx(trapezoids)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_ranks_alone_count(some: Cases) -> None:
    for stretched in (some.scores**3, np.exp(5 * some.scores), 7 * some.scores - 100):
        other = Cases.of(stretched, some.outcomes)
        assert area(other) == area(some)
        assert average_precision(other) == pytest.approx(average_precision(some))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_opposite_score_has_the_opposite_area(some: Cases) -> None:
    opposite = area(Cases.of(-some.scores, some.outcomes))
    found = area(some)
    assert opposite.share == pytest.approx(1 - found.share)
    assert opposite.low_share == pytest.approx(1 - found.high_share)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_a_model_does_not_differ_from_itself_and_differences_turn_their_sign(some: Cases) -> None:
    other = Cases.of(np.roll(some.scores, 1), some.outcomes)
    there, back = compare_areas(some, other), compare_areas(other, some)
    assert there.difference_ratio == pytest.approx(-back.difference_ratio)
    assert there.p_probability == pytest.approx(back.p_probability)
    assert compare_areas(some, some).difference_ratio == 0
    assert compare_areas(some, some).p_probability == 1


def test_the_variance_of_a_difference_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(3)
    outcomes = rng.random(60) < 0.4
    first = Cases.of(outcomes + rng.normal(size=60), outcomes)
    second = Cases.of(outcomes + rng.normal(size=60), outcomes)
    apart = []
    for one, kind in ((True, first.outcomes), (False, ~first.outcomes)):
        parts = []
        for some in (first, second):
            mine, theirs = some.scores[kind], some.scores[~kind]
            sign = 1 if one else -1
            parts.append([np.mean(np.sign(sign * (score - theirs)) + 1) / 2 for score in mine])
        apart.append(np.var(np.subtract(parts[0], parts[1]), ddof=1) / kind.sum())
    found = compare_areas(first, second)
    assert (found.high_ratio - found.low_ratio) / 2 / 1.959964 == pytest.approx(math.sqrt(sum(apart)), rel=1e-6)


def test_the_test_of_two_areas_is_wrong_once_in_twenty() -> None:
    rng = np.random.default_rng(11)
    outcomes = np.arange(80) < 30
    small = 0
    for _ in range(400):
        shared = rng.normal(size=80) + outcomes
        first, second = (Cases.of(shared + rng.normal(size=80), outcomes) for _ in range(2))
        small += compare_areas(first, second).p_probability < 0.05
    assert 8 <= small <= 36  # 20 expected; 99 % limits of chance with the small-sample error of the method


def test_a_perfect_order_still_has_an_interval() -> None:
    found = area(Cases.of(range(20), [False] * 10 + [True] * 10))
    assert (found.share, found.low_share, found.high_share) == (1.0, 0.7, 1.0)


def test_average_precision_of_a_worked_example() -> None:
    # From the highest score: hit, miss, hit, miss. Precision at the hits 1 and 2/3, each half of the events.
    some = Cases.of([4, 3, 2, 1], [True, False, True, False])
    assert average_precision(some) == pytest.approx((1 + 2 / 3) / 2)
    assert list(precision_recall(some).y) == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])


def test_the_same_figures_as_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is no dependency; it is compared where it is")
    rng = np.random.default_rng(5)
    outcomes = rng.random(300) < 0.3
    some = Cases.of(1 / (1 + np.exp(-(outcomes + rng.normal(size=300)))), outcomes)
    assert area(some).share == pytest.approx(metrics.roc_auc_score(some.outcomes, some.scores))
    assert average_precision(some) == pytest.approx(metrics.average_precision_score(some.outcomes, some.scores))
    assert brier(some) == pytest.approx(metrics.brier_score_loss(some.outcomes, some.scores))


# ---------------------------------------------------------------- calibration


def test_predictions_that_are_true_have_intercept_0_and_slope_1() -> None:
    rng = np.random.default_rng(2)
    probabilities = rng.uniform(0.02, 0.9, size=20000)
    found = calibration(Cases.of(probabilities, rng.random(20000) < probabilities))
    assert found.intercept.value_ratio == pytest.approx(0, abs=0.06)
    assert found.slope.value_ratio == pytest.approx(1, abs=0.06)
    assert found.observed_over_expected_ratio == pytest.approx(1, abs=0.03)
    inside = [one.observed.low_share <= one.predicted_share <= one.observed.high_share for one in found.groups]
    assert sum(inside) >= 8


@pytest.mark.parametrize(("shift", "stretch"), [(1.0, 1.0), (0.0, 2.0), (-0.7, 0.5)])
def test_what_is_off_is_found(shift: float, stretch: float) -> None:
    rng = np.random.default_rng(4)
    odds = rng.normal(-1, 1.2, size=30000)
    outcomes = rng.random(30000) < 1 / (1 + np.exp(-odds))
    predicted = 1 / (1 + np.exp(-(odds * stretch - shift)))
    found = calibration(Cases.of(predicted, outcomes))
    assert found.slope.value_ratio == pytest.approx(1 / stretch, rel=0.05)
    if stretch == 1.0:
        assert found.intercept.value_ratio == pytest.approx(shift, abs=0.05)


def test_logistic_regression_on_a_table_of_four_is_its_odds_ratio() -> None:
    # 20 of 100 without the factor, 60 of 100 with it: log odds ratio ln(6), error by Woolf's formula.
    exposed = np.repeat([0.0, 1.0], 100)
    outcomes = np.concatenate([np.arange(100) < 20, np.arange(100) < 60])
    found = fit_logistic(np.column_stack([np.ones(200), exposed]), outcomes)
    assert found.coefficients[1] == pytest.approx(math.log((60 / 40) / (20 / 80)))
    assert found.standard_error(1) == pytest.approx(math.sqrt(1 / 60 + 1 / 40 + 1 / 20 + 1 / 80))


def test_what_parts_all_outcomes_has_no_slope() -> None:
    with pytest.raises(Separated):
        calibration(Cases.of([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [False] * 3 + [True] * 3))


def test_brier_of_a_worked_example() -> None:
    some = Cases.of([0.9, 0.8, 0.3, 0.1], [True, True, False, False])
    assert brier(some) == pytest.approx((0.01 + 0.04 + 0.09 + 0.01) / 4)
    assert brier_skill(some) == pytest.approx(1 - 0.0375 / 0.25)
    assert brier_skill(Cases.of([0.5] * 4, [True, True, False, False])) == pytest.approx(0)


def test_wilson_of_a_worked_example() -> None:
    # Newcombe 1998, Stat Med 17:857, table I: 81 of 263 gives 0.2553 to 0.3662.
    found = wilson(81, 263)
    assert (round(found.low_share, 4), round(found.high_share, 4)) == (0.2553, 0.3662)


# ---------------------------------------------------------------- usefulness


def test_net_benefit_of_a_worked_example() -> None:
    # At 20 %: 8 true and 12 false positives of 100 give 0.08 - 0.12 * 0.25.
    scores = [0.5] * 8 + [0.1] * 2 + [0.5] * 12 + [0.1] * 78
    some = Cases.of(scores, [True] * 10 + [False] * 90)
    assert net_benefit(some, 0.2) == pytest.approx(0.08 - 0.12 * 0.25)
    curve = decision_curve(some, [0.2])
    assert curve.everybody[0] == pytest.approx(0.1 - 0.9 * 0.25)


@settings(max_examples=40, deadline=None)
@given(cases(), st.floats(0.02, 0.6))
def test_no_model_is_more_useful_than_knowing(some: Cases, threshold: float) -> None:
    assert net_benefit(some, threshold) <= some.prevalence + 1e-12
    below_all = float(some.scores.min()) / 2
    assert net_benefit(some, below_all) == pytest.approx(decision_curve(some, [below_all]).everybody[0])


def test_reclassification_of_a_worked_example() -> None:
    # Of 4 events 2 move up and 1 down, of 5 others 1 moves up and 3 down: 0.25 and 0.4.
    old = [0.1, 0.1, 0.3, 0.3, 0.1, 0.3, 0.3, 0.3, 0.1]
    new = [0.3, 0.3, 0.1, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1]
    outcomes = [True] * 4 + [False] * 5
    found = reclassified(Cases.of(old, outcomes), Cases.of(new, outcomes), [0.2])
    assert found.events_nri_ratio == pytest.approx(0.25)
    assert found.others_nri_ratio == pytest.approx(0.4)
    assert found.nri_ratio == pytest.approx(0.65)
    assert found.idi_ratio == pytest.approx((0.25 - 0.14) - (0.2 - 0.22))


# ---------------------------------------------------------------- drawing again


def test_a_bootstrap_interval_agrees_with_delong() -> None:
    some = hanley()
    drawn = interval_of(lambda one: area(one).share, some, draws=400)
    known = area(some)
    assert drawn.low_ratio == pytest.approx(known.low_share, abs=0.02)
    assert drawn.high_ratio == pytest.approx(known.high_share, abs=0.02)


def test_cases_of_one_patient_are_drawn_together() -> None:
    rng = np.random.default_rng(1)
    outcomes = np.repeat(rng.random(40) < 0.4, 5)
    scores = np.repeat(rng.normal(size=40), 5) + outcomes
    alone = interval_of(lambda one: area(one).share, Cases.of(scores, outcomes), draws=200)
    together = interval_of(
        lambda one: area(one).share, Cases.of(scores, outcomes, np.repeat(np.arange(40), 5)), draws=200
    )
    assert together.high_ratio - together.low_ratio > 1.5 * (alone.high_ratio - alone.low_ratio)


def test_one_model_twice_has_no_difference_in_any_draw() -> None:
    found = difference_of(brier, *[Cases.of([0.9, 0.6, 0.4, 0.2, 0.1], [True, True, False, True, False])] * 2, draws=50)
    assert (found.value_ratio, found.low_ratio, found.high_ratio) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval() -> None:
    assert interval_of(average_precision, hanley(), draws=50) == interval_of(average_precision, hanley(), draws=50)


# ---------------------------------------------------------------- marks


def test_froc_of_a_worked_example() -> None:
    # Two scans: nodules marked at 0.9 and 0.4 and one missed; false marks at 0.8, 0.5 and 0.3.
    scans = (Marked((0.9, -math.inf), (0.8, 0.3)), Marked((0.4,), (0.5,)))
    found = froc(scans, draws=20)
    assert list(found.false_per_scan) == pytest.approx([0, 0, 0.5, 1, 1, 1.5])
    assert list(found.found) == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert [one.share for one in found.at_rates] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert len(found.at_rates) == len(RATES)
    assert found.mean.share == pytest.approx((3 / 3 + 8 / 3) / 7)


def test_no_nodule_no_froc() -> None:
    with pytest.raises(ValueError, match="nothing to find"):
        froc([Marked((), (0.5,))])


# ---------------------------------------------------------------- what is refused


def test_one_kind_of_outcome_is_refused_with_its_numbers() -> None:
    with pytest.raises(OneOutcomeOnly) as refused:
        Cases.of([0.1, 0.2, 0.3], [False, True, False])
    assert refused.value.as_sentence() == "1 of 3 cases are malignant; at least 2 of each kind are needed."


def test_scores_that_are_no_probabilities_and_no_numbers_are_refused() -> None:
    with pytest.raises(NotAProbability):
        brier(Cases.of([1.2, 0.1, 0.3, 0.2], [True, True, False, False]))
    with pytest.raises(NotFinite):
        Cases.of([math.nan, 0.1, 0.3, 0.2], [True, True, False, False])


def test_two_models_on_other_cases_are_not_compared() -> None:
    first = Cases.of([0.1, 0.2, 0.3, 0.4], [True, True, False, False])
    second = Cases.of([0.1, 0.2, 0.3, 0.4], [True, False, True, False])
    for compare in (compare_areas, lambda a, b: reclassified(a, b, []), lambda a, b: difference_of(brier, a, b)):
        with pytest.raises(ValueError, match="same cases"):
            compare(first, second)
