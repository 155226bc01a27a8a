"""One nodule on both scans: where it is, whether it is the same, and what became of it.

The point is measured where it was asked, its centre carried through the registration, and the nearest blob measured
there in that scan's own voxels. The registration says where to look; the image says what is there. Nothing is called
new or resolved unless the other scan shows clear lung at the place.

Words
-----
*unchanged*: the volume ratio lies within what repeat scans of an unchanged nodule show (25 %, or the 95 % interval
when that is wider). *markedly* larger or smaller: beyond that, and by at least 20 % in diameter (a factor 1.73 in
volume), the step that RECIST 1.1 calls progression (Eisenhauer et al. 2009, Eur J Cancer 45:228). *slightly*:
between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from inference.comparability import Comparability
from inference.errors import NotMeasured, PointOutsideScan, TooSmall
from inference.growth import Growth, growth
from inference.measure import NoduleMeasurement, measure
from inference.neighbourhood import Floats
from inference.noise import ScanNoise
from inference.surroundings import is_clear_lung, is_in_field, summits
from registration.lungs import Lungs
from registration.transform import Registration
from registration.volume import Volume

Side = Literal["prior", "current"]
ComparisonWord = Literal[
    "new",
    "unchanged",
    "larger-slightly",
    "larger-markedly",
    "smaller-slightly",
    "smaller-markedly",
    "resolved",
    "outside-field",
    "not-assessable",
]
Point = tuple[float, float, float]

MARKED_RATIO: Final = 1.2**3
SNAP_MM: Final = 3.0  # a blob nearer than this to the carried place, or half a diameter, may be the nodule
SNAP_DIAMETERS: Final = 0.5
UNKNOWN_DIAMETER_MM: Final = 6.0  # of a nodule that could not be measured where it was asked
OTHER_BORDER_ERROR: Final = 0.2  # solid on one date, subsolid on the other: a halo counted once may not count twice
MOST_JOINED: Final = 0.3  # share of the surface; beyond, the blob is a branching vessel
STILL_THERE: Final = 0.6  # of the diameter: a dot too small to measure but this large may be what is left
SURE_RESIDUAL_MM: Final = 2.0  # or half a diameter: beyond, "nothing there" cannot be said
SAME_MM: Final = 1.5  # two measured centres nearer than this are one blob
WIDER: Final = 1.5  # so much further a second blob is looked for
ALTERNATIVE: Final = 0.5  # of the best one's likeness: a second blob this alike makes the match ambiguous


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scan:
    """A CT with what is known about it; what is not given is measured or done without."""

    volume: Volume
    lungs: Lungs | None = None
    slice_thickness_mm: float | None = None
    noise: ScanNoise | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FollowedNodule:
    """One nodule on both scans.

    Parameters
    ----------
    prior_lps_mm, current_lps_mm
        Centre of the nodule, or the place where it would be; None where the map does not reach.
    confidence
        0 to 1: of the match where both are present, of the absence where one is not.
    residual_mm
        Distance between the carried place and the blob; the map's expected error where there is no blob; None where
        the map does not reach.
    ambiguous
        A second blob near the place is nearly as alike.
    prior, current
        The measurement, or why there is none; None where the nodule is absent or the place outside the field.
    growth
        None unless both are measured and a growth rate is allowed.
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


@dataclass(frozen=True, slots=True, eq=False)
class _Carried:
    """The asked nodule's place on the other scan."""

    place_lps_mm: Floats
    rough_lps_mm: Floats
    residual_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class _Counterpart:
    """What the other scan shows: a measurement, a refusal, or nothing."""

    found: NoduleMeasurement | NotMeasured | None
    likeness: float = 0.0
    away_mm: float = 0.0
    ambiguous: bool = False


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
    """Find one nodule on both scans, measure it on both, and say what became of it.

    Parameters
    ----------
    asked_lps_mm : (3,)
        A point inside the nodule on the scan ``asked_on``.
    interval_days
        By acquisition dates; without it there is no growth rate, the words remain.
    comparability
        Its extra error widens the ratio's interval; grade D gives no growth rate.

    Returns
    -------
    FollowedNodule
        Never raises for a nodule that cannot be measured: the refusal stands in its place.
    """
    here, there = (prior, current) if asked_on == "prior" else (current, prior)
    asked = np.asarray(asked_lps_mm, dtype=np.float64)
    start = _measure_or_refusal(here, asked)
    if isinstance(start, PointOutsideScan):
        return _followed(asked, asked_on, start, None, None, "not-assessable")
    centre = np.asarray(start.centre_lps_mm) if isinstance(start, NoduleMeasurement) else asked
    carried = _carry(registration, centre, asked_on)
    if not np.isfinite(carried.place_lps_mm).all():
        word: ComparisonWord = "not-assessable" if is_in_field(there.volume, carried.rough_lps_mm) else "outside-field"
        return _followed(asked, asked_on, start, None, None, word)
    if not is_in_field(there.volume, carried.place_lps_mm):
        return _followed(asked, asked_on, start, carried, None, "outside-field")
    other = _counterpart(there, carried, start)
    result = _followed(asked, asked_on, start, carried, other, "not-assessable")
    if isinstance(result.prior, NoduleMeasurement) and isinstance(result.current, NoduleMeasurement):
        return _compared(result, interval_days, comparability)
    if isinstance(start, NoduleMeasurement) and other.found is None and _surely_absent(there, carried, start):
        return replace(result, comparison="new" if asked_on == "current" else "resolved", confidence=other.likeness)
    return result


