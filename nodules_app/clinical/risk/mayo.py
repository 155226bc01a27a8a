"""Mayo Clinic model: chance that a solitary indeterminate nodule is cancer.

Swensen et al., Arch Intern Med 1997;157:849 (S: two sources; one prints the constant wrongly as -6.872). Population:
nodules of 4-30 mm on chest radiographs, no cancer in the last five years. The diameter is the mean here; the term
for an extrathoracic cancer follows AMB-40.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.risk.subject import Subject, absent, log_odds, logistic, unknown

CONSTANT: Final = Decimal("-6.8272")
AGE: Final = Decimal("0.0391")
EVER_SMOKER: Final = Decimal("0.7917")
EXTRATHORACIC_CANCER: Final = Decimal("1.3388")
DIAMETER_MM: Final = Decimal("0.1274")
SPICULATION: Final = Decimal("1.0407")
UPPER_LOBE: Final = Decimal("0.7838")


def mayo(s: Subject) -> Probability:
    """Pretest probability; also the input of the Herder model."""
    missing = absent(
        (
            ("patient.age", s.age),
            ("patient.smoking.status", s.ever_smoker),
            ("long_axis_mm", s.mean_mm),
            ("lobe", s.upper_lobe),
            ("margin", s.spiculated),
        )
    )
    if missing or s.age is None or s.mean_mm is None:
        return unknown("mayo", missing, "S")
    patient = s.patient
    cancer = patient.previous_extrathoracic_cancer_years is not None or bool(patient.known_cancer)
    x = (
        CONSTANT
        + AGE * s.age
        + EVER_SMOKER * bool(s.ever_smoker)
        + EXTRATHORACIC_CANCER * cancer
        + DIAMETER_MM * s.mean_mm
        + SPICULATION * bool(s.spiculated)
        + UPPER_LOBE * bool(s.upper_lobe)
    )
    outside = outside_population(s)
    return Probability("mayo", logistic(x), valid=not outside, outside=outside)


def mayo_mm_at(s: Subject, probability: Decimal) -> Decimal | None:
    """The mean diameter at which the model gives this probability to a nodule otherwise alike.

    Returns
    -------
    Decimal or None
        ``None`` when inputs are missing, or when every diameter gives more.
    """
    now = mayo(s).probability
    if now is None or s.mean_mm is None:
        return None
    size_mm = s.mean_mm + (log_odds(probability) - log_odds(now)) / DIAMETER_MM
    return size_mm if size_mm > 0 else None


def outside_population(s: Subject) -> tuple[str, ...]:
    """Why the Mayo and Herder models were not made for this case."""
    since = s.patient.previous_extrathoracic_cancer_years
    reasons = (
        ("size", s.mean_mm is None or not 4 <= s.mean_mm <= 30),
        ("known_cancer", bool(s.patient.known_cancer)),
        ("recent_cancer", since is not None and since <= 5),
    )
    return tuple(code for code, holds in reasons if holds)
