"""Nodules that have grown into one, and a nodule that has fallen apart.

Two nodules of one scan are one nodule of the other when the places of both lie inside that one, and it is not smaller
than either. Said only of nodules that somebody asked for on the side where they are two; a second blob that nobody
asked for may be a vessel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from inference.measure import NoduleMeasurement
from inference.sightings import Carried, Side, Sighting, Sightings, other_side
from registration.match import SURE, Matching

INSIDE_MM: Final = 0.5  # a place this far outside the border may lie inside
LEAST_OF_ONE: Final = 0.8  # of the larger part's volume


@dataclass(frozen=True, slots=True)
class Joined:
    """What is said of an asked nodule that is one with another on the other scan.

    Parameters
    ----------
    word
        ``"merged"``: two on the prior, one on the current scan; ``"split"``: one on the prior, two on the current.
    parts
        Positions of its sightings on the other scan.
    with_asked
        The other asked nodules of the group, by number.
    confidence
        Probability that neither of the two is somewhere else.
    away_mm
        Between its place and the middle of the first part.
    """

    word: Literal["merged", "split"]
    parts: tuple[int, ...]
    with_asked: tuple[int, ...]
    confidence: float
    away_mm: float


def joined_nodules(seen: Sightings, matching: Matching) -> dict[int, Joined]:
    """For each asked nodule that is joined with another on the other scan, what is said of it; by number."""
    joined: dict[int, Joined] = {}
    for one_side in ("prior", "current"):
        side: Side = "prior" if one_side == "prior" else "current"
        for whole, blob in enumerate(seen.on(other_side(side))):
            parts = _parts_of(seen, side, blob)
            if len(parts) >= 2:
                joined |= _told_of(seen, matching, side, whole, parts)
    return joined


def _parts_of(seen: Sightings, side: Side, blob: Sighting) -> list[int]:
    """Positions of the asked sightings of ``side`` whose places lie inside a blob of the other scan."""
    if not isinstance(blob.shown, NoduleMeasurement):
        return []
    parts = []
    for position, sighting in enumerate(seen.on(side)):
        if not sighting.asked or not isinstance(sighting.shown, NoduleMeasurement):
            continue
        carried = seen.carried[sighting.asked[0]]
        if carried is not None and _lies_inside(carried, blob):
            parts.append(position)
    if not parts:
        return []
    largest = max(_volume_mm3(seen.on(side)[part]) for part in parts)
    return parts if _volume_mm3(blob) >= LEAST_OF_ONE * largest else []


def _lies_inside(carried: Carried, blob: Sighting) -> bool:
    if not np.isfinite(carried.place_lps_mm).all():
        return False
    return math.dist(carried.place_lps_mm, blob.centre_lps_mm) <= blob.diameter_mm / 2 + INSIDE_MM


def _told_of(seen: Sightings, matching: Matching, side: Side, whole: int, parts: Sequence[int]) -> dict[int, Joined]:
    """Say it of every asked nodule of the group, unless one of the parts clearly has another partner."""
    chances = matching.chances if side == "prior" else matching.chances.T
    elsewhere = [float(np.delete(chances[part], whole).max(initial=0.0)) for part in parts]
    if max(elsewhere) >= SURE or _is_settled(seen, side, whole, parts):
        return {}
    word: Literal["merged", "split"] = "merged" if side == "prior" else "split"
    confidence = math.prod(1.0 - chance for chance in elsewhere)
    one = seen.on(other_side(side))[whole]
    members = [*(number for part in parts for number in seen.on(side)[part].asked), *one.asked]
    told = {}
    for number in members:
        carried = seen.carried[number]
        positions = tuple(parts) if number in one.asked else (whole,)
        first = (seen.on(side) if number in one.asked else seen.on(other_side(side)))[positions[0]]
        away_mm = math.dist(carried.place_lps_mm, first.centre_lps_mm) if carried else math.nan
        others = tuple(sorted(other for other in members if other != number))
        told[number] = Joined(word, positions, others, confidence, away_mm)
    return told


def _is_settled(seen: Sightings, side: Side, whole: int, parts: Sequence[int]) -> bool:
    """Tell whether a person has said what one of them is."""
    here, there = (0, 1) if side == "prior" else (1, 0)
    return any(pair[there] == whole or pair[here] in parts for pair in seen.settled)


def _volume_mm3(sighting: Sighting) -> float:
    return sighting.shown.volume_mm3.value if isinstance(sighting.shown, NoduleMeasurement) else 0.0
