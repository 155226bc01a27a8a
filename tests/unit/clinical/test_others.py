"""ACCP 2013, NELSON, the European statement, the Chinese consensus, and those that are not supported."""

# ruff: noqa: E501 - one case of a table is one line

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess, requested
from nodules_app.clinical.editions.catalogue import DEFAULTS, EDITIONS
from tests.unit.clinical.cases import PERSON, TODAY, answer, case, measured, months_ago, nodule

D = Decimal


def ending(guideline: str, *nodules: c.Nodule, **more: Any) -> str:  # noqa: ANN401
    return answer(guideline, *nodules, **more).rule_id.partition(".")[2]


def grown(months: int, before: float, now: float, **more: Any) -> c.Nodule:  # noqa: ANN401
    return nodule(measured(v=before, on=months_ago(months)), measured(v=now), **more)


@pytest.mark.parametrize("code", ["ESTI2025", "IELCAP", "NCCN", "JSCTS"])
def test_known_but_not_implemented(code: str) -> None:
    result = answer(code, nodule(measured("9")))
    assert (result.category, result.rule_id) == ("not_supported", f"{code}.NOT_SUPPORTED")
    assert assess(case(guidelines=(code,))).plan is None


def test_no_default_rests_on_memory() -> None:
    assert not {"CHINA2024", "EUPS2017"} & {code for codes in DEFAULTS.values() for code in codes}
    assert all(rule.reliability.startswith("M") for rule in EDITIONS["CHINA2024"].rules)
    assert answer("CHINA2024", nodule(measured("9"))).unverified
    assert requested(case(setting="screening")) == ("LUNGRADS2022",)
    assert requested(case()) == ("FLEISCHNER2017", "BTS2015")


def test_the_plan_comes_from_the_first_guideline_that_applies() -> None:
    plan = assess(case(nodule(measured("7")), guidelines=("LUNGRADS2022", "ESTI2025", "BTS2015"))).plan
    assert plan is not None
    assert (plan.next_step, plan.because) == ("bts_ct_3m", "BTS2015.SOLID.SURV")
    assert plan.interval is not None


@pytest.mark.parametrize(
    ("months", "before", "now", "nelson", "eups"),
    [
        (12, 100, 124, "GROWCAT.A", "FU.STABLE"), (12, 100, 90, "GROWCAT.A", "FU.STABLE"), (24, 100, 125, "GROWCAT.A", "FU.STABLE"),
        (12, 100, 170, "GROWCAT.B", "FU.400-600"), (12, 100, 200, "GROWCAT.C", "FU.LT400"),
    ],
)  # fmt: skip
def test_growth_categories(months: int, before: int, now: int, nelson: str, eups: str) -> None:
    of = grown(months, before, now)
    assert (ending("NELSON", of), ending("EUPS2017", of)) == (nelson, eups)


def test_nelson_lead_and_scope() -> None:
    referred, small = nodule(measured(v=600), name="big"), nodule(measured(v=20), name="small")
    assert answer("NELSON", small, referred).lead_nodule == "big"
    assert answer("NELSON", small, referred).category == "NODCAT4"
    assert answer("NELSON").category == "NODCAT1"
    assert ending("NELSON", small, setting="incidental") == "SCOPE.NOT_SCREENING"
    before = measured("8", on=months_ago(6), attenuation=c.Attenuation.GROUND_GLASS)
    assert ending("NELSON", nodule(before, measured("8", solid="2"), attenuation="part_solid")) == "GROWCAT.C"
    pleural = nodule(measured(v=60), location=c.Location(juxtapleural=True))
    assert ending("NELSON", pleural) == "NODCAT3"
    assert answer("NELSON", nodule(measured("6"), location=c.Location()), small).category == "measurement_needed"
    diameters = nodule(measured("6", on=months_ago(12)), measured("6", v=60))
    assert ending("NELSON", diameters) == "NODCAT3"
    assert answer("NELSON", nodule(measured("9"), attenuation="ground_glass")).flips == ()


def test_european_scope_and_status() -> None:
    assert ending("EUPS2017", nodule(measured("9"), attenuation="part_solid")) == "SCOPE.NO_SOLID"
    assert ending("EUPS2017") == "SCOPE.NO_SOLID"
    assert ending("EUPS2017", nodule(measured(v=400)), setting="incidental") == "SCOPE.NOT_SCREENING"
    assert ending("EUPS2017", nodule(measured(v=400), fat=True)) == "BENIGN"
    annual = (c.Exam(TODAY, c.ExamKind.ANNUAL),)
    assert ending("EUPS2017", nodule(measured(v=150)), exams=annual) == "NEW.30-200"
    stated = nodule(measured(v=100, on=months_ago(12)), measured(v=220), status=c.Status.NEW)
    assert ending("EUPS2017", stated) == "NEW.GT200"
    incomparable = nodule(measured("6", on=months_ago(12)), measured(v=150))
    assert ending("EUPS2017", incomparable) == "BASE.100-300"
    by_diameter = nodule(measured("6", on=months_ago(12)), measured("8.5"))
    assert ending("EUPS2017", by_diameter) == "FU.LT400"
    assert ending("EUPS2017", nodule(c.Measurement(TODAY))) == "MEASUREMENT"


