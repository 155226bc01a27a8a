"""Chinese expert consensus on pulmonary nodules, 2018 and 2024 editions: rows of the 2018 type, from memory (M).

Sizes are mean diameters, unrounded; the largest nodule leads; unverified, and never a default (AMB-41).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from nodules_app.clinical.case import SmokingStatus
from nodules_app.clinical.editions.by_mean import PersonRisk, Table, judge_by, mayo_limits
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.eligibility import heavy_smoking, other_risk_factors
from nodules_app.clinical.months import Months, window
from nodules_app.clinical.reasons import because
from nodules_app.clinical.rules import NOTHING, Condition, Rule, span
from nodules_app.clinical.view import Look, View

CODE: Final = "CHINA2024"
HIGH_RISK_AGE: Final = Decimal(40)


def _row(ending: str, when: Mapping[str, Condition], management: str, months: Months | None, *ambiguities: str) -> Rule:
    return Rule(
        f"{CODE}.{ending}",
        when,
        management,
        months,
        "Chinese expert consensus, 2018 type",
        "M",
        ("AMB-41", *ambiguities),
    )


def _solid(ending: str, size: str, risk: str, management: str, months: Months | None) -> Rule:
    return _row(f"SOLID.{ending}", {"attenuation": "solid", "mean_mm": span(size), "risk": risk}, management, months)


def _large(ending: str, percent: str, management: str, months: Months | None) -> Rule:
    when: dict[str, Condition] = {"attenuation": "solid", "mean_mm": span("> 8"), "mayo_percent": span(percent)}
    return _row(f"SOLID.GT8.{ending}", when, management, months)


def _subsolid(ending: str, attenuation: str, size: str, management: str, months: Months | None) -> Rule:
    return _row(ending, {"attenuation": attenuation, "mean_mm": span(size)}, management, months)


TABLE: Final = Table(
    scope=(_row("SCOPE.AGE", {"age": span("< 18")}, "not_applicable", None),),
    mass=_row("SCOPE.MASS", {"mean_mm": span("> 30")}, "mass_workup", None, "AMB-38"),
    none=_row("NONE", NOTHING, "no_routine_followup", None),
    measurement=_row("MEASUREMENT", NOTHING, "measurement_needed", None),
    benign=_row("BENIGN", {"benign": True}, "no_routine_followup", None),
    stable=None,
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
        ),
        _subsolid("GGN.LE5", "ground_glass", "<= 5", "ct_6m_then_annual", window(6)),
        _subsolid("GGN.5-10", "ground_glass", "(5, 10]", "ct_3m_then_annual", window(3)),
        _subsolid("GGN.GT10", "ground_glass", "> 10", "ct_3m_then_biopsy_resection", window(3)),
        _subsolid("PARTSOLID.LE8", "part_solid", "<= 8", "ct_3_6_12_24m_then_annual", window(3)),
        _subsolid("PARTSOLID.8-15", "part_solid", "(8, 15]", "ct_3m_then_pet_biopsy_resection", window(3)),
        _subsolid("PARTSOLID.GT15", "part_solid", "> 15", "pet_biopsy_or_resection", None),
    ),
)


def _risk(view: View, _solids: tuple[Look, ...]) -> PersonRisk:
    """High-risk person: 40 and older with a listed factor; what is not known counts as present."""
    case = view.case
    if case.risk_override is not None:
        return PersonRisk(
            case.risk_override == "high", known=True, why=(because("risk_override", risk=case.risk_override),)
        )
    if view.age is not None and view.age < HIGH_RISK_AGE:
        return PersonRisk(present=False, known=True, why=(because("age_below", age=view.age, limit=HIGH_RISK_AGE),))
    factors, smoked = other_risk_factors(case.patient), heavy_smoking(case.patient)
    if smoked:
        factors = (*factors, "smoking")
    if not factors and smoked is False:
        return PersonRisk(present=False, known=True, why=(because("risk", risk="low"),))
    missing = []
    if view.age is None:
        missing.append("patient.age")
    if not factors:
        unknown = case.patient.smoking.status is SmokingStatus.UNKNOWN
        missing.append("patient.smoking.status" if unknown else "patient.smoking.pack_years")
    why = tuple(because("high_risk_person", factor=factor) for factor in factors) or (because("risk_unknown"),)
    return PersonRisk(present=True, known=not missing, why=why, missing=tuple(missing))


EDITION: Final = Edition(
    CODE,
    "2024",
    "Chinese expert consensus 2018/2024",
    TABLE.rules,
    judge_by(TABLE, _risk),
    risk_limits=mayo_limits,
    leads_by="mean",
)
