"""Taking a checked list over: patients, nodules, entries, addresses and the one next step of each, in one transaction.

Whoever is followed has an open step when the transaction ends, or the database refuses all of it. Nobody is discharged
by a list, and no step that was arranged here is changed by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from django.db.models import Max
from django.utils import timezone

from inference.calipers import caliper_error_mm
from nodules_app.exchange.spreadsheet_reading.lines import Facts
from nodules_app.lifecycles import OPEN_FOLLOW_UP, EvidenceKind, FollowUpState
from nodules_app.models import (
    FROM_LIST,
    ContactKind,
    ContactPoint,
    Evidence,
    FollowUp,
    FollowUpKind,
    LineVerdict,
    ListEntry,
    Nodule,
    NoduleDescription,
    Patient,
    Run,
    Spreadsheet,
    User,
)
from nodules_app.services import follow_ups, policy, runs, steps
from nodules_app.services.audit import record, record_all
from nodules_app.services.names import sounds_of
from nodules_app.services.spreadsheets.checking import VERSION, spreadsheet_of
from nodules_app.services.spreadsheets.judging import Judged, entry_key, judge, nodule_key
from nodules_app.services.spreadsheets.receiving import forget_file, hold
from nodules_app.services.spreadsheets.sentences import NotAsChecked, NotCheckedYet
from nodules_app.services.spreadsheets.steps_said import StepSaid, step_said
from nodules_app.services.spreadsheets.world import World, chunks, named_by_lists
from registration.errors import gettext_noop

AS_THE_LIST_SAYS: Final = gettext_noop("Taken over from the clinic's own list.")
TAKEN: Final = (LineVerdict.NEW, LineVerdict.CHANGED)
UNTOUCHED: Final = (FollowUpState.PROPOSED, FollowUpState.PLANNED)
PIXEL_MM: Final = 0.8  # of a chest CT with a wide field; no list says which pixels its sizes were read on
SIZE_SD_MM: Final = round(caliper_error_mm(PIXEL_MM), 3)
AT_ONCE: Final = 1000
ADDRESSES: Final[Mapping[str, ContactKind]] = {
    "mobile": ContactKind.MOBILE,
    "phone": ContactKind.PHONE,
    "email": ContactKind.EMAIL,
    "address": ContactKind.POST,
}


@dataclass(slots=True)
class Person:
    """Somebody who is taken over, with the lines about them that say something new."""

    patient: Patient
    lines: list[Judged]
    is_new: bool
    named: Mapping[str, Nodule] = field(default_factory=dict)  # by earlier lists
    nodules: dict[str, Nodule] = field(default_factory=dict)  # made now, by the list's name of it

    @property
    def facts(self) -> list[Facts]:
        return [line.facts for line in self.lines]


def store(run: Run) -> Callable[[], Mapping[str, str]]:
    """Take over every line that the page showed as new or changed.

    Raises
    ------
    NotCheckedYet, AlreadyStored
    NotAsChecked
        Records have changed so that a line would now be taken otherwise than it was shown.
    """
    spreadsheet = spreadsheet_of(run)
    by = run.requested_by or spreadsheet.batch.by
    if by is None:
        raise ValueError(f"nobody asked for {run.code}")

    def write() -> Mapping[str, str]:
        held = hold(spreadsheet)
        if held.checked_at is None:
            raise NotCheckedYet
        lines = _lines(held)
        _lock(held)
        world = judge(held.batch.clinic, lines)
        _require_as_shown(held, lines)
        _take_over(held, [line for line in lines if line.verdict in TAKEN], world, by)
        held.stored_at, held.stored_by = timezone.now(), by
        held.save(update_fields=["stored_at", "stored_by"])
        record("list.stored", None, by=by, spreadsheet=held.code)
        forget_file(held)
        return {"list": VERSION}

    runs.say_progress(run, 10)
    return write


def _lines(spreadsheet: Spreadsheet) -> list[Judged]:
    """The lines as they were understood; those that were refused by their cells are nobody's to judge again."""
    lines = []
    for row in spreadsheet.lines.order_by("number"):
        line = Judged(row.number, Facts.from_json(row.facts), taken=row.taken_by_id is not None)
        if row.verdict == LineVerdict.REFUSED:
            line.verdict = LineVerdict.REFUSED
        lines.append(line)
    return lines


def _lock(spreadsheet: Spreadsheet) -> None:
    """Lock whoever is known, the smaller key first, as every act does."""
    known = spreadsheet.lines.filter(known__isnull=False).values("known")
    list(Patient.objects.select_for_update(of=("self",)).filter(pk__in=known).order_by("pk").values_list("pk"))


