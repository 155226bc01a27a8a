"""Right and left lung of a CT, without weights, in a fraction of a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from registration import lung_air
from registration.errors import NoLungsFound
from registration.grid import Grid
from registration.pyramid import COARSE_MM, Frame, block_means
from registration.volume import Volume

METHOD: Final = "air in the body on a 3 mm grid, version 1"
RIGHT: Final = 1
LEFT: Final = 2

SMALLEST_LUNGS_ML: Final = 350.0  # both together; the bases on an abdomen scan hold less, a small adult's lungs more
CUT_MM2: Final = 250.0  # lung in the last slice beyond this: the scan ends before the lung does


@dataclass(frozen=True, slots=True, eq=False)
class Lungs:
    """Where the lungs lie, on a grid of about 3 mm whose axes run towards head, back and left.

    Parameters
    ----------
    mask : (z, y, x)
        ``uint8``: 0 outside, 1 right lung, 2 left lung. Vessels and nodules on the pleura belong to the lung;
        trachea and main bronchi do not.
    spacing_zyx_mm, origin_lps_mm, direction
        Geometry of ``mask``, as in :class:`~registration.volume.Volume`.
    right_ml, left_ml
        Volume of each lung, vessels included; 0 for a lung that was not found.
    mean_hu
        Mean over the aerated part (below -500 HU).
    cut_above, cut_below
        The scan ends before the lung does, at the head or at the foot end.
    """

    mask: NDArray[np.uint8]
    spacing_zyx_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: NDArray[np.float64]
    right_ml: float
    left_ml: float
    mean_hu: float
    cut_above: bool
    cut_below: bool

    @property
    def total_ml(self) -> float:
        """Volume of both lungs."""
        return self.right_ml + self.left_ml

    def index_from_lps(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Continuous indices (n, 3) into ``mask``, order z, y, x, of patient points (n, 3)."""
        offset = np.asarray(points_lps_mm, dtype=np.float64) - np.asarray(self.origin_lps_mm)
        along: NDArray[np.float64] = (offset @ self.direction)[..., ::-1] / np.asarray(self.spacing_zyx_mm)
        return along

    def side_of(self, points_lps_mm: ArrayLike) -> NDArray[np.uint8]:
        """Side of patient points (n, 3) or (3,): 0 outside the lungs, 1 right, 2 left."""
        index = np.floor(self.index_from_lps(points_lps_mm) + 0.5).astype(int)
        on_grid = np.all((index >= 0) & (index < self.mask.shape), axis=-1)
        z, y, x = np.moveaxis(np.where(on_grid[..., None], index, 0), -1, 0)
        return np.where(on_grid, self.mask[z, y, x], 0).astype(np.uint8)

    def contains(self, points_lps_mm: ArrayLike) -> NDArray[np.bool_]:
        """Tell which patient points (n, 3) or (3,) lie in either lung."""
        return self.side_of(points_lps_mm) > 0

    def distance_mm(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Distance of patient points to the surface of the lungs, negative inside.

        Parameters
        ----------
        points_lps_mm : (n, 3) or (3,)
            Order x, y, z.

        Returns
        -------
        (n,) or ()
            Good to about half a voxel of the mask, 1.5 mm. Where the scan cuts the lung there is no surface.
        """
        points = np.asarray(points_lps_mm, dtype=np.float64)
        lung = self.mask > 0
        within = ndimage.minimum_filter(lung, footprint=ndimage.generate_binary_structure(3, 1), mode="nearest")
        surface = np.argwhere(lung & ~within) * np.asarray(self.spacing_zyx_mm)
        asked = np.atleast_2d(self.index_from_lps(points)) * np.asarray(self.spacing_zyx_mm)
        to_centre_mm, _ = cKDTree(surface).query(asked)
        half_voxel_mm = 0.5 * float(np.mean(self.spacing_zyx_mm))  # surface voxels lie half a voxel inside
        inside = np.atleast_1d(self.contains(points))
        distance = np.where(inside, -(to_centre_mm + half_voxel_mm), np.maximum(to_centre_mm - half_voxel_mm, 0.0))
        return np.asarray(distance.reshape(points.shape[:-1]), dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write everything to one ``.npz`` file."""
        np.savez_compressed(path, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, path: Path) -> Lungs:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            spacing, origin = stored["spacing_zyx_mm"].tolist(), stored["origin_lps_mm"].tolist()
            return cls(
                stored["mask"],
                (spacing[0], spacing[1], spacing[2]),
                (origin[0], origin[1], origin[2]),
                stored["direction"],
                float(stored["right_ml"]),
                float(stored["left_ml"]),
                float(stored["mean_hu"]),
                bool(stored["cut_above"]),
                bool(stored["cut_below"]),
            )


def segment_lungs(volume: Volume) -> Lungs:
    """Find both lungs.

    Parameters
    ----------
    volume
        A chest CT, or a part of one, in Hounsfield units. Padding around a round field of view may hold anything
        below -1500. Head or feet first, prone or supine.

    Returns
    -------
    Lungs
        On a grid of about 3 mm.

    Raises
    ------
    NoLungsFound
        Constant image, no enclosed air, or too little of it to be the lungs of a person (abdomen only).
    """
    frame = Frame.of(volume)
    grid = block_means(volume, frame, COARSE_MM)
    if grid.image.min() == grid.image.max():
        raise NoLungsFound(reason="every voxel has the same value")
    if min(grid.image.shape) < 3:
        raise NoLungsFound(reason="the scan is thinner than 9 mm along one axis")
    sides = _sides(grid)
    return _described(sides, grid, frame)


def _sides(grid: Grid) -> NDArray[np.uint8]:
    """Mask (z, y, x) of right and left lung, closed over vessels."""
    air = lung_air.enclosed_air(grid.image, grid.spacing_mm)
    tubes = lung_air.airways(grid.image, air, grid.spacing_mm)
    components = lung_air.lung_components(grid.image, air & ~tubes, grid.spacing_mm)
    if not components.any():
        raise NoLungsFound(reason="no enclosed air as large and as textured as a lung")
    body_columns = np.nonzero((grid.image > -300).any(axis=(0, 1)))[0]
    middle = float(body_columns[[0, -1]].mean()) if body_columns.size else grid.image.shape[2] / 2
    named = lung_air.right_and_left(components, middle, grid.spacing_mm)
    sides = np.zeros_like(named)
    for side in (LEFT, RIGHT):
        if (named == side).any():
            sides[lung_air.closed(named == side, grid.spacing_mm)] = side
    sides[named > 0] = named[named > 0]  # closing one lung must not take from the other
    sides[tubes] = 0
    return sides


def _described(sides: NDArray[np.uint8], grid: Grid, frame: Frame) -> Lungs:
    """Measure a mask, or refuse when it is too small."""
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000.0
    right_ml, left_ml = (float(np.count_nonzero(sides == side)) * voxel_ml for side in (RIGHT, LEFT))
    if right_ml + left_ml < SMALLEST_LUNGS_ML:
        raise NoLungsFound(reason=f"only {right_ml + left_ml:.0f} ml of lung are in the picture")
    slice_mm2 = np.count_nonzero(sides, axis=(1, 2)) * float(grid.spacing_mm[1] * grid.spacing_mm[2])
    aerated = (sides > 0) & (grid.image < lung_air.AIR_BELOW_HU)
    x, y, z = frame.to_lps(grid.origin_mm)
    spacing = grid.spacing_mm.tolist()
    return Lungs(
        mask=sides,
        spacing_zyx_mm=(spacing[0], spacing[1], spacing[2]),
        origin_lps_mm=(float(x), float(y), float(z)),
        direction=frame.rotation,
        right_ml=right_ml,
        left_ml=left_ml,
        mean_hu=float(grid.image[aerated].mean()),
        cut_above=bool(slice_mm2[-1] > CUT_MM2),
        cut_below=bool(slice_mm2[0] > CUT_MM2),
    )
