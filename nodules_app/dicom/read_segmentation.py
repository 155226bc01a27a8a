"""DICOM Segmentation (PS3.3 A.51): each segment becomes one mark at its centre of mass."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nodules_app.dicom import codes
from nodules_app.dicom.decode import ReadRange, ranges_of
from nodules_app.dicom.enhanced import MOST_FRAMES, Frame
from nodules_app.dicom.errors import FileRefused, printable
from nodules_app.dicom.finding_marks import CtSpace, FindingMark, FindingsUnreadable
from nodules_app.dicom.geometry import normal_of
from nodules_app.dicom.header import UNREADABLE, Header, numbers_of
from nodules_app.dicom.instance import LARGEST_SIDE, orientation_of, spacing_of, three_of, whole
from nodules_app.dicom.read_measures import code_of, source_of
from nodules_app.dicom.series import CtSeries


@dataclass(slots=True)
class _Mass:
    """What is collected of one segment over its frames."""

    count: int = 0
    sum_mm: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    low_mm: NDArray[np.float64] = field(default_factory=lambda: np.full(3, np.inf))
    high_mm: NDArray[np.float64] = field(default_factory=lambda: np.full(3, -np.inf))

    def add(self, points_lps_mm: NDArray[np.float64]) -> None:
        self.count += len(points_lps_mm)
        self.sum_mm += points_lps_mm.sum(axis=0)
        self.low_mm = np.minimum(self.low_mm, points_lps_mm.min(axis=0))
        self.high_mm = np.maximum(self.high_mm, points_lps_mm.max(axis=0))


def read_segmentation(header: Header, on: CtSeries, segments: frozenset[int] | None = None) -> tuple[FindingMark, ...]:
    """Give the segments of a SEG as marks on a CT.

    Parameters
    ----------
    segments
        Numbers of the segments wanted; None for all.

    Raises
    ------
    FindingsOffTheCt, FindingsBetweenSlices
        A frame, empty or not, lies where the CT has none.
    FindingsUnreadable
        Damaged, compressed, or of a kind that is not read.
    """
    try:
        return _read(header, on, segments)
    except FileRefused as problem:
        raise FindingsUnreadable(file=printable(header.name), reason=problem.as_sentence()) from problem
    except UNREADABLE as problem:
        raise FindingsUnreadable(file=printable(header.name), reason=printable(str(problem))) from problem


def _read(header: Header, on: CtSeries, segments: frozenset[int] | None) -> tuple[FindingMark, ...]:
    labels = {int(item.SegmentNumber): item for item in header.elements.SegmentSequence if not _is_part(item)}
    frames = _frames(header)
    space = CtSpace.of(on)
    _check_places(frames, space, header)
    masses: dict[int, _Mass] = defaultdict(_Mass)
    with header.path.open("rb", buffering=0) as file:
        read = ranges_of(file, header.syntax)
        for index, frame in enumerate(frames):
            number = int(frame.group("SegmentIdentificationSequence").ReferencedSegmentNumber)
            if number in labels and (segments is None or number in segments):
                inside = np.argwhere(_mask(header, read, index, len(frames)))
                if len(inside):
                    masses[number].add(_points(frame, header.name, inside))
    voxel_mm = np.array(on.spacing_zyx_mm)[::-1]
    return tuple(_mark(labels[number], mass, voxel_mm, space, header) for number, mass in sorted(masses.items()))


def _is_part(segment: Dataset) -> bool:
    """Whether a segment is the solid part of a nodule that has a segment of its own."""
    scheme, value, _ = code_of(segment, "SegmentedPropertyTypeCodeSequence")
    return (scheme, value) == (codes.SCHEME, codes.SOLID_PART.value)


def _frames(header: Header) -> list[Frame]:
    shared = header.elements.get("SharedFunctionalGroupsSequence") or [Dataset()]
    frames = [Frame(item, shared[0]) for item in header.elements.PerFrameFunctionalGroupsSequence]
    if len(frames) != whole(header, "NumberOfFrames") or len(frames) > MOST_FRAMES:
        raise ValueError(f"functional groups for {len(frames)} frames")
    if max(whole(header, "Rows"), whole(header, "Columns")) > LARGEST_SIDE:
        raise ValueError("the image is too large")
    return frames


def _position(frame: Frame, name: str) -> tuple[float, float, float]:
    values = numbers_of(frame.group("PlanePositionSequence"), "ImagePositionPatient", name)
    return three_of(values, "ImagePositionPatient", name)


def _orientation(frame: Frame, name: str) -> tuple[float, ...]:
    group = frame.group("PlaneOrientationSequence")
    return orientation_of(numbers_of(group, "ImageOrientationPatient", name), name)


def _check_places(frames: list[Frame], space: CtSpace, header: Header) -> None:
    """Planes first: a segmentation with wrong positions is refused whatever its pixels."""
    positions = np.array([_position(frame, header.name) for frame in frames])
    space.check(positions, header.name)
    normal = normal_of(_orientation(frames[0], header.name))
    if abs(normal @ space.along) < 0.999:
        raise ValueError("its planes are not parallel to the slices of the CT")
    for position in positions:
        space.check_plane(position, header.name)


def _mask(header: Header, read: ReadRange, index: int, frames: int) -> NDArray[np.bool_]:
    """Pixels of one frame that belong to the segment (binary, or at least half of the fractional maximum)."""
    place = header.pixels
    if place is None or place.encapsulated:
        raise ValueError("it has no uncompressed pixel data")
    rows, columns, bits = (whole(header, tag) for tag in ("Rows", "Columns", "BitsAllocated"))
    pixels = rows * columns
    if place.found_bytes * 8 < frames * pixels * bits:
        raise ValueError("pixel data is shorter than rows x columns x frames")
    start = index * pixels * bits
    offset = place.fragments[0][0] + start // 8
    stream = np.frombuffer(read(offset, (start % 8 + pixels * bits + 7) // 8), np.uint8)
    if header.text("SegmentationType") == "BINARY" and bits == 1:
        mask = np.unpackbits(stream, bitorder="little")[start % 8 : start % 8 + pixels] == 1
    elif header.text("SegmentationType") == "FRACTIONAL" and bits == 8:
        mask = stream[:pixels] >= (whole(header, "MaximumFractionalValue") + 1) // 2
    else:
        raise ValueError(f"{header.text('SegmentationType')} segmentation of {bits} bits is not read")
    return np.asarray(mask).reshape(rows, columns)


def _points(frame: Frame, name: str, rows_columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Patient points (n, 3) of pixels (n, 2) of a frame."""
    directions = np.asarray(_orientation(frame, name))
    measures = frame.group("PixelMeasuresSequence")
    row_mm, column_mm = spacing_of(numbers_of(measures, "PixelSpacing", name), name)
    down, across = rows_columns[:, :1] * row_mm, rows_columns[:, 1:] * column_mm
    return np.asarray(np.asarray(_position(frame, name)) + across * directions[:3] + down * directions[3:])


def _mark(segment: Dataset, mass: _Mass, voxel_mm: NDArray[np.float64], space: CtSpace, header: Header) -> FindingMark:
    space.check(np.stack([mass.low_mm, mass.high_mm]), header.name)
    x, y, z = (float(c) for c in mass.sum_mm / mass.count)
    wide, deep, tall = (float(c) for c in mass.high_mm - mass.low_mm + voxel_mm)
    label = str(segment.get("SegmentLabel") or segment.get("SegmentNumber"))
    uid = str(segment.get("TrackingUID", "") or "")
    return FindingMark((x, y, z), label, uid, "segmentation", (wide, deep, tall), source=source_of(header))
