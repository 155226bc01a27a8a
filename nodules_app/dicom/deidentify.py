"""CT exams without the person: the Basic Application Level Confidentiality Profile of DICOM PS3.15, Annex E.

Nothing is crossed out: each image is written anew from its voxels, its geometry and a list of technical elements, so
that an element nobody thought of cannot stay. Names and numbers become pseudonyms, UIDs become other UIDs and days move
by one number of days for each person, all three computed from a secret: the same person is the same in every export of
one project, a stranger without the secret cannot tell who. What may carry a person in its pixels is refused.

Source
------
DICOM PS3.15 Annex E (profile and options), CID 7050 (codes of the options), PS3.3 C.12.1.1.7.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sr.coding import Code
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

from nodules_app.dicom.deidentify_errors import (
    BurnedInText,
    DerivedPictures,
    FaceShown,
    MayShowThePerson,
    OverlaysThere,
    PicturesOfNoScanner,
    RecognizableFeatures,
)
from nodules_app.dicom.errors import printable
from nodules_app.dicom.source_images import UTF_8, SourceImages
from registration.volume import Volume

# What this is and what it keeps on purpose, as each file says it.
METHODS: Final = (
    Code("113100", "DCM", "Basic Application Confidentiality Profile"),
    Code("113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"),
    Code("113108", "DCM", "Retain Patient Characteristics Option"),
)
MADE_BY: Final = "Written anew from voxels, geometry and technique; UIDs, numbers and days replaced consistently"
# Technique of the scan: numbers and vendor's words, none of which PS3.15 table E.1-1 names.
KEPT: Final = (
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "BodyPartExamined",
    "PatientPosition",
    "KVP",
    "XRayTubeCurrent",
    "ExposureTime",
    "Exposure",
    "ConvolutionKernel",
    "FilterType",
    "DataCollectionDiameter",
    "ReconstructionDiameter",
    "GantryDetectorTilt",
    "SpiralPitchFactor",
    "SingleCollimationWidth",
    "TotalCollimationWidth",
    "CTDIvol",
    "SliceThickness",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
IMAGES: Final = (CTImageStorage, EnhancedCTImageStorage)
SHOWS_A_FACE: Final = ("HEAD", "FACE", "HEADNECK", "SKULL", "SINUS", "ORBIT", "JAW", "WHOLEBODY")
FIRST_SHIFT_DAYS, SHIFTS = 365, 3285  # back by one to ten years
OLDEST_YEARS: Final = 90  # above, an age tells who


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Replacements that follow from a secret, and from nothing else."""

    secret: bytes

    def person(self, code: str) -> str:
        """Give the pseudonym of a person."""
        return f"P-{self._digest('person', code).hex()[:10].upper()}"

    def shift(self, code: str) -> timedelta:
        """By how much all days of a person move, always into the past."""
        return -timedelta(days=FIRST_SHIFT_DAYS + int.from_bytes(self._digest("days", code)[:8], "big") % SHIFTS)

    def uid(self, original: str) -> UID:
        """Give the UID that stands for another one."""
        return UID(f"2.25.{UUID(bytes=self._digest('uid', original)[:16], version=4).int}")

    def _digest(self, kind: str, what: str) -> bytes:
        return hmac.digest(self.secret, f"{kind}\0{what}".encode(), "sha256")


@dataclass(frozen=True, slots=True)
class Nobody:
    """A person as an export knows them.

    Parameters
    ----------
    shift
        Added to every day.
    sex
        ``F``, ``M``, ``O`` or ``""``.
    """

    pseudonym: str
    shift: timedelta
    sex: str
    birth_date: date | None

    def day(self, original: date | None) -> date | None:
        """Move a day."""
        return None if original is None else original + self.shift

    def age_years(self, on: date | None) -> int | None:
        """Completed years on an original day, never more than ``OLDEST_YEARS``."""
        if on is None or self.birth_date is None:
            return None
        had_birthday = (on.month, on.day) >= (self.birth_date.month, self.birth_date.day)
        return min(on.year - self.birth_date.year - (not had_birthday), OLDEST_YEARS)


def refuse_what_shows_the_person(on: SourceImages) -> None:
    """Look at every header of a series for a sign that its pixels carry text or a face.

    Raises
    ------
    MayShowThePerson
    """
    for header in on.headers(range(len(on.series.slices))):
        for refusal in _refusals(header):
            raise refusal


