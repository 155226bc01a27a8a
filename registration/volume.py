"""A CT scan as numbers with a place in the patient. numpy only, so that the web process may use it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

AIR_HU = -1000


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One CT series as an array in Hounsfield units, and where that array lies in the patient.

    Parameters
    ----------
    array_hu : (z, y, x)
        ``int16``. May be memory-mapped. Outside the reconstructed field it holds whatever the scanner wrote
        (often -2048); consumers clip.
    spacing_zyx_mm
        Distance between neighbouring voxel centres along each array axis.
    origin_lps_mm
        Patient coordinates of the centre of voxel (0, 0, 0), order x, y, z.
    direction : (3, 3)
        Columns are the unit vectors, in LPS, along which array axes x, y, z increase (ITK's convention).
    """

    array_hu: NDArray[np.int16]
    spacing_zyx_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.array_hu.ndim != 3 or self.array_hu.dtype != np.int16:
            raise ValueError(f"a volume is a 3-D int16 array, not {self.array_hu.ndim}-D {self.array_hu.dtype}")
        if not min(self.spacing_zyx_mm) > 0:
            raise ValueError(f"spacing must be positive: {self.spacing_zyx_mm}")

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Number of voxels along each array axis."""
        z, y, x = self.array_hu.shape
        return z, y, x

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_zyx_mm))

    def index_from_lps(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Continuous array indices of patient points.

        Parameters
        ----------
        points_lps_mm : (n, 3) or (3,)
            Order x, y, z.

        Returns
        -------
        (n, 3) or (3,)
            Order z, y, x; (0, 0, 0) is the centre of the first voxel.
        """
        offset = np.asarray(points_lps_mm, dtype=np.float64) - np.asarray(self.origin_lps_mm)
        along_axes_mm = offset @ np.asarray(self.direction)  # orthonormal: the inverse is the transpose
        index: NDArray[np.float64] = along_axes_mm[..., ::-1] / np.asarray(self.spacing_zyx_mm)
        return index

    def lps_from_index(self, index_zyx: ArrayLike) -> NDArray[np.float64]:
        """Patient points of continuous array indices; the inverse of :meth:`index_from_lps`."""
        along_axes_mm = (np.asarray(index_zyx, dtype=np.float64) * np.asarray(self.spacing_zyx_mm))[..., ::-1]
        points: NDArray[np.float64] = along_axes_mm @ np.asarray(self.direction).T + np.asarray(self.origin_lps_mm)
        return points

    def contains(self, points_lps_mm: ArrayLike) -> NDArray[np.bool_]:
        """Tell which points lie within the outermost voxel centres, half a voxel of slack included."""
        index = self.index_from_lps(points_lps_mm)
        within: NDArray[np.bool_] = np.all((index >= -0.5) & (index <= np.asarray(self.shape_zyx) - 0.5), axis=-1)
        return within

    def crop(self, start_zyx: tuple[int, int, int], stop_zyx: tuple[int, int, int]) -> Volume:
        """Cut out a block ``[start, stop)``, clipped to the volume; a view, nothing is copied."""
        start = np.maximum(start_zyx, 0)
        stop = np.minimum(stop_zyx, self.shape_zyx)
        block = self.array_hu[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
        x, y, z = self.lps_from_index(start)
        return Volume(block, self.spacing_zyx_mm, (float(x), float(y), float(z)), self.direction)
