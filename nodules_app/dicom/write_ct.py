"""Write a volume as CT Image Storage files, for simulated patients: nothing in them may be taken for a person's."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    PYDICOM_ROOT_UID,
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    generate_uid,
)

from registration.volume import Volume

SIMULATED = "SIMULATED DATA"
USUAL_INTERCEPT_HU = -1024
PADDING_HU = -2048  # what scanners write outside a round field
WINDOWS = (("LUNG", -600, 1500), ("MEDIASTINUM", 40, 400))
ENCODING_THREADS = 2


@dataclass(frozen=True, slots=True)
class CtHeader:
    """What the files say beside the pixels.

    Parameters
    ----------
    uid_seed
        The same seed, header and pixels give the same UIDs; another seed gives others.
    patient_name
        As DICOM writes names (``Simulated^Patient One``).
    series_description
        "SIMULATED DATA" is put after it.
    acquired_at
        Time of day of the acquisition.
    kernel
        Name of the reconstruction kernel.
    exposure_mas
        Tube current times rotation time.
    uid_root
        Under which all UIDs are made.
    """

    uid_seed: str
    patient_name: str
    patient_id: str
    accession: str
    acquired_on: date
    kernel: str
    slice_thickness_mm: float
    acquired_at: time = time(9, 30)
    birth_date: date | None = None
    sex: str = "O"
    study_description: str = "CT chest, low dose"
    series_description: str = "Chest"
    series_number: int = 2
    kvp: float = 120.0
    exposure_mas: float = 60.0
    manufacturer: str = "Simulated"
    model: str = "Simulated chest"
    issuer: str = "SIMULATED"
    uid_root: str = PYDICOM_ROOT_UID

    def uid(self, *what: str) -> UID:
        """Make the UID of the thing that these words name within this header's study."""
        return generate_uid(self.uid_root, entropy_srcs=[self.uid_seed, self.patient_id, self.accession, *what])


def write_ct(volume: Volume, folder: Path, header: CtHeader, *, jpeg_ls: bool = False) -> tuple[Path, ...]:
    """Write one CT series; the folder appears when all its files are complete, or not at all.

    Parameters
    ----------
    volume
        What to write; every HU is kept exactly.
    folder
        Must not exist yet, or be empty.
    header
        Names, dates and technique.
    jpeg_ls
        Compress without loss; otherwise explicit little endian.

    Returns
    -------
    tuple of Path
        One file for each slice, in the order of the volume's planes.

    Raises
    ------
    FileExistsError
        The folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    partial.mkdir()
    try:
        slice_of = _slices(volume, header, jpeg_ls=jpeg_ls)
        names = [f"slice-{number + 1:04d}.dcm" for number in range(volume.shape_zyx[0])]

        def write(number: int) -> None:
            dcmwrite(partial / names[number], slice_of(number), enforce_file_format=True)

        with ThreadPoolExecutor(ENCODING_THREADS) as pool:
            for _ in pool.map(write, range(len(names))):
                pass
        os.replace(partial, folder)  # over an empty folder, or nothing
    except BaseException:
        shutil.rmtree(partial)
        raise
    return tuple(folder / name for name in names)


def _slices(volume: Volume, header: CtHeader, *, jpeg_ls: bool) -> Callable[[int], Dataset]:
    """A function that makes the data set of one plane."""
    lowest_hu = int(volume.array_hu.min())
    intercept = min(USUAL_INTERCEPT_HU, lowest_hu)
    digest = hashlib.sha256(np.ascontiguousarray(volume.array_hu).data).hexdigest()
    series_words = ("series", str(header.series_number), digest)

    def slice_of(number: int) -> Dataset:
        dataset = _patient_and_study(header)
        _series(dataset, header, header.uid(*series_words))
        _place(dataset, volume, number, header)
        dataset.SOPInstanceUID = header.uid(*series_words, str(number))
        stored = (volume.array_hu[number].astype(np.int32) - intercept).astype(np.uint16)
        _pixels(dataset, stored, intercept, jpeg_ls=jpeg_ls)
        if lowest_hu == PADDING_HU:
            dataset.PixelPaddingValue = PADDING_HU - intercept
        return dataset

    return slice_of


def _patient_and_study(header: CtHeader) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = header.patient_name
    dataset.PatientID = header.patient_id
    dataset.IssuerOfPatientID = header.issuer
    dataset.PatientBirthDate = header.birth_date.strftime("%Y%m%d") if header.birth_date else ""
    dataset.PatientSex = header.sex
    day, clock = header.acquired_on.strftime("%Y%m%d"), header.acquired_at.strftime("%H%M%S")
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{kind}Date", day)
        setattr(dataset, f"{kind}Time", clock)
    dataset.StudyInstanceUID = header.uid("study")
    dataset.StudyID = header.accession[:16]
    dataset.AccessionNumber = header.accession
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = header.study_description
    return dataset


def _series(dataset: Dataset, header: CtHeader, series_uid: UID) -> None:
    dataset.SOPClassUID = CTImageStorage
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = header.series_number
    dataset.SeriesDescription = f"{header.series_description} {SIMULATED}"[:64]
    dataset.ImageComments = f"{SIMULATED}: made by a program, shows no person"
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = header.uid("frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = header.manufacturer
    dataset.ManufacturerModelName = header.model
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.KVP = f"{header.kvp:g}"
    dataset.Exposure = round(header.exposure_mas)
    dataset.ConvolutionKernel = header.kernel
    dataset.BurnedInAnnotation = "NO"


def _place(dataset: Dataset, volume: Volume, number: int, header: CtHeader) -> None:
    _, row_mm, column_mm = volume.spacing_zyx_mm
    position = volume.lps_from_index((number, 0, 0))
    direction = np.asarray(volume.direction)
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = number + 1
    dataset.ImagePositionPatient = [_decimal(value) for value in position]
    dataset.ImageOrientationPatient = [_decimal(value) for value in (*direction[:, 0], *direction[:, 1])]
    dataset.SliceLocation = _decimal(float(position @ direction[:, 2]))
    dataset.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    dataset.SliceThickness = _decimal(header.slice_thickness_mm)
    dataset.SpacingBetweenSlices = _decimal(volume.spacing_zyx_mm[0])


def _pixels(dataset: Dataset, stored: NDArray[np.uint16], intercept: int, *, jpeg_ls: bool) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = f"{intercept}", "1", "HU"
    names, centres, widths = zip(*WINDOWS, strict=True)
    dataset.WindowCenter, dataset.WindowWidth = [str(c) for c in centres], [str(w) for w in widths]
    dataset.WindowCenterWidthExplanation = list(names)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless if jpeg_ls else ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    if jpeg_ls:
        dataset.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(stored))])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = stored.astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"


def _decimal(value: float) -> str:
    """A decimal string as DICOM wants it: 16 characters at most, to a millionth; no negative zero."""
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")
