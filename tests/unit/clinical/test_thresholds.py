"""Both sides of every printed threshold, in millimetres and in cubic millimetres."""

# ruff: noqa: E501, ANN401 - one case of a table is one line

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.editions import accp2013, bts2015, by_mean, china2024
from nodules_app.clinical.rules import Fact, the_rule
from tests.unit.clinical.cases import HEAVY, PERSON, TODAY, answer, measured, months_ago, nodule

HIGH = {"risk_override": "high"}
LOW = {"risk_override": "low"}


def row(
    guideline: str, size: dict[str, Any], *, attenuation: str = "solid", of: dict[str, Any] | None = None, **more: Any
) -> str:
    result = answer(guideline, nodule(measured(**size), attenuation=attenuation, **(of or {})), **more)
    return result.rule_id.partition(".")[2]


@pytest.mark.parametrize(
    ("size", "ending"),
    [
        ({"mean": "5.4"}, "SOLID.SINGLE.LT6.LOW"),
        ({"mean": "5.49"}, "SOLID.SINGLE.LT6.LOW"),
        ({"mean": "5.5"}, "SOLID.SINGLE.6-8.LOW"),
        ({"mean": "6"}, "SOLID.SINGLE.6-8.LOW"),
        ({"mean": "8"}, "SOLID.SINGLE.6-8.LOW"),
        ({"mean": "8.49"}, "SOLID.SINGLE.6-8.LOW"),
        ({"mean": "8.5"}, "SOLID.SINGLE.GT8"),
        ({"mean": "30.49"}, "SOLID.SINGLE.GT8"),
        ({"mean": "30.5"}, "SCOPE.MASS"),
        ({"v": "99"}, "SOLID.SINGLE.LT6.LOW"),
        ({"v": "99.9"}, "SOLID.SINGLE.LT6.LOW"),
        ({"v": "100"}, "SOLID.SINGLE.6-8.LOW"),
        ({"v": "250"}, "SOLID.SINGLE.6-8.LOW"),
        ({"v": "250.1"}, "SOLID.SINGLE.GT8"),
    ],
)
def test_fleischner_solid_single(size: dict[str, Any], ending: str) -> None:
    assert row("FLEISCHNER2017", size, **LOW) == ending
    if not ending.startswith("SCOPE"):
        assert row("FLEISCHNER2017", size, **HIGH) == ending.replace("LOW", "HIGH")


@pytest.mark.parametrize(
    ("sizes", "ending"),
    [
        (("5.4", "4"), "SOLID.MULTI.LT6"),
        (("5.5", "4"), "SOLID.MULTI.GE6"),
        (("8.5", "4"), "SOLID.MULTI.GE6"),
    ],
)
def test_fleischner_solid_multiple(sizes: tuple[str, str], ending: str) -> None:
    members = [nodule(measured(size), name=f"n{n}") for n, size in enumerate(sizes)]
    for risk in ("low", "high"):
        result = answer("FLEISCHNER2017", *members, risk_override=risk)
        assert result.rule_id == f"FLEISCHNER2017.{ending}.{risk.upper()}"
        assert result.lead_nodule == "n0"


@pytest.mark.parametrize(
    ("attenuation", "size", "ending"),
    [
        ("ground_glass", {"mean": "5.4"}, "GGN.SINGLE.LT6"),
        ("ground_glass", {"mean": "5.5"}, "GGN.SINGLE.GE6"),
        ("ground_glass", {"v": "99"}, "GGN.SINGLE.LT6"),
        ("ground_glass", {"v": "100"}, "GGN.SINGLE.GE6"),
        ("part_solid", {"mean": "5.4", "solid": "5"}, "PARTSOLID.SINGLE.LT6"),
        ("part_solid", {"mean": "12", "solid": "5.4"}, "PARTSOLID.SINGLE.GE6.S.LT6"),
        ("part_solid", {"mean": "12", "solid": "5.5"}, "PARTSOLID.SINGLE.GE6.S.6-8"),
        ("part_solid", {"mean": "12", "solid": "8.4"}, "PARTSOLID.SINGLE.GE6.S.6-8"),
        ("part_solid", {"mean": "12", "solid": "8.5"}, "PARTSOLID.SINGLE.GE6.S.GT8"),
        ("part_solid", {"v": "300", "solid_volume_mm3": Decimal(99)}, "PARTSOLID.SINGLE.GE6.S.LT6"),
        ("part_solid", {"v": "300", "solid_volume_mm3": Decimal(250)}, "PARTSOLID.SINGLE.GE6.S.6-8"),
        ("part_solid", {"v": "300", "solid_volume_mm3": Decimal(251)}, "PARTSOLID.SINGLE.GE6.S.GT8"),
    ],
)
def test_fleischner_subsolid_single(attenuation: str, size: dict[str, Any], ending: str) -> None:
    for risk in (LOW, HIGH):  # risk plays no part
        assert row("FLEISCHNER2017", size, attenuation=attenuation, **risk) == ending


