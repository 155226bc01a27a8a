"""Who is who: two records told apart, and exams held until somebody says whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from nodules_app.models import HeldExam, ImportBatch, Patient, PatientMerge, RunKind, Study, TwoPersons, User
from nodules_app.selectors import identity
from nodules_app.selectors.likeness import Person, contradict
from nodules_app.services import runs
from nodules_app.services.audit import record
from nodules_app.services.names import sounds_of
from registration.errors import Refused, gettext_noop


class OneRecord(Refused):
    """Nothing to do between the two: both are the same record, or one of them is joined with another."""

    code = "one_record"
    sentence = gettext_noop("One of the two is joined with another record, or both are the same.")
    remedy = gettext_noop("Look at the page of the patient; it says with whom it was joined.")


class TwoClinics(Refused):
    """The steps of a clinic are booked on its own scanners and follow its own rules."""

    code = "two_clinics"
    sentence = gettext_noop("The two records are followed by two clinics: {one} and {other}.")
    remedy = gettext_noop("Hand one of them over first; then nothing is owed there any more.")


class PersonInDoubt(Refused):
    """The images carry a known number and contradict what is known of that person."""

    code = "person_in_doubt"
    sentence = gettext_noop(
        "The images of {acquired_on} carry the number of a person who is known here by another name or day of birth."
    )
    remedy = gettext_noop("Say on the page “Who is who” whose exam it is; it waits there and is then taken in.")


class AlreadyDecided(Refused):
    """Somebody else said whose it is."""

    code = "already_decided"
    sentence = gettext_noop("Somebody has said already whose exam this is.")
    remedy = gettext_noop("Look at that person's page; an exam can be moved there.")


class NumberTaken(Refused):
    """Another person has this number."""

    code = "number_taken"
    sentence = gettext_noop("The number {number} belongs to another person here.")
    remedy = gettext_noop("Choose that person if it is the right one, or give another number.")


@dataclass(frozen=True, slots=True)
class Said:
    """What the images of one exam say of their person."""

    study_uid: str
    name: str
    birth_date: date | None
    sex: str
    acquired_on: date | None
    description: str


def hold_both(one: Patient, other: Patient, *, parting: bool = False) -> tuple[Patient, Patient]:
    """Lock two records of one clinic, the smaller key first, so that two such acts never wait for each other.

    Parameters
    ----------
    parting
        The first is joined with the second, and that is about to end.

    Raises
    ------
    OneRecord, TwoClinics
    """
    rows = Patient.objects.select_for_update(of=("self",)).select_related("clinic").order_by("pk")
    held = {row.pk: row for row in rows.filter(pk__in=[one.pk, other.pk])}
    first, second = held[one.pk], held[other.pk]
    free = [second] if parting else [first, second]
    if first.pk == second.pk or PatientMerge.objects.filter(gone__in=free, undone_at__isnull=True).exists():
        raise OneRecord
    if first.clinic_id != second.clinic_id:
        raise TwoClinics(one=first.clinic.name, other=second.clinic.name)
    return first, second


@transaction.atomic
def tell_apart(*, one: Patient, other: Patient, by: User) -> TwoPersons:
    """Say that two records that look alike are two persons; they are not proposed again."""
    first, second = sorted(hold_both(one, other), key=lambda patient: patient.pk)
    told, made = TwoPersons.objects.get_or_create(one=first, other=second, defaults={"by": by})
    if made:
        for patient in (first, second):
            record("patient.told_apart", patient, by=by, told=told.code)
    return told


def whose(known: Patient, said: Said) -> Patient:
    """The patient of an exam that came with the number of a known one.

    Raises
    ------
    PersonInDoubt
        What the images say contradicts what is known, and nobody has decided.
    """
    decided = HeldExam.objects.filter(study_uid=said.study_uid, decided_at__isnull=False).select_related("belongs_to")
    if (held := decided.first()) is not None and held.belongs_to is not None:
        return identity.followed_as(held.belongs_to)
    stored = Study.objects.filter(study_uid=said.study_uid, patient=identity.followed_as(known))
    if not stored.exists() and contradict(identity.person(known), _person(said)):
        raise PersonInDoubt(acquired_on=said.acquired_on or "-")
    return identity.followed_as(known)


def _person(said: Said) -> Person:
    return Person(said.name, sounds_of(said.name), said.birth_date, said.sex)


def hold(said: Said, *, known: Patient, batch: ImportBatch) -> HeldExam:
    """Let an exam wait for a person's word; sent again it waits once, with its latest delivery."""
    held, made = HeldExam.objects.update_or_create(
        study_uid=said.study_uid,
        defaults={"batch": batch},
        create_defaults={
            "batch": batch,
            "patient": known,
            "name": said.name[:200],
            "birth_date": said.birth_date,
            "sex": said.sex,
            "acquired_on": said.acquired_on,
            "description": said.description[:200],
        },
    )
    if made:
        record("exam.held", known, by=None, held=held.code)
    return held


@transaction.atomic
def belongs_to(*, held: HeldExam, patient: Patient, reason: str, by: User) -> HeldExam:
    """Say whose exam it is; its delivery is read again and the exam taken in.

    Raises
    ------
    AlreadyDecided
    """
    row = HeldExam.objects.select_for_update().get(pk=held.pk)
    if row.decided_at is not None:
        raise AlreadyDecided
    row.belongs_to, row.decided_by, row.decided_at, row.reason = patient, by, timezone.now(), reason
    row.save(update_fields=["belongs_to", "decided_by", "decided_at", "reason"])
    for one in {row.patient, patient}:
        record("exam.identified", one, by=by, held=row.code, whose=patient.code)
    runs.request(RunKind.INTAKE, by=by, import_batch=row.batch)
    return row


@transaction.atomic
def belongs_to_somebody_new(*, held: HeldExam, number: str, reason: str, by: User) -> HeldExam:
    """Say that the exam is of a person not known here yet, whose own number is given.

    Raises
    ------
    NumberTaken, AlreadyDecided
    """
    known = Patient.objects.select_for_update().get(pk=held.patient_id)
    if Patient.objects.filter(issuer=known.issuer, identifier=number).exists():
        raise NumberTaken(number=number)
    patient = Patient.objects.create(
        clinic=known.clinic,
        issuer=known.issuer,
        identifier=number,
        name=held.name,
        sounds=sounds_of(held.name),
        birth_date=held.birth_date,
        sex=held.sex,
    )
    record("patient.entered", patient, by=by, held=held.code)
    return belongs_to(held=held, patient=patient, reason=reason, by=by)
