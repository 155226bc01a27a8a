"""The few centimetres around one point, in the scan's own voxels, with positions in millimetres."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from inference.errors import PointOutsideScan
from registration.volume import Volume

Floats = NDArray[np.float64]

FLOOR_HU = -1024  # below lie only padding values (-2048, -3024) that mean "outside the field of view"
HOLE_HU = -500.0
HOLE_SMOOTHING_MM = 0.5
LEAST_HOLE_MM3 = 10.0  # less may be noise in ground glass
HOLE_RIM_MM = 1.5  # darkened by its blur


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """A block of a scan around a point; nothing is resampled.

    Parameters
    ----------
    hu : (z, y, x)
        ``float32`` copy, padding raised to air.
    start_zyx
        Index in the whole volume of the block's first voxel.
    spacing_mm : (3,)
        Order z, y, x.
    seed_mm : (3,)
        The asked point, order z, y, x, from the centre of the block's first voxel.
    scan_ends_mm : (2, 3)
        Where the scan itself ends, in the same frame: lowest and highest position that has data.
    """

    hu: NDArray[np.float32]
    start_zyx: tuple[int, int, int]
    spacing_mm: Floats
    seed_mm: Floats
    scan_ends_mm: Floats

    def grid_mm(self) -> tuple[Floats, Floats, Floats]:
        """Positions of the voxel centres as three arrays that broadcast to the block."""
        z, y, x = (np.arange(n) * step for n, step in zip(self.hu.shape, self.spacing_mm, strict=True))
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def distance_mm(self, centre_mm: Floats) -> Floats:
        """Distance (z, y, x) of every voxel centre from a point."""
        z, y, x = (axis - at for axis, at in zip(self.grid_mm(), centre_mm, strict=True))
        distance: Floats = np.sqrt(z * z + y * y + x * x)
        return distance

    def smoothed(self, sigma_mm: ArrayLike) -> NDArray[np.float32]:
        """Gaussian-smoothed copy; ``sigma_mm`` is one number or one per axis."""
        sigma = np.broadcast_to(np.asarray(sigma_mm, np.float64), 3) / self.spacing_mm
        smooth: NDArray[np.float32] = ndimage.gaussian_filter(self.hu, sigma, mode="nearest", truncate=3.0)
        return smooth

    def sealed(self) -> Neighbourhood:
        """The same block with air that tissue encloses on all sides (cavities) as bright as the tissue around it."""
        smooth = self.smoothed(HOLE_SMOOTHING_MM)
        labels, count = ndimage.label(smooth < HOLE_HU)
        edges = [labels[[0, -1]], labels[:, [0, -1]], labels[:, :, [0, -1]]]
        enclosed = np.bincount(labels.ravel(), minlength=count + 1) * np.prod(self.spacing_mm) >= LEAST_HOLE_MM3
        enclosed[np.unique(np.concatenate([[0], *(edge.ravel() for edge in edges)]))] = False
        hu = self.hu.copy()
        places = ndimage.find_objects(labels)
        margin = np.ceil(2 * HOLE_RIM_MM / self.spacing_mm).astype(int)
        for label in np.flatnonzero(enclosed):
            z, y, x = (
                slice(max(at.start - m, 0), at.stop + m) for at, m in zip(places[label - 1], margin, strict=True)
            )
            part, brightness = hu[z, y, x], smooth[z, y, x]
            away_mm = ndimage.distance_transform_edt(labels[z, y, x] != label, sampling=self.spacing_mm)
            tissue = (brightness >= HOLE_HU) & (away_mm < 2 * HOLE_RIM_MM)
            rim = (away_mm == 0) | (tissue & (away_mm < HOLE_RIM_MM))
            part[rim] = np.maximum(part[rim], np.percentile(brightness[tissue], 75))
        return replace(self, hu=hu) if enclosed.any() else self


def cut_neighbourhood(volume: Volume, seed_lps_mm: ArrayLike, reach_mm: float) -> Neighbourhood:
    """Cut the block that reaches ``reach_mm`` from the point along every axis.

    Raises
    ------
    PointOutsideScan
        The point is not finite or lies outside the volume.
    """
    seed = np.asarray(seed_lps_mm, dtype=np.float64)
    if seed.shape != (3,) or not np.isfinite(seed).all() or not volume.contains(seed):
        raise PointOutsideScan
    index = volume.index_from_lps(seed)
    spacing = np.asarray(volume.spacing_zyx_mm)
    start = np.maximum(np.floor(index - reach_mm / spacing).astype(int), 0)
    stop = np.minimum(np.ceil(index + reach_mm / spacing).astype(int) + 1, volume.shape_zyx)
    block = volume.array_hu[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
    return Neighbourhood(
        hu=np.maximum(block, FLOOR_HU).astype(np.float32),
        start_zyx=(int(start[0]), int(start[1]), int(start[2])),
        spacing_mm=spacing,
        seed_mm=(index - start) * spacing,
        scan_ends_mm=np.stack([-(start + 0.5) * spacing, (np.asarray(volume.shape_zyx) - start - 0.5) * spacing]),
    )


def sample(values: NDArray[np.float32], points_mm: Floats, spacing_mm: Floats) -> NDArray[np.float32]:
    """Trilinear values at block positions ``(..., 3)`` in order z, y, x; the border is repeated outside."""
    coordinates = (points_mm / spacing_mm).reshape(-1, values.ndim).T
    sampled: NDArray[np.float32] = ndimage.map_coordinates(values, coordinates, order=1, mode="nearest")
    return sampled.reshape(points_mm.shape[:-1])
