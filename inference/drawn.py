"""A person's strokes on the machine's outline, and what the nodule measures with them.

The strokes are data: a ball in the patient that adds, erases, or adds where the attenuation lies between two values;
or one smoothing of the whole outline. They are laid on the machine's outline in the scan's own voxels, in their order,
so that the same strokes always give the same outline. Where no stroke came the machine's partial volumes stay: a drawn
volume and a measured one are on one scale, and without strokes they are equal.

How sure: the machine's error for what the machine drew, a reader's for the share of the border that the reader drew.

Source
------
Two readers who measure one nodule of 5 to 20 mm by hand differ by up to 1.73 mm (95 %), so one reading has a standard
error of 1.73 / 1.96 / sqrt(2) = 0.62 mm: Revel et al. 2004, Radiology 231:453-458.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from inference.axes import long_and_short
from inference.calipers import READER_SD_MM
from inference.density import SOLID_HU
from inference.errors import NothingAtPoint, TooLarge
from inference.estimate import Estimate
from inference.measure import NoduleMeasurement
from inference.occupancy import occupancy
from inference.outline import Polygon, contours_px, layer_polygons_px
from inference.repeatability import Attenuation
from registration.volume import Volume

LARGEST_STROKE_MM: Final = 40.0  # radius
MARGIN_VOXELS: Final = 2
LARGEST_BLOCK_VOXELS: Final = 8_000_000
SMOOTHING_MM: Final = 0.8
AIR_HU: Final = -1000.0

StrokeKind = Literal["add", "erase", "threshold", "smooth"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke of a brush; ``smooth`` has no place, the others are balls.

    Parameters
    ----------
    low_hu, high_hu
        Of a threshold stroke: only voxels between them (both included) are added.
    """

    kind: StrokeKind
    centre_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius_mm: float = 0.0
    low_hu: float = -math.inf
    high_hu: float = math.inf


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Voxels inside, and the share of each that the nodule fills; both start at voxel ``start_zyx`` of the volume.

    Parameters
    ----------
    inside, share : (z, y, x)
    """

    inside: NDArray[np.bool_]
    share: NDArray[np.float32]
    start_zyx: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What a drawn outline measures.

    Parameters
    ----------
    drawn_share
        Share of the border's voxels that a person put there; 0 is the machine's outline, 1 wholly a person's.
    """

    outline: Outline
    volume_mm3: Estimate
    mean_diameter_mm: Estimate
    long_axis_mm: float
    short_axis_mm: float
    axial_index: int
    attenuation: Attenuation
    mean_hu: float
    mass_mg: float
    drawn_share: float
    outline_px: list[Polygon]


def outline_of(volume: Volume, machine: NoduleMeasurement | None, strokes: Sequence[Stroke]) -> Outline:
    """Lay strokes on the machine's outline, or on nothing where the machine found none.

    Raises
    ------
    TooLarge
        The strokes lie further apart than any nodule is wide.
    NothingAtPoint
        The strokes leave nothing.
    """
    outline = _base(volume, machine, strokes)
    for stroke in strokes:
        outline = _smoothed(outline, volume) if stroke.kind == "smooth" else _painted(outline, volume, stroke)
    if not outline.inside.any():
        raise NothingAtPoint(contrast_hu=0.0)
    return outline


def measure_drawn(volume: Volume, machine: NoduleMeasurement | None, strokes: Sequence[Stroke]) -> Drawn:
    """Measure the machine's outline with a person's strokes on it.

    Parameters
    ----------
    machine
        What the machine measured at that place; None when it refused.

    Raises
    ------
    TooLarge, NothingAtPoint
    """
    outline = outline_of(volume, machine, strokes)
    before = _base(volume, machine, strokes)
    # What the machine said stands (it may have been measured together with another date); the strokes add to it.
    gained = float((outline.share - before.share).sum(dtype=np.float64)) * volume.voxel_mm3
    volume_mm3 = (machine.volume_mm3.value if machine is not None else 0.0) + gained
    if volume_mm3 <= 0:
        raise NothingAtPoint(contrast_hu=0.0)
    share = _drawn_share(before.inside, outline.inside)
    long_mm, short_mm, layer = _axes_mm(outline, volume)
    if machine is not None:  # its axes lie between the voxels: what the strokes did to the outline is done to them
        long_before_mm, short_before_mm, _ = _axes_mm(before, volume)
        long_mm *= machine.long_axis_mm / long_before_mm
        short_mm = min(long_mm, short_mm * machine.short_axis_mm / short_before_mm)
    mean_mm = (long_mm + short_mm) / 2
    ball_mm = (6 * volume_mm3 / math.pi) ** (1 / 3)
    machine_error = machine.volume_mm3.relative_error if machine is not None else 0.0
    machine_sd_mm = machine.mean_diameter_mm.standard_error if machine is not None else 0.0
    error = math.hypot(machine_error, 3 * READER_SD_MM * share / ball_mm)
    hu = _hu_inside(volume, outline)
    mean_hu = float(hu.mean(dtype=np.float64))
    return Drawn(
        outline=outline,
        volume_mm3=Estimate(volume_mm3, volume_mm3 * error),
        mean_diameter_mm=Estimate(mean_mm, math.hypot(machine_sd_mm, READER_SD_MM * share)),
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
        axial_index=layer + outline.start_zyx[0],
        attenuation=_attenuation(machine, hu),
        mean_hu=mean_hu,
        mass_mg=volume_mm3 * max(mean_hu - AIR_HU, 0.0) / 1000,
        drawn_share=share,
        outline_px=layer_polygons_px(outline.inside[layer], outline.start_zyx[1:]),
    )


