"""Laws of what may be shared: whoever subtracts learns nothing of few people."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nodules_app.selectors.quality.hiding import FEWEST, hidden, is_small, rounded

counts = st.integers(0, 30)
lists = st.lists(st.tuples(counts), min_size=1, max_size=9)
shares = st.lists(st.tuples(counts, counts), min_size=1, max_size=9)
tables = lists | shares


@given(tables)
def test_no_small_group_is_shown(groups: list[tuple[int, ...]]) -> None:
    shown = [counts for place, counts in enumerate(groups) if place not in hidden(groups)]
    assert not any(is_small(count) for counts in shown for count in counts)


@given(tables)
def test_the_total_minus_what_is_shown_leaves_every_hidden_group_open(groups: list[tuple[int, ...]]) -> None:
    """The reader knows the exact total and the exact shown groups, more than the page says.

    A total with a small side is not shown at all, by the first rule; then none of its groups is.
    """
    out = hidden(groups)
    sides = list(zip(*groups, strict=True))
    if any(is_small(sum(side)) for side in sides):
        assert len(out) == len(groups)
        return
    for side in sides:
        rest = sum(side) - sum(count for place, count in enumerate(side) if place not in out)
        places = [place for place in out if sum(groups[place])]
        # Any way to share ``rest`` among the hidden groups is possible, so each may be anything from 0 to ``rest``.
        assert not rest or (rest >= FEWEST and len(places) > 1)


@given(tables)
def test_nothing_is_hidden_without_need(groups: list[tuple[int, ...]]) -> None:
    if not any(is_small(count) for counts in groups for count in counts):
        assert hidden(groups) == frozenset()


def said(count: int) -> tuple[str, int]:
    """What a shared view says of one count."""
    return ("few", 0) if is_small(count) else ("about", rounded(count))


WORLDS: dict[tuple[str, int], list[int]] = {}
for _count in range(60):
    WORLDS.setdefault(said(_count), []).append(_count)


@given(st.integers(0, 50), st.integers(0, 50))
def test_two_overlapping_periods_do_not_say_how_many_lie_between(shorter: int, between: int) -> None:
    """Every pair of counts that would have been said alike is possible; their differences must stay apart."""
    longer = shorter + between if shorter + between < 58 else 57
    between = longer - shorter
    possible = {long - short for long in WORLDS[said(longer)] for short in WORLDS[said(shorter)] if long >= short}
    assert between in possible
    if is_small(between):
        assert len(possible) > 2, "a group of few must not be counted by subtraction"


@given(st.integers(0, 100_000))
def test_rounding_is_to_the_nearest_five(count: int) -> None:
    assert rounded(count) % FEWEST == 0
    assert abs(rounded(count) - count) <= FEWEST // 2


def test_the_smallest_other_group_is_hidden_with_a_small_one() -> None:
    assert hidden([(3,), (40,), (12,)]) == {0, 2}
    assert hidden([(30, 2), (40, 0), (50, 9)]) == {0, 1, 2}, "two on one side need the nine of the largest"
    assert hidden([(2,), (2,), (0,)]) == {0, 1, 2}
    assert hidden([(1, 5)]) == {0}
    assert hidden([]) == frozenset()
