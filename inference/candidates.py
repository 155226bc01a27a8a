"""What may be a nodule: round bright spots of the lungs, without a network.

A blob filter at several sizes proposes some thousand spots; rays at full resolution see how large and round each is and
on what it hangs. One weighted sum of thirteen of these figures says how like a nodule it is. All this is done twice,
as the scan is and with all that is brighter than ground glass made as dim as that: a vessel then no longer outshines
the ground glass that it runs through. What both scans of a pair propose is held against each other: what is new, gone
or grown comes first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from scipy.spatial import cKDTree

from inference.blobs import find_spots
from inference.candidate_lungs import without_pockets
from inference.candidate_rays import look_around
from inference.candidate_score import FAINT, PLAIN, Look, is_possible, likeness
from inference.neighbourhood import Floats
from inference.surroundings import is_clear_lung, is_in_field
from registration.lungs import Lungs
from registration.match import Finding, match_findings
from registration.pyramid import Frame
from registration.transform import Registration
from registration.volume import Volume

Change = Literal["new", "gone", "grown", "same"]

METHOD: Final = "blobs, rays and the other scan"
VERSION: Final = "4"

APART_MM: Final = 4.0
LIMIT: Final = 30
LEAST_SCORE: Final = 0.4  # leaves about eight false ones a scan, see docs/benchmarks.md
GROWN_RATIO: Final = 1.25  # of diameters; they are rough, half a millimetre either way
GROWN_MM: Final = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A spot that may be a nodule.

    Parameters
    ----------
    score
        0 to 1; only its order means something: higher is more like a nodule.
    change
        Against the other scan: ``"new"`` or ``"gone"`` where that one shows clear lung, ``"grown"`` or ``"same"``
        where it shows a spot too. None when it was not looked at or cannot be told.
    there_lps_mm, there_diameter_mm
        On the other scan: centre and size of the spot; without one the place where the map puts it, and no size.
        None where the map does not reach.
    """

    lps_mm: tuple[float, float, float]
    diameter_mm: float
    contrast_hu: float
    score: float
    change: Change | None = None
    there_lps_mm: tuple[float, float, float] | None = None
    there_diameter_mm: float | None = None


def find_candidates(
    volume: Volume, lungs: Lungs, *, limit: int = LIMIT, least_score: float = LEAST_SCORE
) -> tuple[Candidate, ...]:
    """Propose nodules of about 4 to 20 mm.

    Parameters
    ----------
    lungs
        Of this scan.
    limit
        How many to give at most.
    least_score
        What is less like a nodule is left out; 0 gives everything that was looked at.

    Returns
    -------
    Candidates, best first.
    """
    frame, lungs = Frame.of(volume), without_pockets(lungs)
    plain, faint = (_looked(volume, lungs, frame, look) for look in (PLAIN, FAINT))
    chosen: list[Candidate] = []
    reach_mm: list[float] = []
    for one in sorted([*plain, *_as_plainly_seen(faint, plain)], key=lambda one: -one.score):
        if len(chosen) == limit or one.score < least_score:
            break
        if all(math.dist(one.lps_mm, other.lps_mm) >= reach for other, reach in zip(chosen, reach_mm, strict=True)):
            chosen.append(one)
            reach_mm.append(max(APART_MM, one.diameter_mm / 2))
    return tuple(chosen)


def _looked(volume: Volume, lungs: Lungs, frame: Frame, look: Look) -> list[Candidate]:
    """Every spot that one look finds possible."""
    spots = find_spots(volume, frame, lungs, highest_hu=look.window_top_hu, scales_mm=look.scales_mm)
    seen = look_around(volume, lungs, frame, spots.points_mm, highest_hu=look.highest_hu)
    scores, places = likeness(spots, seen, look), frame.to_lps(seen.middle_mm)
    columns = (places, 2 * seen.radius_mm, seen.contrast_hu, scores)
    possible = np.flatnonzero(is_possible(seen))
    return [
        Candidate((x, y, z), diameter_mm, contrast_hu, score)
        for (x, y, z), diameter_mm, contrast_hu, score in zip(
            *(column[possible].tolist() for column in columns), strict=True
        )
    ]


def _as_plainly_seen(faint: Sequence[Candidate], plain: Sequence[Candidate]) -> list[Candidate]:
    """What the faint look found, described as the plain one sees it wherever that too holds it for a nodule.

    Where all that is bright counts as ground glass, a solid nodule has no contrast of its own, and is too large.
    """
    likely = [one for one in plain if one.score >= LEAST_SCORE]
    if not likely or not faint:
        return list(faint)
    away_mm, nearest = cKDTree([one.lps_mm for one in likely]).query([one.lps_mm for one in faint])
    return [
        replace(likely[number], score=one.score) if away <= max(APART_MM, likely[number].diameter_mm / 2) else one
        for one, away, number in zip(faint, away_mm.tolist(), nearest.tolist(), strict=True)
    ]


