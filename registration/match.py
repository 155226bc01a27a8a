"""Which finding of the prior scan is which finding of the current one: one to one, with a probability, or said open.

For each pair the evidence is the distance after registration held against the error expected there, the change of
size, of attenuation and of shape, weighed against the chance that an unrelated finding lies as near. Pairs are chosen
together, so that no finding is used twice, and the probability of each is summed over every way to pair all findings
of its neighbourhood. A pair whose probability is not clear is reported as ambiguous, with its rivals; nobody guesses.
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
LOG_SIZE_SPREAD: Final = 0.4  # of ln(diameter ratio) between two dates of one nodule
LOG_SIZE_SPREAD_OTHERS: Final = 0.8  # of two unrelated findings
MEAN_HU_SPREAD: Final = 150.0  # of one nodule between two dates
MEAN_HU_SPREAD_OTHERS: Final = 300.0
LOG_SLENDERNESS_SPREAD: Final = 0.2
LOG_SLENDERNESS_SPREAD_OTHERS: Final = 0.35
CHANGED_ATTENUATION: Final[dict[int, float]] = {
    0: 0.90,
    1: 0.09,
    2: 0.01,
}  # by steps between ground glass, part-solid and solid
UNRELATED_ATTENUATION: Final[dict[int, float]] = {0: 0.60, 1: 0.28, 2: 0.12}
OTHERS_PER_MM3: Final = 4.0 / 4.0e6  # unrelated nodules: a few in the four litres of two lungs
CLUTTER_PER_MM3: Final = (
    1.0e-4  # what a program sees near a place: branchings and bends of vessels every two centimetres
)
AT_WILL: Final = 0.05  # share of nodules whose size, density or shape changes so much that it tells nothing
STAYS: Final = 0.85  # a finding is seen again
SURE: Final = 0.97
RIVAL: Final = 0.02  # a partner this probable, beside the chosen one, has to be named
MOST_EXACT: Final = 6  # findings of one neighbourhood up to which every way to pair them is summed

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
    mean_hu
        Over the whole of it.
    slenderness
        Long axis over short axis.
    clutter
        Seen by a program while it looked for another finding: it may be anything.
    """

    lps_mm: tuple[float, float, float]
    diameter_mm: float | None = None
    attenuation: str | None = None
    mean_hu: float | None = None
    slenderness: float | None = None
    clutter: bool = False

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
    rivals, prior_rivals
        Positions of other current findings that the prior one could be, and of other prior findings that the current
        one could be, the likeliest first.
    """

    prior: int
    current: int
    distance_mm: float
    residual_mm: float
    probability: float
    rivals: tuple[int, ...] = ()
    prior_rivals: tuple[int, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether the pair may be taken without a second look."""
        return self.probability >= SURE

    @property
    def ambiguous(self) -> bool:
        """Whether another finding could take the place of one of the two."""
        return not self.sure and bool(self.rivals or self.prior_rivals)


