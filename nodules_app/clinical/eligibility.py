"""Who may be screened: five published criteria (reference 5.8), each answered yes, no, or not known.

A missing field makes the answer unknown only while it is still open: too young is no, whatever the smoking history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.case import Patient, SmokingStatus

Known = bool | None


def all_of(*answers: Known) -> Known:
    """No if one is no, unknown if one is unknown, else yes."""
    if False in answers:
        return False
    return None if None in answers else True


def any_of(*answers: Known) -> Known:
    """Yes if one is yes, unknown if one is unknown, else no."""
    if True in answers:
        return True
    return None if None in answers else False


def at_least(value: Decimal | None, limit: int) -> Known:
    """Unknown stays unknown."""
    return None if value is None else value >= limit


@dataclass(frozen=True, slots=True)
class Criteria:
    """One row of the table."""

    youngest: int
    oldest: int | None
    pack_years: int
    quit_within_years: int | None  # None: no limit
    source: str
    reliability: str
    years_smoked: int | None = None  # accepted in place of the pack-years
    any_risk_factor: bool = False  # the Chinese list in place of smoking

    def decide(self, patient: Patient, age: Decimal | None) -> Known:
        """Whether this person may be screened; ``None`` when that is not known."""
        of_age = all_of(at_least(age, self.youngest), self._not_too_old(age))
        return all_of(of_age, risk_factor(patient) if self.any_risk_factor else self._smoked(patient))

    def _not_too_old(self, age: Decimal | None) -> Known:
        if self.oldest is None:
            return True
        return None if age is None else age <= self.oldest

    def _smoked(self, patient: Patient) -> Known:
        smoking = patient.smoking
        if smoking.status is SmokingStatus.NEVER:
            return False
        enough = at_least(smoking.pack_years, self.pack_years)
        if self.years_smoked is not None and at_least(smoking.years_smoked, self.years_smoked):
            enough = True
        return all_of(enough, self._recent(patient))

    def _recent(self, patient: Patient) -> Known:
        smoking = patient.smoking
        if smoking.status is SmokingStatus.UNKNOWN:
            return None
        if smoking.status is SmokingStatus.CURRENT or self.quit_within_years is None:
            return True
        return None if smoking.quit_years is None else smoking.quit_years <= self.quit_within_years


CHINESE_EXPOSURES: Final = frozenset({"asbestos", "beryllium", "uranium", "radon"})
HEAVY_PACK_YEARS: Final = 20
HEAVY_CIGARETTE_YEARS: Final = 400


def heavy_smoking(patient: Patient) -> Known:
    """20 pack-years or 400 cigarette-years."""
    smoking = patient.smoking
    if smoking.status is SmokingStatus.NEVER:
        return False
    cigarette_years = None
    if smoking.cigarettes_per_day is not None and smoking.years_smoked is not None:
        cigarette_years = smoking.cigarettes_per_day * smoking.years_smoked
    by_packs = at_least(smoking.pack_years, HEAVY_PACK_YEARS)
    by_cigarettes = at_least(cigarette_years, HEAVY_CIGARETTE_YEARS)
    known = [answer for answer in (by_packs, by_cigarettes) if answer is not None]
    return any(known) if known else None  # either of the two tells


def other_risk_factors(patient: Patient) -> tuple[str, ...]:
    """The listed factors that are present, smoking apart; an absent boolean counts as no (reference 4.5)."""
    factors = (
        ("exposure", not CHINESE_EXPOSURES.isdisjoint(patient.exposures)),
        ("COPD", patient.copd),
        ("pulmonary fibrosis", patient.pulmonary_fibrosis),
        ("tuberculosis", patient.tuberculosis),
        (
            "previous malignancy",
            patient.personal_history_cancer
            or patient.known_cancer
            or patient.previous_extrathoracic_cancer_years is not None,
        ),
        ("family history of lung cancer", patient.family_history_lung_cancer),
    )
    return tuple(name for name, present in factors if present)


def risk_factor(patient: Patient) -> Known:
    """Whether the person has one of the factors of the Chinese consensus."""
    return any_of(bool(other_risk_factors(patient)), heavy_smoking(patient))


RULES: Final[Mapping[str, Criteria]] = MappingProxyType(
    {
        "USPSTF2021": Criteria(50, 80, 20, 15, "USPSTF 2021", "S"),
        "CMS2022": Criteria(50, 77, 20, 15, "CMS 2022", "S"),
        "ACS2023": Criteria(50, 80, 20, None, "American Cancer Society 2023", "S"),
        "NCCN2025": Criteria(50, None, 20, None, "NCCN lung cancer screening 2025", "S", years_smoked=20),
        "CHINA2024_SCREEN": Criteria(40, None, 20, None, "Chinese consensus 2024", "M", any_risk_factor=True),
    }
)
