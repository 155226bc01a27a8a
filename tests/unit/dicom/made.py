"""Small CT files made for one test: every element can be changed, left out, or spoilt."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

ROWS, COLUMNS = 6, 8
STEP_MM = 2.5


def uid(*words: object) -> str:
    """Give the same UID for the same words."""
    return str(generate_uid(entropy_srcs=["made", *map(str, words)]))


def picture(number: int, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.int16]:
    """Stored numbers of a slice, different for every slice."""
    y, x = np.mgrid[:rows, :columns]
    return (100 * number + 10 * y + x).astype(np.int16)


def ct(number: int = 0, pixels: NDArray[Any] | None = None, **elements: object) -> Dataset:
    """Make one axial slice, ``number`` steps above z = 0; an element given as None is left out."""
    stored = picture(number) if pixels is None else pixels
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, uid("instance", number)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = uid("study"), uid("series"), uid("frame")
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Made^Up", "MADE-1", "19500203", "F"
    ds.StudyDate = ds.AcquisitionDate = "20200115"
    ds.Modality, ds.Manufacturer, ds.ImageType = "CT", "SIEMENS", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.KVP, ds.ConvolutionKernel, ds.SliceThickness, ds.InstanceNumber = "120", "B30f", "2.5", number + 1
    ds.ImagePositionPatient = [-10, -20, STEP_MM * number]
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.7, 0.6]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, int(stored.dtype.kind == "i")
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    for keyword, value in elements.items():
        if value is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, value)
    if "PixelData" in ds:
        ds["PixelData"].VR = "OW"
    return ds


def as_bytes(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Write a data set as a DICOM file in memory."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    ds.file_meta = meta
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def encode(stored: NDArray[Any], syntax: str) -> bytes:
    """Compress one plane by the codec of a transfer syntax."""
    words = stored.view(np.uint16)
    if syntax == JPEGLSLossless:
        return imagecodecs.jpegls_encode(words)
    if syntax == JPEG2000Lossless:
        return imagecodecs.jpeg2k_encode(stored, level=0, codecformat="j2k", reversible=True)
    if syntax == JPEGLosslessSV1:
        return imagecodecs.ljpeg_encode(words, bitspersample=16)
    assert syntax == RLELossless
    planes = [np.frombuffer(words.astype("<u2").tobytes(), np.uint8)[1 - i :: 2].tobytes() for i in range(2)]
    segments = [imagecodecs.packbits_encode(plane) for plane in planes]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [64, 64 + len(segments[0])]
    header = np.array([2, *offsets, *[0] * 13], dtype="<u4").tobytes()
    return header + b"".join(segments)


def compressed(ds: Dataset, stored: NDArray[Any], syntax: str) -> bytes:
    """Write a slice with its pixels compressed."""
    ds.PixelData = encapsulate([encode(stored, syntax)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return as_bytes(ds, syntax)


def write(folder: Path, datasets: Sequence[Dataset | bytes]) -> list[Path]:
    """Write slices as files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"IM{number:03d}.dcm" for number in range(len(datasets))]
    for path, one in zip(paths, datasets, strict=True):
        path.write_bytes(one if isinstance(one, bytes) else as_bytes(one))
    return paths


def stack(count: int = 5, **elements: object) -> list[Dataset]:
    """Make a regular series."""
    return [ct(number, **elements) for number in range(count)]


def item(**elements: object) -> Dataset:
    """Make a sequence item."""
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def enhanced(frames: int = 4, **elements: object) -> Dataset:
    """Make an enhanced multi-frame CT, frames from the head to the feet."""
    order = list(reversed(range(frames)))
    ds = ct(0, np.stack([picture(number) for number in order]), SOPClassUID=EnhancedCTImageStorage)
    ds.NumberOfFrames = str(frames)
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "RescaleSlope",
        "RescaleIntercept",
    ):
        del ds[keyword]
    ds.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.6], SliceThickness="2.5")],
            PixelValueTransformationSequence=[item(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")],
            CTReconstructionSequence=[item(ConvolutionKernel="B30f")],
        )
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[-10, -20, STEP_MM * number])]) for number in order
    ]
    for keyword, value in elements.items():
        if value is None:
            del ds[keyword]
        else:
            setattr(ds, keyword, value)
    return ds
