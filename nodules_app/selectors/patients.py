"""Everything that the page of one patient shows, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.lifecycles import (
    EXAM_MADE,
    OPEN_FOLLOW_UP,
    OPEN_RUN,
    RUN,
    FollowUpState,
    NoduleState,
    RunState,
    steps_from,
)
from nodules_app.models import Assessment, Closure, Decision, FollowUp, Patient, RiskFactors, Run
from nodules_app.selectors.timeline import Timeline, timeline

RUNS_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Identity:
    """What the ink band says."""

    code: UUID
    name: str
    number: str
    sex: str
    born: date | None
    age_years: int | None
    setting: str


@dataclass(frozen=True, slots=True)
class Owed:
    """One open step. ``management`` is empty for a review, which no rule asked for."""

    code: UUID
    kind: str
    state: FollowUpState
    management: str
    rule_id: str
    guideline: str
    due_from: date
    target_on: date
    due_until: date
    booked_on: date | None
    owner: str
    nodules: tuple[str, ...]
    version: int
    exam_on: date | None  # the exam that answers it and is still to be read

    def is_overdue(self, today: date) -> bool:
        return self.due_until < today and self.state not in EXAM_MADE


@dataclass(frozen=True, slots=True)
class Closed:
    """Why nothing is owed, who said so, when."""

    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """What a clinician decided about an answer."""

    management: str
    overrides: bool
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What one guideline says today, in the shape of section 3.1 of the clinical contract."""

    code: UUID
    guideline: str
    edition: str
    ruleset_version: str
    exam_on: date
    given_at: datetime
    result: Mapping[str, Any]
    growth: tuple[Mapping[str, Any], ...]
    risk: Mapping[str, Any]
    lead: str
    signed: Signed | None


@dataclass(frozen=True, slots=True)
class Work:
    """One run as its history shows it."""

    code: UUID
    kind: str
    state: RunState
    progress: int
    asked_at: datetime
    asked_by: str
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    versions: Mapping[str, str]
    refusal: dict[str, Any] | None
    failure: str

    @property
    def lasted(self) -> timedelta | None:
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at

    @property
    def can_retry(self) -> bool:
        return "retry" in steps_from(RUN, self.state) and not self.is_open

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_RUN


@dataclass(frozen=True, slots=True)
class Risk:
    """What was last written down of a patient's risk."""

    facts: Mapping[str, Any]
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class PatientPage:
    """The whole page."""

    identity: Identity
    owed: tuple[Owed, ...]
    closed: Closed | None
    timeline: Timeline
    answers: tuple[Answer, ...]
    runs: tuple[Work, ...]
    risk: Risk | None

    @property
    def is_running(self) -> bool:
        return any(run.is_open for run in self.runs)

    @property
    def lead(self) -> str:
        """Label of the nodule that the leading answer is about, else of the largest one, else nothing."""
        told = next((answer.lead for answer in self.answers if answer.lead), "")
        return told or largest(self.timeline)


def largest(shown: Timeline) -> str:
    """Label of the nodule with the largest latest volume; of the first one while none is measured."""
    volumes = {
        nodule.label: max((seen.measured.volume_mm3 for seen in nodule.appearances[-1:] if seen.measured), default=0.0)
        for nodule in shown.nodules
        if nodule.state is not NoduleState.NOT_A_NODULE
    }
    return max(volumes, key=lambda label: volumes[label], default="")


def patient_page(patient: Patient, *, today: date) -> PatientPage:
    """Read the page of one patient."""
    return PatientPage(
        identity=identity(patient, today=today),
        owed=open_steps(patient),
        closed=_closed(patient),
        timeline=timeline(patient),
        answers=answers_of(patient),
        runs=runs_of(patient),
        risk=latest_risk(patient),
    )


def identity(patient: Patient, *, today: date) -> Identity:
    return Identity(
        code=patient.code,
        name=patient.name,
        number=patient.identifier,
        sex=patient.sex,
        born=patient.birth_date,
        age_years=patient.age_on(today),
        setting=patient.setting,
    )


