"""Exams that nobody has read and that no plan waits for: of people without a nodule, and of people whose care ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from nodules_app.lifecycles import OPEN_READING, FollowUpState, RunState
from nodules_app.models import Closure, ExamAnswer, FollowUp, FollowUpKind, Reading, Run, RunKind, Study, User
from nodules_app.selectors.clinics import Act, clinics_where

SHOWN: Final = 100
ANSWER_WITHIN: Final = timedelta(days=7)
REFUSED_WITHIN: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One exam that waits, and until when somebody should have looked."""

    patient: UUID
    name: str
    number: str
    exam: UUID | None
    exam_on: date | None
    came_at: datetime
    due_until: date
    because: str  # why care ended; empty where it did not


@dataclass(frozen=True, slots=True)
class Turned:
    """A delivery that ended without an exam: nobody knows whose it is, or its files could not be read."""

    name: str
    at: datetime
    refusal: Mapping[str, Any] | None
    failed: bool


@dataclass(frozen=True, slots=True)
class Arrivals:
    unread: tuple[Waiting, ...]
    late: tuple[Waiting, ...]
    turned: tuple[Turned, ...]


def arrivals(user: User, *, now: datetime) -> Arrivals:
    """Read what waits in the clinics of this person, what is due first leading; a bounded number of each."""
    return Arrivals(_unread(user), _late(user), _turned(user, now))


def _clinics(user: User) -> list[int]:
    return list(clinics_where(user, Act.SEE).values_list("pk", flat=True))


def _unread(user: User) -> tuple[Waiting, ...]:
    reviews = FollowUp.objects.filter(
        ~Exists(FollowUp.nodules.through.objects.filter(followup=OuterRef("pk"))),
        kind=FollowUpKind.REVIEW,
        state=FollowUpState.PROPOSED,  # one that somebody planned stands on the worklist by its day
        assessment__isnull=True,
        patient__clinic__in=_clinics(user),
    )
    rows = list(reviews.select_related("patient").order_by("due_until", "pk")[:SHOWN])
    studies = _latest_exam(row.patient_id for row in rows)
    return tuple(
        Waiting(
            row.patient.code,
            row.patient.name,
            row.patient.identifier,
            *_exam(studies.get(row.patient_id)),
            row.created_at,
            row.due_until,
            "",
        )
        for row in rows
    )


def _late(user: User) -> tuple[Waiting, ...]:
    ended = Closure.objects.filter(
        patient=OuterRef("patient"), ended_at__isnull=True, created_at__lt=OuterRef("created_at")
    )
    readings = Reading.objects.filter(
        Exists(ended),
        ~Exists(ExamAnswer.objects.filter(study=OuterRef("scan__study"))),
        state__in=OPEN_READING,
        patient__clinic__in=_clinics(user),
    )
    rows = list(readings.select_related("patient", "scan__study").order_by("created_at", "pk")[:SHOWN])
    in_force = Closure.objects.filter(patient__in=[row.patient_id for row in rows], ended_at__isnull=True)
    because = dict(in_force.values_list("patient", "reason"))
    return tuple(
        Waiting(
            row.patient.code,
            row.patient.name,
            row.patient.identifier,
            row.scan.study.code,
            row.scan.study.acquired_on,
            row.created_at,
            timezone.localdate(row.created_at + ANSWER_WITHIN),
            because.get(row.patient_id, ""),
        )
        for row in rows
    )


def _turned(user: User, now: datetime) -> tuple[Turned, ...]:
    runs = Run.objects.filter(
        kind=RunKind.INTAKE,
        state__in=(RunState.REFUSED, RunState.FAILED),
        ended_at__gte=now - REFUSED_WITHIN,
        import_batch__clinic__in=_clinics(user),
    ).select_related("import_batch")
    return tuple(
        Turned(
            run.import_batch.source_name if run.import_batch else "",
            run.ended_at or run.created_at,
            run.refusal,
            run.state == RunState.FAILED,
        )
        for run in runs.order_by("-pk")[:SHOWN]
    )


def _latest_exam(patients: Iterable[int]) -> dict[int, Study]:
    studies = Study.objects.filter(patient__in=list(patients))
    latest = studies.order_by("patient_id", "-acquired_on", "-pk").distinct("patient_id")
    return {study.patient_id: study for study in latest}


def _exam(study: Study | None) -> tuple[UUID | None, date | None]:
    return (study.code, study.acquired_on) if study else (None, None)
