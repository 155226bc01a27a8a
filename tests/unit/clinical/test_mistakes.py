"""The classic implementation mistakes, by their numbers in the reference: each test fails when its mistake is made.

That it does is shown by ``python -m tests.mutants mistakes``, which makes every mistake and runs this file.
"""

# ruff: noqa: E501 - one mistake is one line

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import answer_line
from tests.unit.clinical.cases import HEAVY, PERSON, TODAY, answer, case, measured, months_ago, nodule

D = Decimal
F, L, B, N = "FLEISCHNER2017", "LUNGRADS2022", "BTS2015", "NELSON"
PERIFISSURAL: dict[str, Any] = {"location": c.Location(perifissural=True)}


def axes(long_mm: str, short_mm: str | None, **more: Any) -> c.Measurement:  # noqa: ANN401
    return measured(long=D(long_mm), short=short_mm and D(short_mm), **more)


def solid_axes(long_mm: str, short_mm: str) -> c.Measurement:
    return replace(measured("12"), solid_long_axis_mm=D(long_mm), solid_short_axis_mm=D(short_mm))


def rule(guideline: str, *nodules: c.Nodule, **more: Any) -> str:  # noqa: ANN401
    return answer(guideline, *nodules, **more).rule_id.partition(".")[2]


def then(months: int, before: c.Measurement, now: c.Measurement, **more: Any) -> c.Nodule:  # noqa: ANN401
    return nodule(replace(before, date=months_ago(months)), now, **more)


LOW = {"risk_override": "low"}
SIX_EIGHT, OVER_8, UNDER_6 = "SOLID.SINGLE.6-8.LOW", "SOLID.SINGLE.GT8", "SOLID.SINGLE.LT6.LOW"
GLASS, PART = {"attenuation": "ground_glass"}, {"attenuation": "part_solid"}

