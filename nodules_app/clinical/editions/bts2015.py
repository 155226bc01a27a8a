"""British Thoracic Society 2015, Thorax 2015;70 suppl 2: the printed rows, nothing else.

Sizes are volumes, else the largest diameter, unrounded. How the rows are read stands in ``bts2015_reading``.
"""

# ruff: noqa: E501 - a row of the printed table is one line here

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nodules_app.clinical.months import Months, window
from nodules_app.clinical.rules import NOTHING, Condition, Rule, Span, span

CODE: Final = "BTS2015"
MARKS: Final = (12, 24, 48)  # subsolid surveillance, months from baseline


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
        f"{CODE}.{ending}", when, management, months, f"BTS 2015, {source}", reliability, ambiguities, also=also
    )


SCOPE: Final = (
    _row("SCOPE.AGE", {"age": span("< 18")}, "not_applicable", None, "scope", "P"),
    _row("SCOPE.PROVEN", {"proven_malignant": True}, "not_applicable", None, "scope", "P"),
)
NONE: Final = _row("NONE", NOTHING, "bts_discharge", None, "no nodule", "P")
MEASUREMENT: Final = _row("MEASUREMENT", NOTHING, "measurement_needed", None, "measurement", "P")
BENIGN: Final = _row(
    "BENIGN", {"benign": True}, "bts_discharge", None, "initial assessment", "P",
    also="diffuse, central, laminated or popcorn calcification, or macroscopic fat",
)  # fmt: skip
PFN: Final = _row(
    "PFN",
    {"attenuation": "solid", "at_fissure_or_pleura": True, "margin": "smooth",
     "shape": frozenset({"lentiform", "triangular"}), "largest_mm": span("< 10")},
    "bts_discharge", None, "initial assessment", "P", "AMB-29",
)  # fmt: skip

# Volume decides where there is one (AMB-24).
SIZE: Final = "recommendations, imaging follow-up"
SOLID: Final = (
    _row("SOLID.LT5", {"volume_mm3": span("< 80")}, "bts_discharge", None, SIZE, "P"),
    _row("SOLID.SURV", {"volume_mm3": span("[80, 300)")}, "bts_ct_3m", window(3), SIZE, "P"),
    _row("SOLID.LT5", {"largest_mm": span("< 5")}, "bts_discharge", None, SIZE, "P"),
    _row("SOLID.5-6", {"largest_mm": span("[5, 6)")}, "bts_ct_12m", window(12), SIZE, "P"),
    _row("SOLID.SURV", {"largest_mm": span("[6, 8)")}, "bts_ct_3m", window(3), SIZE, "P"),
)
LARGE_MM3: Final = span(">= 300")
LARGE_MM: Final = span(">= 8")

LARGE: Final = (  # 300 mm3 or 8 mm and more
    _row("SOLID.BROCK.LT10", {"large": True, "brock_percent": span("< 10")}, "bts_ct_3m", window(3), "further imaging", "P", "AMB-30"),
    _row("SOLID.BROCK.GE10", {"large": True, "brock_percent": span(">= 10"), "pet": False}, "bts_pet_ct", None, "further imaging", "P", "AMB-25", "AMB-30"),
    _row("SOLID.BROCK.UNKNOWN", {"large": True, "brock_known": False}, "bts_risk_assessment_needed", None, "further imaging", "P", also="product rule"),
    _row("SOLID.HERDER.LT10", {"large": True, "brock_percent": span(">= 10"), "pet": True, "herder_percent": span("< 10")}, "bts_ct_3m", window(3), "after PET-CT", "P (thresholds), M (Herder coefficients)", "AMB-25", "AMB-31"),
    _row("SOLID.HERDER.10-70", {"large": True, "brock_percent": span(">= 10"), "pet": True, "herder_percent": span("[10, 70]")}, "bts_image_guided_biopsy", None, "after PET-CT", "P (thresholds), M (Herder coefficients)", "AMB-25", "AMB-31"),
    _row("SOLID.HERDER.GT70", {"large": True, "brock_percent": span(">= 10"), "pet": True, "herder_percent": span("> 70")}, "bts_resection", None, "after PET-CT", "P (thresholds), M (Herder coefficients)", "AMB-25", "AMB-31"),
)  # fmt: skip

