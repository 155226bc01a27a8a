"""ACR Lung-RADS v2022: the printed rows, nothing else.

Sizes are mean diameters reported to 0.1 mm, half-up (AMB-14), or volumes; both notations stand in each row's
conditions as size classes. How the rows are read stands in ``lungrads2022_reading``.
"""

# ruff: noqa: E501 - a row of the printed table is one line here

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.months import Months, window
from nodules_app.clinical.rules import NOTHING, Rule, Span, span

CODE: Final = "LUNGRADS2022"
CATEGORIES: Final = ("1", "2", "3", "4A", "4B", "4X")

# One list of bounds serves every row: 4, 6, 8, 10, 15 and 30 mm and the spheres of these diameters.
MM: Final = ("4.0", "6.0", "8.0", "10.0", "15.0", "30.0")
MM3: Final = ("34", "113", "268", "524", "1767", "14137")
SPHERES: Final[Mapping[str, str]] = MappingProxyType(dict(zip(MM, MM3, strict=True)))


def limits(text: str) -> tuple[Span, Span]:
    """A range in reported millimetres and the same in cubic millimetres: ``"[6.0, 8.0)"`` is also ``"[113, 268)"``."""
    in_mm3 = text
    for mm in sorted(MM, key=len, reverse=True):
        in_mm3 = in_mm3.replace(mm, SPHERES[mm])
    return span(text), span(in_mm3)


MONTHS: Final[Mapping[str, tuple[str, Months | None]]] = MappingProxyType(
    {
        "1": ("lr_annual_ldct_12m", window(12)),
        "2": ("lr_annual_ldct_12m", window(12)),
        "3": ("lr_ldct_6m", window(6)),
        "4A": ("lr_ldct_3m", window(3)),  # lr_ldct_3m_or_pet with a solid nodule or component of 8 mm and more
        "4B": ("lr_diagnostic_workup", None),
        "4X": ("lr_diagnostic_workup", None),
    }
)
PET_FROM: Final = limits(">= 8.0")
PROBABILITY: Final[Mapping[str, str]] = MappingProxyType(
    {"1": "< 1 %", "2": "< 1 %", "3": "1-2 %", "4A": "5-15 %", "4B": "> 15 %", "4X": "> 15 %"}
)


def _row(
    ending: str,
    when: Mapping[str, Span | str | bool | frozenset[str] | tuple[Span, Span]],
    source: str,
    reliability: str,
    *ambiguities: str,
    also: str = "",
) -> Rule:
    category = ending.partition(".")[0]
    management, months = MONTHS[category]
    conditions: dict[str, Span | str | bool | frozenset[str]] = {}
    for name, condition in when.items():
        if isinstance(condition, tuple):
            conditions[f"{name}_mm"], conditions[f"{name}_mm3"] = condition
        else:
            conditions[name] = condition
    return Rule(
        f"{CODE}.{ending}", conditions, management, months, f"Lung-RADS v2022, {source}", reliability, ambiguities,
        category=category, also=also,
    )  # fmt: skip


def _zero(ending: str, management: str, months: Months | None, *ambiguities: str) -> Rule:
    return Rule(
        f"{CODE}.0.{ending}", {"incomplete": ending.lower()}, management, months, "Lung-RADS v2022, category 0", "P",
        ambiguities, category="0",
    )  # fmt: skip


SCOPE: Final = (
    Rule(
        f"{CODE}.SCOPE.NOT_SCREENING", {"setting": "incidental"}, "not_applicable", None, "Lung-RADS v2022, scope", "P"
    ),
)
MEASUREMENT: Final = Rule(
    f"{CODE}.MEASUREMENT", NOTHING, "measurement_needed", None, "Lung-RADS v2022, note on measurement", "P"
)
ZERO: Final = (
    _zero("PRIOR", "lr_prior_comparison", None),
    _zero("INCOMPLETE", "lr_additional_images", None),
    _zero("INFECTION", "lr_ldct_1_3m", window(1, 3), "AMB-20"),
)
NONE: Final = _row("1.NONE", NOTHING, "category 1", "P", also="no nodule, or all earlier ones resolved")
BENIGN: Final = _row("1.BENIGN", {"benign": True}, "category 1", "P")

BASELINE: Final = "baseline"
NEW: Final = "new"
GROWING: Final = "growing"