def _require_as_shown(spreadsheet: Spreadsheet, lines: Iterable[Judged]) -> None:
    shown = dict(spreadsheet.lines.values_list("number", "verdict"))
    other = [line.number for line in lines if shown[line.number] != line.verdict]
    if other:
        raise NotAsChecked(count=len(other), line=other[0])


def _take_over(spreadsheet: Spreadsheet, lines: Sequence[Judged], world: World, by: User) -> None:
    people = _people(lines, world)
    _make_patients(people)
    _complete(people)
    _make_nodules(people, world)
    _make_entries(spreadsheet, people)
    _add_addresses(people, world, by)
    _give_steps(people, world, by)
    for person in people:
        if not person.is_new:
            _change_step(person, world, by)
    record_all(
        [
            (
                "patient.taken_from_list",
                person.patient,
                {"spreadsheet": spreadsheet.code, "lines": [line.number for line in person.lines]},
            )
            for person in people
        ],
        by=by,
    )


def _people(lines: Sequence[Judged], world: World) -> list[Person]:
    grouped: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
    for line in lines:
        grouped[line.person].append(line)
    named = named_by_lists({line.known.pk for line in lines if line.known is not None})
    people = []
    for (issuer, identifier), of_person in grouped.items():
        known = of_person[0].known
        patient = known or Patient(clinic=world.clinic, issuer=issuer, identifier=identifier)
        before = named.get(patient.pk, {})
        people.append(Person(patient, of_person, is_new=known is None, named=before))
    return people


def _say_of(person: Person) -> list[str]:
    """Fill in what is not known of somebody; what is known stays. Gives the fields that changed."""
    changed = []
    for name in ("name", "birth_date", "sex"):
        said = next((value for facts in person.facts if (value := getattr(facts, name))), None)
        if said and not getattr(person.patient, name):
            setattr(person.patient, name, said)
            changed.append(name)
    if "name" in changed:
        person.patient.sounds = sounds_of(person.patient.name)
        changed.append("sounds")
    return changed


def _make_patients(people: Iterable[Person]) -> None:
    new = [person for person in people if person.is_new]
    for person in new:
        _say_of(person)
    Patient.objects.bulk_create([person.patient for person in new], batch_size=AT_ONCE)


def _complete(people: Iterable[Person]) -> None:
    for person in people:
        if not person.is_new and (changed := _say_of(person)):
            person.patient.save(update_fields=changed)


def _make_nodules(people: Sequence[Person], world: World) -> None:
    """Make each nodule that the list names and that no earlier list has named; never beside those from images."""
    followed = [person for person in people if person.patient.pk not in world.seen_on_images]
    highest = _highest_numbers(followed)
    for person in followed:
        for facts in person.facts:
            name = nodule_key(facts)
            if not name or name in person.nodules or name in person.named:
                continue
            highest[person.patient.pk] += 1
            person.nodules[name] = Nodule(
                patient=person.patient, number=highest[person.patient.pk], tracking_uid=f"2.25.{uuid4().int}"
            )
    Nodule.objects.bulk_create([one for person in people for one in person.nodules.values()], batch_size=AT_ONCE)
    NoduleDescription.objects.bulk_create(
        [
            NoduleDescription(nodule=nodule, facts={"lobe": lobe})
            for person in people
            for name, nodule in person.nodules.items()
            if (lobe := next((facts.lobe for facts in person.facts if nodule_key(facts) == name and facts.lobe), ""))
        ],
        batch_size=AT_ONCE,
    )


def _highest_numbers(people: Iterable[Person]) -> defaultdict[int, int]:
    known = [person.patient.pk for person in people if not person.is_new]
    counted = Nodule.objects.filter(patient__in=known).values_list("patient").annotate(highest=Max("number"))
    return defaultdict(int, dict(counted))


def _make_entries(spreadsheet: Spreadsheet, people: Iterable[Person]) -> None:
    for part in chunks((person, line) for person in people for line in person.lines):
        ListEntry.objects.bulk_create([_entry(spreadsheet, person, line) for person, line in part], batch_size=AT_ONCE)


