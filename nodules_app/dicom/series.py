"""One CT series as ordered planes with checked geometry: what the other rooms work with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from nodules_app.dicom.instance import StoredPixels
from nodules_app.dicom.notices import Notice


@dataclass(frozen=True, slots=True)
class Slice:
    """One plane of a series and where its numbers lie on the disk.

    Parameters
    ----------
    name
        What the sender calls the file; ``path`` may be ours.
    position_lps_mm
        Centre of the first pixel.
    frame
        Frame within the file, 0 for classic CT.
    """

    path: Path
    name: str
    sop_instance_uid: str
    position_lps_mm: tuple[float, float, float]
    transfer_syntax: str
    rescale_slope: float
    rescale_intercept: float
    pixels: StoredPixels
    frame: int = 0


@dataclass(frozen=True, slots=True)
class CtSeries:
    """A CT series fit to be read, with everything that must be said about it.

    Parameters
    ----------
    orientation
        Row and column direction (ImageOrientationPatient), six numbers.
    stack_direction
        Unit vector from the first to the last slice, LPS. Axial series always go from the feet to the head.
    spacing_zyx_mm
        z is the distance between slices along their normal, by the best line through all of them.
    slices
        In order along ``stack_direction``; neither InstanceNumber nor file names have a say.
    one_grid
        False where gaps or uneven distances forbid stacking; a notice says where.
    """

    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    patient_id: str
    issuer: str
    patient_name: str
    birth_date: date | None
    sex: str
    accession: str
    acquired_on: date | None
    study_description: str
    description: str
    body_part: str
    manufacturer: str
    model: str
    kernel: str
    kvp: float | None
    contrast: bool | None
    slice_thickness_mm: float | None
    spacing_zyx_mm: tuple[float, float, float]
    rows: int
    columns: int
    orientation: tuple[float, ...]
    stack_direction: tuple[float, float, float]
    slices: tuple[Slice, ...] = field(repr=False)
    one_grid: bool = True
    notices: tuple[Notice, ...] = ()

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """Shape of the volume that the series makes."""
        return len(self.slices), self.rows, self.columns

    @property
    def coverage_mm(self) -> float:
        """Length of the body that is covered, one slice distance a slice."""
        return len(self.slices) * self.spacing_zyx_mm[0]

    @property
    def blocks_volumetry(self) -> bool:
        """Whether some notice forbids measuring volumes."""
        return any(notice.blocks_volumetry for notice in self.notices)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the series, each once."""
        return tuple(dict.fromkeys(one.path for one in self.slices))