# Rows by size, each for one status. The sizes of a row are diameters as reported and, in the same place, volumes.
SOLID: Final = (
    _row("2.SOLID", {"status": BASELINE, "size": limits("< 6.0")}, "category 2, solid", "S"),
    _row("3.SOLID", {"status": BASELINE, "size": limits("[6.0, 8.0)")}, "category 3, solid", "S"),
    _row("4A.SOLID", {"status": BASELINE, "size": limits("[8.0, 15.0)")}, "category 4A, solid", "S"),
    _row("4B.SOLID", {"status": BASELINE, "size": limits(">= 15.0")}, "category 4B, solid; note on measurement", "S"),
    _row("2.SOLID", {"status": NEW, "size": limits("< 4.0")}, "category 2, solid, new", "S"),
    _row("3.SOLID", {"status": NEW, "size": limits("[4.0, 6.0)")}, "category 3, solid, new", "S"),
    _row("4A.SOLID", {"status": NEW, "size": limits("[6.0, 8.0)")}, "category 4A, solid, new", "S"),
    _row("4B.SOLID", {"status": NEW, "size": limits(">= 8.0")}, "category 4B, solid, new", "S"),
    _row("4A.SOLID", {"status": GROWING, "size": limits("< 8.0")}, "category 4A, solid, growing", "S"),
    _row("4B.SOLID", {"status": GROWING, "size": limits(">= 8.0")}, "category 4B, solid, growing", "S"),
)
PARTSOLID: Final = (
    _row("2.PARTSOLID", {"status": BASELINE, "size": limits("< 6.0")}, "category 2, part-solid", "S"),
    _row("3.PARTSOLID", {"status": BASELINE, "size": limits(">= 6.0"), "solid": limits("< 6.0")}, "category 3, part-solid", "S", "AMB-15"),
    _row("4A.PARTSOLID", {"status": BASELINE, "size": limits(">= 6.0"), "solid": limits("[6.0, 8.0)")}, "category 4A, part-solid", "S"),
    _row("4B.PARTSOLID", {"status": BASELINE, "size": limits(">= 6.0"), "solid": limits(">= 8.0")}, "category 4B, part-solid", "S"),
    _row("3.PARTSOLID", {"status": NEW, "size": limits("< 6.0"), "solid": limits("< 4.0")}, "category 3, part-solid, new", "S", "AMB-15"),
    _row("4A.PARTSOLID", {"status": NEW, "size": limits(">= 6.0"), "solid": limits("< 4.0")}, "category 4A, part-solid, new", "S"),
    _row("4B.PARTSOLID", {"status": NEW, "solid": limits(">= 4.0")}, "category 4B, part-solid, new", "S"),
    _row("4A.PARTSOLID", {"status": GROWING, "solid": limits("< 4.0")}, "category 4A, part-solid, growing", "S"),
    _row("4B.PARTSOLID", {"status": GROWING, "solid": limits(">= 4.0")}, "category 4B, part-solid, growing", "S"),
)  # fmt: skip
GGN: Final = (
    _row("2.GGN", {"status": BASELINE, "size": limits("< 30.0")}, "category 2, non-solid", "S"),
    _row("3.GGN", {"status": BASELINE, "size": limits(">= 30.0")}, "category 3, non-solid", "S"),
    _row("2.GGN", {"status": NEW, "size": limits("< 30.0")}, "category 2, non-solid, new", "S"),
    _row("3.GGN", {"status": NEW, "size": limits(">= 30.0")}, "category 3, non-solid, new", "S"),
    _row("2.GGN", {"status": GROWING, "size": limits("< 30.0")}, "category 2, non-solid, growing", "S"),
    _row("3.GGN", {"status": GROWING, "size": limits(">= 30.0")}, "category 3, non-solid, growing", "S", "AMB-23"),
)
JUXTAPLEURAL: Final = _row(
    "2.JUXTAPLEURAL",
    {"attenuation": "solid", "at_fissure_or_pleura": True, "margin": "smooth", "growing": False,
     "shape": frozenset({"oval", "lentiform", "triangular"}), "size": limits("< 10.0")},
    "category 2, juxtapleural", "S", "AMB-21",
)  # fmt: skip

AIRWAY: Final = (
    _row("2.AIRWAY", {"airway": "segmental_or_proximal", "secretions": True}, "category 2, airway", "S"),
    _row("2.AIRWAY", {"airway": "subsegmental", "growing": False}, "category 2, airway", "S"),
    _row("4A.AIRWAY", {"airway": "segmental_or_proximal", "secretions": False, "persists": False}, "category 4A, airway", "S"),
    _row("4B.AIRWAY", {"airway": "segmental_or_proximal", "secretions": False, "persists": True}, "category 4B, airway", "S"),
)  # fmt: skip
CYST: Final = (
    _row("3.CYST", {"change": "cystic_growth", "multilocular": False}, "category 3, atypical cyst", "S"),
    _row("4A.CYST", {"change": frozenset({"none", "became_multilocular"})}, "category 4A, atypical cyst", "S"),
    _row("4B.CYST", {"change": frozenset({"wall_growth", "multilocular_growth", "more_loculation_or_opacity"})}, "category 4B, atypical cyst", "S"),
    _row("4B.CYST", {"change": "cystic_growth", "multilocular": True}, "category 4B, growing multilocular cyst", "S"),
)  # fmt: skip

STEPPED_2: Final = _row("2.STEPPED", NOTHING, "category 2 row for 3 stable at 6 months, or 4B proven benign", "S")
STEPPED_3: Final = _row("3.STEPPED", NOTHING, "category 3 row for 4A stable at 3 months", "S", "AMB-17")
SLOW: Final = _row("4B.SLOW", NOTHING, "category 4B, slow growth over several exams", "S", "AMB-22")
SUSPICIOUS: Final = _row("4X", NOTHING, "category 4X", "S", "AMB-19", also="3, 4A or 4B with suspicious features")

# A category that stays, because it is too early for a step or because nothing was proven.
STAYS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        ending: _row(ending, NOTHING, f"stepped management, category {ending.partition('.')[0]} stays", "S")
        for ending in (
            "2.SOLID", "2.PARTSOLID", "2.GGN", "3.SOLID", "3.PARTSOLID", "3.GGN", "3.CYST",
            "4A.SOLID", "4A.PARTSOLID", "4A.CYST", "4B.SOLID", "4B.PARTSOLID", "4B.CYST",
        )
    }
)  # fmt: skip

RULES: Final = (
    *SCOPE, MEASUREMENT, *ZERO, NONE, BENIGN, JUXTAPLEURAL, *SOLID, *PARTSOLID, *GGN, *AIRWAY, *CYST,
    STEPPED_2, STEPPED_3, SLOW, SUSPICIOUS,
)  # fmt: skip
