"""Which finding of the prior scan is which finding of the current one: one to one, with a probability, or said open.

For each pair the evidence is the distance after registration held against the error expected there, the change of size
and the change of attenuation, weighed against the chance that an unrelated finding lies as near. Pairs are chosen
together, so that no finding is used twice. A pair whose probability is not clear is reported as ambiguous, with its
rivals; nobody guesses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from registration.transform import Registration

CENTRE_ERROR_MM: Final = 1.0  # of a centre that a person or a detector marks, besides its share of the diameter
CENTRE_SHARE: Final = 0.15
FAR_TAIL: Final = 0.02  # share of true pairs whose distance the error model does not foresee
FAR_TAIL_MM: Final = 6.0
FURTHEST_MM: Final = 15.0  # never a pair beyond this
LOG_SIZE_SPREAD: Final = 0.5  # of ln(diameter ratio) between two dates of one nodule
LOG_SIZE_SPREAD_OTHERS: Final = 0.8  # of two unrelated findings
CHANGED_ATTENUATION: Final[dict[int, float]] = {
    0: 0.90,
    1: 0.09,
    2: 0.01,
}  # by steps between ground glass, part-solid and solid
UNRELATED_ATTENUATION: Final[dict[int, float]] = {0: 0.60, 1: 0.28, 2: 0.12}
OTHERS_PER_MM3: Final = 4.0 / 4.0e6  # unrelated findings: a few in the four litres of two lungs
STAYS: Final = 0.85  # a finding is seen again
SURE: Final = 0.9

ATTENUATIONS: Final = ("ground_glass", "part_solid", "solid")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found on one scan.

    Parameters
    ----------
    lps_mm
        Centre, order x, y, z.
    diameter_mm
        Mean diameter; ``None`` when it was not measured.
    attenuation
        ``"solid"``, ``"part_solid"`` or ``"ground_glass"``; ``None`` when unknown.
    """

    lps_mm: tuple[float, float, float]
    diameter_mm: float | None = None
    attenuation: str | None = None

    def __post_init__(self) -> None:
        if self.diameter_mm is not None and not self.diameter_mm > 0:
            raise ValueError(f"no such diameter: {self.diameter_mm} mm")
        if self.attenuation is not None and self.attenuation not in ATTENUATIONS:
            raise ValueError(f"no such attenuation: {self.attenuation}")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two findings that may be one nodule.

    Parameters
    ----------
    prior, current
        Positions in the lists that were given.
    distance_mm
        Between the carried prior centre and the current one.
    residual_mm
        Expected error of the registration there (1 sigma).
    probability
        That these two are one nodule, given every other way to explain both.
    rivals
        Positions in the current list of other findings that the prior one could be, the likeliest first.
    """

    prior: int
    current: int
    distance_mm: float
    residual_mm: float
    probability: float
    rivals: tuple[int, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether the pair may be taken without a second look."""
        return self.probability >= SURE


@dataclass(frozen=True, slots=True)
class Matching:
    """All findings of both scans, each in exactly one place.

    Parameters
    ----------
    pairs
        Likelier than not, ordered by position in the prior list; those that are not ``sure`` need a person.
    only_prior, only_current
        Positions of findings without a counterpart.
    not_carried
        Positions of prior findings that the registration does not reach; nothing is said about them.
    """

    pairs: tuple[Pair, ...]
    only_prior: tuple[int, ...]
    only_current: tuple[int, ...]
    not_carried: tuple[int, ...]

    @property
    def ambiguous(self) -> tuple[Pair, ...]:
        """Pairs that a person has to decide."""
        return tuple(pair for pair in self.pairs if not pair.sure)


