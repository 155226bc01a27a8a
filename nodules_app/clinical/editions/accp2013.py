"""ACCP / CHEST 3rd edition, Chest 2013;143 suppl e93S: the printed rows for a first look.

Sizes are mean diameters, unrounded (AMB-32); the largest nodule leads. Risk factor present means a high risk by the
Fleischner reading, pretest probability is Mayo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nodules_app.clinical.editions.by_mean import PersonRisk, Table, judge_by, mayo_limits
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.editions.fleischner_risk import fleischner_risk
from nodules_app.clinical.months import Months, window
from nodules_app.clinical.rules import NOTHING, Condition, Rule, span
from nodules_app.clinical.view import Look, View

CODE: Final = "ACCP2013"


def _row(ending: str, when: Mapping[str, Condition], management: str, months: Months | None, *ambiguities: str) -> Rule:
    return Rule(f"{CODE}.{ending}", when, management, months, "ACCP 2013, recommendations", "P", ambiguities)


def _solid(ending: str, size: str, risk: str, management: str, months: Months | None) -> Rule:
    return _row(
        f"SOLID.{ending}", {"attenuation": "solid", "mean_mm": span(size), "risk": risk}, management, months, "AMB-32"
    )


def _large(ending: str, percent: str, management: str, months: Months | None) -> Rule:
    when: dict[str, Condition] = {"attenuation": "solid", "mean_mm": span("> 8"), "mayo_percent": span(percent)}
    return _row(f"SOLID.GT8.{ending}", when, management, months, "AMB-32")


def _subsolid(ending: str, attenuation: str, size: str, management: str, months: Months | None) -> Rule:
    return _row(ending, {"attenuation": attenuation, "mean_mm": span(size)}, management, months, "AMB-32")


TABLE: Final = Table(
    scope=(_row("SCOPE.AGE", {"age": span("< 18")}, "not_applicable", None),),
    mass=_row("SCOPE.MASS", {"mean_mm": span("> 30")}, "mass_workup", None, "AMB-38"),
    none=_row("NONE", NOTHING, "no_routine_followup", None),
    measurement=_row("MEASUREMENT", NOTHING, "measurement_needed", None),
    benign=_row("BENIGN", {"benign": True}, "no_routine_followup", None),
    stable=_row("SOLID.STABLE2Y", {"attenuation": "solid", "stable_24m": True}, "no_routine_followup", None),
    rows=(
        _solid("LE4.NORISK", "<= 4", "absent", "no_routine_followup", None),
        _solid("4-6.NORISK", "(4, 6]", "absent", "ct_12m", window(12)),
        _solid("6-8.NORISK", "(6, 8]", "absent", "ct_6_12m_then_18_24m", window(6, 12)),
        _solid("LE4.RISK", "<= 4", "present", "ct_12m", window(12)),
        _solid("4-6.RISK", "(4, 6]", "present", "ct_6_12m_then_18_24m", window(6, 12)),
        _solid("6-8.RISK", "(6, 8]", "present", "ct_3_6m_then_9_12m_then_24m", window(3, 6)),
        _large("P.LT5", "< 5", "ct_3_6m_then_9_12m_then_18_24m", window(3, 6)),
        _large("P.5-65", "[5, 65]", "accp_pet", None),
        _large("P.GT65", "> 65", "accp_surgical_diagnosis", None),
        _row(
            "SOLID.GT8.P.UNKNOWN",
            {"attenuation": "solid", "mean_mm": span("> 8"), "mayo_known": False},
            "accp_estimate_probability",
            None,
            "AMB-32",
        ),
        _subsolid("GGN.LE5", "ground_glass", "<= 5", "no_routine_followup", None),
        _subsolid("GGN.5-10", "ground_glass", "(5, 10]", "annual_ct_3y", window(12)),
        _subsolid("GGN.GT10", "ground_glass", "> 10", "ct_3m_then_biopsy_resection", window(3)),
        _subsolid("PARTSOLID.LE8", "part_solid", "<= 8", "ct_3_12_24m_then_annual_1_3y", window(3)),
        _subsolid("PARTSOLID.8-15", "part_solid", "(8, 15]", "ct_3m_then_pet_biopsy_resection", window(3)),
        _subsolid("PARTSOLID.GT15", "part_solid", "> 15", "pet_biopsy_or_resection", None),
    ),
)


def _risk(view: View, solids: tuple[Look, ...]) -> PersonRisk:
    risk = fleischner_risk(view, solids)
    return PersonRisk(
        present=risk.level != "low",
        known=risk.level != "unknown",
        why=risk.why,
        missing=("patient.smoking.status",) if risk.level == "unknown" else (),
    )


EDITION: Final = Edition(
    CODE,
    "2013",
    "ACCP / CHEST, third edition",
    TABLE.rules,
    judge_by(TABLE, _risk),
    compares=("volume_ratio", "mean_mm"),
    risk_limits=mayo_limits,
    leads_by="mean",
)