def owed(step: FollowUp) -> Owed:
    """Say what one open step is."""
    return Owed(
        code=step.code,
        kind=step.kind,
        state=FollowUpState(step.state),
        management=step.management,
        rule_id=step.rule_id,
        guideline=step.assessment.guideline if step.assessment else "",
        due_from=step.due_from,
        target_on=step.target_on,
        due_until=step.due_until,
        booked_on=step.booked_on,
        owner=str(step.owner or ""),
        nodules=tuple(nodule.label for nodule in sorted(step.nodules.all(), key=lambda one: one.number)),
        version=step.version,
        exam_on=step.exam.acquired_on if step.exam else None,
    )


def open_steps(patient: Patient) -> tuple[Owed, ...]:
    steps = FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP)
    rows = steps.select_related("owner", "assessment", "exam").prefetch_related("nodules").order_by("due_until", "pk")
    return tuple(owed(step) for step in rows)


def _closed(patient: Patient) -> Closed | None:
    row = Closure.objects.filter(patient=patient, ended_at__isnull=True).select_related("by").first()
    return Closed(row.reason, str(row.by), row.created_at) if row else None


def answers_of(patient: Patient) -> tuple[Answer, ...]:
    """The answer in force of each guideline: applicable ones first, the most urgent of them first."""
    latest = Assessment.objects.filter(patient=patient).order_by("guideline", "-pk").distinct("guideline")
    rows = list(latest.select_related("lead"))
    decisions = Decision.objects.filter(assessment__in=[row.pk for row in rows], taken_back__isnull=True)
    signed = {row.assessment_id: row for row in decisions.select_related("by").order_by("pk")}
    return tuple(sorted((_answer(row, signed.get(row.pk)) for row in rows), key=_urgency))


def _answer(row: Assessment, decision: Decision | None) -> Answer:
    return Answer(
        code=row.code,
        guideline=row.guideline,
        edition=row.edition,
        ruleset_version=row.ruleset_version,
        exam_on=row.exam_on,
        given_at=row.created_at,
        result=row.answer["result"],
        growth=tuple(row.answer.get("growth") or ()),
        risk=row.answer.get("risk") or {},
        lead=row.lead.label if row.lead else "",
        signed=_signed(decision) if decision else None,
    )


def _signed(decision: Decision) -> Signed:
    return Signed(
        management=decision.management,
        overrides=decision.overrides,
        reason=decision.reason,
        by=str(decision.by),
        at=decision.created_at,
    )


CLASSES: Final[Sequence[ManagementClass]] = (
    ManagementClass.WORK_UP,
    ManagementClass.DATED,
    ManagementClass.NO_FOLLOW_UP,
    ManagementClass.NOT_EVALUATED,
)


def _urgency(answer: Answer) -> tuple[int, str, str]:
    interval = answer.result.get("interval") or {}
    kind = MANAGEMENT[answer.result["management"]].kind
    return CLASSES.index(kind), interval.get("latest") or "", answer.guideline


def runs_of(patient: Patient) -> tuple[Work, ...]:
    """The latest work done for a patient, also where the run names only a delivery, a scan or a comparison."""
    about = (
        Q(patient=patient),
        Q(scan__study__patient=patient),
        Q(comparison__patient=patient),
        Q(import_batch__in=patient.studies.values("imported_in")),
    )
    # Each way by its own index; as one condition they would be a look at every run there is.
    found = [Run.objects.filter(one).values("pk") for one in about]
    keys = [run["pk"] for run in found[0].union(*found[1:])]
    rows = Run.objects.filter(pk__in=keys).select_related("requested_by").order_by("-pk")[:RUNS_SHOWN]
    return tuple(_work(run) for run in rows)


def _work(run: Run) -> Work:
    return Work(
        code=run.code,
        kind=run.kind,
        state=RunState(run.state),
        progress=run.progress,
        asked_at=run.created_at,
        asked_by=str(run.requested_by or ""),
        started_at=run.started_at,
        ended_at=run.ended_at,
        attempt=run.attempt,
        versions=run.versions,
        refusal=run.refusal,
        failure=run.failure,
    )


def latest_risk(patient: Patient) -> Risk | None:
    row = RiskFactors.objects.filter(patient=patient).select_related("by").order_by("-recorded_at", "-pk").first()
    return Risk(row.facts, row.recorded_at, str(row.by or "")) if row else None
