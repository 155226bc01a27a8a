"""A measured quantity never travels without its error."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@dataclass(frozen=True, slots=True)
class Estimate:
    """A positive quantity with its standard error, both in the unit that the field's name carries."""

    value: float
    standard_error: float

    def __post_init__(self) -> None:
        if not self.value > 0 or not self.standard_error >= 0:  # written so that NaN fails too
            raise ValueError(f"no such estimate: {self.value} +/- {self.standard_error}")

    @property
    def relative_error(self) -> float:
        """Standard error of the natural logarithm, to first order."""
        return self.standard_error / self.value

    @property
    def interval_95(self) -> tuple[float, float]:
        """The 95 % interval of a log-normal error: never below zero, symmetric in ratio."""
        factor = math.exp(Z_95 * self.relative_error)
        return self.value / factor, self.value * factor
