"""What a scan shows of a nodule that has no partner among what was measured there.

Still there without a border that can be measured, gone, hidden, beyond the scan, or it cannot be said. Nothing is
called new or resolved unless the scan shows clear lung at the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from inference.errors import NotMeasured
from inference.measure import NoduleMeasurement
from inference.neighbourhood import FLOOR_HU, Floats, cut_neighbourhood
from inference.sightings import UNKNOWN_DIAMETER_MM, Carried, Point, Scan, Sighting
from inference.surroundings import brightness_kept, is_clear_lung, is_in_field
from inference.words import ComparisonWord
from registration.volume import Volume

Obscuring = Literal["dense-opacity", "ground-glass-opacity", "metal"]

SURE_RESIDUAL_MM: Final = 2.0  # or half a diameter: beyond, "nothing there" cannot be said
AERATED_HU: Final = -600.0
LEAST_AERATED: Final = 0.3  # share of the surroundings; with less air nothing could be seen
DENSE_HU: Final = -200.0
METAL_HU: Final = 1800.0  # no bone of a rib or spine is brighter
LEAST_METAL: Final = 0.01
KEPT: Final = 0.6  # of its brightness: then it is still there, see surroundings.brightness_kept
KEPT_CONFIDENCE: Final = 0.9  # at the pleura one in ten places is as bright without its nodule; never a sure match
SEEN_BY_ITS_SIZE: Final = frozenset({"cut_by_scan_edge", "slices_too_thick", "too_large"})  # its border was found
DEEP_MM: Final = 5.0  # a place nearer to the lung's surface may lie in the wall by the map's error alone


@dataclass(frozen=True, slots=True, eq=False)
class Absence:
    """What is said of a nodule that has no counterpart among what was measured.

    Parameters
    ----------
    there
        With the word ``"present"``: where it is, and why it was not measured there.
    """

    word: ComparisonWord
    there: Sighting | None = None
    obscured_by: Obscuring | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """A nodule of one scan, and where to look for it on the other.

    Parameters
    ----------
    asked_lps_mm, shown
        The point that was asked, and what was measured there. A small nodule on a large vessel may have been measured
        as the vessel: what is still there is judged at the point itself.
    carried
        Place of what was measured on the other scan.
    refusals
        Why blobs there could not be measured.
    """

    asked_lps_mm: Point
    shown: NoduleMeasurement | NotMeasured
    carried: Carried
    refusals: Sequence[NotMeasured]

    @property
    def diameter_mm(self) -> float:
        """Mean diameter; a guess where it could not be measured."""
        return self.shown.mean_diameter_mm.value if isinstance(self.shown, NoduleMeasurement) else UNKNOWN_DIAMETER_MM

    @property
    def point_there_lps_mm(self) -> Floats:
        """Where the asked point lies on the other scan; over these few millimetres the map is a shift."""
        off: Floats = np.zeros(3)
        if isinstance(self.shown, NoduleMeasurement):
            off = np.asarray(self.asked_lps_mm) - np.asarray(self.shown.centre_lps_mm)
        place: Floats = self.carried.place_lps_mm + off
        return place


def explain_absence(here: Scan, there: Scan, nodule: Alone, gone_word: ComparisonWord) -> Absence:
    """Say what the other scan shows of a nodule that was not found among what was measured there.

    Parameters
    ----------
    here, there
        The scan that shows the nodule, and the other one.
    gone_word
        ``"new"`` or ``"resolved"``: what clear lung means.
    """
    carried, diameter_mm = nodule.carried, nodule.diameter_mm
    if not np.isfinite(carried.place_lps_mm).all():
        return Absence("not-assessable" if is_in_field(there.volume, carried.rough_lps_mm) else "outside-field")
    if not is_in_field(there.volume, carried.place_lps_mm):
        return Absence("outside-field")
    placed = carried.residual_mm <= max(SURE_RESIDUAL_MM, diameter_mm / 2)
    still_there = _still_there(here, there, nodule) if placed else None
    if still_there is not None:
        return still_there
    if not placed or not isinstance(nodule.shown, NoduleMeasurement):
        return Absence("not-assessable")
    place = carried.place_lps_mm
    if is_clear_lung(there.volume, place, diameter_mm=diameter_mm, contrast_hu=nodule.shown.contrast_hu):
        return Absence(gone_word)
    obscured_by = what_obscures(there.volume, place, diameter_mm=diameter_mm)
    if obscured_by is not None and _lay_in_open_lung(here, nodule.shown):
        return Absence("obscured", obscured_by=obscured_by)
    return Absence("not-assessable")


def _still_there(here: Scan, there: Scan, nodule: Alone) -> Absence | None:
    """What is said of a nodule that stands at its place without numbers; None where it does not."""
    outlined = next((one for one in nodule.refusals if one.code in SEEN_BY_ITS_SIZE), None)
    if isinstance(nodule.shown, NoduleMeasurement) and outlined is not None:
        return _present(outlined, nodule.carried.place_lps_mm)
    place = nodule.point_there_lps_mm
    if not is_in_field(there.volume, place):
        return None
    if what_obscures(there.volume, place, diameter_mm=nodule.diameter_mm) == "metal":
        return None
    asked = np.asarray(nodule.asked_lps_mm)
    kept = brightness_kept(here.volume, there.volume, asked, place, diameter_mm=nodule.diameter_mm)
    if kept is None or kept < KEPT:
        return None
    return _present(next(iter(nodule.refusals), NotMeasured()), place)


def _present(refusal: NotMeasured, place_lps_mm: Floats) -> Absence:
    x, y, z = (float(v) for v in place_lps_mm)
    return Absence("present", Sighting(refusal, (x, y, z)))


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
