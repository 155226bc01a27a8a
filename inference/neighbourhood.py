"""The few centimetres around one point, in the scan's own voxels, with positions in millimetres."""

from __future__ import annotations

from collections.abc import Iterator
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
WALL_PERCENTILE = 90.0  # a thin wall is as bright as its tissue in its middle only
NEAR_HOLE_MM = 11.0  # around the asked point: half a block of its own
NEAR_HOLE_LEVELS_HU = (-400.0, -300.0, -200.0, -600.0, -700.0)
LEAST_NEAR_HOLE_MM3 = 2.0
HOLE_DEPTH_HU = 150.0  # that a small hole is darker than what encloses it: no noise is, smoothed


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
        """The same block with air that tissue encloses on all sides (cavities) as bright as the tissue around it.

        A small cavity is never as dark as air, nor a thin wall as bright as tissue: near the asked point a hole is
        also what is enclosed at any other level, and darker than that level by far.
        """
        smooth = self.smoothed(HOLE_SMOOTHING_MM)
        hu = self.hu.copy()
        for hole in _enclosed(smooth, HOLE_HU, LEAST_HOLE_MM3 / float(np.prod(self.spacing_mm))):
            _fill(hu, smooth, hole, HOLE_HU, self.spacing_mm)
        reach = np.ceil(NEAR_HOLE_MM / self.spacing_mm).astype(int)
        seed = np.rint(self.seed_mm / self.spacing_mm).astype(int)
        near = tuple(slice(max(at - r, 0), at + r + 1) for at, r in zip(seed, reach, strict=True))
        for level_hu in NEAR_HOLE_LEVELS_HU:
            for hole in _enclosed(smooth, level_hu, LEAST_NEAR_HOLE_MM3 / float(np.prod(self.spacing_mm))):
                unfilled = hole[near].any() and (hu == self.hu)[hole].all()
                if unfilled and float(smooth[hole].min()) < level_hu - HOLE_DEPTH_HU:
                    _fill(hu, smooth, hole, level_hu, self.spacing_mm)
        return replace(self, hu=hu)


def _enclosed(smooth: NDArray[np.float32], level_hu: float, least_voxels: float) -> Iterator[NDArray[np.bool_]]:
    """Dark regions (z, y, x) that do not reach the block's border, the first found first."""
    labels, count = ndimage.label(smooth < level_hu)
    edges = [labels[[0, -1]], labels[:, [0, -1]], labels[:, :, [0, -1]]]
    enclosed = np.bincount(labels.ravel(), minlength=count + 1) >= least_voxels
    enclosed[np.unique(np.concatenate([[0], *(edge.ravel() for edge in edges)]))] = False
    for label in np.flatnonzero(enclosed):
        yield labels == label


def _fill(
    hu: NDArray[np.float32], smooth: NDArray[np.float32], hole: NDArray[np.bool_], level_hu: float, spacing_mm: Floats
) -> None:
    """Make a hole, and what its blur darkens around it, as bright as the brightest of its walls."""
    (place,) = ndimage.find_objects(hole.astype(np.int8))
    margin = np.ceil(2 * HOLE_RIM_MM / spacing_mm).astype(int)
    z, y, x = (slice(max(at.start - m, 0), at.stop + m) for at, m in zip(place, margin, strict=True))
    part, brightness = hu[z, y, x], smooth[z, y, x]
    away_mm = ndimage.distance_transform_edt(~hole[z, y, x], sampling=spacing_mm)
    tissue = (brightness >= level_hu) & (away_mm < 2 * HOLE_RIM_MM)
    rim = (away_mm == 0) | (tissue & (away_mm < HOLE_RIM_MM))
    part[rim] = np.maximum(part[rim], np.percentile(part[tissue], WALL_PERCENTILE))


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
