"""Which fine voxels show nothing but lung: the chest wall, along which the lung slides, must not have a say.

Ribs press into the lung, and each breath slides the lung along them by up to a centimetre or two. A patch that holds
their imprint finds it again where the rib is, not where the lung has gone. The lung mask does not keep them out: it is
closed over everything up to 15 mm wide, so that nodules on the pleura belong to the lung, and so do the ribs' imprints.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from registration.grid import Grid, LungImage
from registration.lung_air import AIR_BELOW_HU

# Tissue that a cube of this size fits into is wall, heart or a large nodule on them, where it reaches out of the lung;
# vessels near the pleura are thinner.
WALL_MM: Final = 9.0


def lung_image(grid: Grid, mask: Grid, coarse: Grid) -> LungImage:
    """Mark the voxels of a fine level that lie one voxel of the lung mask (about 3 mm) or more inside the lung.

    Parameters
    ----------
    grid
        Fine level of a scan.
    mask
        Its lungs in the same frame, non-zero inside. Where the scan cuts the lung there is no wall to keep away from.
    coarse
        The scan at about the spacing of the mask, HU, in the same frame.
    """
    return seen_within(grid, well_inside(mask, coarse))


def well_inside(mask: Grid, coarse: Grid) -> Grid:
    """The lung mask without what reaches into it from the wall, and without the voxels next to that or to its border.

    Parameters
    ----------
    mask, coarse
        As above. Where the scan ends before the mask, nothing is known of a wall.
    """
    lung = mask.image > 0
    aerated = lung & ~_wall(lung, _thick_tissue(mask, coarse))
    return mask._replace(image=ndimage.binary_erosion(aerated, border_value=1).astype(np.int16))


def _thick_tissue(mask: Grid, coarse: Grid) -> NDArray[np.bool_]:
    """Which voxels of the mask show tissue that a cube fits into."""
    reach = np.maximum(1, np.rint(WALL_MM / 3 / coarse.spacing_mm)).astype(int)
    cube = tuple(2 * reach + 1)
    tissue = (coarse.image > AIR_BELOW_HU).view(np.uint8)
    thick = ndimage.maximum_filter(ndimage.minimum_filter(tissue, cube), cube)
    return _looked_up(mask, coarse._replace(image=thick)) > 0


def _wall(lung: NDArray[np.bool_], thick: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thick tissue within the mask that goes on outside of it."""
    labels, count = ndimage.label(thick & lung)
    goes_on = np.zeros(count + 1, dtype=bool)
    goes_on[labels[ndimage.binary_dilation(~lung)]] = True
    goes_on[0] = False
    return np.asarray(goes_on[labels], dtype=bool)


def seen_within(grid: Grid, inner_mask: Grid) -> LungImage:
    """Mark the voxels of a level that lie in a mask of the same frame, by its nearest voxel."""
    return LungImage(*grid, _looked_up(grid, inner_mask))


def _looked_up(grid: Grid, mask: Grid) -> NDArray[np.uint8]:
    """For each voxel of a grid whether the mask's nearest voxel is set; nothing is set beyond the mask."""
    found = np.pad(mask.image != 0, 1).view(np.uint8)
    for axis, count in enumerate(grid.image.shape):
        along_mm = np.arange(count) * grid.spacing_mm[axis] + grid.origin_mm[axis]
        nearest = np.floor((along_mm - mask.origin_mm[axis]) / mask.spacing_mm[axis] + 0.5).astype(np.intp)
        found = found.take(np.clip(nearest, -1, mask.image.shape[axis]) + 1, axis=axis)
    return found
