"""Where a nodule is going: its volume at a later day with an interval that holds, from all its scans together.

A nodule stays as it is, grows exponentially, grows ever more slowly towards a largest volume (Gompertz), or shrinks.
Each course has a rate of its own, drawn from the population of its attenuation (``forecast_prior``); courses are
weighed by how well they explain the measured volumes, so that what the scans cannot tell apart stays side by side. The
logarithm of the volume is linear in the level once the rate is given, so the level is integrated in closed form and
the rate on a grid: no sampling, the same answer every time.

The errors of volumes are those that were stated with them, with what two visits of one patient differ by themselves
(``VISIT_ERROR``); scans of one protocol share what the protocol does wrong, which therefore cancels between them.

Source
------
Evidence-weighted averaging of models: Hoeting et al. 1999, Stat Sci 14:382. Two visits: repeat scans within minutes
differ by 0.09 to 0.10 of the volume's logarithm with older methods (``repeatability``); what the stated error leaves of
it is this product's choice, since it was fitted on simulated chests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr, ndtri

from inference.errors import NotForecast
from inference.estimate import Estimate
from inference.forecast_prior import PRIORS, Prior, log_normal
from inference.repeatability import Attenuation

Floats = NDArray[np.float64]
Course = Literal["stable", "growing", "shrinking"]

METHOD: Final = "course-averaging 1"
VISIT_ERROR: Final = 0.05
LONGEST_DAYS: Final = 1826  # five years: the longest schedule of any guideline

_RATES: Final = 61  # nodes of each grid
_CEILING_SDS: Final = np.linspace(-2.4, 2.4, 9)  # nodes of the largest volume, around the mean of its logarithm
_LEAST_DEPTH: Final = math.log(2)  # a nodule that grows is at most half as large as it can become
_GRID_SDS: Final = 3.3
_NEGLIGIBLE: Final = 1e-6  # of the weight of its kind
_LEAST_LOG_SHARE: Final = math.log(1e-12)  # of a kind: no scans exclude it altogether, since one asks "if it grows"
_LARGEST_LOG_MM3: Final = math.log(1e7)  # beyond any chest; keeps arithmetic finite
_HALVINGS: Final = 34  # of the search for a quantile: 1e-9 of a range of about 20


@dataclass(frozen=True, slots=True)
class Seen:
    """One measured volume of a nodule.

    Parameters
    ----------
    day
        Whole days since any fixed day; the same for all scans of a nodule.
    protocol
        Scans with the same number were made alike, so that what the protocol does wrong is the same in both.
    """

    day: int
    volume_mm3: Estimate
    protocol: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """All measured volumes of one nodule, the earliest first.

    Parameters
    ----------
    protocol_relative_error
        What one protocol does wrong by itself, as a standard error of ln(volume).
    """

    scans: tuple[Seen, ...]
    attenuation: Attenuation
    protocol_relative_error: float = 0.0

    def __post_init__(self) -> None:
        days = [seen.day for seen in self.scans]
        if not days or sorted(set(days)) != days:
            raise ValueError(f"scans must be at least one, in time, one a day: {days}")
        if not self.protocol_relative_error >= 0:
            raise ValueError(f"no such error: {self.protocol_relative_error}")

    @property
    def last(self) -> Seen:
        """The latest scan."""
        return self.scans[-1]

    def covariance(self) -> Floats:
        """Of the errors of ln(volume): (n, n)."""
        own = [seen.volume_mm3.relative_error**2 + VISIT_ERROR**2 for seen in self.scans]
        protocols = np.array([seen.protocol for seen in self.scans])
        shared = self.protocol_relative_error**2 * (protocols[:, None] == protocols[None, :])
        covariance: Floats = np.diag(own) + shared
        return covariance


@dataclass(frozen=True, slots=True)
class Forecast:
    """A weighted set of courses of one nodule; each is a line in ln(volume) with one normal error of its level.

    Parameters
    ----------
    weights, rates, depths, levels : (n,)
        Of each course: probability; growth per day of ln(volume) at the first scan; distance of ln(volume) at the
        first scan to the largest volume (infinite unless the growth slows down); ln(volume) at the first scan.
    level_sd_ratio
        Standard deviation of the level, the same for every course.
    """

    history: History
    weights: Floats
    rates: Floats
    depths: Floats
    levels: Floats
    level_sd_ratio: float

    def log_volumes(self, day: int) -> Floats:
        """Expected ln(volume in mm3) of each course on a day: (n,)."""
        return np.minimum(self.levels + _risen(self.rates, self.depths, self._passed(day)), _LARGEST_LOG_MM3)

    def rates_on(self, day: int) -> Floats:
        """Growth per day of ln(volume) of each course on a day: (n,)."""
        slowed: Floats = self.rates * np.exp(-self.rates / self.depths * self._passed(day))
        return slowed

    def probability_of(self, course: Course) -> float:
        """How likely the nodule stays as it is, grows or shrinks."""
        return float(self.weights[self.are(course)].sum())

    def are(self, course: Course) -> NDArray[np.bool_]:
        """Which of the courses are of this kind: (n,)."""
        sign = {"stable": 0, "growing": 1, "shrinking": -1}[course]
        alike: NDArray[np.bool_] = np.sign(self.rates) == sign
        return alike

    def volume_mm3(self, day: int, share: float) -> float:
        """The true volume that this share of the forecast stays below.

        Raises
        ------
        ValueError
            The share is not between 0 and 1.
        """
        return math.exp(_quantile(self.weights, self.log_volumes(day), self.level_sd_ratio, share))

    def interval_95_mm3(self, day: int) -> tuple[float, float]:
        """The interval that holds the true volume with 95 %."""
        return self.volume_mm3(day, 0.025), self.volume_mm3(day, 0.975)

    def probability_below(self, day: int, volume_mm3: float) -> float:
        """How likely the true volume on a day lies below a volume."""
        beyond = (math.log(volume_mm3) - self.log_volumes(day)) / self.level_sd_ratio
        return float(self.weights @ ndtr(beyond))

    def probability_reached(self, day: int, volume_mm3: float) -> float:
        """How likely the true volume has reached a volume at the last scan or until a day; never falls with the day."""
        highest = np.maximum(self.log_volumes(day), self.log_volumes(self.history.last.day))
        return float(self.weights @ ndtr((highest - math.log(volume_mm3)) / self.level_sd_ratio))

    def probability_grown(self, day: int, ratio: float) -> float:
        """How likely the true volume has grown at least by a ratio since the last scan, until a day."""
        risen = self.log_volumes(day) - self.log_volumes(self.history.last.day)
        return float(self.weights @ (risen >= math.log(ratio)))

    def probability_faster(self, day: int, vdt_days: float) -> float:
        """How likely the nodule doubles in less than so many days, on a day."""
        return float(self.weights @ (self.rates_on(day) > math.log(2) / vdt_days))

    def vdt_days(self, share: float) -> float:
        """Doubling time at the last scan, if it grows: what this share of the growing courses stays below."""
        growing = self.are("growing")
        rates, weights = self.rates_on(self.history.last.day)[growing], self.weights[growing]
        order = np.argsort(-rates)
        reached = np.cumsum(weights[order]) / weights.sum()
        index = min(int(np.searchsorted(reached, share)), len(order) - 1)
        return float(math.log(2) / rates[order][index])

    def _passed(self, day: int) -> int:
        return day - self.history.scans[0].day


def forecast(history: History, prior: Prior | None = None) -> Forecast:
    """Weigh every course by the scans of a nodule.

    Parameters
    ----------
    prior
        The population; that of the nodule's attenuation unless another is given.

    Raises
    ------
    NotForecast
        A volume is so large, or so small, that it is no nodule's.
    """
    for seen in history.scans:
        if not 0.1 <= seen.volume_mm3.value <= 1e6:
            raise NotForecast(volume_mm3=seen.volume_mm3.value)
    known = PRIORS[history.attenuation] if prior is None else prior
    fit = _Fit.of(history)
    parts = [_stable(fit, known), _shrinking(fit, known), _growing(fit, known, math.inf, 1 - known.slowing_share)]
    mean, sd = log_normal(known.ceiling_mm3, known.ceiling_highest_mm3)
    shares = np.exp(-0.5 * _CEILING_SDS**2)
    for sds, share in zip(_CEILING_SDS, shares / shares.sum(), strict=True):
        depth = max(mean + sd * float(sds) - float(fit.logs[0]), _LEAST_DEPTH)
        parts.append(_growing(fit, known, depth, known.slowing_share * float(share)))
    log_weights, rates, depths, levels = (np.concatenate(column) for column in zip(*parts, strict=True))
    weights, kept = _weights(log_weights, np.sign(rates))
    return Forecast(history, weights, rates[kept], depths[kept], levels[kept], fit.level_sd_ratio)


def _weights(log_weights: Floats, kinds: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Probabilities of the courses that count, and which these are."""
    log_weights = log_weights - logsumexp(log_weights)
    kept = np.zeros(len(kinds), dtype=bool)
    for kind in np.unique(kinds):
        alike = kinds == kind
        total = logsumexp(log_weights[alike])
        log_weights[alike] += max(0.0, _LEAST_LOG_SHARE - total)
        kept |= alike & (log_weights > max(total, _LEAST_LOG_SHARE) + math.log(_NEGLIGIBLE))
    weights = np.exp(log_weights[kept])
    return weights / weights.sum(), kept


