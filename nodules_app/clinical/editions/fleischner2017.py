"""Fleischner Society 2017, Radiology 2017;284:228-243: the printed rows, nothing else.

Sizes are the mean of long and short axis rounded half-up to a whole millimetre (AMB-01), or volumes. How the rows
are read stands in ``fleischner2017_reading``.
"""

# ruff: noqa: E501 - a row of the printed table is one line here

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.months import Months, window
from nodules_app.clinical.rules import NOTHING, Condition, Rule, Span, span

CODE: Final = "FLEISCHNER2017"

MM_CLASSES: Final[Mapping[str, Span]] = MappingProxyType({"<6": span("< 6"), "6-8": span("[6, 8]"), ">8": span("> 8")})
MM3_CLASSES: Final[Mapping[str, Span]] = MappingProxyType(
    {"<6": span("< 100"), "6-8": span("[100, 250]"), ">8": span("> 250")}
)
GE6: Final = frozenset({"6-8", ">8"})
LT8: Final = frozenset({"<6", "6-8"})


def _row(
    ending: str,
    when: Mapping[str, Condition],
    management: str,
    months: Months | None,
    source: str,
    reliability: str,
    *ambiguities: str,
    also: str = "",
) -> Rule:
    return Rule(
        f"{CODE}.{ending}", when, management, months, f"Fleischner 2017, {source}", reliability, ambiguities, also=also
    )


SCOPE: Final = (
    _row("SCOPE.SCREENING", {"setting": "screening"}, "not_applicable", None, "table footnote; scope text", "P"),
    _row("SCOPE.AGE", {"age": span("< 35")}, "not_applicable", None, "scope text", "P"),
    _row("SCOPE.CANCER", {"known_cancer": True}, "not_applicable", None, "table footnote", "P"),
    _row("SCOPE.IMMUNO", {"immunosuppressed": True}, "not_applicable", None, "table footnote", "P"),
)
MASS: Final = _row(
    "SCOPE.MASS", {"mean_mm": span("> 30")}, "mass_workup", None, "definition of nodule (<= 30 mm)", "M", "AMB-38"
)
NONE: Final = _row("NONE", NOTHING, "no_routine_followup", None, "no nodule", "P")
MEASUREMENT: Final = _row("MEASUREMENT", NOTHING, "measurement_needed", None, "measurement", "P")
BENIGN: Final = _row(
    "BENIGN", {"benign": True}, "no_routine_followup", None, "table is for non-calcified nodules", "S",
    also="diffuse, central, laminated or popcorn calcification, or macroscopic fat",
)  # fmt: skip
PFN: Final = _row(
    "PFN",
    {"attenuation": "solid", "at_fissure_or_pleura": True, "margin": "smooth",
     "shape": frozenset({"triangular", "oval", "lentiform"}), "mean_mm": span("< 10"), "cancer_history": False},
    "no_routine_followup", None, "perifissural nodules", "P", "AMB-45",
)  # fmt: skip

SOLID: Final = (
    _row("SOLID.SINGLE.LT6.LOW", {"family": "single", "size": "<6", "risk": "low"}, "no_routine_followup", None, "Table A, single, <6, low", "P"),
    _row("SOLID.SINGLE.LT6.HIGH", {"family": "single", "size": "<6", "risk": "high"}, "optional_ct_12m", window(12), "Table A, single, <6, high", "P"),
    _row("SOLID.SINGLE.6-8.LOW", {"family": "single", "size": "6-8", "risk": "low"}, "ct_6_12m_then_consider_18_24m", window(6, 12), "Table A, single, 6-8, low", "S"),
    _row("SOLID.SINGLE.6-8.HIGH", {"family": "single", "size": "6-8", "risk": "high"}, "ct_6_12m_then_18_24m", window(6, 12), "Table A, single, 6-8, high", "S"),
    _row("SOLID.SINGLE.GT8", {"family": "single", "size": ">8"}, "consider_ct_3m_pet_or_biopsy", window(3), "Table A, single, >8", "S"),
    _row("SOLID.MULTI.LT6.LOW", {"family": "multiple", "size": "<6", "risk": "low"}, "no_routine_followup", None, "Table A, multiple, <6, low", "S"),
    _row("SOLID.MULTI.LT6.HIGH", {"family": "multiple", "size": "<6", "risk": "high"}, "optional_ct_12m", window(12), "Table A, multiple, <6, high", "S"),
    _row("SOLID.MULTI.GE6.LOW", {"family": "multiple", "size": GE6, "risk": "low"}, "ct_3_6m_then_consider_18_24m", window(3, 6), "Table A, multiple, 6-8 and >8, low", "S"),
    _row("SOLID.MULTI.GE6.HIGH", {"family": "multiple", "size": GE6, "risk": "high"}, "ct_3_6m_then_18_24m", window(3, 6), "Table A, multiple, 6-8 and >8, high", "S"),
)  # fmt: skip