@pytest.mark.parametrize("of", [{"margin": c.Margin.LOBULATED}, {"bubbly": True}])
def test_fleischner_suspicious_part_solid(of: dict[str, Any]) -> None:
    size = {"mean": "12", "solid": "6"}
    assert row("FLEISCHNER2017", size, attenuation="part_solid", of=of) == "PARTSOLID.SINGLE.SUSPICIOUS"
    size["solid"] = "5.4"
    assert row("FLEISCHNER2017", size, attenuation="part_solid", of=of) == "PARTSOLID.SINGLE.GE6.S.LT6"


@pytest.mark.parametrize(("sizes", "ending"), [(("5.4", "4"), "LT6"), (("5.5", "4"), "GE6")])
def test_fleischner_subsolid_multiple(sizes: tuple[str, str], ending: str) -> None:
    members = [
        nodule(measured(sizes[0]), attenuation="ground_glass"),
        nodule(measured(sizes[1]), name="n2", attenuation="part_solid"),
    ]
    assert answer("FLEISCHNER2017", *members).rule_id == f"FLEISCHNER2017.SUBSOLID.MULTI.{ending}"


@pytest.mark.parametrize(
    ("size", "margin", "ending"),
    [
        ("5.4", "spiculated", "PARTIAL.LT6"),
        ("5.5", "smooth", "PARTIAL.6-8"),
        ("5.5", "spiculated", "PARTIAL.GT8"),
        ("8.4", "smooth", "PARTIAL.6-8"),
        ("8.5", "smooth", "PARTIAL.GT8"),
    ],
)
def test_fleischner_partial_coverage(size: str, margin: str, ending: str) -> None:
    exams = (c.Exam(measured(size).date, coverage="partial"),)
    result = answer("FLEISCHNER2017", nodule(measured(size), margin=c.Margin(margin)), exams=exams)
    assert result.rule_id == f"FLEISCHNER2017.{ending}"


LUNGRADS_SOLID = [
    ("baseline", "5.94", "112", "2"), ("baseline", "5.95", "113", "3"), ("baseline", "7.94", "267", "3"),
    ("baseline", "7.95", "268", "4A"), ("baseline", "14.94", "1766", "4A"), ("baseline", "14.95", "1767", "4B"),
    ("new", "3.94", "33", "2"), ("new", "3.95", "34", "3"), ("new", "5.94", "112", "3"), ("new", "5.95", "113", "4A"),
    ("new", "7.94", "267", "4A"), ("new", "7.95", "268", "4B"),
    ("growing", "7.94", "267", "4A"), ("growing", "7.95", "268", "4B"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "mean", "volume", "category"), LUNGRADS_SOLID)
def test_lungrads_solid(status: str, mean: str, volume: str, category: str) -> None:
    for size in ({"mean": mean}, {"v": volume}):
        result = answer("LUNGRADS2022", nodule(measured(**size), status=c.Status(status)))
        assert (result.category, result.rule_id) == (category, f"LUNGRADS2022.{category}.SOLID")


LUNGRADS_PARTSOLID = [
    ("baseline", "5.94", "5", "2"), ("baseline", "5.95", "5.94", "3"), ("baseline", "10", "5.95", "4A"),
    ("baseline", "10", "7.94", "4A"), ("baseline", "10", "7.95", "4B"),
    ("new", "5.94", "3.94", "3"), ("new", "5.94", "3.95", "4B"), ("new", "5.95", "3.94", "4A"), ("new", "10", "3.95", "4B"),
    ("growing", "10", "3.94", "4A"), ("growing", "10", "3.95", "4B"),
]  # fmt: skip


