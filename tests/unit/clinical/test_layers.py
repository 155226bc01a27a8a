"""A probability taken apart: moves add up to the published model, PET and blood multiply its odds, nothing hides."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.clinical.case import PetUptake
from nodules_app.clinical.codec import case_from_json
from nodules_app.clinical.risk.layers import PUBLISHED, layers
from nodules_app.clinical.risk.models import risks
from nodules_app.clinical.risk.subject import log_odds
from nodules_app.clinical.view import View, look_at

NODULE: dict[str, Any] = {
    "id": "N1",
    "attenuation": "part_solid",
    "lobe": "RUL",
    "margin": "spiculated",
    "measurements": [{"date": "2026-11-18", "long_axis_mm": "14", "short_axis_mm": "10"}],
}
PERSON: dict[str, Any] = {
    "age": "58",
    "sex": "female",
    "smoking": {"status": "former"},
    "family_history_lung_cancer": True,
    "emphysema": True,
}


def view_of(person: dict[str, Any] = PERSON, **nodule: object) -> View:
    case = {
        "id": "c",
        "setting": "screening",
        "patient": person,
        "exams": [{"date": "2026-11-18"}],
        "nodules": [NODULE | nodule],
    }
    return look_at(case_from_json(json.dumps(case)))


@given(
    st.integers(30, 90),
    st.sampled_from(["female", "male"]),
    st.booleans(),
    st.decimals("4", "30", places=1),
    st.sampled_from(["solid", "part_solid", "ground_glass"]),
    st.sampled_from(["RUL", "LLL"]),
)
def test_the_moves_lead_from_the_reference_nodule_to_the_published_model(
    age: int, sex: str, emphysema: bool, long_mm: Decimal, attenuation: str, lobe: str
) -> None:
    size = [{"date": "2026-11-18", "long_axis_mm": str(long_mm), "short_axis_mm": "4"}]
    view = view_of(
        PERSON | {"age": str(age), "sex": sex, "emphysema": emphysema},
        attenuation=attenuation,
        lobe=lobe,
        measurements=size,
    )
    found = layers(view)
    assert found is not None
    said = risks(view)[1]["brock_2b"].probability
    assert said is not None
    assert found.base.probability == said
    moved = sum((move.log_odds for move in found.moves), log_odds(found.start_probability))
    assert abs(moved - log_odds(said)) < Decimal("1e-15")
    assert found.combined.probability == pytest.approx(said)


def test_pet_and_blood_multiply_the_odds_and_their_errors_make_the_interval() -> None:
    plain, both = layers(view_of()), layers(view_of(pet_uptake="moderate"), blood="negative")
    assert plain is not None
    assert both is not None
    odds = log_odds(both.combined.probability) - log_odds(plain.combined.probability)
    assert float(odds.exp()) == pytest.approx(3.33 * 0.73)
    assert plain.low_probability == pytest.approx(plain.combined.probability)
    assert both.low_probability < both.combined.probability < both.high_probability
    assert {move.name for move in both.combined.moves} == {"pet", "cea"}
    assert both.combined.assumes == "independent_given_base"
    assert plain.combined.missing == ("pet", "cea")


def test_one_ratio_alone_gives_the_interval_of_its_publication() -> None:
    found = layers(view_of(), blood="positive")
    assert found is not None
    base = log_odds(found.combined.base_probability)
    assert float((log_odds(found.low_probability) - base).exp()) == pytest.approx(2.84, rel=0.01)
    assert float((log_odds(found.high_probability) - base).exp()) == pytest.approx(5.54, rel=0.01)


@pytest.mark.parametrize(
    ("uptake", "value"),
    [("absent", "negative"), ("faint", "negative"), ("moderate", "positive"), ("intense", "positive")],
)
def test_uptake_above_the_blood_pool_counts_as_positive(uptake: PetUptake, value: str) -> None:
    found = layers(view_of(pet_uptake=uptake))
    assert found is not None
    (move,) = found.combined.moves
    assert move.value == value
    assert move.log_odds == PUBLISHED["pet"][value].ratio.ln()


def test_after_pet_it_points_where_the_guideline_points_after_pet() -> None:
    before, after = layers(view_of()), layers(view_of(pet_uptake="intense"))
    assert before is not None
    assert after is not None
    assert (before.guideline, before.step) == ("BTS2015", "pet_ct")
    assert after.guideline == "BTS2015"
    assert after.step in {"biopsy", "excision"}


def test_mayo_takes_over_where_brock_lacks_an_input_and_nothing_where_both_do() -> None:
    found = layers(view_of({"age": "58", "smoking": {"status": "former"}}))
    assert found is not None
    assert found.base.model == "mayo"
    assert found.guideline == "ACCP2013"
    assert layers(view_of({})) is None


def test_a_clinics_own_correction_takes_the_place_of_the_published_probability() -> None:
    found = layers(view_of(), corrected=lambda model, _: Decimal("0.02") if model == "brock_2b" else None)
    assert found is not None
    assert found.corrected_here
    assert found.combined.base_probability == Decimal("0.02")
    assert found.step == "ct"
