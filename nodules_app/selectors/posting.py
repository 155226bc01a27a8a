"""Signed letters on their way to the post: what waits, what was printed, what somebody said was posted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from nodules_app.lifecycles import DOCUMENT_IN_FORCE, EvidenceKind
from nodules_app.models import (
    LETTERS,
    Clinic,
    Closure,
    ContactPreference,
    DocumentKind,
    LetterBatch,
    LetterPosting,
    Patient,
    PrintedLetter,
    SignedVersion,
)

SHOWN: Final = 200


class Against(StrEnum):
    """Why a signed letter is not laid into a batch."""

    NO_ADDRESS = "no_address"  # it shows none where the window of an envelope is
    DECEASED = "deceased"
    NO_CONTACT = "no_contact"


@dataclass(frozen=True, slots=True)
class LetterToPost:
    """One signed letter that nobody said was posted."""

    version: int  # its key
    document: UUID
    number: int
    kind: str
    patient: Patient
    signed_by: str
    signed_at: datetime
    printed_at: datetime | None
    against: Against | None

    @property
    def what(self) -> str:
        return str(DocumentKind(self.kind).label)

    @property
    def key(self) -> str:
        """The version as a form names it."""
        return f"{self.document}.{self.number}"


def not_posted() -> QuerySet[SignedVersion]:
    """The newest version of each letter in force that nobody said was posted, without its bytes, the oldest first."""
    newer = SignedVersion.objects.filter(document=OuterRef("document"), number__gt=OuterRef("number"))
    rows = SignedVersion.objects.filter(
        ~Exists(newer), document__kind__in=LETTERS, document__state__in=DOCUMENT_IN_FORCE
    )
    rows = rows.annotate(posted_on=_posted_on(), printed_at=_printed_at()).filter(posted_on=None)
    related = rows.select_related("document__patient", "document__contact", "signed_by")
    return related.defer("pdf", "document__content").order_by("signed_at", "pk")


def _posted_on() -> Subquery:
    said = LetterPosting.objects.filter(version=OuterRef("pk")).order_by("-turn")
    return Subquery(said.values("posted_on")[:1])


def _printed_at() -> Subquery:
    printed = PrintedLetter.objects.filter(version=OuterRef("pk")).order_by("-batch")
    return Subquery(printed.values("batch__created_at")[:1])


def letters_to_post(clinic: Clinic) -> list[LetterToPost]:
    """Every signed letter of a clinic that nobody said was posted, the oldest first."""
    rows = list(not_posted().filter(document__patient__clinic=clinic))
    patients = {row.document.patient_id for row in rows if row.document.kind == DocumentKind.PATIENT_LETTER}
    dead, silent = _dead(patients), _silent(patients)
    return [_to_post(row, dead, silent) for row in rows]


def _to_post(row: SignedVersion, dead: Collection[int], silent: Collection[int]) -> LetterToPost:
    document = row.document
    against = None
    if document.kind == DocumentKind.PATIENT_LETTER and document.patient_id in dead:
        against = Against.DECEASED
    elif document.kind == DocumentKind.PATIENT_LETTER and document.patient_id in silent:
        against = Against.NO_CONTACT
    elif document.contact is None:
        against = Against.NO_ADDRESS
    return LetterToPost(
        version=row.pk,
        document=document.code,
        number=row.number,
        kind=document.kind,
        patient=document.patient,
        signed_by=str(row.signed_by),
        signed_at=row.signed_at,
        printed_at=row.printed_at,  # type: ignore[attr-defined]  # annotated
        against=against,
    )


def _dead(patients: Collection[int]) -> set[int]:
    rows = Closure.objects.filter(patient__in=patients, ended_at__isnull=True, evidence__kind=EvidenceKind.DECEASED)
    return set(rows.values_list("patient_id", flat=True))


def _silent(patients: Collection[int]) -> set[int]:
    rows = ContactPreference.objects.filter(patient__in=patients).exclude(do_not_contact="")
    return set(rows.values_list("patient_id", flat=True))


def to_print(letters: Sequence[LetterToPost]) -> list[LetterToPost]:
    """Of these the ones that the next batch takes: not printed yet, and nothing stands against them."""
    return [one for one in letters if one.printed_at is None and one.against is None]


def posted_lately(clinics: Collection[Clinic], newest: int = 20) -> list[LetterPosting]:
    """What was last said to be posted and still holds, the latest word first."""
    later = LetterPosting.objects.filter(version=OuterRef("version"), turn__gt=OuterRef("turn"))
    rows = LetterPosting.objects.filter(
        ~Exists(later), posted_on__isnull=False, version__document__patient__clinic__in=clinics
    )
    related = rows.select_related("version__document__patient", "by").defer(
        "version__pdf", "version__document__content"
    )
    return list(related.order_by("-pk")[:newest])


def posted_on_of(patient: Patient) -> dict[int, date]:
    """The day on which each document of a patient was last posted, by the document's key."""
    later = LetterPosting.objects.filter(version=OuterRef("version"), turn__gt=OuterRef("turn"))
    rows = LetterPosting.objects.filter(~Exists(later), version__document__patient=patient, posted_on__isnull=False)
    rows = rows.order_by("posted_on").select_related("version").only("posted_on", "version__document_id")
    return {row.version.document_id: row.posted_on for row in rows if row.posted_on is not None}


def signed_in(batch: LetterBatch) -> QuerySet[SignedVersion]:
    """The signed letters of a batch that still hold, with their bytes."""
    rows = SignedVersion.objects.filter(printings__batch=batch, document__state__in=DOCUMENT_IN_FORCE)
    return rows.order_by("pk")
