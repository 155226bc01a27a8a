"""Chest CAD SR (PS3.16 TID 4100): each finding that is meant to be shown becomes one mark, as a proposal.

A composite feature (one nodule seen on several slices) is one mark; a finding on one slice that belongs to none is
one. What the report keeps back (rendering intent "not for presentation") is not taken.

Source
------
DICOM PS3.16 TID 4100 to 4107; PS3.3 C.17.3.2.5 (references to content items).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nodules_app.dicom.errors import printable
from nodules_app.dicom.finding_marks import CtSpace, FindingMark
from nodules_app.dicom.header import Header
from nodules_app.dicom.read_measures import code_of, measures_of, source_of
from nodules_app.dicom.series import CtSeries

CAD_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.88.65"
SINGLE_FINDING, COMPOSITE = "111059", "111015"
RENDERING_INTENT, NOT_SHOWN = "111056", "111152"
CERTAINTY, PROBABILITY = "111012", "111047"
TRACKING_IDENTIFIER, TRACKING_UID = "112039", "112040"
DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class _Tree:
    """A content tree that may refer to its own items."""

    header: Header
    root: Dataset

    def at(self, path: Sequence[int]) -> Dataset | None:
        """The item that numbers name, the first of them the root itself."""
        item = self.root
        for number in list(path)[1:]:
            children = item.get("ContentSequence") or ()
            if not 1 <= number <= len(children):
                return None
            item = children[number - 1]
        return item


def read_cad(header: Header, on: CtSeries) -> tuple[tuple[FindingMark, ...], int]:
    """Give the findings of a CAD report that lie on this CT, and how many references lie elsewhere.

    Raises
    ------
    ValueError
        The content is nested beyond reason.
    FindingsOffTheCt
    """
    tree = _Tree(header, header.elements)
    space = CtSpace.of(on)
    marks, elsewhere = [], 0
    for finding in _findings(header.elements.get("ContentSequence") or (), 0):
        points, missed = _points(finding, tree, on, space)
        elsewhere += missed
        if points:
            marks.append(_mark(finding, np.concatenate(points), on, space, header))
    return tuple(marks), elsewhere


def _findings(items: Sequence[Dataset], depth: int) -> Iterator[Dataset]:
    if depth > DEEPEST:
        raise ValueError("the content is nested too deeply")
    for item in items:
        if code_of(item)[1] in (SINGLE_FINDING, COMPOSITE) and item.get("ValueType") == "CODE":
            if _is_shown(item):
                yield item
        else:
            yield from _findings(item.get("ContentSequence") or (), depth + 1)


def _is_shown(finding: Dataset) -> bool:
    intents = [
        code_of(item, "ConceptCodeSequence")[1]
        for item in finding.get("ContentSequence") or ()
        if code_of(item)[1] == RENDERING_INTENT
    ]
    return NOT_SHOWN not in intents


def _regions(item: Dataset, depth: int = 0) -> Iterator[Dataset]:
    if depth > DEEPEST:
        raise ValueError("the content is nested too deeply")
    for child in item.get("ContentSequence") or ():
        if child.get("ValueType") in ("SCOORD", "SCOORD3D"):
            yield child
        else:
            yield from _regions(child, depth + 1)


def _points(finding: Dataset, tree: _Tree, on: CtSeries, space: CtSpace) -> tuple[list[NDArray[np.float64]], int]:
    slices = {one.sop_instance_uid: one for one in on.slices}
    points, missed = [], 0
    for region in _regions(finding):
        data = np.asarray(region.GraphicData, dtype=np.float64)
        if region.ValueType == "SCOORD3D":
            points.append(data.reshape(-1, 3))
            continue
        uid = next((uid for child in region.get("ContentSequence") or () if (uid := _image_uid(child, tree))), "")
        if uid in slices:
            points.append(space.lps_from_pixels(slices[uid].position_lps_mm, data.reshape(-1, 2) - 0.5))
        else:
            missed += 1
    return points, missed


def _image_uid(item: Dataset, tree: _Tree) -> str:
    """UID of the image that an item is, or that it refers to in the image library of the report."""
    path = item.get("ReferencedContentItemIdentifier")
    if path is not None:
        found = tree.at([int(number) for number in np.atleast_1d(np.asarray(path, dtype=int))])
        item = found if found is not None else item
    references = item.get("ReferencedSOPSequence")
    return str(references[0].get("ReferencedSOPInstanceUID", "")) if references else ""


def _mark(
    finding: Dataset, points_lps_mm: NDArray[np.float64], on: CtSeries, space: CtSpace, header: Header
) -> FindingMark:
    space.check(points_lps_mm, header.name)
    low, high = points_lps_mm.min(axis=0), points_lps_mm.max(axis=0)
    size = high - low + np.abs(space.along) * on.spacing_zyx_mm[0]
    x, y, z = (float(value) for value in (low + high) / 2)
    wide, deep, tall = (float(value) for value in size)
    items = list(finding.get("ContentSequence") or ())
    texts = {code_of(item)[1]: item for item in items}
    label = str(texts[TRACKING_IDENTIFIER].get("TextValue", "")) if TRACKING_IDENTIFIER in texts else ""
    uid = str(texts[TRACKING_UID].get("UID", "")) if TRACKING_UID in texts else ""
    return FindingMark(
        (x, y, z),
        label or printable(code_of(finding, "ConceptCodeSequence")[2]),
        uid,
        "cad",
        (wide, deep, tall),
        measures=measures_of([item for item in items if code_of(item)[1] not in (CERTAINTY, PROBABILITY)]),
        source=source_of(header, items),
        certainty=_certainty(items),
    )


def _certainty(items: Sequence[Dataset]) -> float | None:
    """How sure the program was, 0 to 1; both numbers are percentages in the template."""
    for item in items:
        if code_of(item)[1] in (CERTAINTY, PROBABILITY) and item.get("MeasuredValueSequence"):
            return min(max(float(item.MeasuredValueSequence[0].NumericValue) / 100, 0.0), 1.0)
    return None
