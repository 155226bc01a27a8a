"""The part of a slice that speaks for a network's answer, as borders that a page can draw: no picture, no colour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from inference.attribution import HeatMap
from inference.outline import layer_polygons_px
from registration.volume import Volume

LEVELS: Final = (0.4, 0.75)  # of the most heat on the slice: what speaks for it, and what does most
LEAST_HEAT: Final = 0.05  # of the logarithm of the odds: below it no place matters
Polygon = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class HeatRegion:
    """Where one answer comes from, on one slice.

    Parameters
    ----------
    slice_index
        Of the volume.
    outer_px, inner_px
        Borders of what speaks for the answer and of what does most, in pixels of the slice.
    offset_mm
        How far the hottest place lies from the asked point.
    towards
        ``"left"``, ``"right"``, ``"back"``, ``"front"``, ``"head"`` or ``"feet"``: the axis that most of it is along.
    heat_log_odds
        By how much the logarithm of the odds falls there.
    """

    slice_index: int
    outer_px: tuple[Polygon, ...]
    inner_px: tuple[Polygon, ...]
    offset_mm: float
    towards: str
    heat_log_odds: float

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the answer."""
        return {
            "slice_index": self.slice_index,
            "outer_px": [[list(at) for at in polygon] for polygon in self.outer_px],
            "inner_px": [[list(at) for at in polygon] for polygon in self.inner_px],
            "offset_mm": round(self.offset_mm, 1),
            "towards": self.towards,
            "heat_log_odds": round(self.heat_log_odds, 2),
        }


def region_of(heat: HeatMap, volume: Volume, point_lps_mm: ArrayLike, slice_index: int) -> HeatRegion | None:
    """Draw the borders of a heat map on one slice of its scan.

    Parameters
    ----------
    point_lps_mm : (3,)
        The point that the network was asked about.

    Returns
    -------
    HeatRegion or None
        None where the slice lies beyond the map, or where nothing on it matters.
    """
    carried, (first_slice, first_row, first_column) = heat.onto(volume)
    if not 0 <= slice_index - first_slice < len(carried):
        return None
    layer = carried[slice_index - first_slice]
    most = float(layer.max())
    if most < LEAST_HEAT:
        return None
    borders = [layer_polygons_px(layer > share * most, (first_row, first_column)) for share in LEVELS]
    row, column = np.unravel_index(int(layer.argmax()), layer.shape)
    hottest = volume.lps_from_index(np.array([slice_index, first_row + row, first_column + column], dtype=np.float64))
    offset_mm = np.asarray(hottest, dtype=np.float64) - np.asarray(point_lps_mm, dtype=np.float64)
    outer, inner = (tuple(border) for border in borders)
    return HeatRegion(slice_index, outer, inner, float(np.linalg.norm(offset_mm)), _towards(offset_mm), most)


def regions(
    heats: Mapping[str, HeatMap], volume: Volume, point_lps_mm: ArrayLike, slice_index: int
) -> dict[str, HeatRegion]:
    """The region of every answer that has one."""
    found = {name: region_of(heat, volume, point_lps_mm, slice_index) for name, heat in heats.items()}
    return {name: region for name, region in found.items() if region is not None}


def _towards(offset_mm: ArrayLike) -> str:
    """LPS: x grows to the left, y to the back, z to the head."""
    x, y, z = (float(part) for part in np.asarray(offset_mm))
    axis, along = max((("x", x), ("y", y), ("z", z)), key=lambda pair: math.fabs(pair[1]))
    names = {"x": ("left", "right"), "y": ("back", "front"), "z": ("head", "feet")}
    return names[axis][0 if along >= 0 else 1]
