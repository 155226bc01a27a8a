"""Reports and letters of a patient, what a new one is made from, and the signed bytes for whoever passes them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from nodules_app.lifecycles import OPEN_READING, SIGNED_READING, DocumentState, ReadingState
from nodules_app.models import (
    Clinic,
    ClinicalDocument,
    ContactKind,
    ContactOf,
    ContactPoint,
    DocumentKind,
    DocumentPicture,
    DocumentRetraction,
    LetterTemplate,
    Patient,
    Reading,
    SignedVersion,
)

IN_FORCE: Final = (ReadingState.SIGNED, ReadingState.ADDENDED)


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """The newest signed version of a report or letter, with its bytes.

    ``language`` is a tag of BCP 47 (``en``, ``zh-Hans``); ``is_in_force`` is false where a newer document took its
    place.
    """

    code: UUID
    kind: str
    title: str
    language: str
    version: int
    signed_by: str
    signed_at: datetime
    reading: UUID
    scan: UUID
    is_in_force: bool
    sha256: str
    pdf: bytes


def signed_documents(patient: Patient) -> list[SignedDocument]:
    """Give every signed document of a patient in its newest version, the earliest signed first."""
    rows = (
        SignedVersion.objects.filter(document__patient=patient)
        .select_related("document__reading__scan", "signed_by")
        .order_by("document_id", "-number")
        .distinct("document_id")
    )
    return [_signed(row) for row in rows]


def _signed(row: SignedVersion) -> SignedDocument:
    document = row.document
    return SignedDocument(
        code=document.code,
        kind=document.kind,
        title=row.title,
        language=bcp_47(document.language),
        version=row.number,
        signed_by=str(row.signed_by),
        signed_at=row.signed_at,
        reading=document.reading.code,
        scan=document.reading.scan.code,
        is_in_force=document.state in (DocumentState.FINAL, DocumentState.ADDENDED),
        sha256=row.sha256,
        pdf=bytes(row.pdf),
    )


def bcp_47(language: str) -> str:
    """Write Django's name of a language as a tag: zh-hans becomes zh-Hans."""
    name, _dash, script = language.partition("-")
    return f"{name}-{script.title()}" if script else name


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One report or letter in the list of a patient."""

    code: UUID
    kind: str
    language: str
    state: DocumentState
    title: str
    exam_on: object
    written_by: str
    written_at: datetime
    signed_by: str
    signed_at: datetime | None
    versions: tuple[int, ...]
    addenda: int


@dataclass(frozen=True, slots=True)
class Writable:
    """What can be written: the signed reading in force, and whether a newer exam waits to be read."""

    reading: Reading | None
    is_newer_unread: bool


def documents_of(patient: Patient) -> list[DocumentLine]:
    """List the reports and letters of a patient, the newest first, in three queries."""
    versions = SignedVersion.objects.order_by("number").only("document_id", "number")
    rows = (
        ClinicalDocument.objects.filter(patient=patient)
        .select_related("written_by", "signed_by", "reading__scan__study")
        .prefetch_related(Prefetch("signed_versions", versions), "addenda")
        .order_by("-pk")
    )
    return [
        DocumentLine(
            code=row.code,
            kind=row.kind,
            language=row.language,
            state=DocumentState(row.state),
            title=row.content["title"],
            exam_on=row.reading.scan.study.acquired_on,
            written_by=str(row.written_by),
            written_at=row.created_at,
            signed_by=str(row.signed_by or ""),
            signed_at=row.signed_at,
            versions=tuple(one.number for one in row.signed_versions.all()),
            addenda=len(row.addenda.all()),
        )
        for row in rows
    ]


def writable(patient: Patient) -> Writable:
    """Find the reading that a report or letter of today would be made from."""
    rows = Reading.objects.filter(patient=patient).select_related("scan__study")
    signed = rows.filter(state__in=IN_FORCE).order_by("-pk").first()
    return Writable(signed, rows.filter(state__in=OPEN_READING).exists())


def report_of(reading: Reading, language: str) -> ClinicalDocument | None:
    """The report in force of a reading in one language."""
    return _in_force(ClinicalDocument.objects.filter(reading=reading, language=language)).first()


def report_to_replace(reading: Reading, language: str) -> ClinicalDocument | None:
    """The report in force of an earlier reading of the same scan; a new one says that it takes its place."""
    earlier = ClinicalDocument.objects.filter(
        reading__scan=reading.scan_id, language=language, reading__state__in=SIGNED_READING
    ).exclude(reading=reading)
    return _in_force(earlier).order_by("-pk").first()


def _in_force(rows: QuerySet[ClinicalDocument]) -> QuerySet[ClinicalDocument]:
    return rows.filter(kind=DocumentKind.REPORT, state__in=[DocumentState.FINAL, DocumentState.ADDENDED])


def address_of(patient: Patient, kind: str) -> ContactPoint | None:
    """Where a letter of this kind goes: the newest postal address in use; none for a report."""
    of = {DocumentKind.PATIENT_LETTER: ContactOf.PATIENT, DocumentKind.DOCTOR_LETTER: ContactOf.REFERRER}
    whose = of.get(DocumentKind(kind))
    in_use = ContactPoint.objects.filter(
        patient=patient, of=whose, kind=ContactKind.POST, retired_at__isnull=True, failed_at__isnull=True
    )
    return in_use.order_by("-pk").first() if whose else None


def template_in_force(clinic: Clinic, kind: str, language: str) -> LetterTemplate | None:
    """The newest template of the clinic; None while the product's own is in force."""
    return LetterTemplate.objects.filter(clinic=clinic, kind=kind, language=language).order_by("-number").first()


