"""BTS 2015 beyond size: Brock and Herder, the lead, follow-up, subsolid nodules."""

# ruff: noqa: E501 - one case of a table is one line

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assessment import Result
from tests.unit.clinical.cases import HEAVY, PERSON, TODAY, answer, measured, months_ago, nodule

D = Decimal
AT_RISK = replace(PERSON, age=D(75), sex="female", emphysema=True, smoking=HEAVY)


def bts(*nodules: c.Nodule, **more: Any) -> Result:  # noqa: ANN401
    return answer("BTS2015", *nodules, **more)


def ending(*nodules: c.Nodule, **more: Any) -> str:  # noqa: ANN401
    return bts(*nodules, **more).rule_id.removeprefix("BTS2015.")


def followed(months: int, before: str, now: str, **more: Any) -> c.Nodule:  # noqa: ANN401
    return nodule(measured(before, on=months_ago(months)), measured(now), **more)


def test_cancer_elsewhere_is_a_risk_factor_and_no_exclusion() -> None:
    assert ending(nodule(measured("5")), patient=replace(PERSON, known_cancer=True)) == "SOLID.5-6"
    assert ending(nodule(measured("5"), workup="malignant")) == "SCOPE.PROVEN"


def test_nothing_there() -> None:
    assert ending() == "NONE"
    gone = nodule(measured("7", on=months_ago(6)), c.Measurement(TODAY, resolved=True))
    assert (ending(gone), bts(gone).lead_nodule) == ("FU.RESOLVED", "n1")


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ("lentiform", "9.9", "PFN"),
        ("triangular", "9.9", "PFN"),
        ("oval", "7", "SOLID.SURV"),
        ("lentiform", "10", "SOLID.BROCK.LT10"),
    ],
)
def test_perifissural(shape: str, size: str, expected: str) -> None:
    result = bts(nodule(measured(size), shape=c.Shape(shape), location=c.Location(perifissural=True)))
    assert result.rule_id == f"BTS2015.{expected}"
    assert ("AMB-29" in result.ambiguities) == (shape == "oval" or expected == "PFN")
    by_volume = nodule(measured(v=300), shape=c.Shape.LENTIFORM, location=c.Location(juxtapleural=True))
    assert ending(by_volume) == "PFN"


@pytest.mark.parametrize(
    ("size", "uptake", "patient", "expected"),
    [
        ("8", None, PERSON, "SOLID.BROCK.LT10"), ("8", "intense", PERSON, "SOLID.BROCK.LT10"),
        ("20", None, AT_RISK, "SOLID.BROCK.GE10"), ("20", "absent", replace(AT_RISK, age=D(55), smoking=PERSON.smoking), "SOLID.HERDER.LT10"),
        ("20", "faint", AT_RISK, "SOLID.HERDER.10-70"), ("20", "intense", AT_RISK, "SOLID.HERDER.GT70"),
        ("20", "intense", replace(AT_RISK, smoking=c.Smoking()), "SOLID.BROCK.UNKNOWN"),
        ("20", None, replace(AT_RISK, emphysema=None), "SOLID.BROCK.UNKNOWN"),
    ],
)  # fmt: skip
def test_brock_and_herder(size: str, uptake: str | None, patient: c.Patient, expected: str) -> None:
    result = bts(nodule(measured(size), pet_uptake=uptake and c.PetUptake(uptake)), patient=patient)
    assert result.rule_id == f"BTS2015.{expected}"
    assert bool(result.missing) == expected.endswith("UNKNOWN")


def test_volume_decides_over_diameter_unless_diameter_is_wanted() -> None:
    of = nodule(measured("9", v=79))
    assert (ending(of), "AMB-24" in bts(of).ambiguities) == ("SOLID.LT5", True)
    assert ending(of, size_basis=c.SizeBasis.DIAMETER) == "SOLID.BROCK.LT10"
    assert "AMB-24" not in bts(nodule(measured("7", v=150))).ambiguities


def test_the_lead() -> None:
    small, large = nodule(measured("6", v=200), name="small"), nodule(measured("7", v=150), name="large")
    assert bts(small, large).lead_nodule == "small"  # by volume, as both have one
    assert bts(replace(small, measurements=(measured("6"),)), large).lead_nodule == "large"
    assert bts(small, large, size_basis=c.SizeBasis.DIAMETER).lead_nodule == "large"
    only_volume, only_axis = nodule(measured(v=3000), name="v"), nodule(measured("7"), name="d")
    assert bts(only_volume, only_axis).lead_nodule == "v"
    grown = followed(6, "4", "6", name="grown")
    assert bts(grown, nodule(measured("7"), name="big")).lead_nodule == "grown"
    glass = followed(6, "5", "7", name="glass", attenuation="ground_glass")
    assert bts(glass, nodule(measured("9"), name="big")).lead_nodule == "glass"
    assert bts(nodule(measured("9"), fat=True), nodule(measured("7"), name="n2")).lead_nodule == "n2"
    assert ending(nodule(measured("9"), fat=True)) == "BENIGN"


