"""Where readers and a learned model said different things. A reader's word holds; this only finds and counts.

Both words stand in rows that are never changed: what a model answered, and who decided on a candidate or confirmed a
match. A reader's word on growth is that of a match that a person confirmed, with the numbers that stand there now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from nodules_app.lifecycles import CandidateState
from nodules_app.models import Clinic, ComparisonWord, ModelAnswer, ModelTask

LIKELY: Final = 0.5  # score from which a model holds a place for a nodule
COURSE: Final[Mapping[str, str]] = {
    ComparisonWord.UNCHANGED: "stable",
    ComparisonWord.LARGER_SLIGHTLY: "grown",
    ComparisonWord.LARGER_MARKEDLY: "grown",
    ComparisonWord.SMALLER_SLIGHTLY: "shrunk",
    ComparisonWord.SMALLER_MARKEDLY: "shrunk",
}
COURSES: Final = ("stable", "grown", "shrunk")  # at a tie the first


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing that a model and a reader both spoke of.

    Parameters
    ----------
    at
        When the reader spoke.
    model_said, reader_said
        ``nodule`` or ``none`` of a candidate; ``stable``, ``grown`` or ``shrunk`` of a growth.
    """

    task: ModelTask
    version: str
    patient: UUID
    label: str
    at: datetime
    model_said: str
    reader_said: str

    @property
    def differ(self) -> bool:
        return self.model_said != self.reader_said


@dataclass(frozen=True, slots=True)
class Count:
    """How often one version was judged by readers, and how often they differed."""

    task: ModelTask
    version: str
    judged: int
    differing: int


def likeliest(answer: Mapping[str, float]) -> str:
    """What a network holds for likeliest: a nodule stayed within a quarter, grew or shrank by more."""
    return max(COURSES, key=lambda course: answer[f"{course}_probability"])


def judged(clinics: Sequence[Clinic], since: datetime | None = None) -> Iterator[Judged]:
    """Everything of some clinics that a model and then a reader spoke of, by a version's latest answer."""
    yield from _candidates(clinics, since)
    yield from _growths(clinics, since)


def counts(clinics: Sequence[Clinic]) -> tuple[Count, ...]:
    """By task and version."""
    whole: Counter[tuple[ModelTask, str]] = Counter()
    part: Counter[tuple[ModelTask, str]] = Counter()
    for one in judged(clinics):
        whole[one.task, one.version] += 1
        part[one.task, one.version] += one.differ
    return tuple(Count(task, version, many, part[task, version]) for (task, version), many in sorted(whole.items()))


def _candidates(clinics: Sequence[Clinic], since: datetime | None) -> Iterator[Judged]:
    rows = ModelAnswer.objects.filter(
        task=ModelTask.CANDIDATES,
        candidate__scan__study__patient__clinic__in=clinics,
        candidate__decided_by__isnull=False,
        candidate__state__in=(CandidateState.ACCEPTED, CandidateState.REJECTED),
    )
    if since is not None:
        rows = rows.filter(candidate__decided_at__gte=since)
    for version, answer, patient, label, at, state in (
        rows.order_by("candidate", "version", "-pk")
        .distinct("candidate", "version")
        .values_list(
            "version",
            "answer",
            "candidate__scan__study__patient__code",
            "candidate__nodule__number",
            "candidate__decided_at",
            "candidate__state",
        )
    ):
        yield Judged(
            task=ModelTask.CANDIDATES,
            version=version,
            patient=patient,
            label=f"N{label}" if label else "",
            at=_spoken(at),
            model_said="nodule" if answer["score"] >= LIKELY else "none",
            reader_said="nodule" if state == CandidateState.ACCEPTED else "none",
        )


def _growths(clinics: Sequence[Clinic], since: datetime | None) -> Iterator[Judged]:
    rows = ModelAnswer.objects.filter(
        task=ModelTask.GROWTH,
        growth__match__nodule__patient__clinic__in=clinics,
        growth__match__confirmed_by__isnull=False,
        growth__match__superseded_at__isnull=True,
        growth__match__word__in=COURSE,
    )
    if since is not None:
        rows = rows.filter(growth__match__confirmed_at__gte=since)
    for version, answer, patient, number, at, word in (
        rows.order_by("growth__match", "version", "-pk")
        .distinct("growth__match", "version")
        .values_list(
            "version",
            "answer",
            "growth__match__nodule__patient__code",
            "growth__match__nodule__number",
            "growth__match__confirmed_at",
            "growth__match__word",
        )
    ):
        yield Judged(ModelTask.GROWTH, version, patient, f"N{number}", _spoken(at), likeliest(answer), COURSE[word])


def _spoken(at: datetime | None) -> datetime:
    """The instant that a constraint of the row promises."""
    if at is None:
        raise ValueError("decided by somebody and at no time")
    return at
