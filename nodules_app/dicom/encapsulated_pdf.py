"""A PDF as DICOM object of the exam that it reports, for archives that show no structured report (PS3.3 A.45.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian
from pydicom.valuerep import DA, DT, TM

from nodules_app.dicom.finishing import finished
from nodules_app.dicom.header import judging_ourselves
from nodules_app.dicom.signed_report import MANUFACTURER, MODEL
from nodules_app.dicom.uids import uid_of

SERIES_NUMBER: Final = 9104
INHERITED: Final = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
    "ReferringPhysicianName",
)
REPORT: Final = Code("18748-4", "LN", "Diagnostic Imaging Report")


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """A document that somebody signed.

    Parameters
    ----------
    name
        Stable name from which the UIDs follow; another version has another name.
    """

    name: str
    title: str
    pdf: bytes
    signed_at: datetime
    organisation: str
    software_version: str
    version: int = 1
    kind: Code = REPORT


class NotAPdf(ValueError):
    """The bytes are something else."""


def encapsulated_pdf(document: SignedPdf, exam: Dataset) -> Dataset:
    """Wrap a PDF into an object of an exam.

    Parameters
    ----------
    exam
        Any header of the exam, from which patient and study are taken over.

    Raises
    ------
    NotAPdf
    """
    if not document.pdf.startswith(b"%PDF-"):
        raise NotAPdf(document.title)
    made = Dataset()
    with judging_ourselves():
        for keyword in INHERITED:
            if keyword in exam:
                setattr(made, keyword, exam.get(keyword))
    at = document.signed_at
    made.SOPClassUID = EncapsulatedPDFStorage
    made.SOPInstanceUID = uid_of("pdf", document.name)
    made.Modality = "DOC"
    made.SeriesInstanceUID = uid_of("series", "pdf", str(exam.StudyInstanceUID))
    made.SeriesNumber, made.InstanceNumber = SERIES_NUMBER, document.version
    made.SeriesDescription = "Reports"
    made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, MODEL
    made.SoftwareVersions, made.InstitutionName = document.software_version, document.organisation[:64]
    made.ConversionType = "WSD"
    made.ContentDate, made.ContentTime, made.AcquisitionDateTime = DA(at.date()), TM(at.time()), DT(at)
    made.BurnedInAnnotation = "YES"
    made.DocumentTitle = document.title
    made.VerificationFlag = "VERIFIED"
    made.ConceptNameCodeSequence = [_coded(document.kind)]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(document.pdf)
    made.EncapsulatedDocument = document.pdf + b"\0" * (len(document.pdf) % 2)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return finished(made, at)


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