@pytest.mark.parametrize("guideline", ["ACCP2013", "CHINA2024"])
def test_rows_by_mean_beyond_the_table(guideline: str) -> None:
    assert ending(guideline) == "NONE"
    assert ending(guideline, nodule(measured("9"), fat=True)) == "BENIGN"
    assert ending(guideline, nodule(measured("30.4")), risk_override="low").startswith("SOLID.GT8")
    assert ending(guideline, nodule(measured("30.5"))) == "SCOPE.MASS"
    assert ending(guideline, nodule(measured(v=300))) == "MEASUREMENT"
    unmeasured = nodule(measured(v=300), name="n2")
    assert ending(guideline, nodule(measured("4")), unmeasured, risk_override="low") == "MEASUREMENT"
    assert ending(guideline, nodule(measured("5")), unmeasured, risk_override="low") == "SOLID.4-6.NORISK"
    two = (nodule(measured("4")), nodule(measured("7"), name="n2"))
    assert answer(guideline, *two).lead_nodule == "n2"


def test_accp_two_stable_years() -> None:
    stable = nodule(measured("7", on=months_ago(24)), measured("7"))
    assert ending("ACCP2013", stable) == "SOLID.STABLE2Y"
    assert ending("ACCP2013", nodule(measured("7", on=months_ago(23)), measured("7"))) == "SOLID.6-8.NORISK"
    assert ending("ACCP2013", nodule(measured("5", on=months_ago(24)), measured("7"))) == "SOLID.6-8.NORISK"
    assert ending("ACCP2013", nodule(measured(v=100, on=months_ago(24)), measured("7"))) == "SOLID.6-8.NORISK"
    assert ending("CHINA2024", stable) == "SOLID.6-8.NORISK"


def test_accp_unknown_risk_names_both_rows() -> None:
    result = answer("ACCP2013", nodule(measured("5")), patient=c.Patient(age=D(60)))
    assert result.rule_id == "ACCP2013.SOLID.4-6.RISK"
    assert [b.rule_id.rpartition(".")[2] for b in result.branches] == ["NORISK", "RISK"]
    assert result.missing == ("patient.smoking.status",)


CHINA = [
    ({}, "NORISK"), ({"tuberculosis": True}, "RISK"), ({"tuberculosis": True, "age": D(39)}, "NORISK"), ({"tuberculosis": True, "age": D(40)}, "RISK"),
    ({"exposures": ("beryllium",)}, "RISK"), ({"copd": True}, "RISK"), ({"known_cancer": True}, "RISK"),
    ({"previous_extrathoracic_cancer_years": D(9)}, "RISK"), ({"family_history_lung_cancer": True}, "RISK"), ({"emphysema": True}, "NORISK"),
    ({"smoking": c.Smoking(c.SmokingStatus.CURRENT, pack_years=D(20))}, "RISK"), ({"smoking": c.Smoking(c.SmokingStatus.CURRENT, pack_years=D(19))}, "NORISK"),
    ({"smoking": c.Smoking(c.SmokingStatus.FORMER, cigarettes_per_day=D(20), years_smoked=D(20))}, "RISK"),
    ({"smoking": c.Smoking(c.SmokingStatus.FORMER, cigarettes_per_day=D(20), years_smoked=D(19))}, "NORISK"),
    ({"smoking": c.Smoking()}, "RISK"), ({"smoking": c.Smoking(c.SmokingStatus.CURRENT)}, "RISK"), ({"age": None, "copd": True}, "RISK"), ({"age": None}, "NORISK"),
]  # fmt: skip


@pytest.mark.parametrize(("person", "row"), CHINA)
def test_chinese_high_risk_person(person: dict[str, Any], row: str) -> None:
    assert ending("CHINA2024", nodule(measured("5")), patient=replace(PERSON, **person)) == f"SOLID.4-6.{row}"


ELIGIBLE = [
    ("USPSTF2021", 50, "current", 20, None, True), ("USPSTF2021", 49, "current", 20, None, False), ("USPSTF2021", 80, "current", 20, None, True),
    ("USPSTF2021", 81, "current", 20, None, False), ("USPSTF2021", 60, "current", 19, None, False), ("USPSTF2021", 60, "former", 20, 15, True),
    ("USPSTF2021", 60, "former", 20, 16, False), ("USPSTF2021", 60, "former", 20, None, None), ("USPSTF2021", 60, "current", None, None, None),
    ("USPSTF2021", 60, "never", None, None, False), ("USPSTF2021", 60, "unknown", 20, None, None), ("USPSTF2021", 49, "unknown", None, None, False),
    ("USPSTF2021", None, "current", 20, None, None), ("USPSTF2021", None, "never", None, None, False),
    ("CMS2022", 77, "current", 20, None, True), ("CMS2022", 78, "current", 20, None, False), ("ACS2023", 60, "former", 20, 40, True),
    ("NCCN2025", 95, "former", 20, 40, True), ("NCCN2025", None, "former", 20, 40, None), ("CHINA2024_SCREEN", 40, "current", 20, None, True),
    ("CHINA2024_SCREEN", 39, "current", 20, None, False), ("CHINA2024_SCREEN", 60, "never", None, None, False), ("CHINA2024_SCREEN", 60, "unknown", None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("code", "age", "status", "pack_years", "quit_years", "expected"), ELIGIBLE)
def test_eligibility(
    code: str, age: int | None, status: str, pack_years: int | None, quit_years: int | None, expected: bool | None
) -> None:
    smoking = c.Smoking(c.SmokingStatus(status), pack_years and D(pack_years), quit_years and D(quit_years))
    patient = c.Patient(age=None if age is None else D(age), smoking=smoking)
    assert assess(case(patient=patient, eligibility=(code,))).eligibility == {code: expected}


def test_years_smoked_are_accepted_in_place_of_pack_years() -> None:
    smoking = c.Smoking(c.SmokingStatus.CURRENT, pack_years=D(10), years_smoked=D(20))
    patient = c.Patient(age=D(60), smoking=smoking)
    assert assess(case(patient=patient, eligibility=("NCCN2025", "ACS2023"))).eligibility == {
        "NCCN2025": True,
        "ACS2023": False,
    }