@dataclass(frozen=True, slots=True, eq=False)
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
    chances : (prior, current)
        Probability of every possible pair, chosen or not.
    """

    pairs: tuple[Pair, ...]
    only_prior: tuple[int, ...]
    only_current: tuple[int, ...]
    not_carried: tuple[int, ...]
    chances: NDArray[np.float64]

    @property
    def ambiguous(self) -> tuple[Pair, ...]:
        """Pairs that a person has to decide, because another finding could be one of the two."""
        return tuple(pair for pair in self.pairs if pair.ambiguous)


def match_findings(
    prior: Sequence[Finding],
    current: Sequence[Finding],
    registration: Registration,
    *,
    settled: Sequence[tuple[int, int]] = (),
) -> Matching:
    """Pair the findings of two scans.

    Parameters
    ----------
    prior, current
        Findings of each scan, in its own patient coordinates.
    registration
        Of the two scans.
    settled
        Positions of pairs that a person has confirmed: nothing else is paired with either.

    Returns
    -------
    Matching
        Each finding in one pair, or alone on its scan, or not carried.
    """
    places = np.array([finding.lps_mm for finding in prior], dtype=np.float64).reshape(-1, 3)
    carried_lps_mm, residuals_mm = registration.current_from_prior(places), registration.residual_mm(places)
    return match_carried(prior, current, carried_lps_mm, residuals_mm, settled=settled)


def match_carried(
    prior: Sequence[Finding],
    current: Sequence[Finding],
    carried_lps_mm: NDArray[np.float64],
    residuals_mm: NDArray[np.float64],
    *,
    settled: Sequence[tuple[int, int]] = (),
) -> Matching:
    """Pair findings whose places are carried already; see :func:`match_findings`.

    Parameters
    ----------
    carried_lps_mm : (prior, 3)
        Places of the prior findings on the current scan; NaN where the map does not reach.
    residuals_mm : (prior,)
        Expected error of each (1 sigma).
    """
    distances_mm = np.full((len(prior), len(current)), np.inf)
    odds = np.zeros_like(distances_mm)
    for i in range(len(prior)):
        for j, finding in enumerate(current):
            distances_mm[i, j] = math.dist(carried_lps_mm[i], finding.lps_mm)
            if np.isfinite(distances_mm[i, j]):
                odds[i, j] = _odds(prior[i], finding, float(distances_mm[i, j]), float(residuals_mm[i]))
    return _matching(odds, distances_mm, residuals_mm, settled)


def _matching(
    odds: NDArray[np.float64],
    distances_mm: NDArray[np.float64],
    residuals_mm: NDArray[np.float64],
    settled: Sequence[tuple[int, int]],
) -> Matching:
    """Choose pairs from the odds (prior, current) of each, and say how probable they are."""
    for i, j in settled:
        odds[i], odds[:, j] = 0.0, 0.0
    chances = pair_probabilities(odds)
    pairs = [
        Pair(
            prior=i,
            current=j,
            distance_mm=float(distances_mm[i, j]),
            residual_mm=float(residuals_mm[i]),
            probability=float(chances[i, j]),
            rivals=_rivals(chances[i], j),
            prior_rivals=_rivals(chances[:, j], i),
        )
        for i, j in _best_assignment(odds)
    ]
    pairs += [Pair(i, j, float(distances_mm[i, j]), float(residuals_mm[i]), 1.0) for i, j in settled]
    taken_prior, taken_current = {pair.prior for pair in pairs}, {pair.current for pair in pairs}
    reached = np.isfinite(residuals_mm)
    return Matching(
        pairs=tuple(sorted(pairs, key=lambda pair: pair.prior)),
        only_prior=tuple(i for i in range(len(odds)) if reached[i] and i not in taken_prior),
        only_current=tuple(j for j in range(odds.shape[1]) if j not in taken_current),
        not_carried=tuple(i for i in range(len(odds)) if not reached[i] and i not in taken_prior),
        chances=chances,
    )


def _odds(prior: Finding, current: Finding, distance_mm: float, residual_mm: float) -> float:
    """How many times likelier the two findings are under "one nodule" than under "two unrelated ones"."""
    if distance_mm > FURTHEST_MM:
        return 0.0
    sigma2 = residual_mm**2 + sum(_centre_error_mm(finding) ** 2 for finding in (prior, current))
    near = _density_per_mm3(distance_mm, sigma2 / 3)  # residuals are lengths, a density wants the spread of one axis
    far = _density_per_mm3(distance_mm, FAR_TAIL_MM**2 / 3)
    unmeasured = prior.mean_hu is None or current.mean_hu is None
    others = CLUTTER_PER_MM3 if prior.clutter or current.clutter else OTHERS_PER_MM3
    return (
        STAYS
        * ((1 - FAR_TAIL) * near + FAR_TAIL * far)
        / others
        * _change_odds(_log(prior.diameter_mm), _log(current.diameter_mm), LOG_SIZE_SPREAD, LOG_SIZE_SPREAD_OTHERS)
        * _change_odds(prior.mean_hu, current.mean_hu, MEAN_HU_SPREAD, MEAN_HU_SPREAD_OTHERS)
        * _change_odds(
            _log(prior.slenderness),
            _log(current.slenderness),
            LOG_SLENDERNESS_SPREAD,
            LOG_SLENDERNESS_SPREAD_OTHERS,
        )
        * (_attenuation_odds(prior.attenuation, current.attenuation) if unmeasured else 1.0)  # else the same twice
    )


def _centre_error_mm(finding: Finding) -> float:
    """How far a marked centre may lie from the true one."""
    return math.hypot(CENTRE_ERROR_MM, CENTRE_SHARE * (finding.diameter_mm or 0.0))


def _density_per_mm3(distance_mm: float, variance_mm2: float) -> float:
    """Normal density in space at a distance from its centre."""
    return math.exp(-(distance_mm**2) / (2 * variance_mm2)) / math.pow(2 * math.pi * variance_mm2, 1.5)


def _log(value: float | None) -> float | None:
    return None if value is None else math.log(value)


def _change_odds(prior: float | None, current: float | None, spread: float, spread_others: float) -> float:
    """Evidence of two values, normal about no change but for a few that change as they please; none of an unknown."""
    if prior is None or current is None:
        return 1.0
    change = current - prior
    usual = math.exp(((change / spread_others) ** 2 - (change / spread) ** 2) / 2) * spread_others / spread
    return (1 - AT_WILL) * usual + AT_WILL


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


def pair_probabilities(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each pair, (prior, current), over all ways to pair the findings one to one or leave them alone.

    Parameters
    ----------
    odds : (prior, current)
        Of each pair against both findings being unrelated; a way to pair is as likely as the product of its odds.

    Returns
    -------
    (prior, current)
        Exact where up to six findings compete; in larger crowds a lower bound, as if all pairs of a row and of a
        column excluded each other and nothing else did.
    """
    chances = np.zeros_like(odds)
    for rows, columns in _neighbourhoods(odds):
        block = odds[np.ix_(rows, columns)]
        if max(block.shape) <= MOST_EXACT:
            chances[np.ix_(rows, columns)] = _exact(block)
        else:
            against = block.sum(axis=1, keepdims=True) + block.sum(axis=0, keepdims=True) - block
            chances[np.ix_(rows, columns)] = block / (1.0 + against)
    return chances


