"""Round bright spots of the lungs at several sizes: maxima of a blob filter, many more than there are nodules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from inference.neighbourhood import Floats
from registration.grid import Grid
from registration.lungs import Lungs
from registration.pyramid import Frame, crop_around
from registration.volume import Volume

SCALES_MM: Final = (1.4, 2.0, 2.8, 4.0, 5.5)  # standard deviations; a ball answers most at 0.29 of its diameter
WINDOW_HU: Final = (-950.0, 50.0)
OUTSIDE_HU: Final = -860.0  # chest wall and mediastinum painted as lung
LEAST_RESPONSE: Final = 14.0
LEAST_RISE_HU: Final = 100.0  # of the spot above ordinary lung
LEAST_SHARE: Final = 0.28  # of the rise that the response must reach; a ball of the filter's size gives about 0.6
HIGHEST_RISE_HU: Final = 900.0
RISE_BLUR_MM: Final = 1.0
DECIMATION: Final = 0.55  # of the scale: grid on which that scale is filtered
APART_MM: Final = 2.0
APART_SCALES: Final = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Maxima of the blob filter: positions (n, 3) in the scan's frame, response (n,) and scale (n,)."""

    points_mm: Floats
    response: Floats
    scale_mm: Floats

    def __getitem__(self, chosen: NDArray[np.int_] | NDArray[np.bool_]) -> Spots:
        return Spots(self.points_mm[chosen], self.response[chosen], self.scale_mm[chosen])


def find_spots(
    volume: Volume,
    frame: Frame,
    lungs: Lungs,
    *,
    highest_hu: float = WINDOW_HU[1],
    scales_mm: Sequence[float] = SCALES_MM,
) -> Spots:
    """Find what answers like a ball at some size.

    Parameters
    ----------
    frame
        Of the volume.
    lungs
        Of this scan.
    highest_hu
        What is brighter counts as this: a vessel then is no brighter than the ground glass that it runs through.
    scales_mm
        Sizes of the filter, standard deviations.

    Returns
    -------
    Spots, the strongest first: some thousands in a chest.
    """
    grid, image = _lung_image(volume, frame, lungs)
    np.minimum(image, highest_hu, out=image)
    found = [_spots_of(grid, image, scale) for scale in scales_mm]
    spots = Spots(
        np.concatenate([one.points_mm for one in found]),
        np.concatenate([one.response for one in found]),
        np.concatenate([one.scale_mm for one in found]),
    )
    return _apart(spots[_stands_out(spots, grid, image)])


def _lung_image(volume: Volume, frame: Frame, lungs: Lungs) -> tuple[Grid, NDArray[np.float32]]:
    """The lungs at about 1.4 mm with everything else painted as lung."""
    spacing, origin = np.asarray(lungs.spacing_zyx_mm), frame.from_lps(lungs.origin_lps_mm)
    inside = np.argwhere(lungs.mask > 0)
    grid = crop_around(volume, frame, inside.min(axis=0) * spacing + origin, inside.max(axis=0) * spacing + origin)
    axes = [
        np.clip(np.rint((np.arange(n) * step + first - start) / coarse).astype(int), 0, size - 1)
        for n, step, first, start, coarse, size in zip(
            grid.image.shape, grid.spacing_mm, grid.origin_mm, origin, spacing, lungs.mask.shape, strict=True
        )
    ]
    in_lung = (lungs.mask > 0)[np.ix_(*axes)]
    image = np.clip(grid.image, *WINDOW_HU).astype(np.float32)
    image[~in_lung] = OUTSIDE_HU
    return grid, image


