"""Why a scan does not show a nodule that the other one has: gone, hidden, beyond the scan, or it cannot be said.

Nothing is called new or resolved unless the scan shows clear lung at the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from inference.errors import NotMeasured, TooSmall
from inference.measure import NoduleMeasurement
from inference.neighbourhood import FLOOR_HU, Floats, cut_neighbourhood
from inference.sightings import UNKNOWN_DIAMETER_MM, Carried, Scan
from inference.surroundings import is_clear_lung, is_filled, is_in_field
from inference.words import ComparisonWord
from registration.volume import Volume

Obscuring = Literal["dense-opacity", "ground-glass-opacity", "metal"]

SURE_RESIDUAL_MM: Final = 2.0  # or half a diameter: beyond, "nothing there" cannot be said
STILL_THERE: Final = 0.6  # of the diameter: a dot too small to measure but this large may be what is left
AERATED_HU: Final = -600.0
LEAST_AERATED: Final = 0.3  # share of the surroundings; with less air nothing could be seen
DENSE_HU: Final = -200.0
METAL_HU: Final = 1800.0  # no bone of a rib or spine is brighter
LEAST_METAL: Final = 0.01
WITHOUT_BORDER: Final = frozenset({"border_not_found", "point_drifted"})  # something is there, only not its border
UNKNOWN: Final = (UNKNOWN_DIAMETER_MM, 260.0)  # diameter and contrast of a nodule that was not measured: a faint one
DEEP_MM: Final = 5.0  # a place nearer to the lung's surface may lie in the wall by the map's error alone


@dataclass(frozen=True, slots=True)
class Absence:
    """What is said of a nodule that has no counterpart."""

    word: ComparisonWord
    refusal: NotMeasured | None = None
    obscured_by: Obscuring | None = None


def explain_absence(
    here: Scan,
    there: Scan,
    shown: NoduleMeasurement | NotMeasured,
    carried: Carried,
    refusals: Sequence[NotMeasured],
    gone_word: ComparisonWord,
) -> Absence:
    """Say why the other scan has no counterpart.

    Parameters
    ----------
    shown
        The nodule on its own scan ``here``.
    carried
        Its place on the scan ``there``.
    refusals
        Why blobs at that place could not be measured.
    gone_word
        ``"new"`` or ``"resolved"``: what clear lung means.
    """
    if not np.isfinite(carried.place_lps_mm).all():
        return Absence("not-assessable" if is_in_field(there.volume, carried.rough_lps_mm) else "outside-field")
    if not is_in_field(there.volume, carried.place_lps_mm):
        return Absence("outside-field")
    if not isinstance(shown, NoduleMeasurement):
        # What could not be measured on its own scan is found again all the same, where something without a border that
        # can be measured stands at its place.
        again = next((refusal for refusal in refusals if refusal.code in WITHOUT_BORDER), None)
        both = shown.code in WITHOUT_BORDER and again is not None and _is_filled(there, carried, UNKNOWN)
        return Absence("not-assessable", refusal=again if both else None)
    diameter_mm = shown.mean_diameter_mm.value
    left = next((refusal for refusal in refusals if _may_be_the_nodule(refusal, diameter_mm)), None)
    if left is None and _is_filled(there, carried, (diameter_mm, shown.contrast_hu)):
        left = next((refusal for refusal in refusals if refusal.code in WITHOUT_BORDER), None)
    if left is not None:
        return Absence("not-assessable", refusal=left)
    if not carried.residual_mm <= max(SURE_RESIDUAL_MM, diameter_mm / 2):
        return Absence("not-assessable")
    place = carried.place_lps_mm
    if is_clear_lung(there.volume, place, diameter_mm=diameter_mm, contrast_hu=shown.contrast_hu):
        return Absence(gone_word)
    obscured_by = what_obscures(there.volume, place, diameter_mm=diameter_mm)
    if obscured_by is not None and _lay_in_open_lung(here, shown):
        return Absence("obscured", obscured_by=obscured_by)
    return Absence("not-assessable")


def what_obscures(volume: Volume, place_lps_mm: Floats, *, diameter_mm: float) -> Obscuring | None:
    """Name what hides a place: metal, dense tissue or haze around it; None where there is enough air to see by."""
    near = cut_neighbourhood(volume, place_lps_mm, max(diameter_mm, 12.0))
    distance = near.distance_mm(near.seed_mm)
    around = near.hu[(distance < max(diameter_mm, 10.0)) & (near.hu > FLOOR_HU)]
    if not around.size:
        return None
    if float((around > METAL_HU).mean()) > LEAST_METAL:
        return "metal"
    if float((around < AERATED_HU).mean()) >= LEAST_AERATED:
        return None
    return "dense-opacity" if float(np.median(around)) > DENSE_HU else "ground-glass-opacity"


def _lay_in_open_lung(here: Scan, shown: NoduleMeasurement) -> bool:
    """Tell whether the nodule had air around it on its own scan, away from the lung's surface."""
    at = np.asarray(shown.centre_lps_mm)
    if here.lungs is not None and float(here.lungs.distance_mm(at)) > -DEEP_MM:
        return False
    return what_obscures(here.volume, at, diameter_mm=2 * shown.mean_diameter_mm.value) is None


def _is_filled(there: Scan, carried: Carried, looked_for: tuple[float, float]) -> bool:
    """Tell whether something stands at the carried place, as large and as bright as what is looked for."""
    diameter_mm, contrast_hu = looked_for
    return is_filled(there.volume, carried.place_lps_mm, diameter_mm=diameter_mm, contrast_hu=contrast_hu)


def _may_be_the_nodule(refusal: NotMeasured, diameter_mm: float) -> bool:
    """Tell whether a refusal means that something is there which could be the nodule."""
    if isinstance(refusal, TooSmall):
        left_mm = refusal.facts["diameter_mm"]
        return isinstance(left_mm, float) and left_mm > STILL_THERE * diameter_mm
    return refusal.code in {"cut_by_scan_edge", "slices_too_thick", "too_large"}
