"""The map between two scans as a grid of displacements that a browser can read without knowing splines.

Nodes lie every 5 mm on a box in patient coordinates of the prior scan. Between them the browser interpolates linearly;
on real and simulated pairs it then misses the splines by 0.09 mm at most. Layout: a line of JSON, then as little-endian
int16 the displacements in hundredths of a millimetre, node after node (x fastest), each x, y, z; then one byte a node:
1 where the scans show enough of the lungs around it to trust the map.
"""

from __future__ import annotations

import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registration.transform import Registration
from registration.volume import Volume

SPACING_MM: Final = 5.0
UNIT_MM: Final = 0.01
FARTHEST_MM: Final = 327.0  # what the unit can say; no two chests in scanners lie so far apart after the affine part


def grid_bytes(found: Registration, prior: Volume) -> bytes:
    """Evaluate a map all over the prior scan, a node beyond its edge included."""
    start_lps_mm, shape_xyz = _box(prior)
    steps = np.stack(np.meshgrid(*(np.arange(count) for count in shape_xyz), indexing="ij"), axis=-1)
    nodes_lps_mm = start_lps_mm + SPACING_MM * steps.transpose(2, 1, 0, 3).reshape(-1, 3)
    places_lps_mm = _everywhere(found, nodes_lps_mm)
    matrix, shift_mm = _affine(found)
    displaced_mm = places_lps_mm - (nodes_lps_mm @ matrix.T + shift_mm)
    told = {
        "start_lps_mm": start_lps_mm.tolist(),
        "spacing_mm": SPACING_MM,
        "shape_xyz": list(shape_xyz),
        "unit_mm": UNIT_MM,
        "matrix": matrix.tolist(),
        "shift_mm": shift_mm.tolist(),
        "median_residual_mm": found.median_residual_mm,
    }
    units = np.round(np.clip(displaced_mm, -FARTHEST_MM, FARTHEST_MM) / UNIT_MM).astype("<i2")
    covered = np.isfinite(found.current_from_prior(nodes_lps_mm)).all(axis=1).astype(np.uint8)
    return json.dumps(told).encode() + b"\n" + units.tobytes() + covered.tobytes()


def _box(prior: Volume) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
    last = np.asarray(prior.shape_zyx) - 1
    corners = prior.lps_from_index(np.array(np.meshgrid(*((0, end) for end in last))).reshape(3, -1).T)
    start = corners.min(axis=0) - SPACING_MM
    x, y, z = (np.ceil((corners.max(axis=0) - start) / SPACING_MM).astype(int) + 2).tolist()
    return start, (x, y, z)


def _everywhere(found: Registration, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The splines even where the map gives no answer: scrolling must not jump there; the grid says it is a guess."""
    here = np.ascontiguousarray((points_lps_mm @ found.prior_rotation)[:, ::-1])
    return np.asarray(found.mapping(here)[:, ::-1] @ found.current_rotation.T)


def _affine(found: Registration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Its affine part in patient coordinates, from where it takes four points."""
    corners = np.vstack([np.zeros(3), np.eye(3)])
    origin, *ends = found.roughly_on_current(corners)
    return np.stack(ends, axis=1) - origin[:, None], origin
