"""All asked nodules on both scans: where each is, whether it is the same, and what became of it.

Every nodule is measured where it was asked and what stands near its place on the other scan as well (``sightings``);
then all blobs of both scans are paired in one go (``registration.match``), so that no blob is two nodules. Where
another blob or nodule could be the partner, both are named and no change is claimed. The words are those of ``words``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from inference.absence import KEPT_CONFIDENCE, Alone, Obscuring, explain_absence
from inference.comparability import Comparability
from inference.errors import NotMeasured, PointOutsideScan
from inference.growth import METHOD_TOGETHER as GROWTH_TOGETHER
from inference.growth import Growth, growth
from inference.joint import METHOD_TOGETHER, measure_together
from inference.measure import NoduleMeasurement
from inference.neighbourhood import Floats
from inference.repeatability import OTHER_KIND_ERROR
from inference.sightings import Asked, Carried, Point, Scan, Side, Sighting, Sightings, covers, look, other_side
from inference.togetherness import Joined, joined_nodules
from inference.words import ComparisonWord, change_word
from registration.match import Matching, Pair, match_findings
from registration.transform import Registration

CLOSE_CALL: Final = 0.2  # a partner this probable, though not taken, forbids to say that there is none


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FollowedNodule:
    """One nodule on both scans.

    Parameters
    ----------
    prior_lps_mm, current_lps_mm
        Centre of the nodule, or the place where it would be; None where the map does not reach.
    comparison, change
        What became of it; the change of size of a nodule on both scans, also where the word says something else.
    confidence
        0 to 1: of the match where both are present, of the absence where one is not.
    residual_mm
        Distance between the carried place and the blob; the map's expected error where there is no blob; None where
        the map does not reach.
    ambiguous
        Another blob, or another nodule, could be the partner; ``rivals`` and ``rival_places_lps_mm`` name them.
    rivals
        Other asked nodules, by number, that could be meant, lie in the same blob, or are one with this nodule.
    rival_places_lps_mm
        Centres of other blobs on the other scan that it could be.
    same_as
        Asked nodules, by number, that are this one: asked twice, or on either scan.
    obscured_by
        With the word ``"obscured"``.
    prior, current
        The measurement, or why there is none; None where the nodule is absent or the place outside the field.
    growth
        None unless both are measured, the pair is clear, and a growth rate is allowed.
    """

    asked_lps_mm: Point
    asked_on: Side
    prior_lps_mm: Point | None
    current_lps_mm: Point | None
    comparison: ComparisonWord
    confidence: float
    residual_mm: float | None
    ambiguous: bool
    prior: NoduleMeasurement | NotMeasured | None
    current: NoduleMeasurement | NotMeasured | None
    growth: Growth | None
    change: ComparisonWord | None = None
    rivals: tuple[int, ...] = ()
    rival_places_lps_mm: tuple[Point, ...] = ()
    same_as: tuple[int, ...] = ()
    obscured_by: Obscuring | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """All that the words are made of."""

    scans: dict[Side, Scan]
    registration: Registration
    seen: Sightings
    matching: Matching
    joined: dict[int, Joined]
    interval_days: int | None
    comparability: Comparability | None


def follow_nodules(
    prior: Scan,
    current: Scan,
    registration: Registration,
    asked: Sequence[Asked],
    *,
    interval_days: int | None = None,
    comparability: Comparability | None = None,
) -> tuple[FollowedNodule, ...]:
    """Find nodules on both scans, measure them on both, and say what became of each.

    Parameters
    ----------
    asked
        A point inside each nodule on one of the scans.
    interval_days
        By acquisition dates; without it there is no growth rate, the words remain.
    comparability
        Its extra error widens the ratio's interval; grade D gives no growth rate.

    Returns
    -------
    One for each asked nodule, in their order. Never raises for a nodule that cannot be measured: the refusal stands in
    its place.
    """
    seen = look(prior, current, registration, asked)
    return pair_up(prior, current, registration, seen, interval_days=interval_days, comparability=comparability)


def follow_nodule(
    prior: Scan,
    current: Scan,
    registration: Registration,
    asked_lps_mm: ArrayLike,
    *,
    asked_on: Side,
    interval_days: int | None = None,
    comparability: Comparability | None = None,
) -> FollowedNodule:
    """Follow one nodule alone; see :func:`follow_nodules`."""
    x, y, z = (float(v) for v in np.asarray(asked_lps_mm, dtype=np.float64))
    (followed,) = follow_nodules(
        prior,
        current,
        registration,
        [Asked((x, y, z), asked_on)],
        interval_days=interval_days,
        comparability=comparability,
    )
    return followed


def pair_up(
    prior: Scan,
    current: Scan,
    registration: Registration,
    seen: Sightings,
    *,
    interval_days: int | None = None,
    comparability: Comparability | None = None,
) -> tuple[FollowedNodule, ...]:
    """Pair what was seen on both scans and put it into words; the second half of :func:`follow_nodules`."""
    matching = match_findings(
        [one.as_finding() for one in seen.on_prior],
        [one.as_finding() for one in seen.on_current],
        registration,
        settled=seen.settled,
    )
    scans: dict[Side, Scan] = {"prior": prior, "current": current}
    joined = joined_nodules(seen, matching)
    pairing = Pairing(scans, registration, seen, matching, joined, interval_days, comparability)
    return tuple(_followed(number, pairing) for number in range(len(seen.asked)))


def _followed(number: int, pairing: Pairing) -> FollowedNodule:
    seen = pairing.seen
    position, asked = seen.own[number], seen.asked[number]
    if position is None:
        refusal = PointOutsideScan()
        return _told(number, pairing, Sighting(refusal, asked.lps_mm), None, "not-assessable")
    own = seen.on(asked.on)[position]
    if number in pairing.joined:
        return _joined(number, pairing, own, pairing.joined[number])
    pair = _pair_of(pairing.matching, asked.on, position)
    return _absent(number, pairing, own) if pair is None else _present(number, pairing, own, pair)


def _pair_of(matching: Matching, side: Side, position: int) -> Pair | None:
    return next((pair for pair in matching.pairs if getattr(pair, side) == position), None)


def _present(number: int, pairing: Pairing, own: Sighting, pair: Pair) -> FollowedNodule:
    """The nodule has a partner on the other scan; say what has changed, or between whom it is open."""
    seen, side = pairing.seen, pairing.seen.asked[number].on
    there = seen.on(other_side(side))
    partner = there[pair.current if side == "prior" else pair.prior]
    others_there, others_here = (
        (pair.rivals, pair.prior_rivals) if side == "prior" else (pair.prior_rivals, pair.rivals)
    )
    rivals = [there[one] for one in others_there] + [seen.on(side)[one] for one in others_here]
    if not pair.ambiguous:
        own, partner = _drawn_together(own, partner, side, pairing.registration)
    measured = (own.shown, partner.shown) if side == "prior" else (partner.shown, own.shown)
    change = None if pair.ambiguous else _change(measured, pairing)
    without_change: ComparisonWord = "not-assessable" if pair.ambiguous else "present"
    word = change_word(change) if change else without_change
    in_retrospect = change is not None and side == "current" and not partner.asked and _prior_was_read(seen)
    return _told(
        number,
        pairing,
        own,
        partner,
        "seen-in-retrospect" if in_retrospect else word,
        change=word if change else None,
        growth=change if _rate_allowed(pairing) else None,
        confidence=pair.probability,
        residual_mm=pair.distance_mm,
        ambiguous=pair.ambiguous,
        rivals=tuple(sorted({one for rival in rivals for one in rival.asked})),
        rival_places_lps_mm=tuple(there[one].centre_lps_mm for one in others_there),
    )


def _drawn_together(
    own: Sighting, partner: Sighting, side: Side, registration: Registration
) -> tuple[Sighting, Sighting]:
    """Both as measured together, where that can be; their ratio is surer than that of two lone volumes."""
    prior, current = (own.shown, partner.shown) if side == "prior" else (partner.shown, own.shown)
    if not isinstance(prior, NoduleMeasurement) or not isinstance(current, NoduleMeasurement):
        return own, partner
    jacobian = registration.jacobians(prior.centre_lps_mm)[0]
    both = measure_together(prior, current, jacobian) if np.isfinite(jacobian).all() else None
    if both is None:
        return own, partner
    shown = both if side == "prior" else both[::-1]
    return replace(own, shown=shown[0]), replace(partner, shown=shown[1])


def _prior_was_read(seen: Sightings) -> bool:
    """Tell whether the prior scan came with a list of its nodules: then what is missing from it was overlooked."""
    return any(one.on == "prior" for one in seen.asked)


def _change(
    measured: tuple[NoduleMeasurement | NotMeasured, NoduleMeasurement | NotMeasured], pairing: Pairing
) -> Growth | None:
    """Change of volume of a nodule measured on both scans; None where the sizes cannot be compared."""
    prior, current = measured
    if not isinstance(prior, NoduleMeasurement) or not isinstance(current, NoduleMeasurement):
        return None
    graded = pairing.comparability
    if graded is not None and not graded.sizes_comparable:
        return None
    extra = graded.extra_relative_error if graded else 0.0
    if (prior.attenuation == "solid") != (current.attenuation == "solid"):
        extra = math.hypot(extra, OTHER_KIND_ERROR)
    days = pairing.interval_days
    # The word does not depend on the days; without them the rate is not told.
    change = growth(prior.volume_mm3, current.volume_mm3, days if days and days > 0 else 1, extra_relative_error=extra)
    return replace(change, method=GROWTH_TOGETHER) if prior.method == METHOD_TOGETHER else change


def _rate_allowed(pairing: Pairing) -> bool:
    dated = pairing.interval_days is not None and pairing.interval_days > 0
    return dated and (pairing.comparability is None or pairing.comparability.allows_growth)


def _joined(number: int, pairing: Pairing, own: Sighting, joined: Joined) -> FollowedNodule:
    """Two nodules of one scan are one blob of the other: named together, and no change is computed of either."""
    there = pairing.seen.on(other_side(pairing.seen.asked[number].on))
    return _told(
        number,
        pairing,
        own,
        there[joined.parts[0]],
        joined.word,
        confidence=joined.confidence,
        residual_mm=joined.away_mm,
        rivals=joined.with_asked,
        rival_places_lps_mm=tuple(there[part].centre_lps_mm for part in joined.parts[1:]),
    )


def _absent(number: int, pairing: Pairing, own: Sighting) -> FollowedNodule:
    """The nodule has no partner among what was measured; say what its place shows."""
    seen = pairing.seen
    side, carried, position = seen.asked[number].on, seen.carried[number], seen.own[number]
    if carried is None or position is None:
        raise ValueError(f"asked nodule {number} was not seen on its own scan")
    gone: ComparisonWord = "resolved" if side == "prior" else "new"
    told = explain_absence(
        pairing.scans[side],
        pairing.scans[other_side(side)],
        Alone(seen.asked[number].lps_mm, own.shown, carried, seen.refusals[number]),
        gone,
    )
    chances = pairing.matching.chances[position] if side == "prior" else pairing.matching.chances[:, position]
    likeliest = float(chances.max(initial=0.0))
    there = seen.on(other_side(side))
    near = tuple(int(one) for one in np.flatnonzero(chances >= CLOSE_CALL))
    known = told.word in ("resolved", "new", "obscured")
    # What is bright because another nodule lies there says nothing of this one.
    of_another = told.there is not None and any(covers(one, np.asarray(told.there.centre_lps_mm)) for one in there)
    open_still = of_another or (bool(near) and (known or told.there is not None))
    still_there = None if open_still else told.there
    return _told(
        number,
        pairing,
        own,
        still_there,
        "not-assessable" if open_still else told.word,
        confidence=KEPT_CONFIDENCE if still_there else 1.0 - likeliest if known else 0.0,
        ambiguous=bool(near),
        rivals=tuple(sorted({asked for one in near for asked in there[one].asked})),
        rival_places_lps_mm=tuple(there[one].centre_lps_mm for one in near),
        obscured_by=None if open_still else told.obscured_by,
    )


def _told(  # noqa: PLR0913 - one record from parts that differ by what became of the nodule
    number: int,
    pairing: Pairing,
    own: Sighting,
    partner: Sighting | None,
    word: ComparisonWord,
    *,
    change: ComparisonWord | None = None,
    growth: Growth | None = None,
    confidence: float = 0.0,
    residual_mm: float | None = None,
    ambiguous: bool = False,
    rivals: tuple[int, ...] = (),
    rival_places_lps_mm: tuple[Point, ...] = (),
    obscured_by: Obscuring | None = None,
) -> FollowedNodule:
    seen, asked = pairing.seen, pairing.seen.asked[number]
    carried = seen.carried[number]
    place = _place_there(partner, carried)
    if residual_mm is None and carried is not None and np.isfinite(carried.residual_mm):
        residual_mm = carried.residual_mm
    points = (own.centre_lps_mm, place) if asked.on == "prior" else (place, own.centre_lps_mm)
    sides = (own.shown, partner.shown if partner else None)
    prior, current = sides if asked.on == "prior" else sides[::-1]
    same = {*own.asked, *(partner.asked if partner and not ambiguous and number not in pairing.joined else ())}
    same.discard(number)
    return FollowedNodule(
        asked_lps_mm=asked.lps_mm,
        asked_on=asked.on,
        prior_lps_mm=points[0],
        current_lps_mm=points[1],
        comparison=word,
        confidence=confidence,
        residual_mm=residual_mm,
        ambiguous=ambiguous,
        prior=prior,
        current=current,
        growth=growth,
        change=change,
        rivals=tuple(one for one in rivals if one != number),
        rival_places_lps_mm=rival_places_lps_mm,
        same_as=tuple(sorted(same)),
        obscured_by=obscured_by,
    )


def _place_there(partner: Sighting | None, carried: Carried | None) -> Point | None:
    """Centre of the partner; without one where the map puts the nodule."""
    if partner is not None:
        return partner.centre_lps_mm
    if carried is None or not np.isfinite(carried.place_lps_mm).all():
        return None
    return _point(carried.place_lps_mm)


def _point(lps_mm: Floats) -> Point:
    x, y, z = (float(v) for v in lps_mm)
    return x, y, z
