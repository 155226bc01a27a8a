"""Where a simulated scan has its voxels, and how smooth fields get from coarse nodes to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grid:
    """An axis-aligned block of voxels in the patient: x to the left, y to the back, z to the head.

    Parameters
    ----------
    shape_zyx
        Number of voxels along each axis.
    spacing_zyx_mm
        Distance of neighbouring voxel centres.
    origin_zyx_mm
        Centre of voxel (0, 0, 0); LPS coordinates in array order z, y, x.
    """

    shape_zyx: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]
    origin_zyx_mm: tuple[float, float, float]

    @classmethod
    def centred(cls, shape_zyx: tuple[int, int, int], spacing_zyx_mm: tuple[float, float, float]) -> Grid:
        """Put the middle of the block on the middle of the chest."""
        z, y, x = (-0.5 * (n - 1) * step for n, step in zip(shape_zyx, spacing_zyx_mm, strict=True))
        return cls(shape_zyx, spacing_zyx_mm, (z, y, x))

    def axis_mm(self, axis: int) -> NDArray[np.float64]:
        """Coordinates of the voxel centres along array axis 0 (z), 1 (y) or 2 (x)."""
        steps = np.arange(self.shape_zyx[axis], dtype=np.float64)
        return self.origin_zyx_mm[axis] + self.spacing_zyx_mm[axis] * steps

    def planes(self, start: int, stop: int) -> Grid:
        """Cut out the planes ``[start, stop)``."""
        z, y, x = self.origin_zyx_mm
        return Grid(
            (stop - start, self.shape_zyx[1], self.shape_zyx[2]),
            self.spacing_zyx_mm,
            (z + start * self.spacing_zyx_mm[0], y, x),
        )

    def divided_along_z(self, parts: int) -> Grid:
        """Cut every plane into ``parts`` thinner ones that fill the same space."""
        z, y, x = self.origin_zyx_mm
        step = self.spacing_zyx_mm[0] / parts
        return Grid(
            (self.shape_zyx[0] * parts, self.shape_zyx[1], self.shape_zyx[2]),
            (step, self.spacing_zyx_mm[1], self.spacing_zyx_mm[2]),
            (z - 0.5 * (parts - 1) * step, y, x),
        )

    def coarse(self, step_mm: float) -> Grid:
        """Nodes every ``step_mm`` that cover this block with one node to spare on each side."""
        counts, starts = [], []
        for n, step, start in zip(self.shape_zyx, self.spacing_zyx_mm, self.origin_zyx_mm, strict=True):
            extent = (n - 1) * step
            counts.append(int(np.ceil(extent / step_mm)) + 3)
            starts.append(start - step_mm)
        return Grid((counts[0], counts[1], counts[2]), (step_mm, step_mm, step_mm), (starts[0], starts[1], starts[2]))

    def points_lps_mm(self) -> Floats:
        """Centres of all voxels.

        Returns
        -------
        (z, y, x, 3)
            Last axis in order x, y, z.
        """
        z, y, x = (self.axis_mm(axis).astype(np.float32) for axis in range(3))
        points = np.empty((*self.shape_zyx, 3), np.float32)
        points[..., 0], points[..., 1], points[..., 2] = x, y[:, None], z[:, None, None]
        return points


def interpolate(values: Floats, nodes: Grid, target: Grid) -> Floats:
    """Carry a smooth field from coarse nodes to the voxels of ``target``, linear along each axis.

    Parameters
    ----------
    values : (z, y, x)
        The field at the nodes.
    nodes
        Grid of the nodes; must cover ``target``.
    target
        Grid of the voxels.

    Returns
    -------
    (z, y, x)
        The field at the voxels.
    """
    for axis in range(3):
        position = (target.axis_mm(axis) - nodes.origin_zyx_mm[axis]) / nodes.spacing_zyx_mm[axis]
        below = np.clip(position.astype(np.intp), 0, nodes.shape_zyx[axis] - 2)
        shape = [1, 1, 1]
        shape[axis] = -1
        share = (position - below).astype(np.float32).reshape(shape)
        lower = np.take(values, below, axis)
        step = np.take(values, below + 1, axis)
        step -= lower
        step *= share
        step += lower
        values = step
    return values
