"""One step with its whole history: who changed it when and why, what it ended by, what came before and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nodules_app.lifecycles import FOLLOW_UP, EvidenceKind, FollowUpState, steps_from
from nodules_app.models import Closure, Evidence, FollowUp, FollowUpChange, Patient, Transfer
from nodules_app.selectors.patients import Owed, owed


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a step; ``by`` is empty where the product acted."""

    version: int
    at: datetime
    by: str
    step: str
    to_state: FollowUpState
    why: str
    due_from: date
    due_until: date
    booked_on: date | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a step, or the care of a patient, ended by."""

    kind: EvidenceKind
    on: date
    by: str
    reason: str
    exam_on: date | None
    guideline: str
    rule_id: str
    overrides: bool
    newer: UUID | None
    organisation: str
    recipient: str
    acknowledged_by: str
    explained: str
    letter_on: date | None
    offer_again_on: date | None
    source: str
    second_source: str


@dataclass(frozen=True, slots=True)
class StepPage:
    """What the page of one step shows."""

    step: Owed
    possible: tuple[str, ...]
    changes: tuple[Change, ...]
    exam_on: date | None
    exam_outside: bool
    proof: Proof | None
    before: UUID | None
    after: UUID | None

    @property
    def ended(self) -> bool:
        return not self.possible


@dataclass(frozen=True, slots=True)
class OpenTransfer:
    """A request to another hospital that has not been answered."""

    code: UUID
    organisation: str
    recipient: str
    asked_on: date
    asked_by: str


@dataclass(frozen=True, slots=True)
class CareEnd:
    """Why nothing is owed to a patient, with what it rests on."""

    at: datetime
    reason: str
    proof: Proof | None


def step_page(follow_up: FollowUp) -> StepPage:
    """Read the whole of one step in a fixed number of queries."""
    exam_on = follow_up.exam.acquired_on if follow_up.exam else None
    newer = follow_up.successors.order_by("pk").values_list("code", flat=True).first()
    return StepPage(
        step=owed(follow_up),
        possible=steps_from(FOLLOW_UP, FollowUpState(follow_up.state)),
        changes=changes_since(follow_up, 0),
        exam_on=exam_on,
        exam_outside=exam_on is not None and not follow_up.due_from <= exam_on <= follow_up.due_until,
        proof=_proof(follow_up.evidence),
        before=follow_up.succeeds.code if follow_up.succeeds else None,
        after=newer,
    )


def changes_since(follow_up: FollowUp, version: int) -> tuple[Change, ...]:
    """What was done to a step after the version that a page had shown, the latest first."""
    rows = FollowUpChange.objects.filter(follow_up=follow_up, version__gt=version).select_related("by")
    return tuple(_change(row, follow_up) for row in rows.order_by("-version"))


def open_transfer(patient: Patient) -> OpenTransfer | None:
    """The request to another hospital that waits for an answer."""
    asked = Transfer.objects.filter(patient=patient, acknowledged_on__isnull=True, taken_back_at__isnull=True)
    row = asked.select_related("asked_by").first()
    return OpenTransfer(row.code, row.organisation, row.recipient, row.asked_on, str(row.asked_by)) if row else None


def care_end(patient: Patient) -> CareEnd | None:
    """Why nothing is owed to this patient; None while somebody is owed something or may be."""
    related = ("evidence__by", "evidence__study", "evidence__assessment", "evidence__transfer", "evidence__newer")
    row = Closure.objects.filter(patient=patient, ended_at__isnull=True).select_related(*related).first()
    return CareEnd(row.created_at, row.reason, _proof(row.evidence)) if row else None


def _change(row: FollowUpChange, follow_up: FollowUp) -> Change:
    days = {name: date.fromisoformat(day) for name, day in row.facts.items()}
    return Change(
        version=row.version,
        at=row.at,
        by=str(row.by or ""),
        step=row.step,
        to_state=FollowUpState(row.to_state),
        why=row.why,
        due_from=days.get("due_from", follow_up.due_from),
        due_until=days.get("due_until", follow_up.due_until),
        booked_on=days.get("booked_on"),
    )


def _proof(row: Evidence | None) -> Proof | None:
    if row is None:
        return None
    transfer = row.transfer
    return Proof(
        kind=EvidenceKind(row.kind),
        on=row.on,
        by=str(row.by or ""),
        reason=row.reason,
        exam_on=row.study.acquired_on if row.study else None,
        guideline=row.assessment.guideline if row.assessment else "",
        rule_id=row.assessment.rule_id if row.assessment else "",
        overrides=row.overrides,
        newer=row.newer.code if row.newer else None,
        organisation=transfer.organisation if transfer else "",
        recipient=transfer.recipient if transfer else "",
        acknowledged_by=transfer.acknowledged_by if transfer else "",
        explained=row.explained,
        letter_on=row.letter_on,
        offer_again_on=row.offer_again_on,
        source=row.source,
        second_source=row.second_source,
    )
