"""The start: a map that brings the lungs of one scan roughly onto those of the other.

Percentiles of the lung voxels, not moments or bounding boxes: a missing recess or a stray voxel hardly moves them.
Where a scan cuts the lungs, the two are first slid along each other until their cross-sections agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registration.errors import NoCommonLung
from registration.lungs import LEFT, RIGHT, Lungs

PERCENTILES: Final = (3.0, 97.0)
SCALE_LIMITS: Final = (0.75, 1.33)  # a breath does not stretch a lung by more
COMMON_LUNG_MM: Final = 60.0  # less shared height than this holds too little structure
SLIDE_MM: Final = 2.0
SLIDE_SCALES: Final = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15)


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``x -> matrix @ (x - centre_mm) + centre_mm + shift_mm`` from one frame into another.

    Parameters
    ----------
    matrix : (3, 3)
    centre_mm, shift_mm : (3,)
        Order z, y, x.
    """

    matrix: NDArray[np.float64]
    centre_mm: NDArray[np.float64]
    shift_mm: NDArray[np.float64]

    def __call__(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map frame points (n, 3)."""
        mapped: NDArray[np.float64] = (points_mm - self.centre_mm) @ self.matrix.T + self.centre_mm + self.shift_mm
        return mapped

    def plus(self, other: Affine) -> Affine:
        """The map that adds the displacement of ``other``, which has the same centre, to this one."""
        return Affine(self.matrix + other.matrix - np.eye(3), self.centre_mm, self.shift_mm + other.shift_mm)


def lung_points_mm(lungs: Lungs, origin_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres (n, 3) of all lung voxels in the frame, whose point of the first voxel is ``origin_mm``."""
    points: NDArray[np.float64] = np.argwhere(lungs.mask) * np.asarray(lungs.spacing_zyx_mm) + origin_mm
    return points


def start_affine(
    prior: Lungs, current: Lungs, prior_origin_mm: NDArray[np.float64], current_origin_mm: NDArray[np.float64]
) -> Affine:
    """Diagonal map of the prior's lungs onto the current's.

    Parameters
    ----------
    prior, current
        Lungs of both scans.
    prior_origin_mm, current_origin_mm : (3,)
        Frame points of the first voxels of their masks.

    Raises
    ------
    NoCommonLung
        The scans share less than 60 mm of lung along the body axis.
    """
    here, there = lung_points_mm(prior, prior_origin_mm), lung_points_mm(current, current_origin_mm)
    if prior.cut_above or prior.cut_below or current.cut_above or current.cut_below:
        z_scale, z_shift_mm = _slide_along_z(prior, current, prior_origin_mm, current_origin_mm)
        image_of_here = here[:, 0] * z_scale + z_shift_mm
        low = max(image_of_here.min(), there[:, 0].min())
        high = min(image_of_here.max(), there[:, 0].max())
        here = here[(image_of_here >= low) & (image_of_here <= high)]
        there = there[(there[:, 0] >= low) & (there[:, 0] <= high)]
        affine = _from_percentiles(here, there)
        affine.matrix[0, 0] = z_scale
        affine.shift_mm[0] = affine.centre_mm[0] * (z_scale - 1) + z_shift_mm
        return affine
    return _from_percentiles(here, there)


def _from_percentiles(here: NDArray[np.float64], there: NDArray[np.float64]) -> Affine:
    """Map the box between two percentiles of one point cloud onto that of the other."""
    low_here, high_here = np.percentile(here, PERCENTILES, axis=0)
    low_there, high_there = np.percentile(there, PERCENTILES, axis=0)
    scale = np.clip((high_there - low_there) / (high_here - low_here), *SCALE_LIMITS)
    centre = (low_here + high_here) / 2
    return Affine(np.diag(scale), centre, (low_there + high_there) / 2 - centre)


def _profile(lungs: Lungs, origin_z_mm: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heights (n,) of the slices and the cross-section (n, 2) of right and left lung in mm^2."""
    pixel_mm2 = lungs.spacing_zyx_mm[1] * lungs.spacing_zyx_mm[2]
    areas = np.stack([np.count_nonzero(lungs.mask == side, axis=(1, 2)) for side in (RIGHT, LEFT)], axis=1)
    heights = origin_z_mm + np.arange(len(areas), dtype=np.float64) * lungs.spacing_zyx_mm[0]
    return heights, areas * pixel_mm2


def _slide_along_z(
    prior: Lungs, current: Lungs, prior_origin_mm: NDArray[np.float64], current_origin_mm: NDArray[np.float64]
) -> tuple[float, float]:
    """Scale and shift along z under which the cross-sections of both scans agree best where both show lung.

    Outside the lung the cross-section is zero only where the scan goes on; beyond the scan it is unknown and not
    compared. The mean difference is held against the mean area, so that a short overlap gains nothing.
    """
    prior_z, prior_mm2 = _profile(prior, float(prior_origin_mm[0]))
    current_z, current_mm2 = _profile(current, float(current_origin_mm[0]))
    best, best_cost = (1.0, 0.0), np.inf
    widest_mm = 0.0
    reach = np.arange(current_z[0] - prior_z[-1], current_z[-1] - prior_z[0], SLIDE_MM)
    pivot = prior_z.mean()
    for scale in SLIDE_SCALES:
        for slide_mm in reach:
            image_z = (prior_z - pivot) * scale + pivot + slide_mm
            both = (image_z >= current_z[0]) & (image_z <= current_z[-1])
            if np.count_nonzero(both) < 2:
                continue
            expected = np.stack([np.interp(image_z[both], current_z, current_mm2[:, side]) for side in (0, 1)], axis=1)
            seen = prior_mm2[both]
            shared_mm = float(np.count_nonzero((seen.sum(axis=1) > 0) & (expected.sum(axis=1) > 0))) * scale
            shared_mm *= prior.spacing_zyx_mm[0]
            widest_mm = max(widest_mm, shared_mm)
            if shared_mm < COMMON_LUNG_MM:
                continue
            cost = float(np.abs(expected - seen).sum() / (expected + seen).sum()) + 0.1 * abs(scale - 1)
            if cost < best_cost:
                best, best_cost = (scale, float(pivot + slide_mm - pivot * scale)), cost
    if not np.isfinite(best_cost):
        raise NoCommonLung(shared_mm=widest_mm)
    return best
