"""Several answers, one next step: the earliest safe one, and why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.clinical.assess import assess
from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.clinical.next_step import Step, next_step, step_of
from tests.unit.clinical.cases import case, measured, nodule

SPRING, SUMMER, AUTUMN, WINTER = (date(2025, month, 1) for month in (3, 6, 9, 12))


def dated(name: str, first: date, last: date) -> Step:
    return Step(name, f"{name}.R", "bts_ct_3m", (first, last))


WORK_UP = Step("A", "A.W", "bts_workup", nodule_id="n1")
NOTHING = Step("B", "B.N", "bts_discharge")
MISSING = Step("C", "C.M", "measurement_needed")
ELSEWHERE = Step("D", "D.X", "not_applicable")
EARLY, LATE = dated("E", SPRING, SUMMER), dated("F", AUTUMN, WINTER)


@pytest.mark.parametrize(
    ("steps", "leads", "why", "overruled"),
    [
        ((EARLY,), EARLY, "step_only", ()),
        ((NOTHING, LATE, WORK_UP), WORK_UP, "step_work_up", (NOTHING, LATE)),
        ((NOTHING, LATE), LATE, "step_dated", (NOTHING,)),
        ((LATE, EARLY), EARLY, "step_sooner", (LATE,)),
        ((EARLY, dated("G", SUMMER, AUTUMN)), EARLY, "step_agreed", ()),
        ((WORK_UP, Step("G", "G.W", "accp_pet")), WORK_UP, "step_first", (Step("G", "G.W", "accp_pet"),)),
        ((NOTHING, Step("G", "G.N", "bts_discharge")), NOTHING, "step_agreed", ()),
    ],
)
def test_the_earliest_safe_step_leads(
    steps: tuple[Step, ...], leads: Step, why: str, overruled: tuple[Step, ...]
) -> None:
    found = next_step(steps)
    assert found is not None
    assert (found.step, found.why.code, found.overruled) == (leads, why, overruled)
    assert leads.rule_id in found.as_sentence()
    assert leads.rule_id in found.as_sentence("zh")
    assert not found.as_sentence("zh").isascii()


def test_who_cannot_answer_is_waited_for_and_who_does_not_apply_is_not() -> None:
    found = next_step((ELSEWHERE, MISSING, NOTHING))
    assert found is not None
    assert found.step == NOTHING
    assert found.waiting == (MISSING,)
    assert next_step((ELSEWHERE, MISSING)) is None
    assert next_step(()) is None


def test_the_steps_of_real_answers() -> None:
    told = assess(case(nodule(measured("7")), guidelines=("FLEISCHNER2017", "BTS2015", "LUNGRADS2022")))
    found = next_step(step_of(result) for result in told.results)
    assert found is not None
    assert (found.step.guideline, found.step.nodule_id) == ("BTS2015", "n1")
    assert found.why.code == "step_sooner"
    assert [step.guideline for step in found.overruled] == ["FLEISCHNER2017"]


@pytest.mark.parametrize(
    ("management", "window"),
    [("bts_ct_3m", None), ("bts_workup", (SPRING, SUMMER)), ("bts_ct_3m", (SUMMER, SPRING))],
)
def test_what_is_no_step(management: str, window: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match="no such step"):
        Step("A", "A.R", management, window)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    management = draw(st.sampled_from(sorted(MANAGEMENT)))
    window = None
    if MANAGEMENT[management].kind is ManagementClass.DATED:
        first, last = sorted(draw(st.tuples(st.dates(SPRING, WINTER), st.dates(SPRING, WINTER))))
        window = (first, last)
    return Step(draw(st.sampled_from("ABC")), "R", management, window)


@given(st.lists(steps(), max_size=5))
def test_nothing_safer_is_left_behind(asked: list[Step]) -> None:
    found = next_step(asked)
    speaking = [step for step in asked if step.speaks]
    assert (found is None) == (not speaking)
    if found is None:
        return
    assert len(found.meets) + len(found.overruled) == len(speaking) - 1
    if any(step.kind is ManagementClass.WORK_UP for step in speaking):
        assert found.step.kind is ManagementClass.WORK_UP
    elif windows := [step.window for step in speaking if step.window is not None]:
        assert found.step.window is not None
        assert found.step.window[1] == min(last for _, last in windows)


@given(st.lists(steps(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_the_guidelines_changes_nothing_but_ties(asked: list[Step], rng: Any) -> None:  # noqa: ANN401
    shuffled = list(asked)
    rng.shuffle(shuffled)
    one, other = next_step(asked), next_step(shuffled)
    assert (one and (one.step.kind, one.step.window)) == (other and (other.step.kind, other.step.window))
