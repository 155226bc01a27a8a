"""Long and short axis on the axial plane where the nodule is largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from inference.neighbourhood import Floats, sample
from inference.occupancy import Occupancy
from inference.segment import Segmentation

SPOKES = 180
SPOKE_STEP_MM = 0.1
CHORDS = 81


@dataclass(frozen=True, slots=True)
class Axes:
    """Axes of the largest axial section. ``slice_index`` counts in the whole volume."""

    long_mm: float
    short_mm: float
    slice_index: int

    @property
    def mean_diameter_mm(self) -> float:
        """Average of both, as the Fleischner Society measures nodules (Bankier et al. 2017, Radiology 285:584)."""
        return (self.long_mm + self.short_mm) / 2


def axial_axes(found: Segmentation, filled: Occupancy) -> Axes:
    """Measure the section of the fitted surface on the slice where its area is largest."""
    area = (filled.depth_mm > 0).sum(axis=(1, 2))
    candidates = np.argsort(-area, kind="stable")[:3]  # voxel counts are coarse: let the contours decide
    contours = {int(k): _contour_mm(found, filled.depth_mm[k]) for k in candidates if area[k] > 0 or k == candidates[0]}
    best = max(contours, key=lambda k: _polygon_area(contours[k]))
    long_mm, short_mm = long_and_short(contours[best])
    return Axes(long_mm, short_mm, best + found.near.start_zyx[0])


def _contour_mm(found: Segmentation, depth_mm: NDArray[np.float32]) -> Floats:
    """Section of the surface with one slice as a polygon (n, 2) in mm, order y, x."""
    spacing = found.near.spacing_mm[1:]
    inside = np.argwhere(depth_mm > 0)
    middle = (inside.mean(axis=0) if len(inside) else np.argwhere(depth_mm == depth_mm.max())[0]) * spacing
    turn = np.arange(SPOKES) * 2 * np.pi / SPOKES
    spokes = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    along = np.arange(0, 2 * float(found.star.ray_radii_mm().max()) + 1, SPOKE_STEP_MM)
    points = middle + spokes[:, None] * along[:, None]
    outside = sample(depth_mm, points, spacing) <= 0
    reach = along[np.where(outside.any(axis=1), outside.argmax(axis=1), len(along) - 1)]
    contour: Floats = middle + spokes * reach[:, None]
    return contour


def _polygon_area(contour: Floats) -> float:
    y, x = contour.T
    return 0.5 * abs(float(np.dot(y, np.roll(x, -1)) - np.dot(x, np.roll(y, -1))))


def long_and_short(contour: Floats) -> tuple[float, float]:
    """Largest distance between two points of the outline, and the longest chord at right angles to it."""
    distances = squareform(pdist(contour))
    first, second = np.unravel_index(int(distances.argmax()), distances.shape)
    long_mm = float(distances[first, second])
    if long_mm == 0:
        return 0.0, 0.0
    along = (contour[second] - contour[first]) / long_mm
    t = (contour - contour[first]) @ along
    s = (contour - contour[first]) @ np.array([-along[1], along[0]])
    at = np.linspace(0, long_mm, CHORDS)[1:-1, None]
    t_next, s_next = np.roll(t, -1), np.roll(s, -1)
    crosses = (t <= at) != (t_next <= at)
    part = (at - t) / np.where(t_next == t, 1, t_next - t)
    height = s + part * (s_next - s)
    widths = np.where(crosses, height, -np.inf).max(axis=1) - np.where(crosses, height, np.inf).min(axis=1)
    return long_mm, float(min(widths.max(), long_mm))
