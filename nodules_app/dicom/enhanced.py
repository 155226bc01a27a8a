"""Enhanced multi-frame CT: one file, many planes, each placed by its functional groups (DICOM PS3.3 A.38)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from nodules_app.dicom.errors import EnhancedIncomplete, PixelDataTooShort, UnusualPixels
from nodules_app.dicom.header import UNREADABLE, Header, numbers_of
from nodules_app.dicom.instance import (
    Instance,
    check_pixels,
    orientation_of,
    required_text,
    rescale_of,
    spacing_of,
    stored_pixels,
    three_of,
    whole,
)

MOST_FRAMES = 20_000
GROUPS_THAT_PLACE = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")


@dataclass(frozen=True, slots=True)
class Frame:
    """The functional groups of one frame; its own ones before the shared ones."""

    own: Dataset
    shared: Dataset

    def group(self, keyword: str) -> Dataset:
        """Give the one item of a functional group, empty when absent."""
        for groups in (self.own, self.shared):
            if sequence := groups.get(keyword):
                return Dataset(sequence[0])
        return Dataset()


def read_frames(header: Header) -> tuple[Instance, ...]:
    """Check an enhanced CT file and give its frames as planes.

    Raises
    ------
    EnhancedIncomplete
        Pixel data or functional groups for fewer frames than claimed.
    FileRefused
        As for classic CT.
    """
    frames = int(header.number("NumberOfFrames") or 1)
    try:
        own = list(header.elements.get("PerFrameFunctionalGroupsSequence") or ())
        shared = list(header.elements.get("SharedFunctionalGroupsSequence") or ())
    except UNREADABLE:
        own, shared = [], []
    common = shared[0] if shared else Dataset()
    groups = [Frame(item, common) for item in own]
    _check_complete(header, frames, groups)
    return tuple(_plane(header, groups[i], i, frames) for i in range(frames))


def _check_complete(header: Header, frames: int, groups: list[Frame]) -> None:
    if not 0 < frames <= MOST_FRAMES:
        raise UnusualPixels(header.name, what=f"{frames} frames")
    absent = _missing_groups(groups, frames)
    try:
        check_pixels(header, frames=frames)
    except PixelDataTooShort as short:
        bytes_of_one = whole(header, "Rows") * whole(header, "Columns") * 2
        found = header.pixels.found_bytes // max(bytes_of_one, 1) if header.pixels else 0
        if not absent:
            raise
        raise EnhancedIncomplete(header.name, frames=frames, with_pixels=found, missing=absent) from short
    if absent:
        raise EnhancedIncomplete(header.name, frames=frames, with_pixels=frames, missing=absent)


def _missing_groups(groups: list[Frame], frames: int) -> str:
    """Name the functional groups that are not there for every frame; empty when all are."""
    if not groups:
        return "functional groups"
    if len(groups) != frames:
        return f"functional groups of {frames - len(groups)} frames"
    return ", ".join(group for group in GROUPS_THAT_PLACE if any(not frame.group(group) for frame in groups))


def _plane(header: Header, frame: Frame, index: int, frames: int) -> Instance:
    name = header.name
    measures = frame.group("PixelMeasuresSequence")
    transform = frame.group("PixelValueTransformationSequence")
    slope, intercept = (numbers_of(transform, tag, name) for tag in ("RescaleSlope", "RescaleIntercept"))
    thickness = numbers_of(measures, "SliceThickness", name)
    orientation = numbers_of(frame.group("PlaneOrientationSequence"), "ImageOrientationPatient", name)
    position = numbers_of(frame.group("PlanePositionSequence"), "ImagePositionPatient", name)
    checked_slope, checked_intercept = rescale_of(
        slope[0] if slope else None,
        intercept[0] if intercept else None,
        str(transform.get("RescaleType", "") or ""),
        name,
    )
    return Instance(
        path=header.path,
        name=name,
        header=header,
        sop_instance_uid=required_text(header, "SOPInstanceUID"),
        study_uid=required_text(header, "StudyInstanceUID"),
        series_uid=required_text(header, "SeriesInstanceUID"),
        position_lps_mm=three_of(position, "ImagePositionPatient", name),
        orientation=orientation_of(orientation, name),
        spacing_yx_mm=spacing_of(numbers_of(measures, "PixelSpacing", name), name),
        slice_thickness_mm=thickness[0] if thickness else None,
        rescale_slope=checked_slope,
        rescale_intercept=checked_intercept,
        kernel=str(frame.group("CTReconstructionSequence").get("ConvolutionKernel", "") or ""),
        pixels=stored_pixels(header, frame=index, frames=frames),
        frame=index,
    )