# ---------------------------------------------------------------- how well a course explains the scans

_Part = tuple[Floats, Floats, Floats, Floats]  # log weights, rates, depths, levels


@dataclass(frozen=True, slots=True)
class _Fit:
    """The scans as the linear model sees them."""

    passed: Floats  # (n,) days since the first scan
    logs: Floats  # (n,) ln(volume in mm3)
    precision: Floats  # (n, n) inverse of the covariance
    level_sd_ratio: float

    @classmethod
    def of(cls, history: History) -> _Fit:
        first = history.scans[0].day
        precision = np.linalg.inv(history.covariance())
        return cls(
            np.array([seen.day - first for seen in history.scans], dtype=np.float64),
            np.log(np.array([seen.volume_mm3.value for seen in history.scans], dtype=np.float64)),
            np.asarray(precision, dtype=np.float64),
            float(precision.sum()) ** -0.5,
        )

    def explain(self, rates: Floats, depth: float) -> tuple[Floats, Floats]:
        """Log evidence and expected level of each rate, the level being anything: (k,), (k,)."""
        depths = np.full(len(rates), depth)
        rest = self.logs - _risen(rates[:, None], depths[:, None], self.passed)
        weighted = rest @ self.precision
        levels = weighted.sum(axis=1) * self.level_sd_ratio**2
        squares = np.einsum("ki,ki->k", weighted, rest)
        return -0.5 * (squares - (levels / self.level_sd_ratio) ** 2), levels


