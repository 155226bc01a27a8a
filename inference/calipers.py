"""How far apart two readers are who measure one nodule by hand; numbers only, so that lists of sizes cost no more."""

from __future__ import annotations

import math
from typing import Final

from inference.estimate import Z_95

READERS_DIFFER_MM: Final = 1.73  # two readers, one nodule, 95 %
READER_SD_MM: Final = READERS_DIFFER_MM / Z_95 / math.sqrt(2)


def caliper_error_mm(pixel_mm: float) -> float:
    """Standard error of a mean diameter that one reader measured: the reader's, and the grid of the image."""
    return math.hypot(READER_SD_MM, pixel_mm / math.sqrt(12))
