"""The headers of the CT that objects are made on, made whole: what others left out or wrote wrongly is empty here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from nodules_app.dicom.header import judging_ourselves
from nodules_app.dicom.series import CtSeries, Slice

# Elements that every object takes over from its exam and that DICOM lets be empty but not absent (PS3.3 C.7.1-C.7.2).
EMPTY_IF_ABSENT: Final = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PositionReferenceIndicator",
)
SEXES: Final = ("M", "F", "O", "")
DATES: Final = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "PatientBirthDate")
TIMES: Final = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
UTF_8: Final = "ISO_IR 192"


@dataclass(frozen=True)
class SourceImages:
    """A CT series with the headers of its files, read when they are asked for."""

    series: CtSeries

    @cached_property
    def _headers(self) -> dict[Path, Dataset]:
        return {}

    @property
    def first(self) -> Dataset:
        """Give the header of the first plane: what all objects of the exam inherit from."""
        return self.header(self.series.slices[0])

    @property
    def is_enhanced(self) -> bool:
        """Whether one file holds many planes."""
        return len(self.series.files) < len(self.series.slices)

    def header(self, plane: Slice) -> Dataset:
        """Give the header of the file that holds a plane."""
        kept = self._headers.get(plane.path)
        if kept is None:
            kept = self._headers[plane.path] = whole_header(plane.path, self.series)
        return kept

    def headers(self, planes: Iterable[int]) -> tuple[Dataset, ...]:
        """Give the headers of planes by their index in the stack, each file once."""
        wanted = dict.fromkeys(self.series.slices[index].path for index in planes)
        by_path = {one.path: one for one in self.series.slices}
        return tuple(self.header(by_path[path]) for path in wanted)

    def sop_instance_uid(self, plane: int) -> str:
        """Name the image that holds a plane."""
        return self.series.slices[plane].sop_instance_uid


def whole_header(path: Path, series: CtSeries) -> Dataset:
    """Read the header of one file and make it fit to be inherited from.

    What DICOM demands and the file lacks is empty; a date that is none is empty; every image of the series gets the
    frame of reference of the series (some archives give each slice its own, PS3.3 C.7.4.1 forbids it).
    """
    with judging_ourselves():
        read = dcmread(path, stop_before_pixels=True, force=True)
        header = Dataset()
        header.update({element.tag: element for element in read if not element.tag.is_private})
    for keyword in EMPTY_IF_ABSENT:
        if header.get(keyword) is None:
            setattr(header, keyword, "")
    _only_valid(header)
    header.FrameOfReferenceUID = series.frame_of_reference_uid or header.get("FrameOfReferenceUID") or series.series_uid
    header.SpecificCharacterSet = UTF_8  # what was decoded is written anew, every name can be said in it
    if not header.get("SliceThickness"):
        header.SliceThickness = f"{series.slice_thickness_mm or series.spacing_zyx_mm[0]:.6g}"
    return header


def _only_valid(header: Dataset) -> None:
    if str(header.PatientSex) not in SEXES:
        header.PatientSex = ""
    readers: Mapping[str, type[DA] | type[TM]] = dict.fromkeys(DATES, DA) | dict.fromkeys(TIMES, TM)
    for keyword, reader in readers.items():
        try:
            reader(header.get(keyword) or None)
        except ValueError:
            setattr(header, keyword, "")
