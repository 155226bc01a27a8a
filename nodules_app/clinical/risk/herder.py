"""Herder model: the Mayo probability updated by the uptake on PET.

Herder et al., Chest 2005;128:2490. The coefficients rest on memory (M). Population: indeterminate solitary nodules
referred for PET. Always fed with the Mayo probability as a fraction (AMB-31).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import PetUptake
from nodules_app.clinical.risk.mayo import mayo, mayo_mm_at, outside_population
from nodules_app.clinical.risk.subject import Subject, log_odds, logistic, unknown

CONSTANT: Final = Decimal("-4.739")
MAYO: Final = Decimal("3.691")
UPTAKE: Final[Mapping[PetUptake, Decimal]] = MappingProxyType(
    {
        PetUptake.ABSENT: Decimal(0),
        PetUptake.FAINT: Decimal("2.322"),
        PetUptake.MODERATE: Decimal("4.617"),
        PetUptake.INTENSE: Decimal("4.771"),
    }
)


def herder(s: Subject) -> Probability:
    """Probability after PET."""
    pretest = mayo(s)
    uptake = s.look.nodule.pet_uptake
    if pretest.probability is None or uptake is None:
        missing = pretest.missing if uptake is not None else (*pretest.missing, "pet_uptake")
        return unknown("herder", missing, "M")
    outside = outside_population(s)
    x = CONSTANT + MAYO * pretest.probability + UPTAKE[uptake]
    return Probability("herder", logistic(x), valid=not outside, outside=outside, reliability="M")


def herder_mm_at(s: Subject, probability: Decimal) -> Decimal | None:
    """The mean diameter at which the model gives this probability to a nodule otherwise alike.

    Returns
    -------
    Decimal or None
        ``None`` when inputs are missing, or when no diameter gives it.
    """
    uptake = s.look.nodule.pet_uptake
    if uptake is None:
        return None
    pretest = (log_odds(probability) - CONSTANT - UPTAKE[uptake]) / MAYO
    return mayo_mm_at(s, pretest) if 0 < pretest < 1 else None
