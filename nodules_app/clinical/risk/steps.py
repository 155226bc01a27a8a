"""Which way a probability points in the guideline that goes by its model; never the guideline's answer itself.

Source
------
BTS 2015: Brock below 10 % CT, from 10 % on PET-CT; after PET Herder below 10 % CT, 10 to 70 % biopsy, above 70 %
excision. ACCP 2013, solid nodules above 8 mm by their pretest probability: below 5 % CT, 5 to 65 % PET, above 65 %
surgical diagnosis. Reference 3 and 4.1; both ends of a middle class belong to it (AMB-25, AMB-33).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

Pointing = Literal["ct", "pet_ct", "biopsy", "excision"]


@dataclass(frozen=True, slots=True)
class Steps:
    """What a guideline says below the lower limit, from there on, and above the upper limit, where it has one."""

    guideline: str
    low: Decimal
    middle: Pointing
    high: Decimal | None = None
    top: Pointing | None = None

    def at(self, probability: Decimal) -> Pointing:
        """The step at a probability."""
        if probability < self.low:
            return "ct"
        if self.high is not None and self.top is not None and probability > self.high:
            return self.top
        return self.middle


_ACCP: Final = Steps("ACCP2013", Decimal("0.05"), "pet_ct", Decimal("0.65"), "excision")
STEPS: Final[Mapping[str, Steps]] = MappingProxyType(
    {
        "brock_2b": Steps("BTS2015", Decimal("0.10"), "pet_ct"),
        "herder": Steps("BTS2015", Decimal("0.10"), "biopsy", Decimal("0.70"), "excision"),
        "mayo": _ACCP,
        "va": _ACCP,
    }
)
