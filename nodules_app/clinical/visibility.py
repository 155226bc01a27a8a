"""What an interval can show: which doubling times would have been seen, and how likely a later scan shows one.

A nodule that doubles in T days is exp(n ln 2 / T) times as large after n days. Repeat scans of an unchanged nodule
differ too: the limit of 25 % is the one that 95 % of them stay below, so the logarithm of the measured ratio has the
standard deviation ln 1.25 / 1.959964 about the true one, unless a better known one is given. A scan shows growth when
the measured ratio reaches the limit.

Source
------
The limit of 25 %: van Klaveren et al. 2009, N Engl J Med 361:2221, reference 6.2 and 6.3. Doubling time: reference 6.1.
The chance is that of a normal distribution on the logarithm, the scale on which a ratio and its inverse weigh the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from nodules_app.clinical.growth import GROWTH_RATIO, Z95, shortest_resolvable_vdt_days
from nodules_app.clinical.normal import below
from nodules_app.clinical.sizes import LN2

ASKED_VDT_DAYS: Final = (300, 400, 600)
LONGEST_INTERVAL_DAYS: Final = 3653  # ten years: no follow-up is planned further ahead
LOG_RATIO_SD: Final = GROWTH_RATIO.ln() / Z95  # of two scans, as the 25 % limit implies it


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely growth shows when the nodule doubles in ``vdt_days``."""

    vdt_days: int
    probability: Decimal  # from 0 to 1


@dataclass(frozen=True, slots=True)
class Visibility:
    """What a scan after ``days`` can say."""

    days: int
    shows_up_to_vdt_days: Decimal  # a nodule that doubles in this time is just at the limit; slower ones look stable
    chances: tuple[Chance, ...]  # in the order of ``ASKED_VDT_DAYS``


def chance_of_showing(vdt_days: Decimal, days: int, *, log_ratio_sd: Decimal = LOG_RATIO_SD) -> Decimal:
    """How likely a scan after ``days`` measures growth of a nodule that doubles in ``vdt_days``.

    Parameters
    ----------
    vdt_days
        True volume doubling time, days, above 0.
    days
        Between the two scans, at least 0.
    log_ratio_sd
        Standard deviation of ln(V2 / V1) by measurement alone; from two relative standard deviations it is the root of
        the sum of their squares. With 0 the answer is 0 or 1.

    Returns
    -------
    Decimal
        From 0 to 1; it never falls when ``days`` grows and never rises when ``vdt_days`` grows.

    Raises
    ------
    ValueError
        A doubling time that is not above 0, a negative interval or a negative deviation: a caller's mistake.
    """
    if vdt_days <= 0 or days < 0 or log_ratio_sd < 0:
        raise ValueError(f"no such scan: {vdt_days} days to double, {days} days later, deviation {log_ratio_sd}")
    beyond = days * LN2 / vdt_days - GROWTH_RATIO.ln()
    if log_ratio_sd == 0:
        return Decimal(beyond >= 0)
    return below(beyond / log_ratio_sd)


def visibility(days: int, *, log_ratio_sd: Decimal = LOG_RATIO_SD) -> Visibility:
    """What a scan ``days`` after the one it is compared with can show; parameters as of ``chance_of_showing``."""
    chances = (
        Chance(vdt_days, chance_of_showing(Decimal(vdt_days), days, log_ratio_sd=log_ratio_sd))
        for vdt_days in ASKED_VDT_DAYS
    )
    return Visibility(days, shortest_resolvable_vdt_days(days), tuple(chances))


def days_to_show(vdt_days: Decimal, probability: Decimal, *, log_ratio_sd: Decimal = LOG_RATIO_SD) -> int | None:
    """The first day on which a scan shows a doubling time with at least this probability.

    Returns
    -------
    int or None
        ``None`` when ten years are not enough.

    Raises
    ------
    ValueError
        As ``chance_of_showing``; or a probability outside 0 to 1.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"no such probability: {probability}")
    if chance_of_showing(vdt_days, LONGEST_INTERVAL_DAYS, log_ratio_sd=log_ratio_sd) < probability:
        return None
    low, high = 0, LONGEST_INTERVAL_DAYS
    while low < high:  # the chance never falls with time
        middle = (low + high) // 2
        if chance_of_showing(vdt_days, middle, log_ratio_sd=log_ratio_sd) >= probability:
            high = middle
        else:
            low = middle + 1
    return high


def log_ratio_sd_of(relative_sd_before: Decimal, relative_sd_later: Decimal) -> Decimal:
    """Standard deviation of ln(V2 / V1) from the relative standard deviations of the two volumes."""
    return (relative_sd_before**2 + relative_sd_later**2).sqrt()


def whole_days(days: Decimal) -> int:
    """Days as a page prints them, rounded down: what is slower by a fraction of a day would not have shown."""
    return int(days.to_integral_value(ROUND_FLOOR))
