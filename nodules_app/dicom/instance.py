"""One image plane of a CT as its header describes it: typed, checked, or refused by file name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage

from nodules_app.dicom.errors import (
    BadValue,
    DerivedImage,
    Localizer,
    MissingElement,
    NoPixelData,
    NoRescale,
    NotEncapsulated,
    NotHounsfield,
    PixelDataTooShort,
    SecondaryCapture,
    UnknownTransferSyntax,
    UnusualPixels,
    WrongModality,
)
from nodules_app.dicom.header import Header
from nodules_app.dicom.syntaxes import ENCAPSULATED, READABLE

ENHANCED = (EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
DERIVED_KINDS = frozenset(
    {"REFORMATTED", "MPR", "PROJECTION IMAGE", "MIP", "MINIP", "MAX_IP", "MIN_IP", "SUBTRACTION", "SSD", "VRT"}
)
LARGEST_SIDE = 4096  # pixels; ultra-high-resolution CT has 2048
FARTHEST_MM = 100_000  # no patient lies farther from the origin of a scanner
WIDEST_PIXEL_MM = 100
NOT_ORTHOGONAL = 1e-3  # cosine between row and column direction


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """How the numbers of one plane are stored, all that reading them needs.

    Parameters
    ----------
    ranges
        (offset, length) in bytes of the pieces of this plane.
    padding
        Lowest and highest stored value that means "no measurement here", or None.
    """

    ranges: tuple[tuple[int, int], ...]
    rows: int
    columns: int
    bits_stored: int
    high_bit: int
    signed: bool
    padding: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Instance:
    """One plane: a classic CT file, or one frame of an enhanced one."""

    path: Path
    name: str
    header: Header
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    position_lps_mm: tuple[float, float, float]
    orientation: tuple[float, ...]
    spacing_yx_mm: tuple[float, float]
    slice_thickness_mm: float | None
    rescale_slope: float
    rescale_intercept: float
    kernel: str
    pixels: StoredPixels
    frame: int = 0

    @property
    def patient(self) -> tuple[str, str, str]:
        """Who it is: issuer, identifier, birth date as written."""
        header = self.header
        return header.text("IssuerOfPatientID"), header.text("PatientID"), header.text("PatientBirthDate")


def check_kind(header: Header) -> None:
    """Let only CT images pass that show what was measured.

    Raises
    ------
    SecondaryCapture, WrongModality, Localizer, DerivedImage
        Everything else, by what it is.
    """
    sop_class, modality = header.text("SOPClassUID"), header.text("Modality")
    kinds = tuple(kind.strip().upper() for kind in header.text("ImageType").split("\\"))
    if sop_class == SECONDARY_CAPTURE or sop_class.startswith(SECONDARY_CAPTURE + "."):
        raise SecondaryCapture(header.name)
    if sop_class != CTImageStorage and sop_class not in ENHANCED:
        raise WrongModality(header.name, modality=modality or "?", kind=kind_of(header))
    if "LOCALIZER" in kinds:
        raise Localizer(header.name)
    lossy = header.text("LossyImageCompression") == "01"  # such images must call themselves derived (PS3.3 C.7.6.1.1.5)
    derived = kinds[0] == "DERIVED" and not (lossy and kinds[1:2] == ("PRIMARY",))
    if derived or DERIVED_KINDS.intersection(kinds):
        raise DerivedImage(header.name, image_type="\\".join(kinds))


def kind_of(header: Header) -> str:
    """Give the SOP class by name."""
    return str(UID(header.text("SOPClassUID")).name) or "?"


def read_instance(header: Header) -> Instance:
    """Check a classic CT image.

    Raises
    ------
    FileRefused
        One of its kinds; names the file.
    """
    check_pixels(header, frames=1)
    position = three(header, "ImagePositionPatient")
    slope, intercept = rescale(header)
    return Instance(
        path=header.path,
        name=header.name,
        header=header,
        sop_instance_uid=required_text(header, "SOPInstanceUID"),
        study_uid=required_text(header, "StudyInstanceUID"),
        series_uid=required_text(header, "SeriesInstanceUID"),
        position_lps_mm=position,
        orientation=orientation_of(header.numbers("ImageOrientationPatient"), header.name),
        spacing_yx_mm=spacing_of(header.numbers("PixelSpacing"), header.name),
        slice_thickness_mm=header.number_if_any("SliceThickness") or None,
        rescale_slope=slope,
        rescale_intercept=intercept,
        kernel=header.text("ConvolutionKernel"),
        pixels=stored_pixels(header, frame=0, frames=1),
    )


def required_text(header: Header, keyword: str) -> str:
    """Give an element that must be there."""
    if not (text := header.text(keyword)):
        raise MissingElement(header.name, tag=keyword)
    return text


def whole(header: Header, keyword: str) -> int:
    """Give an element that must be there as a whole number."""
    value = header.number(keyword)
    if value is None:
        raise MissingElement(header.name, tag=keyword)
    return int(value)


def three(header: Header, keyword: str) -> tuple[float, float, float]:
    """Give an element that must hold three numbers."""
    return three_of(header.numbers(keyword), keyword, header.name)


def three_of(values: tuple[float, ...], keyword: str, name: str) -> tuple[float, float, float]:
    """Check that a position has three coordinates."""
    if not values:
        raise MissingElement(name, tag=keyword)
    if len(values) != 3 or max(map(abs, values)) > FARTHEST_MM:
        raise BadValue(name, tag=keyword, value=str(values))
    return values[0], values[1], values[2]


def orientation_of(values: tuple[float, ...], name: str) -> tuple[float, ...]:
    """Check that row and column directions are unit vectors at right angles."""
    tag = "ImageOrientationPatient"
    if not values:
        raise MissingElement(name, tag=tag)
    directions = np.asarray(values)
    if directions.size != 6:
        raise BadValue(name, tag=tag, value=str(values))
    row, column = directions[:3], directions[3:]
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.any(np.abs(lengths - 1) > 0.01) or abs(row @ column) > NOT_ORTHOGONAL:
        raise BadValue(name, tag=tag, value=str(values))
    return tuple(float(v) for v in values)


def spacing_of(values: tuple[float, ...], name: str) -> tuple[float, float]:
    """Check the distance between rows and between columns."""
    if not values:
        raise MissingElement(name, tag="PixelSpacing")
    if len(values) != 2 or not 0 < min(values) <= max(values) < WIDEST_PIXEL_MM:
        raise BadValue(name, tag="PixelSpacing", value=str(values))
    return values[0], values[1]


def rescale(header: Header) -> tuple[float, float]:
    """Slope and intercept from stored numbers to HU."""
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    return rescale_of(slope, intercept, header.text("RescaleType"), header.name)


def rescale_of(slope: float | None, intercept: float | None, kind: str, name: str) -> tuple[float, float]:
    """Check slope, intercept and what they lead to."""
    if slope is None or intercept is None or slope == 0:
        raise NoRescale(name)
    if kind and kind != "HU":
        raise NotHounsfield(name, rescale_type=kind)
    return slope, intercept


def check_pixels(header: Header, *, frames: int) -> None:
    """Compare what the header claims with the bytes that are there, before anything is allocated.

    Raises
    ------
    NoPixelData, PixelDataTooShort, NotEncapsulated, UnknownTransferSyntax, UnusualPixels
        By file name.
    """
    place = header.pixels
    if place is None or (not place.encapsulated and place.found_bytes == 0):
        raise NoPixelData(header.name)
    syntax = str(header.syntax.name)
    if header.syntax not in READABLE:
        raise UnknownTransferSyntax(header.name, syntax=syntax)
    if (header.syntax in ENCAPSULATED) != place.encapsulated:
        raise NotEncapsulated(header.name, syntax=syntax)
    rows, columns, samples = (whole(header, tag) for tag in ("Rows", "Columns", "SamplesPerPixel"))
    claimed_frames = max(frames, int(header.number("NumberOfFrames") or 1))
    bits = whole(header, "BitsAllocated")
    needed = rows * columns * samples * claimed_frames * (bits // 8)
    if not place.complete or (not place.encapsulated and place.found_bytes < needed):
        raise PixelDataTooShort(
            header.name, rows=rows, columns=columns, frames=claimed_frames, needed=needed, found=place.found_bytes
        )
    if not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE):
        raise UnusualPixels(header.name, what=f"{rows} x {columns}")
    stored, high = whole(header, "BitsStored"), whole(header, "HighBit")
    if samples != 1 or bits != 16 or not 1 <= stored <= high + 1 <= 16:
        raise UnusualPixels(header.name, what=f"{samples} x {bits} bit, {stored} stored")
    if frames == 1 and claimed_frames != 1:
        raise UnusualPixels(header.name, what=f"{claimed_frames} frames in one classic image")


def stored_pixels(header: Header, *, frame: int, frames: int) -> StoredPixels:
    """Say how one plane is stored."""
    place = header.pixels
    if place is None:
        raise NoPixelData(header.name)
    rows, columns = whole(header, "Rows"), whole(header, "Columns")
    stored, signed = whole(header, "BitsStored"), whole(header, "PixelRepresentation") == 1
    return StoredPixels(
        ranges=place.of_frame(frame, frames, rows * columns * 2),
        rows=rows,
        columns=columns,
        bits_stored=stored,
        high_bit=whole(header, "HighBit"),
        signed=signed,
        padding=_padding(header, signed=signed),
    )


def _padding(header: Header, *, signed: bool) -> tuple[int, int] | None:
    """Padding values by their bits: some scanners write -2000 as 63536 though the pixels are signed."""
    ends = [header.number("PixelPaddingValue"), header.number("PixelPaddingRangeLimit")]
    given = [int(end) for end in ends if end is not None]
    if ends[0] is None:
        return None
    modulus = 1 << 16 if signed else 0
    values = [v - modulus if modulus and v >= modulus // 2 else v for v in given]
    return min(values), max(values)
