"""What a scan shows at a place where a nodule might be: something, clear lung, or nothing that can be judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.neighbourhood import FLOOR_HU, Floats, cut_neighbourhood
from registration.volume import Volume

CLEAR_SHARE = 0.6  # of the ball that a nodule would fill: so much must look like lung before "nothing there" is said
MOST_SUMMITS = 4
SPOT_MM = 1.6  # radius of the ball whose brightness stands for a nodule's: within the smallest ones
AROUND_MM = 10.0
AERATED_HU = -600
LEAST_AERATED = 0.1  # share of what lies around; with less there is no lung to hold a spot against
LEAST_KEPT_AIR = 0.6  # of the air around it that a place has on the other scan: with less the lung has filled
LEAST_SPOT_HU = 120.0  # above the lung; what is fainter may be noise
BRIGHTEST_HU = 100.0  # calcium and bone count as tissue


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


def brightness_kept(here: Volume, there: Volume, here_lps_mm: Floats, there_lps_mm: Floats) -> float | None:
    """Share of a spot's contrast to the lung that the other scan shows at its place; needs no border.

    Of nodules put into moved scans of real lungs, those that were on both kept 0.73 or more, and of those that the
    other scan did not have 0.38 or less was left beside vessels and in open lung, up to 0.85 at the pleura.

    Parameters
    ----------
    here_lps_mm, there_lps_mm
        A point in the spot, and where the registration carries it.

    Returns
    -------
    float or None
        None where nothing stands out from the lung ``here``, or where there is no such lung ``there`` to compare.
    """
    spot, spot_air = _spot_hu(here, here_lps_mm)
    left, left_air = _spot_hu(there, there_lps_mm)
    if spot is None or left is None or spot < LEAST_SPOT_HU or left_air < LEAST_KEPT_AIR * spot_air:
        return None
    return left / spot


def _spot_hu(volume: Volume, place_lps_mm: Floats) -> tuple[float | None, float]:
    """How much brighter a place is than the lung around it, None without lung; and the aerated share of it."""
    near = cut_neighbourhood(volume, place_lps_mm, AROUND_MM + 2)
    distance = near.distance_mm(near.seed_mm)
    around = near.hu[(distance < AROUND_MM) & (near.hu > FLOOR_HU)]
    lung = around[around < AERATED_HU]
    if lung.size <= LEAST_AERATED * around.size:
        return None, 0.0
    ball = np.minimum(near.smoothed(0.5)[distance <= max(SPOT_MM, distance.min())], BRIGHTEST_HU)
    return float(ball.mean() - np.median(lung)), lung.size / around.size


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
