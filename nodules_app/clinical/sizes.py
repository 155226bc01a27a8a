"""The sizes that guidelines ask for, derived from what was measured; exact decimals, rounded only for reporting.

The mean is formed first and rounded once (AMB-01): rounding each axis, or rounding twice, moves nodules across
thresholds.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache
from typing import Final

from nodules_app.clinical.case import Measurement

PI: Final = Decimal("3.14159265358979323846264338327950288")
LN2: Final = Decimal("0.693147180559945309417232121458176568")
WHOLE: Final = Decimal(1)
TENTH: Final = Decimal("0.1")


def half_up(value: Decimal, step: Decimal) -> Decimal:
    """Round half-up to a whole number (``WHOLE``) or to one decimal (``TENTH``)."""
    return value.quantize(step, ROUND_HALF_UP)


def mean_mm(m: Measurement) -> Decimal | None:
    """Dmean: both axes if both are given (AMB-49), else the stated mean, else the long axis alone (AMB-47)."""
    if m.long_axis_mm is not None and m.short_axis_mm is not None:
        return (m.long_axis_mm + m.short_axis_mm) / 2
    return m.long_axis_mm if m.mean_diameter_mm is None else m.mean_diameter_mm


def longest_mm(m: Measurement) -> Decimal | None:
    """Dmax: the long axis; a stated mean stands in when there is none."""
    return m.mean_diameter_mm if m.long_axis_mm is None else m.long_axis_mm


def solid_mean_mm(m: Measurement) -> Decimal | None:
    """Mean of the solid component by the same rule as the whole nodule (AMB-06b)."""
    if m.solid_long_axis_mm is not None and m.solid_short_axis_mm is not None:
        return (m.solid_long_axis_mm + m.solid_short_axis_mm) / 2
    return m.solid_long_axis_mm if m.solid_mean_mm is None else m.solid_mean_mm


def solid_longest_mm(m: Measurement) -> Decimal | None:
    """Largest diameter of the solid component; its stated mean stands in when there is none."""
    return m.solid_mean_mm if m.solid_long_axis_mm is None else m.solid_long_axis_mm


def is_measured(m: Measurement) -> bool:
    """Whether the entry carries a size of the whole nodule."""
    return m.volume_mm3 is not None or m.long_axis_mm is not None or m.mean_diameter_mm is not None


def lacks_short_axis(m: Measurement) -> bool:
    """Whether the long axis has to stand in for the mean (AMB-47)."""
    return m.long_axis_mm is not None and m.short_axis_mm is None and m.mean_diameter_mm is None


@lru_cache(maxsize=4096)
def sphere_diameter_mm(volume_mm3: Decimal) -> Decimal:
    """Diameter of the sphere of that volume, (6 V / pi)^(1/3)."""
    with localcontext() as context:
        context.prec = 40
        return ((6 * volume_mm3 / PI).ln() / 3).exp()


def sphere_volume_mm3(diameter_mm: Decimal) -> Decimal:
    """Volume of the sphere of that diameter, pi/6 D^3."""
    return PI / 6 * diameter_mm**3


def comparable_size_mm(m: Measurement) -> Decimal:
    """One number to order nodules by when some have diameters and some only volumes; zero when unmeasured."""
    mean = mean_mm(m)
    if mean is not None:
        return mean
    return Decimal(0) if m.volume_mm3 is None else sphere_diameter_mm(m.volume_mm3)


def same_method(earlier: Measurement, later: Measurement) -> bool:
    """Volumes are compared unless two different methods are named."""
    return earlier.method is None or later.method is None or earlier.method == later.method


def both_volumes(earlier: Measurement, later: Measurement) -> tuple[Decimal, Decimal] | None:
    """The two volumes if they may be compared."""
    if earlier.volume_mm3 is None or later.volume_mm3 is None or not same_method(earlier, later):
        return None
    return earlier.volume_mm3, later.volume_mm3
