"""Change between two measurements as the guidelines define it (reference section 6, contract 3.2).

Ratios, doubling times and their interval are decimals; thresholds are decided on products, not on rounded quotients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal

from nodules_app.clinical.case import Measurement, Nodule
from nodules_app.clinical.sizes import LN2, both_volumes, is_measured, mean_mm

GROWTH_RATIO: Final = Decimal("1.25")  # BTS, NELSON: 25 % of volume
DECREASE_RATIO: Final = Decimal("0.75")
GROWTH_MM: Final = Decimal("2.0")  # Fleischner: 2 mm of mean diameter
Z95: Final = Decimal("1.959964")
USUAL_RELATIVE_SD: Final = Decimal("0.0902")  # 0.25 / (1.959964 * sqrt 2): what 25 % as limit of repeatability implies

GrowthClass = Literal["growth", "decrease", "stable"]
VdtClass = Literal["lt400", "400_600", "gt600"]


@dataclass(frozen=True, slots=True)
class Growth:
    """Change of one nodule from one measurement to a later one."""

    nodule_id: str
    start: date
    end: date
    days: int
    basis: Literal["volume", "diameter"]
    volume_ratio: Decimal
    percent_change: Decimal  # of volume; on diameter basis from the cube of the diameter ratio
    vdt_days: Decimal | None  # None unless the later size is larger (AMB-44)
    vdt_ci95_days: tuple[Decimal | None, Decimal | None] | None  # volume basis only; None inside: unbounded
    kind: GrowthClass
    vdt_class: VdtClass | None  # None unless growth

    @property
    def significant(self) -> bool:
        """Whether the change counts as growth."""
        return self.kind == "growth"


def doubling_time_days(days: int, volume_ratio: Decimal) -> Decimal | None:
    """Days x ln 2 / ln(V2 / V1); ``None`` unless the nodule got larger."""
    return days * LN2 / volume_ratio.ln() if volume_ratio > 1 and days > 0 else None


def classify_vdt(vdt_days: Decimal) -> VdtClass:
    """Classes with both ends of the middle one inclusive (AMB-26)."""
    if vdt_days < 400:
        return "lt400"
    return "400_600" if vdt_days <= 600 else "gt600"


def vdt_interval(
    days: int, earlier: Measurement, later: Measurement, volumes: tuple[Decimal, Decimal]
) -> tuple[Decimal | None, Decimal | None]:
    """95 % interval of the doubling time by the delta method (AMB-50).

    The first number belongs to the fastest growth that the errors allow, the second to the slowest and is ``None``
    when no growth at all is possible; both are ``None`` when only shrinkage is.
    """
    v1, v2 = volumes
    ratio = (v2 / v1).ln()
    error = (_relative_sd(earlier, v1) ** 2 + _relative_sd(later, v2) ** 2).sqrt() * Z95
    low, high = ratio - error, ratio + error
    if high <= 0:
        return None, None
    return days * LN2 / high, days * LN2 / low if low > 0 else None


def _relative_sd(m: Measurement, volume_mm3: Decimal) -> Decimal:
    if m.sd is None or m.sd.volume_mm3 is None:
        return USUAL_RELATIVE_SD
    return m.sd.volume_mm3 / volume_mm3


def volume_class(v1: Decimal, v2: Decimal) -> GrowthClass:
    """25 % of volume either way, both limits included."""
    if v2 >= v1 * GROWTH_RATIO:
        return "growth"
    return "decrease" if v2 <= v1 * DECREASE_RATIO else "stable"


def diameter_class(d1: Decimal, d2: Decimal) -> GrowthClass:
    """2.0 mm of unrounded mean diameter either way, both limits included (AMB-46)."""
    if d2 - d1 >= GROWTH_MM:
        return "growth"
    return "decrease" if d1 - d2 >= GROWTH_MM else "stable"


def growth_between(
    nodule_id: str, earlier: Measurement, later: Measurement, *, only_for_rules: bool = False
) -> Growth | None:
    """Change between two measurements: by volume when both carry a comparable one, else by mean diameter.

    Parameters
    ----------
    only_for_rules
        Leave out what no rule reads and logarithms make slow: the interval, and the doubling time without growth.

    Returns
    -------
    Growth or None
        ``None`` when the two share no size that may be compared.
    """
    days = (later.date - earlier.date).days
    volumes = both_volumes(earlier, later)
    interval: tuple[Decimal | None, Decimal | None] | None = None
    basis: Literal["volume", "diameter"]
    if volumes is not None:
        v1, v2 = volumes
        basis, ratio, kind = "volume", v2 / v1, volume_class(v1, v2)
        interval = None if only_for_rules else vdt_interval(days, earlier, later, volumes)
    else:
        d1, d2 = mean_mm(earlier), mean_mm(later)
        if d1 is None or d2 is None:
            return None
        basis, ratio, kind = "diameter", (d2 / d1) ** 3, diameter_class(d1, d2)
    vdt = None if only_for_rules and kind != "growth" else doubling_time_days(days, ratio)
    return Growth(
        nodule_id=nodule_id,
        start=earlier.date,
        end=later.date,
        days=days,
        basis=basis,
        volume_ratio=ratio,
        percent_change=(ratio - 1) * 100,
        vdt_days=vdt,
        vdt_ci95_days=interval,
        kind=kind,
        vdt_class=classify_vdt(vdt) if kind == "growth" and vdt is not None else None,
    )


def in_time(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Oldest first, one a day: of several on one day the later in input order wins (AMB-51)."""
    by_day = {m.date: m for m in measurements}
    return tuple(by_day[day] for day in sorted(by_day))


def measured(nodule: Nodule) -> tuple[Measurement, ...]:
    """The entries with a size, oldest first."""
    return tuple(m for m in in_time(nodule.measurements) if not m.resolved and is_measured(m))


def nodule_growth(nodule: Nodule) -> Growth | None:
    """First against last measurement of a nodule; ``None`` with fewer than two."""
    sizes = measured(nodule)
    return growth_between(nodule.id, sizes[0], sizes[-1]) if len(sizes) > 1 else None


def pairwise_growth(nodule: Nodule) -> tuple[Growth, ...]:
    """Each scan against the one before, for nodules with three and more measurements."""
    sizes = measured(nodule)
    pairs = (growth_between(nodule.id, a, b) for a, b in pairwise(sizes))
    return tuple(pair for pair in pairs if pair is not None)


def shortest_resolvable_vdt_days(days: int) -> Decimal:
    """The doubling time below which an interval shows growth of 25 %: faster nodules would have been seen."""
    return days * LN2 / GROWTH_RATIO.ln()
