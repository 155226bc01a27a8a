"""A drawn chest with a known smooth motion, small enough to register in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from registration.lungs import segment_lungs
from registration.volume import Volume

SPACING_ZYX_MM = (2.4, 2.0, 2.0)
SHAPE_ZYX = (90, 96, 136)
ORIGIN_LPS_MM = (-135.0, -95.0, 40.0)

Points = NDArray[np.float64]
Displacement = Callable[[Points], Points]


def axes_mm(shape_zyx: tuple[int, int, int], spacing_zyx_mm: tuple[float, float, float]) -> list[NDArray[np.float64]]:
    """Coordinates along z, y, x from the centre of the array, ready to broadcast."""
    coordinates = []
    for axis, (count, step) in enumerate(zip(shape_zyx, spacing_zyx_mm, strict=True)):
        shape = [1, 1, 1]
        shape[axis] = count
        coordinates.append(((np.arange(count) - (count - 1) / 2) * step).reshape(shape))
    return coordinates


def draw_chest(seed: int = 0, *, lung_hu: float = -860.0) -> Volume:
    """A body with two unequal lungs, a trachea, a spine, and structure of several sizes in the lungs."""
    z, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    body = np.broadcast_to((x / 125) ** 2 + (y / 85) ** 2 < 1, SHAPE_ZYX)
    right = ((x + 58) / 46) ** 2 + (y / 62) ** 2 + ((z - 4) / 88) ** 2 < 1
    left = ((x - 60) / 42) ** 2 + (y / 60) ** 2 + ((z + 3) / 84) ** 2 < 1
    random = np.random.default_rng(seed)
    structure = np.zeros(SHAPE_ZYX)
    for sigma_mm, threshold in ((2.0, 1.6), (3.5, 1.8), (6.0, 2.0)):
        blobs = ndimage.gaussian_filter(random.standard_normal(SHAPE_ZYX), [sigma_mm / s for s in SPACING_ZYX_MM])
        structure = np.maximum(structure, np.clip((blobs / blobs.std() - threshold) * 2, 0, 1))
    drawn = np.where(body, 40.0, -1000.0)
    drawn[np.broadcast_to(x**2 + (y - 66) ** 2 < 12**2, SHAPE_ZYX)] = 300.0
    lungs = right | left
    drawn[lungs] = lung_hu + structure[lungs] * (20 - lung_hu)
    drawn[np.broadcast_to((x**2 + (y - 5) ** 2 < 8**2) & (z > -10), SHAPE_ZYX)] = -1000.0
    drawn = ndimage.gaussian_filter(drawn, 0.5)
    return Volume(np.rint(drawn).astype(np.int16), SPACING_ZYX_MM, ORIGIN_LPS_MM, np.eye(3))


def breathing(points_lps_mm: Points) -> Points:
    """A smooth displacement (n, 3) of up to 17 mm at patient points: descent towards the base, a turn, and a wave."""
    centre = np.asarray(ORIGIN_LPS_MM) + np.array([135.0, 95.0, 109.0])
    x, y, z = (np.asarray(points_lps_mm) - centre).T
    down = 9.0 * (1 / (1 + np.exp(z / 35)))
    return np.stack(
        [
            0.03 * y + 1.2 * np.sin(z / 30) + 3.0,
            -0.03 * x + 1.5 * np.cos(x / 35) - 4.0,
            -down + 1.0 * np.sin(y / 28) + 5.0,
        ],
        axis=1,
    )


@dataclass(frozen=True)
class ChestPair:
    """Two scans of one drawn chest and the exact map between them."""

    prior: Volume
    current: Volume
    displacement: Displacement  # of current points, towards the prior

    def truth(self) -> tuple[Points, Points]:
        """Points on the prior and on the current scan, drawn from the current lungs."""
        lungs = segment_lungs(self.current)
        index = np.argwhere(lungs.mask)[::31] * np.asarray(lungs.spacing_zyx_mm) / np.asarray(SPACING_ZYX_MM)
        current = self.current.lps_from_index(index) + np.asarray(lungs.origin_lps_mm) - np.asarray(ORIGIN_LPS_MM)
        return current + self.displacement(current), current


def make_pair(seed: int = 0, *, noise_hu: float = 20.0, displacement: Displacement = breathing) -> ChestPair:
    """Draw a chest, move it, and give both scans noise of their own.

    The current scan shows at ``x`` what the prior shows at ``x + displacement(x)``, so the truth is exact for points
    that are chosen on the current scan.
    """
    still = draw_chest(seed)
    index = np.argwhere(np.ones(SHAPE_ZYX, dtype=bool))
    current_lps = still.lps_from_index(index)
    source = still.index_from_lps(current_lps + displacement(current_lps)).T
    warped = ndimage.map_coordinates(still.array_hu.astype(np.float32), source, order=1, mode="nearest")
    random = np.random.default_rng(seed + 1000)
    arrays = [
        array + random.standard_normal(SHAPE_ZYX) * noise_hu
        for array in (still.array_hu.astype(np.float64), warped.reshape(SHAPE_ZYX))
    ]
    prior, current = (replace(still, array_hu=np.rint(np.clip(a, -1024, 1500)).astype(np.int16)) for a in arrays)
    return ChestPair(prior, current, displacement)


def mirrored_axis(volume: Volume, axis: int) -> Volume:
    """The same scan stored the other way round along one array axis: other array, other header, same patient."""
    corner = np.zeros(3)
    corner[axis] = volume.shape_zyx[axis] - 1
    x, y, z = volume.lps_from_index(corner)
    direction = np.array(volume.direction)
    direction[:, 2 - axis] *= -1
    return Volume(np.ascontiguousarray(np.flip(volume.array_hu, axis)), volume.spacing_zyx_mm, (x, y, z), direction)
