"""DICOM Structured Report with measurement groups (PS3.16 TID 1500, 1410, 1411): each group becomes one mark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nodules_app.dicom.errors import printable
from nodules_app.dicom.finding_marks import (
    CtSpace,
    FindingMark,
    FindingsOfOtherSeries,
    FindingsUnreadable,
    SegmentationMissing,
)
from nodules_app.dicom.header import UNREADABLE, Header
from nodules_app.dicom.read_cad import CAD_STORAGE, read_cad
from nodules_app.dicom.read_measures import code_of, measures_of, source_of
from nodules_app.dicom.read_segmentation import read_segmentation
from nodules_app.dicom.series import CtSeries

MEASUREMENT_GROUP = "125007"
TRACKING_IDENTIFIER, TRACKING_UID, FINDING = "112039", "112040", "121071"
SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
NEIGHBOURS = 1.5  # slice distances: outlines on slices nearer than that, and overlapping, are one finding
DEEPEST = 32


@dataclass(frozen=True, slots=True)
class _Region:
    """Points of one drawing, and how thick they are to be taken."""

    points_lps_mm: NDArray[np.float64]
    kind: Literal["region", "point"]


def read_report(header: Header, on: CtSeries, segmentations: Sequence[Header]) -> tuple[FindingMark, ...]:
    """Give the measurement groups of a report that have a place on this CT.

    Parameters
    ----------
    segmentations
        Those that the report may refer to.

    Raises
    ------
    FindingsOfOtherSeries
        There are references, but none to this series.
    FindingsOffTheCt
        Coordinates beyond the scan.
    SegmentationMissing
        All that it says is in a segmentation that is not among ``segmentations``.
    FindingsUnreadable
        The content tree is damaged.
    """
    try:
        if header.text("SOPClassUID") == CAD_STORAGE:
            return _proposals(header, on)
        groups = list(_groups(header.elements.get("ContentSequence") or (), 0))
        reader = _Reader(header, on, CtSpace.of(on), {s.text("SOPInstanceUID"): s for s in segmentations})
        marks = [mark for group in groups for mark in reader.marks_of(group)]
    except UNREADABLE as problem:
        raise FindingsUnreadable(file=printable(header.name), reason=printable(str(problem))) from problem
    if not marks and reader.missing:
        raise SegmentationMissing(file=printable(header.name), uid=reader.missing[0])
    if not marks and reader.elsewhere:
        raise FindingsOfOtherSeries(file=printable(header.name), count=reader.elsewhere)
    return _joined(marks, on.spacing_zyx_mm[0])


def _proposals(header: Header, on: CtSeries) -> tuple[FindingMark, ...]:
    marks, elsewhere = read_cad(header, on)
    if not marks and elsewhere:
        raise FindingsOfOtherSeries(file=printable(header.name), count=elsewhere)
    return marks


def _groups(items: Sequence[Dataset], depth: int) -> Iterator[Dataset]:
    if depth > DEEPEST:
        raise ValueError("the content is nested too deeply")
    for item in items:
        if item.get("ValueType") == "CONTAINER":
            if _code(item) == MEASUREMENT_GROUP:
                yield item
            else:
                yield from _groups(item.get("ContentSequence") or (), depth + 1)


def _code(item: Dataset) -> str:
    return code_of(item)[1]


class _Reader:
    """Finds the places of measurement groups on one CT, and counts what lies elsewhere."""

    def __init__(self, header: Header, on: CtSeries, space: CtSpace, segmentations: dict[str, Header]) -> None:
        self.header = header
        self.on = on
        self.space = space
        self.segmentations = segmentations
        self.slices = {one.sop_instance_uid: one for one in on.slices}
        self.missing: list[str] = []
        self.elsewhere = 0

    def marks_of(self, group: Dataset) -> list[FindingMark]:
        items = list(group.get("ContentSequence") or ())
        label, tracking_uid = _name(items)
        said: dict[str, Any] = {"measures": measures_of(items), "source": source_of(self.header, items)}
        marks = [
            replace(mark, label=label or mark.label, tracking_uid=tracking_uid or mark.tracking_uid, **said)
            for item in items
            for mark in self._segment(item)
        ]
        regions = [region for item in items if (region := self._region(item)) is not None]
        if regions and not marks:
            points = np.concatenate([region.points_lps_mm for region in regions])
            self.space.check(points, self.header.name)
            kind: Literal["region", "point"] = "point" if all(r.kind == "point" for r in regions) else "region"
            marks.append(replace(self._mark(points, label, tracking_uid, kind), **said))
        return marks

    def _segment(self, item: Dataset) -> tuple[FindingMark, ...]:
        """Marks of a reference to segments of a SEG."""
        references = item.get("ReferencedSOPSequence") if item.get("ValueType") == "IMAGE" else None
        if not references or str(references[0].get("ReferencedSOPClassUID")) != SEGMENTATION_STORAGE:
            return ()
        uid = str(references[0].ReferencedSOPInstanceUID)
        if uid not in self.segmentations:
            self.missing.append(uid)
            return ()
        numbers = references[0].get("ReferencedSegmentNumber")
        wanted = None if numbers is None else frozenset(np.atleast_1d(np.asarray(numbers, dtype=int)).tolist())
        return read_segmentation(self.segmentations[uid], self.on, wanted)

    def _region(self, item: Dataset) -> _Region | None:
        """Points of an outline on a slice (SCOORD) or in space (SCOORD3D)."""
        kind: Literal["region", "point"] = "point" if item.get("GraphicType") == "POINT" else "region"
        if item.get("ValueType") == "SCOORD3D":
            return _Region(np.asarray(item.GraphicData, dtype=np.float64).reshape(-1, 3), kind)
        if item.get("ValueType") != "SCOORD":
            return None
        uid = next((_image_uid(child) for child in item.get("ContentSequence") or () if _image_uid(child)), "")
        if uid not in self.slices:
            self.elsewhere += 1
            return None
        # Image coordinates count from the corner of the first pixel (PS3.3 C.18.6.1.1), indices from its centre.
        columns_rows = np.asarray(item.GraphicData, dtype=np.float64).reshape(-1, 2) - 0.5
        return _Region(self.space.lps_from_pixels(self.slices[uid].position_lps_mm, columns_rows), kind)

    def _mark(
        self, points_lps_mm: NDArray[np.float64], label: str, uid: str, kind: Literal["region", "point"]
    ) -> FindingMark:
        low, high = points_lps_mm.min(axis=0), points_lps_mm.max(axis=0)
        # A drawing is as thick as its slice.
        size = high - low + np.abs(self.space.along) * self.on.spacing_zyx_mm[0]
        x, y, z = (float(c) for c in (low + high) / 2)
        wide, deep, tall = (float(c) for c in size)
        return FindingMark((x, y, z), label, uid, kind, (wide, deep, tall))


def _image_uid(item: Dataset) -> str:
    references = item.get("ReferencedSOPSequence")
    return str(references[0].get("ReferencedSOPInstanceUID", "")) if references else ""


def _name(items: Sequence[Dataset]) -> tuple[str, str]:
    """Label and tracking UID of a group: its identifier, preceded by the finding where it is a mere number."""
    texts = {_code(item): item for item in items}
    identifier = str(texts[TRACKING_IDENTIFIER].get("TextValue", "")) if TRACKING_IDENTIFIER in texts else ""
    uid = str(texts[TRACKING_UID].get("UID", "")) if TRACKING_UID in texts else ""
    codes = texts[FINDING].get("ConceptCodeSequence") if FINDING in texts else None
    finding = str(codes[0].get("CodeMeaning", "")) if codes else ""
    if any(letter.isalpha() for letter in identifier):
        return identifier, uid
    return f"{finding} {identifier}".strip(), uid


def _joined(marks: Sequence[FindingMark], step_mm: float) -> tuple[FindingMark, ...]:
    """Join outlines that were reported slice by slice: of neighbouring slices, and overlapping there."""
    joined: list[FindingMark] = []
    for mark in sorted(marks, key=lambda m: m.lps_mm[2] if m.kind == "region" else -np.inf):
        below = next((other for other in joined if _touch(other, mark, step_mm)), None)
        if below is None:
            joined.append(mark)
        else:
            joined[joined.index(below)] = _union(below, mark)
    return tuple(joined)


def _box(mark: FindingMark) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    half = np.asarray(mark.extent_mm) / 2
    return np.asarray(mark.lps_mm) - half, np.asarray(mark.lps_mm) + half


def _touch(below: FindingMark, above: FindingMark, step_mm: float) -> bool:
    flat = above.kind == "region" and above.extent_mm[2] <= step_mm * 1.01
    if below.kind != "region" or not flat:
        return False
    (low_a, high_a), (low_b, high_b) = _box(below), _box(above)
    overlap = np.all((low_a <= high_b)[:2] & (low_b <= high_a)[:2])
    gap_mm = low_b[2] - high_a[2]  # 0 where the slices are neighbours
    return bool(overlap and -step_mm / 2 < gap_mm <= (NEIGHBOURS - 1) * step_mm)


def _union(below: FindingMark, above: FindingMark) -> FindingMark:
    (low_a, high_a), (low_b, high_b) = _box(below), _box(above)
    low, high = np.minimum(low_a, low_b), np.maximum(high_a, high_b)
    x, y, z = (float(c) for c in (low + high) / 2)
    wide, deep, tall = (float(c) for c in high - low)
    # Numbers of single slices say nothing of the whole.
    return replace(below, lps_mm=(x, y, z), extent_mm=(wide, deep, tall), measures=())
