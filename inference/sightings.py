"""What both scans show at the places of the asked nodules: each blob measured once, in that scan's own voxels.

The registration says where to look; the image says what is there.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from inference.errors import NotMeasured, PointOutsideScan
from inference.measure import NoduleMeasurement, measure
from inference.neighbourhood import Floats
from inference.noise import ScanNoise
from inference.surroundings import is_in_field, summits
from registration.local import LocalScan, hollow_mm, refine_on_prior, refine_places
from registration.lungs import Lungs
from registration.match import Finding
from registration.transform import Registration
from registration.volume import Volume

Side = Literal["prior", "current"]
Point = tuple[float, float, float]
Shown = NoduleMeasurement | NotMeasured

SNAP_MM: Final = 3.0  # a blob nearer than this to the carried place, or half a diameter, may be the nodule
SNAP_DIAMETERS: Final = 0.5
WIDER: Final = 1.5  # so much further blobs are looked for
UNKNOWN_DIAMETER_MM: Final = 6.0  # of a nodule that could not be measured where it was asked
MOST_JOINED: Final = 0.3  # share of the surface; beyond, the blob is a branching vessel
SAME_MM: Final = 1.5  # two measured centres nearer than this are one blob
AT_ONCE: Final = min(4, os.cpu_count() or 1)  # measured at one time: most of it is compiled and leaves Python free


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scan:
    """A CT with what is known about it; what is not given is measured or done without."""

    volume: Volume
    lungs: Lungs | None = None
    slice_thickness_mm: float | None = None
    noise: ScanNoise | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A point inside a nodule on one of the scans.

    Parameters
    ----------
    partner_lps_mm
        The same nodule on the other scan, when a person has said so: it is not looked for again, and nothing else is
        matched with it.
    """

    lps_mm: Point
    on: Side
    partner_lps_mm: Point | None = None