def _risen(rates: Floats, depths: Floats, passed: Floats | float) -> Floats:
    """How far ln(volume) has risen since the first scan."""
    endless = np.isinf(depths)
    finite = np.where(endless, 1.0, depths)
    steady = rates * passed
    slowing = -finite * np.expm1(-np.where(endless, 0.0, steady) / finite)
    risen: Floats = np.where(endless, steady, slowing)
    return risen


def _stable(fit: _Fit, prior: Prior) -> _Part:
    evidence, levels = fit.explain(np.zeros(1), math.inf)
    return evidence + math.log(prior.stable_share), np.zeros(1), np.full(1, math.inf), levels


def _shrinking(fit: _Fit, prior: Prior) -> _Part:
    return _on_grid(fit, (prior.halving_days, prior.halving_longest_days), -1, math.inf, prior.shrinking_share)


def _growing(fit: _Fit, prior: Prior, depth: float, share: float) -> _Part:
    return _on_grid(fit, (prior.vdt_days, prior.vdt_longest_days), 1, depth, prior.growing_share * share)


def _on_grid(fit: _Fit, days: tuple[float, float], sign: int, depth: float, share: float) -> _Part:
    """Weigh a log-normal population of doubling times; the grid is laid a second time where its weight lies."""
    mean, sd = log_normal(*days)

    def weigh(log_days: Floats) -> tuple[Floats, Floats, Floats]:
        rates = sign * math.log(2) * np.exp(-log_days)
        evidence, levels = fit.explain(rates, depth)
        density = -0.5 * ((log_days - mean) / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))
        return evidence + density + math.log((log_days[1] - log_days[0]) * share), rates, levels

    wide = np.linspace(mean - _GRID_SDS * sd, mean + _GRID_SDS * sd, _RATES)
    found, _, _ = weigh(wide)
    there = np.flatnonzero(found > found.max() + math.log(_NEGLIGIBLE))
    narrow = np.linspace(wide[max(there[0] - 1, 0)], wide[min(there[-1] + 1, _RATES - 1)], _RATES)
    log_weights, rates, levels = weigh(narrow)
    return log_weights, rates, np.full(_RATES, depth), levels


def _quantile(weights: Floats, means: Floats, sd: float, share: float) -> float:
    """Quantile of a mixture of normals with one standard deviation, by halving the range that must hold it."""
    if not 0 < share < 1:
        raise ValueError(f"no such share: {share}")
    reach = abs(float(ndtri(share))) * sd + 1e-9
    low, high = float(means.min()) - reach, float(means.max()) + reach
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(weights @ ndtr((middle - means) / sd)) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
