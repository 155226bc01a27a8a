"""Which fine voxels show nothing but lung: the chest wall, along which the lung slides, must not have a say.

Ribs press into the lung, and each breath slides the lung along them by up to a centimetre or two. A patch that holds
their imprint finds it again where the rib is, not where the lung has gone.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from registration.grid import Grid, LungImage


def lung_image(grid: Grid, mask: Grid) -> LungImage:
    """Mark the voxels of a fine level that lie one voxel of the lung mask (about 3 mm) or more inside the lung.

    Parameters
    ----------
    grid
        Fine level of a scan.
    mask
        Its lungs in the same frame, non-zero inside. Where the scan cuts the lung there is no wall to keep away from.
    """
    return seen_within(grid, well_inside(mask))


def well_inside(mask: Grid) -> Grid:
    """The lung mask without its outermost voxels."""
    return mask._replace(image=ndimage.binary_erosion(mask.image > 0, border_value=1).astype(np.int16))


def seen_within(grid: Grid, inner_mask: Grid) -> LungImage:
    """Mark the voxels of a level that lie in a mask of the same frame, by its nearest voxel."""
    inner = np.pad(inner_mask.image != 0, 1).view(np.uint8)  # a border that is not lung, for voxels beyond the mask
    for axis, count in enumerate(grid.image.shape):
        along_mm = np.arange(count) * grid.spacing_mm[axis] + grid.origin_mm[axis]
        nearest = np.floor((along_mm - inner_mask.origin_mm[axis]) / inner_mask.spacing_mm[axis] + 0.5).astype(np.intp)
        inner = inner.take(np.clip(nearest, -1, inner_mask.image.shape[axis]) + 1, axis=axis)
    return LungImage(*grid, inner)
