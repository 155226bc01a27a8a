"""Who belongs before the conference: the borders of each rule, from cases put to the guidelines themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nodules_app.clinical.answers import kept_answer
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import case_from_json
from nodules_app.clinical.conference import ConferenceReason, conference_reasons

FIRST, SECOND = "2025-01-01", "2026-01-01"
Json = dict[str, Any]


def entry(on: str, volume_mm3: int, axis_mm: float, **more: object) -> Json:
    return {"date": on, "volume_mm3": volume_mm3, "long_axis_mm": axis_mm, "short_axis_mm": axis_mm, **more}


def told(*entries: Json, attenuation: str = "solid", **nodule: object) -> tuple[ConferenceReason, ...]:
    case = {
        "id": "x",
        "setting": "screening",
        "guidelines": ["LUNGRADS2022", "BTS2015"],
        "patient": {"age": 66, "sex": "female", "smoking": {"status": "current"}},
        "exams": [
            {"date": day, "kind": "annual" if number else "baseline"}
            for number, day in enumerate(sorted({str(one["date"]) for one in entries}))
        ],
        "nodules": [{"id": "N1", "attenuation": attenuation, "lobe": "RUL", "measurements": list(entries)} | nodule],
    }
    return conference_reasons(case, kept_answer(assess(case_from_json(json.dumps(case)))))


def test_a_small_stable_nodule_stays_off_the_list() -> None:
    assert told(entry(FIRST, 60, 4.9), entry(SECOND, 61, 4.9)) == ()


def test_category_4b_is_put_on() -> None:
    assert ConferenceReason.CATEGORY_4B in told(entry(FIRST, 1800, 15.1))


def test_category_4x_is_put_on() -> None:
    shown = told(entry(FIRST, 1800, 15.1), suspicious_features=["spiculation"])
    assert ConferenceReason.CATEGORY_4X in shown


@pytest.mark.parametrize(("volume_mm3", "expected"), [(190, True), (187, False)])
def test_growth_counts_when_it_doubles_within_400_days(volume_mm3: int, expected: bool) -> None:
    shown = told(entry(FIRST, 100, 5.8), entry(SECOND, volume_mm3, 7.1))  # over 365 days: 394 and 404 days
    assert (ConferenceReason.FAST_GROWTH in shown) is expected


def test_a_solid_part_is_new_only_where_there_was_none() -> None:
    glass, part = {"attenuation": "ground_glass"}, {"attenuation": "part_solid", "solid_mean_mm": 3.0}
    new = told(entry(FIRST, 400, 9.1, **glass), entry(SECOND, 420, 9.3, **part), attenuation="part_solid")
    old = told(entry(FIRST, 400, 9.1, **part), entry(SECOND, 420, 9.3, **part), attenuation="part_solid")
    assert ConferenceReason.NEW_SOLID_PART in new
    assert ConferenceReason.NEW_SOLID_PART not in old


@pytest.mark.parametrize(("probability", "expected"), [("0.100000", True), ("0.099999", False), (None, False)])
def test_brock_counts_from_ten_percent(probability: str | None, expected: bool) -> None:
    risk = {"nodule_id": "N1", "brock_2b": {"probability": probability, "valid": True, "missing": []}}
    reasons = conference_reasons({"nodules": []}, {"results": [], "growth": [], "risk": risk})
    assert (ConferenceReason.BROCK in reasons) is expected


def test_the_fullest_brock_model_speaks() -> None:
    risk = {"brock_1a": {"probability": "0.3"}, "brock_2b": {"probability": "0.02"}}
    assert conference_reasons({"nodules": []}, {"results": [], "growth": [], "risk": risk}) == ()
