"""What a signed reading says, as the values that DICOM objects are made of: no rows, no files, no bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

MANUFACTURER = "Nodule Clinic"
MODEL = "Nodule Clinic"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with the interval in which 95 of 100 repetitions would lie; either end may be unknown.

    Parameters
    ----------
    name
        A key of ``codes.QUANTITIES``, which ends in its unit.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def unit(self) -> str:
        """The unit that the name ends in, a key of ``codes.UNITS``."""
        return self.name.rsplit("_", 1)[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Voxels of the CT's own grid, from voxel ``start_zyx`` on.

    Parameters
    ----------
    inside : (z, y, x)
    """

    inside: NDArray[np.bool_]
    start_zyx: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class ReportedNodule:
    """One nodule of a signed reading.

    Parameters
    ----------
    label, tracking_uid
        Its name for people, and for machines: the same on every scan of the patient.
    present
        None where this scan does not show its place.
    key_plane
        Index of the plane that shows it best; None where it is not on this scan.
    why_not_measured
        Code of the refusal instead of numbers.
    drawn_by
        Who laid strokes or a caliper; ``""`` when no hand was in it.
    """

    label: str
    tracking_uid: str
    lobe: str
    present: bool | None
    attenuation: str
    word: str
    key_plane: int | None
    quantities: tuple[Quantity, ...] = ()
    method: str = ""
    method_version: str = ""
    drawn_by: str = ""
    why_not_measured: str = ""
    outline: Mask | None = None
    solid: Mask | None = None


@dataclass(frozen=True, slots=True)
class ReportedAnswer:
    """What one edition of a guideline says."""

    guideline: str
    edition: str
    category: str
    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A reading as it was signed, with what was added since.

    Parameters
    ----------
    name
        Stable name from which the UIDs follow.
    revision
        0 as signed; one more for each addendum.
    observer
        The signing person as DICOM writes names.
    """

    name: str
    revision: int
    observer: str
    organisation: str
    signed_at: datetime
    made_at: datetime
    software_version: str
    exam_on: date | None
    prior_on: date | None
    nodules: tuple[ReportedNodule, ...]
    answers: tuple[ReportedAnswer, ...] = ()
    recommended: str = ""
    recommended_on: date | None = None
    addenda: tuple[str, ...] = ()