def _refusals(header: Dataset) -> Iterator[MayShowThePerson]:
    if header.get("SOPClassUID") not in IMAGES or "ConversionType" in header:
        yield PicturesOfNoScanner()
    if str(header.get("BurnedInAnnotation", "")).upper() == "YES":
        yield BurnedInText()
    if str(header.get("RecognizableVisualFeatures", "")).upper() == "YES":
        yield RecognizableFeatures()
    if any(0x6000 <= element.tag.group <= 0x60FF for element in header):
        yield OverlaysThere()
    if {"SECONDARY", "SCREEN SAVE"} & {str(value).upper() for value in header.get("ImageType") or ()}:
        yield DerivedPictures()
    if str(header.get("BodyPartExamined", "")).upper() in SHOWS_A_FACE:
        yield FaceShown(region=printable(str(header.BodyPartExamined)))


def write_without_the_person(
    on: SourceImages, volume: Volume, folder: Path, whose: Nobody, names: Pseudonyms
) -> tuple[Path, ...]:
    """Write a series anew, one file a plane, under the pseudonym.

    Parameters
    ----------
    volume
        Voxels of the series in HU; whatever else lay in the stored pixels stays behind.

    Raises
    ------
    MayShowThePerson
    """
    refuse_what_shows_the_person(on)
    folder.mkdir(parents=True, exist_ok=True)
    common = _common(on, whose, names)
    written = []
    for plane in range(len(on.series.slices)):
        path = folder / f"{plane + 1:04d}.dcm"
        dcmwrite(path, _image(plane, common, on, volume, names), enforce_file_format=True)
        written.append(path)
    return tuple(written)


def _common(on: SourceImages, whose: Nobody, names: Pseudonyms) -> Dataset:
    """What all images of a series say alike."""
    series, made = on.series, Dataset()
    for keyword in KEPT:
        if on.first.get(keyword) not in (None, ""):
            setattr(made, keyword, on.first.get(keyword))
    made.SpecificCharacterSet = UTF_8
    made.PatientName = made.PatientID = whose.pseudonym
    made.PatientBirthDate, made.PatientSex = "", whose.sex
    age = whose.age_years(series.acquired_on)
    if age is not None and age >= 0:
        made.PatientAge = f"{age:03d}Y"
    day = whose.day(series.acquired_on)
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(made, keyword, day.strftime("%Y%m%d") if day else "")
    made.StudyTime = made.ContentTime = ""
    made.AccessionNumber = made.StudyID = made.ReferringPhysicianName = ""
    made.StudyInstanceUID = names.uid(series.study_uid)
    made.SeriesInstanceUID = names.uid(series.series_uid)
    made.FrameOfReferenceUID = names.uid(series.frame_of_reference_uid or series.series_uid)
    made.PositionReferenceIndicator = ""
    made.SeriesNumber = 1
    made.Modality, made.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.BurnedInAnnotation = "NO"
    mark_as_deidentified(made)
    return made


def mark_as_deidentified(made: Dataset) -> None:
    """Say in an object what was done to it (PS3.15 E.1.1)."""
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = MADE_BY[:64]
    made.DeidentificationMethodCodeSequence = [_coded(code) for code in METHODS]
    made.LongitudinalTemporalInformationModified = "MODIFIED"


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _image(plane: int, common: Dataset, on: SourceImages, volume: Volume, names: Pseudonyms) -> Dataset:
    series, shown = on.series, on.series.slices[plane]
    made = Dataset()
    made.update(common)
    made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = names.uid(f"{shown.sop_instance_uid} {shown.frame}")
    made.InstanceNumber, made.AcquisitionNumber = plane + 1, 1
    made.ImagePositionPatient = [f"{value:.8g}" for value in shown.position_lps_mm]
    made.ImageOrientationPatient = [f"{value:.8g}" for value in series.orientation]
    step_mm, row_mm, column_mm = series.spacing_zyx_mm
    made.PixelSpacing = [f"{row_mm:.8g}", f"{column_mm:.8g}"]
    made.SpacingBetweenSlices = f"{step_mm:.8g}"
    if series.slice_thickness_mm is not None:
        made.SliceThickness = f"{series.slice_thickness_mm:.8g}"
    stored = np.ascontiguousarray(volume.array_hu[plane], dtype="<i2")
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = stored.shape
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 1
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = "0", "1", "HU"
    made.PixelData = stored.tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    return made


def identifying_values(headers: Iterable[Dataset]) -> frozenset[str]:
    """Collect what must not stand in an export: numbers, names, places and UIDs of the originals.

    Values shorter than four characters say nothing by themselves and are everywhere.
    """
    keywords = (
        "PatientID",
        "OtherPatientIDs",
        "PatientName",
        "PatientAddress",
        "AccessionNumber",
        "InstitutionName",
        "InstitutionAddress",
        "ReferringPhysicianName",
        "PerformingPhysicianName",
        "OperatorsName",
        "PhysiciansOfRecord",
        "DeviceSerialNumber",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "FrameOfReferenceUID",
    )
    found = {str(header.get(keyword) or "").strip() for header in headers for keyword in keywords}
    return frozenset(value for value in found if len(value) >= 4)