LUNGRADS_PARTSOLID_MM3 = [
    ("baseline", "112", "100", "2"), ("baseline", "113", "112", "3"), ("baseline", "600", "113", "4A"),
    ("baseline", "600", "267", "4A"), ("baseline", "600", "268", "4B"),
    ("new", "112", "33", "3"), ("new", "112", "34", "4B"), ("new", "113", "33", "4A"), ("new", "600", "34", "4B"),
    ("growing", "600", "33", "4A"), ("growing", "600", "34", "4B"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "volume", "solid", "category"), LUNGRADS_PARTSOLID_MM3)
def test_lungrads_part_solid_by_volume(status: str, volume: str, solid: str, category: str) -> None:
    size = measured(v=volume, solid_volume_mm3=Decimal(solid))
    part_solid = nodule(size, attenuation="part_solid", status=c.Status(status))
    assert answer("LUNGRADS2022", part_solid).rule_id == f"LUNGRADS2022.{category}.PARTSOLID"


@pytest.mark.parametrize(
    ("attenuation", "size", "status", "pet"),
    [
        ("solid", {"mean": "7.94"}, "growing", False), ("solid", {"mean": "7.95"}, "baseline", True),
        ("solid", {"v": 267}, "growing", False), ("solid", {"v": 268}, "baseline", True),
        ("part_solid", {"mean": 10, "solid": "7.9"}, "baseline", False),
        ("part_solid", {"v": 600, "solid_volume_mm3": Decimal(267)}, "baseline", False),
    ],
)  # fmt: skip
def test_lungrads_4a_with_8_mm_of_solid_may_have_a_pet(
    attenuation: str, size: dict[str, Any], status: str, pet: bool
) -> None:
    result = answer("LUNGRADS2022", nodule(measured(**size), attenuation=attenuation, status=c.Status(status)))
    assert (result.category, result.management) == ("4A", "lr_ldct_3m_or_pet" if pet else "lr_ldct_3m")


@pytest.mark.parametrize(("status", "mean", "solid", "category"), LUNGRADS_PARTSOLID)
def test_lungrads_part_solid(status: str, mean: str, solid: str, category: str) -> None:
    part_solid = nodule(measured(mean, solid=solid), attenuation="part_solid", status=c.Status(status))
    assert answer("LUNGRADS2022", part_solid).rule_id == f"LUNGRADS2022.{category}.PARTSOLID"


@pytest.mark.parametrize("status", ["baseline", "new", "growing"])
@pytest.mark.parametrize(
    ("size", "category"),
    [({"mean": "29.94"}, "2"), ({"mean": "29.95"}, "3"), ({"v": "14136"}, "2"), ({"v": "14137"}, "3")],
)
def test_lungrads_ground_glass(status: str, size: dict[str, Any], category: str) -> None:
    result = answer("LUNGRADS2022", nodule(measured(**size), attenuation="ground_glass", status=c.Status(status)))
    assert result.rule_id == f"LUNGRADS2022.{category}.GGN"
    assert ("AMB-23" in result.ambiguities) == (status == "growing" and category == "3")


@pytest.mark.parametrize(
    ("size", "ending"),
    [
        ({"mean": "9.94"}, "2.JUXTAPLEURAL"),
        ({"mean": "9.95"}, "4A.SOLID"),
        ({"v": "523"}, "2.JUXTAPLEURAL"),
        ({"v": "524"}, "4A.SOLID"),
    ],
)
def test_lungrads_juxtapleural(size: dict[str, Any], ending: str) -> None:
    of = {"location": c.Location(juxtapleural=True), "shape": c.Shape.OVAL}
    assert row("LUNGRADS2022", size, of=of) == ending


@pytest.mark.parametrize(
    ("size", "ending"),
    [
        ({"mean": "4.9"}, "SOLID.LT5"), ({"mean": "5"}, "SOLID.5-6"), ({"mean": "5.9"}, "SOLID.5-6"),
        ({"mean": "6"}, "SOLID.SURV"), ({"mean": "7.9"}, "SOLID.SURV"), ({"mean": "8"}, "SOLID.BROCK.LT10"),
        ({"v": "79"}, "SOLID.LT5"), ({"v": "80"}, "SOLID.SURV"), ({"v": "299"}, "SOLID.SURV"),
        ({"v": "300"}, "SOLID.BROCK.UNKNOWN"), ({"v": "79", "mean": "12"}, "SOLID.LT5"),
        ({"v": "300", "mean": "5"}, "SOLID.BROCK.LT10"),
    ],
)  # fmt: skip
def test_bts_solid(size: dict[str, Any], ending: str) -> None:
    assert row("BTS2015", size) == ending


