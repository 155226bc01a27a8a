"""Risk of solid nodules by Fleischner 2017 as fixed in AMB-04: one major factor or two minor ones make it high.

The guideline lists factors without an algorithm; ACCP 2013 rows use the same reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from nodules_app.clinical.case import UPPER_LOBES, Margin, SmokingStatus
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.view import Look, View, is_spiculated

HEAVY_PACK_YEARS: Final = Decimal(30)
RECENT_QUIT_YEARS: Final = Decimal(15)
OLDER_YEARS: Final = Decimal(65)
EXPOSURES: Final = ("asbestos", "uranium", "radon")


@dataclass(frozen=True, slots=True)
class Risk:
    """``unknown`` is managed as high (AMB-05): missing data must not lower care."""

    level: Literal["low", "high", "unknown"]
    why: tuple[Reason, ...]

    @property
    def row(self) -> Literal["low", "high"]:
        """Which row of the table is read."""
        return "low" if self.level == "low" else "high"


def fleischner_risk(view: View, solids: Sequence[Look]) -> Risk:
    """Risk of the patient with these evaluated solid nodules (benign and perifissural ones do not count)."""
    override = view.case.risk_override
    if override is not None:
        return Risk(override, (because("risk_override", risk=override),))
    major = tuple(because("risk_major", factor=factor) for factor in _major(view, solids))
    if major:
        return Risk("high", major)
    minor = tuple(because("risk_minor", factor=factor) for factor in _minor(view, solids))
    if len(minor) > 1:
        return Risk("high", minor)
    if view.case.patient.smoking.status is SmokingStatus.UNKNOWN:
        return Risk("unknown", (because("risk_unknown"),))
    return Risk("low", (because("risk", risk="low"), *minor))


def _heavy_smoking(view: View) -> bool:
    smoking = view.case.patient.smoking
    if smoking.pack_years is None or smoking.pack_years < HEAVY_PACK_YEARS:
        return False
    recent = smoking.quit_years is not None and smoking.quit_years <= RECENT_QUIT_YEARS
    return smoking.status is SmokingStatus.CURRENT or (smoking.status is SmokingStatus.FORMER and recent)


def _major(view: View, solids: Sequence[Look]) -> Iterator[str]:
    patient = view.case.patient
    if _heavy_smoking(view):
        yield "smoking >= 30 pack-years, current or quit <= 15 years"
    if any(is_spiculated(look.nodule) for look in solids):
        yield "spiculated margin"
    if patient.emphysema:
        yield "emphysema"
    if patient.pulmonary_fibrosis:
        yield "pulmonary fibrosis"
    if patient.family_history_lung_cancer:
        yield "first-degree relative with lung cancer"
    yield from (exposure for exposure in EXPOSURES if exposure in patient.exposures)


def _minor(view: View, solids: Sequence[Look]) -> Iterator[str]:
    if any(look.nodule.lobe in UPPER_LOBES for look in solids):
        yield "upper lobe"
    smoking = view.case.patient.smoking.status
    if smoking in (SmokingStatus.CURRENT, SmokingStatus.FORMER) and not _heavy_smoking(view):
        yield "smoking"
    if any(look.nodule.margin in (Margin.LOBULATED, Margin.IRREGULAR) for look in solids):
        yield "lobulated or irregular margin"
    if view.age is not None and view.age >= OLDER_YEARS:
        yield "age >= 65"
