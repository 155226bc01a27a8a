"""Change between two volumes of one nodule, with the error that both bring along.

r = ln(V2 / V1) has the standard error s_r = sqrt(s1^2 + s2^2 + s_pair^2), all errors being those of logarithms. The
volume doubling time is interval * ln 2 / r. A nodule has grown significantly when r exceeds both ln 1.25 (the
repeatability that volumetry guidelines use) and 1.96 s_r.

Source
------
VDT: Schwartz 1961, Cancer 14:1272. The 25 % limit: van Klaveren et al. 2009, N Engl J Med 361:2221 (NELSON).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from inference.estimate import Z_95, Estimate

METHOD = "log ratio of two volumes, independent log-normal errors"
METHOD_TOGETHER = "log ratio of two volumes that were drawn together"
VERSION = "2"
REPEATABLE_RATIO = 1.25


@dataclass(frozen=True, slots=True)
class Growth:
    """How one nodule changed.

    Parameters
    ----------
    vdt_days
        Volume doubling time; negative for a shrinking nodule (the time in which it halves). None when nothing changed
        at all or when the comparison was refused.
    vdt_ci95_days
        (shortest, longest) doubling time that the volumes allow. Longest is None when no growth at all cannot be
        excluded: read it as "longer than shortest". None as a whole when even the interval's upper end shows no
        growth.
    significant
        Grown beyond what repeat scans of an unchanged nodule show.
    shortest_resolvable_vdt_days
        A nodule doubling slower than this would not have shown as significant growth in this interval.
    """

    interval_days: int
    volume_ratio: float
    volume_ratio_ci95: tuple[float, float]
    vdt_days: float | None
    vdt_ci95_days: tuple[float, float | None] | None
    significant: bool
    significantly_smaller: bool
    log_ratio_error: float
    shortest_resolvable_vdt_days: float
    method: str = METHOD

    @property
    def is_within_error(self) -> bool:
        """Whether no change at all lies inside the interval of the ratio."""
        low, high = self.volume_ratio_ci95
        return low <= 1 <= high


def growth(prior: Estimate, current: Estimate, interval_days: int, *, extra_relative_error: float = 0.0) -> Growth:
    """Compare two volumes of one nodule measured by the same method.

    Parameters
    ----------
    prior, current
        Volumes in the same unit.
    interval_days
        From the prior to the current scan, by acquisition dates.
    extra_relative_error
        Standard error of the ratio that the pair adds (other slices, other kernel); see ``comparability``.

    Raises
    ------
    ValueError
        The interval is not positive or the extra error is negative: a caller's mistake, not a patient's.
    """
    if interval_days <= 0 or not extra_relative_error >= 0:
        raise ValueError(f"growth over {interval_days} days with extra error {extra_relative_error} has no meaning")
    log_ratio = math.log(current.value) - math.log(prior.value)
    error = math.hypot(prior.relative_error, current.relative_error, extra_relative_error)
    beyond_chance = max(math.log(REPEATABLE_RATIO), Z_95 * error)
    low, high = log_ratio - Z_95 * error, log_ratio + Z_95 * error
    return Growth(
        interval_days=interval_days,
        volume_ratio=math.exp(log_ratio),
        volume_ratio_ci95=(math.exp(low), math.exp(high)),
        vdt_days=_doubling_days(log_ratio, interval_days),
        vdt_ci95_days=_doubling_interval(low, high, interval_days),
        significant=log_ratio > beyond_chance,
        significantly_smaller=log_ratio < -beyond_chance,
        log_ratio_error=error,
        shortest_resolvable_vdt_days=interval_days * math.log(2) / beyond_chance,
    )


def _doubling_days(log_ratio: float, interval_days: int) -> float | None:
    return interval_days * math.log(2) / log_ratio if log_ratio != 0 else None


def _doubling_interval(low: float, high: float, interval_days: int) -> tuple[float, float | None] | None:
    if high <= 0:
        return None
    return interval_days * math.log(2) / high, interval_days * math.log(2) / low if low > 0 else None
