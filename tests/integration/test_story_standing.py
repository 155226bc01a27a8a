"""What became of a nodule at the latest exam, from plain values: nothing is said that no comparison showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid5

import pytest

from nodules_app.lifecycles import NoduleState
from nodules_app.models import ComparisonWord
from nodules_app.selectors.story_standing import Became, Standing, standing
from nodules_app.selectors.timeline import (
    Appearance,
    Change,
    ComparisonLine,
    Exam,
    Measured,
    NoduleLine,
    ScanLine,
    SeriesLine,
    Timeline,
)

HALF_A_YEAR = timedelta(days=183)
FIRST_ON = date(2025, 1, 7)
NONE = Measured("solid", 0, 0, 0, 0, None, None, None, None, None, None, (), None, "star-35 1", "")
Sizes = Sequence[float | None]


def code(name: str) -> UUID:
    return uuid5(UUID(int=0), name)


def exam(number: int, on: date | None) -> Exam:
    series = SeriesLine(code(f"series {number}"), "", "", 300, 1.0, 1.0, measurable=True, notices=())
    return Exam(code(f"exam {number}"), on, "", ScanLine(code(f"scan {number}"), series, (), "", None), ())


def seen(number: int, on: date | None, volume_mm3: float | None) -> Appearance:
    measured = replace(NONE, volume_mm3=volume_mm3, volume_sd_mm3=0.05 * volume_mm3) if volume_mm3 else None
    place = code(f"finding {number}"), code(f"scan {number}"), code(f"series {number}")
    return Appearance(*place, on, (0, 0, 0), present=True, origin="person", measured=measured, refusal=None)


def change(prior: int, current: int, word: str, ratio: float | None = None) -> Change:
    pair = code(f"scan {prior}"), code(f"scan {current}")
    said = Change(code("match"), code(f"pair {prior}{current}"), *pair, "A", 183, word, 1.0, None, (), "")
    return replace(said, volume_ratio=ratio)


def of(sizes: Sizes, *changes: Change, extra: float = 0.0, days: Sequence[date | None] = ()) -> Standing:
    """Let one nodule be seen on exams half a year apart with these volumes, compared as told."""
    on = days or [FIRST_ON + HALF_A_YEAR * number for number in range(len(sizes))]
    found = tuple(seen(number, on[number], size) for number, size in enumerate(sizes))
    nodule = NoduleLine(code("N1"), "N1", 1, None, NoduleState.ACTIVE, found, changes)
    pairs = tuple(
        ComparisonLine(one.comparison, one.prior_scan, one.current_scan, 183, "A", (), None, None, None, extra)
        for one in changes
    )
    return standing(Timeline(tuple(exam(number, day) for number, day in enumerate(on)), pairs, (nodule,)))


STEADY = (change(0, 1, "unchanged", 1.2), change(1, 2, "unchanged", 1.2))


@pytest.mark.parametrize(
    ("sizes", "changes", "became"),
    [
        ((100, 200), [change(0, 1, "larger-markedly", 2.0)], Became.GROWING),
        ((100, 200), [replace(change(0, 1, "present", 2.0), significant=True, vdt_days=183.0)], Became.GROWING),
        ((100, 120), [change(0, 1, "new")], Became.NEW),
        ((100, 120, 144), STEADY, Became.SLOWLY),
        ((100, 120, 144), [*STEADY, change(0, 2, "unchanged", 1.44)], Became.SLOWLY),
        ((100, None), [change(0, 1, "present")], Became.UNMEASURED),
        ((100, None), [], Became.UNMEASURED),
        ((100, 300), [], Became.NOT_COMPARED),
        *(
            ((100, 300), [change(0, 1, word)], Became.NOT_COMPARED)
            for word in ("present", "obscured", "not-assessable", "merged", "split", "seen-in-retrospect", "")
        ),
        ((100, 60), [change(0, 1, "smaller-slightly", 0.6)], Became.SMALLER),
        ((100, None), [change(0, 1, "resolved")], Became.GONE),
        ((100, None), [change(0, 1, "resected")], Became.GONE),
        ((100, 101), [change(0, 1, "unchanged", 1.01)], Became.UNCHANGED),
    ],
)
def test_what_became_of_a_nodule(sizes: Sizes, changes: Sequence[Change], became: Became) -> None:
    (one,) = of(sizes, *changes).nodules
    assert one.became is became


def test_each_word_of_a_comparison_leads_somewhere() -> None:
    said = {word: of((100, 100), change(0, 1, word)).nodules[0].became for word in ComparisonWord.values}
    assert {word for word, became in said.items() if became is Became.NEW} == {"new"}
    assert {word for word, became in said.items() if became is Became.UNCHANGED} == {"unchanged"}


def test_a_nodule_that_was_marked_on_the_latest_exam_alone_is_not_called_new() -> None:
    alone = of((None, 120))
    shown = Timeline(
        (exam(0, FIRST_ON), exam(1, FIRST_ON + HALF_A_YEAR)),
        (),
        (replace(alone.nodules[0].nodule, appearances=alone.nodules[0].nodule.appearances[1:]),),
    )
    assert [one.became for one in standing(shown).nodules] == [Became.NOT_COMPARED]


@pytest.mark.parametrize(
    ("sizes", "changes", "extra"),
    [
        ((100, 144), [change(0, 1, "unchanged", 1.44)], 0.0),  # two exams: their own comparison says all
        ((100, 120, 144), [STEADY[1]], 0.0),  # the first pair was never compared
        ((100, 120, 144), [change(0, 1, "present"), STEADY[1]], 0.0),  # its sizes are not comparable
        ((100, 120, 144), STEADY, 0.2),  # what the scans of both pairs add hides it
    ],
)
def test_slow_growth_is_claimed_only_where_every_pair_on_the_way_is_compared(
    sizes: Sizes, changes: Sequence[Change], extra: float
) -> None:
    (one,) = of(sizes, *changes, extra=extra).nodules
    assert one.became is Became.UNCHANGED


def test_an_exam_without_a_day_is_the_latest_only_where_no_exam_has_one() -> None:
    assert of((100,), days=[None]).on is None
    assert [one.became for one in of((100,), days=[None]).nodules] == [Became.NOT_COMPARED]
    told = of((100, 120, 144, 300), *STEADY, days=[FIRST_ON, FIRST_ON + HALF_A_YEAR, FIRST_ON + 2 * HALF_A_YEAR, None])
    assert told.on == FIRST_ON + 2 * HALF_A_YEAR
    assert [one.became for one in told.nodules] == [Became.SLOWLY]