def held_against_each_other(
    prior: Sequence[Candidate],
    current: Sequence[Candidate],
    volumes: tuple[Volume, Volume],
    lungs: tuple[Lungs, Lungs],
    registration: Registration,
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Note what became of each candidate of a pair, and put first what is new, gone or grown.

    What the other scan proposes near the place is its partner; else the place itself is looked at: clear lung, or a
    spot that was not like enough to a nodule to be proposed there.

    Parameters
    ----------
    prior, current
        Candidates of each scan.
    volumes, lungs
        The prior and the current scan, and the lungs of each.
    registration
        Of the two scans.

    Returns
    -------
    The candidates of the prior and of the current scan: gone or new ones first, then grown ones, then the rest, each
    by score.
    """
    whole = without_pockets(lungs[0]), without_pockets(lungs[1])
    paired = match_findings([_finding(one) for one in prior], [_finding(one) for one in current], registration).pairs
    partner_of_prior = {pair.prior: current[pair.current] for pair in paired}
    partner_of_current = {pair.current: prior[pair.prior] for pair in paired}
    there = registration.current_from_prior(np.array([one.lps_mm for one in prior]).reshape(-1, 3))
    before = registration.prior_from_current(np.array([one.lps_mm for one in current]).reshape(-1, 3))
    gone = [
        _compared(one, partner_of_prior.get(number), _Elsewhere(volumes[1], whole[1], there[number], "gone"))
        for number, one in enumerate(prior)
    ]
    new = [
        _compared(one, partner_of_current.get(number), _Elsewhere(volumes[0], whole[0], before[number], "new"))
        for number, one in enumerate(current)
    ]
    return _noteworthy_first(gone), _noteworthy_first(new)


@dataclass(frozen=True, slots=True, eq=False)
class _Elsewhere:
    """The place of a candidate on the other scan; ``alone`` is what clear lung there means."""

    volume: Volume
    lungs: Lungs
    place_lps_mm: Floats
    alone: Literal["new", "gone"]


def _compared(one: Candidate, partner: Candidate | None, there: _Elsewhere) -> Candidate:
    """The candidate with what the other scan shows."""
    if partner is not None:
        return _beside(one, partner.lps_mm, partner.diameter_mm, there.alone)
    if not np.isfinite(there.place_lps_mm).all():
        return one
    x, y, z = (float(v) for v in there.place_lps_mm)
    placed = replace(one, there_lps_mm=(x, y, z))
    if not is_in_field(there.volume, there.place_lps_mm):
        return placed
    if is_clear_lung(there.volume, there.place_lps_mm, diameter_mm=one.diameter_mm, contrast_hu=one.contrast_hu):
        return replace(placed, change=there.alone)
    spot = _spot_at(there, one.diameter_mm)
    return _beside(one, *spot, there.alone) if spot else placed


def _spot_at(there: _Elsewhere, diameter_mm: float) -> tuple[tuple[float, float, float], float] | None:
    """Centre and diameter of the spot at a place, as the rays see it; None where there is none near enough."""
    frame = Frame.of(there.volume)
    seen = look_around(there.volume, there.lungs, frame, frame.from_lps(there.place_lps_mm[None]))
    if not is_possible(seen)[0]:
        return None
    x, y, z = (float(v) for v in frame.to_lps(seen.middle_mm)[0])
    near = math.dist((x, y, z), there.place_lps_mm) <= max(APART_MM, diameter_mm / 2)
    return ((x, y, z), 2 * float(seen.radius_mm[0])) if near else None


def _beside(
    one: Candidate, place_lps_mm: tuple[float, float, float], diameter_mm: float, alone: Literal["new", "gone"]
) -> Candidate:
    """The candidate with its partner on the other scan; ``"grown"`` when the later of the two is clearly larger."""
    before_mm, after_mm = (diameter_mm, one.diameter_mm) if alone == "new" else (one.diameter_mm, diameter_mm)
    grown = after_mm - before_mm >= max(GROWN_MM, (GROWN_RATIO - 1) * before_mm)
    change: Change = "grown" if grown else "same"
    return replace(one, change=change, there_lps_mm=place_lps_mm, there_diameter_mm=diameter_mm)


def each_once(
    prior: Sequence[Candidate], current: Sequence[Candidate]
) -> tuple[tuple[Literal["prior", "current"], Candidate], ...]:
    """Put the candidates of a pair, held against each other, into one list for a reader.

    Returns
    -------
    What both scans show stands there once, as the current scan shows it. New, gone and grown ones first, by score.
    """
    told = {one.there_lps_mm for one in current}
    alone: list[tuple[Literal["prior", "current"], Candidate]] = [
        ("prior", one) for one in prior if one.lps_mm not in told
    ]
    both = [*alone, *(("current", one) for one in current)]
    return tuple(sorted(both, key=lambda told: _rank(told[1])))


def _finding(one: Candidate) -> Finding:
    return Finding(one.lps_mm, one.diameter_mm)


def _noteworthy_first(noted: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(noted, key=_rank))


def _rank(one: Candidate) -> tuple[int, float]:
    order: dict[Change | None, int] = {"new": 0, "gone": 0, "grown": 1}
    return order.get(one.change, 2), -one.score
