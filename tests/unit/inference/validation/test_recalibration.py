"""Corrections of a model by outcomes: what they find, what they refuse, and laws of both ways."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, logit

from inference.validation.cases import Cases, NotAProbability
from inference.validation.recalibration import FEWEST, TooFewEvents, Way, recalibrate

WAYS: tuple[Way, ...] = ("logistic", "isotonic")


def cases(count: int, *, shift: float = 0.0, stretch: float = 1.0, seed: int = 6) -> Cases:
    """Cases whose model is off: its log-odds are ``(true - shift) / stretch``."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-0.8, 1.4, size=count)
    return Cases.of(expit((true - shift) / stretch), rng.random(count) < expit(true))


def test_what_was_put_in_is_found_by_the_logistic_way() -> None:
    found = recalibrate(cases(8000, shift=0.8, stretch=0.6), "logistic", draws=20)
    assert found.intercept_ratio == pytest.approx(0.8, abs=0.1)
    assert found.slope_ratio == pytest.approx(0.6, abs=0.05)
    assert found.of(float(expit(1.0))).share == pytest.approx(float(expit(0.6 + 0.8)), abs=0.03)
    assert found.brier_after_ratio < found.brier_before_ratio


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_right_stays_as_it_is(way: Way) -> None:
    found = recalibrate(cases(6000), way, draws=30)
    for probability in (0.1, 0.3, 0.6):
        corrected = found.of(probability)
        assert corrected.share == pytest.approx(probability, abs=0.06)
        assert corrected.low_share <= corrected.share <= corrected.high_share


@pytest.mark.parametrize("way", WAYS)
def test_a_correction_never_turns_the_order_round(way: Way) -> None:
    found = recalibrate(cases(700, shift=0.5), way, draws=20)
    assert all(later >= sooner for sooner, later in pairwise(found.corrected_share))
    lines = zip(found.low_share, found.corrected_share, found.high_share, strict=True)
    assert all(low <= share <= high for low, share, high in lines)


def test_isotonic_pools_what_falls() -> None:
    # 0.2 turned out worse than 0.4 and 0.6: all three share what happened to them together.
    scores = np.repeat([0.05, 0.2, 0.4, 0.6, 0.95], 120)
    happened = np.concatenate([np.arange(120) < events for events in (5, 70, 60, 50, 115)])
    found = recalibrate(Cases.of(scores, happened), "isotonic", draws=10)
    pooled = (70 + 60 + 50) / 360
    assert found.of(0.4).share == pytest.approx(pooled, abs=0.005)
    assert found.of(0.05).share == pytest.approx(5 / 120, abs=0.01)


def test_the_band_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(30):
        found = recalibrate(cases(400, shift=0.7, seed=seed), "logistic", draws=60).of(0.3)
        held += found.low_share <= float(expit(logit(0.3) + 0.7)) <= found.high_share
    assert held >= 25


@pytest.mark.parametrize("way", WAYS)
def test_one_event_too_few_is_refused(way: Way) -> None:
    fewest = FEWEST[way]
    scores = np.linspace(0.01, 0.99, 4 * fewest)
    rng = np.random.default_rng(2)

    def with_events(events: int) -> Cases:
        return Cases.of(scores, rng.permutation(np.arange(4 * fewest) < events))

    with pytest.raises(TooFewEvents) as refused:
        recalibrate(with_events(fewest - 1), way)
    assert f"needs {fewest} of each" in refused.value.as_sentence()
    assert recalibrate(with_events(fewest), way, draws=5).events == fewest


def test_scores_on_another_scale_are_refused() -> None:
    some = cases(200)
    with pytest.raises(NotAProbability):
        recalibrate(Cases(some.scores * 100, some.outcomes, some.clusters), "logistic")


def test_the_same_outcomes_give_the_same_correction() -> None:
    assert recalibrate(cases(300), "logistic", draws=20) == recalibrate(cases(300), "logistic", draws=20)
