"""Noise of one scan, measured where the body is uniform: soft tissue of the chest wall, heart and liver."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registration.volume import Volume

PATCH = 9  # voxels; a slope is taken off, so slow changes of tissue are no noise
SLICES_LOOKED_AT = 12
SOFT_TISSUE_HU = (-20.0, 120.0)
UNIFORM_SHARE = 0.25  # of the tissue patches: the calmest ones hold no vessels or borders
FEWEST_PATCHES = 8
LEAST_SD_HU = 1.0
LOWER_QUARTILE = 0.674  # standard deviations below the mean of a normal distribution


@dataclass(frozen=True, slots=True)
class ScanNoise:
    """Standard deviation of the attenuation, and over how many voxels it goes together.

    ``correlation_voxels`` is the sum of the in-plane autocorrelation: 1 for white noise, 3 to 6 for soft kernels.
    """

    sd_hu: float
    correlation_voxels: float


def measure_noise(volume: Volume) -> ScanNoise | None:
    """Measure the noise in uniform soft tissue.

    Parameters
    ----------
    volume
        A chest CT; a few slices of it are read.

    Returns
    -------
    ScanNoise, or None when the scan shows too little uniform soft tissue (a cut-out, a phantom in air).
    """
    slices = np.unique(np.linspace(0, volume.shape_zyx[0] - 1, SLICES_LOOKED_AT).round().astype(int))
    patches = _without_slope(np.concatenate([_soft_patches(volume.array_hu[k]) for k in slices]))
    spread = patches.var(axis=(1, 2), ddof=3)
    real = spread > LEAST_SD_HU**2  # drawn, padded or burnt-in areas have no noise at all
    flat, variance = patches[real], spread[real]
    if len(flat) < FEWEST_PATCHES:
        return None
    calm = flat[variance <= np.quantile(variance, UNIFORM_SHARE)]
    correlation = _correlation_voxels(calm)
    sd_hu = math.sqrt(float(np.quantile(variance, UNIFORM_SHARE)) / _expected_quantile(correlation))
    return ScanNoise(sd_hu, correlation)


def _expected_quantile(correlation_voxels: float) -> float:
    """Lower quartile of the patches' variances as a share of the true variance, for noise that goes together.

    A patch holds so many independent values as it has voxels over ``correlation_voxels``; taking off level and slope
    costs three of them; the quartile of the chi-square that is left by Wilson and Hilferty's formula.
    """
    independent = PATCH**2 / correlation_voxels
    lost = (PATCH**2 - 3 * correlation_voxels) / (PATCH**2 - 3)
    spread = 2 / (9 * (independent - 3))
    return float(lost * (1 - spread - LOWER_QUARTILE * math.sqrt(spread)) ** 3)


def _soft_patches(plane: NDArray[np.int16]) -> NDArray[np.float64]:
    """Cut a slice into squares (n, PATCH, PATCH) and keep those wholly of soft tissue."""
    rows, columns = (n // PATCH for n in plane.shape)
    whole = plane[: rows * PATCH, : columns * PATCH].astype(np.float64)
    tiles = whole.reshape(rows, PATCH, columns, PATCH).swapaxes(1, 2).reshape(-1, PATCH, PATCH)
    mean = tiles.mean(axis=(1, 2))
    soft = (mean > SOFT_TISSUE_HU[0]) & (mean < SOFT_TISSUE_HU[1]) & (tiles.min(axis=(1, 2)) > -400)
    chosen: NDArray[np.float64] = tiles[soft]
    return chosen


def _without_slope(patches: NDArray[np.float64]) -> NDArray[np.float64]:
    ramp = np.arange(PATCH) - (PATCH - 1) / 2
    level = patches.mean(axis=(1, 2), keepdims=True)
    norm = PATCH * (ramp**2).sum()
    down = (patches * ramp[:, None]).sum(axis=(1, 2), keepdims=True) / norm
    across = (patches * ramp).sum(axis=(1, 2), keepdims=True) / norm
    flat: NDArray[np.float64] = patches - level - down * ramp[:, None] - across * ramp
    return flat


def _correlation_voxels(flat: NDArray[np.float64]) -> float:
    """Sum of the in-plane autocorrelation from the lag-1 values along both axes, as for an exponential decay."""
    variance = (flat**2).mean()
    along = [(flat[:, 1:] * flat[:, :-1]).mean() / variance, (flat[:, :, 1:] * flat[:, :, :-1]).mean() / variance]
    factors = [(1 + r) / (1 - r) for r in np.clip(along, 0.0, 0.8)]
    return float(np.clip(factors[0] * factors[1], 1.0, 12.0))
