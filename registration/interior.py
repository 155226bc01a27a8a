"""Which fine voxels show nothing but lung: the chest wall, along which the lung slides, must not have a say.

Ribs press into the lung, and each breath slides the lung along them by up to a centimetre or two. A patch that holds
their imprint finds it again where the rib is, not where the lung has gone.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from registration.grid import Grid, LungImage
from registration.kernels import inside, parallel_kernel


@parallel_kernel
def _mark(grid: Grid, mask: Grid, inner: NDArray[np.uint8]) -> None:
    """Set ``inner`` where the mask's voxel nearest to a voxel of the grid is set."""
    for z in numba.prange(inner.shape[0]):
        z_mm = z * grid.spacing_mm[0] + grid.origin_mm[0]
        for y in range(inner.shape[1]):
            y_mm = y * grid.spacing_mm[1] + grid.origin_mm[1]
            for x in range(inner.shape[2]):
                inner[z, y, x] = inside(mask, z_mm, y_mm, x * grid.spacing_mm[2] + grid.origin_mm[2])


def lung_image(grid: Grid, mask: Grid) -> LungImage:
    """Mark the voxels of a fine level that lie one voxel of the lung mask (about 3 mm) or more inside the lung.

    Parameters
    ----------
    grid
        Fine level of a scan.
    mask
        Its lungs in the same frame, non-zero inside. Where the scan cuts the lung there is no wall to keep away from.
    """
    deep = ndimage.binary_erosion(mask.image > 0, border_value=1).astype(np.int16)
    inner = np.empty(grid.image.shape, np.uint8)
    _mark(grid, mask._replace(image=deep), inner)
    return LungImage(*grid, inner)