def match_findings(prior: Sequence[Finding], current: Sequence[Finding], registration: Registration) -> Matching:
    """Pair the findings of two scans.

    Parameters
    ----------
    prior, current
        Findings of each scan, in its own patient coordinates.
    registration
        Of the two scans.

    Returns
    -------
    Matching
        Each finding in one pair, or alone on its scan, or not carried.
    """
    places = np.array([finding.lps_mm for finding in prior], dtype=np.float64).reshape(-1, 3)
    carried = registration.current_from_prior(places)
    residuals_mm = registration.residual_mm(places)
    reached = [i for i in range(len(prior)) if np.isfinite(carried[i]).all()]
    odds = np.zeros((len(reached), len(current)))
    distances_mm = np.full_like(odds, np.inf)
    for row, i in enumerate(reached):
        for column, finding in enumerate(current):
            distances_mm[row, column] = math.dist(carried[i], finding.lps_mm)
            odds[row, column] = _odds(prior[i], finding, float(distances_mm[row, column]), float(residuals_mm[i]))
    pairs = [
        Pair(
            prior=reached[row],
            current=int(column),
            distance_mm=float(distances_mm[row, column]),
            residual_mm=float(residuals_mm[reached[row]]),
            probability=_probability(odds, row, int(column)),
            rivals=_rivals(odds, row, int(column)),
        )
        for row, column in _best_assignment(odds)
    ]
    taken_prior, taken_current = {pair.prior for pair in pairs}, {pair.current for pair in pairs}
    return Matching(
        pairs=tuple(pairs),
        only_prior=tuple(i for i in reached if i not in taken_prior),
        only_current=tuple(j for j in range(len(current)) if j not in taken_current),
        not_carried=tuple(i for i in range(len(prior)) if i not in reached),
    )


def _odds(prior: Finding, current: Finding, distance_mm: float, residual_mm: float) -> float:
    """How many times likelier the two findings are under "one nodule" than under "two unrelated ones"."""
    if distance_mm > FURTHEST_MM:
        return 0.0
    sigma2 = residual_mm**2 + sum(_centre_error_mm(finding) ** 2 for finding in (prior, current))
    near = _density_per_mm3(distance_mm, sigma2 / 3)  # residuals are lengths, a density wants the spread of one axis
    far = _density_per_mm3(distance_mm, FAR_TAIL_MM**2 / 3)
    return (
        STAYS
        * ((1 - FAR_TAIL) * near + FAR_TAIL * far)
        / OTHERS_PER_MM3
        * _size_odds(prior.diameter_mm, current.diameter_mm)
        * _attenuation_odds(prior.attenuation, current.attenuation)
    )


def _centre_error_mm(finding: Finding) -> float:
    """How far a marked centre may lie from the true one."""
    return math.hypot(CENTRE_ERROR_MM, CENTRE_SHARE * (finding.diameter_mm or 0.0))


def _density_per_mm3(distance_mm: float, variance_mm2: float) -> float:
    """Normal density in space at a distance from its centre."""
    return math.exp(-(distance_mm**2) / (2 * variance_mm2)) / math.pow(2 * math.pi * variance_mm2, 1.5)


def _size_odds(prior_mm: float | None, current_mm: float | None) -> float:
    """Evidence of the two diameters; none when one is unknown."""
    if prior_mm is None or current_mm is None:
        return 1.0
    change = math.log(current_mm) - math.log(prior_mm)
    same = math.exp(-((change / LOG_SIZE_SPREAD) ** 2) / 2) / LOG_SIZE_SPREAD
    others = math.exp(-((change / LOG_SIZE_SPREAD_OTHERS) ** 2) / 2) / LOG_SIZE_SPREAD_OTHERS
    return same / others


def _attenuation_odds(prior: str | None, current: str | None) -> float:
    """Evidence of the two attenuations; none when one is unknown."""
    if prior is None or current is None:
        return 1.0
    steps = abs(ATTENUATIONS.index(prior) - ATTENUATIONS.index(current))
    return CHANGED_ATTENUATION[steps] / UNRELATED_ATTENUATION[steps]


def _best_assignment(odds: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows and columns of the pairs that together are likeliest; a finding may stay alone at odds of 1."""
    if not odds.size:
        return []
    gain = np.log(np.maximum(odds, 1e-30))
    rows, columns = gain.shape
    alone = np.zeros((rows, rows))  # one column of its own for every row: to stay alone gains nothing
    chosen_rows, chosen_columns = linear_sum_assignment(np.hstack([gain, alone]), maximize=True)
    pairs = zip(chosen_rows.tolist(), chosen_columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if column < columns and odds[row, column] > 1]


def _probability(odds: NDArray[np.float64], row: int, column: int) -> float:
    """Probability of one pair among all pairs that use either of its findings, and both staying alone."""
    rivals = odds[row].sum() + odds[:, column].sum() - odds[row, column]
    return float(odds[row, column] / (1.0 + rivals))


def _rivals(odds: NDArray[np.float64], row: int, chosen: int) -> tuple[int, ...]:
    """Other columns that a row could belong to with a tenth of the chosen odds or more."""
    order = np.argsort(-odds[row], kind="stable").tolist()
    return tuple(j for j in order if j != chosen and odds[row, j] > max(1.0, 0.1 * odds[row, chosen]))
