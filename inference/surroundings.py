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
MIDDLE_SHARE = 0.4  # of the diameter: radius of the ball that stands for its middle
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


def brightness_kept(
    here: Volume, there: Volume, here_lps_mm: Floats, there_lps_mm: Floats, *, diameter_mm: float
) -> float | None:
    """Share of a spot's contrast to the lung that the other scan shows at its place; needs no border.

    What is brighter than the spot counts as bright as the spot, so that a vessel never stands for faint ground glass.

    Of nodules put into moved scans of real lungs, those that were on both kept 0.75 or more, and of those that the
    other scan did not have 0.39 or less was left beside vessels and in open lung, up to 0.72 at the pleura.

    Parameters
    ----------
    here_lps_mm, there_lps_mm
        A point in the spot, and where the registration carries it.
    diameter_mm
        Of the spot. A vessel that crosses faint ground glass fills a small ball and not a large one.

    Returns
    -------
    float or None
        The less of two balls: one that lies within the smallest nodules, one as large as the middle of this one. None
        where nothing stands out from the lung ``here``, or where there is no such lung ``there`` to compare.
    """
    kept, reach_mm = [], max(AROUND_MM, diameter_mm)
    for radius_mm in (SPOT_MM, max(SPOT_MM, MIDDLE_SHARE * diameter_mm)):
        spot, spot_air = _above_lung_hu(here, here_lps_mm, radius_mm, reach_mm)
        left, left_air = _above_lung_hu(there, there_lps_mm, radius_mm, reach_mm)
        if spot is None or left is None or left_air < LEAST_KEPT_AIR * spot_air:
            return None
        level_hu = float(np.median(spot))
        if level_hu < LEAST_SPOT_HU:
            return None
        kept.append(float(np.minimum(left, level_hu).mean() / np.minimum(spot, level_hu).mean()))
    return min(kept)


def _above_lung_hu(
    volume: Volume, place_lps_mm: Floats, radius_mm: float, reach_mm: float
) -> tuple[Floats | None, float]:
    """How much brighter the voxels of a ball are than the lung around it, None without lung; and its aerated share."""
    near = cut_neighbourhood(volume, place_lps_mm, reach_mm + 2)
    distance = near.distance_mm(near.seed_mm)
    around = near.hu[(distance < reach_mm) & (near.hu > FLOOR_HU)]
    lung = around[around < AERATED_HU]
    if lung.size <= LEAST_AERATED * around.size:
        return None, 0.0
    ball = near.smoothed(0.5)[distance <= max(radius_mm, distance.min())]
    return np.minimum(ball, BRIGHTEST_HU) - float(np.median(lung)), lung.size / around.size


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
