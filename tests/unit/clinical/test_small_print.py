"""What shows only in a reason, in the name of a missing field, or exactly at a limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess
from nodules_app.clinical.growth import doubling_time_days, growth_between
from nodules_app.clinical.growth import measured as sizes_of
from tests.unit.clinical.cases import PERSON, TODAY, answer, case, measured, months_ago, nodule

NO_ERROR = c.SizeErrors(volume_mm3=Decimal(0))


def test_an_equal_volume_without_error_has_no_doubling_time_to_give() -> None:
    before, now = measured(v=100, on=months_ago(3), sd=NO_ERROR), measured(v=100, sd=NO_ERROR)
    growth = growth_between("n", before, now)
    assert growth is not None
    assert growth.vdt_ci95_days == (None, None)


def test_no_days_no_doubling_time() -> None:
    assert doubling_time_days(0, Decimal(2)) is None


def test_a_resolved_entry_is_no_size_even_with_numbers() -> None:
    gone = replace(measured(v=100), resolved=True)
    assert sizes_of(nodule(measured(v=90, on=months_ago(3)), gone)) == (measured(v=90, on=months_ago(3)),)


def test_bts_compares_volumes_where_only_one_exam_has_a_diameter() -> None:
    of = nodule(measured(v=100, on=months_ago(12)), measured("7", v=170))
    result = answer("BTS2015", of, size_basis=c.SizeBasis.DIAMETER)
    assert result.rule_id == "BTS2015.FU.12M.GROWTH.400-600"


def test_the_largest_resolved_nodule_is_named() -> None:
    gone = c.Measurement(TODAY, resolved=True)
    small, large = (nodule(measured(size, on=months_ago(6)), gone, name=size) for size in ("5", "8"))
    for guideline in ("FLEISCHNER2017", "BTS2015"):
        assert {answer(guideline, *order).lead_nodule for order in ((small, large), (large, small))} == {"8"}


@pytest.mark.parametrize(("now", "words"), [("8.5", ["same_mm"]), ("8.4", ["same_mm", "status"])])
def test_smaller_by_more_than_1_5_mm_is_decreasing(now: str, words: list[str]) -> None:
    result = answer("LUNGRADS2022", nodule(measured("10", on=months_ago(3)), measured(now)))
    assert [reason.code for reason in result.why if reason.code in ("same_mm", "status")] == words


def test_growth_is_told_from_the_earlier_to_the_present_size() -> None:
    result = answer("LUNGRADS2022", nodule(measured("6", on=months_ago(6)), measured("9")))
    assert any("6.0" in said and "9.0" in said and said.index("6.0") < said.index("9.0") for said in result.sentences())


def test_a_mass_is_told_with_its_size() -> None:
    for guideline in ("FLEISCHNER2017", "ACCP2013", "CHINA2024"):
        assert "31.27" in " ".join(answer(guideline, nodule(measured("31.27"))).sentences())


def test_herder_without_pet_misses_the_pet_and_what_mayo_misses() -> None:
    risk = assess(case(nodule(measured("12"), lobe=None))).risk
    assert risk["herder"].missing == ("lobe", "pet_uptake")
    told = nodule(measured("12"), lobe=None, pet_uptake=c.PetUptake.FAINT)
    assert assess(case(told)).risk["herder"].missing == ("lobe",)


def test_calcification_in_the_peking_model() -> None:
    """60 years, 15 mm, stippled, lobulated: -4.496 + 0.07 x 60 + 0.676 x 1.5 - 1.615 = -0.897."""
    of = nodule(measured("15"), calcification=c.Calcification.STIPPLED, margin=c.Margin.LOBULATED)
    patient = replace(PERSON, family_history_any_cancer=False)
    probability = assess(case(of, patient=patient)).risk["pkuph"].probability
    assert probability is not None
    assert round(probability, 4) == Decimal("0.2897")


def test_an_exam_a_day_before_the_fifth_month_is_too_early_for_a_step() -> None:
    for day, category in ((months_ago(5), "2"), (months_ago(5) + timedelta(days=1), "3")):
        of = nodule(measured("7", on=day), measured("7"), previous_category="3", previous_category_date=day)
        assert answer("LUNGRADS2022", of).category == category


VALID = [
    ("mayo", "3.9", {}, False), ("mayo", "4", {}, True), ("mayo", "30", {}, True), ("mayo", "30.1", {}, False),
    ("mayo", "12", {"previous_extrathoracic_cancer_years": Decimal(5)}, False),
    ("mayo", "12", {"previous_extrathoracic_cancer_years": Decimal("5.1")}, True),
    ("va", "6.9", {}, False), ("va", "7", {}, True), ("va", "30", {}, True), ("va", "30.1", {}, False),
    ("pkuph", "30", {"family_history_any_cancer": False}, True),
    ("pkuph", "30.1", {"family_history_any_cancer": False}, False),
    ("brock_2b", "12", {"age": Decimal(49)}, False), ("brock_2b", "12", {"age": Decimal(50)}, True),
    ("brock_2b", "12", {"age": Decimal(75)}, True), ("brock_2b", "12", {"age": Decimal(76)}, False),
]  # fmt: skip


@pytest.mark.parametrize(("model", "size", "person", "valid"), VALID)
def test_where_the_population_of_a_model_ends(model: str, size: str, person: dict[str, Any], valid: bool) -> None:
    smoker = c.Smoking(c.SmokingStatus.FORMER, quit_years=Decimal(3))
    of = nodule(measured(size), calcification=c.Calcification.NONE)
    found = assess(case(of, setting="screening", patient=replace(PERSON, smoking=smoker, **person))).risk[model]
    assert found.probability is not None
    assert found.valid == valid
