"""Volume, diameters, density and attachment of one nodule on one scan, each with its error."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from inference.attachment import attachments
from inference.axes import Axes, axial_axes
from inference.density import Density, describe_density
from inference.errors import NothingAtPoint, PointNotInLung, SlicesTooThick, TooSmall
from inference.estimate import Estimate
from inference.halo import with_halo
from inference.hollow import refuse_thin_walls
from inference.noise import ScanNoise, measure_noise
from inference.occupancy import Occupancy, occupancy
from inference.repeatability import (
    METHOD_VERSION,
    SEPARATE,
    TYPICAL_NOISE,
    Attachment,
    Attenuation,
    ErrorTable,
    diameter_error_mm,
    volume_error,
)
from inference.segment import Segmentation, check_border, segment
from registration.volume import Volume

if TYPE_CHECKING:
    from registration.lungs import Lungs

METHOD = "partial volume inside a star-convex border at 35 %"
SMALLEST_MM = 3.0
SLICES_PER_NODULE = 1.0  # a nodule thinner than one slice is seen in part only
FURTHEST_FROM_LUNG_MM = 15.0  # a large nodule on the wall may lie outside the lung as the coarse mask sees it
THICKEST_SLICE_MM = 5.0  # from here on a nodule's volume is a guess
# Overlaps the outlines of readers best; it is for looking at, the volume is not counted in it.
OUTLINE_FRACTION = 0.33


@dataclass(frozen=True, slots=True, eq=False)
class SeenOn:
    """The scan that a nodule is measured on; ``slice_mm`` is thickness or spacing, whichever is larger."""

    volume: Volume
    slice_mm: float
    noise: ScanNoise
    lungs: Lungs | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NoduleMeasurement:
    """One nodule on one scan. Lengths, volumes and mass in the units of their names; points in LPS.

    Parameters
    ----------
    long_axis_mm, short_axis_mm
        On the axial slice ``axial_index`` of the volume, where the section is largest.
    solid_volume_mm3, solid_mean_diameter_mm
        None unless part solid.
    lung_hu, contrast_hu
        Attenuation of the lung around, and how far the core stands out from it.
    joined_share
        Share of the surface where the nodule goes on into a vessel or other tissue (the wall not counted).
    wall_share
        Share of the surface that lies on the wall.
    border, scan
        What it was measured from, for measuring it together with another date (``inference.joint``).
    outline : (z, y, x)
        What a reader would draw, for display; starts at voxel ``outline_start_zyx`` of the volume.
    """

    centre_lps_mm: tuple[float, float, float]
    volume_mm3: Estimate
    mean_diameter_mm: Estimate
    long_axis_mm: float
    short_axis_mm: float
    axial_index: int
    attenuation: Attenuation
    solid_volume_mm3: float | None
    solid_mean_diameter_mm: float | None
    mean_hu: float
    mass_mg: float
    attached_to: tuple[Attachment, ...]
    lung_hu: float
    contrast_hu: float
    edge_blur_mm: float
    joined_share: float
    wall_share: float
    border: Segmentation = field(repr=False)
    scan: SeenOn = field(repr=False)
    outline: NDArray[np.bool_]
    outline_start_zyx: tuple[int, int, int]
    method: str = METHOD
    version: str = METHOD_VERSION


def measure(
    volume: Volume,
    seed_lps_mm: ArrayLike,
    *,
    lungs: Lungs | None = None,
    slice_thickness_mm: float | None = None,
    noise: ScanNoise | None = None,
) -> NoduleMeasurement:
    """Measure the nodule around a point, in the scan's own voxels.

    Parameters
    ----------
    seed_lps_mm : (3,)
        Anywhere inside the nodule.
    lungs
        Of this scan, when they are known: a point far from them is refused, and a medial wall is called mediastinum.
    slice_thickness_mm
        As the header says; the slice spacing when it does not.
    noise
        Of this scan, when it is known already; else it is measured here.

    Raises
    ------
    NotMeasured
        One of ``inference.errors``, when the method cannot stand behind a volume.
    """
    if lungs is not None and not _near_lungs(volume, lungs, seed_lps_mm):
        raise PointNotInLung(lung_percent=0.0)
    found = segment(volume, seed_lps_mm)
    refuse_thin_walls(found)
    noise = noise or measure_noise(volume) or TYPICAL_NOISE
    scan = SeenOn(volume, max(slice_thickness_mm or 0.0, volume.spacing_zyx_mm[0]), noise, lungs)
    whole = with_halo(found, scan.slice_mm, noise)
    if whole is not None:
        check_border(whole, np.asarray(seed_lps_mm, dtype=np.float64), volume)
    return describe(whole or found, scan)


def describe(
    found: Segmentation, scan: SeenOn, *, errors: ErrorTable = SEPARATE, moved_wall_share: float = 0.0
) -> NoduleMeasurement:
    """Measure what a border encloses.

    Parameters
    ----------
    errors
        How sure volumes are that were measured this way.
    moved_wall_share
        How much more or less of the border the other scan of a pair puts on the wall.

    Raises
    ------
    NotMeasured
        Too small, or slices too thick for a volume.
    """
    volume = scan.volume
    filled = occupancy(found)
    axes = axial_axes(found, filled)
    volume_mm3 = float(filled.share.sum(dtype=np.float64)) * volume.voxel_mm3
    _refuse_what_slices_cannot_show(volume_mm3, axes, scan.slice_mm)
    density = describe_density(found, filled, volume_mm3)
    centre = found.centre_lps_mm(volume)
    joined = attachments(volume, found, centre, scan.lungs)
    parts = volume_error(
        volume_mm3=volume_mm3,
        contrast_hu=found.levels.contrast_hu,
        voxel_mm3=volume.voxel_mm3,
        slice_mm=scan.slice_mm,
        noise=scan.noise,
        joined_share=float(found.rays.long.mean()),
        wall_share=float(found.rays.at_wall.mean()),
        attenuation=density.attenuation,
        moved_wall_share=moved_wall_share,
        table=errors,
    )
    sure = Estimate(volume_mm3, volume_mm3 * parts.total)
    return _put_together(found, filled, axes, density, joined, centre, sure, scan)


def _near_lungs(volume: Volume, lungs: Lungs, seed_lps_mm: ArrayLike) -> bool:
    seed = np.asarray(seed_lps_mm, dtype=np.float64)
    if seed.shape != (3,) or not np.isfinite(seed).all() or not bool(volume.contains(seed)):
        return True  # refused for what it is, by the segmentation
    return bool(lungs.contains(seed)) or float(lungs.distance_mm(seed)) < FURTHEST_FROM_LUNG_MM


def _refuse_what_slices_cannot_show(volume_mm3: float, axes: Axes, slice_mm: float) -> None:
    if slice_mm >= THICKEST_SLICE_MM:
        raise SlicesTooThick(thickness_mm=slice_mm, long_axis_mm=axes.long_mm, short_axis_mm=axes.short_mm)
    if volume_mm3 <= 0:
        raise NothingAtPoint(contrast_hu=0.0)
    diameter_mm = (6 * volume_mm3 / math.pi) ** (1 / 3)
    limit_mm = max(SMALLEST_MM, SLICES_PER_NODULE * slice_mm)
    if min(diameter_mm, axes.mean_diameter_mm) < limit_mm:
        raise TooSmall(diameter_mm=diameter_mm, thickness_mm=slice_mm, limit_mm=math.ceil(limit_mm))


def _put_together(  # one record from parts that are all needed
    found: Segmentation,
    filled: Occupancy,
    axes: Axes,
    density: Density,
    joined: tuple[Attachment, ...],
    centre_lps_mm: NDArray[np.float64],
    volume: Estimate,
    scan: SeenOn,
) -> NoduleMeasurement:
    outline, start = _outline(found, filled)
    x, y, z = (float(v) for v in centre_lps_mm)
    diameter_mm = axes.mean_diameter_mm
    error_mm = diameter_error_mm(diameter_mm, volume.relative_error, float(found.near.spacing_mm[1]))
    return NoduleMeasurement(
        centre_lps_mm=(x, y, z),
        volume_mm3=volume,
        mean_diameter_mm=Estimate(diameter_mm, error_mm),
        long_axis_mm=axes.long_mm,
        short_axis_mm=axes.short_mm,
        axial_index=axes.slice_index,
        attenuation=density.attenuation,
        solid_volume_mm3=density.solid_volume_mm3,
        solid_mean_diameter_mm=density.solid_mean_diameter_mm,
        mean_hu=density.mean_hu,
        mass_mg=density.mass_mg,
        attached_to=joined,
        lung_hu=found.levels.lung_hu,
        contrast_hu=found.levels.contrast_hu,
        edge_blur_mm=found.blur_mm,
        joined_share=float(found.rays.long.mean()),
        wall_share=float(found.rays.at_wall.mean()),
        border=found,
        scan=scan,
        outline=outline,
        outline_start_zyx=start,
    )


def _outline(found: Segmentation, filled: Occupancy) -> tuple[NDArray[np.bool_], tuple[int, int, int]]:
    """Voxels inside the level at which readers draw, cut down to a box around them."""
    beyond_mm = (float(special.ndtri(1 - OUTLINE_FRACTION))) * found.blur_mm
    inside = filled.depth_mm > -beyond_mm
    if found.wall is not None:
        inside &= found.wall.depth_mm > 0
    voxels = np.argwhere(inside)
    first, last = voxels.min(axis=0), voxels.max(axis=0) + 1
    box = inside[first[0] : last[0], first[1] : last[1], first[2] : last[2]]
    start = first + np.asarray(found.near.start_zyx)
    return box, (int(start[0]), int(start[1]), int(start[2]))
