"""Peking University People's Hospital model (PKUPH): chance that a solitary nodule is cancer.

Li et al. 2011/2012 (S). Population: resected solitary nodules, Beijing. The diameter enters in centimetres.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import Calcification, Margin
from nodules_app.clinical.risk.subject import Subject, absent, logistic, unknown

CONSTANT: Final = Decimal("-4.496")
AGE: Final = Decimal("0.07")
DIAMETER_CM: Final = Decimal("0.676")
SPICULATION: Final = Decimal("0.736")
FAMILY_CANCER: Final = Decimal("1.267")
CALCIFICATION: Final = Decimal("-1.615")
CLEAR_BORDER: Final = Decimal("-1.408")


def pkuph(s: Subject) -> Probability:
    """Pretest probability; a clear border is a smooth margin."""
    nodule = s.look.nodule
    missing = absent(
        (
            ("patient.age", s.age),
            ("long_axis_mm", s.mean_mm),
            ("lobe", nodule.lobe),
            ("margin", nodule.margin),
            ("calcification", nodule.calcification),
            ("patient.family_history_any_cancer", s.family_history_any_cancer),
        )
    )
    if missing or s.age is None or s.mean_mm is None:
        return unknown("pkuph", missing, "S")
    x = (
        CONSTANT
        + AGE * s.age
        + DIAMETER_CM * s.mean_mm / 10
        + SPICULATION * bool(s.spiculated)
        + FAMILY_CANCER * bool(s.family_history_any_cancer)
        + CALCIFICATION * (nodule.calcification is not Calcification.NONE)
        + CLEAR_BORDER * (nodule.margin is Margin.SMOOTH)
    )
    outside = () if s.mean_mm <= 30 else ("size",)
    return Probability("pkuph", logistic(x), valid=not outside, outside=outside)
