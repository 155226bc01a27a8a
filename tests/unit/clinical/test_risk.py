"""The worked examples of the reference for every risk model, and whom the models were made for."""

# ruff: noqa: E501 - one case of a table is one line

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess
from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.risk.plcom2012 import plcom2012
from tests.unit.clinical.cases import case, measured, months_ago, nodule

D = Decimal


def risk(model: str, patient: c.Patient, of: c.Nodule, **more: Any) -> Probability:  # noqa: ANN401
    return assess(case(of, patient=patient, **more)).risk[model]


def smoker(status: str, **more: int) -> c.Smoking:
    return c.Smoking(c.SmokingStatus(status), **{name: D(value) for name, value in more.items()})


def person(age: int, sex: str = "male", **more: Any) -> c.Patient:  # noqa: ANN401
    facts = {"family_history_lung_cancer": False, "emphysema": False, "smoking": smoker("never")} | more
    return c.Patient(age=D(age), sex=sex, **facts)


BROCK = [
    (person(65, "female", emphysema=True), "solid", "12", "RUL", "spiculated", 1, ("0.1865", "0.3311", "0.2573", "0.3706")),
    (person(55), "ground_glass", "6", "RLL", "smooth", 3, ("0.0073", "0.0068", "0.0037", "0.0042")),
    (person(70, "female", emphysema=True, family_history_lung_cancer=True), "part_solid", "18", "LUL", "smooth", 2, ("0.3797", "0.3310", "0.6481", "0.5827")),
    (person(62), "solid", "4", "LLL", "smooth", 4, ("0.0013", "0.0014", "0.0011", "0.0011")),
]  # fmt: skip


@pytest.mark.parametrize(("patient", "attenuation", "size", "lobe", "margin", "count", "expected"), BROCK)
def test_brock(
    patient: c.Patient, attenuation: str, size: str, lobe: str, margin: str, count: int, expected: tuple[str, ...]
) -> None:
    of = nodule(measured(size), attenuation=attenuation, lobe=c.Lobe(lobe), margin=c.Margin(margin))
    for model, probability in zip(("brock_1a", "brock_1b", "brock_2a", "brock_2b"), expected, strict=True):
        found = risk(model, patient, of, nodule_count=count).probability
        assert found is not None
        assert round(found, 4) == D(probability)


@pytest.mark.parametrize(
    ("change", "outside"),
    [
        ({}, ()),
        ({"age": D(49)}, ("age",)),
        ({"age": D(76)}, ("age",)),
        ({"smoking": smoker("never")}, ("smoking",)),
    ],
)
def test_brock_population(change: dict[str, Any], outside: tuple[str, ...]) -> None:
    patient = replace(person(60, smoking=smoker("current")), **change)
    found = risk("brock_2b", patient, nodule(measured("8")), setting="screening")
    assert (found.valid, found.outside) == (not outside, outside)
    again = nodule(measured("8", on=months_ago(6)), measured("8"))
    assert "not_first_scan" in risk("brock_2b", patient, again, setting="screening").outside
    assert "setting" in risk("brock_2b", patient, nodule(measured("8"))).outside


def test_brock_counts_no_calcified_nodules() -> None:
    one, fat = nodule(measured("12")), nodule(measured("20"), name="n2", fat=True)
    other = nodule(measured("5"), name="n3", location=c.Location(perifissural=True))
    alone, beside, more = (
        assess(case(*nodules)).risk["brock_2b"].probability for nodules in ((one,), (one, fat), (one, other))
    )
    assert alone == beside
    assert alone is not None
    assert more is not None
    assert more < alone


MAYO = [
    (person(68, smoking=smoker("current")), "14", "RUL", "spiculated", "0.5576"),
    (person(45), "7", "RLL", "smooth", "0.0151"),
    (person(60, smoking=smoker("former"), previous_extrathoracic_cancer_years=D(8)), "20", "LUL", "smooth", "0.7273"),
]


@pytest.mark.parametrize(("patient", "size", "lobe", "margin", "expected"), MAYO)
def test_mayo(patient: c.Patient, size: str, lobe: str, margin: str, expected: str) -> None:
    of = nodule(measured(size), lobe=c.Lobe(lobe), margin=c.Margin(margin))
    found = risk("mayo", patient, of)
    assert found.valid
    assert found.probability is not None
    assert round(found.probability, 4) == D(expected)


@pytest.mark.parametrize(
    ("change", "size", "outside"),
    [
        ({}, "3.9", ("size",)),
        ({}, "30.1", ("size",)),
        ({"known_cancer": True}, "10", ("known_cancer",)),
        ({"previous_extrathoracic_cancer_years": D(5)}, "10", ("recent_cancer",)),
        ({"previous_extrathoracic_cancer_years": D("5.1")}, "10", ()),
    ],
)
def test_mayo_population(change: dict[str, Any], size: str, outside: tuple[str, ...]) -> None:
    assert risk("mayo", replace(person(60), **change), nodule(measured(size))).outside == outside


