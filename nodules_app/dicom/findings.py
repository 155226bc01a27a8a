"""Places of findings that others have marked: DICOM Segmentation and Structured Report, checked to lie on the CT.

``read_segmentation`` and ``read_report`` do the two formats; this is the value they give and the way in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from nodules_app.dicom.dates import date_or_none
from nodules_app.dicom.errors import printable
from nodules_app.dicom.finding_marks import (
    FindingMark,
    FindingsOfOtherPatient,
    NoFindings,
    NotFindings,
)
from nodules_app.dicom.header import UNREADABLE, Header, NotDicom, judging_ourselves, read_header
from nodules_app.dicom.read_report import read_report
from nodules_app.dicom.read_segmentation import read_segmentation
from nodules_app.dicom.series import CtSeries

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88."

WANTED = (
    "SOPClassUID",
    "SOPInstanceUID",
    "InstitutionName",
    "Manufacturer",
    "ManufacturerModelName",
    "ContentDate",
    "SeriesDate",
    "PatientID",
    "IssuerOfPatientID",
    "StudyInstanceUID",
    "ReferencedSeriesSequence",
    "CurrentRequestedProcedureEvidenceSequence",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "BitsAllocated",
    "SegmentationType",
    "MaximumFractionalValue",
    "SegmentSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ContentSequence",
)
WANTED_TAGS = [tag for keyword in WANTED if (tag := tag_for_keyword(keyword)) is not None]


@dataclass(frozen=True, slots=True)
class Referred:
    """The images that a file of findings says it was made on.

    Parameters
    ----------
    study_uid
        Study of the file itself, which is that of its images; ``""`` when it does not say.
    series_uids
        Series that it names. A segmentation may name none, a report names also those of its segmentations.
    sop_instance_uid
        Of the file itself.
    made_on
        Day of its content; None where it does not say.
    """

    study_uid: str
    series_uids: frozenset[str]
    sop_instance_uid: str = ""
    made_on: date | None = None


def read_referred(path: Path) -> Referred:
    """Read which study and series a SEG or SR refers to, without looking at its places.

    Raises
    ------
    NotFindings
        Not readable as DICOM.

    Source
    ------
    DICOM PS3.3 C.12.4 (Common Instance Reference) and C.17.2 (SR Document General, evidence).
    """
    with judging_ourselves():
        header = _header(path)
        try:
            evidence = header.elements.get("CurrentRequestedProcedureEvidenceSequence") or ()
            named = frozenset(_series_uids([header.elements, *evidence]))
        except UNREADABLE as problem:
            raise NotFindings(file=printable(path.name)) from problem
        made_on = date_or_none(header.text("ContentDate"))
        return Referred(header.text("StudyInstanceUID"), named, header.text("SOPInstanceUID"), made_on)


def _series_uids(holders: Iterable[Dataset]) -> Iterator[str]:
    for holder in holders:
        for series in holder.get("ReferencedSeriesSequence") or ():
            yield str(series.get("SeriesInstanceUID", "") or "")


def read_findings(path: Path, *, on: CtSeries, beside: Sequence[Path] = ()) -> tuple[FindingMark, ...]:
    """Read the findings of a DICOM SEG or SR as places on a CT series.

    Parameters
    ----------
    path
        A Segmentation, or a Structured Report with measurement groups (TID 1500).
    on
        The series that they are meant for.
    beside
        Segmentations that the report may refer to.

    Returns
    -------
    tuple of FindingMark
        Places in LPS millimetres, at least one. Several readers of one nodule give several marks.

    Raises
    ------
    NotFindings
        Neither SEG nor SR, or not readable.
    FindingsOfOtherPatient, FindingsOfOtherSeries, FindingsOffTheCt
        They do not belong to this CT, or do not lie on it.
    SegmentationMissing
        The report only points to a segmentation that was not handed in.
    NoFindings
        Nothing in it has a place.
    """
    with judging_ourselves():
        marks = _marks(path, on, beside)
    if not marks:
        raise NoFindings(file=printable(path.name))
    return marks


def _marks(path: Path, on: CtSeries, beside: Sequence[Path]) -> tuple[FindingMark, ...]:
    header = _header(path)
    _same_patient(header, on)
    if _is_segmentation(header):
        return read_segmentation(header, on)
    if header.text("SOPClassUID").startswith(SR_STORAGE):
        return read_report(header, on, [other for other in map(_header, beside) if _is_segmentation(other)])
    raise NotFindings(file=printable(path.name))


def _header(path: Path) -> Header:
    try:
        return read_header(path, path.name, WANTED_TAGS)
    except NotDicom as problem:
        raise NotFindings(file=printable(path.name)) from problem


def _is_segmentation(header: Header) -> bool:
    return header.text("SOPClassUID") == SEGMENTATION_STORAGE


def _same_patient(header: Header, on: CtSeries) -> None:
    patient_id = header.text("PatientID")
    if patient_id != on.patient_id:
        raise FindingsOfOtherPatient(
            file=printable(header.name), patient=printable(patient_id), ct_patient=printable(on.patient_id)
        )