@pytest.mark.parametrize(
    ("guideline", "ending"), [("FLEISCHNER2017", "SOLID.SINGLE.GT8"), ("BTS2015", "SOLID.BROCK.LT10")]
)
@pytest.mark.parametrize(("size", "inside"), [("9.9", True), ("10", False)])
def test_perifissural_nodules_below_10_mm(guideline: str, ending: str, size: str, inside: bool) -> None:
    of = {"location": c.Location(perifissural=True), "shape": c.Shape.TRIANGULAR}
    assert row(guideline, {"mean": size}, of=of, **LOW) == ("PFN" if inside else ending)


# Probabilities hardly ever fall on a threshold: the rows themselves are asked (AMB-25, AMB-33).
BROCK_AND_HERDER = [
    ("9.99", None, "SOLID.BROCK.LT10"), ("10", None, "SOLID.BROCK.GE10"), ("10", "9.99", "SOLID.HERDER.LT10"),
    ("10", "10", "SOLID.HERDER.10-70"), ("10", "70", "SOLID.HERDER.10-70"), ("10", "70.01", "SOLID.HERDER.GT70"),
    ("9.99", "80", "SOLID.BROCK.LT10"),
]  # fmt: skip


@pytest.mark.parametrize(("brock", "herder", "ending"), BROCK_AND_HERDER)
def test_bts_rows_by_probability(brock: str, herder: str | None, ending: str) -> None:
    facts: dict[str, Fact] = {"large": True, "brock_known": True, "brock_percent": Decimal(brock)}
    facts |= {"pet": herder is not None, "herder_percent": None if herder is None else Decimal(herder)}
    assert the_rule(bts2015.LARGE, facts).id == f"BTS2015.{ending}"


@pytest.mark.parametrize(
    ("brock", "mark_open", "ending"),
    [("9.99", True, "BROCK.LT10"), ("9.99", False, "DONE"), ("10", True, "BROCK.GE10"), ("10", False, "BROCK.GE10")],
)
def test_bts_subsolid_rows_by_probability(brock: str, mark_open: bool, ending: str) -> None:
    facts: dict[str, Fact] = {"solid_growth": False, "growth": False, "brock_known": True, "mark_open": mark_open}
    rule = the_rule(bts2015.SUBSOLID_FOLLOW_UP, facts | {"brock_percent": Decimal(brock)})
    assert rule.id == f"BTS2015.SUBSOLID.FU.{ending}"


@pytest.mark.parametrize("table", [accp2013.TABLE, china2024.TABLE])
@pytest.mark.parametrize(("mayo", "ending"), [("4.99", "LT5"), ("5", "5-65"), ("65", "5-65"), ("65.01", "GT65")])
def test_rows_at_a_pretest_probability(table: by_mean.Table, mayo: str, ending: str) -> None:
    facts: dict[str, Fact] = {"attenuation": "solid", "mean_mm": Decimal(9), "risk": "present", "mayo_known": True}
    assert the_rule(table.rows, facts | {"mayo_percent": Decimal(mayo)}).id.endswith(f"SOLID.GT8.P.{ending}")


@pytest.mark.parametrize(("size", "ending"), [("4.9", "SUBSOLID.LT5"), ("5", "SUBSOLID.GE5")])
def test_bts_subsolid(size: str, ending: str) -> None:
    for attenuation in ("part_solid", "ground_glass"):
        assert row("BTS2015", {"mean": size}, attenuation=attenuation) == ending


MEANS = [
    ("solid", "4", "LE4"), ("solid", "4.1", "4-6"), ("solid", "6", "4-6"), ("solid", "6.1", "6-8"), ("solid", "8", "6-8"),
    ("ground_glass", "5", "LE5"), ("ground_glass", "5.1", "5-10"), ("ground_glass", "10", "5-10"), ("ground_glass", "10.1", "GT10"),
    ("part_solid", "8", "LE8"), ("part_solid", "8.1", "8-15"), ("part_solid", "15", "8-15"), ("part_solid", "15.1", "GT15"),
]  # fmt: skip


@pytest.mark.parametrize("guideline", ["ACCP2013", "CHINA2024"])
@pytest.mark.parametrize(("attenuation", "size", "ending"), MEANS)
def test_rows_by_unrounded_mean(guideline: str, attenuation: str, size: str, ending: str) -> None:
    kind = {"solid": "SOLID", "ground_glass": "GGN", "part_solid": "PARTSOLID"}[attenuation]
    for risk, word in ((LOW, ".NORISK"), (HIGH, ".RISK")):
        expected = f"{kind}.{ending}{word if kind == 'SOLID' else ''}"
        assert row(guideline, {"mean": size}, attenuation=attenuation, **risk) == expected