ROWS = [
    (1, F, nodule(axes("5.6", "5.3")), LOW, UNDER_6),  # axes rounded first: 6 and 5, mean 5.5
    (1, F, nodule(solid_axes("5.6", "5.3"), **PART), {}, "PARTSOLID.SINGLE.GE6.S.LT6"),
    (2, F, nodule(measured("5.45")), LOW, UNDER_6),
    (2, F, nodule(measured("12", solid="5.45"), **PART), {}, "PARTSOLID.SINGLE.GE6.S.LT6"),
    (3, F, nodule(measured("8.5")), LOW, OVER_8),
    (4, L, nodule(axes("15.4", "14.5")), {}, "4B.SOLID"),
    (5, L, nodule(measured("5.95")), {}, "3.SOLID"),
    (6, L, nodule(measured("5.5")), {}, "2.SOLID"),
    (7, F, nodule(axes("9", "5")), LOW, SIX_EIGHT),
    (7, B, nodule(axes("6", "4")), {}, "SOLID.SURV"),
    (8, F, nodule(measured("6")), LOW, SIX_EIGHT),
    (8, F, nodule(measured("8")), LOW, SIX_EIGHT),
    (8, F, nodule(measured(v=100)), LOW, SIX_EIGHT),
    (8, F, nodule(measured(v=250)), LOW, SIX_EIGHT),
    (9, L, nodule(measured("8.0")), {}, "4A.SOLID"),
    (9, L, nodule(measured("15.0")), {}, "4B.SOLID"),
    (10, B, nodule(measured("5.0")), {}, "SOLID.5-6"),
    (10, B, nodule(measured(v=80)), {}, "SOLID.SURV"),
    (10, B, nodule(measured(v=300)), {}, "SOLID.BROCK.UNKNOWN"),
    (11, N, nodule(measured(v=500)), {}, "NODCAT3"),
    (11, N, nodule(measured("20", solid_volume_mm3=D(500)), **PART), {}, "NODCAT3"),
    (12, F, nodule(measured("7")), {"setting": "screening"}, "SCOPE.SCREENING"),
    (12, F, nodule(measured("7")), {"patient": replace(PERSON, immunosuppressed=True)}, "SCOPE.IMMUNO"),
    (12, F, nodule(measured("7")), {"patient": replace(PERSON, known_cancer=True)}, "SCOPE.CANCER"),
    (12, F, nodule(measured("7")), {"patient": replace(PERSON, age=D(34))}, "SCOPE.AGE"),
    (12, F, nodule(measured("7")), LOW | {"patient": replace(PERSON, age=D(35))}, SIX_EIGHT),
    (13, L, nodule(measured("7")), {"setting": "incidental"}, "SCOPE.NOT_SCREENING"),
    (14, F, nodule(measured("5"), **GLASS), {"patient": replace(PERSON, smoking=HEAVY)}, "GGN.SINGLE.LT6"),
    (15, L, nodule(measured("30.0"), **GLASS), {}, "3.GGN"),
    (15, L, nodule(measured("20.0"), **GLASS), {}, "2.GGN"),
    (16, L, nodule(measured("5"), status=c.Status.NEW), {}, "3.SOLID"),
    (17, L, nodule(measured("7")), {"exams": (c.Exam(TODAY, c.ExamKind.ANNUAL),)}, "4A.SOLID"),
    (17, L, nodule(measured("7")), {"exams": (c.Exam(TODAY, c.ExamKind.BASELINE),)}, "3.SOLID"),
    (18, L, then(6, measured("6.0"), measured("7.5")), {}, "2.STEPPED"),
    (19, L, then(36, measured("3.0"), measured("5.0")), {}, "2.SOLID"),
    (20, L, then(3, measured("9"), measured("9")), {}, "3.STEPPED"),
    (21, L, then(3, measured("9"), measured("9"), location=c.Location(airway=c.Airway.SEGMENTAL_OR_PROXIMAL)), {}, "4B.AIRWAY"),
    (22, L, then(1, measured("9"), measured("9")), {}, "4A.SOLID"),
    (23, L, then(3, measured("9"), c.Measurement(TODAY, resolved=True)), {}, "1.NONE"),
    (29, B, then(12, measured("6"), measured("8")), {}, "FU.12M.GROWTH.LE400"),  # 880 days without the factor 3
    (31, N, then(3, measured(v=100), measured(v=126)), {}, "GROWCAT.C"),  # grew by 26 %, which is 21 % of the later
    (38, F, (nodule(measured("7")), nodule(measured("9"), name="n2", fat=True)), LOW, SIX_EIGHT),
    (38, F, (nodule(measured("7")), nodule(measured("9"), name="n2", shape=c.Shape.OVAL, **PERIFISSURAL)), LOW, SIX_EIGHT),
    (39, F, nodule(measured("12", solid="4"), **PART), {}, "PARTSOLID.SINGLE.GE6.S.LT6"),
    (39, F, nodule(measured("5", solid="2"), **PART), {}, "PARTSOLID.SINGLE.LT6"),
    (39, L, nodule(measured("12", solid="5"), **PART), {}, "3.PARTSOLID"),  # 2 by its solid part, 4B by its whole
    (40, F, nodule(axes("7", None)), LOW, SIX_EIGHT),
    (43, B, nodule(measured("5")), {"patient": replace(PERSON, known_cancer=True)}, "SOLID.5-6"),
    (44, B, nodule(measured("7"), shape=c.Shape.OVAL, **PERIFISSURAL), {}, "SOLID.SURV"),
    (44, F, nodule(measured("7"), shape=c.Shape.OVAL, **PERIFISSURAL), {}, "PFN"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "guideline", "of", "more", "expected"), ROWS)
def test_the_row_that_the_mistake_misses(
    number: int, guideline: str, of: c.Nodule | tuple[c.Nodule, ...], more: dict[str, Any], expected: str
) -> None:
    nodules = of if isinstance(of, tuple) else (of,)
    assert rule(guideline, *nodules, **more) == expected, f"mistake {number}"


def dates(guideline: str, *nodules: c.Nodule, today: date = TODAY, **more: Any) -> tuple[str, str]:  # noqa: ANN401
    setting = "screening" if guideline == L else "incidental"
    days = {m.date for n in nodules for m in n.measurements} | {today}
    of = c.Case("x", c.Setting(setting), tuple(c.Exam(d) for d in sorted(days)), nodules, PERSON, (guideline,), **more)
    interval = assess(of).results[0].interval
    assert interval is not None
    return interval.earliest.isoformat(), interval.latest.isoformat()


