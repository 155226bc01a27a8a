"""What would become of each line: one verdict, and why. Reads, never writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodules_app.exchange.spreadsheet_reading.lines import Facts
from nodules_app.exchange.spreadsheet_reading.words import folded
from nodules_app.models import Clinic, LineVerdict, Patient
from nodules_app.selectors.identity import person
from nodules_app.selectors.likeness import contradict, name_likeness
from nodules_app.services import runs
from nodules_app.services.spreadsheets import sentences
from nodules_app.services.spreadsheets.world import Number, World, alike, said_person, world_of
from registration.errors import Refused

Progress = Callable[[int], None]


@dataclass(slots=True)
class Judged:
    """One line with its facts and what was found of it."""

    number: int
    facts: Facts
    verdict: LineVerdict = LineVerdict.NEW
    told: list[dict[str, Any]] = field(default_factory=list)
    known: Patient | None = None
    taken: bool = False  # a person said that a held line is to be taken

    def refuse(self, refusal: Refused) -> None:
        self.verdict = LineVerdict.REFUSED
        self.tell(refusal, refused=True)

    def hold(self, refusal: Refused) -> None:
        """Ask a person, unless one has answered."""
        if not self.taken:
            self.verdict = LineVerdict.HELD
        self.tell(refusal)

    def tell(self, said: Refused, *, refused: bool = False) -> None:
        self.told.append(runs.told(said) | {"refused": refused})

    @property
    def person(self) -> Number:
        return self.facts.issuer, self.facts.identifier

    @property
    def key(self) -> str:
        """Which nodule on which day; two lines with one key say the same or contradict each other."""
        return entry_key(self.facts)


def nodule_key(facts: Facts) -> str:
    """The nodule by the list's own number, else by its lobe; a nodule without either is the only one."""
    if facts.nodule:
        return folded(facts.nodule)
    if facts.lobe:
        return facts.lobe
    return "-" if facts.names_nodule else ""


def entry_key(facts: Facts) -> str:
    seen_on = facts.measured_on or facts.last_scan_on
    return f"{nodule_key(facts)}|{seen_on.isoformat() if seen_on else ''}"


def judge(clinic: Clinic, lines: Sequence[Judged], progress: Progress = lambda _per_cent: None) -> World:
    """Give every line its verdict, in place; those that were refused by their cells stay so.

    Returns
    -------
    World
        What was known of the people in the list when it was judged.
    """
    people: defaultdict[Number, list[Judged]] = defaultdict(list)
    for line in lines:
        if line.facts.identifier:
            people[line.person].append(line)
    world = world_of(clinic, people)
    progress(60)
    new = []
    for number, of_person in people.items():
        _within(of_person)
        known = world.by_number.get(number)
        if known is not None:
            _against(known, of_person, world)
        else:
            new.append(number)
    progress(70)
    _look_alike(clinic, {number: people[number] for number in new})
    for of_person in people.values():
        _whole_or_not_at_all(of_person)
    progress(85)
    return world


def _open(lines: Iterable[Judged]) -> list[Judged]:
    return [line for line in lines if line.verdict not in (LineVerdict.REFUSED, LineVerdict.REPEATED)]


def _within(lines: Sequence[Judged]) -> None:
    """Compare the lines of one person with each other."""
    first: dict[str, Judged] = {}
    for line in _open(lines):
        before = first.setdefault(line.key, line)
        if before is line:
            continue
        if before.facts == line.facts:
            line.verdict = LineVerdict.REPEATED
            line.tell(sentences.SaidTwice(line=before.number))
        else:
            for one, other in ((line, before), (before, line)):
                one.refuse(sentences.SaidDifferently(line=other.number))
    opened = _open(lines)
    for said in ("birth_date", "sex"):
        values = {value for line in opened if (value := getattr(line.facts, said))}
        if len(values) > 1:
            _contradict(opened, values)
    named = [line for line in opened if line.facts.name]
    if any(not _one_name(named[0].facts, line.facts) for line in named[1:]):
        _contradict(opened, {line.facts.name for line in named})


def _one_name(one: Facts, other: Facts) -> bool:
    return one.name == other.name or name_likeness(said_person(one), said_person(other)) is not None


def _contradict(lines: Sequence[Judged], values: Iterable[object]) -> None:
    numbers = ", ".join(str(line.number) for line in lines[:10])
    for line in lines:
        line.refuse(sentences.LinesContradict(lines=numbers, values=" / ".join(sorted(map(str, values)))))


def _against(known: Patient, lines: Sequence[Judged], world: World) -> None:
    """Compare the lines of one person with what is known here."""
    entries = world.entries.get(known.pk, {})
    for line in _open(lines):
        if known.clinic_id != world.clinic.pk:
            line.refuse(sentences.OfAnotherClinic())
            continue
        line.known = known
        entry = entries.get(line.key)
        if entry is not None and entry == line.facts.as_json():
            line.verdict = LineVerdict.UNCHANGED
        elif known.pk in world.ended:
            line.refuse(sentences.CareHasEnded())
        else:
            line.verdict = LineVerdict.CHANGED
            if contradict(person(known), said_person(line.facts)):
                line.hold(sentences.PersonDiffers(known=_in_short(known), said=_in_short(line.facts)))


def _in_short(one: Patient | Facts) -> str:
    born = one.birth_date.isoformat() if one.birth_date else ""
    return ", ".join(part for part in (one.name.replace("^", " "), born, str(one.sex)) if part)


def _look_alike(clinic: Clinic, people: Mapping[Number, Sequence[Judged]]) -> None:
    """Hold somebody new who looks like a patient of the clinic, or like another line."""
    opened = {number: lines for number, of_person in people.items() if (lines := _open(of_person))}
    whole = {number: _whole(lines) for number, lines in opened.items()}
    for number, known in alike(clinic, whole).items():
        for line in opened[number]:
            line.hold(sentences.LooksLike(number=known.identifier))
    same: defaultdict[tuple[object, ...], list[Number]] = defaultdict(list)
    for number, facts in whole.items():
        if facts.name and facts.birth_date:
            same[folded(facts.name), facts.birth_date].append(number)
    for numbers in same.values():
        for number in numbers if len(numbers) > 1 else ():
            other = next(one for one in numbers if one != number)
            for line in opened[number]:
                line.hold(sentences.LooksLikeLine(line=opened[other][0].number))


def _whole(lines: Sequence[Judged]) -> Facts:
    """What the lines of one person say of the person together."""
    return Facts(
        name=next((line.facts.name for line in lines if line.facts.name), ""),
        birth_date=next((line.facts.birth_date for line in lines if line.facts.birth_date), None),
        sex=next((line.facts.sex for line in lines if line.facts.sex), ""),
    )


def _whole_or_not_at_all(lines: Sequence[Judged]) -> None:
    """Where one line of a person cannot be taken, none is: half of somebody's nodules would look like all of them."""
    for verdict in (LineVerdict.REFUSED, LineVerdict.HELD):
        bad = next((line for line in lines if line.verdict == verdict), None)
        if bad is None:
            continue
        for line in lines:
            if line.verdict in (LineVerdict.NEW, LineVerdict.CHANGED):
                line.verdict = verdict
                line.tell(sentences.AnotherLineRefused(line=bad.number), refused=verdict == LineVerdict.REFUSED)