def shared_places(followed: Sequence[FollowedNodule]) -> list[list[int]]:
    """For each nodule the others (indices) that claim the same blob on either scan: the match is then ambiguous.

    Two claims are the same when their centres lie nearer than half the smaller diameter.
    """
    shared: list[list[int]] = [[] for _ in followed]
    for first in range(len(followed)):
        for second in range(first):
            if any(_same_blob(followed[first], followed[second], side) for side in ("prior", "current")):
                shared[first].append(second)
                shared[second].append(first)
    return [sorted(others) for others in shared]


def _same_blob(first: FollowedNodule, second: FollowedNodule, side: str) -> bool:
    one, other = getattr(first, side), getattr(second, side)
    if not isinstance(one, NoduleMeasurement) or not isinstance(other, NoduleMeasurement):
        return False
    smaller_mm = min(one.mean_diameter_mm.value, other.mean_diameter_mm.value)
    return math.dist(one.centre_lps_mm, other.centre_lps_mm) < smaller_mm / 2


def _measure_or_refusal(scan: Scan, seed_lps_mm: Floats) -> NoduleMeasurement | NotMeasured:
    try:
        return measure(
            scan.volume,
            seed_lps_mm,
            lungs=scan.lungs,
            slice_thickness_mm=scan.slice_thickness_mm,
            noise=scan.noise,
        )
    except NotMeasured as refusal:
        return refusal


def _carry(registration: Registration, centre: Floats, asked_on: Side) -> _Carried:
    if asked_on == "prior":
        place, rough = registration.current_from_prior(centre), registration.roughly_on_current(centre)
        residual = registration.residual_mm(centre)
    else:
        place, rough = registration.prior_from_current(centre), registration.roughly_on_prior(centre)
        residual = registration.residual_mm(place)
    return _Carried(place, rough, float(residual))


def _counterpart(there: Scan, carried: _Carried, start: NoduleMeasurement | NotMeasured) -> _Counterpart:
    """Measure the blobs near the place; keep the one most like the asked nodule."""
    diameter = start.mean_diameter_mm.value if isinstance(start, NoduleMeasurement) else UNKNOWN_DIAMETER_MM
    within_mm = max(SNAP_MM, SNAP_DIAMETERS * diameter) + carried.residual_mm
    found, refusals = _blobs(there, carried, within_mm, diameter)
    alike = [
        _Counterpart(blob, _likeness(start, blob, away, carried.residual_mm), away)
        for blob in found
        if (away := math.dist(blob.centre_lps_mm, carried.place_lps_mm)) <= WIDER * _reach_mm(blob, within_mm)
    ]
    alike.sort(key=lambda counterpart: -counterpart.likeness)
    best = next((one for one in alike if one.away_mm <= _reach_mm(one.found, within_mm)), None)
    if best is None:
        left = next((refusal for refusal in refusals if _may_be_the_nodule(refusal, diameter)), None)
        return _Counterpart(left, likeness=0.5 if len(refusals) > 1 else 0.9, away_mm=carried.residual_mm)
    ambiguous = any(one is not best and one.likeness > ALTERNATIVE * best.likeness for one in alike)
    return replace(best, ambiguous=ambiguous, likeness=best.likeness * (0.5 if ambiguous else 1.0))


def _reach_mm(blob: NoduleMeasurement | NotMeasured | None, within_mm: float) -> float:
    """How far a blob's centre may lie from the place: large ones further."""
    if not isinstance(blob, NoduleMeasurement):
        return within_mm
    return max(within_mm, SNAP_DIAMETERS * blob.mean_diameter_mm.value)


def _blobs(
    there: Scan, carried: _Carried, within_mm: float, diameter_mm: float
) -> tuple[list[NoduleMeasurement], list[NotMeasured]]:
    """Measure every separate blob near the place once; give also why others could not be measured."""
    found: list[NoduleMeasurement] = []
    refusals: list[NotMeasured] = []
    for seed in summits(there.volume, carried.place_lps_mm, within_mm=WIDER * within_mm, diameter_mm=diameter_mm):
        if any(math.dist(seed, blob.centre_lps_mm) < blob.mean_diameter_mm.value / 2 for blob in found):
            continue
        blob = _measure_or_refusal(there, seed)
        if isinstance(blob, NotMeasured):
            if math.dist(seed, carried.place_lps_mm) <= within_mm:
                refusals.append(blob)
        elif blob.joined_share <= MOST_JOINED and not any(_is_same(blob, other) for other in found):
            found.append(blob)
    return found, refusals


