"""Flips against brute force: every step tried, none skipped."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from nodules_app.clinical import case as c
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.flips import flips
from nodules_app.clinical.view import look_at
from tests.unit.clinical.cases import answer, cases, measured, months_ago, nodule


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_nearest_volume_with_another_management_is_found(case: c.Case) -> None:
    view = look_at(case)
    for code in ("FLEISCHNER2017", "LUNGRADS2022", "BTS2015", "NELSON", "EUPS2017"):
        edition = EDITIONS[code]
        finding = edition.judge(view)
        if finding.look is None or finding.basis != "volume":
            continue
        now = finding.look.now
        assert now.volume_mm3 is not None
        if now.volume_mm3 > 1500:  # brute force would take minutes
            continue
        expected = []
        for sign in (-1, 1):
            for step in range(1, int(now.volume_mm3 / 4) + 1):
                changed = replace(now, volume_mm3=now.volume_mm3 + sign * step)
                other = edition.judge(view.remeasured(finding.look, changed))
                if other.code != finding.code:
                    expected.append((f"{sign * step:+d}", other.code, other.rule.id))
                    break
        found = [f for f in flips(view, edition, finding) if f.field == "volume_mm3"]
        assert [(f.change, f.management, f.rule_id) for f in found] == expected


def test_diameters_move_both_axes_within_one_millimetre() -> None:
    flips_at_5 = answer("BTS2015", nodule(measured("5"))).flips
    assert [(f.field, f.change, f.management) for f in flips_at_5] == [
        ("size_mm", "-0.1", "bts_discharge"),
        ("size_mm", "+1.0", "bts_ct_3m"),
    ]
    assert answer("BTS2015", nodule(measured("6.9"))).flips[0].change == "-1.0"
    assert not answer("BTS2015", nodule(measured("7"))).flips


def test_a_size_never_falls_to_zero() -> None:
    assert [f.change for f in answer("NELSON", nodule(measured("0.3", v=49))).flips] == ["+1"]
    assert not answer("FLEISCHNER2017", nodule(measured("0.4"))).flips


def test_no_flips_where_no_size_decided() -> None:
    assert not answer("BTS2015", nodule(measured("9"), fat=True)).flips
    assert not answer("LUNGRADS2022").flips


@pytest.mark.parametrize(("basis", "other"), [("auto", "volume"), ("volume", "diameter")])
def test_fleischner_names_what_the_other_size_says(basis: str, other: str) -> None:
    result = answer("FLEISCHNER2017", nodule(measured("5", v=120)), size_basis=c.SizeBasis(basis))
    assert "AMB-02" in result.ambiguities
    assert [f.change for f in result.flips if f.field == "size_basis"] == [other]


def test_follow_up_volumes_flip_at_growth() -> None:
    result = answer("BTS2015", nodule(measured(v=100, on=months_ago(12)), measured(v=Decimal(124))))
    assert result.flips[0].change == "+1"
    assert result.flips[0].management == "bts_discharge_or_annual_ct"
