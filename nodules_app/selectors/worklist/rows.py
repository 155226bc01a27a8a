"""One patient as a row of the worklist: nodules, next step, last work, who is at it; in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from nodules_app.clinical.management import MANAGEMENT
from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState, RunState
from nodules_app.models import Claim, FollowUp, FollowUpKind, Patient, PatientMerge, Run
from nodules_app.selectors.nodule_cells import NoduleCell, nodule_cells
from nodules_app.selectors.worklist.lists import Show
from nodules_app.selectors.worklist.standing import shows_of

NODULES_A_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class Step:
    """The open step with the earliest deadline."""

    kind: FollowUpKind
    state: FollowUpState
    management_en: str
    management_zh: str
    due_from: date
    due_until: date
    booked_on: date | None
    owner: str


@dataclass(frozen=True, slots=True)
class LastRun:
    """The piece of work that moved last for this patient."""

    kind: str
    state: RunState
    progress: int
    ended_at: datetime | None
    refusal: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ClaimedBy:
    """Who is at work on a patient, and until when at the latest."""

    user: int
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """One patient of the worklist."""

    code: UUID
    name: str
    number: str
    sex: str
    age_years: int | None
    nodules: tuple[NoduleCell, ...]
    nodules_more: int
    step: Step | None
    run: LastRun | None
    shows: frozenset[Show]
    claim: ClaimedBy | None
    joined_with: str  # number of the record under which this person is followed; found by the old number only


def rows_of(patients: Sequence[Patient], today: date) -> tuple[Row, ...]:
    """Give each patient its row, in the order in which they came."""
    keys = [patient.pk for patient in patients]
    steps, runs, nodules = _steps(keys), _last_runs(keys), nodule_cells(keys)
    shows, claims, joined = shows_of(keys, today), _claims(keys), _joined(keys)
    return tuple(
        Row(
            code=patient.code,
            name=patient.name,
            number=patient.identifier,
            sex=patient.sex,
            age_years=patient.age_on(today),
            nodules=tuple(nodules[patient.pk][:NODULES_A_ROW]),
            nodules_more=max(0, len(nodules[patient.pk]) - NODULES_A_ROW),
            step=steps.get(patient.pk),
            run=runs.get(patient.pk),
            shows=shows[patient.pk],
            claim=claims.get(patient.pk),
            joined_with=joined.get(patient.pk, ""),
        )
        for patient in patients
    )


def _claims(patients: Iterable[int]) -> dict[int, ClaimedBy]:
    """Who is at work on each patient now."""
    held = Claim.objects.filter(patient__in=patients, until__gt=timezone.now()).select_related("by")
    return {claim.patient_id: ClaimedBy(claim.by_id, str(claim.by), claim.until) for claim in held}


def _joined(patients: Iterable[int]) -> dict[int, str]:
    """The number of the record with which each was joined."""
    merges = PatientMerge.objects.filter(gone__in=patients, undone_at__isnull=True)
    return dict(merges.values_list("gone_id", "kept__identifier"))


def _steps(patients: Iterable[int]) -> dict[int, Step]:
    """The open step of each patient that ends first."""
    open_steps = FollowUp.objects.filter(patient__in=patients, state__in=OPEN_FOLLOW_UP).select_related("owner")
    first = open_steps.order_by("patient_id", "due_until", "pk").distinct("patient_id")
    return {step.patient_id: _step(step) for step in first}


def _step(step: FollowUp) -> Step:
    management = MANAGEMENT.get(step.management)
    return Step(
        kind=FollowUpKind(step.kind),
        state=FollowUpState(step.state),
        management_en=management.en if management else "",
        management_zh=management.zh if management else "",
        due_from=step.due_from,
        due_until=step.due_until,
        booked_on=step.booked_on,
        owner=str(step.owner) if step.owner else "",
    )


def _last_runs(patients: Iterable[int]) -> dict[int, LastRun]:
    at_work_first = F("ended_at").desc(nulls_first=True)
    runs = Run.objects.filter(patient__in=patients).exclude(state=RunState.CANCELLED)
    latest = runs.order_by("patient_id", at_work_first, "-pk").distinct("patient_id")
    return {
        run.patient_id: LastRun(run.kind, RunState(run.state), run.progress, run.ended_at, run.refusal)
        for run in latest
        if run.patient_id is not None
    }
