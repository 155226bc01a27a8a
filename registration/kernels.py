"""What all compiled loops share: how they are compiled, and interpolation.

Nothing is compiled when a module is imported. Each loop is compiled at its first call for the types it is called with
(``int16`` images, ``uint8`` masks, ``float32`` patches, ``float64`` positions) and kept in numba's cache beside the
source; ``registration.warm`` makes those first calls at installation. Loops run in parallel over points or slices and
never sum across threads, so the number of threads does not change a single bit of the result.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from registration.grid import Grid

# Between two loops the threads of OpenMP wait for the next one by counting, for milliseconds each time, unless they are
# told to sleep: that took a third of all processor time of a registration, and a busy machine has none to give away.
# Read when the first parallel loop runs; whoever has set it otherwise is left alone.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ImageHu = NDArray[np.int16]
Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Wholes = NDArray[np.int64]

Compiled = TypeVar("Compiled", bound=Callable[..., Any])


def kernel(function: Compiled) -> Compiled:
    """Mark a function for compilation at its first call, on one thread."""
    return cast(Compiled, numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")(function))


def parallel_kernel(function: Compiled) -> Compiled:
    """Mark a function for compilation at its first call, its ``prange`` loops spread over the threads."""
    return cast(
        Compiled, numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy", parallel=True)(function)
    )


@kernel
def sample(image: ImageHu, z: float, y: float, x: float) -> np.float32:
    """Value of an image at a continuous index, trilinear; beyond the border the border's value."""
    i = min(max(math.floor(z), 0), image.shape[0] - 2)
    j = min(max(math.floor(y), 0), image.shape[1] - 2)
    k = min(max(math.floor(x), 0), image.shape[2] - 2)
    fz = np.float32(min(max(z - i, 0.0), 1.0))
    fy = np.float32(min(max(y - j, 0.0), 1.0))
    fx = np.float32(min(max(x - k, 0.0), 1.0))
    a = np.float32(image[i, j, k])
    b = np.float32(image[i, j + 1, k])
    c = np.float32(image[i + 1, j, k])
    d = np.float32(image[i + 1, j + 1, k])
    a += fx * (np.float32(image[i, j, k + 1]) - a)
    b += fx * (np.float32(image[i, j + 1, k + 1]) - b)
    c += fx * (np.float32(image[i + 1, j, k + 1]) - c)
    d += fx * (np.float32(image[i + 1, j + 1, k + 1]) - d)
    a += fy * (b - a)
    c += fy * (d - c)
    return a + fz * (c - a)


@kernel
def inside(mask: Grid, z_mm: float, y_mm: float, x_mm: float) -> bool:
    """Tell whether the mask's voxel nearest to a point of the frame is set."""
    i = math.floor((z_mm - mask.origin_mm[0]) / mask.spacing_mm[0] + 0.5)
    j = math.floor((y_mm - mask.origin_mm[1]) / mask.spacing_mm[1] + 0.5)
    k = math.floor((x_mm - mask.origin_mm[2]) / mask.spacing_mm[2] + 0.5)
    on_grid = 0 <= i < mask.image.shape[0] and 0 <= j < mask.image.shape[1] and 0 <= k < mask.image.shape[2]
    return on_grid and bool(mask.image[i, j, k] != 0)
