"""Small cubes of a scan on an even grid, as networks want them: about a place, turned towards head, back and left."""

from __future__ import annotations

import hashlib
import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.model_errors import NotForNetworks
from registration.pyramid import Frame
from registration.volume import Volume

Shorts = NDArray[np.int16]
Singles = NDArray[np.float32]

LOWEST_HU, HIGHEST_HU = -1000, 400  # air; above it bone and contrast medium say nothing of a nodule
FEWEST_SLICES: Final = 8
MOST_VOXELS: Final = 2**31  # a chest has 10**8; more is a file that lies about itself
THICKEST_SLICE_MM: Final = 6.0
LEAST_LUNG_SHARE: Final = 0.02  # of the looked-at voxels that lie between air and soft tissue, or are air
LOOKED_AT: Final = 200_000


def refuse_what_is_no_chest(volume: Volume) -> None:
    """Raise when a network must not be asked about this scan, for it would answer all the same.

    Raises
    ------
    NotForNetworks
        Too few or too thick slices, too many voxels, or values that are no Hounsfield units of a chest.
    """
    slices, spacing_mm = min(volume.shape_zyx), max(volume.spacing_zyx_mm)
    if slices < FEWEST_SLICES:
        raise NotForNetworks(reason=f"it has {slices} slices, and {FEWEST_SLICES} are needed")
    if volume.array_hu.size > MOST_VOXELS:
        raise NotForNetworks(reason="it is larger than any scan of a chest")
    if spacing_mm > THICKEST_SLICE_MM:
        raise NotForNetworks(reason=f"its slices lie {spacing_mm:.1f} mm apart")
    step = max(1, round((volume.array_hu.size / LOOKED_AT) ** (1 / 3)))
    some = np.asarray(volume.array_hu[::step, ::step, ::step])
    aerated = float(((some > -990) & (some < -500)).mean())
    solid = float(((some > -150) & (some < 250)).mean())
    if aerated < LEAST_LUNG_SHARE or solid < LEAST_LUNG_SHARE:
        raise NotForNetworks(reason="its values are not those of lungs and soft tissue in Hounsfield units")


def cut_patches(
    volume: Volume, places_lps_mm: ArrayLike, *, side: int, step_mm: float, averaged: bool = False
) -> Shorts:
    """Cut cubes about places, linearly interpolated.

    Parameters
    ----------
    places_lps_mm : (n, 3)
    side, step_mm
        Voxels along each edge and their distance.
    averaged
        Where the scan is finer than the cube, take the mean of all its voxels on the way from one voxel of the cube to
        the next, falling with distance, instead of the nearest two: less noise, and nothing small is stepped over.

    Returns
    -------
    (n, side, side, side)
        HU within the window of networks; axes towards head, back and left. Beyond the scan its border goes on.

    Raises
    ------
    NotForNetworks
        A place is no point, or lies outside the scan.
    """
    places = np.asarray(places_lps_mm, dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(places).all():
        raise NotForNetworks(reason="a place in it is no point")
    if not bool(np.all(volume.contains(places))):
        raise NotForNetworks(reason="a place lies outside it")
    frame = Frame.of(volume)
    patches = np.empty((len(places), side, side, side), np.int16)
    for number, index in enumerate(volume.index_from_lps(places)):
        patches[number] = frame.turned(_cut(volume, index, side, step_mm, averaged=averaged))
    return patches


def _cut(volume: Volume, index_zyx: NDArray[np.float64], side: int, step_mm: float, *, averaged: bool) -> Shorts:
    """One cube along the axes of the array, interpolated along one axis after the other."""
    offsets_mm = (np.arange(side) - (side - 1) / 2) * step_mm
    box, shares = [], []
    for index, size, spacing_mm in zip(index_zyx, volume.shape_zyx, volume.spacing_zyx_mm, strict=True):
        at = np.clip(index + offsets_mm / spacing_mm, 0, size - 1)
        reach = max(1.0, step_mm / spacing_mm) if averaged else 1.0
        first, last = max(math.ceil(at[0] - reach), 0), min(math.floor(at[-1] + reach), size - 1)
        share = np.clip(1 - np.abs(np.arange(first, last + 1) - at[:, None]) / reach, 0, None)
        box.append(slice(first, last + 1))
        shares.append((share / share.sum(axis=1, keepdims=True)).astype(np.float32))
    cube: Singles = np.clip(volume.array_hu[box[0], box[1], box[2]], LOWEST_HU, HIGHEST_HU).astype(np.float32)
    for axis, share in enumerate(shares):
        cube = np.moveaxis(np.tensordot(share, cube, (1, axis)), 0, axis)
    return np.rint(cube).astype(np.int16)


def scaled(patches_hu: Shorts) -> Singles:
    """HU as networks take them: -1 for air, 1 for the top of the window."""
    middle, half = (LOWEST_HU + HIGHEST_HU) / 2, (HIGHEST_HU - LOWEST_HU) / 2
    values: Singles = (patches_hu.astype(np.float32) - np.float32(middle)) / np.float32(half)
    return values


def digest(patches_hu: Shorts) -> str:
    """SHA-256 of what a network was shown."""
    return hashlib.sha256(np.ascontiguousarray(patches_hu).tobytes()).hexdigest()
