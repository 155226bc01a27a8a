"""Answers under a stated measurement error, against simulation and against what can be computed by hand."""

# ruff: noqa: E501 - one case of a table is one line

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from math import erf, sqrt
from typing import Any

import pytest

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import answer_line
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.normal import below
from nodules_app.clinical.stability import weigh
from nodules_app.clinical.view import look_at
from tests.unit.clinical.cases import case, measured, months_ago, nodule


def sd(**sizes: str) -> c.SizeErrors:
    return c.SizeErrors(**{name: Decimal(value) for name, value in sizes.items()})


def chances(of: c.Case, guideline: str) -> dict[str, float]:
    return {branch.management: float(branch.probability or 0) for branch in weigh(of, guideline).branches}


@pytest.mark.parametrize("z", ["-7", "-3", "-1", "0", "0.5", "1.959964", "4", "6"])
def test_normal_distribution(z: str) -> None:
    assert float(below(Decimal(z))) == pytest.approx((1 + erf(float(z) / sqrt(2))) / 2, abs=2e-9)


def test_no_stated_error_is_one_branch() -> None:
    for error in (None, sd(volume_mm3="0"), c.SizeErrors()):
        weighing = weigh(case(nodule(measured("7", v=150, sd=error))), "BTS2015")
        assert [(b.management, b.probability) for b in weighing.branches] == [("bts_ct_3m", 1)]
        assert weighing.stability == "stable"


@pytest.mark.parametrize(
    ("volume", "stability"), [("150", "stable"), ("95", "borderline"), ("82", "could_go_either_way")]
)
def test_one_volume_beside_a_threshold(volume: str, stability: str) -> None:
    of = case(nodule(measured(v=volume, sd=sd(volume_mm3="10"))))
    weighing = weigh(of, "BTS2015")
    discharged = (1 + erf((80 - float(volume)) / 10 / sqrt(2))) / 2
    assert chances(of, "BTS2015").get("bts_discharge", 0) == pytest.approx(discharged, abs=1e-6)
    assert weighing.stability == stability
    assert sum(b.probability or 0 for b in weighing.branches) == pytest.approx(Decimal(1), abs=Decimal("1e-9"))


GROWN = nodule(
    measured("6", v=100, on=months_ago(12), sd=sd(volume_mm3="9")),
    measured("7", v=130, sd=sd(volume_mm3="12", rho="0.5")),
)
SUBSOLID = nodule(
    measured("12", solid="5.6", sd=sd(mean_diameter_mm="0.5", solid_mean_mm="0.6")), attenuation="part_solid"
)
LARGER = nodule(measured("7", on=months_ago(6), sd=sd(long_axis_mm="0.9")), measured("8.4", sd=sd(long_axis_mm="0.5")))


def simulated(of: c.Case, guideline: str, basis: str, runs: int) -> dict[str, float]:
    """The plain way: draw sizes, judge, count."""
    rng = random.Random(7)
    view = look_at(of)
    (look,) = view.present
    counts: Counter[str] = Counter()
    for _ in range(runs):
        z_before, z_now, z_solid = (rng.gauss(0, 1) for _ in range(3))
        rho = float(look.now.sd.rho) if look.now.sd else 0.0
        z_now = rho * z_before + sqrt(1 - rho * rho) * z_now
        earlier = tuple(moved(m, z_before, 0.0, basis) for m in look.earlier)
        shifted = replace(look, now=moved(look.now, z_now, z_solid, basis), earlier=earlier)
        counts[EDITIONS[guideline].judge(view.with_look(shifted)).code] += 1
    return {code: count / runs for code, count in counts.items()}


def moved(m: c.Measurement, z: float, z_solid: float, basis: str) -> c.Measurement:
    assert m.sd is not None
    changes: dict[str, Any] = {}
    if basis == "volume" and m.volume_mm3 and m.sd.volume_mm3:
        changes["volume_mm3"] = m.volume_mm3 + m.sd.volume_mm3 * Decimal(z)
    whole = m.sd.mean_diameter_mm or m.sd.long_axis_mm
    if basis == "diameter" and whole and m.long_axis_mm:
        changes["long_axis_mm"] = changes["short_axis_mm"] = m.long_axis_mm + whole * Decimal(z)
    if m.sd.solid_mean_mm and m.solid_long_axis_mm:
        changes["solid_long_axis_mm"] = changes["solid_short_axis_mm"] = (
            m.solid_long_axis_mm + m.sd.solid_mean_mm * Decimal(z_solid)
        )
    return replace(m, **changes)


