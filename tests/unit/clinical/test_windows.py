"""What each printed row asks for and when, restated from the reference for the guidelines that have no second reading."""

# ruff: noqa: E501 - a row of the printed table is one line here

from __future__ import annotations

import pytest

from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.editions.lungrads2022 import STAYS
from nodules_app.clinical.printed import months_text

LIKE_ACCP = """
SOLID.LE4.NORISK no_routine_followup -
SOLID.4-6.NORISK ct_12m 12/12/12
SOLID.6-8.NORISK ct_6_12m_then_18_24m 6/9/12
SOLID.LE4.RISK ct_12m 12/12/12
SOLID.4-6.RISK ct_6_12m_then_18_24m 6/9/12
SOLID.6-8.RISK ct_3_6m_then_9_12m_then_24m 3/4/6
SOLID.GT8.P.LT5 ct_3_6m_then_9_12m_then_18_24m 3/4/6
SOLID.GT8.P.5-65 accp_pet -
SOLID.GT8.P.GT65 accp_surgical_diagnosis -
SOLID.GT8.P.UNKNOWN accp_estimate_probability -
GGN.GT10 ct_3m_then_biopsy_resection 3/3/3
PARTSOLID.8-15 ct_3m_then_pet_biopsy_resection 3/3/3
PARTSOLID.GT15 pet_biopsy_or_resection -
SCOPE.AGE not_applicable -
SCOPE.MASS mass_workup -
NONE no_routine_followup -
MEASUREMENT measurement_needed -
BENIGN no_routine_followup -
"""
PRINTED = {
    "ACCP2013": LIKE_ACCP + """
SOLID.STABLE2Y no_routine_followup -
GGN.LE5 no_routine_followup -
GGN.5-10 annual_ct_3y 12/12/12
PARTSOLID.LE8 ct_3_12_24m_then_annual_1_3y 3/3/3
""",
    "CHINA2024": LIKE_ACCP + """
GGN.LE5 ct_6m_then_annual 6/6/6
GGN.5-10 ct_3m_then_annual 3/3/3
PARTSOLID.LE8 ct_3_6_12_24m_then_annual 3/3/3
""",
    "NELSON": """
SCOPE.NOT_SCREENING not_applicable -
NONE nelson_annual 12/12/12
MEASUREMENT measurement_needed -
NODCAT1 nelson_annual 12/12/12
NODCAT2 nelson_annual 12/12/12
NODCAT3 nelson_ct_3m 3/3/3
NODCAT4 nelson_refer -
GROWCAT.A nelson_annual 12/12/12
GROWCAT.B nelson_annual 12/12/12
GROWCAT.C nelson_refer -
""",
    "EUPS2017": """
SCOPE.NOT_SCREENING not_applicable -
SCOPE.NO_SOLID not_applicable -
MEASUREMENT measurement_needed -
BENIGN eups_annual 12/12/12
BASE.LT100 eups_annual 12/12/12
BASE.100-300 eups_ct_3m 3/3/3
BASE.GT300 eups_mdt -
NEW.LT30 eups_annual 12/12/12
NEW.30-200 eups_ct_3m 3/3/3
NEW.GT200 eups_mdt -
FU.STABLE eups_annual 12/12/12
FU.400-600 eups_ct_3m 3/3/3
FU.LT400 eups_mdt -
""",
}  # fmt: skip


@pytest.mark.parametrize("guideline", PRINTED)
def test_each_row_asks_for_what_is_printed(guideline: str) -> None:
    expected = {tuple(line.split()) for line in PRINTED[guideline].splitlines() if line}
    found = {
        (rule.id.removeprefix(f"{guideline}."), rule.management, months_text(rule.months))
        for rule in EDITIONS[guideline].rules
    }
    assert found == expected


LUNGRADS = {
    "0.PRIOR": ("lr_prior_comparison", "-"), "0.INCOMPLETE": ("lr_additional_images", "-"), "0.INFECTION": ("lr_ldct_1_3m", "1/2/3"),
    "1": ("lr_annual_ldct_12m", "12/12/12"), "2": ("lr_annual_ldct_12m", "12/12/12"), "3": ("lr_ldct_6m", "6/6/6"),
    "4A": ("lr_ldct_3m", "3/3/3"), "4B": ("lr_diagnostic_workup", "-"), "4X": ("lr_diagnostic_workup", "-"),
}  # fmt: skip


def test_each_category_of_lungrads_asks_for_what_is_printed() -> None:
    for rule in (*EDITIONS["LUNGRADS2022"].rules, *STAYS.values()):
        ending = rule.id.removeprefix("LUNGRADS2022.")
        row = LUNGRADS.get(ending) or LUNGRADS.get(rule.category)
        if row is not None:
            assert (rule.management, months_text(rule.months)) == row, rule.id
    assert {rule.category for rule in EDITIONS["LUNGRADS2022"].rules} == {"", "0", "1", "2", "3", "4A", "4B", "4X"}