# Which CT an exam is, by whole months since baseline (AMB-28).
LABELS: Final[Mapping[str, Span]] = {"3m": span("< 10"), "12m": span("[10, 22)"), "24m": span(">= 22")}
LATER: Final = frozenset({"12m", "24m"})
RESOLVED: Final = _row("FU.RESOLVED", {"resolved": True}, "bts_discharge", None, "imaging follow-up", "P")
FOLLOW_UP: Final = (
    _row("FU.3M.STABLE", {"label": "3m", "growth": False}, "bts_ct_12m", window(12), "imaging follow-up, 3 months", "P", "AMB-28", also="from baseline"),
    _row("FU.3M.GROWTH.FAST", {"label": "3m", "growth": True, "vdt_days": span("<= 400")}, "bts_workup", None, "imaging follow-up, 3 months", "P", "AMB-26", "AMB-28"),
    _row("FU.3M.GROWTH.SLOW", {"label": "3m", "growth": True, "vdt_days": span("> 400")}, "bts_ct_12m", window(12), "imaging follow-up, 3 months", "S", "AMB-28", also="from baseline"),
    _row("FU.12M.STABLE.VOL", {"label": "12m", "growth": False, "basis": "volume"}, "bts_discharge", None, "imaging follow-up, 1 year, volume", "P", "AMB-28"),
    _row("FU.12M.STABLE.DIAM", {"label": "12m", "growth": False, "basis": "diameter"}, "bts_ct_24m", window(24), "imaging follow-up, 1 year, diameter", "P", "AMB-28", also="from baseline"),
    _row("FU.12M.GROWTH.LE400", {"label": LATER, "growth": True, "vdt_days": span("<= 400")}, "bts_workup", None, "imaging follow-up, VDT <= 400", "P", "AMB-28"),
    _row("FU.12M.GROWTH.400-600", {"label": LATER, "growth": True, "vdt_days": span("(400, 600]")}, "bts_biopsy_or_annual_ct", window(12), "imaging follow-up, VDT 400-600", "P", "AMB-28"),
    _row("FU.12M.GROWTH.GT600", {"label": LATER, "growth": True, "vdt_days": span("> 600")}, "bts_discharge_or_annual_ct", window(12), "imaging follow-up, VDT > 600", "P", "AMB-28"),
    _row("FU.24M.STABLE", {"label": "24m", "growth": False}, "bts_discharge", None, "imaging follow-up, 2 years", "P", "AMB-28"),
)  # fmt: skip
FROM_BASELINE: Final = frozenset({"FU.3M.STABLE", "FU.3M.GROWTH.SLOW", "FU.12M.STABLE.DIAM"})

SUBSOLID: Final = (
    _row("SUBSOLID.LT5", {"largest_mm": span("< 5")}, "bts_discharge", None, "sub-solid nodules", "P"),
    _row("SUBSOLID.GE5", {"largest_mm": span(">= 5")}, "bts_ct_3m", window(3), "sub-solid nodules", "P"),
)
SUBSOLID_FOLLOW_UP: Final = (
    _row("SUBSOLID.FU.SOLIDGROWTH", {"solid_growth": True}, "bts_favour_resection", None, "sub-solid nodules, follow-up", "P"),
    _row("SUBSOLID.FU.GROWTH", {"solid_growth": False, "growth": True}, "bts_ggn_growth_resect_or_ct_6m", Months(3, 6, 6), "sub-solid nodules, follow-up", "P"),
    _row("SUBSOLID.FU.BROCK.LT10", {"solid_growth": False, "growth": False, "brock_percent": span("< 10"), "mark_open": True}, "bts_subsolid_ct_1_2_4y", None, "sub-solid nodules, follow-up", "P", "AMB-28", also="next of 12, 24, 48 months from baseline"),
    _row("SUBSOLID.FU.BROCK.GE10", {"solid_growth": False, "growth": False, "brock_percent": span(">= 10")}, "bts_discuss_observation_biopsy_resection", None, "sub-solid nodules, follow-up", "P"),
    _row("SUBSOLID.FU.BROCK.UNKNOWN", {"solid_growth": False, "growth": False, "brock_known": False}, "bts_risk_assessment_needed", None, "sub-solid nodules, follow-up", "P", also="product rule"),
    _row("SUBSOLID.FU.DONE", {"solid_growth": False, "growth": False, "brock_percent": span("< 10"), "mark_open": False}, "bts_discharge", None, "sub-solid nodules, follow-up", "S", "AMB-28"),
)  # fmt: skip

RULES: Final = (
    *SCOPE, NONE, MEASUREMENT, BENIGN, PFN, *SOLID, *LARGE, RESOLVED, *FOLLOW_UP, *SUBSOLID, *SUBSOLID_FOLLOW_UP,
)  # fmt: skip