def _base(volume: Volume, machine: NoduleMeasurement | None, strokes: Sequence[Stroke]) -> Outline:
    """The machine's outline in a block that also holds every stroke."""
    boxes = [_box_of(volume, stroke) for stroke in strokes if stroke.kind != "smooth"]
    if machine is not None:
        near = machine.border.near
        first = np.asarray(near.start_zyx)
        boxes.append((first, first + near.hu.shape))
    if not boxes:
        raise NothingAtPoint(contrast_hu=0.0)
    start = np.maximum(np.min([first for first, _ in boxes], axis=0), 0)
    stop = np.minimum(np.max([last for _, last in boxes], axis=0), volume.shape_zyx)
    shape = tuple(int(n) for n in stop - start)
    if min(shape) <= 0:
        raise NothingAtPoint(contrast_hu=0.0)
    if math.prod(shape) > LARGEST_BLOCK_VOXELS:
        raise TooLarge(limit_mm=2 * LARGEST_STROKE_MM)
    inside, share = np.zeros(shape, np.bool_), np.zeros(shape, np.float32)
    if machine is not None:
        filled = occupancy(machine.border).share
        share[_within(machine.border.near.start_zyx, filled.shape, start)] = filled
        inside[_within(machine.outline_start_zyx, machine.outline.shape, start)] = machine.outline
    return Outline(inside, share, (int(start[0]), int(start[1]), int(start[2])))


def _within(
    start_zyx: tuple[int, int, int], shape: tuple[int, ...], origin: NDArray[np.int_]
) -> tuple[slice, slice, slice]:
    z, y, x = (slice(int(a - o), int(a - o + n)) for a, n, o in zip(start_zyx, shape, origin, strict=True))
    return z, y, x


def _box_of(volume: Volume, stroke: Stroke) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    centre = volume.index_from_lps(stroke.centre_lps_mm)
    reach = min(stroke.radius_mm, LARGEST_STROKE_MM) / np.asarray(volume.spacing_zyx_mm) + MARGIN_VOXELS
    return np.floor(centre - reach).astype(int), np.ceil(centre + reach).astype(int) + 1


def _ball(outline: Outline, volume: Volume, stroke: Stroke) -> NDArray[np.bool_]:
    centre = volume.index_from_lps(stroke.centre_lps_mm) - np.asarray(outline.start_zyx)
    axes = np.ogrid[tuple(slice(0, n) for n in outline.inside.shape)]
    square = sum(((axis - at) * step) ** 2 for axis, at, step in zip(axes, centre, volume.spacing_zyx_mm, strict=True))
    within: NDArray[np.bool_] = np.asarray(square) <= min(stroke.radius_mm, LARGEST_STROKE_MM) ** 2
    return within


def _painted(outline: Outline, volume: Volume, stroke: Stroke) -> Outline:
    touched = _ball(outline, volume, stroke)
    if stroke.kind == "threshold":
        hu = _block(volume, outline)
        touched &= (hu >= stroke.low_hu) & (hu <= stroke.high_hu)
    full = stroke.kind != "erase"
    if full:
        touched &= ~outline.inside  # what the machine counted in parts stays counted in parts
    inside = np.where(touched, full, outline.inside)
    share = np.where(touched, np.float32(full), outline.share)
    return Outline(inside, share, outline.start_zyx)


def _smoothed(outline: Outline, volume: Volume) -> Outline:
    sigma = SMOOTHING_MM / np.asarray(volume.spacing_zyx_mm)
    inside = ndimage.gaussian_filter(outline.inside.astype(np.float32), sigma) >= 0.5
    gained, lost = inside & ~outline.inside, outline.inside & ~inside
    share = np.where(gained, np.float32(1), np.where(lost, np.float32(0), outline.share))
    return Outline(inside, share, outline.start_zyx)


def _drawn_share(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """Share of the new border's voxels that the old border did not have."""
    border = after & ~ndimage.binary_erosion(after)
    kept = border & before & ~ndimage.binary_erosion(before)
    return float(1 - kept.sum() / border.sum())


def _block(volume: Volume, outline: Outline) -> NDArray[np.int16]:
    start = outline.start_zyx
    z, y, x = (slice(a, a + n) for a, n in zip(start, outline.inside.shape, strict=True))
    return volume.array_hu[z, y, x]


def _hu_inside(volume: Volume, outline: Outline) -> NDArray[np.float64]:
    """Attenuation well inside where there is such, else of all that is inside."""
    core = ndimage.binary_erosion(outline.inside)
    hu = _block(volume, outline)[core if core.any() else outline.inside]
    return np.maximum(hu.astype(np.float64), AIR_HU)


def _attenuation(machine: NoduleMeasurement | None, hu: NDArray[np.float64]) -> Attenuation:
    """As the machine said; where it said nothing, by what most of the inside is."""
    if machine is not None:
        return machine.attenuation
    return "solid" if float(np.median(hu)) > SOLID_HU else "ground_glass"


def _axes_mm(outline: Outline, volume: Volume) -> tuple[float, float, int]:
    """Long and short axis on the axial slice where most is inside, and that slice counted in the block."""
    layer = int(outline.inside.sum(axis=(1, 2)).argmax())
    _, step_y_mm, step_x_mm = volume.spacing_zyx_mm
    points: ArrayLike = np.concatenate(contours_px(outline.inside[layer])) * (step_x_mm, step_y_mm)
    long_mm, short_mm = long_and_short(np.asarray(points, np.float64)[:, ::-1])
    return long_mm, short_mm, layer


def ball_volume(diameter: Estimate) -> Estimate:
    """Volume of a ball of this diameter: all that two axes can say of a volume, with three times their error."""
    volume_mm3 = math.pi / 6 * diameter.value**3
    return Estimate(volume_mm3, volume_mm3 * 3 * diameter.relative_error)
