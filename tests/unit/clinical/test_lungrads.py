"""Lung-RADS v2022 beyond size: category 0, status, stepping, cysts, airways, 4X, the nodule that leads."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assessment import Result
from tests.unit.clinical.cases import TODAY, answer, measured, months_ago, nodule


def lungrads(*nodules: c.Nodule, **more: Any) -> Result:  # noqa: ANN401
    return answer("LUNGRADS2022", *nodules, **more)


def followed(months: int, before: str, now: str, **more: Any) -> c.Nodule:  # noqa: ANN401
    return nodule(measured(before, on=months_ago(months)), measured(now), **more)


@pytest.mark.parametrize(
    ("incomplete", "rule", "management", "months"),
    [
        (c.Incomplete.PRIOR, "PRIOR", "lr_prior_comparison", None),
        (c.Incomplete.LUNGS, "INCOMPLETE", "lr_additional_images", None),
        (c.Incomplete.INFECTION, "INFECTION", "lr_ldct_1_3m", (1, 2, 3)),
    ],
)
def test_category_0(incomplete: c.Incomplete, rule: str, management: str, months: tuple[int, ...] | None) -> None:
    exams = (c.Exam(TODAY, incomplete=incomplete, significant_other_finding=True),)
    result = lungrads(nodule(measured("20")), exams=exams)
    assert (result.category, result.base_category, result.modifiers) == ("0", "0", ("S",))
    assert (result.rule_id, result.management) == (f"LUNGRADS2022.0.{rule}", management)
    found = result.interval and (
        result.interval.months.earliest,
        result.interval.months.target,
        result.interval.months.latest,
    )
    assert found == months


def test_the_reader_may_override_the_infection_flag_and_no_other() -> None:
    for incomplete, category in ((c.Incomplete.INFECTION, "4B"), (c.Incomplete.LUNGS, "0")):
        exams = (c.Exam(TODAY, incomplete=incomplete, infection_overridden=True),)
        assert lungrads(nodule(measured("20")), exams=exams).category == category


def test_screening_only() -> None:
    result = lungrads(nodule(measured("20")), setting="incidental")
    assert (result.category, result.base_category, result.modifiers) == ("not_applicable", None, ())


def test_s_never_changes_the_category() -> None:
    plain, marked = (
        lungrads(nodule(measured("7")), exams=(c.Exam(TODAY, significant_other_finding=s),)) for s in (False, True)
    )
    assert (plain.category, marked.category) == ("3", "3")
    assert (plain.modifiers, marked.modifiers) == ((), ("S",))


@pytest.mark.parametrize(
    ("kind", "category"),
    [(c.ExamKind.BASELINE, "3"), (c.ExamKind.ANNUAL, "4A"), (c.ExamKind.INTERVAL, "4A"), (c.ExamKind.DIAGNOSTIC, "4A")],
)
def test_a_first_exam_is_baseline_only_by_its_kind(kind: c.ExamKind, category: str) -> None:
    assert lungrads(nodule(measured("7")), exams=(c.Exam(TODAY, kind),)).category == category


def test_a_nodule_not_seen_on_the_earlier_exam_is_new() -> None:
    exams = (c.Exam(months_ago(12)), c.Exam(TODAY, c.ExamKind.ANNUAL))
    assert lungrads(nodule(measured("7")), exams=exams).category == "4A"


@pytest.mark.parametrize(
    ("months", "before", "now", "rule"),
    [
        (12, "6.0", "7.5", "2.STEPPED"),  # 1.5 is not growth; category 3, a year ago
        (12, "6.0", "7.6", "4A.SOLID"),
        (24, "6.0", "8.9", "4A.SOLID"),  # 2.9 mm in two years is under 1.5 a year, but crosses 8 mm
        (24, "6.0", "7.9", "2.STEPPED"),
        (24, "8.0", "11.1", "4B.SOLID"),  # 3.1 mm in two years
        (36, "4.0", "5.6", "2.SOLID"),
    ],
)
def test_growth_within_twelve_months(months: int, before: str, now: str, rule: str) -> None:
    assert lungrads(followed(months, before, now)).rule_id == f"LUNGRADS2022.{rule}"


def test_growth_against_any_earlier_exam_counts() -> None:
    of = nodule(measured("5.0", on=months_ago(10)), measured("6.0", on=months_ago(5)), measured("6.6"))
    assert lungrads(of).rule_id == "LUNGRADS2022.4A.SOLID"


def test_volumes_only_grow_by_their_spheres() -> None:
    grown = nodule(measured(v=113, on=months_ago(6)), measured(v="222"))  # 6.0 to 7.5 mm
    assert lungrads(grown).rule_id == "LUNGRADS2022.4A.SOLID"
    assert "AMB-13" in lungrads(grown).ambiguities
    same = nodule(measured(v=113, on=months_ago(6)), measured(v="200"))
    assert lungrads(same).rule_id == "LUNGRADS2022.2.STEPPED"


@pytest.mark.parametrize(
    ("previous", "months", "now", "rule", "management"),
    [
        ("4A", 1, "9", "4A.SOLID", "lr_ldct_3m_or_pet"),
        ("4A", 2, "9", "3.STEPPED", "lr_ldct_6m"),
        ("3", 4, "7", "3.SOLID", "lr_ldct_6m"),
        ("3", 5, "7", "2.STEPPED", "lr_annual_ldct_12m"),
        ("2", 12, "5", "2.SOLID", "lr_annual_ldct_12m"),
        ("1", 12, "5", "2.SOLID", "lr_annual_ldct_12m"),
        ("4B", 6, "16", "4B.SOLID", "lr_diagnostic_workup"),
        ("4X", 6, "16", "4X", "lr_diagnostic_workup"),
    ],
)
def test_stepping(previous: str, months: int, now: str, rule: str, management: str) -> None:
    result = lungrads(followed(months, now, now, previous_category=previous))
    assert (result.rule_id, result.management) == (f"LUNGRADS2022.{rule}", management)
    if result.interval is not None:
        assert (result.interval.anchor, result.interval.anchor_date) == ("exam", TODAY)


def test_a_step_needs_whole_months() -> None:
    early = nodule(measured("7", on=months_ago(5) + timedelta(days=1)), measured("7"), previous_category="3")
    assert lungrads(early).category == "3"
    assert "AMB-17" in lungrads(early).ambiguities


def test_stepping_from_a_smaller_nodule_and_from_its_derived_category() -> None:
    assert lungrads(followed(3, "9", "7")).rule_id == "LUNGRADS2022.3.STEPPED"
    assert lungrads(followed(3, "7", "7")).rule_id == "LUNGRADS2022.3.SOLID"
    assert lungrads(followed(6, "7", "7")).rule_id == "LUNGRADS2022.2.STEPPED"


def test_crossing_a_threshold_takes_no_step() -> None:
    crossed = lungrads(followed(6, "7.9", "8.0", previous_category="3"))
    assert crossed.rule_id == "LUNGRADS2022.4A.SOLID"
    higher = lungrads(followed(6, "7.9", "8.0", previous_category="4B"))
    assert higher.rule_id == "LUNGRADS2022.4B.SOLID"
    ground_glass = lungrads(followed(12, "29", "30", attenuation="ground_glass"))
    assert ground_glass.rule_id == "LUNGRADS2022.2.GGN"


def test_a_4b_nodule_proven_benign() -> None:
    assert (
        lungrads(followed(3, "16", "16", previous_category="4B", workup="benign")).rule_id == "LUNGRADS2022.2.STEPPED"
    )


def test_resolved_nodules_take_no_step() -> None:
    gone = nodule(measured("9", on=months_ago(3)), c.Measurement(TODAY, resolved=True), previous_category="4A")
    assert lungrads(gone).rule_id == "LUNGRADS2022.1.NONE"
    stated = nodule(measured("9", on=months_ago(3)), status=c.Status.RESOLVED)
    assert lungrads(stated).rule_id == "LUNGRADS2022.1.NONE"


def test_slow_growth_over_three_exams() -> None:
    slow = nodule(measured("5.0", on=months_ago(36)), measured("6.0", on=months_ago(18)), measured("6.9"))
    result = lungrads(slow)
    assert result.rule_id == "LUNGRADS2022.4B.SLOW"
    assert [branch.when for branch in result.branches] == ["stepped category"]
    dipped = nodule(measured("5.0", on=months_ago(36)), measured("4.9", on=months_ago(18)), measured("6.9"))
    assert lungrads(dipped).category != "4B"
    assert lungrads(followed(36, "5.0", "6.9")).category != "4B"


CYSTS = [
    ({"wall": "thin"}, "1.NONE"),
    ({"wall": "thin", "change": "cystic_growth"}, "1.NONE"),
    ({"wall": "thin", "change": "became_multilocular"}, "4A.CYST"),
    ({"wall": "thick"}, "4A.CYST"),
    ({"wall": "thin", "multilocular": True}, "4A.CYST"),
    ({"wall": "thick", "change": "cystic_growth"}, "3.CYST"),
    ({"wall": "thick", "change": "wall_growth"}, "4B.CYST"),
    ({"multilocular": True, "change": "multilocular_growth"}, "4B.CYST"),
    ({"multilocular": True, "change": "cystic_growth"}, "4B.CYST"),
    ({"multilocular": True, "change": "more_loculation_or_opacity"}, "4B.CYST"),
]


@pytest.mark.parametrize(("cyst", "rule"), CYSTS)
def test_cysts(cyst: dict[str, Any], rule: str) -> None:
    change = cyst.get("change")
    of = c.Cyst(cyst.get("wall"), cyst.get("multilocular", False), change and c.CystChange(change))
    result = lungrads(nodule(measured("12"), cyst=of))
    assert result.rule_id == f"LUNGRADS2022.{rule}"
    assert result.management != "lr_ldct_3m_or_pet"


@pytest.mark.parametrize(("months", "rule"), [(1, "4A.CYST"), (2, "3.STEPPED")])
def test_a_stable_thick_cyst_steps_down(months: int, rule: str) -> None:
    result = lungrads(followed(months, "12", "12", cyst=c.Cyst("thick")))
    assert result.rule_id == f"LUNGRADS2022.{rule}"
    assert result.management != "lr_ldct_3m_or_pet"


@pytest.mark.parametrize(
    ("airway", "secretions", "earlier", "rule"),
    [
        ("subsegmental", False, False, "2.AIRWAY"), ("subsegmental", False, True, "2.AIRWAY"),
        ("segmental_or_proximal", True, False, "2.AIRWAY"), ("segmental_or_proximal", True, True, "2.AIRWAY"),
        ("segmental_or_proximal", False, False, "4A.AIRWAY"), ("segmental_or_proximal", False, True, "4B.AIRWAY"),
    ],
)  # fmt: skip
def test_airways(airway: str, secretions: bool, earlier: bool, rule: str) -> None:
    of = nodule(
        *([measured("9", on=months_ago(3))] if earlier else []),
        measured("9"),
        location=c.Location(airway=c.Airway(airway), airway_secretions=secretions),
    )
    result = lungrads(of)
    assert result.rule_id == f"LUNGRADS2022.{rule}"
    assert result.management != "lr_ldct_3m_or_pet"


def test_airways_that_need_no_size_or_grow() -> None:
    proximal = c.Location(airway=c.Airway.SEGMENTAL_OR_PROXIMAL)
    assert lungrads(nodule(c.Measurement(TODAY), location=proximal)).rule_id == "LUNGRADS2022.4A.AIRWAY"
    new = lungrads(nodule(measured("9"), location=proximal, status=c.Status.NEW))
    assert (new.rule_id, "AMB-18" in new.ambiguities) == ("LUNGRADS2022.4A.AIRWAY", True)
    growing = nodule(measured("9"), location=c.Location(airway=c.Airway.SUBSEGMENTAL), status=c.Status.GROWING)
    assert lungrads(growing).rule_id == "LUNGRADS2022.4B.SOLID"


@pytest.mark.parametrize(("size", "base"), [("5", "2"), ("7", "3"), ("9", "4A"), ("16", "4B")])
@pytest.mark.parametrize(
    "of", [{"margin": c.Margin.SPICULATED}, {"suspicious_features": (c.SuspiciousFeature.LYMPHADENOPATHY,)}]
)
def test_suspicious_features(size: str, base: str, of: dict[str, Any]) -> None:
    result = lungrads(nodule(measured(size), **of))
    assert result.base_category == base
    assert result.category == ("2" if base == "2" else "4X")
    assert (result.management == "lr_diagnostic_workup") == (base != "2")


def test_part_solid_growth_of_either_part() -> None:
    def part_solid(before: tuple[str, str], now: tuple[str, str]) -> Result:
        first = measured(before[0], solid=before[1], on=months_ago(6))
        return lungrads(nodule(first, measured(now[0], solid=now[1]), attenuation="part_solid"))

    whole = part_solid(("8", "3"), ("9.6", "3"))
    assert (whole.rule_id, "AMB-16" in whole.ambiguities) == ("LUNGRADS2022.4A.PARTSOLID", True)
    assert part_solid(("12", "2"), ("12", "4")).rule_id == "LUNGRADS2022.4B.PARTSOLID"
    assert part_solid(("12", "3"), ("12", "4")).rule_id == "LUNGRADS2022.2.STEPPED"


def test_a_solid_component_that_appears_is_growth() -> None:
    before = measured("10", on=months_ago(6), attenuation=c.Attenuation.GROUND_GLASS)
    result = lungrads(nodule(before, measured("10", solid="3"), attenuation="part_solid"))
    assert result.rule_id == "LUNGRADS2022.4A.PARTSOLID"


def test_the_most_suspicious_nodule_leads() -> None:
    benign, small, large = (
        nodule(measured("20"), name="fat", fat=True),
        nodule(measured("7"), name="small"),
        nodule(measured("9"), name="large"),
    )
    assert lungrads(benign, small, large).lead_nodule == "large"
    assert lungrads(benign).rule_id == "LUNGRADS2022.1.BENIGN"
    glass = nodule(measured("25"), name="glass", attenuation="ground_glass")
    assert lungrads(glass, small).lead_nodule == "small"
    twin = nodule(measured("9"), name="twin")
    assert lungrads(large, twin).lead_nodule == "large"


def test_what_is_not_measured_is_asked_for() -> None:
    unmeasured = lungrads(nodule(c.Measurement(TODAY)))
    assert (unmeasured.category, unmeasured.missing) == ("measurement_needed", ("long_axis_mm",))
    assert lungrads(nodule(c.Measurement(TODAY)), nodule(measured("5"), name="n2")).category == "measurement_needed"
    assert lungrads(nodule(c.Measurement(TODAY)), nodule(measured("7"), name="n2")).category == "3"
    no_solid = lungrads(nodule(measured("10"), attenuation="part_solid"))
    assert no_solid.missing == ("solid_long_axis_mm",)
    assert lungrads(nodule(measured("5"), attenuation="part_solid")).category == "2"


def test_the_reported_mean_is_named_when_it_decides() -> None:
    assert lungrads(nodule(measured("5.95"))).ambiguities == ("AMB-14",)
    assert lungrads(nodule(measured("6.0"))).ambiguities == ()
    only_long = lungrads(nodule(measured(long=Decimal(7), short=None)))
    assert (only_long.missing, only_long.ambiguities) == (("short_axis_mm",), ("AMB-47",))


def test_what_stays_when_a_row_has_no_name_of_its_own() -> None:
    glass = lungrads(followed(1, "9", "9", attenuation="ground_glass", previous_category="4A"))
    assert (glass.rule_id, glass.management) == ("LUNGRADS2022.4A.PARTSOLID", "lr_ldct_3m")
    assert lungrads(followed(12, "9", "9", previous_category="2")).rule_id == "LUNGRADS2022.2.STEPPED"
    cyst = lungrads(followed(12, "9", "9", cyst=c.Cyst("thick"), previous_category="2"))
    assert cyst.rule_id == "LUNGRADS2022.2.STEPPED"


def test_a_stated_status_without_any_past_reads_the_size_as_at_first_sight() -> None:
    result = lungrads(nodule(measured("7"), status=c.Status.STABLE))
    assert (result.rule_id, result.missing) == ("LUNGRADS2022.3.SOLID", ("previous_category",))
    undated = lungrads(nodule(measured("7"), status=c.Status.STABLE, previous_category="3"))
    assert (undated.rule_id, undated.missing) == ("LUNGRADS2022.3.SOLID", ("previous_category_date",))


def test_slow_growth_by_volumes_of_one_method() -> None:
    def grown(middle: str) -> c.Nodule:
        volumes = ((60, 357, "auto"), (30, 520, middle), (0, 700, "auto"))  # spheres of 8.8, 10.0 and 11.0 mm
        return nodule(*(measured(v=v, on=months_ago(months), method=method) for months, v, method in volumes))

    assert lungrads(grown("auto")).rule_id == "LUNGRADS2022.4B.SLOW"
    assert lungrads(grown("manual")).rule_id != "LUNGRADS2022.4B.SLOW"


def test_a_solid_part_that_crosses_a_threshold_takes_no_step_down_while_the_whole_shrinks() -> None:
    crossing = nodule(
        measured("14", solid="5.3", on=months_ago(36)),
        measured("11", solid="6.9"),
        attenuation=c.Attenuation.PART_SOLID,
    )
    assert lungrads(crossing).rule_id == "LUNGRADS2022.4A.PARTSOLID"
