"""A case as it looks at the current exam: who is present, what was seen before, how old the patient is.

Editions read this and nothing else, so that "current", "earlier", "present" and "resolved" mean the same in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from nodules_app.clinical.case import (
    BENIGN_CALCIFICATION,
    Attenuation,
    Case,
    Exam,
    Margin,
    Measurement,
    Nodule,
    Status,
)
from nodules_app.clinical.growth import in_time
from nodules_app.clinical.months import completed_years
from nodules_app.clinical.sizes import comparable_size_mm, is_measured, solid_mean_mm


@dataclass(frozen=True, slots=True)
class Look:
    """One nodule that is present at the current exam."""

    nodule: Nodule
    now: Measurement
    earlier: tuple[Measurement, ...]  # measured ones before the current exam, oldest first
    seen_before: bool  # any entry before the current exam, measured or not

    @property
    def attenuation(self) -> Attenuation:
        """As on the current exam."""
        return self.nodule.attenuation

    @property
    def measured(self) -> bool:
        """Whether the current exam gave a size."""
        return is_measured(self.now)

    def attenuation_at(self, m: Measurement) -> Attenuation:
        """As on that day; the nodule's own where that was not told."""
        return self.nodule.attenuation if m.attenuation is None else m.attenuation

    @property
    def developed_solid(self) -> bool:
        """Whether a former pure ground-glass nodule now has a solid component."""
        return self.attenuation is not Attenuation.GROUND_GLASS and any(
            self.attenuation_at(m) is Attenuation.GROUND_GLASS for m in self.earlier
        )


@dataclass(frozen=True, slots=True)
class View:
    """The case at its current exam."""

    case: Case
    exam: Exam
    exams: tuple[Exam, ...]
    age: Decimal | None
    present: tuple[Look, ...]
    resolved: tuple[Nodule, ...]
    missing: tuple[str, ...]  # nodules that were neither found nor looked for
    ambiguities: tuple[str, ...]  # of the case itself: two ages, two exams a day

    @property
    def today(self) -> date:
        """Date of the exam that is interpreted; the core knows no other today."""
        return self.exam.date

    @property
    def states_errors(self) -> bool:
        """Whether a measurement of a nodule that is present says how large its error may be, if only that it is 0."""
        return any(m.sd is not None and m.sd.states_any for look in self.present for m in (*look.earlier, look.now))

    def remeasured(self, look: Look, now: Measurement) -> View:
        """The same exam with one nodule measured differently."""
        return self.with_look(Look(look.nodule, now, look.earlier, look.seen_before))

    def with_look(self, changed: Look) -> View:
        """The same exam with one nodule seen differently, now or earlier."""
        present = tuple(changed if look.nodule is changed.nodule else look for look in self.present)
        return View(self.case, self.exam, self.exams, self.age, present, self.resolved, self.missing, self.ambiguities)


def look_at(case: Case) -> View:
    """Sort exams and measurements and see who is present at the last exam."""
    exams = tuple(sorted(case.exams, key=lambda exam: exam.date))
    exam = exams[-1]
    present: list[Look] = []
    resolved: list[Nodule] = []
    missing: list[str] = []
    for nodule in case.nodules:
        entries = in_time(nodule.measurements)
        last = entries[-1] if entries else None
        if nodule.status is Status.RESOLVED or (last is not None and last.resolved):
            resolved.append(nodule)
        elif last is None or last.date != exam.date:
            missing.append(f"nodules.{nodule.id}.current")
        else:
            before = tuple(m for m in entries[:-1] if not m.resolved)
            present.append(Look(nodule, last, tuple(m for m in before if is_measured(m)), bool(before)))
    return View(
        case, exam, exams, _age(case, exam), tuple(present), tuple(resolved), tuple(missing), _ambiguities(case, exams)
    )


def _age(case: Case, exam: Exam) -> Decimal | None:
    born = case.patient.birth_date
    return case.patient.age if born is None else Decimal(completed_years(born, exam.date))


def _ambiguities(case: Case, exams: tuple[Exam, ...]) -> tuple[str, ...]:
    found = []
    if case.patient.birth_date is not None and case.patient.age is not None:
        found.append("AMB-37")
    if len({exam.date for exam in exams}) < len(exams):
        found.append("AMB-51")
    return tuple(found)


def is_benign(nodule: Nodule) -> bool:
    """Calcified in a benign pattern, or with macroscopic fat."""
    return nodule.fat or nodule.calcification in BENIGN_CALCIFICATION


def is_spiculated(nodule: Nodule) -> bool:
    """Spiculated by its margin."""
    return nodule.margin is Margin.SPICULATED


def suspicion_order(look: Look) -> tuple[Decimal, Decimal]:
    """Ties: the larger solid component, then the larger nodule; a solid nodule is all solid."""
    size = comparable_size_mm(look.now)
    if look.attenuation is Attenuation.SOLID:
        return size, size
    if look.attenuation is Attenuation.GROUND_GLASS:
        return Decimal(0), size
    return solid_mean_mm(look.now) or Decimal(0), size
