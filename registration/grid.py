"""An image with its place in a frame; named tuples, so that compiled loops can take them whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Grid(NamedTuple):
    """An image in a frame.

    Parameters
    ----------
    image : (z, y, x)
        ``int16``, contiguous: Hounsfield units, or a mask that is non-zero inside. What is searched and refined is
        clipped to the lung window beforehand.
    spacing_mm : (3,)
        Order z, y, x, all positive.
    origin_mm : (3,)
        Centre of voxel (0, 0, 0) in the frame, order z, y, x.
    """

    image: NDArray[np.int16]
    spacing_mm: NDArray[np.float64]
    origin_mm: NDArray[np.float64]

    def contains(self, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which frame points (n, 3) lie in a voxel of the grid."""
        index = (points_mm - self.origin_mm) / self.spacing_mm
        within: NDArray[np.bool_] = np.all((index >= -0.5) & (index <= np.asarray(self.image.shape) - 0.5), axis=-1)
        return within


class LungImage(NamedTuple):
    """A fine level, and which of its voxels lie well inside the lung.

    Parameters
    ----------
    image, spacing_mm, origin_mm
        As of a :class:`Grid`; a compiled parallel loop takes no tuple within a tuple.
    inner : (z, y, x)
        ``uint8`` on the voxels of the image, non-zero where nothing of the chest wall, which the lung slides along, is
        seen.
    """

    image: NDArray[np.int16]
    spacing_mm: NDArray[np.float64]
    origin_mm: NDArray[np.float64]
    inner: NDArray[np.uint8]

    @property
    def grid(self) -> Grid:
        """The image alone."""
        return Grid(self.image, self.spacing_mm, self.origin_mm)