def template_versions(clinic: Clinic, kind: str, language: str) -> Sequence[LetterTemplate]:
    """All versions that a clinic wrote, the newest first."""
    rows = LetterTemplate.objects.filter(clinic=clinic, kind=kind, language=language).select_related("by")
    return list(rows.order_by("-number"))


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a sentence: the machine's words, what stood before and after, who, when."""

    key: str
    machine: str
    before: str
    after: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DocumentHistory:
    """What happened to a document: edits of the draft, signed versions, words added."""

    edits: tuple[Edit, ...]
    versions: tuple[tuple[int, str, datetime, str], ...]  # number, who, when, digest
    addenda: tuple[tuple[str, datetime, str], ...]
    replaced_by: UUID | None
    retraction: tuple[str, datetime, str] | None  # who, when, why


def history_of(document: ClinicalDocument) -> DocumentHistory:
    """Read what happened to a document, in five queries."""
    versions = document.signed_versions.select_related("signed_by").defer("pdf").order_by("number")
    retracted = DocumentRetraction.objects.filter(document=document).select_related("by").first()
    newer = ClinicalDocument.objects.filter(replaces=document).exclude(state=DocumentState.DISCARDED).first()
    return DocumentHistory(
        edits=tuple(
            Edit(row.key, row.machine, row.before, row.after, str(row.by), row.at)
            for row in document.edits.select_related("by").order_by("-pk")
        ),
        versions=tuple((row.number, str(row.signed_by), row.signed_at, row.sha256) for row in versions),
        addenda=tuple((str(row.by), row.at, row.text) for row in document.addenda.select_related("by").order_by("pk")),
        replaced_by=newer.code if newer else None,
        retraction=(str(retracted.by), retracted.at, retracted.why) if retracted else None,
    )


def pictures_of(document: ClinicalDocument) -> list[tuple[DocumentPicture, bool]]:
    """Give the pictures of a report without their bytes, in their order, and whether each was drawn."""
    rows = document.pictures.defer("png").annotate(is_drawn=Q(png__isnull=False)).order_by("number")
    return [(row, row.is_drawn) for row in rows]


def picture(document: ClinicalDocument, number: int) -> bytes | None:
    """Give one picture of a report; None where it has none of this number, or none was drawn."""
    png = document.pictures.filter(number=number).values_list("png", flat=True).first()
    return None if png is None else bytes(png)


def signed_version(document: ClinicalDocument, number: int) -> SignedVersion | None:
    """One signed version with its bytes."""
    return document.signed_versions.filter(number=number).first()
