"""What a scan shows at a place where a nodule might be: something, clear lung, or nothing that can be judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.neighbourhood import FLOOR_HU, Floats, cut_neighbourhood
from registration.volume import Volume

CLEAR_SHARE = 0.6  # of the ball that a nodule would fill: so much must look like lung before "nothing there" is said,
# and so much like the nodule before "something there"
MOST_SUMMITS = 4


def is_in_field(volume: Volume, place_lps_mm: Floats) -> bool:
    """Tell whether the scan has data at a place: inside the block, and inside the round field of view."""
    if not np.isfinite(place_lps_mm).all() or not bool(volume.contains(place_lps_mm)):
        return False
    z, y, x = np.clip(np.round(volume.index_from_lps(place_lps_mm)).astype(int), 0, np.asarray(volume.shape_zyx) - 1)
    return int(volume.array_hu[z, y, x]) > FLOOR_HU


def is_clear_lung(volume: Volume, place_lps_mm: Floats, *, diameter_mm: float, contrast_hu: float) -> bool:
    """Tell whether the place is aerated where a nodule of this size and contrast would be bright.

    Parameters
    ----------
    diameter_mm, contrast_hu
        Of the nodule on the other scan.

    Returns
    -------
    bool
        False also where the lung around is opacified, so that nothing can be said.
    """
    bright = _bright_share(volume, place_lps_mm, diameter_mm, contrast_hu)
    return bright is not None and bright <= 1 - CLEAR_SHARE


def is_filled(volume: Volume, place_lps_mm: Floats, *, diameter_mm: float, contrast_hu: float) -> bool:
    """Tell whether something as bright as a nodule of this contrast fills the place, with aerated lung around it.

    Parameters
    ----------
    diameter_mm, contrast_hu
        Of the nodule on the other scan.
    """
    bright = _bright_share(volume, place_lps_mm, diameter_mm, contrast_hu)
    return bright is not None and bright >= CLEAR_SHARE


def _bright_share(volume: Volume, place_lps_mm: Floats, diameter_mm: float, contrast_hu: float) -> float | None:
    """Share of the inner ball of a nodule that is as bright as one; None where there is hardly any lung around."""
    near = cut_neighbourhood(volume, place_lps_mm, max(diameter_mm, 12.0))
    distance = near.distance_mm(near.seed_mm)
    around = near.hu[distance < max(diameter_mm, 10.0)]
    lung = around[(around < -600) & (around > FLOOR_HU)]
    if lung.size < 0.3 * around.size:
        return None
    bright_hu = float(np.median(lung)) + max(0.35 * contrast_hu, 90.0)
    ball = near.smoothed(0.5)[distance < max(0.4 * diameter_mm, 1.5)]
    return float((ball >= bright_hu).mean())


def summits(volume: Volume, place_lps_mm: Floats, *, within_mm: float, diameter_mm: float) -> NDArray[np.float64]:
    """Brightest points near a place, as seeds for measuring, the place itself first.

    Parameters
    ----------
    within_mm
        How far from the place to look.
    diameter_mm
        Of what is looked for; sets the smoothing.

    Returns
    -------
    (n, 3) LPS mm
        The place, then up to four local maxima, the nearest first.
    """
    near = cut_neighbourhood(volume, place_lps_mm, within_mm + 4)
    smooth = near.smoothed(max(0.8, 0.2 * diameter_mm))
    peak = ndimage.maximum_filter(smooth, size=3) == smooth
    distance = near.distance_mm(near.seed_mm)
    index = np.argwhere(peak & (distance <= within_mm) & (smooth > -750))
    order = np.argsort(distance[tuple(index.T)], kind="stable")[:MOST_SUMMITS]
    peaks = volume.lps_from_index(index[order] + np.asarray(near.start_zyx))
    return np.concatenate([np.asarray(place_lps_mm)[None], peaks.reshape(-1, 3)])
