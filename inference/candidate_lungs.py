"""The lungs as the search for candidates needs them: without the pockets that nodules on the pleura leave in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from scipy import ndimage

from registration.lungs import LEFT, RIGHT, Lungs

SMOOTHED_MM: Final = 5.0  # standard deviation: a pocket of up to three times this across is filled
REACH: Final = 2.5  # standard deviations
HALF: Final = 0.5


def without_pockets(lungs: Lungs) -> Lungs:
    """Count as lung what lies within the smoothed outline of either lung.

    The lungs are closed by a box, which fills a small pocket in a wall that runs along the grid, but not in one that
    runs aslant to it. A nodule in such a pocket would be painted over as chest wall.
    """
    mask = lungs.mask.copy()
    sigma = SMOOTHED_MM / np.asarray(lungs.spacing_zyx_mm)
    for side in (RIGHT, LEFT):
        soft = ndimage.gaussian_filter((lungs.mask == side).astype(np.float32), sigma, mode="nearest", truncate=REACH)
        mask[(soft > HALF) & (lungs.mask == 0)] = side
    return replace(lungs, mask=mask)
