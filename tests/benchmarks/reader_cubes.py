"""The cubes of LIDC-IDRI with outlines and ratings of three or four readers, as networks and measuring take them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registration.volume import Volume
from tests.benchmarks.bench_measure_readers import MARGIN_MM, MARGIN_PX, dice
from tests.benchmarks.known_motion import DATA

INTERNAL, CALCIUM, LOBULATION, SPICULATION, TEXTURE = 1, 2, 5, 6, 7  # columns of the readers' ratings
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ReaderCube:
    """One nodule with what its readers drew and rated.

    Parameters
    ----------
    volume
        The cube, its border repeated outward: most end one slice beyond the nodule.
    inner
        Where the cube itself lies in ``volume``.
    readers : (readers, z, y, x)
        Masks on the cube itself.
    ratings : (readers, 9)
    middle_lps_mm
        The voxel of the consensus nearest to its centre of mass.
    """

    name: str
    volume: Volume
    inner: tuple[slice, slice, slice]
    readers: Flags
    ratings: NDArray[np.float64]
    middle_lps_mm: NDArray[np.float64]

    def between_readers(self) -> float:
        """Mean Dice of every two readers."""
        return float(np.mean([dice(one, other) for one, other in itertools.combinations(self.readers, 2)]))

    def against_readers(self, outline: Flags) -> float:
        """Mean Dice of an outline on ``volume`` with each reader."""
        return float(np.mean([dice(outline[self.inner], one) for one in self.readers]))


def reader_cubes(folder: Path = DATA / "lidc-vois") -> Iterator[ReaderCube]:
    """Read all, in the order of names."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as kept:
            hu, readers, spacing = kept["hu"], kept["reader_masks"], kept["spacing_zyx"]
            ratings = np.asarray(kept["reader_scores"], dtype=np.float64)
        slices = int(np.ceil(MARGIN_MM / spacing[0]))
        margins = (slices, MARGIN_PX, MARGIN_PX)
        padded = np.pad(hu, [(one, one) for one in margins], mode="edge").astype(np.int16)
        z, y, x = (float(step) for step in spacing)
        volume = Volume(padded, (z, y, x), (0.0, 0.0, 0.0), np.eye(3))
        inner = tuple(slice(one, one + size) for one, size in zip(margins, hu.shape, strict=True))
        inside = np.argwhere(readers.mean(axis=0) >= 0.5)
        middle = inside[np.argmin(((inside - inside.mean(axis=0)) ** 2).sum(axis=1))]
        at = volume.lps_from_index(middle + np.array(margins))
        yield ReaderCube(path.stem, volume, (inner[0], inner[1], inner[2]), readers, ratings, at)
