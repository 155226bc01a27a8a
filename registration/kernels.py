"""What all compiled loops share: how they are compiled, the intensity window, and interpolation.

Nothing is compiled when a module is imported. Each loop is compiled at its first call for the types it is called with
(``int16`` images, ``uint8`` masks, ``float32`` patches, ``float64`` positions) and kept in numba's cache beside the
source; ``registration.warm`` makes those first calls at installation. Loops run in parallel over points or slices and
never sum across threads, so the number of threads does not change a single bit of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

Compiled = TypeVar("Compiled", bound=Callable[..., Any])

# Below: padding and air. Above: the edges of vessels are kept, while heart, chest wall and ribs become one flat grey,
# so that ribs, which the lung slides along, cannot drag the map.
WINDOW_LOW_HU: Final = -1000
WINDOW_HIGH_HU: Final = -100


def kernel(function: Compiled) -> Compiled:
    """Mark a function for compilation at its first call, on one thread."""
    return cast(Compiled, numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function))


def parallel_kernel(function: Compiled) -> Compiled:
    """Mark a function for compilation at its first call, its ``prange`` loops spread over the threads."""
    return cast(
        Compiled, numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy", parallel=True)(function)
    )


@kernel
def windowed(value_hu: int) -> Any:
    """Intensity as registration sees it: clipped to the lung window, ``float32``."""
    return np.float32(min(max(value_hu, WINDOW_LOW_HU), WINDOW_HIGH_HU))


@kernel
def sample(image: Any, z: float, y: float, x: float) -> Any:
    """Windowed intensity of an image at a continuous index, trilinear; beyond the border the border's value."""
    last_z, last_y, last_x = image.shape[0] - 2, image.shape[1] - 2, image.shape[2] - 2
    i = min(max(int(math.floor(z)), 0), last_z)
    j = min(max(int(math.floor(y)), 0), last_y)
    k = min(max(int(math.floor(x)), 0), last_x)
    fz = np.float32(min(max(z - i, 0.0), 1.0))
    fy = np.float32(min(max(y - j, 0.0), 1.0))
    fx = np.float32(min(max(x - k, 0.0), 1.0))
    a = windowed(image[i, j, k])
    b = windowed(image[i, j + 1, k])
    c = windowed(image[i + 1, j, k])
    d = windowed(image[i + 1, j + 1, k])
    a += fx * (windowed(image[i, j, k + 1]) - a)
    b += fx * (windowed(image[i, j + 1, k + 1]) - b)
    c += fx * (windowed(image[i + 1, j, k + 1]) - c)
    d += fx * (windowed(image[i + 1, j + 1, k + 1]) - d)
    a += fy * (b - a)
    c += fy * (d - c)
    return a + fz * (c - a)


@kernel
def inside(mask: Any, origin_mm: Any, spacing_mm: Any, z_mm: float, y_mm: float, x_mm: float) -> bool:
    """Tell whether the voxel nearest to a point of the frame is set."""
    i = int(math.floor((z_mm - origin_mm[0]) / spacing_mm[0] + 0.5))
    j = int(math.floor((y_mm - origin_mm[1]) / spacing_mm[1] + 0.5))
    k = int(math.floor((x_mm - origin_mm[2]) / spacing_mm[2] + 0.5))
    if i < 0 or j < 0 or k < 0 or i >= mask.shape[0] or j >= mask.shape[1] or k >= mask.shape[2]:
        return False
    return bool(mask[i, j, k] != 0)
