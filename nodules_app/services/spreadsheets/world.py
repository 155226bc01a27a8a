"""What is known here of the people in a list: a fixed number of queries for any number of lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import QuerySet

from nodules_app.exchange.spreadsheet_reading.lines import Facts
from nodules_app.lifecycles import FOLLOWED_NODULE, OPEN_FOLLOW_UP
from nodules_app.models import (
    Clinic,
    Closure,
    ContactPoint,
    FollowUp,
    FollowUpKind,
    ListEntry,
    Membership,
    Nodule,
    Patient,
    PatientMerge,
    User,
)
from nodules_app.selectors.identity import person
from nodules_app.selectors.likeness import Person, likenesses
from nodules_app.services import policy
from nodules_app.services.names import sounds_of

Number = tuple[str, str]  # issuer, identifier
Said = Mapping[str, Any]  # facts as a row keeps them
One = TypeVar("One")
AT_ONCE: Final = 2000

# Who of the clinic might be one of these people: the conditions of ``selectors.identity.MAYBE``.
MAYBE: Final = """
WITH said AS MATERIALIZED (
    SELECT * FROM unnest(%(places)s::int[], %(numbers)s::text[], %(issuers)s::text[], %(names)s::text[],
                         %(sounds)s::text[], %(born)s::date[]) AS t (place, number, issuer, name, sounds, born)
), mine AS NOT MATERIALIZED (
    SELECT id, identifier, issuer, name, sounds, birth_date FROM nodules_app_patient p
    WHERE clinic_id = %(clinic)s AND NOT EXISTS (
        SELECT 1 FROM nodules_app_patientmerge m WHERE m.gone_id = p.id AND m.undone_at IS NULL)
)
SELECT place, id FROM said s JOIN mine p ON p.identifier = s.number AND p.issuer <> s.issuer
UNION
SELECT place, id FROM said s JOIN mine p ON p.birth_date = s.born
    AND (p.sounds <> '' AND p.sounds = s.sounds
        OR similarity(p.name || ' ' || p.sounds, s.name || ' ' || s.sounds) > 0.5)
UNION
SELECT place, id FROM said s JOIN mine p ON p.name = s.name AND s.name <> '' AND p.birth_date <> s.born
"""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a judgement of these people needs."""

    clinic: Clinic
    by_number: Mapping[Number, Patient]  # under which each is followed: of joined records the one that stayed
    entries: Mapping[int, Mapping[str, Said]]  # what lists say in force, by patient and key
    seen_on_images: frozenset[int]  # patients whose followed nodules did not come from a list
    steps: Mapping[int, FollowUp]  # the open step that is no review
    ended: frozenset[int]  # patients with a closure in force
    contacts: Mapping[int, frozenset[tuple[str, str]]]
    staff: Mapping[str, User]
    within_days: Mapping[FollowUpKind, int]


def chunks(rows: Iterable[One], size: int = AT_ONCE) -> Iterator[list[One]]:
    """Cut a long list into parts that one statement takes."""
    walking = iter(rows)
    while part := list(islice(walking, size)):
        yield part


def world_of(clinic: Clinic, people: Iterable[Number]) -> World:
    """Look up everybody who is named, whichever clinic follows them."""
    numbers = set(people)
    found: dict[Number, Patient] = {}
    for part in chunks(sorted({identifier for _issuer, identifier in numbers})):
        for patient in Patient.objects.filter(identifier__in=part):
            if (number := (patient.issuer, patient.identifier)) in numbers:
                found[number] = patient
    found = _as_followed(found)
    for patient in found.values():
        if patient.clinic_id == clinic.pk:
            patient.clinic = clinic  # one for all of them
    keys = sorted({patient.pk for patient in found.values()})
    return World(
        clinic=clinic,
        by_number=found,
        entries=_entries(keys),
        seen_on_images=_seen_on_images(keys),
        steps=_steps(keys),
        ended=frozenset(_of(Closure.objects.filter(ended_at__isnull=True), keys)),
        contacts=_contacts(keys),
        staff=staff_of(clinic),
        within_days=policy.within_days_of(clinic),
    )


def _as_followed(found: dict[Number, Patient]) -> dict[Number, Patient]:
    """Put the record that stayed in the place of one that was joined with it."""
    joined: dict[int, Patient] = {}
    for part in chunks([patient.pk for patient in found.values()]):
        for merge in PatientMerge.objects.filter(gone__in=part, undone_at__isnull=True).select_related("kept"):
            joined[merge.gone_id] = merge.kept
    if not joined:
        return found
    return _as_followed({number: joined.get(patient.pk, patient) for number, patient in found.items()})


