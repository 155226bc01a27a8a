"""What counts as moved: false alarms stay rare however much is compared, real moves are seen, few cases say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from inference.validation.drift import Counts, Moved, Numbers, drifted, holm, stability_index


def only(one: Numbers | Counts) -> Moved:
    (moved,) = drifted([one])
    return moved


def test_holm_of_a_worked_example() -> None:
    # 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1, never falling; what was not tested does not count.
    assert holm([0.04, 0.01, None, 0.03, 0.02]) == pytest.approx([0.06, 0.04, None, 0.06, 0.06])


def test_the_stability_index_of_a_worked_example() -> None:
    # Reference: tenths of 0 to 99. Now all in the lower half: five bins 0.2 against 0.1, five near 0 against 0.1.
    now = [value for value in range(50) for _ in range(20)]
    empty = 0.5 / (1000 + 5 * 0.5)
    full = 200 / (1000 + 5 * 0.5)
    expected = 5 * (full - 0.1) * np.log(full / 0.1) + 5 * (empty - 0.1) * np.log(empty / 0.1)
    assert stability_index(now, list(range(100))) == pytest.approx(expected)


def test_equal_spreads_have_index_0_and_a_scale_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    values = rng.lognormal(size=500)
    assert stability_index(values, values) == pytest.approx(0, abs=1e-12)
    shifted = values * 1.5
    assert stability_index(shifted, values) == pytest.approx(stability_index(7 * shifted, 7 * values))


def test_where_nothing_moves_a_page_raises_an_alarm_in_one_case_of_twenty_at_most() -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(50):
        page: list[Numbers | Counts] = [Numbers("n", rng.normal(size=60), rng.normal(size=300)) for _ in range(8)]
        page += [Counts("c", (rng.binomial(40, 0.2), 40), (rng.binomial(400, 0.2), 400)) for _ in range(8)]
        alarms += any(one.has_moved for one in drifted(page))
    assert alarms <= 7


def test_another_scanner_is_seen() -> None:
    rng = np.random.default_rng(3)
    moved = only(Numbers("noise", rng.normal(34, 5, size=40), rng.normal(25, 5, size=300)))
    assert moved.has_moved
    assert moved.size_ratio is not None
    assert moved.size_ratio > 0.5


def test_a_sure_but_small_move_raises_no_alarm() -> None:
    rng = np.random.default_rng(4)
    moved = only(Numbers("noise", rng.normal(25.6, 5, size=5000), rng.normal(25, 5, size=5000)))
    assert moved.p_probability is not None
    assert moved.p_probability < 0.001
    assert not moved.has_moved


@pytest.mark.parametrize(
    ("now", "before", "has_moved"),
    [((30, 60), (40, 400), True), ((7, 60), (40, 400), False), ((25, 500), (5, 500), False)],
)
def test_shares_move_when_sure_and_large(now: tuple[int, int], before: tuple[int, int], has_moved: bool) -> None:
    assert only(Counts("rejected", now, before)).has_moved is has_moved


@pytest.mark.parametrize(
    "one",
    [Numbers("n", [9.0] * 19, [1.0] * 100), Numbers("n", [9.0] * 30, [1.0] * 49), Counts("c", (19, 19), (0, 100))],
)
def test_too_few_say_nothing(one: Numbers | Counts) -> None:
    moved = only(one)
    assert (moved.size_ratio, moved.p_probability, moved.adjusted_probability) == (None, None, None)
    assert not moved.has_moved
