"""One slice on the page: its size there, its neighbours, and the nodules that lie on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from nodules_app.exchange.pictures import crop_at, edge_letters, nearest_slice
from nodules_app.selectors.scans import Place
from registration.volume import Volume

PICTURE_WIDTH_PX: Final = 640
UNKNOWN_DIAMETER_MM: Final = 10.0
RING_MM: Final = 4.0  # a circle stands this far off the nodule, so as not to cover its border
CONFIRM_MM: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ring:
    """A nodule on the slice, in pixels of the slice."""

    label: str
    x_px: float
    y_px: float
    radius_px: float
    present: bool


@dataclass(frozen=True, slots=True)
class Jump:
    """A nodule elsewhere in the stack, and the slice to go to."""

    finding: UUID
    label: str
    number: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class ShownSlice:
    """A slice as the page draws it; numbers are counted from 1."""

    number: int
    total: int
    steps: tuple[tuple[int, int], ...]  # (by how many, to which number), without those beyond the ends
    width_px: int
    height_px: int
    columns: int
    rows: int
    z_mm: float
    top: str
    right: str
    bottom: str
    left: str
    rings: tuple[Ring, ...]
    jumps: tuple[Jump, ...]


@dataclass(frozen=True, slots=True)
class PressedPlace:
    """The place that was pressed, with the address of its crop."""

    number: int
    x_px: float
    y_px: float
    patient_place: str
    hounsfield: str
    crop_url: str
    scale_path: str


def height_share(volume: Volume) -> float:
    """Height of the drawn slice as a share of its width; pixels need not be square."""
    _, spacing_y, spacing_x = volume.spacing_zyx_mm
    _, rows, columns = volume.shape_zyx
    return rows * spacing_y / (columns * spacing_x)


def shown_slice(volume: Volume, places: Iterable[Place], *, asked: int | None, nodule: str = "") -> ShownSlice:
    """Lay out the slice that is asked for, else that of the named or the first nodule, else the middle one."""
    placed = [(place, volume.index_from_lps(place.lps_mm)) for place in places]
    total, rows, columns = volume.shape_zyx
    chosen = next((at for place, at in placed if place.label == nodule), placed[0][1] if placed else None)
    first = total // 2 if chosen is None else round(float(chosen[0]))
    index = nearest_slice(volume, first if asked is None else asked - 1)
    steps = tuple((step, index + 1 + step) for step in (-10, -1, 1, 10) if 0 <= index + step < total)
    top, right, bottom, left = edge_letters(volume)
    rings = [ring for place, at in placed if (ring := _ring(volume, place, at, index))]
    return ShownSlice(
        number=index + 1,
        total=total,
        steps=steps,
        width_px=PICTURE_WIDTH_PX,
        height_px=round(PICTURE_WIDTH_PX * height_share(volume)),
        columns=columns,
        rows=rows,
        z_mm=float(volume.lps_from_index((index, 0, 0))[2]),
        top=top,
        right=right,
        bottom=bottom,
        left=left,
        rings=tuple(rings),
        jumps=tuple(
            Jump(place.code, place.label, nearest_slice(volume, round(float(at[0]))) + 1, round(float(at[0])) == index)
            for place, at in placed
        ),
    )


def _ring(volume: Volume, place: Place, at: Iterable[float], index: int) -> Ring | None:
    z, y, x = (float(value) for value in at)
    spacing_z, _, spacing_x = volume.spacing_zyx_mm
    radius_mm = (place.mean_diameter_mm or UNKNOWN_DIAMETER_MM) / 2
    if abs(z - index) * spacing_z > max(radius_mm, spacing_z / 2):
        return None
    return Ring(place.label, round(x, 1), round(y, 1), round((radius_mm + RING_MM) / spacing_x, 1), place.present)


def place_of(volume: Volume, scan: UUID, *, slice_number: int, x_px: float, y_px: float) -> PressedPlace:
    """Say where a pressed pixel lies and what is there."""
    index = nearest_slice(volume, slice_number - 1)
    crop = crop_at(volume, slice_index=index, x_px=x_px, y_px=y_px, side_mm=CONFIRM_MM)
    x, y, z = (float(value) for value in volume.lps_from_index((index, y_px, x_px)))
    _, rows, columns = volume.shape_zyx
    row, column = min(round(y_px), rows - 1), min(round(x_px), columns - 1)
    query = urlencode({"mm": f"{CONFIRM_MM:g}", "slice": index, "x": f"{x_px:.2f}", "y": f"{y_px:.2f}"})
    return PressedPlace(
        number=index + 1,
        x_px=round(x_px, 2),
        y_px=round(y_px, 2),
        patient_place=_patient_place(x, y, z),
        hounsfield=f"{volume.array_hu[index, row, column]}".replace("-", "\N{MINUS SIGN}"),
        crop_url=f"{reverse('place-crop', kwargs={'code': scan})}?{query}",
        scale_path=crop.scale_path(),
    )


def _patient_place(x_mm: float, y_mm: float, z_mm: float) -> str:
    """Write a patient point with the side that it lies on instead of a sign: R 88.4 · A 66.5 · S 1091.0 mm."""
    sides = (("R", "L"), ("A", "P"), ("I", "S"))
    words = [f"{side[value >= 0]} {abs(value):.1f}" for value, side in zip((x_mm, y_mm, z_mm), sides, strict=True)]
    return f"{' · '.join(words)} mm"