# Risk plays no part. ``solid_size`` is the class of the solid component; an unmeasured one is read as <6 and named.
SUBSOLID: Final = (
    _row("GGN.SINGLE.LT6", {"family": "single", "attenuation": "ground_glass", "size": "<6"}, "no_routine_followup", None, "recommendation 3", "P"),
    _row("GGN.SINGLE.GE6", {"family": "single", "attenuation": "ground_glass", "size": GE6}, "ct_6_12m_then_every_2y_to_5y", window(6, 12), "recommendation 3", "P"),
    _row("PARTSOLID.SINGLE.LT6", {"family": "single", "attenuation": "part_solid", "size": "<6"}, "no_routine_followup", None, "recommendation 4", "P", "AMB-07"),
    _row("PARTSOLID.SINGLE.GE6.S.LT6", {"family": "single", "attenuation": "part_solid", "size": GE6, "solid_size": "<6"}, "ct_3_6m_then_annual_5y", window(3, 6), "recommendation 4", "P"),
    _row("PARTSOLID.SINGLE.GE6.S.6-8", {"family": "single", "attenuation": "part_solid", "size": GE6, "solid_size": "6-8", "suspicious": False}, "ct_3_6m_then_pet_biopsy_if_persistent", window(3, 6), "recommendation 4 and table comment", "P"),
    _row("PARTSOLID.SINGLE.GE6.S.GT8", {"family": "single", "attenuation": "part_solid", "size": GE6, "solid_size": ">8", "suspicious": False}, "pet_biopsy_or_resection", None, "recommendation 4", "P", "AMB-06"),
    _row("PARTSOLID.SINGLE.SUSPICIOUS", {"family": "single", "attenuation": "part_solid", "size": GE6, "solid_size": GE6, "suspicious": True}, "pet_biopsy_or_resection", None, "recommendation 4", "P"),
    _row("SUBSOLID.MULTI.LT6", {"family": "multiple", "largest": "<6"}, "ct_3_6m_then_consider_2y_4y", window(3, 6), "recommendation 5", "P"),
    _row("SUBSOLID.MULTI.GE6", {"family": "multiple", "largest": GE6}, "ct_3_6m_then_most_suspicious", window(3, 6), "recommendation 5", "P"),
)  # fmt: skip

PARTIAL: Final = (
    _row("PARTIAL.STABLE", {"stable_24m": True}, "no_routine_followup", None, "incomplete thoracic CT", "P"),
    _row("PARTIAL.LT6", {"stable_24m": False, "size": "<6"}, "no_routine_followup", None, "incomplete thoracic CT", "P"),
    _row("PARTIAL.6-8", {"stable_24m": False, "size": "6-8", "spiculated": False}, "complete_chest_ct_3_12m", window(3, 12), "incomplete thoracic CT", "P"),
    _row("PARTIAL.GT8", {"stable_24m": False, "large_or_suspicious": True}, "complete_chest_ct_now", None, "incomplete thoracic CT", "P"),
)  # fmt: skip

