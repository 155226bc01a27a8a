"""Which earlier exams are brought: the rule, its words in two languages, and its laws."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.dicom.network_found import FoundSeries, FoundStudy
from nodules_app.dicom.priors import Sought, WhyNot, choose, is_chest, worth_looking_into

TODAY = date(2026, 11, 21)
SOUGHT = Sought("P1", "HOSPITAL", date(1950, 2, 3), before=TODAY, most=3)


def series(description: str = "", body_part: str = "", modality: str = "CT", **more: object) -> FoundSeries:
    usual: dict[str, object] = {"slice_thickness_mm": None, "instances": 300} | more
    return FoundSeries("1.2", modality, description, body_part, **usual)  # type: ignore[arg-type] # by name


def study(uid: str = "1", days_ago: int = 100, *, description: str = "CT chest", **more: object) -> FoundStudy:
    usual: dict[str, object] = {
        "modalities": frozenset({"CT"}),
        "patient_id": "P1",
        "issuer": "",
        "birth_date": None,
        "sex": "",
        "instances": None,
        "series": (series(),),
    } | more
    return FoundStudy(uid, TODAY - timedelta(days=days_ago), description, **usual)  # type: ignore[arg-type] # by name


def why(one: FoundStudy, sought: Sought = SOUGHT) -> WhyNot | None:
    choice = choose([one], sought)
    assert len(choice.chosen) + len(choice.left_out) == 1
    return choice.left_out[0][1] if choice.left_out else None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CT Chest w/o contrast", True),
        ("THORAX HR", True),
        ("低剂量胸部平扫", True),
        ("肺CT", True),
        ("CT chest and abdomen", True),
        ("胸腹部增强", True),
        ("CTPA", True),
        ("CT abdomen", False),
        ("头颅CT平扫", False),
        ("冠状动脉CTA", False),
        ("Brain", False),
        ("CT", None),
        ("", None),
        ("Routine", None),
    ],
)
def test_words_of_the_body_part(text: str, shown: bool | None) -> None:
    assert is_chest(study(description=text)) is shown
    assert is_chest(study(description="", series=(series(text),))) is shown
    assert is_chest(study(description="", series=(series(body_part=text.upper()),))) is shown


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, None),
        ({"patient_id": "P2"}, WhyNot.OTHER_PATIENT),
        ({"issuer": "HOSPITAL"}, None),
        ({"issuer": "ELSEWHERE"}, WhyNot.OTHER_PATIENT),
        ({"birth_date": date(1950, 2, 3)}, None),
        ({"birth_date": date(1950, 3, 2)}, WhyNot.OTHER_PATIENT),
        ({"days_ago": 0}, WhyNot.NOT_EARLIER),
        ({"days_ago": -3}, WhyNot.NOT_EARLIER),
        ({"modalities": frozenset({"DX"})}, WhyNot.NO_CT),
        ({"modalities": frozenset({"PT", "CT"})}, None),
        ({"modalities": frozenset(), "series": (series(modality="MR"),)}, WhyNot.NO_CT),
        ({"modalities": frozenset(), "series": ()}, WhyNot.NO_CT),
        ({"series": (series(modality="SR"),)}, WhyNot.NO_CT),
        ({"description": "CT abdomen"}, WhyNot.NOT_THE_CHEST),
        ({"description": "CT", "series": (series(slice_thickness_mm=1.0),)}, None),
        ({"description": "CT", "series": (series(slice_thickness_mm=5.0),)}, WhyNot.TOO_THICK),
        ({"description": "CT", "series": (series(instances=300),)}, None),
        ({"description": "CT", "series": (series(instances=40),)}, WhyNot.TOO_THICK),
        ({"description": "CT", "series": (series(instances=None),)}, WhyNot.TOO_THICK),
        ({"series": (series(slice_thickness_mm=5.0),)}, None),
    ],
)
def test_what_an_exam_has_to_be(told: dict[str, object], reason: WhyNot | None) -> None:
    assert why(study(**told)) == reason  # type: ignore[arg-type] # by name


def test_an_exam_without_a_day_is_not_earlier() -> None:
    undated = FoundStudy("1", None, "CT chest", frozenset({"CT"}), "P1", "", None, "", None)
    assert why(undated) == WhyNot.NOT_EARLIER


def test_the_newest_and_the_oldest_are_chosen_newest_first() -> None:
    found = [study(str(days), days_ago=days) for days in (900, 100, 400, 200, 700)]
    choice = choose(found, SOUGHT)
    assert [one.study_uid for one in choice.chosen] == ["100", "200", "900"]
    assert {why_not for _, why_not in choice.left_out} == {WhyNot.ENOUGH_OTHERS}


def test_one_alone_is_the_newest() -> None:
    found = [study(str(days), days_ago=days) for days in (900, 100)]
    choice = choose(found, Sought("P1", "", None, TODAY, most=1))
    assert [one.study_uid for one in choice.chosen] == ["100"]


def test_what_is_here_counts_and_is_not_brought() -> None:
    found = [study(str(days), days_ago=days) for days in (900, 100, 400, 200)]
    sought = Sought("P1", "", None, TODAY, most=3, here=frozenset({"100", "900"}))
    assert [one.study_uid for one in choose(found, sought).chosen] == ["200"]


def test_only_those_that_may_be_meant_are_looked_into() -> None:
    found = [study("right"), study("wrong", patient_id="P2"), study("later", days_ago=-1)]
    assert [one.study_uid for one in worth_looking_into(found, SOUGHT)] == ["right"]


@given(
    days=st.lists(st.integers(-50, 4000), unique=True, max_size=30),
    most=st.integers(0, 8),
    here=st.sets(st.integers(-50, 4000), max_size=10),
)
def test_never_more_than_asked_never_what_is_here_and_each_answered_once(
    days: list[int], most: int, here: set[int]
) -> None:
    found = [study(str(day), days_ago=day) for day in days]
    sought = Sought("P1", "", None, TODAY, most, here=frozenset(map(str, here)))
    choice = choose([*found, *found], sought)
    assert len(choice.chosen) <= most
    assert not {one.study_uid for one in choice.chosen} & sought.here
    named = [one.study_uid for one in choice.chosen] + [one.study_uid for one, _ in choice.left_out]
    assert sorted(named) == sorted(map(str, days))
    earlier = [day for day in days if day > 0]
    if most and earlier and min(earlier) not in here:
        assert str(min(earlier)) == choice.chosen[0].study_uid
    if most > 1 and earlier and max(earlier) not in here:
        assert str(max(earlier)) in {one.study_uid for one in choice.chosen}
