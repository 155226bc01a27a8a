"""The borders of nodules slice by slice, for drawing: of the outline that stands, corrections included.

Whoever measures keeps the borders beside the numbers, so that a reader's page does not look for them again; a border
whose file was deleted is drawn anew when a page asks for it.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from inference.measure import NoduleMeasurement
from inference.outline import polygons_by_slice_px, solid_part
from nodules_app.models import Attenuation, Measurement, Scan
from nodules_app.selectors.viewer import measured_on
from nodules_app.services.cache import outline_file
from nodules_app.services.corrections_measure import outline_in_force, volume_of
from registration.errors import Refused
from registration.volume import Volume

FORMAT: Final = 2  # of what is kept

Polygons = dict[str, list[list[list[float]]]]  # by slice index of the volume, in pixels of the slice


@dataclass(frozen=True, slots=True)
class Outline:
    """The border of one nodule, and of its solid part where it is part-solid."""

    finding: UUID
    label: str
    border_px: Polygons
    solid_px: Polygons


def outlines_of(scan: Scan) -> tuple[Outline, ...]:
    """Give the borders on a scan. While its voxels are not kept, each stands on the slice of its axes alone."""
    return tuple(_outline(row) for row in measured_on(scan) if row.refusal is None)


def keep_outline(row: Measurement, found: NoduleMeasurement, volume: Volume) -> None:
    """Keep the borders that were just measured."""
    _keep(row.code, *_drawn(volume, found.outline, found.outline_start_zyx, row.attenuation))


def _outline(row: Measurement) -> Outline:
    border_px, solid_px = _kept(row.code) or _draw(row)
    return Outline(row.finding.code, row.finding.nodule.label, border_px, solid_px)


def _draw(row: Measurement) -> tuple[Polygons, Polygons]:
    try:
        found, volume = outline_in_force(row.finding), volume_of(row.finding.scan)
    except Refused:  # also: the voxels are not kept, or not any more
        return _axial(row), {}
    if found is None:  # numbers without an outline: a caliper
        return _axial(row), {}
    drawn = _drawn(volume, found.inside, found.start_zyx, row.attenuation)
    _keep(row.code, *drawn)
    return drawn


def _drawn(
    volume: Volume, inside: NDArray[np.bool_], start_zyx: tuple[int, int, int], attenuation: str
) -> tuple[Polygons, Polygons]:
    solid: Polygons = {}
    if attenuation == Attenuation.PART_SOLID:
        solid = _by_name(polygons_by_slice_px(solid_part(volume, inside, start_zyx), start_zyx))
    return _by_name(polygons_by_slice_px(inside, start_zyx)), solid


def _axial(row: Measurement) -> Polygons:
    return {str(row.axial_index): row.outline_px} if row.axial_index is not None and row.outline_px else {}


def _by_name(polygons_px: dict[int, list[list[tuple[float, float]]]]) -> Polygons:
    """Slices by name and points as lists: the shape that JSON gives back."""
    return {
        str(index): [[list(point) for point in polygon] for polygon in polygons]
        for index, polygons in polygons_px.items()
    }


def _kept(code: UUID) -> tuple[Polygons, Polygons] | None:
    try:
        told: dict[str, Any] = json.loads(outline_file(code).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # never written, or by a machine that lost power: drawn anew
        return None
    return (told["border_px"], told["solid_px"]) if told["format"] == FORMAT else None


def _keep(code: UUID, border_px: Polygons, solid_px: Polygons) -> None:
    target = outline_file(code)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, "border_px": border_px, "solid_px": solid_px}, file)
    Path(name).replace(target)  # whole or not at all: another process may be reading
