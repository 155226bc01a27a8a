"""PLCOm2012: six-year risk of lung cancer of an ever-smoker of 55-74 years.

Tammemagi et al., NEJM 2013;368:728 (S: Table 2 quoted in public code; one copy prints the Hispanic value wrongly).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import Patient, Race, SmokingStatus
from nodules_app.clinical.risk.subject import absent, logistic, unknown

CONSTANT: Final = Decimal("-4.532506")
AGE: Final = Decimal("0.0778868")  # per year from 62
RACE: Final[Mapping[Race, Decimal]] = MappingProxyType(
    {
        Race.WHITE: Decimal(0),
        Race.AMERICAN_INDIAN: Decimal(0),
        Race.BLACK: Decimal("0.3944778"),
        Race.HISPANIC: Decimal("-0.7434744"),
        Race.ASIAN: Decimal("-0.466585"),
        Race.PACIFIC_ISLANDER: Decimal("1.027152"),
    }
)
EDUCATION: Final = Decimal("-0.0812744")  # per level from 4
BMI: Final = Decimal("-0.0274194")  # per kg/m2 from 27
COPD: Final = Decimal("0.3553063")
PERSONAL_CANCER: Final = Decimal("0.4589971")
FAMILY_LUNG_CANCER: Final = Decimal("0.587185")
CURRENT_SMOKER: Final = Decimal("0.2597431")
INTENSITY: Final = Decimal("-1.822606")  # of (cigarettes a day / 10)^-1
INTENSITY_OFFSET: Final = Decimal("0.4021541613")
YEARS_SMOKED: Final = Decimal("0.0317321")  # per year from 27
QUIT_YEARS: Final = Decimal("-0.0308572")  # per year from 10


def plcom2012(patient: Patient, age: Decimal | None) -> Probability:
    """Six-year risk; not defined for never-smokers or for no cigarettes a day."""
    smoking = patient.smoking
    current = smoking.status is SmokingStatus.CURRENT
    quit_years = Decimal(0) if current else smoking.quit_years
    asked = (
        ("patient.age", age),
        ("patient.race", patient.race),
        ("patient.education", patient.education),
        ("patient.bmi", patient.bmi),
        ("patient.copd", patient.copd),
        ("patient.personal_history_cancer", patient.personal_history_cancer),
        ("patient.family_history_lung_cancer", patient.family_history_lung_cancer),
        ("patient.smoking.status", smoking.status if current or smoking.status is SmokingStatus.FORMER else None),
        ("patient.smoking.cigarettes_per_day", smoking.cigarettes_per_day or None),
        ("patient.smoking.years_smoked", smoking.years_smoked),
        ("patient.smoking.quit_years", quit_years),
    )
    if missing := absent(asked):
        return unknown("plcom2012", missing, "S")
    assert age is not None and patient.race is not None and patient.education is not None  # noqa: PT018, S101
    assert patient.bmi is not None and smoking.cigarettes_per_day is not None  # noqa: PT018, S101
    assert smoking.years_smoked is not None and quit_years is not None  # noqa: PT018, S101
    x = (
        CONSTANT
        + AGE * (age - 62)
        + RACE[patient.race]
        + EDUCATION * (patient.education - 4)
        + BMI * (patient.bmi - 27)
        + COPD * bool(patient.copd)
        + PERSONAL_CANCER * bool(patient.personal_history_cancer)
        + FAMILY_LUNG_CANCER * bool(patient.family_history_lung_cancer)
        + CURRENT_SMOKER * current
        + INTENSITY * (10 / smoking.cigarettes_per_day - INTENSITY_OFFSET)
        + YEARS_SMOKED * (smoking.years_smoked - 27)
        + QUIT_YEARS * (quit_years - 10)
    )
    outside = () if 55 <= age <= 74 else ("age",)
    return Probability("plcom2012", logistic(x), valid=not outside, outside=outside)
