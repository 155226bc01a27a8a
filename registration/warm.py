"""Compile every loop of this package ahead of use: ``python -m registration.warm``.

Numba keeps what it compiles in a cache beside the source, so that neither the first user nor a worker waits. Run in a
process of its own: a worker that forks must not have started numba's threads before.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from registration.lobes import find_lobes
from registration.local import LocalScan, refine_places
from registration.lungs import segment_lungs
from registration.register import register
from registration.volume import Volume

SPACING_MM = 2.0
WARMED_INDEX = (45, 50, 40)  # within the right lung of what is drawn


def drawn_chest(shape_zyx: tuple[int, int, int] = (90, 100, 140), seed: int = 1) -> Volume:
    """A body with two lungs full of random structure: enough for every loop to run, no picture of a chest.

    Parameters
    ----------
    shape_zyx
        Voxels of 2 mm.
    seed
        Of the structure.
    """
    z, y, x = (
        (np.arange(count).reshape([-1 if axis == a else 1 for a in range(3)]) - (count - 1) / 2) / (count / 2)
        for axis, count in enumerate(shape_zyx)
    )
    body = np.broadcast_to((x / 0.92) ** 2 + (y / 0.85) ** 2 < 1, shape_zyx)
    lung = np.zeros(shape_zyx, dtype=bool)
    for side in (-0.42, 0.42):
        lung |= ((x - side) / 0.34) ** 2 + (y / 0.6) ** 2 + (z / 0.85) ** 2 < 1
    noise = np.random.default_rng(seed).standard_normal(shape_zyx)
    blobs = ndimage.gaussian_filter(noise, 1.2)
    vessels = blobs > np.quantile(blobs, 0.9)
    drawn = np.where(body, 40.0, -1000.0)
    drawn[lung] = np.where(vessels[lung], 0.0, -850.0)
    drawn = ndimage.gaussian_filter(drawn, 0.6)
    return Volume(np.rint(drawn).astype(np.int16), (SPACING_MM,) * 3, (0.0, 0.0, 0.0), np.eye(3))


def warm() -> None:
    """Run what touches every compiled loop, and every kind of array that it is called with."""
    chest = drawn_chest()
    read_only = Volume(chest.array_hu.copy(), chest.spacing_zyx_mm, (3.0, -2.0, 1.0), chest.direction)
    read_only.array_hu.flags.writeable = False  # what a memory-mapped scan looks like to a compiled loop
    lungs = segment_lungs(chest), segment_lungs(read_only)
    found = register(chest, read_only, prior_lungs=lungs[0], current_lungs=lungs[1])
    refine_places(
        LocalScan(chest, lungs[0]), LocalScan(read_only, lungs[1]), found, [chest.lps_from_index(WARMED_INDEX)]
    )
    find_lobes(read_only, lungs[1])


if __name__ == "__main__":
    warm()