def _entry(spreadsheet: Spreadsheet, person: Person, line: Judged) -> ListEntry:
    facts, name = line.facts, nodule_key(line.facts)
    return ListEntry(
        patient=person.patient,
        spreadsheet=spreadsheet,
        line=line.number,
        key=entry_key(facts),
        nodule=person.nodules.get(name) or person.named.get(name),
        seen_on=facts.measured_on or facts.last_scan_on,
        size_mm=facts.size_mm,
        size_sd_mm=SIZE_SD_MM if facts.size_mm else None,
        attenuation=facts.attenuation,
        lobe=facts.lobe,
        last_scan_on=facts.last_scan_on,
        note=facts.note,
        said=facts.as_json(),
    )


def _add_addresses(people: Iterable[Person], world: World, by: User) -> None:
    """Add what is not known yet; an address that failed or was struck here is not brought back by a list."""
    added = []
    for person in people:
        known = set(world.contacts.get(person.patient.pk, ()))
        for facts in person.facts:
            for name, kind in ADDRESSES.items():
                value = getattr(facts, name)
                if value and (kind, value) not in known:
                    known.add((kind, value))
                    added.append(ContactPoint(patient=person.patient, kind=kind, value=value, by=by))
    ContactPoint.objects.bulk_create(added, batch_size=AT_ONCE)


def _give_steps(people: Iterable[Person], world: World, by: User) -> None:
    """Give each new patient the step that the list names, or a review where it names a nodule and no step."""
    signs = policy.may_sign(world.clinic, by)
    begun: list[tuple[FollowUp, list[Nodule]]] = []
    for person in people:
        if not person.is_new:
            continue
        nodules = list(person.nodules.values())
        said = step_said(person.facts)
        if said is None and nodules:
            said = StepSaid(FollowUpKind.REVIEW, None, None, "")
        if said is not None:
            begun.append((_step(person.patient, said, world, signs=signs), nodules))
    steps.begin_all(begun, by=by, why=AS_THE_LIST_SAYS)


def _step(patient: Patient, said: StepSaid, world: World, *, signs: bool) -> FollowUp:
    """The step as the list names it: planned where whoever stores the list may sign for it, else proposed."""
    window = said.window(today=timezone.localdate(), within_days=world.within_days[said.kind])
    planned = signs and said.kind in (FollowUpKind.CT, FollowUpKind.WORKUP)
    due_from, target_on, due_until = window
    return FollowUp(
        patient=patient,
        kind=said.kind,
        management=FROM_LIST,
        state=FollowUpState.PLANNED if planned else FollowUpState.PROPOSED,
        due_from=due_from,
        target_on=target_on,
        due_until=due_until,
        owner=world.staff.get(said.owner.casefold()),
    )


def _change_step(person: Person, world: World, by: User) -> None:
    """Follow a known patient as the list now says, where nobody here has arranged anything else."""
    earlier = {key: Facts.from_json(told) for key, told in world.entries.get(person.patient.pk, {}).items()}
    later = earlier | {line.key: line.facts for line in person.lines}
    before, said = step_said(earlier.values()), step_said(later.values())
    stands = world.steps.get(person.patient.pk)
    is_free = stands is None or (stands.management == FROM_LIST and stands.state in UNTOUCHED)
    if said is not None and said != before and is_free and said.kind != FollowUpKind.REVIEW:
        _replace(person, said, stands, world, by)
        return
    for nodule in person.nodules.values():
        follow_ups.owe_review(patient=person.patient, nodule=nodule, by=by, why=AS_THE_LIST_SAYS)
    if said is not None and said != before and stands is None:
        _review(person.patient, said, world, by)


def _replace(person: Person, said: StepSaid, stands: FollowUp | None, world: World, by: User) -> None:
    step = _step(person.patient, said, world, signs=policy.may_sign(world.clinic, by))
    step.succeeds = stands
    nodules = [*person.nodules.values(), *(stands.nodules.all() if stands is not None else ())]
    begun = steps.begin(step, nodules=nodules, by=by, why=AS_THE_LIST_SAYS)
    if stands is not None:
        proof = Evidence(patient=person.patient, kind=EvidenceKind.SUPERSEDED, on=timezone.localdate(), newer=begun)
        proof.by = by
        proof.save(force_insert=True)
        steps.end(steps.hold(stands), proof, reason=AS_THE_LIST_SAYS, by=by)


def _review(patient: Patient, said: StepSaid, world: World, by: User) -> None:
    """Owe the review that the list asks for, unless one is open."""
    opened = FollowUp.objects.filter(patient=patient, kind=FollowUpKind.REVIEW, state__in=OPEN_FOLLOW_UP)
    if not opened.exists():
        steps.begin(_step(patient, said, world, signs=False), nodules=(), by=by, why=AS_THE_LIST_SAYS)
