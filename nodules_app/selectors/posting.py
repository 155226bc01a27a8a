"""Signed letters on their way to the post: what waits, what was printed, what somebody said was posted."""

from __future__ import annotations

from collections import Counter
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
    REPLACED = "replaced"  # by a newer version; it is listed because it was printed, and may have been posted


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
    newest: int  # version of the letter
    against: Against | None

    @property
    def what(self) -> str:
        return str(DocumentKind(self.kind).label)

    @property
    def key(self) -> str:
        """The version as a form names it."""
        return f"{self.document}.{self.number}"


def not_posted() -> QuerySet[SignedVersion]:
    """The versions of letters in force that nobody said were posted, without their bytes, the oldest first.

    Of each letter its newest version, and of the others those that were printed: they may lie in the tray or be in the
    post. Once a newer one is said to be posted, nobody is asked about the older.
    """
    newer = SignedVersion.objects.filter(document=OuterRef("document"), number__gt=OuterRef("number"))
    is_printed = Exists(PrintedLetter.objects.filter(version=OuterRef("pk")))
    rows = SignedVersion.objects.filter(document__kind__in=LETTERS, document__state__in=DOCUMENT_IN_FORCE)
    rows = _judged(_unsaid(rows.filter(~Exists(newer) | is_printed)))
    related = rows.select_related("document__patient", "document__contact", "signed_by")
    return related.defer("pdf", "document__content").order_by("signed_at", "pk")


def _unsaid(rows: QuerySet[SignedVersion]) -> QuerySet[SignedVersion]:
    """Keep those that nobody said were posted, neither themselves nor a newer version of the letter."""
    newer = SignedVersion.objects.filter(document=OuterRef("document"), number__gt=OuterRef("number"))
    newer_posted = newer.annotate(posted_on=_posted_on()).exclude(posted_on=None)
    return rows.annotate(posted_on=_posted_on()).filter(~Exists(newer_posted), posted_on=None)


def _judged(rows: QuerySet[SignedVersion]) -> QuerySet[SignedVersion]:
    newest = SignedVersion.objects.filter(document=OuterRef("document")).order_by("-number").values("number")[:1]
    return rows.annotate(printed_at=_printed_at(), newest=Subquery(newest))


def _posted_on() -> Subquery:
    said = LetterPosting.objects.filter(version=OuterRef("pk")).order_by("-turn")
    return Subquery(said.values("posted_on")[:1])


def _printed_at() -> Subquery:
    printed = PrintedLetter.objects.filter(version=OuterRef("pk")).order_by("-batch")
    return Subquery(printed.values("batch__created_at")[:1])


def letters_to_post(clinic: Clinic) -> list[LetterToPost]:
    """Every signed letter of a clinic that nobody said was posted, the oldest first."""
    rows = list(not_posted().filter(document__patient__clinic=clinic))
    against = _against(rows)
    return [_to_post(row, against[row.pk]) for row in rows]


def _against(rows: Collection[SignedVersion]) -> dict[int, Against | None]:
    """What stands against each version, by its key."""
    patients = {row.document.patient_id for row in rows if row.document.kind == DocumentKind.PATIENT_LETTER}
    dead, silent = _dead(patients), _silent(patients)
    return {row.pk: _against_one(row, dead, silent) for row in rows}


def _against_one(row: SignedVersion, dead: Collection[int], silent: Collection[int]) -> Against | None:
    document = row.document
    to_patient = document.kind == DocumentKind.PATIENT_LETTER
    if row.number < row.newest:  # type: ignore[attr-defined]  # annotated
        return Against.REPLACED
    if to_patient and document.patient_id in dead:
        return Against.DECEASED
    if to_patient and document.patient_id in silent:
        return Against.NO_CONTACT
    return Against.NO_ADDRESS if document.contact_id is None else None


def _to_post(row: SignedVersion, against: Against | None) -> LetterToPost:
    document = row.document
    return LetterToPost(
        version=row.pk,
        document=document.code,
        number=row.number,
        kind=document.kind,
        patient=document.patient,
        signed_by=str(row.signed_by),
        signed_at=row.signed_at,
        printed_at=row.printed_at,  # type: ignore[attr-defined]  # annotated
        newest=row.newest,  # type: ignore[attr-defined]  # annotated
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


def signed_in(batch: LetterBatch) -> list[SignedVersion]:
    """The signed letters of a batch that may still go out, with their bytes."""
    rows = _judged(SignedVersion.objects.filter(printings__batch=batch, document__state__in=DOCUMENT_IN_FORCE))
    letters = list(rows.select_related("document__patient").defer("document__content").order_by("pk"))
    against = _against(letters)
    return [row for row in letters if against[row.pk] is None]


def stopped_in(batches: Collection[LetterBatch]) -> Counter[int]:
    """How many printed letters of each batch, by its key, must not go out any more and were not said to be posted."""
    printed = _judged(_unsaid(SignedVersion.objects.filter(printings__batch__in=batches).distinct()))
    letters = list(printed.select_related("document").defer("pdf", "document__content"))
    against = _against(letters)
    stopped = {row.pk for row in letters if row.document.state not in DOCUMENT_IN_FORCE or against[row.pk]}
    rows = PrintedLetter.objects.filter(batch__in=batches, version__in=stopped)
    return Counter(rows.values_list("batch", flat=True))