def _entries(keys: Sequence[int]) -> dict[int, dict[str, Said]]:
    found: defaultdict[int, dict[str, Said]] = defaultdict(dict)
    for part in chunks(keys):
        for patient, key, said in _in_force(part).values_list("patient_id", "key", "said"):
            found[patient][key] = said
    return found


def _in_force(keys: Sequence[int]) -> QuerySet[ListEntry]:
    rows = ListEntry.objects.filter(patient__in=keys)
    return rows.order_by("patient", "key", "-pk").distinct("patient", "key")


def named_by_lists(keys: Iterable[int]) -> dict[int, dict[str, Nodule]]:
    """The nodules that earlier lists named, by patient and name, as they are followed now."""
    found: defaultdict[int, dict[str, Nodule]] = defaultdict(dict)
    for part in chunks(keys):
        for entry in _in_force(part).select_related("nodule__merged_into"):
            if entry.nodule is not None:
                found[entry.patient_id][nodule_name(entry.key)] = entry.nodule.merged_into or entry.nodule
    return found


def _seen_on_images(keys: Sequence[int]) -> frozenset[int]:
    seen: set[int] = set()
    for part in chunks(keys):
        others = Nodule.objects.filter(patient__in=part, state__in=FOLLOWED_NODULE, list_entries__isnull=True)
        seen.update(others.values_list("patient_id", flat=True))
    return frozenset(seen)


def _steps(keys: Sequence[int]) -> dict[int, FollowUp]:
    found: dict[int, FollowUp] = {}
    for part in chunks(keys):
        rows = FollowUp.objects.filter(patient__in=part, state__in=OPEN_FOLLOW_UP).exclude(kind=FollowUpKind.REVIEW)
        found.update({row.patient_id: row for row in rows.only("patient", "kind", "management", "state")})
    return found


def _of(rows: object, keys: Sequence[int]) -> Iterator[int]:
    for part in chunks(keys):
        yield from rows.filter(patient__in=part).values_list("patient_id", flat=True)  # type: ignore[attr-defined]


def _contacts(keys: Sequence[int]) -> dict[int, frozenset[tuple[str, str]]]:
    """Every address that was ever written down, also those that failed or were struck: they are not added again."""
    found: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for part in chunks(keys):
        for patient, kind, value in ContactPoint.objects.filter(patient__in=part).values_list(
            "patient_id", "kind", "value"
        ):
            found[patient].add((kind, value.strip()))
    return {patient: frozenset(known) for patient, known in found.items()}


def staff_of(clinic: Clinic) -> dict[str, User]:
    """Who works here, by user name and by full name without regard to case; a name of two people is nobody's."""
    held = Membership.objects.filter(clinic=clinic, ended_at__isnull=True, user__is_active=True).select_related("user")
    named: dict[str, User | None] = {}
    for one in held:
        for name in {one.user.username, one.user.get_full_name(), str(one.user)}:
            said = name.strip().casefold()
            named[said] = one.user if named.get(said, one.user) == one.user else None
    return {name: user for name, user in named.items() if name and user is not None}


def nodule_name(key: str) -> str:
    """The name of the nodule in an entry's key."""
    return key.rpartition("|")[0]


def said_person(facts: Facts) -> Person:
    """What a list says of somebody, for comparing."""
    return Person(facts.name, sounds_of(facts.name), facts.birth_date, facts.sex)


def alike(clinic: Clinic, people: Mapping[Number, Facts]) -> dict[Number, Patient]:
    """Patients of the clinic who look like somebody new in the list, at most one for each; see ``likenesses``."""
    numbers = list(people)
    persons = [said_person(people[number]) for number in numbers]
    asked: dict[str, Any] = {
        "clinic": clinic.pk,
        "places": list(range(len(numbers))),
        "numbers": [identifier for _issuer, identifier in numbers],
        "issuers": [issuer for issuer, _identifier in numbers],
        "names": [one.name for one in persons],
        "sounds": [one.sounds for one in persons],
        "born": [one.birth_date for one in persons],
    }
    with connection.cursor() as cursor:
        cursor.execute(MAYBE, asked)
        pairs = cursor.fetchall()
    rows: dict[int, Patient] = {}
    for part in chunks(sorted({key for _place, key in pairs})):
        rows |= Patient.objects.in_bulk(part)
    found: dict[Number, Patient] = {}
    for place, key in sorted(pairs):
        known, number = rows[key], numbers[place]
        if likenesses(person(known), persons[place], same_number=known.identifier == number[1]):
            found.setdefault(number, known)
    return found