def test_24_and_25_months_are_calendar_months() -> None:
    day = date(2024, 1, 31)
    assert dates(B, nodule(measured("7", on=day)), today=day) == ("2024-04-30", "2024-04-30")
    day = date(2024, 8, 31)
    assert dates(L, nodule(measured("7", on=day)), today=day) == ("2025-02-28", "2025-02-28")


def test_24_elapsed_months_and_years_are_those_of_the_calendar() -> None:
    day = date(2024, 3, 14)  # 304 days and not yet ten months later
    of = nodule(measured("7", on=date(2023, 5, 15)), measured("7", on=day))
    at = c.Case("x", c.Setting.INCIDENTAL, (c.Exam(date(2023, 5, 15)), c.Exam(day)), (of,), PERSON, (B,))
    assert assess(at).results[0].rule_id == "BTS2015.FU.3M.STABLE"
    born = replace(PERSON, birth_date=date(1989, 3, 16), age=None)  # 35 times 365 days, and 34 years old
    assert rule(F, nodule(measured("7")), patient=born) == "SCOPE.AGE"
    before = date.fromordinal(TODAY.toordinal() - 1022)  # 1.501 mm in 365.25 days, 1.479 mm in 360
    assert rule(L, nodule(measured("5.0", on=before), measured("9.2"))) == "4B.SOLID"


def test_25_months_are_added_to_the_anchor_itself() -> None:
    assert dates(F, nodule(measured("7", on=date(2024, 8, 31))), today=date(2024, 8, 31)) == (
        "2025-02-28",
        "2025-08-31",
    )


def test_26_lungrads_counts_from_the_exam_read() -> None:
    assert dates(L, then(3, measured("9"), measured("9"))) == ("2024-09-15", "2024-09-15")


def test_27_bts_and_fleischner_count_their_later_steps_from_baseline() -> None:
    assert dates(B, then(4, measured("7"), measured("7"))) == ("2024-11-15", "2024-11-15")
    assert dates(F, then(8, measured("7"), measured("7"))) == ("2025-01-15", "2025-07-15")


@pytest.mark.parametrize("now", ["80", "100"])
def test_28_no_doubling_time_without_growth(now: str) -> None:
    (growth,) = assess(case(then(3, measured(v=100), measured(v=now)))).growth
    assert growth.vdt_days is None


def test_29_30_31_doubling_times_and_percent() -> None:
    (growth,) = assess(case(then(6, measured("6"), measured("8")))).growth
    assert growth.vdt_days is not None
    assert 145 < growth.vdt_days < 148  # 182 days; without the factor 3 it would be three times longer
    mixed = then(6, measured("6", v=100, method="a"), measured("6", v=300, method="b"))
    assert assess(case(mixed)).growth[0].basis == "diameter"
    (halved,) = assess(case(then(6, measured(v=200), measured(v=100)))).growth
    assert halved.percent_change == -50  # of the earlier value; -100 of the later


def probability(model: str, of: c.Nodule, **person: Any) -> Decimal:  # noqa: ANN401
    found = assess(case(of, patient=replace(PERSON, **person))).risk[model].probability
    assert found is not None
    return found


def test_32_to_36_risk_models() -> None:
    of = nodule(measured("12"), calcification=c.Calcification.NONE, pet_uptake=c.PetUptake.FAINT)
    assert probability("brock_2b", of, sex="female") > probability("brock_2b", of, sex="male")
    at_centre = nodule(measured("4"))
    fourfold = assess(case(at_centre, patient=replace(PERSON, age=D(62)), nodule_count=4)).risk["brock_2b"].probability
    assert fourfold is not None
    assert round(fourfold, 4) == D("0.0011")
    assert probability("pkuph", of, family_history_any_cancer=False) < D("0.5")  # millimetres would give nearly 1
    current = c.Smoking(c.SmokingStatus.CURRENT, quit_years=D(20))
    assert probability("va", of, smoking=current) == probability("va", of, smoking=replace(current, quit_years=None))
    assert probability("herder", of) < D("0.2")  # a percent in place of the fraction would give nearly 1
    brock = [probability("brock_2b", nodule(axes("12", short_mm))) for short_mm in ("8", "12")]
    assert brock[0] == brock[1]  # the largest diameter, not the mean