RESOLVED: Final = _row("FU.RESOLVED", {"resolved": True}, "no_routine_followup", None, "follow-up", "P")
FOLLOW_UP: Final = (
    _row("FU.GROWTH.SOLID", {"attenuation": "solid", "growth": True, "size": GE6}, "growth_workup", None, "growth", "M"),
    _row("FU.GROWTH.SMALL", {"attenuation": "solid", "growth": True, "size": "<6"}, "ct_3_6m_then_18_24m", window(3, 6), "growth", "M"),
    _row("FU.SOLID.NEXT", {"attenuation": "solid", "growth": False, "open_step": True}, "", None, "Table A, next step", "S", also="management and window of the next step"),
    _row("FU.SOLID.DONE", {"attenuation": "solid", "growth": False, "open_step": False}, "no_routine_followup", None, "Table A, all steps done", "S"),
    _row("FU.GROWTH.SUBSOLID", {"subsolid": True, "growth": True}, "pet_biopsy_or_resection", None, "recommendation 4, growing solid component", "P"),
    _row("FU.GGN.NEXT", {"attenuation": "ground_glass", "growth": False, "route": "single", "years_5": False}, "ct_every_2y_to_5y", window(24), "recommendation 3", "P", "AMB-08"),
    _row("FU.PARTSOLID.NEXT", {"attenuation": "part_solid", "growth": False, "route": "single", "solid_size": "<6", "years_5": False}, "annual_ct_to_5y", window(12), "recommendation 4", "P", "AMB-09"),
    _row("FU.PARTSOLID.PERSIST", {"attenuation": "part_solid", "growth": False, "route": "single", "solid_size": GE6}, "pet_biopsy_or_resection", None, "recommendation 4", "P"),
    _row("FU.MULTISUB.NEXT", {"growth": False, "route": frozenset({"marks", "confirm"})}, "", None, "recommendation 5", "P", also="all < 6: consider_ct_24m_48m; one >= 6 before month 3: ct_3_6m_then_most_suspicious"),
    _row("FU.SUBSOLID.DONE", {"growth": False, "done": True}, "no_routine_followup", None, "recommendations 3 to 5", "P", also="stable for 60 months; several < 6: 48 months"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One CT of a schedule, counted from the baseline exam."""

    management: str
    months: Months


_CONSIDER_18_24: Final = Step("consider_ct_18_24m", window(18, 24))
_CT_18_24: Final = Step("ct_18_24m", window(18, 24))
SCHEDULES: Final[Mapping[str, tuple[Step, ...]]] = MappingProxyType(
    {
        "SOLID.SINGLE.LT6.LOW": (),
        "SOLID.MULTI.LT6.LOW": (),
        "SOLID.SINGLE.LT6.HIGH": (Step("optional_ct_12m", window(12)),),
        "SOLID.MULTI.LT6.HIGH": (Step("optional_ct_12m", window(12)),),
        "SOLID.SINGLE.6-8.LOW": (Step("ct_6_12m_then_consider_18_24m", window(6, 12)), _CONSIDER_18_24),
        "SOLID.SINGLE.6-8.HIGH": (Step("ct_6_12m_then_18_24m", window(6, 12)), _CT_18_24),
        # The text is silent after a stable first CT; the marks are those of ACCP surveillance (AMB-10).
        "SOLID.SINGLE.GT8": (
            Step("consider_ct_3m_pet_or_biopsy", window(3)), Step("ct_9_12m", window(9, 12)), _CT_18_24,
        ),
        "SOLID.MULTI.GE6.LOW": (Step("ct_3_6m_then_consider_18_24m", window(3, 6)), _CONSIDER_18_24),
        "SOLID.MULTI.GE6.HIGH": (Step("ct_3_6m_then_18_24m", window(3, 6)), _CT_18_24),
    }
)  # fmt: skip

RULES: Final = (*SCOPE, MASS, NONE, MEASUREMENT, BENIGN, PFN, *SOLID, *SUBSOLID, *PARTIAL, RESOLVED, *FOLLOW_UP)