HERDER = {"absent": ("0.0641", "0.0092"), "faint": ("0.4112", "0.0862"), "moderate": ("0.8739", "0.4835"), "intense": ("0.8899", "0.5219")}  # fmt: skip


@pytest.mark.parametrize("uptake", HERDER)
def test_herder(uptake: str) -> None:
    for (patient, size, lobe, margin, _), expected in zip(MAYO, HERDER[uptake], strict=False):
        pet = c.PetUptake(uptake)
        of = nodule(measured(size), lobe=c.Lobe(lobe), margin=c.Margin(margin), pet_uptake=pet)
        found = risk("herder", patient, of).probability
        assert found is not None
        assert round(found, 4) == D(expected)


@pytest.mark.parametrize(
    ("smoking", "age", "size", "expected"),
    [
        (smoker("never"), 62, "10", "0.0791"),
        (smoker("current"), 70, "15", "0.6878"),
        (smoker("current", quit_years=12), 70, "15", "0.6878"),
        (smoker("former", quit_years=12), 70, "15", "0.5274"),
    ],
)
def test_va(smoking: c.Smoking, age: int, size: str, expected: str) -> None:
    found = risk("va", person(age, smoking=smoking), nodule(measured(size))).probability
    assert found is not None
    assert round(found, 4) == D(expected)


def test_va_needs_the_years_since_quitting_of_a_former_smoker() -> None:
    found = risk("va", person(70, smoking=smoker("former")), nodule(measured("15")))
    assert found.missing == ("patient.smoking.quit_years",)


@pytest.mark.parametrize(
    ("age", "size", "margin", "family", "expected"),
    [
        (60, "15", "spiculated", False, "0.8106"),
        (50, "8", "smooth", False, "0.1343"),
        (66, "22", "spiculated", True, "0.9738"),
    ],
)
def test_pkuph(age: int, size: str, margin: str, family: bool, expected: str) -> None:
    of = nodule(measured(size), margin=c.Margin(margin), calcification=c.Calcification.NONE)
    found = risk("pkuph", person(age, family_history_any_cancer=family), of).probability
    assert found is not None
    assert round(found, 4) == D(expected)


PLCO = [
    (62, "white", 4, 27, "former", 80, 27, 10, False, False, "0.0175"),
    (66, "black", 2, 24, "current", 20, 45, None, True, True, "0.1574"),
    (60, "asian", 5, 23, "former", 15, 25, 8, False, False, "0.0036"),
    (55, "white", 4, 27, "current", 20, 30, None, False, False, "0.0100"),
]


@pytest.mark.parametrize(
    ("age", "race", "education", "bmi", "status", "daily", "years", "quit_years", "copd", "family", "expected"), PLCO
)
def test_plcom2012(  # noqa: PLR0917
    age: int, race: str, education: int, bmi: int, status: str, daily: int, years: int, quit_years: int | None,
    copd: bool, family: bool, expected: str,
) -> None:  # fmt: skip
    patient = c.Patient(
        smoking=c.Smoking(
            c.SmokingStatus(status),
            cigarettes_per_day=D(daily),
            years_smoked=D(years),
            quit_years=None if quit_years is None else D(quit_years),
        ),
        race=c.Race(race),
        education=education,
        bmi=D(bmi),
        copd=copd,
        personal_history_cancer=False,
        family_history_lung_cancer=family,
    )
    found = plcom2012(patient, D(age))
    assert found.valid
    assert found.probability is not None
    assert round(found.probability, 4) == D(expected)
    assert not plcom2012(patient, D(75)).valid
    none_a_day = replace(patient, smoking=replace(patient.smoking, cigarettes_per_day=D(0)))
    assert plcom2012(none_a_day, D(age)).missing == ("patient.smoking.cigarettes_per_day",)
    never = replace(patient, smoking=replace(patient.smoking, status=c.SmokingStatus.NEVER))
    assert plcom2012(never, D(age)).probability is None


def test_the_risk_nodule() -> None:
    small, large = nodule(measured("6")), nodule(measured("9"), name="n2")
    calcified = nodule(measured("20"), name="n3", calcification=c.Calcification.POPCORN)
    volume_only = nodule(measured(v=3000), name="n4")
    everyone = (small, large, calcified, volume_only)
    assert assess(case(*everyone)).risk_nodule_id == "n2"
    assert assess(case(*everyone, risk_nodule_id="n1")).risk_nodule_id == "n1"
    assert assess(case(*everyone, risk_nodule_id="nobody")).risk_nodule_id is None
    assert assess(case(small, nodule(measured("6"), name="n2"))).risk_nodule_id == "n1"
    assert assess(case(volume_only)).risk_nodule_id is None
