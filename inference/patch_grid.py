"""Where the voxels of a network's cube lie in the patient, and how what it says there gets onto the scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from inference.patches import Singles
from registration.pyramid import Frame
from registration.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class PatchGrid:
    """The voxels of a cube that ``inference.patches.cut_patches`` cut.

    Parameters
    ----------
    centre_lps_mm
        Middle of the cube.
    side, step_mm
        Voxels along each edge and their distance.
    rotation : (3, 3)
        Columns are the unit vectors, in LPS, along which the cube's axes x, y, z increase: towards left, back, head.
    """

    centre_lps_mm: tuple[float, float, float]
    side: int
    step_mm: float
    rotation: NDArray[np.float64]

    @classmethod
    def about(cls, volume: Volume, point_lps_mm: ArrayLike, *, side: int, step_mm: float) -> PatchGrid:
        """Tell where the cube about a point of a scan lies."""
        x, y, z = (float(v) for v in np.asarray(point_lps_mm, dtype=np.float64))
        return cls((x, y, z), side, step_mm, Frame.of(volume).rotation)

    @property
    def voxel_mm3(self) -> float:
        """Volume of one voxel."""
        return self.step_mm**3

    def lps_from_index(self, index_zyx: ArrayLike) -> NDArray[np.float64]:
        """Patient points (..., 3) of continuous indices (..., 3) of the cube."""
        offset_mm = (np.asarray(index_zyx, dtype=np.float64) - 0.5 * (self.side - 1)) * self.step_mm
        points: NDArray[np.float64] = offset_mm[..., ::-1] @ self.rotation.T + np.asarray(self.centre_lps_mm)
        return points

    def index_from_lps(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Continuous indices (..., 3), order z, y, x, of patient points; the inverse of :meth:`lps_from_index`."""
        offset = np.asarray(points_lps_mm, dtype=np.float64) - np.asarray(self.centre_lps_mm)
        index: NDArray[np.float64] = (offset @ self.rotation)[..., ::-1] / self.step_mm + 0.5 * (self.side - 1)
        return index

    def onto(self, volume: Volume, values: Singles) -> tuple[Singles, tuple[int, int, int]]:
        """Carry values of the cube to the voxels of a scan.

        Parameters
        ----------
        values : (side, side, side)

        Returns
        -------
        (z, y, x), and the index of its first voxel
            The part of the scan within the cube, linearly interpolated; 0 beyond the cube.
        """
        ends = np.array(np.meshgrid(*[[0.0, self.side - 1.0]] * 3, indexing="ij")).reshape(3, -1).T
        corners = volume.index_from_lps(self.lps_from_index(ends))
        start = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        stop = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, volume.shape_zyx)
        shape = np.maximum(stop - start, 0)
        index = np.moveaxis(np.indices(shape), 0, -1) + start
        at = np.moveaxis(self.index_from_lps(volume.lps_from_index(index)), -1, 0)
        carried: Singles = ndimage.map_coordinates(values.astype(np.float32), at, order=1, mode="constant", cval=0.0)
        return carried, (int(start[0]), int(start[1]), int(start[2]))
