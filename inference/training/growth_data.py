"""What the two-timepoint network learns from: pairs of cubes about one nodule on two scans, and its true growth.

Of a nodule that was scanned many pairs are made: shifted, and the two scans enlarged differently, which changes the
ratio of the volumes by a known amount. Into the lung beside it further nodules are laid on both scans, of one shape and
two known volumes, so that few patients give many nodules. Both scans are cut about the true middle, off by an error
that is drawn, so that the same seed gives the same pairs to the last voxel whatever becomes of the registration.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.networks.growth import SIDE, STEP_MM
from inference.patches import Shorts, cut_patches
from inference.simulate.inserted import InsertedNodule, insert
from inference.simulate.nodules import Attenuation, Placement, Surface
from inference.simulate.scanner import Kernel
from inference.training.known_nodules import KnownNodule
from registration.volume import Volume

ROOM: Final = 1
CUTS: Final = 4  # of each nodule
OFF_MIDDLE: Final = 0.1  # of the diameter: spread of the asked point about the middle, on both scans alike
OFF_MAP_MM: Final = (0.4, 1.2)  # spread of what the map to the other scan is off: mostly, and where it holds badly
BAD_MAP_SHARE: Final = 0.2
LARGER: Final = 0.12  # spread of the logarithm of the size of both scans together
GROWN: Final = 0.10  # of the one against the other; of volumes three times that
UNCHANGED_SHARE: Final = 0.4

LAID: Final = 2  # nodules beside each one that was scanned
AWAY_MM: Final = (13.0, 19.0)  # from its middle: far enough that it is not cut, near enough to lie in the block
PLACES: Final = 200  # tried
DARK_HU: Final = -650.0  # on average where a nodule is laid: lung, with vessels at most
DIAMETERS_MM: Final = (4.5, 11.0)
SMALLEST_MM: Final = {Attenuation.SOLID: 4.5, Attenuation.PART_SOLID: 6.0, Attenuation.GROUND_GLASS: 5.0}
RATIOS: Final = (0.6, 2.2)
LUNG_GRAIN_MM: Final = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Cubes (n, 2, side, side, side), prior and current, and the logarithm of the ratio of their volumes (n,)."""

    cubes_hu: Shorts
    log_ratio: NDArray[np.float64]

    @property
    def digest(self) -> str:
        """SHA-256 of cubes and truth."""
        told = hashlib.sha256(np.ascontiguousarray(self.cubes_hu).tobytes())
        told.update(np.ascontiguousarray(self.log_ratio).tobytes())
        return told.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A nodule on both scans: where, how large at first, and the logarithm of the ratio."""

    volumes: tuple[Volume, Volume]
    places_lps_mm: tuple[NDArray[np.float64], NDArray[np.float64]]
    diameter_mm: float
    log_ratio: float


def cut(known: Sequence[KnownNodule], seed: int, *, cuts: int = CUTS, laid: int = LAID) -> Pairs:
    """Cut each nodule several times, and each that is laid beside it, with what that does to the ratio."""
    cubes, ratios = [], []
    for one in known:
        rng = np.random.default_rng([seed, 16, *(int(part) for part in one.name.split("-"))])
        scanned = _Seen(
            (one.prior.volume, one.current.volume),
            (one.prior.centre_lps_mm, one.current.centre_lps_mm),
            (6 * one.prior.volume_mm3 / math.pi) ** (1 / 3),
            one.log_ratio,
        )
        for seen in (*[scanned] * cuts, *_laid_beside(one, rng, laid)):
            both, log_ratio = _cubes(seen, rng)
            cubes.append(both)
            ratios.append(log_ratio)
    return Pairs(np.stack(cubes), np.array(ratios))


def _cubes(seen: _Seen, rng: np.random.Generator) -> tuple[Shorts, float]:
    """Both cubes of a nodule about a point near its middle, and the logarithm of the ratio that they show."""
    both = rng.normal(0.0, LARGER)
    apart = 0.0 if rng.random() < UNCHANGED_SHARE else float(rng.normal(0.0, GROWN))
    off_map_mm = OFF_MAP_MM[int(rng.random() < BAD_MAP_SHARE)]
    off_mm = rng.normal(0.0, OFF_MIDDLE * seen.diameter_mm, 3), rng.normal(0.0, off_map_mm, 3)
    sides = []
    for volume, place, off, larger in zip(
        seen.volumes,
        seen.places_lps_mm,
        (off_mm[0], off_mm[0] + off_mm[1]),
        (both - apart / 2, both + apart / 2),
        strict=True,
    ):
        step_mm = STEP_MM * math.exp(-larger)
        sides.append(cut_patches(volume, place + off, side=SIDE + 2 * ROOM, step_mm=step_mm)[0])
    return np.stack(sides), seen.log_ratio + 3 * apart


def _laid_beside(one: KnownNodule, rng: np.random.Generator, wanted: int) -> Iterator[_Seen]:
    """Nodules laid into the lung near one that was scanned, on both scans.

    Only where both were reconstructed softly: what is laid in has the edges of a soft kernel. It lies as far from the
    scanned nodule on both; that the lung around is drawn out by a breath moves its surroundings a little.
    """
    if wanted == 0 or not one.prior.kernel == one.current.kernel == Kernel.SOFT:
        return
    for place in _free_places(one, rng)[:wanted]:
        there = place + one.current.centre_lps_mm - one.prior.centre_lps_mm
        kind = Attenuation(rng.choice(["solid", "part_solid", "ground_glass"], p=[0.55, 0.1, 0.35]))
        surface = Surface.drawn(rng)
        diameter_mm = float(np.exp(rng.uniform(np.log(SMALLEST_MM[kind]), np.log(DIAMETERS_MM[1]))))
        log_ratio = 0.0 if rng.random() < UNCHANGED_SHARE else float(rng.uniform(*np.log(RATIOS)))
        volumes = tuple(
            _with(scan.volume, InsertedNodule(_triple(at), size_mm, kind, Placement.ISOLATED, surface))
            for scan, at, size_mm in (
                (one.prior, place, diameter_mm),
                (one.current, there, diameter_mm * math.exp(log_ratio / 3)),
            )
        )
        yield _Seen((volumes[0], volumes[1]), (place, there), diameter_mm, log_ratio)


def _free_places(one: KnownNodule, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points (n, 3) of the prior scan in lung on both, in the order in which they were drawn."""
    directions = rng.normal(size=(PLACES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    offsets_mm = directions * rng.uniform(*AWAY_MM, (PLACES, 1))
    free = _in_lung(one.prior.volume, one.prior.centre_lps_mm + offsets_mm)
    free &= _in_lung(one.current.volume, one.current.centre_lps_mm + offsets_mm)
    return one.prior.centre_lps_mm + offsets_mm[free]


def _in_lung(volume: Volume, places_lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which places are dark around, and not cut off by the border of the scan."""
    spacing = np.asarray(volume.spacing_zyx_mm)
    blurred = ndimage.gaussian_filter(np.minimum(volume.array_hu, 0).astype(np.float32), LUNG_GRAIN_MM / spacing)
    index = volume.index_from_lps(places_lps_mm)
    room = DIAMETERS_MM[1] / 2 * max(RATIOS) ** (1 / 3) / spacing
    within: NDArray[np.bool_] = ((index >= room) & (index <= np.asarray(volume.shape_zyx) - 1 - room)).all(axis=1)
    z, y, x = np.clip(np.rint(index).astype(int), 0, np.asarray(volume.shape_zyx) - 1).T
    dark: NDArray[np.bool_] = blurred[z, y, x] < DARK_HU
    return within & dark


def _with(volume: Volume, nodule: InsertedNodule) -> Volume:
    return insert(volume, [nodule])


def _triple(point: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in point)
    return x, y, z