def _is_same(first: NoduleMeasurement, second: NoduleMeasurement) -> bool:
    return math.dist(first.centre_lps_mm, second.centre_lps_mm) < SAME_MM


def _may_be_the_nodule(refusal: NotMeasured, diameter_mm: float) -> bool:
    """Tell whether a refusal means that something is there which could be the nodule."""
    if isinstance(refusal, TooSmall):
        left_mm = refusal.facts["diameter_mm"]
        return isinstance(left_mm, float) and left_mm > STILL_THERE * diameter_mm
    return refusal.code in {"cut_by_scan_edge", "slices_too_thick", "too_large"}


def _likeness(
    start: NoduleMeasurement | NotMeasured, found: NoduleMeasurement, away_mm: float, residual_mm: float
) -> float:
    """How alike in place, size and attenuation, 0 to 1; one standard deviation each off gives 0.6."""
    diameter = found.mean_diameter_mm.value
    place = away_mm / (1.0 + residual_mm + 0.1 * diameter)
    if not isinstance(start, NoduleMeasurement):
        return math.exp(-0.5 * place**2)
    size = math.log(found.volume_mm3.value / start.volume_mm3.value) / 1.2
    density = (found.mean_hu - start.mean_hu) / 300
    return math.exp(-0.5 * (place**2 + size**2 + density**2) / 1.5)


def _surely_absent(there: Scan, carried: _Carried, start: NoduleMeasurement) -> bool:
    diameter = start.mean_diameter_mm.value
    if not carried.residual_mm <= max(SURE_RESIDUAL_MM, diameter / 2):
        return False
    return is_clear_lung(there.volume, carried.place_lps_mm, diameter_mm=diameter, contrast_hu=start.contrast_hu)


def _compared(result: FollowedNodule, interval_days: int | None, comparability: Comparability | None) -> FollowedNodule:
    """Add the word and the growth of a nodule measured on both scans."""
    if not isinstance(result.prior, NoduleMeasurement) or not isinstance(result.current, NoduleMeasurement):
        return result
    if comparability is not None and not comparability.sizes_comparable:
        return result
    extra = comparability.extra_relative_error if comparability else 0.0
    if result.prior.attenuation != result.current.attenuation:
        extra = math.hypot(extra, OTHER_BORDER_ERROR)
    dated = interval_days is not None and interval_days > 0
    change = growth(
        result.prior.volume_mm3,
        result.current.volume_mm3,
        interval_days if interval_days is not None and dated else 1,  # the word does not depend on the days
        extra_relative_error=extra,
    )
    allowed = dated and (comparability is None or comparability.allows_growth)
    return replace(result, comparison=change_word(change), growth=change if allowed else None)


def change_word(change: Growth) -> ComparisonWord:
    """Comparison word of a nodule present on both scans; see the module for what the words mean."""
    if change.significant:
        return "larger-markedly" if change.volume_ratio >= MARKED_RATIO else "larger-slightly"
    if change.significantly_smaller:
        return "smaller-markedly" if change.volume_ratio <= 1 / MARKED_RATIO else "smaller-slightly"
    return "unchanged"


def _followed(
    asked: Floats,
    asked_on: Side,
    start: NoduleMeasurement | NotMeasured,
    carried: _Carried | None,
    other: _Counterpart | None,
    word: ComparisonWord,
) -> FollowedNodule:
    own = _point(np.asarray(start.centre_lps_mm)) if isinstance(start, NoduleMeasurement) else _point(asked)
    found = other.found if other else None
    place = _point(carried.place_lps_mm) if carried else None
    if isinstance(found, NoduleMeasurement):
        place = found.centre_lps_mm
    points = (own, place) if asked_on == "prior" else (place, own)
    sides = (start, found) if asked_on == "prior" else (found, start)
    return FollowedNodule(
        asked_lps_mm=_point(asked),
        asked_on=asked_on,
        prior_lps_mm=points[0],
        current_lps_mm=points[1],
        comparison=word,
        confidence=other.likeness if other and found is not None else 0.0,
        residual_mm=other.away_mm if other else (carried.residual_mm if carried else None),
        ambiguous=bool(other and other.ambiguous),
        prior=sides[0],
        current=sides[1],
        growth=None,
    )


def _point(lps_mm: Floats) -> Point:
    x, y, z = (float(v) for v in lps_mm)
    return x, y, z