def test_an_unmeasured_nodule_is_asked_for_before_discharge() -> None:
    unmeasured = nodule(c.Measurement(TODAY), name="n2")
    assert ending(unmeasured) == "MEASUREMENT"
    assert ending(nodule(measured("4")), unmeasured) == "MEASUREMENT"
    assert ending(nodule(measured("7")), unmeasured) == "SOLID.SURV"
    assert ending(nodule(measured(v=90), attenuation="ground_glass")) == "MEASUREMENT"


@pytest.mark.parametrize(
    ("months", "management", "anchor"),
    [(3, "bts_ct_12m", "baseline"), (12, "bts_ct_24m", "baseline"), (24, "bts_discharge", None)],
)
def test_stable_by_diameter_counts_from_baseline(months: int, management: str, anchor: str | None) -> None:
    result = bts(followed(months, "7", "7"))
    assert result.management == management
    assert (result.interval and result.interval.anchor) == anchor
    assert set(result.ambiguities) >= {"AMB-27", "AMB-28"}
    if result.interval is not None:
        assert result.interval.anchor_date == months_ago(months)


def test_a_yearly_option_after_growth_counts_from_this_exam() -> None:
    result = bts(nodule(measured(v=100, on=months_ago(12)), measured(v=170)))
    assert result.interval is not None
    assert (result.interval.anchor, result.interval.anchor_date) == ("exam", TODAY)


def test_one_volume_only_compares_diameters() -> None:
    result = bts(nodule(measured("7", on=months_ago(12)), measured("7", v=150)))
    assert (result.rule_id, "AMB-52" in result.ambiguities) == ("BTS2015.FU.12M.STABLE.DIAM", True)
    different = nodule(measured("7", v=100, on=months_ago(12), method="a"), measured("7", v=200, method="b"))
    assert ending(different) == "FU.12M.STABLE.DIAM"


def test_measurements_that_cannot_be_compared_count_as_stable() -> None:
    assert ending(nodule(measured("7", on=months_ago(12)), measured(v=150))) == "FU.12M.STABLE.DIAM"
    different = nodule(measured(v=120, on=months_ago(12), method="a"), measured(v=130, method="b"))
    assert ending(different) == "FU.12M.STABLE.DIAM"
    tiny = nodule(measured(v=40, on=months_ago(12), method="a"), measured(v=45, method="b"))
    assert ending(tiny) == "SOLID.LT5"


def test_a_proven_cancer_is_out_of_scope_also_when_it_is_gone() -> None:
    gone = nodule(measured("12", on=months_ago(12)), measured(resolved=True), workup="malignant")
    assert ending(gone) == "SCOPE.PROVEN"


SUBSOLID = [
    (6, ("8", "2"), ("8", "4"), PERSON, "SOLIDGROWTH"),
    (6, ("8", "2"), ("10", "3.9"), PERSON, "GROWTH"),
    (6, ("8", "2"), ("9.9", "3.9"), PERSON, "BROCK.LT10"),
    (6, ("20", "12"), ("20", "12"), AT_RISK, "BROCK.GE10"),
    (6, ("8", "2"), ("8", "2"), replace(PERSON, emphysema=None), "BROCK.UNKNOWN"),
    (48, ("8", "2"), ("8", "2"), PERSON, "DONE"),
    (46, ("8", "2"), ("8", "2"), PERSON, "DONE"),
    (45, ("8", "2"), ("8", "2"), PERSON, "BROCK.LT10"),
]


@pytest.mark.parametrize(("months", "before", "now", "patient", "expected"), SUBSOLID)
def test_subsolid_follow_up(
    months: int, before: tuple[str, str], now: tuple[str, str], patient: c.Patient, expected: str
) -> None:
    of = nodule(
        measured(before[0], solid=before[1], on=months_ago(months)),
        measured(now[0], solid=now[1]),
        attenuation="part_solid",
    )
    assert ending(of, patient=patient) == f"SUBSOLID.FU.{expected}"


@pytest.mark.parametrize(("months", "mark"), [(3, 12), (9, 12), (10, 24), (21, 24), (22, 48), (45, 48)])
def test_subsolid_marks(months: int, mark: int) -> None:
    interval = bts(followed(months, "6", "6", attenuation="ground_glass")).interval
    assert interval is not None
    assert (interval.months.latest, interval.anchor, interval.anchor_date) == (mark, "baseline", months_ago(months))


def test_subsolid_details() -> None:
    grown = bts(followed(6, "6", "8", attenuation="ground_glass")).interval
    assert grown is not None
    assert (grown.months.earliest, grown.months.target, grown.months.latest) == (3, 6, 6)
    before = measured("8", on=months_ago(6), attenuation=c.Attenuation.GROUND_GLASS)
    assert ending(nodule(before, measured("8", solid="2"), attenuation="part_solid")) == "SUBSOLID.FU.SOLIDGROWTH"
    by_volume = nodule(measured(v=150, on=months_ago(6)), measured("6"), attenuation="ground_glass")
    assert ending(by_volume) == "SUBSOLID.FU.BROCK.LT10"
