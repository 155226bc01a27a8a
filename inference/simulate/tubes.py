"""Vessels, airways and ribs as tapering round segments, and the share of every voxel that they fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.simulate.grid import Floats, Grid

CHUNK_VOXELS = 1_500_000  # of boxes worked on at once: large enough for numpy, small enough for the cache and memory
BOX_QUANTUM = 3  # boxes are rounded up to multiples of this, so that many share one shape


@dataclass(frozen=True, slots=True, eq=False)
class Tubes:
    """Many straight segments, each a cone between two radii with round ends.

    Parameters
    ----------
    starts_lps_mm, ends_lps_mm : (n, 3)
        Order x, y, z.
    start_radii_mm, end_radii_mm : (n,)
        Radii at both ends.
    flattening : float
        1: round. 1.6: the cross-section is 1.6 times as high (along z) as it is thick.
    """

    starts_lps_mm: NDArray[np.float64]
    ends_lps_mm: NDArray[np.float64]
    start_radii_mm: NDArray[np.float64]
    end_radii_mm: NDArray[np.float64]
    flattening: float = 1.0

    def __len__(self) -> int:
        return len(self.starts_lps_mm)

    @classmethod
    def along(cls, path_lps_mm: NDArray[np.float64], radii_mm: NDArray[np.float64], flattening: float = 1.0) -> Tubes:
        """One tube through the points of a path, (n, 3) and (n,)."""
        return cls(path_lps_mm[:-1], path_lps_mm[1:], radii_mm[:-1], radii_mm[1:], flattening)

    @classmethod
    def joined(cls, parts: list[Tubes]) -> Tubes:
        """All segments of several tubes of one flattening."""
        (flattening,) = {part.flattening for part in parts}
        return cls(
            np.concatenate([part.starts_lps_mm for part in parts]),
            np.concatenate([part.ends_lps_mm for part in parts]),
            np.concatenate([part.start_radii_mm for part in parts]),
            np.concatenate([part.end_radii_mm for part in parts]),
            flattening,
        )

    def grown(self, by_mm: float) -> Tubes:
        """The same tubes thicker by ``by_mm`` all round; negative: thinner. Those that vanish are left out."""
        keep = (self.start_radii_mm + by_mm > 0) & (self.end_radii_mm + by_mm > 0)
        return Tubes(
            self.starts_lps_mm[keep],
            self.ends_lps_mm[keep],
            self.start_radii_mm[keep] + by_mm,
            self.end_radii_mm[keep] + by_mm,
            self.flattening,
        )

    def moved(self, move: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Tubes:
        """The same tubes after a motion of points (n, 3); radii stay."""
        return Tubes(
            move(self.starts_lps_mm),
            move(self.ends_lps_mm),
            self.start_radii_mm,
            self.end_radii_mm,
            self.flattening,
        )


def near_mm(tubes: Tubes, grid: Grid, reach_mm: float) -> Floats:
    """Signed distance to the union of round tubes, negative inside, where it is below ``reach_mm``.

    Returns
    -------
    (z, y, x)
        ``reach_mm`` wherever the tubes are farther away.
    """
    nearest = np.full(grid.shape_zyx, reach_mm, np.float32)
    spacing, origin = np.asarray(grid.spacing_zyx_mm), np.asarray(grid.origin_zyx_mm)
    for start, end, r0, r1 in zip(
        tubes.starts_lps_mm, tubes.ends_lps_mm, tubes.start_radii_mm, tubes.end_radii_mm, strict=True
    ):
        reach = max(r0, r1) + reach_mm
        low = np.maximum(np.floor((np.minimum(start, end)[::-1] - reach - origin) / spacing).astype(int), 0)
        high = np.minimum(
            np.ceil((np.maximum(start, end)[::-1] + reach - origin) / spacing).astype(int) + 1, grid.shape_zyx
        )
        if np.any(high <= low):
            continue
        z, y, x = (origin[k] + spacing[k] * np.arange(low[k], high[k]) for k in range(3))
        offset_z, offset_y, offset_x = z[:, None, None] - start[2], y[:, None] - start[1], x - start[0]
        along = end - start
        length2 = max(float(along @ along), 1e-9)
        share = np.clip((offset_z * along[2] + offset_y * along[1] + offset_x * along[0]) / length2, 0, 1)
        distance = np.sqrt(
            (offset_z - share * along[2]) ** 2 + (offset_y - share * along[1]) ** 2 + (offset_x - share * along[0]) ** 2
        )
        box = nearest[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        np.minimum(box, distance - (r0 + share * (r1 - r0)), out=box, casting="same_kind")
    return nearest


def fill(tubes: Tubes, grid: Grid, covered: Floats) -> None:
    """Raise ``covered`` to the share of each voxel that lies inside the tubes.

    A tube thinner than a voxel keeps its cross-section: it is drawn as wide as the voxel and correspondingly fainter.

    Parameters
    ----------
    tubes
        What to draw.
    grid
        Voxels of ``covered``.
    covered : (z, y, x)
        Between 0 and 1; changed in place.
    """
    edge = float(np.mean(grid.spacing_zyx_mm[1:]))
    flat = covered.reshape(-1)
    for boxes, share in _boxes(tubes, grid, edge):
        inside = share > 0
        np.maximum.at(flat, boxes[inside], share[inside])


def _boxes(tubes: Tubes, grid: Grid, edge_mm: float) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Voxel numbers and shares around segments, many segments of like size at once."""
    shape = np.asarray(grid.shape_zyx)
    spacing = np.asarray(grid.spacing_zyx_mm)
    origin = np.asarray(grid.origin_zyx_mm)
    starts, ends = tubes.starts_lps_mm[:, ::-1] - origin, tubes.ends_lps_mm[:, ::-1] - origin
    reach = np.maximum(tubes.start_radii_mm, tubes.end_radii_mm)[:, None] + 1.5 * edge_mm
    reach = reach * np.array([tubes.flattening, 1.0, 1.0])
    low = np.floor((np.minimum(starts, ends) - reach) / spacing).astype(np.intp)
    high = np.ceil((np.maximum(starts, ends) + reach) / spacing).astype(np.intp) + 1
    low, high = np.maximum(low, 0), np.minimum(high, shape)
    seen = np.flatnonzero(np.all(high > low, axis=1))
    sizes = -(-(high[seen] - low[seen]) // BOX_QUANTUM) * BOX_QUANTUM
    sizes = np.minimum(sizes, shape)
    low[seen] = np.minimum(low[seen], shape - sizes)  # a rounded-up box must still lie in the grid
    kinds, kind_of = np.unique(sizes, axis=0, return_inverse=True)
    for kind, size in enumerate(kinds):
        members = seen[kind_of.reshape(-1) == kind]
        per_chunk = max(1, CHUNK_VOXELS // int(np.prod(size)))
        for first in range(0, len(members), per_chunk):
            chosen = members[first : first + per_chunk]
            offsets = [low[chosen, axis][:, None] + np.arange(size[axis]) for axis in range(3)]
            share = _share(tubes, chosen, starts, ends, [o * s for o, s in zip(offsets, spacing, strict=True)], edge_mm)
            z, y, x = offsets
            numbers = (z[:, :, None, None] * shape[1] + y[:, None, :, None]) * shape[2] + x[:, None, None, :]
            yield numbers, share


def _share(
    tubes: Tubes,
    chosen: NDArray[np.intp],
    starts_zyx_mm: NDArray[np.float64],
    ends_zyx_mm: NDArray[np.float64],
    axes_mm: list[NDArray[np.float64]],
    edge_mm: float,
) -> Floats:
    """Share of each voxel of each box inside its segment, (n, z, y, x)."""
    squeeze = np.array([1 / tubes.flattening, 1.0, 1.0])
    start = starts_zyx_mm[chosen] * squeeze
    along = ends_zyx_mm[chosen] * squeeze - start
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    unit = (along / length[:, None]).astype(np.float32)
    z, y, x = ((axis_mm * squeeze[k] - start[:, k : k + 1]).astype(np.float32) for k, axis_mm in enumerate(axes_mm))
    z, y, x = z[:, :, None, None], y[:, None, :, None], x[:, None, None, :]
    u = unit[:, None, None, None, :]
    at = z * u[..., 0] + y * u[..., 1] + x * u[..., 2]
    distance2 = (z * z + y * y) + x * x
    beyond = at - np.clip(at, 0, length.astype(np.float32)[:, None, None, None])
    distance2 -= at * at
    distance2 += beyond * beyond
    r0, r1 = (r[chosen].astype(np.float32)[:, None, None, None] for r in (tubes.start_radii_mm, tubes.end_radii_mm))
    at -= beyond
    at /= length.astype(np.float32)[:, None, None, None]
    radius = r0 + at * (r1 - r0)
    # A disc with a linear rim covers pi (drawn^2 + rim^2 / 12), which must equal the true cross-section.
    rim2 = np.float32(edge_mm**2 / 12)
    drawn = np.sqrt(np.maximum(radius * radius - rim2, np.float32((0.5 * edge_mm) ** 2)))
    share: Floats = np.clip((drawn - np.sqrt(np.maximum(distance2, 0))) / np.float32(edge_mm) + np.float32(0.5), 0, 1)
    share *= radius * radius / (drawn * drawn + rim2)
    return share