@pytest.mark.parametrize("guideline", ["ACCP2013", "CHINA2024"])
def test_rows_by_pretest_probability(guideline: str) -> None:
    def of(age: int, margin: str, smoking: c.Smoking) -> str:
        patient = c.Patient(age=Decimal(age), smoking=smoking)
        return row(guideline, {"mean": "20" if age > 50 else "8.1"}, of={"margin": c.Margin(margin)}, patient=patient)

    assert of(40, "smooth", PERSON.smoking) == "SOLID.GT8.P.LT5"
    assert of(60, "smooth", HEAVY) == "SOLID.GT8.P.5-65"
    assert of(85, "spiculated", HEAVY) == "SOLID.GT8.P.GT65"
    assert row(guideline, {"mean": "9"}, patient=c.Patient(age=Decimal(60))) == "SOLID.GT8.P.UNKNOWN"


@pytest.mark.parametrize(
    ("attenuation", "size", "of", "ending"),
    [
        ("solid", {"v": "49"}, {}, "NODCAT2"), ("solid", {"v": "50"}, {}, "NODCAT3"), ("solid", {"v": "500"}, {}, "NODCAT3"),
        ("solid", {"v": "500.1"}, {}, "NODCAT4"), ("solid", {"mean": "6"}, {}, "MEASUREMENT"),
        ("solid", {"mean": "4.9"}, {"location": c.Location(juxtapleural=True)}, "NODCAT2"),
        ("solid", {"mean": "5"}, {"location": c.Location(juxtapleural=True)}, "NODCAT3"),
        ("solid", {"mean": "10"}, {"location": c.Location(juxtapleural=True)}, "NODCAT3"),
        ("solid", {"mean": "10.1"}, {"location": c.Location(juxtapleural=True)}, "NODCAT4"),
        ("part_solid", {"mean": "7.9", "solid_volume_mm3": Decimal(49)}, {}, "NODCAT2"),
        ("part_solid", {"mean": "8", "solid_volume_mm3": Decimal(49)}, {}, "NODCAT3"),
        ("part_solid", {"mean": "7.9", "solid_volume_mm3": Decimal(50)}, {}, "NODCAT3"),
        ("part_solid", {"mean": "20", "solid_volume_mm3": Decimal(500)}, {}, "NODCAT3"),
        ("part_solid", {"mean": "20", "solid_volume_mm3": Decimal(501)}, {}, "NODCAT4"),
        ("part_solid", {"mean": "20"}, {}, "MEASUREMENT"),
        ("ground_glass", {"mean": "7.9"}, {}, "NODCAT2"), ("ground_glass", {"mean": "8"}, {}, "NODCAT3"),
        ("solid", {"v": "900"}, {"fat": True}, "NODCAT1"),
    ],
)  # fmt: skip
def test_nelson_sizes(attenuation: str, size: dict[str, Any], of: dict[str, Any], ending: str) -> None:
    assert row("NELSON", size, attenuation=attenuation, of=of) == ending


@pytest.mark.parametrize(
    ("status", "size", "ending"),
    [
        ("baseline", {"v": "99"}, "BASE.LT100"), ("baseline", {"v": "100"}, "BASE.100-300"), ("baseline", {"v": "300"}, "BASE.100-300"),
        ("baseline", {"v": "301"}, "BASE.GT300"), ("baseline", {"mean": "4.9"}, "BASE.LT100"), ("baseline", {"mean": "5"}, "BASE.100-300"),
        ("baseline", {"mean": "10"}, "BASE.100-300"), ("baseline", {"mean": "10.1"}, "BASE.GT300"),
        ("new", {"v": "29"}, "NEW.LT30"), ("new", {"v": "30"}, "NEW.30-200"), ("new", {"v": "200"}, "NEW.30-200"), ("new", {"v": "201"}, "NEW.GT200"),
        ("new", {"mean": "6"}, "MEASUREMENT"),
    ],
)  # fmt: skip
def test_european_statement(status: str, size: dict[str, Any], ending: str) -> None:
    assert row("EUPS2017", size, of={"status": c.Status(status)}) == ending


