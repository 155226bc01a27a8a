"""Records that may be one person, records that were joined, and exams that wait for somebody to say whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection

from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import HeldExam, Patient, PatientMerge, User
from nodules_app.selectors.clinics import Act, clinics_where, may_where
from nodules_app.selectors.likeness import Likeness, Person, likenesses

MOST_PAIRS: Final = 100
MOST_LOOKED_AT: Final = 2000

# Who might be one person: a number of two issuers; a day of birth with a name that sounds or is spelled alike; one name
# with another day of birth. ``likenesses`` judges what comes out.
MAYBE: Final = """
WITH mine AS MATERIALIZED (
    SELECT id, clinic_id, identifier, issuer, name, sounds, birth_date FROM nodules_app_patient p
    WHERE clinic_id = ANY(%(clinics)s) AND NOT EXISTS (
        SELECT 1 FROM nodules_app_patientmerge m WHERE m.gone_id = p.id AND m.undone_at IS NULL)
), pairs AS (
    SELECT a.id AS one, b.id AS other FROM mine a JOIN mine b
        ON a.identifier = b.identifier AND a.clinic_id = b.clinic_id AND a.id < b.id
    UNION
    SELECT a.id, b.id FROM mine a JOIN mine b
        ON a.birth_date = b.birth_date AND a.clinic_id = b.clinic_id AND a.id < b.id
        AND (a.sounds <> '' AND a.sounds = b.sounds
            OR similarity(a.name || ' ' || a.sounds, b.name || ' ' || b.sounds) > 0.5)
    UNION
    SELECT a.id, b.id FROM mine a JOIN mine b
        ON a.name = b.name AND a.clinic_id = b.clinic_id AND a.id < b.id AND a.name <> ''
        AND a.birth_date <> b.birth_date
)
SELECT one, other FROM pairs WHERE NOT EXISTS (
    SELECT 1 FROM nodules_app_twopersons t WHERE t.one_id = one AND t.other_id = other)
ORDER BY one DESC, other DESC LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that may be one person, and what speaks for it."""

    one: Patient
    other: Patient
    because: tuple[Likeness, ...]


def followed_as(patient: Patient) -> Patient:
    """The record under which this person is followed: this one, unless it was joined with another."""
    seen = patient
    while (merge := merge_in_force(seen)) is not None:
        seen = merge.kept
    return seen


def merge_in_force(patient: Patient) -> PatientMerge | None:
    """The merge by which this record is followed under another, or None."""
    return PatientMerge.objects.filter(gone=patient, undone_at__isnull=True).select_related("kept__clinic").first()


def near_duplicates(user: User) -> list[Pair]:
    """Records of this person's clinics that may be one person each, what speaks most for it first."""
    clinics = list(clinics_where(user, Act.RECORD).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(MAYBE, {"clinics": clinics, "most": MOST_LOOKED_AT})
        keys = cursor.fetchall()
    people = Patient.objects.select_related("clinic").in_bulk({key for pair in keys for key in pair})
    pairs = [_judged(people[one], people[other]) for one, other in keys]
    return sorted((pair for pair in pairs if pair.because), key=lambda pair: -len(pair.because))[:MOST_PAIRS]


def _judged(one: Patient, other: Patient) -> Pair:
    same_number = one.identifier == other.identifier
    return Pair(one, other, likenesses(person(one), person(other), same_number=same_number))


def person(patient: Patient) -> Person:
    """What is known of a patient, for comparing."""
    return Person(patient.name, patient.sounds, patient.birth_date, patient.sex)


def by_number(user: User, number: str) -> list[Patient]:
    """The patients with this number whose facts this person may record, whoever issued it."""
    found = Patient.objects.filter(may_where(user, Act.RECORD, patient=""), identifier=number)
    return list(found.select_related("clinic").order_by("issuer", "pk")[:20])


def merges(user: User, newest: int = 50) -> list[PatientMerge]:
    """Records of this person's clinics that were joined, those in force first, the latest first."""
    rows = PatientMerge.objects.filter(may_where(user, Act.RECORD, "kept"))
    related = rows.select_related("gone", "kept", "by", "undone_by")
    return list(related.order_by("-undone_at", "-pk")[:newest])


def held_exams(user: User) -> list[HeldExam]:
    """Exams that wait until somebody says whose they are, the longest waiting first."""
    mine = HeldExam.objects.filter(may_where(user, Act.RECORD), decided_at__isnull=True)
    return list(mine.select_related("patient", "batch").order_by("pk")[:MOST_PAIRS])


@dataclass(frozen=True, slots=True)
class Record:
    """One of two records, as the page lays them side by side."""

    patient: Patient
    days: list[date]
    nodules: int
    open_steps: int


def record_of(patient: Patient) -> Record:
    """What hangs on a record, in a few figures."""
    days = (
        patient.studies.filter(acquired_on__isnull=False).order_by("acquired_on").values_list("acquired_on", flat=True)
    )
    return Record(
        patient,
        [on for on in days if on is not None],
        patient.nodules.filter(state__in=FOLLOWED_NODULE).count(),
        patient.follow_ups.filter(closed_at__isnull=True).count(),
    )