@dataclass(slots=True, eq=False)
class Sighting:
    """One blob of one scan, or the point of a nodule that could not be measured.

    Parameters
    ----------
    shown
        Its measurement, or why there is none.
    asked
        Which of the asked nodules it is, by their number; empty when it was only found near one.
    """

    shown: Shown
    centre_lps_mm: Point
    asked: list[int] = field(default_factory=list)

    @property
    def diameter_mm(self) -> float:
        """Mean diameter; a guess where it could not be measured."""
        return self.shown.mean_diameter_mm.value if isinstance(self.shown, NoduleMeasurement) else UNKNOWN_DIAMETER_MM

    def as_finding(self) -> Finding:
        """What the matching weighs."""
        clutter = not self.asked
        if not isinstance(self.shown, NoduleMeasurement):
            return Finding(self.centre_lps_mm, clutter=clutter)
        return Finding(
            self.centre_lps_mm,
            self.diameter_mm,
            self.shown.attenuation,
            mean_hu=self.shown.mean_hu,
            slenderness=self.shown.long_axis_mm / max(self.shown.short_axis_mm, 0.1),
            clutter=clutter,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Place of an asked nodule on the other scan; NaN where the map does not reach. ``rough`` is always defined."""

    place_lps_mm: Floats
    rough_lps_mm: Floats
    residual_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """All that was seen of the asked nodules.

    Parameters
    ----------
    on_prior, on_current
        Blobs of each scan.
    own
        For each asked nodule the position of its sighting on its own scan; None outside that scan.
    carried
        For each asked nodule its place on the other scan; None outside its own.
    refusals
        For each asked nodule why blobs right at that place could not be measured.
    settled
        Pairs of positions (prior, current) that a person has confirmed.
    """

    asked: Sequence[Asked]
    on_prior: list[Sighting] = field(default_factory=list)
    on_current: list[Sighting] = field(default_factory=list)
    own: list[int | None] = field(default_factory=list)
    carried: list[Carried | None] = field(default_factory=list)
    refusals: list[list[NotMeasured]] = field(default_factory=list)
    settled: list[tuple[int, int]] = field(default_factory=list)

    def on(self, side: Side) -> list[Sighting]:
        """Blobs of one scan."""
        return self.on_prior if side == "prior" else self.on_current


def other_side(side: Side) -> Side:
    """The other scan of the pair."""
    return "current" if side == "prior" else "prior"


@dataclass(frozen=True, slots=True, eq=False)
class _Nearby:
    """Where an asked nodule may be on the other scan.

    Parameters
    ----------
    seeds_lps_mm
        What to measure there, in this order.
    begun
        Seeds, by position, whose measuring has begun before their turn came.
    """

    there: Scan
    carried: Carried
    within_mm: float
    seeds_lps_mm: Sequence[Floats] = ()
    begun: Mapping[int, Future[Shown]] = field(default_factory=dict)

    def measured_or_refused(self, position: int) -> Shown:
        """What stands at a seed."""
        if position in self.begun:
            return self.begun[position].result()
        return measured_or_refused(self.there, self.seeds_lps_mm[position])


def begin_measuring(prior: Scan, current: Scan, asked: Sequence[Asked], pool: Executor) -> list[Future[Shown]]:
    """Begin to measure asked nodules where they were asked; that needs no registration."""
    scans: dict[Side, Scan] = {"prior": prior, "current": current}
    return [pool.submit(measured_or_refused, scans[one.on], np.asarray(one.lps_mm, dtype=np.float64)) for one in asked]


def look(
    prior: Scan,
    current: Scan,
    registration: Registration,
    asked: Sequence[Asked],
    *,
    own: Sequence[Future[Shown]] | None = None,
) -> Sightings:
    """Measure every asked nodule, and what stands near its place on the other scan.

    Parameters
    ----------
    asked
        In the order of the answer.
    own
        What :func:`begin_measuring` gave, by a caller who had other things to wait for meanwhile.
    """
    scans: dict[Side, Scan] = {"prior": prior, "current": current}
    seen = Sightings(asked)
    local = _for_last_steps(prior, current)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one_scan in (local or ()) if asked else ():
            pool.submit(lambda scan: scan.inner, one_scan)  # while the last of the asked nodules are measured
        begun = begin_measuring(prior, current, asked, pool) if own is None else own
        for number, (one, coming) in enumerate(zip(asked, begun, strict=True)):
            seen.own.append(_at_own_place(seen, coming.result(), number, one))
        seen.carried.extend(_carried(seen, local, registration))
        nearby = [_nearby(seen, scans, number, pool) for number in range(len(asked))]
        for number, near in enumerate(nearby):
            seen.refusals.append([])
            if near is not None and asked[number].partner_lps_mm is not None:
                _settle(seen, near, number)
            elif near is not None:
                _look_near(seen, near, number)
    return seen


def measured_or_refused(scan: Scan, seed_lps_mm: Floats) -> Shown:
    """Measure at a point; a refusal is an answer."""
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


def _at_own_place(seen: Sightings, shown: Shown, number: int, asked: Asked) -> int | None:
    """Keep what stands where a nodule was asked; two points in one blob are one sighting."""
    if isinstance(shown, PointOutsideScan):
        return None
    position = _position_of(seen.on(asked.on), shown, asked.lps_mm)
    seen.on(asked.on)[position].asked.append(number)
    return position


def _position_of(known: list[Sighting], shown: Shown, at_lps_mm: Point) -> int:
    """Position of what was measured among the known sightings, added when it is another blob."""
    if isinstance(shown, NoduleMeasurement):
        at_lps_mm = shown.centre_lps_mm
        for position, other in enumerate(known):
            if isinstance(other.shown, NoduleMeasurement) and _is_one_blob(shown, other.shown):
                return position
    known.append(Sighting(shown, at_lps_mm))
    return len(known) - 1


def _is_one_blob(first: NoduleMeasurement, second: NoduleMeasurement) -> bool:
    smaller_mm = min(first.mean_diameter_mm.value, second.mean_diameter_mm.value)
    return math.dist(first.centre_lps_mm, second.centre_lps_mm) < max(SAME_MM, smaller_mm / 2)


def _carried(
    seen: Sightings, local: tuple[LocalScan, LocalScan] | None, registration: Registration
) -> list[Carried | None]:
    """Carry every asked nodule to the other scan; None for one outside its own."""
    carried: list[Carried | None] = [None] * len(seen.asked)
    for one_side in ("prior", "current"):
        side: Side = "prior" if one_side == "prior" else "current"
        numbers = [n for n, one in enumerate(seen.asked) if one.on == side and seen.own[n] is not None]
        own = [seen.on(side)[position] for n in numbers if (position := seen.own[n]) is not None]
        for number, found in zip(numbers, _carry(local, registration, own, side), strict=True):
            carried[number] = found
    return carried


def _for_last_steps(prior: Scan, current: Scan) -> tuple[LocalScan, LocalScan] | None:
    """Both scans for last steps; None where the lungs of one are not known."""
    if prior.lungs is None or current.lungs is None:
        return None
    return LocalScan(prior.volume, prior.lungs), LocalScan(current.volume, current.lungs)


def _carry(
    local: tuple[LocalScan, LocalScan] | None, registration: Registration, own: Sequence[Sighting], on: Side
) -> list[Carried]:
    """Carry nodules of one scan, each with a last step of its own where the lungs of both scans are known."""
    if not own:
        return []
    centres = np.array([one.centre_lps_mm for one in own])
    rough = registration.roughly_on_current(centres) if on == "prior" else registration.roughly_on_prior(centres)
    if local is not None:
        left_out_mm = hollow_mm([one.diameter_mm for one in own])
        found = (refine_places if on == "prior" else refine_on_prior)(
            *local, registration, centres, left_out_mm=left_out_mm
        )
        places, residuals_mm = found.places_lps_mm, found.residuals_mm
    elif on == "prior":
        places, residuals_mm = registration.current_from_prior(centres), registration.residual_mm(centres)
    else:
        places = registration.prior_from_current(centres)
        residuals_mm = registration.residual_mm(places)
    return [Carried(*one[:2], float(one[2])) for one in zip(places, rough, residuals_mm, strict=True)]


def _nearby(seen: Sightings, scans: Mapping[Side, Scan], number: int, pool: ThreadPoolExecutor) -> _Nearby | None:
    """Begin to measure at a carried nodule's place on the other scan; None for one outside its own scan."""
    one, position, carried = seen.asked[number], seen.own[number], seen.carried[number]
    if position is None or carried is None:
        return None
    own, there = seen.on(one.on)[position], scans[other_side(one.on)]
    within_mm = max(SNAP_MM, SNAP_DIAMETERS * own.diameter_mm) + carried.residual_mm
    if one.partner_lps_mm is not None:
        seeds = [np.asarray(one.partner_lps_mm, dtype=np.float64)]
    elif is_in_field(there.volume, carried.place_lps_mm):
        wider_mm = WIDER * within_mm
        seeds = list(summits(there.volume, carried.place_lps_mm, within_mm=wider_mm, diameter_mm=own.diameter_mm))
    else:
        return _Nearby(there, carried, within_mm)
    known = seen.on(other_side(one.on))
    # Only the first is begun: once it is measured, most of the others lie in its core and are never asked.
    first = next((i for i, seed in enumerate(seeds) if not any(covers(one, seed) for one in known)), None)
    begun = {first: pool.submit(measured_or_refused, there, seeds[first])} if first is not None else {}
    return _Nearby(there, carried, within_mm, seeds, begun)


def _settle(seen: Sightings, near: _Nearby, number: int) -> None:
    """Take a person's word for what the other scan shows."""
    own, side, partner_lps_mm = seen.own[number], seen.asked[number].on, seen.asked[number].partner_lps_mm
    if own is None or partner_lps_mm is None:
        return
    position = _position_of(seen.on(other_side(side)), near.measured_or_refused(0), partner_lps_mm)
    pair = (own, position) if side == "prior" else (position, own)
    if all(pair[0] != known[0] and pair[1] != known[1] for known in seen.settled):
        seen.settled.append(pair)


def _look_near(seen: Sightings, near: _Nearby, number: int) -> None:
    """Take each separate blob near the place of an asked nodule once; keep why others could not be measured."""
    known = seen.on(other_side(seen.asked[number].on))
    for position, seed in enumerate(near.seeds_lps_mm):
        if any(covers(one, seed) for one in known):
            continue
        shown = near.measured_or_refused(position)
        if isinstance(shown, NotMeasured):
            if math.dist(seed, near.carried.place_lps_mm) <= near.within_mm:
                seen.refusals[number].append(shown)
        elif shown.joined_share <= MOST_JOINED and _is_near(shown, near.carried, near.within_mm):
            _position_of(known, shown, shown.centre_lps_mm)


def covers(sighting: Sighting, seed_lps_mm: Floats) -> bool:
    """Tell whether a point lies in the core of a blob that is known already."""
    if not isinstance(sighting.shown, NoduleMeasurement):
        return False
    return math.dist(seed_lps_mm, sighting.centre_lps_mm) < sighting.diameter_mm / 2


def _is_near(shown: NoduleMeasurement, carried: Carried, within_mm: float) -> bool:
    """Tell whether a blob is near enough to be the nodule: large ones from further."""
    reach_mm = max(within_mm, SNAP_DIAMETERS * shown.mean_diameter_mm.value)
    return math.dist(shown.centre_lps_mm, carried.place_lps_mm) <= WIDER * reach_mm
