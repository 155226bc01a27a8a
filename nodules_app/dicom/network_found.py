"""What a PACS says of the exams that it holds, by C-FIND and QIDO-RS alike; nothing in it is believed unseen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from pydicom.dataset import Dataset

from nodules_app.dicom.dates import date_or_none
from nodules_app.dicom.header import UNREADABLE
from nodules_app.dicom.network import UID

STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyDescription",
    "ModalitiesInStudy",
    "AccessionNumber",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "NumberOfStudyRelatedInstances",
)
SERIES_KEYS = (
    "SeriesInstanceUID",
    "Modality",
    "SeriesDescription",
    "BodyPartExamined",
    "SliceThickness",
    "NumberOfSeriesRelatedInstances",
)


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """One series as the PACS describes it; empty and None where it does not say."""

    series_uid: str
    modality: str
    description: str
    body_part: str
    slice_thickness_mm: float | None
    instances: int | None


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """One exam as the PACS describes it; empty and None where it does not say."""

    study_uid: str
    acquired_on: date | None
    description: str
    modalities: frozenset[str]
    patient_id: str
    issuer: str
    birth_date: date | None
    sex: str
    instances: int | None
    series: tuple[FoundSeries, ...] = ()

    def holding(self, series: tuple[FoundSeries, ...]) -> FoundStudy:
        """Give the same exam with its series."""
        return replace(self, series=series)


def study_of(answer: Dataset) -> FoundStudy | None:
    """Read one answer at study level; None when it names no exam."""
    uid = _text(answer, "StudyInstanceUID")
    if not UID.fullmatch(uid):
        return None
    named = _text(answer, "ModalitiesInStudy").upper().split("\\")
    return FoundStudy(
        study_uid=uid,
        acquired_on=date_or_none(_text(answer, "StudyDate")),
        description=_text(answer, "StudyDescription"),
        modalities=frozenset(name.strip() for name in named if name.strip()),
        patient_id=_text(answer, "PatientID"),
        issuer=_text(answer, "IssuerOfPatientID"),
        birth_date=date_or_none(_text(answer, "PatientBirthDate")),
        sex=_text(answer, "PatientSex"),
        instances=_count(answer, "NumberOfStudyRelatedInstances"),
    )


def series_of(answer: Dataset) -> FoundSeries | None:
    """Read one answer at series level; None when it names no series."""
    uid = _text(answer, "SeriesInstanceUID")
    if not UID.fullmatch(uid):
        return None
    thickness = _text(answer, "SliceThickness")
    try:
        thickness_mm = float(thickness) if thickness else None
    except ValueError:
        thickness_mm = None
    return FoundSeries(
        series_uid=uid,
        modality=_text(answer, "Modality").upper(),
        description=_text(answer, "SeriesDescription"),
        body_part=_text(answer, "BodyPartExamined").upper(),
        slice_thickness_mm=thickness_mm,
        instances=_count(answer, "NumberOfSeriesRelatedInstances"),
    )


def _text(answer: Dataset, keyword: str) -> str:
    try:
        value = answer.get(keyword)
    except UNREADABLE:
        return ""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) or (hasattr(value, "__iter__") and not isinstance(value, str)):
        value = "\\".join(str(one) for one in value)
    return str(value).replace("\0", "").strip()


def _count(answer: Dataset, keyword: str) -> int | None:
    text = _text(answer, keyword)
    return int(text) if text.isdecimal() else None
