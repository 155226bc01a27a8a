"""The borders of nodules slice by slice, for drawing: of the outline that stands, corrections included."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache

from inference.outline import polygons_by_slice_px, solid_part
from nodules_app.models import Attenuation, Measurement, Scan
from nodules_app.selectors.viewer import measured_on
from nodules_app.services.corrections_measure import outline_in_force, volume_of
from registration.errors import Refused

FORMAT: Final = 1  # of what the cache keeps
KEPT_S: Final = 24 * 3600  # a measurement never changes, so it could be kept for ever; a day's reading is enough

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


def _outline(row: Measurement) -> Outline:
    name = f"outline:{FORMAT}:{row.code}"
    kept: dict[str, Any] | None = cache.get(name)
    if kept is not None:
        return Outline(row.finding.code, row.finding.nodule.label, kept["border_px"], kept["solid_px"])
    try:
        drawn = _draw(row)
    except Refused:  # also: the voxels are not kept
        return Outline(row.finding.code, row.finding.nodule.label, _axial(row), {})
    cache.set(name, {part: value for part, value in asdict(drawn).items() if part.endswith("_px")}, KEPT_S)
    return drawn


def _draw(row: Measurement) -> Outline:
    found = outline_in_force(row.finding)
    if found is None:  # numbers without an outline: a caliper
        return Outline(row.finding.code, row.finding.nodule.label, _axial(row), {})
    solid: Polygons = {}
    if row.attenuation == Attenuation.PART_SOLID:
        inside = solid_part(volume_of(row.finding.scan), found.inside, found.start_zyx)
        solid = _by_name(polygons_by_slice_px(inside, found.start_zyx))
    border = _by_name(polygons_by_slice_px(found.inside, found.start_zyx))
    return Outline(row.finding.code, row.finding.nodule.label, border, solid)


def _axial(row: Measurement) -> Polygons:
    return {str(row.axial_index): row.outline_px} if row.axial_index is not None and row.outline_px else {}


def _by_name(polygons_px: dict[int, list[list[tuple[float, float]]]]) -> Polygons:
    """Slices by name and points as lists: the shape that JSON gives back."""
    return {
        str(index): [[list(point) for point in polygon] for polygon in polygons]
        for index, polygons in polygons_px.items()
    }
