"""VA model: chance that a nodule in a veteran is cancer. Gould et al., Chest 2007;131:383 (S). Nodules of 7-30 mm."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import SmokingStatus
from nodules_app.clinical.risk.subject import Subject, absent, logistic, unknown

CONSTANT: Final = Decimal("-8.404")
EVER_SMOKER: Final = Decimal("2.061")
AGE_PER_DECADE: Final = Decimal("0.779")
DIAMETER_MM: Final = Decimal("0.112")
QUIT_PER_DECADE: Final = Decimal("-0.567")


def va(s: Subject) -> Probability:
    """Pretest probability; current and never-smokers have no years since quitting."""
    smoking = s.patient.smoking
    quit_years = smoking.quit_years if smoking.status is SmokingStatus.FORMER else Decimal(0)
    missing = absent(
        (
            ("patient.age", s.age),
            ("patient.smoking.status", s.ever_smoker),
            ("patient.smoking.quit_years", quit_years),
            ("long_axis_mm", s.mean_mm),
        )
    )
    if missing or s.age is None or quit_years is None or s.mean_mm is None:
        return unknown("va", missing, "S")
    x = (
        CONSTANT
        + EVER_SMOKER * bool(s.ever_smoker)
        + AGE_PER_DECADE * s.age / 10
        + DIAMETER_MM * s.mean_mm
        + QUIT_PER_DECADE * quit_years / 10
    )
    outside = () if 7 <= s.mean_mm <= 30 else ("size",)
    return Probability("va", logistic(x), valid=not outside, outside=outside)
