"""How like a nodule a bright spot is: one weighted sum of what the blob filter and the rays say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.blobs import SCALES_MM, WINDOW_HU, Spots
from inference.candidate_rays import NO_LIMIT_HU, SpotFigures
from inference.neighbourhood import Floats

LEAST_CONTRAST_HU: Final = 80.0
SMALLEST_MM: Final = 3.0
LARGEST_RADIUS_MM: Final = 12.0
GROUND_GLASS_TOP_HU: Final = -550.0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One way to look at a scan, and what its figures weigh.

    Parameters
    ----------
    highest_hu
        What is brighter counts as this.
    scales_mm
        Sizes of the blob filter.
    weights, offset
        Of the logarithm of the odds.
    """

    highest_hu: float
    scales_mm: tuple[float, ...]
    weights: Mapping[str, float]
    offset: float

    @property
    def window_top_hu(self) -> float:
        """Of the blob filter, which never looks at brighter tissue than its window holds."""
        return min(self.highest_hu, WINDOW_HU[1])


# Fitted on simulated nodules of 4 to 15 mm put into two real scans, by tests/benchmarks/bench_candidates.py --fit
# --draws 14, and tried on other draws than those.
PLAIN: Final = Look(
    NO_LIMIT_HU,
    SCALES_MM,
    {
        "blob": 2.89,
        "size": 1.06,
        "odd_size": -9.13,
        "long": -26.43,
        "at_wall": -9.33,
        "spread": -18.15,
        "chord": 1.32,
        "ring": 5.48,
        "rim": 2.30,
        "rim_median": -13.45,
        "fill": 4.96,
        "elongation": -7.22,
        "flatness": -3.02,
    },
    6.18,
)
FAINT: Final = Look(
    GROUND_GLASS_TOP_HU,
    SCALES_MM[1:],
    {
        "blob": 3.17,
        "size": 5.18,
        "odd_size": -8.46,
        "long": -43.46,
        "at_wall": -7.57,
        "spread": -29.39,
        "chord": 1.17,
        "ring": 10.44,
        "rim": 0.20,
        "rim_median": 1.58,
        "fill": -7.62,
        "elongation": -5.18,
        "flatness": -0.01,
    },
    13.78,
)


def figures(spots: Spots, seen: SpotFigures) -> dict[str, Floats]:
    """Name what the score is made of, (n,) each; NaN where the rays saw nothing."""
    radius = np.clip(seen.radius_mm, 0.8, LARGEST_RADIUS_MM)
    contrast = np.clip(seen.contrast_hu, 60.0, 1300.0)
    return {
        "blob": np.log(np.clip(spots.response / contrast, 0.05, 2.0)),
        "size": np.log(radius),
        "odd_size": (np.log(radius) - 1.0) ** 2,
        "long": seen.long,
        "at_wall": seen.at_wall,
        "spread": seen.spread,
        "chord": seen.chord,
        "ring": seen.ring,
        "rim": np.clip(seen.rim, -1.0, 3.0),
        "rim_median": np.clip(seen.rim_median, -1.0, 3.0),
        "fill": seen.fill,
        "elongation": np.log(np.clip(seen.elongation, 1.0, 5.0)),
        "flatness": np.log(np.clip(seen.flatness, 1.0, 5.0)),
    }


def is_possible(seen: SpotFigures) -> NDArray[np.bool_]:
    """Which spots stand out and are large enough to be scored at all, (n,)."""
    possible: NDArray[np.bool_] = (
        (seen.contrast_hu > LEAST_CONTRAST_HU) & (2 * seen.radius_mm >= SMALLEST_MM) & np.isfinite(seen.elongation)
    )
    return possible


def likeness(spots: Spots, seen: SpotFigures, look: Look) -> Floats:
    """How like a nodule each spot is, (n,), 0 to 1; 0 for what cannot be one."""
    told = figures(spots, seen)
    odds = look.offset + sum(weight * told[name] for name, weight in look.weights.items())
    return np.where(is_possible(seen), 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))), 0.0)