# A volume that doubles in n days has a doubling time of exactly n days (AMB-26; NELSON and EUPS have 400 in the middle).
DOUBLED = [
    ("BTS2015", 400, "FU.12M.GROWTH.LE400"), ("BTS2015", 401, "FU.12M.GROWTH.400-600"),
    ("BTS2015", 600, "FU.12M.GROWTH.400-600"), ("BTS2015", 601, "FU.12M.GROWTH.GT600"),
    ("NELSON", 399, "GROWCAT.C"), ("NELSON", 400, "GROWCAT.B"), ("NELSON", 600, "GROWCAT.B"), ("NELSON", 601, "GROWCAT.A"),
    ("EUPS2017", 399, "FU.LT400"), ("EUPS2017", 400, "FU.400-600"), ("EUPS2017", 600, "FU.400-600"), ("EUPS2017", 601, "FU.STABLE"),
]  # fmt: skip


@pytest.mark.parametrize(("guideline", "days", "ending"), DOUBLED)
def test_doubling_times(guideline: str, days: int, ending: str) -> None:
    doubled = nodule(measured(v=200, on=TODAY - timedelta(days=days)), measured(v=400))
    assert answer(guideline, doubled).rule_id == f"{guideline}.{ending}"


@pytest.mark.parametrize(("vdt_days", "ending"), [("399.5", "FAST"), ("400", "FAST"), ("400.5", "SLOW")])
def test_bts_doubling_times_at_three_months(vdt_days: str, ending: str) -> None:
    facts: dict[str, Fact] = {"label": "3m", "growth": True, "basis": "volume", "vdt_days": Decimal(vdt_days)}
    assert the_rule(bts2015.FOLLOW_UP, facts).id == f"BTS2015.FU.3M.GROWTH.{ending}"


@pytest.mark.parametrize("guideline", ["FLEISCHNER2017", "ACCP2013", "CHINA2024"])
@pytest.mark.parametrize(("mean", "is_mass"), [("30.49", False), ("30.5", True)])
def test_a_mass_begins_at_30_5(guideline: str, mean: str, is_mass: bool) -> None:
    for attenuation in ("solid", "part_solid", "ground_glass"):
        assert (row(guideline, {"mean": mean}, attenuation=attenuation) == "SCOPE.MASS") == is_mass


@pytest.mark.parametrize(
    ("guideline", "limit"), [("FLEISCHNER2017", 35), ("BTS2015", 18), ("ACCP2013", 18), ("CHINA2024", 18)]
)
def test_youngest_age(guideline: str, limit: int) -> None:
    for age, inside in ((limit - 1, False), (limit, True)):
        result = answer(guideline, nodule(measured("5")), patient=c.Patient(age=Decimal(age), smoking=PERSON.smoking))
        assert (result.rule_id != f"{guideline}.SCOPE.AGE") == inside
        assert (result.category == "not_applicable") != inside


@pytest.mark.parametrize(
    ("months", "before", "now", "ending"),
    [
        (9, {"v": 100}, {"v": "124.9"}, "FU.3M.STABLE"), (9, {"v": 100}, {"v": 125}, "FU.3M.GROWTH.SLOW"),
        (3, {"v": 100}, {"v": 125}, "FU.3M.GROWTH.FAST"), (10, {"v": 100}, {"v": 124}, "FU.12M.STABLE.VOL"),
        (21, {"v": 100}, {"v": 124}, "FU.12M.STABLE.VOL"), (22, {"v": 100}, {"v": 124}, "FU.24M.STABLE"),
        (12, {"mean": 6}, {"mean": "7.9"}, "FU.12M.STABLE.DIAM"), (12, {"mean": 6}, {"mean": 8}, "FU.12M.GROWTH.LE400"),
        (12, {"v": 100}, {"v": 200}, "FU.12M.GROWTH.LE400"), (12, {"v": 100}, {"v": 170}, "FU.12M.GROWTH.400-600"),
        (12, {"v": 100}, {"v": 140}, "FU.12M.GROWTH.GT600"), (24, {"mean": 8}, {"mean": "9.9"}, "FU.24M.STABLE"),
        (12, {"mean": "4"}, {"mean": "4.9"}, "SOLID.LT5"),
    ],
)  # fmt: skip
def test_bts_follow_up(months: int, before: dict[str, Any], now: dict[str, Any], ending: str) -> None:
    result = answer("BTS2015", nodule(measured(on=months_ago(months), **before), measured(**now)))
    assert result.rule_id == f"BTS2015.{ending}"
