"""Fleischner 2017 beyond the first table: risk, families, benign nodules, follow-up, what is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assessment import Result
from nodules_app.clinical.months import add_months
from tests.unit.clinical.cases import HEAVY, NEVER, PERSON, TODAY, answer, measured, months_ago, nodule

D = Decimal


def fleischner(*nodules: c.Nodule, **more: Any) -> Result:  # noqa: ANN401
    return answer("FLEISCHNER2017", *nodules, **more)


def ending(*nodules: c.Nodule, **more: Any) -> str:  # noqa: ANN401
    return fleischner(*nodules, **more).rule_id.removeprefix("FLEISCHNER2017.")


def followed(months: int, before: str, now: str, **more: Any) -> c.Nodule:  # noqa: ANN401
    return nodule(measured(before, on=months_ago(months)), measured(now), **more)


def smoker(status: str, pack_years: int | None = None, quit_years: int | None = None) -> c.Smoking:
    return c.Smoking(
        c.SmokingStatus(status),
        None if pack_years is None else D(pack_years),
        None if quit_years is None else D(quit_years),
    )


RISKS = [
    ({}, {}, "LOW"),
    ({"smoking": HEAVY}, {}, "HIGH"),
    ({"smoking": smoker("current", 29)}, {}, "LOW"),
    ({"smoking": smoker("current", 30)}, {}, "HIGH"),
    ({"smoking": smoker("former", 30, 15)}, {}, "HIGH"),
    ({"smoking": smoker("former", 30, 16)}, {}, "LOW"),
    ({"smoking": smoker("former", 30)}, {}, "LOW"),
    ({}, {"margin": c.Margin.SPICULATED}, "HIGH"),
    ({"emphysema": True}, {}, "HIGH"),
    ({"pulmonary_fibrosis": True}, {}, "HIGH"),
    ({"family_history_lung_cancer": True}, {}, "HIGH"),
    ({"exposures": ("asbestos",)}, {}, "HIGH"),
    ({"exposures": ("beryllium", "dust")}, {}, "LOW"),
    ({"age": D(64)}, {"lobe": c.Lobe.LINGULA}, "LOW"),
    ({"age": D(65)}, {"lobe": c.Lobe.LINGULA}, "HIGH"),
    ({"age": D(65)}, {}, "LOW"),
    ({"age": D(65)}, {"margin": c.Margin.LOBULATED}, "HIGH"),
    ({}, {"margin": c.Margin.IRREGULAR, "lobe": c.Lobe.RUL}, "HIGH"),
    ({"smoking": smoker("former", 5)}, {"lobe": c.Lobe.RUL}, "HIGH"),
    ({"smoking": smoker("unknown"), "emphysema": True}, {}, "HIGH"),
]


@pytest.mark.parametrize(("person", "of", "risk"), RISKS)
def test_risk(person: dict[str, Any], of: dict[str, Any], risk: str) -> None:
    patient = replace(PERSON, **person)
    assert ending(nodule(measured("7"), **of), patient=patient) == f"SOLID.SINGLE.6-8.{risk}"
    assert ending(nodule(measured("7"), **of), patient=patient, risk_override="low").endswith("LOW")
    assert ending(nodule(measured("7"), **of), patient=patient, risk_override="high").endswith("HIGH")


def test_unknown_risk_is_read_as_high_and_both_rows_are_named() -> None:
    unknown = c.Patient(age=D(60))
    result = fleischner(nodule(measured("7")), patient=unknown)
    assert result.rule_id.endswith("6-8.HIGH")
    assert [b.rule_id.rpartition(".")[2] for b in result.branches] == ["LOW", "HIGH"]
    assert all(b.probability is None for b in result.branches)
    assert ("patient.smoking.status" in result.missing, "AMB-05" in result.ambiguities) == (True, True)
    assert fleischner(nodule(measured("9")), patient=unknown).branches == ()
    later = fleischner(followed(8, "7", "7"), patient=unknown)
    assert [b.management for b in later.branches] == ["consider_ct_18_24m", "ct_18_24m"]
    assert fleischner(followed(4, "9", "9"), patient=unknown).branches == ()
    small = fleischner(followed(8, "5", "5"), patient=unknown)
    assert [b.management for b in small.branches] == ["no_routine_followup", "optional_ct_12m"]


@pytest.mark.parametrize(
    ("patient", "scope"),
    [
        ({"known_cancer": True}, "CANCER"),
        ({"immunosuppressed": True}, "IMMUNO"),
        ({"age": D(34), "known_cancer": True}, "AGE"),
    ],
)
def test_scope(patient: dict[str, Any], scope: str) -> None:
    result = fleischner(nodule(measured("40")), patient=replace(PERSON, **patient))
    assert (result.rule_id, result.category) == (f"FLEISCHNER2017.SCOPE.{scope}", "not_applicable")
    assert ending(nodule(measured("40")), setting="screening") == "SCOPE.SCREENING"


def test_unknown_age_is_evaluated_and_named() -> None:
    result = fleischner(nodule(measured("5")), patient=c.Patient(smoking=NEVER))
    assert (result.rule_id, result.missing) == ("FLEISCHNER2017.SOLID.SINGLE.LT6.LOW", ("patient.age",))


def test_a_mass_is_worked_up_unless_it_is_benign() -> None:
    mass = fleischner(nodule(measured("31")))
    assert (mass.category, mass.management, mass.lead_nodule) == ("SCOPE.MASS", "mass_workup", "n1")
    assert ending(nodule(measured("31"), fat=True)) == "BENIGN"
    assert ending(nodule(measured(v=20000))) == "SCOPE.MASS"
    assert fleischner(nodule(measured(v=20000))).flips == ()


PFN = {"location": c.Location(perifissural=True), "shape": c.Shape.OVAL}


@pytest.mark.parametrize(
    ("size", "change", "expected"),
    [
        ("9.9", {}, "PFN"),
        ("10", {}, "SOLID.SINGLE.GT8"),
        ("9", {"shape": c.Shape.TRIANGULAR}, "PFN"),
        ("9", {"shape": c.Shape.ROUND}, "SOLID.SINGLE.GT8"),
        ("9", {"location": c.Location(juxtapleural=True)}, "PFN"),
        ("9", {"margin": c.Margin.SPICULATED}, "SOLID.SINGLE.GT8"),
        ("9", {"attenuation": "ground_glass"}, "GGN.SINGLE.GE6"),
    ],
)
def test_perifissural(size: str, change: dict[str, Any], expected: str) -> None:
    assert ending(nodule(measured(size), **(PFN | change))) == expected


def test_a_cancer_history_makes_the_perifissural_rule_void() -> None:
    for history in ({"personal_history_cancer": True}, {"previous_extrathoracic_cancer_years": D(9)}):
        assert ending(nodule(measured("9"), **PFN), patient=replace(PERSON, **history)) == "SOLID.SINGLE.GT8"
    assert ending(nodule(measured(v=300), **PFN)) == "PFN"


def test_benign_and_perifissural_nodules_do_not_count_as_multiple() -> None:
    others = (nodule(measured("9"), name="pfn", **PFN), nodule(measured("20"), name="fat", fat=True))
    assert ending(nodule(measured("7")), *others) == "SOLID.SINGLE.6-8.LOW"
    assert fleischner(*others).lead_nodule == "fat"


def test_each_family_is_judged_and_the_most_urgent_leads() -> None:
    glass, solid = nodule(measured("12"), name="glass", attenuation="ground_glass"), nodule(measured("9"), name="solid")
    result = fleischner(glass, solid)
    assert (result.lead_nodule, result.rule_id) == ("solid", "FLEISCHNER2017.SOLID.SINGLE.GT8")
    assert result.ambiguities == ("AMB-11",)
    large_part = nodule(measured("20", solid="9"), name="part", attenuation="part_solid")
    assert fleischner(solid, large_part).lead_nodule == "part"


def test_ties_go_to_the_larger_solid_part_then_size_then_order() -> None:
    a, b = nodule(measured("7"), name="a"), nodule(measured("7"), name="b")
    assert fleischner(a, b).lead_nodule == "a"
    assert fleischner(a, replace(b, measurements=(measured("8"),))).lead_nodule == "b"
    glass = nodule(measured("15"), name="glass", attenuation="ground_glass")
    part = nodule(measured("9", solid="3"), name="part", attenuation="part_solid")
    assert fleischner(glass, part).lead_nodule == "part"


def test_a_solid_part_that_is_missing_gives_every_row_it_may_lead_to() -> None:
    result = fleischner(nodule(measured("12"), attenuation="part_solid"))
    assert (result.rule_id, result.missing) == ("FLEISCHNER2017.PARTSOLID.SINGLE.GE6.S.LT6", ("solid_long_axis_mm",))
    assert [b.rule_id.rpartition(".S.")[2] for b in result.branches] == ["LT6", "6-8", "GT8"]
    small = fleischner(nodule(measured("7"), attenuation="part_solid"))
    assert [b.rule_id.rpartition(".S.")[2] for b in small.branches] == ["LT6", "6-8"]


def test_a_large_solid_part_names_the_ct_as_a_branch() -> None:
    result = fleischner(nodule(measured("15", solid="9"), attenuation="part_solid"))
    assert [b.management for b in result.branches] == ["ct_3_6m_then_pet_biopsy_if_persistent"]
    assert result.ambiguities == ("AMB-06", "AMB-06b")


# --- follow-up --------------------------------------------------------------------------------------------------------

SCHEDULES = [
    ("5", "low", 1, "FU.SOLID.DONE", "no_routine_followup", None),
    ("5", "high", 11, "FU.SOLID.NEXT", "optional_ct_12m", (12, 12)),
    ("5", "high", 12, "FU.SOLID.DONE", "no_routine_followup", None),
    ("7", "low", 5, "FU.SOLID.NEXT", "ct_6_12m_then_consider_18_24m", (6, 12)),
    ("7", "low", 6, "FU.SOLID.NEXT", "consider_ct_18_24m", (18, 24)),
    ("7", "high", 17, "FU.SOLID.NEXT", "ct_18_24m", (18, 24)),
    ("7", "high", 18, "FU.SOLID.DONE", "no_routine_followup", None),
    ("9", "low", 2, "FU.SOLID.NEXT", "consider_ct_3m_pet_or_biopsy", (3, 3)),
    ("9", "low", 3, "FU.SOLID.NEXT", "ct_9_12m", (9, 12)),
    ("9", "low", 9, "FU.SOLID.NEXT", "ct_18_24m", (18, 24)),
    ("9", "low", 18, "FU.SOLID.DONE", "no_routine_followup", None),
]


@pytest.mark.parametrize(("size", "risk", "months", "rule", "management", "window"), SCHEDULES)
def test_schedules_count_from_baseline(
    size: str, risk: str, months: int, rule: str, management: str, window: tuple[int, int] | None
) -> None:
    result = fleischner(followed(months, size, size), risk_override=risk)
    assert (result.rule_id, result.management) == (f"FLEISCHNER2017.{rule}", management)
    assert (result.interval is None) == (window is None)
    if result.interval is not None and window is not None:
        assert (result.interval.anchor, result.interval.anchor_date) == ("baseline", months_ago(months))
        assert (result.interval.months.earliest, result.interval.months.latest) == window
        assert result.interval.latest == add_months(months_ago(months), window[1])


def test_a_family_shares_the_highest_class_and_each_member_its_baseline() -> None:
    small, large = (
        followed(8, "4", "4", name="small"),
        nodule(measured("7", on=months_ago(2)), measured("7"), name="large"),
    )
    result = fleischner(small, large, risk_override="low")
    assert (result.rule_id, result.lead_nodule) == ("FLEISCHNER2017.FU.SOLID.NEXT", "large")
    assert result.management == "ct_3_6m_then_consider_18_24m"
    assert result.interval is not None
    assert result.interval.anchor_date == months_ago(2)


def test_a_class_reached_without_growth_takes_its_schedule() -> None:
    result = fleischner(followed(7, "5.4", "6"), risk_override="low")
    assert (result.rule_id, result.management) == ("FLEISCHNER2017.FU.SOLID.NEXT", "consider_ct_18_24m")


@pytest.mark.parametrize(
    ("before", "now", "rule"),
    [
        ("4", "5.9", "FU.SOLID.NEXT"),
        ("4", "6", "FU.GROWTH.SOLID"),
        ("3", "5.4", "FU.GROWTH.SMALL"),
        ("7.1", "9", "FU.SOLID.NEXT"),
        ("7", "9", "FU.GROWTH.SOLID"),
    ],
)
def test_solid_growth_is_two_millimetres_of_the_raw_mean(before: str, now: str, rule: str) -> None:
    assert ending(followed(6, before, now), risk_override="high") == rule


def test_growth_by_volume_needs_one_method() -> None:
    def grown(method: str) -> c.Nodule:
        return nodule(measured("7", v=150, on=months_ago(6), method="auto"), measured("7", v="187.5", method=method))

    assert ending(grown("auto")) == "FU.GROWTH.SOLID"
    assert ending(grown("manual")) == "FU.SOLID.NEXT"


GLASS = [
    (12, "FU.GGN.NEXT", (24, 24), "exam"),
    (36, "FU.GGN.NEXT", (24, 24), "exam"),
    (37, "FU.GGN.NEXT", (60, 60), "baseline"),
    (59, "FU.GGN.NEXT", (60, 60), "baseline"),
    (60, "FU.SUBSOLID.DONE", None, None),
]


@pytest.mark.parametrize(("months", "rule", "window", "anchor"), GLASS)
def test_ground_glass_every_two_years_to_five(
    months: int, rule: str, window: tuple[int, int] | None, anchor: str | None
) -> None:
    result = fleischner(followed(months, "8", "8", attenuation="ground_glass"))
    assert result.rule_id == f"FLEISCHNER2017.{rule}"
    found = result.interval and (
        (result.interval.months.earliest, result.interval.months.latest),
        result.interval.anchor,
    )
    assert found == (window and (window, anchor))


def part_solid(months: int, before: tuple[str, str], now: tuple[str, str | None]) -> c.Nodule:
    first = measured(before[0], solid=before[1], on=months_ago(months))
    return nodule(first, measured(now[0], solid=now[1]), attenuation="part_solid")


@pytest.mark.parametrize(
    ("months", "before", "now", "rule"),
    [
        (6, ("12", "3"), ("12", "3"), "FU.PARTSOLID.NEXT"),
        (60, ("12", "3"), ("12", "3"), "FU.SUBSOLID.DONE"),
        (6, ("12", "6"), ("12", "6"), "FU.PARTSOLID.PERSIST"),
        (6, ("12", "3"), ("12", "5"), "FU.GROWTH.SUBSOLID"),
        (6, ("12", "3"), ("14", "3"), "FU.GROWTH.SUBSOLID"),
        (6, ("12", "3"), ("13.9", "4.9"), "FU.PARTSOLID.NEXT"),
    ],
)
def test_part_solid_follow_up(months: int, before: tuple[str, str], now: tuple[str, str], rule: str) -> None:
    assert ending(part_solid(months, before, now)) == rule


def test_yearly_for_five_years_ends_at_five_years() -> None:
    for months, anchor in ((48, "exam"), (49, "baseline")):
        interval = fleischner(part_solid(months, ("12", "3"), ("12", "3"))).interval
        assert interval is not None
        assert interval.anchor == anchor


def test_an_unmeasured_solid_part_at_follow_up_gives_both_branches() -> None:
    result = fleischner(part_solid(6, ("12", "3"), ("12", None)))
    assert result.missing == ("solid_long_axis_mm",)
    assert {b.rule_id.rpartition("FU.")[2] for b in result.branches} == {"PARTSOLID.NEXT", "PARTSOLID.PERSIST"}


def test_volume_growth_of_the_solid_part() -> None:
    first = measured("12", on=months_ago(6), solid_volume_mm3=D(40))
    of = nodule(first, measured("12", solid_volume_mm3=D(50)), attenuation="part_solid")
    assert ending(of) == "FU.GROWTH.SUBSOLID"


@pytest.mark.parametrize("now", ["part_solid", "solid"])
def test_a_solid_component_that_appears_is_growth(now: str) -> None:
    before = measured("8", on=months_ago(6), attenuation=c.Attenuation.GROUND_GLASS)
    expected = "FU.GROWTH.SUBSOLID" if now == "part_solid" else "FU.GROWTH.SOLID"
    assert (
        ending(nodule(before, measured("8", solid="2" if now == "part_solid" else None), attenuation=now)) == expected
    )


@pytest.mark.parametrize(
    ("months", "sizes", "rule", "management"),
    [
        (6, ("5", "4"), "FU.MULTISUB.NEXT", "consider_ct_24m_48m"),
        (24, ("5", "4"), "FU.MULTISUB.NEXT", "consider_ct_24m_48m"),
        (48, ("5", "4"), "FU.SUBSOLID.DONE", "no_routine_followup"),
        (2, ("8", "4"), "FU.MULTISUB.NEXT", "ct_3_6m_then_most_suspicious"),
        (3, ("8", "4"), "FU.GGN.NEXT", "ct_every_2y_to_5y"),
    ],
)
def test_several_subsolid_nodules(months: int, sizes: tuple[str, str], rule: str, management: str) -> None:
    members = [followed(months, size, size, name=f"n{n}", attenuation="ground_glass") for n, size in enumerate(sizes)]
    result = fleischner(*members)
    assert (result.rule_id, result.management) == (f"FLEISCHNER2017.{rule}", management)
    if management == "consider_ct_24m_48m":
        assert result.interval is not None
        assert result.interval.months.earliest == (24 if months < 24 else 48)


def test_resolved_nodules_end_the_follow_up() -> None:
    gone = nodule(measured("7", on=months_ago(6)), c.Measurement(TODAY, resolved=True))
    assert (ending(gone), fleischner(gone).lead_nodule) == ("FU.RESOLVED", "n1")
    assert ending(gone, nodule(measured("7"), name="n2")) == "SOLID.SINGLE.6-8.LOW"
    assert ending() == "NONE"


def test_partial_coverage_with_two_stable_years() -> None:
    exams = (c.Exam(months_ago(24)), c.Exam(TODAY, coverage="partial"))
    assert ending(followed(24, "7", "8"), exams=exams) == "PARTIAL.STABLE"
    assert ending(followed(24, "7", "9"), exams=exams) == "PARTIAL.GT8"
    exams = (c.Exam(months_ago(23)), c.Exam(TODAY, coverage="partial"))
    assert ending(followed(23, "7", "7"), exams=exams) == "PARTIAL.6-8"


def test_a_nodule_without_a_size_is_asked_for_before_the_exam_is_cleared() -> None:
    unmeasured = nodule(c.Measurement(TODAY), name="n2")
    assert fleischner(unmeasured).category == "measurement_needed"
    assert fleischner(nodule(measured("5")), unmeasured).category == "measurement_needed"
    assert fleischner(nodule(measured("7")), unmeasured).lead_nodule == "n1"


def test_measurements_that_cannot_be_compared() -> None:
    of = nodule(measured(v=120, on=months_ago(6)), measured("7"))
    result = fleischner(of)
    assert result.rule_id == "FLEISCHNER2017.FU.SOLID.NEXT"
    assert "not_comparable" in [reason.code for reason in result.why]
    volumes = nodule(measured(v=120, on=months_ago(7)), measured(v=130))
    assert ending(volumes) == "FU.SOLID.NEXT"


@pytest.mark.parametrize(
    ("size", "noted"), [("8", ("AMB-03",)), ("8.5", ("AMB-01",)), ("6.5", ()), ("5.5", ("AMB-01",))]
)
def test_touched_ambiguities_of_size(size: str, noted: tuple[str, ...]) -> None:
    assert fleischner(nodule(measured(size))).ambiguities == noted


def test_touched_ambiguities_of_volume_and_axes() -> None:
    assert fleischner(nodule(measured(v=250))).ambiguities == ("AMB-03",)
    assert fleischner(nodule(measured("7", mean_diameter_mm=D(5)))).ambiguities == ("AMB-49",)
    both_ages = replace(PERSON, birth_date=TODAY.replace(year=1960))
    assert fleischner(nodule(measured("7")), patient=both_ages).ambiguities == ("AMB-37",)
    twice = (c.Exam(TODAY), c.Exam(TODAY, coverage="partial"))
    assert fleischner(nodule(measured("7")), exams=twice).ambiguities == ("AMB-51",)
    assert ending(nodule(measured("7")), exams=twice) == "PARTIAL.6-8"


@pytest.mark.parametrize(("before", "now", "rule"), [("2", "3.9", "STABLE"), ("2", "4", "6-8"), (None, "3", "6-8")])
def test_a_solid_part_that_grew_or_appeared_is_not_stable_on_a_partial_exam(
    before: str | None, now: str, rule: str
) -> None:
    kind = c.Attenuation.GROUND_GLASS if before is None else c.Attenuation.PART_SOLID
    of = nodule(
        measured("8", solid=before, on=months_ago(30), attenuation=kind),
        measured("8", solid=now),
        attenuation=c.Attenuation.PART_SOLID,
    )
    exams = (c.Exam(months_ago(30)), c.Exam(TODAY, coverage="partial"))
    assert ending(of, exams=exams) == f"PARTIAL.{rule}"
