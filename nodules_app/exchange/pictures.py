"""Slices and crops of a CT as grey pictures, and the places on them in the same coordinates.

A pixel's index is its centre: column 0 lies at x = 0. The picture of a crop and the outline drawn over it come from one
``Crop``, so that they cannot disagree.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from registration.volume import AIR_HU, Volume

CROP_PX: Final = 352  # sharp on a screen with two device pixels for each of the 176 that a crop takes at least
PRINTED_PX: Final = 264  # 50 mm of lung in pixels of 0.2 mm: a CT has no more to show
OUTLINE_RGB, SCALE_RGB = (255, 196, 0), (255, 255, 255)
BOX: Final = 100.0  # the drawing over a crop is a square of this side
SCALE_BAR_MM: Final = 10.0


class Window(StrEnum):
    """Presets of the grey scale."""

    LUNG = "lung"
    SOFT = "soft"
    BONE = "bone"


# Width and level in HU, the usual presets of chest reading.
WIDTH_LEVEL_HU: Final[dict[Window, tuple[int, int]]] = {
    Window.LUNG: (1500, -600),
    Window.SOFT: (400, 40),
    Window.BONE: (2500, 480),
}


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of ``side_mm`` on one slice, around a point given in continuous pixels of the whole slice."""

    slice_index: int
    x_px: float
    y_px: float
    side_mm: float
    spacing_y_mm: float
    spacing_x_mm: float

    @property
    def width_px(self) -> float:
        return self.side_mm / self.spacing_x_mm

    @property
    def height_px(self) -> float:
        return self.side_mm / self.spacing_y_mm

    def place(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Where a point of the slice lies in the drawing over the crop."""
        x = BOX * ((x_px - self.x_px) / self.width_px + 0.5)
        y = BOX * ((y_px - self.y_px) / self.height_px + 0.5)
        return round(x, 2), round(y, 2)

    def path(self, polygons_px: Iterable[Sequence[tuple[float, float]]]) -> str:
        """Draw polygons of the slice as one closed path over the crop."""
        drawn = []
        for polygon in polygons_px:
            places = (self.place(x, y) for x, y in polygon)
            drawn.append("M" + " ".join(f"{x:g},{y:g}" for x, y in places) + "Z")
        return "".join(drawn)

    def scale_path(self) -> str:
        """Draw a bar of 10 mm with its two ends at the lower right."""
        right, y = 97.0, 96.5
        left = round(right - BOX * SCALE_BAR_MM / self.side_mm, 2)
        return f"M{left:g} {y:g}H{right:g}M{left:g} {y - 1.5:g}v3M{right:g} {y - 1.5:g}v3"


def crop_around(
    volume: Volume, lps_mm: tuple[float, float, float], *, side_mm: float, slice_index: int | None = None
) -> Crop:
    """Lay a crop around a patient point, on the slice that holds it or on the one that is asked for."""
    z, y, x = (float(index) for index in volume.index_from_lps(lps_mm))
    return crop_at(
        volume, slice_index=round(z) if slice_index is None else slice_index, x_px=x, y_px=y, side_mm=side_mm
    )


def crop_at(volume: Volume, *, slice_index: int, x_px: float, y_px: float, side_mm: float) -> Crop:
    """Lay a crop around a point of a slice; the slice is held inside the volume."""
    _, spacing_y, spacing_x = volume.spacing_zyx_mm
    return Crop(nearest_slice(volume, slice_index), x_px, y_px, side_mm, spacing_y, spacing_x)


def nearest_slice(volume: Volume, slice_index: int) -> int:
    """Hold a slice number inside the volume."""
    return min(max(slice_index, 0), volume.shape_zyx[0] - 1)


def crop_png(volume: Volume, crop: Crop, *, window: Window = Window.LUNG) -> bytes:
    """Draw a crop as a square picture; beyond the edge of the slice there is air."""
    return _png(_grey(_resampled(volume, crop, CROP_PX), window))


def printed_png(volume: Volume, crop: Crop, polygons_px: Iterable[Sequence[tuple[float, float]]]) -> bytes:
    """Draw a crop for paper: in the lung window, with the outline and a bar of 10 mm on it."""
    drawn = Image.fromarray(_grey(_resampled(volume, crop, PRINTED_PX), Window.LUNG)).convert("RGB")
    pen = ImageDraw.Draw(drawn)
    scale = PRINTED_PX / BOX
    for polygon in polygons_px:
        border = [(x * scale, y * scale) for x, y in (crop.place(x, y) for x, y in polygon)]
        pen.line([*border, border[0]], fill=OUTLINE_RGB, width=2)
    right, y = 97.0 * scale, 96.5 * scale
    left = right - scale * BOX * SCALE_BAR_MM / crop.side_mm
    pen.line([(left, y), (right, y)], fill=SCALE_RGB, width=2)
    out = io.BytesIO()
    drawn.save(out, "PNG", optimize=True)
    return out.getvalue()


def _resampled(volume: Volume, crop: Crop, side_px: int) -> NDArray[np.float32]:
    left, top = crop.x_px - crop.width_px / 2 + 0.5, crop.y_px - crop.height_px / 2 + 0.5  # edges, not centres
    first_column, first_row = int(np.floor(left)) - 2, int(np.floor(top)) - 2
    columns, rows = int(np.ceil(crop.width_px)) + 5, int(np.ceil(crop.height_px)) + 5
    block = _block(volume.array_hu[crop.slice_index], first_row, first_column, rows, columns)
    box = (
        left - first_column,
        top - first_row,
        left - first_column + crop.width_px,
        top - first_row + crop.height_px,
    )
    return np.asarray(Image.fromarray(block).resize((side_px, side_px), Image.Resampling.BICUBIC, box=box))


def slice_png(volume: Volume, slice_index: int, *, window: Window) -> bytes:
    """Draw a whole slice, one pixel for one voxel."""
    hounsfield = np.asarray(volume.array_hu[nearest_slice(volume, slice_index)], dtype=np.float32)
    return _png(_grey(hounsfield, window))


def _block(
    hounsfield: NDArray[np.int16], first_row: int, first_column: int, rows: int, columns: int
) -> NDArray[np.float32]:
    """Cut out a block that may reach over the edge of the slice."""
    height, width = hounsfield.shape
    block = np.full((rows, columns), AIR_HU, np.float32)
    top, bottom = np.clip((first_row, first_row + rows), 0, height)
    left, right = np.clip((first_column, first_column + columns), 0, width)
    if top < bottom and left < right:
        inside = (slice(top - first_row, bottom - first_row), slice(left - first_column, right - first_column))
        block[inside] = hounsfield[top:bottom, left:right]
    return block


def _grey(hounsfield: NDArray[np.float32], window: Window) -> NDArray[np.uint8]:
    width_hu, level_hu = WIDTH_LEVEL_HU[window]
    grey = (hounsfield - (level_hu - width_hu / 2)) * (255.0 / width_hu)
    clipped: NDArray[np.uint8] = np.clip(grey + 0.5, 0, 255).astype(np.uint8)
    return clipped


def _png(grey: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG", compress_level=1)
    return out.getvalue()


def edge_letters(volume: Volume) -> tuple[str, str, str, str]:
    """Name the edges of an axial slice (top, right, bottom, left) from the image orientation, never by assumption."""
    along_x, along_y = np.asarray(volume.direction)[:, 0], np.asarray(volume.direction)[:, 1]
    return _towards(-along_y), _towards(along_x), _towards(along_y), _towards(-along_x)


def _towards(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return ("RL", "AP", "FH")[axis][int(direction[axis] > 0)]