def _neighbourhoods(odds: NDArray[np.float64]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that are linked by possible pairs."""
    rows, columns = odds.shape
    label = np.arange(rows + columns)
    for i, j in np.argwhere(odds > 0).tolist():
        label[label == label[rows + j]] = label[i]
    found = []
    for one in np.unique(label):
        members = np.flatnonzero(label == one)
        here, there = members[members < rows].tolist(), (members[members >= rows] - rows).tolist()
        if here and there:
            found.append((here, there))
    return found


def _exact(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = _all_ways(odds)
    chances = np.zeros_like(odds)
    for i, j in np.argwhere(odds > 0).tolist():
        without = np.delete(np.delete(odds, i, axis=0), j, axis=1)
        chances[i, j] = odds[i, j] * _all_ways(without) / whole
    return chances


def _all_ways(odds: NDArray[np.float64]) -> float:
    """Sum over all one-to-one pairings of the products of their odds, the empty one included."""
    columns = odds.shape[1]
    by_used = np.zeros(1 << columns)  # sum over the rows so far, by the set of columns that they use
    by_used[0] = 1.0
    for row in odds:
        grown = by_used.copy()
        for j in np.flatnonzero(row > 0).tolist():
            free = np.flatnonzero((np.arange(1 << columns) >> j) & 1 == 0)
            grown[free | (1 << j)] += by_used[free] * row[j]
        by_used = grown
    return float(by_used.sum())


def _rivals(chances: NDArray[np.float64], chosen: int) -> tuple[int, ...]:
    """Other positions that are probable enough to be named."""
    order = np.argsort(-chances, kind="stable").tolist()
    return tuple(j for j in order if j != chosen and chances[j] >= RIVAL)
