"""Nodules of known volume put into a CT that exists: truth for finding, among the noise and vessels of a patient.

Only the voxels of the nodule change. They keep the noise of the scan and whatever is brighter than the nodule, so a
nodule laid on a vessel or on the chest wall joins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.simulate.grid import Grid
from inference.simulate.nodules import (
    GROUND_GLASS_HU,
    SOLID_HU,
    Attenuation,
    Placement,
    Surface,
    box_around,
    part_of,
    share_inside,
    sphere_mm3,
)
from registration.lungs import Lungs
from registration.volume import Volume

EDGE_BLUR_MM: Final = 0.6  # in the plane, of a soft kernel
NOISE_GRAIN_MM: Final = 1.0  # what is finer than this in the scan counts as its noise
AERATED_HU: Final = -700.0  # on average, where a nodule is put: else nobody could see it
DARK_HU: Final = -600.0
TRIES: Final = 4000
CLEAR_MM: Final = 3.0  # of plain lung around an isolated nodule
SOLID_SHARE: Final = 0.25  # of the volume of a part-solid nodule


@dataclass(frozen=True, slots=True, eq=False)
class InsertedNodule:
    """A nodule as it was put into a scan."""

    centre_lps_mm: tuple[float, float, float]
    diameter_mm: float
    attenuation: Attenuation
    placement: Placement
    surface: Surface

    @property
    def volume_mm3(self) -> float:
        """Of the whole shape; on the pleura a part of it lies in the wall."""
        return sphere_mm3(self.diameter_mm)


def insert(volume: Volume, nodules: Sequence[InsertedNodule]) -> Volume:
    """Give a copy of a scan with nodules in it.

    Parameters
    ----------
    volume
        Any scan; its direction does not matter, the shapes have none.
    nodules
        Drawn in this order; each must lie in the scan.

    Returns
    -------
    Volume
    """
    array = volume.array_hu.copy()
    whole = Grid(volume.shape_zyx, volume.spacing_zyx_mm, (0.0, 0.0, 0.0))
    for nodule in nodules:
        at_xyz_mm = (volume.index_from_lps(nodule.centre_lps_mm) * np.asarray(volume.spacing_zyx_mm))[::-1]
        for hu, volume_mm3 in _parts(nodule):
            _paint(array, whole, at_xyz_mm, nodule.surface, volume_mm3, hu)
    return Volume(array, volume.spacing_zyx_mm, volume.origin_lps_mm, volume.direction)


def _parts(nodule: InsertedNodule) -> tuple[tuple[float, float], ...]:
    """Attenuation and volume of what is drawn: one shape, or ground glass with a solid core."""
    if nodule.attenuation is Attenuation.SOLID:
        return ((SOLID_HU, nodule.volume_mm3),)
    rest = (GROUND_GLASS_HU, nodule.volume_mm3)
    if nodule.attenuation is Attenuation.GROUND_GLASS:
        return (rest,)
    return rest, (SOLID_HU, SOLID_SHARE * nodule.volume_mm3)


def _paint(
    array: NDArray[np.int16],
    whole: Grid,
    at_xyz_mm: NDArray[np.float64],
    surface: Surface,
    volume_mm3: float,
    nodule_hu: float,
) -> None:
    reach_mm = 1.6 * (3 * volume_mm3 / (4 * np.pi)) ** (1 / 3) + 4 * EDGE_BLUR_MM
    box = box_around(whole, at_xyz_mm, reach_mm)
    if box is None:
        raise ValueError(f"no such place in the scan: {at_xyz_mm} mm from its corner")
    spacing = np.asarray(whole.spacing_zyx_mm)
    share = share_inside(surface, volume_mm3, at_xyz_mm, part_of(whole, box))
    share = ndimage.gaussian_filter(share, np.array([0.0, EDGE_BLUR_MM, EDGE_BLUR_MM]) / spacing)
    host = array[box].astype(np.float32)
    tissue = ndimage.gaussian_filter(host, NOISE_GRAIN_MM / spacing)
    array[box] = np.rint(host + share * (np.maximum(tissue, nodule_hu) - tissue)).astype(np.int16)


def where_seen(before: Volume, after: Volume, nodule: InsertedNodule) -> NDArray[np.float64]:
    """Middle of what a nodule changed (3,), LPS: on the pleura only the part within the lung.

    Parameters
    ----------
    before, after
        The scan without and with it.
    """
    spacing = np.asarray(before.spacing_zyx_mm)
    index = np.rint(before.index_from_lps(nodule.centre_lps_mm)).astype(int)
    reach = np.ceil((0.8 * nodule.diameter_mm + 3) / spacing).astype(int)
    start, stop = np.maximum(index - reach, 0), np.minimum(index + reach + 1, before.shape_zyx)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    change = np.abs(after.array_hu[box].astype(float) - before.array_hu[box])
    middle = (np.indices(change.shape).reshape(3, -1) * change.ravel()).sum(axis=1) / change.sum()
    return after.lps_from_index(middle + start)


def draw_inserted(
    volume: Volume,
    lungs: Lungs,
    orders: Sequence[tuple[float, Attenuation, Placement]],
    rng: np.random.Generator,
    *,
    apart_mm: float = 30.0,
    avoid_lps_mm: NDArray[np.float64] | None = None,
    among_lps_mm: NDArray[np.float64] | None = None,
) -> tuple[InsertedNodule, ...]:
    """Find a place in the lungs for each order of (diameter, attenuation, placement); what finds none is left out.

    Parameters
    ----------
    apart_mm
        Between any two of them, and from ``avoid_lps_mm``.
    avoid_lps_mm : (n, 3)
        Where the scan has nodules of its own.
    among_lps_mm : (n, 3)
        The only places where a nodule may lie; anywhere in the lungs when left out.
    """
    grid = np.argwhere(lungs.mask > 0) * np.asarray(lungs.spacing_zyx_mm)
    inside = grid[:, ::-1] @ lungs.direction.T + np.asarray(lungs.origin_lps_mm)
    spread_mm = 1.5 if among_lps_mm is None else 0.0
    inside = inside if among_lps_mm is None else among_lps_mm
    taken = list(np.empty((0, 3)) if avoid_lps_mm is None else avoid_lps_mm)
    drawn = []
    for diameter_mm, attenuation, placement in orders:
        tried = inside[rng.permutation(len(inside))[:TRIES]]
        tried = tried + rng.uniform(-spread_mm, spread_mm, tried.shape)
        away_mm = np.linalg.norm(tried[:, None] - np.reshape(taken, (-1, 3)), axis=-1)
        free = tried[(away_mm > apart_mm).all(axis=1)]
        depth_mm = -lungs.distance_mm(free)
        fitting = (
            at for at, depth in zip(free, depth_mm, strict=True) if _fits(volume, at, depth, diameter_mm, placement)
        )
        place = next(fitting, None)
        if place is None:
            continue
        taken.append(place)
        x, y, z = (float(v) for v in place)
        drawn.append(InsertedNodule((x, y, z), diameter_mm, attenuation, placement, Surface.drawn(rng)))
    return tuple(drawn)


def _fits(
    volume: Volume, at_lps_mm: NDArray[np.float64], depth_mm: float, diameter_mm: float, placement: Placement
) -> bool:
    """Tell whether a nodule at this place would be what was ordered, and be seen."""
    radius_mm = diameter_mm / 2
    on_pleura = placement is Placement.PLEURA
    if on_pleura != (0.3 * radius_mm < depth_mm < radius_mm) or (not on_pleura and depth_mm < radius_mm + CLEAR_MM):
        return False
    index, spacing = volume.index_from_lps(at_lps_mm), np.asarray(volume.spacing_zyx_mm)
    reach = radius_mm + CLEAR_MM + 1
    start = np.floor(index - reach / spacing).astype(int)
    stop = np.ceil(index + reach / spacing).astype(int) + 1
    if (start < 0).any() or (stop > volume.shape_zyx).any():
        return False
    block = volume.array_hu[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
    axes = np.meshgrid(*(np.arange(a, b) for a, b in zip(start, stop, strict=True)), indexing="ij", sparse=True)
    away_mm = np.sqrt(sum(((axis - at) * step) ** 2 for axis, at, step in zip(axes, index, spacing, strict=True)))
    hu = np.clip(ndimage.gaussian_filter(block.astype(np.float32), NOISE_GRAIN_MM / spacing), -1000, 100)
    ball = hu[away_mm < radius_mm]
    if on_pleura:
        return 0.1 < float((ball > DARK_HU).mean()) < 0.4
    if float(ball.mean()) > AERATED_HU:
        return False
    around = float((hu[(away_mm > 0.8 * radius_mm) & (away_mm < radius_mm + CLEAR_MM)] > DARK_HU).mean())
    touching = float((hu[(away_mm > 0.6 * radius_mm) & (away_mm < radius_mm + 1)] > DARK_HU).mean())
    return around < 0.01 if placement is Placement.ISOLATED else touching > 0.04
