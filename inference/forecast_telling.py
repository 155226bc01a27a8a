"""What the next scan could tell: from which day on growth would stand out of the noise, and how likely on a given day.

A scan shows growth when its volume exceeds that of an earlier scan by 25 % and by 1.96 standard errors (``growth``).
It is compared as the pages compare it: with the scan before, and with the first one while neither of the two shows
growth yet. How likely the comparison shows growth is asked of the courses that grow, weighed by all scans so far: a
nodule that could only be growing slowly needs a later scan.

What the day means: on ``could_tell_from`` growth, if there is any, shows in half of all cases; before it a scan would
rather miss it than show it. On ``would_tell_from`` it shows in four of five.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from inference.estimate import Z_95
from inference.forecast import LONGEST_DAYS, VISIT_ERROR, Course, Forecast, Seen
from inference.growth import REPEATABLE_RATIO

COULD: Final = 0.5
WOULD: Final = 0.8


@dataclass(frozen=True, slots=True)
class Telling:
    """What a scan on a day could tell.

    Parameters
    ----------
    growth_shown_probability
        How likely it shows growth if the nodule grows.
    false_alarm_probability
        How likely it shows growth although the nodule stays as it is.
    slowest_vdt_days
        A nodule doubling slower than this does not reach the limit until that day.
    """

    day: int
    growth_shown_probability: float
    false_alarm_probability: float
    slowest_vdt_days: float


@dataclass(frozen=True, slots=True)
class NextScan:
    """The next scan of a nodule, expected to be as exact as the last one unless said otherwise.

    Parameters
    ----------
    relative_error
        Standard error of ln(volume) that it will state.
    protocol
        Of ``Seen``: whether it shares what an earlier protocol does wrong.
    """

    relative_error: float
    protocol: int

    @classmethod
    def like_last(cls, forecast: Forecast) -> NextScan:
        """Made as the last one was."""
        last = forecast.history.last
        return cls(last.volume_mm3.relative_error, last.protocol)


def shown_already(forecast: Forecast) -> bool:
    """Whether the scans so far show growth: the last against the one before, or against the first."""
    scans = forecast.history.scans
    last = scans[-1]
    return len(scans) > 1 and _exceeds(forecast, last, (scans[0], scans[-2]))


def shows_growth(forecast: Forecast, scan: Seen) -> bool:
    """Whether a scan after all others shows growth, compared as ``telling`` expects it to be."""
    return _exceeds(forecast, scan, _compared_with(forecast))


def _exceeds(forecast: Forecast, scan: Seen, earlier: Sequence[Seen]) -> bool:
    made = NextScan(scan.volume_mm3.relative_error, scan.protocol)
    return math.log(scan.volume_mm3.value) > min(_needed(forecast, one, made) for one in earlier)


def _compared_with(forecast: Forecast) -> Sequence[Seen]:
    scans = forecast.history.scans
    return scans[-1:] if shown_already(forecast) else (scans[0], scans[-1])


def telling(forecast: Forecast, day: int, scan: NextScan | None = None) -> Telling:
    """What a scan on a day after the last one could tell.

    Raises
    ------
    ValueError
        The day does not lie after the last scan.
    """
    last = forecast.history.last
    if day <= last.day:
        raise ValueError(f"day {day} does not lie after the last scan on day {last.day}")
    made = scan or NextScan.like_last(forecast)
    chances = _shown(forecast, made)(day)
    return Telling(
        day,
        _on_average(forecast, chances, "growing"),
        _on_average(forecast, chances, "stable"),
        (day - last.day) * math.log(2) / _limit(forecast, last, made),
    )


def tells_from(forecast: Forecast, probability: float, scan: NextScan | None = None) -> int | None:
    """The first day on which a scan shows growth with at least this probability, if the nodule grows.

    Returns
    -------
    int or None
        ``None`` when five years after the last scan are not enough.
    """
    made = scan or NextScan.like_last(forecast)
    shown = _shown(forecast, made)
    low, high = forecast.history.last.day, forecast.history.last.day + LONGEST_DAYS
    if _on_average(forecast, shown(high), "growing") < probability:
        return None
    while high - low > 1:  # the chance never falls with the day, since no growing course turns back
        middle = (low + high) // 2
        if _on_average(forecast, shown(middle), "growing") >= probability:
            high = middle
        else:
            low = middle
    return high


def could_tell_from(forecast: Forecast, scan: NextScan | None = None) -> int | None:
    """Before this day a scan would rather miss growth than show it."""
    return tells_from(forecast, COULD, scan)


def would_tell_from(forecast: Forecast, scan: NextScan | None = None) -> int | None:
    """From this day on a scan shows growth in four of five cases, if there is any."""
    return tells_from(forecast, WOULD, scan)


def _on_average(forecast: Forecast, chances: NDArray[np.float64], course: Course) -> float:
    """A chance over all courses of one kind."""
    alike = forecast.are(course)
    return float(forecast.weights[alike] @ chances[alike] / forecast.weights[alike].sum())


def _limit(forecast: Forecast, earlier: Seen, scan: NextScan) -> float:
    """How far ln(volume) must lie above an earlier one to count as growth; as ``growth.growth`` decides it."""
    other = 0.0 if earlier.protocol == scan.protocol else forecast.history.protocol_relative_error * math.sqrt(2)
    error = math.hypot(earlier.volume_mm3.relative_error, scan.relative_error, other)
    return max(math.log(REPEATABLE_RATIO), Z_95 * error)


def _needed(forecast: Forecast, earlier: Seen, scan: NextScan) -> float:
    return math.log(earlier.volume_mm3.value) + _limit(forecast, earlier, scan)


def _shown(forecast: Forecast, scan: NextScan) -> Callable[[int], NDArray[np.float64]]:
    """The chance of each course that a scan on a day shows growth, given all scans so far."""
    history = forecast.history
    needed = min(_needed(forecast, earlier, scan) for earlier in _compared_with(forecast))
    precision = np.linalg.inv(history.covariance())
    logs = np.log([seen.volume_mm3.value for seen in history.scans])
    alike = np.array([seen.protocol == scan.protocol for seen in history.scans])
    shared = np.where(alike, history.protocol_relative_error**2, 0.0)
    pull = shared @ precision  # of the errors so far on the error of the next
    expected = np.array([forecast.log_volumes(seen.day) for seen in history.scans])
    offset = pull @ (logs[:, None] - expected)
    own = scan.relative_error**2 + VISIT_ERROR**2 + history.protocol_relative_error**2
    level = (1 - float(pull.sum())) ** 2 * forecast.level_sd_ratio**2
    spread = math.sqrt(own - float(pull @ shared) + level)

    def chances(day: int) -> NDArray[np.float64]:
        beyond: NDArray[np.float64] = (forecast.log_volumes(day) + offset - needed) / spread
        chance: NDArray[np.float64] = ndtr(beyond)
        return chance

    return chances