def test_35_no_cigarettes_a_day_is_no_intensity() -> None:
    smoking = c.Smoking(c.SmokingStatus.FORMER, D(20), D(5), years_smoked=D(30), cigarettes_per_day=D(0))
    person = replace(
        PERSON, smoking=smoking, race=c.Race.WHITE, education=4, bmi=D(27), copd=False, personal_history_cancer=False
    )
    model = assess(case(patient=person)).risk["plcom2012"]
    assert (model.probability, model.missing) == (None, ("patient.smoking.cigarettes_per_day",))


def test_36_herder_takes_the_mayo_probability() -> None:
    of = nodule(measured("14"), lobe=c.Lobe.RUL, margin=c.Margin.SPICULATED, pet_uptake=c.PetUptake.FAINT)
    assert round(probability("herder", of, age=D(68), smoking=HEAVY), 4) == D("0.4112")


def test_37_the_most_suspicious_leads_and_the_first_on_ties() -> None:
    glass, part = nodule(measured("20"), name="glass", **GLASS), nodule(measured("9"), name="solid")
    assert answer(F, glass, part).lead_nodule == "solid"
    z, a = nodule(measured("7"), name="z"), nodule(measured("7"), name="a")
    for guideline in (F, L, B):
        assert answer(guideline, z, a).lead_nodule == "z"


def line(**smoking: str) -> dict[str, Any]:
    m = {"date": "2024-03-15", "long_axis_mm": "6.0", "short_axis_mm": "6.0"}
    return {
        "id": "x", "setting": "incidental", "guidelines": [F], "exams": [{"date": "2024-03-15"}],
        "patient": {"age": 50, "smoking": smoking}, "nodules": [{"id": "n", "attenuation": "solid", "measurements": [m]}],
    }  # fmt: skip


def test_41_numbers_are_no_text_and_commas_no_points() -> None:
    document = line(status="never")
    assert json.loads(answer_line(json.dumps(document), 1))["results"][0]["rule_id"].endswith(SIX_EIGHT)
    document["nodules"][0]["measurements"][0]["long_axis_mm"] = "6,0"
    assert "6,0" in json.loads(answer_line(json.dumps(document), 1))["error"]


def test_4_numbers_of_json_are_decimals() -> None:
    document = line() | {"setting": "screening", "guidelines": [L]}
    document["nodules"][0]["measurements"][0] |= {"long_axis_mm": 15.7, "short_axis_mm": 14.2}  # as floats below 14.95
    assert json.loads(answer_line(json.dumps(document), 1))["results"][0]["category"] == "4B"


def test_42_missing_smoking_is_not_never() -> None:
    told = json.loads(answer_line(json.dumps(line()), 1))["results"][0]
    built = answer(F, nodule(measured("6")), patient=c.Patient(age=D(50)))
    for rule_id, missing in ((told["rule_id"], told["missing"]), (built.rule_id, built.missing)):
        assert rule_id.endswith(".HIGH")
        assert "patient.smoking.status" in missing
    model = assess(case(nodule(measured("6")), patient=c.Patient(age=D(50)))).risk["mayo"]
    assert (model.probability, model.missing) == (None, ("patient.smoking.status",))


def test_45_s_stays_out_of_the_category() -> None:
    result = answer(L, nodule(measured("7")), exams=(c.Exam(TODAY, significant_other_finding=True),))
    assert (result.category, result.modifiers) == ("3", ("S",))


def test_46_one_bad_line_is_one_bad_line() -> None:
    answers = [json.loads(answer_line(text, n)) for n, text in enumerate(("{", json.dumps(line())), 1)]
    assert ["error" in found for found in answers] == [True, False]
