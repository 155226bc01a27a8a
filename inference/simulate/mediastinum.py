"""Great vessels, windpipe and gullet: where they run and how wide they are, in coordinates of the anatomy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.simulate.tubes import Tubes

CARINA_LPS_MM = (2.0, 14.0, 38.0)
RIGHT_HILUM_LPS_MM = (-40.0, 10.0, 14.0)
LEFT_HILUM_LPS_MM = (42.0, 14.0, 18.0)
PULMONARY_ENDS_LPS_MM = ((-36.0, 6.0, 12.0), (42.0, 18.0, 18.0))  # of both pulmonary arteries at the hila
TRACHEA_LUMEN_MM = 8.0
TRACHEA_WALL_MM = 1.6


def path(points: list[tuple[float, float, float, float]], per_leg: int = 6, flattening: float = 1.0) -> Tubes:
    """A smooth tube through points (x, y, z, radius), rounded by Catmull and Rom's spline."""
    knots: NDArray[np.float64] = np.asarray(points, dtype=np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, 1, per_leg, endpoint=False)[:, None]
    legs = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False)
    ]
    smooth = np.concatenate([*legs, knots[-1:]])
    return Tubes.along(smooth[:, :3], smooth[:, 3], flattening)


def great_vessels() -> Tubes:
    """Aorta with its arch and branches, caval veins, pulmonary trunk and arteries, central pulmonary veins, azygos."""
    return Tubes.joined(
        [
            path(
                [
                    (4, -14, -22, 15),
                    (-10, -26, 12, 15.5),
                    (-12, -24, 38, 15),
                    (-2, -12, 60, 14),
                    (14, 10, 66, 13),
                    (25, 32, 56, 12.5),
                    (27, 44, 30, 12),
                    (24, 46, -20, 11.5),
                    (16, 43, -80, 11),
                    (6, 40, -175, 10),
                ]
            ),
            path([(-9, -14, 62, 6.5), (-15, -10, 86, 6), (-22, -6, 110, 5), (-28, 0, 165, 4.5)]),
            path([(4, -6, 66, 4.5), (8, -2, 95, 4), (18, 2, 165, 3.5)]),
            path([(16, 10, 66, 5), (24, 14, 95, 4.5), (40, 10, 135, 4.5), (80, 0, 165, 4)]),
            path([(-26, -14, -12, 10), (-27, -12, 30, 9), (-27, -16, 62, 8), (-30, -22, 90, 7), (-36, -30, 140, 6)]),
            path([(-27, -18, 66, 6), (0, -30, 72, 5.5), (26, -30, 88, 5.5), (38, -30, 140, 6)]),
            path([(14, -40, -8, 14), (22, -28, 18, 14), (24, -8, 28, 12.5)]),
            path([(24, -8, 27, 11), (4, -6, 19, 11), (-16, -2, 15, 10), (-36, 6, 12, 7)]),
            path([(24, -8, 28, 11.5), (32, 6, 27, 10.5), (42, 18, 18, 7)]),
            path([(-12, 10, -14, 8), (-30, 6, -6, 6.5), (-42, 4, 4, 5.5)]),
            path([(-12, 14, -26, 8), (-34, 22, -28, 6)]),
            path([(18, 12, -12, 8), (36, 4, 0, 6), (46, 2, 10, 5.5)]),
            path([(18, 16, -26, 8), (38, 26, -28, 6)]),
            path([(-8, 40, -170, 4), (-8, 38, -20, 4), (-9, 38, 30, 4.5), (-18, 22, 42, 4.5), (-26, -8, 44, 4.5)]),
            path([(-22, -6, -85, 12), (-24, -8, -60, 12), (-24, -12, -30, 12)]),
        ]
    )


def gullet() -> Tubes:
    """The oesophagus."""
    return path(
        [(3, 26, 165, 7), (4, 28, 70, 7.5), (6, 32, 20, 8), (8, 34, -40, 8.5), (16, 22, -88, 9), (34, 4, -110, 12)]
    )


def central_airways() -> Tubes:
    """Lumen of the windpipe and the two main bronchi, down to where the trees of the lungs begin."""
    x, y, z = CARINA_LPS_MM
    return Tubes.joined(
        [
            path([(0, 6, 180, TRACHEA_LUMEN_MM), (0, 8, 100, TRACHEA_LUMEN_MM), (x, y, z, TRACHEA_LUMEN_MM)]),
            path([(x, y, z, 7.0), (-16, 14, 26, 6.8), (*RIGHT_HILUM_LPS_MM, 6.0)]),
            path([(x, y, z, 6.5), (20, 17, 26, 6.2), (*LEFT_HILUM_LPS_MM, 5.4)]),
        ]
    )


def lymph_nodes(rng: np.random.Generator) -> list[tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """Small normal lymph nodes: centres and half axes of ellipsoids."""
    stations = [(-14, 2, 50), (-12, -6, 66), (10, 18, 30), (26, 4, 44), (0, -40, 48), (18, -36, 46), (-30, 16, 28)]
    return [
        (
            (x + rng.uniform(-2, 2), y + rng.uniform(-2, 2), z + rng.uniform(-4, 4)),
            (rng.uniform(3, 5), rng.uniform(2.5, 4), rng.uniform(4, 7)),
        )
        for x, y, z in stations
    ]