def _stands_out(spots: Spots, grid: Grid, image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which spots rise above lung, and answer as a ball of that brightness would.

    Dividing by the brightness keeps faint ground glass, whose response is below that of a thousand vessels.
    """
    index = np.rint((spots.points_mm - grid.origin_mm) / grid.spacing_mm).astype(int)
    z, y, x = np.clip(index, 0, np.asarray(image.shape) - 1).T
    soft = ndimage.gaussian_filter(image, RISE_BLUR_MM / grid.spacing_mm, truncate=3.0)
    rise = soft[z, y, x] - OUTSIDE_HU
    share = spots.response / np.clip(rise, LEAST_RISE_HU, HIGHEST_RISE_HU)
    chosen: NDArray[np.bool_] = (rise > LEAST_RISE_HU) & (share > LEAST_SHARE)
    return chosen


def _spots_of(grid: Grid, image: NDArray[np.float32], scale_mm: float) -> Spots:
    """Maxima of the scale-normalised Laplacian, weighted by how equally bright the three directions curve."""
    step = np.maximum(1, np.round(scale_mm * DECIMATION / grid.spacing_mm)).astype(int)
    means = _decimated(image, step)
    spacing = grid.spacing_mm * step
    missing = np.sqrt(np.maximum(scale_mm**2 - spacing**2 / 12, 0.3))  # the block means have blurred already
    smooth = ndimage.gaussian_filter(means, missing / spacing, mode="nearest", truncate=3.0)
    curvature = sum(_second_difference(smooth, axis) / spacing[axis] ** 2 for axis in range(3))
    brightness = -(scale_mm**2) * np.asarray(curvature, np.float32)
    peaks = (ndimage.maximum_filter(brightness, 3) == brightness) & (brightness > LEAST_RESPONSE)
    peaks[[0, -1]] = peaks[:, [0, -1]] = peaks[:, :, [0, -1]] = False
    index = np.argwhere(peaks)
    roundness = _roundness(smooth, index, spacing)
    response = brightness[peaks] * np.sqrt(roundness)
    kept = response > LEAST_RESPONSE
    points = index[kept] * spacing + grid.origin_mm + (step - 1) / 2 * grid.spacing_mm
    return Spots(points, response[kept].astype(np.float64), np.full(int(kept.sum()), scale_mm))


def _decimated(image: NDArray[np.float32], step: NDArray[np.int_]) -> NDArray[np.float32]:
    if (step == 1).all():
        return image
    count = np.asarray(image.shape) // step
    whole = image[: count[0] * step[0], : count[1] * step[1], : count[2] * step[2]]
    blocks = whole.reshape(count[0], step[0], count[1], step[1], count[2], step[2])
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3, 5))
    return means


def _second_difference(image: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    bent = np.zeros_like(image)
    here = np.moveaxis(image, axis, 0)
    np.moveaxis(bent, axis, 0)[1:-1] = here[2:] + here[:-2] - 2 * here[1:-1]
    return bent


def _roundness(smooth: NDArray[np.float32], index: NDArray[np.int_], spacing: Floats) -> Floats:
    """27 det / trace^3 of the negative Hessian (n,): 1 for a ball, near 0 for a tube or a plate, 0 where not a peak."""
    hessian = np.empty((len(index), 3, 3))
    unit = np.eye(3, dtype=int)

    def value(offset: NDArray[np.int_]) -> Floats:
        z, y, x = (index + offset).T
        at: Floats = smooth[z, y, x].astype(np.float64)
        return at

    middle = value(np.zeros(3, int))
    for a in range(3):
        hessian[:, a, a] = (value(unit[a]) + value(-unit[a]) - 2 * middle) / spacing[a] ** 2
        for b in range(a):
            mixed = value(unit[a] + unit[b]) - value(unit[a] - unit[b])
            mixed += value(-unit[a] - unit[b]) - value(unit[b] - unit[a])
            hessian[:, a, b] = hessian[:, b, a] = mixed / (4 * spacing[a] * spacing[b])
    bright = -np.linalg.eigvalsh(hessian)
    trace = bright.sum(axis=1)
    round_: Floats = 27 * bright.prod(axis=1) / np.maximum(trace, 1e-6) ** 3
    return np.where((bright > 0).all(axis=1), round_, 0.0)


def _apart(spots: Spots) -> Spots:
    """Keep the strongest answer of each place over all scales; a weak one never silences a stronger one."""
    ordered = spots[np.argsort(-spots.response, kind="stable")]
    if not len(ordered.response):
        return ordered
    reach = np.maximum(APART_MM, APART_SCALES * ordered.scale_mm)
    alive = np.ones(len(reach), bool)
    for first, others in enumerate(cKDTree(ordered.points_mm).query_ball_point(ordered.points_mm, reach)):
        if alive[first]:
            alive[[other for other in others if other > first]] = False
    return ordered[alive]