@pytest.mark.parametrize(
    ("of", "guideline", "basis"),
    [
        (GROWN, "BTS2015", "volume"),
        (GROWN, "NELSON", "volume"),
        (SUBSOLID, "FLEISCHNER2017", "diameter"),
        (SUBSOLID, "LUNGRADS2022", "diameter"),
        (LARGER, "LUNGRADS2022", "diameter"),
    ],
)
def test_probabilities_agree_with_a_simulation(of: c.Nodule, guideline: str, basis: str) -> None:
    setting = "incidental" if guideline in ("BTS2015", "FLEISCHNER2017") else "screening"
    one = case(of, setting=setting)
    runs = 4000
    expected, drawn = chances(one, guideline), simulated(one, guideline, basis, runs)
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    for code in expected.keys() | drawn.keys():
        p = expected.get(code, 0.0)
        assert drawn.get(code, 0.0) == pytest.approx(p, abs=4.5 * sqrt(p * (1 - p) / runs) + 1e-3), code


def test_the_result_lists_every_management_that_the_errors_allow() -> None:
    def first_result(volume: str, error: str = "10") -> Any:  # noqa: ANN401
        return assess(case(nodule(measured(v=volume, sd=sd(volume_mm3=error))), guidelines=("BTS2015",))).results[0]

    sure, unsure, exact = first_result("115"), first_result("82"), first_result("82", "0")
    assert sure.stability == "stable"
    assert [b.management for b in sure.branches] == ["bts_ct_3m", "bts_discharge"]
    assert [(b.management, b.probability) for b in exact.branches] == [("bts_ct_3m", 1)]
    assert exact.stability == "stable"
    assert unsure.stability == "could_go_either_way"
    assert {b.management for b in unsure.branches} == {"bts_ct_3m", "bts_discharge"}


def test_errors_that_move_together_leave_the_ratio_nearly_alone() -> None:
    def growth_is_certain(rho: str) -> float:
        first = measured(v=100, on=months_ago(12), sd=sd(volume_mm3="10"))
        now = measured(v=140, sd=c.SizeErrors(volume_mm3=Decimal(14), rho=Decimal(rho)))
        return 1 - chances(case(nodule(first, now), setting="screening"), "BTS2015").get("bts_discharge", 0)

    assert growth_is_certain("0") < growth_is_certain("0.9") < growth_is_certain("1")


def test_a_much_less_certain_baseline_and_one_alone() -> None:
    first = measured(v=100, on=months_ago(12), sd=sd(volume_mm3="10"))
    now = measured(v=126, sd=sd(volume_mm3="1"))
    for of in (nodule(first, now), nodule(first, replace(now, sd=None))):
        found = chances(case(of), "BTS2015")["bts_discharge"]
        assert found == pytest.approx((1 - erf(0.8 / 10 / sqrt(2))) / 2, abs=0.01)  # growth while baseline <= 100.8


def test_the_command_prints_branches_and_stability_only_when_unsure() -> None:
    def printed(volume: str) -> dict[str, Any]:
        document = {
            "id": "x", "setting": "incidental", "guidelines": ["BTS2015"], "exams": [{"date": "2024-03-15"}],
            "nodules": [{"id": "n", "attenuation": "solid", "measurements": [{"date": "2024-03-15", "volume_mm3": volume, "sd": {"volume_mm3": 10}}]}],
        }  # fmt: skip
        answer: dict[str, Any] = json.loads(answer_line(json.dumps(document), 1))["results"][0]
        return answer

    unsure, sure = printed("82"), printed("150")
    assert unsure["stability"] == "could_go_either_way"
    assert [branch["probability"] for branch in unsure["branches"]] == ["0.579260", "0.420740"]
    assert ("stability" in sure, sure["branches"]) == (False, [])
