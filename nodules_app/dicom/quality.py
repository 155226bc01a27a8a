"""What limits the measurement of a scan: its noise, measured, and its sharpness, read from the kernel's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nodules_app.dicom.kernels import Sharpness, sharpness
from nodules_app.dicom.series import CtSeries
from registration.volume import Volume

WINDOW_MM: Final = 5.0  # side of the square in which the local standard deviation is taken
SOFT_TISSUE_HU: Final = (0.0, 100.0)
PLANES: Final = 24
ENOUGH_WINDOWS: Final = 2000
BIN_HU: Final = 0.5
MOST_NOISE_HU: Final = 300.0
SMOOTH_BINS: Final = 5


@dataclass(frozen=True, slots=True)
class ScanQuality:
    """Noise and sharpness of a scan.

    Parameters
    ----------
    noise_hu
        Standard deviation in soft tissue, None where the scan shows too little of it.
    """

    noise_hu: float | None
    sharpness: Sharpness


def scan_quality(series: CtSeries, volume: Volume) -> ScanQuality:
    """Measure the noise of a volume and class the kernel of its series."""
    return ScanQuality(noise_hu(volume), sharpness(series.manufacturer, series.kernel))


def noise_hu(volume: Volume) -> float | None:
    """Noise of a scan as the most frequent local standard deviation in soft tissue.

    Parameters
    ----------
    volume
        Chest CT in HU.

    Returns
    -------
    float or None
        None where fewer than ``ENOUGH_WINDOWS`` windows lie in soft tissue.

    Source
    ------
    Global noise level: Christianson et al. 2015, AJR 205(1):W93-W99. The mode and not the mean, because edges and
    vessels only lengthen the upper tail.
    """
    z, _, _ = volume.shape_zyx
    side_px = max(3, round(WINDOW_MM / volume.spacing_zyx_mm[1]) | 1)
    if min(volume.shape_zyx[1:]) <= side_px:
        return None
    chosen = np.unique(np.linspace(0, z - 1, min(PLANES, z)).astype(int))
    bins = np.arange(0.0, MOST_NOISE_HU + BIN_HU, BIN_HU)
    counts = np.zeros(len(bins) - 1)
    for plane in chosen:
        mean, deviation = _local_mean_and_deviation(volume.array_hu[plane], side_px)
        tissue = (mean > SOFT_TISSUE_HU[0]) & (mean < SOFT_TISSUE_HU[1])
        counts += np.histogram(deviation[tissue], bins)[0]
    if counts.sum() < ENOUGH_WINDOWS:
        return None
    smooth = np.convolve(counts, np.ones(SMOOTH_BINS) / SMOOTH_BINS, mode="same")
    return float(bins[int(np.argmax(smooth))] + BIN_HU / 2)


def _local_mean_and_deviation(
    plane_hu: NDArray[np.int16], side_px: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sample standard deviation in every square window that lies within the plane."""
    values = plane_hu.astype(np.float64)
    count = side_px * side_px
    total, squares = _window_sum(values, side_px), _window_sum(values * values, side_px)
    mean = total / count
    return mean, np.sqrt(np.maximum(squares - total * mean, 0) / (count - 1))


def _window_sum(values: NDArray[np.float64], side_px: int) -> NDArray[np.float64]:
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return np.asarray(
        sums[side_px:, side_px:] - sums[:-side_px, side_px:] - sums[side_px:, :-side_px] + sums[:-side_px, :-side_px]
    )
