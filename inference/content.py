"""What a nodule holds besides soft tissue: calcium, fat, air; looked for under its rim, where lung does not mix in.

Definitions
-----------
* calcification: connected voxels of the lightly smoothed scan above ``CALCIUM_HU``. 200 HU is what thin-section CT
  takes for visible calcium (Zerhouni et al. 1986, Radiology 160:319; Swensen et al. 2000, Radiology 214:73, put the
  most that contrast agent adds to a nodule far below).
* patterns (Fleischner glossary, Bankier et al. 2024, Radiology 310:e232558): diffuse, central, laminated, popcorn and
  eccentric; the first four speak for a benign nodule, the last does not.
* fat: voxels between -120 and -40 HU that hang together, deep enough under the border of a solid nodule that no mixture
  with lung explains them (Siegelman et al. 1986, Radiology 160:313).
* cavity: air that tissue of the nodule encloses on all sides; cystic airspace: the same with a thin wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.figure import Figure, Reason, Said, Unsaid
from inference.neighbourhood import Floats
from inference.occupancy import Occupancy
from inference.repeatability import Attenuation
from inference.segment import Segmentation

SMOOTHING_MM: Final = 0.5
CALCIUM_HU: Final = 200.0
CALCIUM_EITHER_WAY_HU: Final = 60.0  # moving the threshold so far says how sure the share is
SURE_ERRORS: Final = 2.0  # a share within two of its errors of none is none: contrast agent, noise
LEAST_CALCIUM_MM3: Final = 4.0  # a ball of 2 mm: less is noise or a bright vessel
FAT_HU: Final = (-120.0, -40.0)
LEAST_FAT_MM3: Final = 15.0  # a ball of 3 mm
AIR_HU: Final = -500.0  # half way between air and tissue: the border of a hole lies where it lay unblurred
LEAST_AIR_MM3: Final = 10.0
RIM_BLURS: Final = 1.5  # depth from which lung no longer mixes in
FAT_RIM_BLURS: Final = 2.5
TOUCHING_MM: Final = 1.0
THIN_WALL_MM: Final = 2.0  # a thinner wall is that of a cyst (Hansell et al. 2008, Radiology 246:697)
PATTERN_LEAST_MM: Final = 8.0
PATTERN_SLICES: Final = 4.0  # slices across a nodule, for a pattern
DIFFUSE_SHARE: Final = 0.6
CENTRAL_OFF: Final = 0.25  # of the radius, between the middle of the calcium and that of the nodule
CENTRAL_REACH: Final = 0.65  # of the radius: central calcium stays within
POPCORN_PIECES: Final = 3
SOFT_CENTRE_SHARE: Final = 0.3  # of the innermost third that is calcified: less, within a shell, is laminated
SHELL_SIDES: Final = 6  # of the eight octants that a shell must fill


class CalciumPattern(StrEnum):
    """Where the calcium of a nodule lies."""

    CENTRAL = "central"
    DIFFUSE = "diffuse"
    LAMINATED = "laminated"
    POPCORN = "popcorn"
    ECCENTRIC = "eccentric"


class Airspace(StrEnum):
    """Air inside a nodule."""

    CAVITY = "cavity"
    CYSTIC = "cystic_airspace"


@dataclass(frozen=True, slots=True)
class Content:
    """What a nodule holds.

    Parameters
    ----------
    calcified_share, fat_share
        Share of the inside (rim left out).
    calcium_pattern
        None without sure calcium, or where the slices do not resolve it.
    air_mm3, wall_mm
        Volume of the enclosed air, and the typical thickness of what is around it; None without air.
    """

    calcified_share: Said
    calcium_pattern: CalciumPattern | None
    fat_share: Said
    airspace: Airspace | None
    air_mm3: float | None
    wall_mm: Figure | None


@dataclass(frozen=True, slots=True, eq=False)
class _Inside:
    """The smoothed attenuation and the depth under the border, (z, y, x) both, of the block around a nodule."""

    smooth_hu: NDArray[np.float32]
    depth_mm: NDArray[np.float32]
    offset_mm: Floats  # (z, y, x, 3), from the centre
    blur_mm: float
    voxel_mm3: float

    def deeper(self, depth_mm: float) -> NDArray[np.bool_]:
        """Voxels further inside than this."""
        return self.depth_mm > depth_mm


def describe_content(found: Segmentation, filled: Occupancy, attenuation: Attenuation, slice_mm: float) -> Content:
    """Look for calcium, fat and air inside a nodule.

    Parameters
    ----------
    slice_mm
        Slice thickness or spacing, whichever is larger.
    """
    near = found.near
    z, y, x = near.grid_mm()
    offset = np.stack(np.broadcast_arrays(*(a - c for a, c in zip((z, y, x), found.star.centre_mm, strict=True))), -1)
    inside = _Inside(
        near.smoothed(SMOOTHING_MM), filled.depth_mm, offset, filled.scanner_blur_mm, float(np.prod(near.spacing_mm))
    )
    radius_mm = float(np.cbrt((found.star.ray_radii_mm() ** 3).mean()))
    calcium = _large_pieces(
        (inside.smooth_hu > CALCIUM_HU) & inside.deeper(RIM_BLURS * inside.blur_mm / 2),
        LEAST_CALCIUM_MM3 / inside.voxel_mm3,
    )
    calcified = _calcified(inside, calcium)
    sure = isinstance(calcified, Figure) and calcified.value > SURE_ERRORS * calcified.standard_error
    resolved = 2 * radius_mm >= max(PATTERN_LEAST_MM, PATTERN_SLICES * slice_mm)
    airspace, air_mm3, wall_mm = _air(found, inside, slice_mm) or (None, None, None)
    return Content(
        calcified_share=calcified,
        calcium_pattern=_pattern(inside, calcium, radius_mm) if resolved and sure else None,
        fat_share=_fat(inside, attenuation, radius_mm, slice_mm, hollow=airspace is not None),
        airspace=airspace,
        air_mm3=air_mm3,
        wall_mm=wall_mm,
    )


def _large_pieces(mask: NDArray[np.bool_], least_voxels: float) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray((sizes >= max(least_voxels, 1.0))[labels], dtype=bool)


def _calcified(inside: _Inside, calcium: NDArray[np.bool_]) -> Said:
    """Share of the inside that is calcified; its error from moving the threshold."""
    whole = inside.deeper(RIM_BLURS * inside.blur_mm / 2)
    if whole.sum() * inside.voxel_mm3 < LEAST_CALCIUM_MM3:
        return Unsaid(Reason.TOO_SMALL)
    share = float(calcium.sum() / whole.sum())
    if not share:
        return Figure(0.0, LEAST_CALCIUM_MM3 / float(whole.sum() * inside.voxel_mm3) / 2)
    more, less = (
        float((whole & (inside.smooth_hu > CALCIUM_HU + sign * CALCIUM_EITHER_WAY_HU)).sum() / whole.sum())
        for sign in (-1, 1)
    )
    return Figure(share, (more - less) / 2)


def _pattern(inside: _Inside, calcium: NDArray[np.bool_], radius_mm: float) -> CalciumPattern:
    whole = inside.deeper(RIM_BLURS * inside.blur_mm / 2)
    if calcium.sum() >= DIFFUSE_SHARE * whole.sum():
        return CalciumPattern.DIFFUSE
    places = inside.offset_mm[calcium]
    away_mm = np.linalg.norm(places, axis=1)
    centred = float(np.linalg.norm(places.mean(axis=0))) < CENTRAL_OFF * radius_mm
    middle = np.linalg.norm(inside.offset_mm, axis=-1) < radius_mm / 3
    sides = len(np.unique((places > 0) @ np.array([4, 2, 1])))
    if centred and sides >= SHELL_SIDES and float(calcium[middle].mean()) < SOFT_CENTRE_SHARE:
        return CalciumPattern.LAMINATED
    if centred and float(np.percentile(away_mm, 95)) < CENTRAL_REACH * radius_mm:
        return CalciumPattern.CENTRAL
    if int(ndimage.label(calcium)[1]) >= POPCORN_PIECES:
        return CalciumPattern.POPCORN
    return CalciumPattern.DIFFUSE if centred else CalciumPattern.ECCENTRIC


def _fat(inside: _Inside, attenuation: Attenuation, radius_mm: float, slice_mm: float, *, hollow: bool) -> Said:
    """Share of the inside that is fat; only of solid nodules, where nothing else is that dark."""
    if hollow:
        return Unsaid(Reason.HOLLOW)
    if attenuation != "solid":
        return Unsaid(Reason.NOT_SOLID)
    deep = inside.deeper(FAT_RIM_BLURS * inside.blur_mm)
    if float(deep.sum()) * inside.voxel_mm3 < LEAST_FAT_MM3:
        return Unsaid(Reason.SLICES_TOO_THICK if slice_mm > radius_mm / 2 else Reason.TOO_SMALL)
    low, high = FAT_HU
    fat = _large_pieces(deep & (inside.smooth_hu > low) & (inside.smooth_hu < high), LEAST_FAT_MM3 / inside.voxel_mm3)
    share = float(fat.sum() / deep.sum())
    count = max(float(fat.sum()), LEAST_FAT_MM3 / inside.voxel_mm3 / 2)
    return Figure(share, math.sqrt(count) / float(deep.sum()))


def _air(found: Segmentation, inside: _Inside, slice_mm: float) -> tuple[Airspace, float, Figure] | None:
    """Air beside or under the border that tissue closes off from the lung: its volume, and the wall around it.

    A hole in the middle can turn the border inwards, so the air is looked for on both sides of it.
    """
    dark = inside.smooth_hu < AIR_HU
    labels, count = ndimage.label(dark)
    edges = [labels[[0, -1]], labels[:, [0, -1]], labels[:, :, [0, -1]]]
    outer = np.isin(labels, np.unique(np.concatenate([edge.ravel() for edge in edges]))) & dark
    enclosed = np.asarray(ndimage.maximum(inside.depth_mm, labels, np.arange(count + 1))) > -TOUCHING_MM
    enclosed &= np.bincount(labels.ravel(), minlength=count + 1) * inside.voxel_mm3 >= LEAST_AIR_MM3
    enclosed[0] = False
    air = enclosed[labels] & ~outer
    if not air.any() or not outer.any():
        return None
    edge = air & ~ndimage.binary_erosion(air)
    walls_mm = ndimage.distance_transform_edt(~outer, sampling=found.near.spacing_mm)[edge]
    wall_mm = float(np.median(walls_mm)) - float(found.near.spacing_mm.mean())  # both ends are voxel centres
    spread_mm = float(walls_mm.std()) / math.sqrt(max(edge.sum() / 8.0, 1.0))  # neighbours tell the same
    wall = Figure(max(wall_mm, 0.0), math.hypot(spread_mm, 0.3 * max(slice_mm, 1.0)))
    kind = Airspace.CYSTIC if wall.value < THIN_WALL_MM else Airspace.CAVITY
    return kind, float(air.sum()) * inside.voxel_mm3, wall
