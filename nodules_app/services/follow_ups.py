"""What a patient is owed: from the first moment of a nodule to a signed reason for owing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from nodules_app.lifecycles import FOLLOW_UP, OPEN_FOLLOW_UP, FollowUpState, after
from nodules_app.models import Assessment, Closure, FollowUp, FollowUpKind, Nodule, Patient, User
from nodules_app.services.audit import record

REVIEW_WITHIN_DAYS: Final = 7  # a result that nobody has looked at is late after a week
SUPERSEDED: Final = gettext_noop("Replaced by a newer recommendation.")
EXAM_WAS_READ: Final = gettext_noop("The exam was made and read.")


def open_of(patient: Patient) -> list[FollowUp]:
    """The open steps of a patient, locked, the earliest deadline first."""
    steps = FollowUp.objects.select_for_update().filter(patient=patient, state__in=OPEN_FOLLOW_UP)
    return list(steps.order_by("due_until", "pk"))


def owe_review(*, patient: Patient, nodule: Nodule) -> FollowUp:
    """Owe the patient that a reader looks: the step that stands from a nodule's first moment until the rules speak."""
    today = timezone.localdate()
    review = FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP, kind=FollowUpKind.REVIEW).first()
    if review is None:
        review = FollowUp.objects.create(
            patient=patient,
            kind=FollowUpKind.REVIEW,
            due_from=today,
            target_on=today,
            due_until=today + timedelta(days=REVIEW_WITHIN_DAYS),
        )
    review.nodules.add(nodule)
    _end_closure(patient)
    return review


@transaction.atomic
def propose(
    *,
    assessment: Assessment,
    kind: FollowUpKind,
    window: tuple[date, date, date],
    nodules: Sequence[Nodule],
    still_unread: Sequence[Nodule] = (),
) -> FollowUp:
    """Put the step that the rules ask for in the place of earlier ones; a signed step that says the same stays.

    The review by a reader stays open beside it for the nodules in ``still_unread``: the rules have not seen those.
    """
    patient = assessment.patient
    earlier = [step for step in open_of(patient) if not _keeps_waiting(step, still_unread)]
    due_from, target_on, due_until = window
    stands = next((step for step in earlier if _stands(step, assessment, window)), None)
    if stands is not None:
        stands.nodules.set(nodules)
        for step in earlier:
            if step != stands:
                _close(step, reason=_why_it_ends(step, assessment), by=None)
        return stands
    proposed = FollowUp.objects.create(
        patient=patient,
        assessment=assessment,
        kind=kind,
        management=assessment.management,
        rule_id=assessment.rule_id,
        due_from=due_from,
        target_on=target_on,
        due_until=due_until,
        succeeds=earlier[0] if earlier else None,
        owner=earlier[0].owner if earlier else None,
    )
    proposed.nodules.set(nodules)
    for step in earlier:
        _close(step, reason=_why_it_ends(step, assessment), by=None)
    _end_closure(patient)
    record("follow_up.proposed", patient, by=None, follow_up=proposed.code, rule=assessment.rule_id)
    return proposed


def _keeps_waiting(step: FollowUp, still_unread: Sequence[Nodule]) -> bool:
    owed_until_read = step.kind == FollowUpKind.REVIEW and step.assessment_id is None
    if not owed_until_read or not still_unread:
        return False
    step.nodules.set(still_unread)
    return True


def _stands(step: FollowUp, assessment: Assessment, window: tuple[date, date, date]) -> bool:
    """Whether a step needs no other: it says the same, or a clinician has decided on this very answer already."""
    if step.assessment_id == assessment.pk and step.state != FollowUpState.PROPOSED:
        return True
    same_rule = (step.rule_id, step.management) == (assessment.rule_id, assessment.management)
    return same_rule and (step.due_from, step.target_on, step.due_until) == window


def _why_it_ends(step: FollowUp, assessment: Assessment) -> str:
    signed_before = step.assessment is not None and step.assessment.exam_on < assessment.exam_on
    return EXAM_WAS_READ if step.kind == FollowUpKind.CT and signed_before else SUPERSEDED


def _close(step: FollowUp, *, reason: str, by: User | None) -> None:
    step.state = after(FOLLOW_UP, FollowUpState(step.state), "close")
    step.closing_reason, step.closed_at = reason, timezone.now()
    step.save(update_fields=["state", "closing_reason", "closed_at"])
    record("follow_up.closed", step.patient, by=by, follow_up=step.code, reason=reason)


def _end_closure(patient: Patient) -> None:
    Closure.objects.filter(patient=patient, ended_at__isnull=True).update(ended_at=timezone.now())


def _hold(follow_up: FollowUp) -> FollowUp:
    """Lock the patient, then the step: the order of every act, or a signature and a new plan wait for each other."""
    Patient.objects.select_for_update().get(pk=follow_up.patient_id)
    return FollowUp.objects.select_for_update().select_related("patient").get(pk=follow_up.pk)


@transaction.atomic
def accept(*, follow_up: FollowUp, by: User) -> FollowUp:
    """A clinician signs a proposed step: it is planned from now on. Raises ``NoSuchStep`` when it is no longer open."""
    held = _hold(follow_up)
    held.state = after(FOLLOW_UP, FollowUpState(held.state), "accept")
    held.owner = held.owner or by
    held.save(update_fields=["state", "owner"])
    record("follow_up.accepted", held.patient, by=by, follow_up=held.code)
    return held


@transaction.atomic
def plan_otherwise(
    *,
    follow_up: FollowUp,
    kind: FollowUpKind,
    management: str,
    window: tuple[date, date, date],
    by: User,
) -> FollowUp:
    """Plan another step than the proposed one; the proposed one closes with that reason."""
    held = _hold(follow_up)
    due_from, target_on, due_until = window
    planned = FollowUp.objects.create(
        patient=held.patient,
        assessment=held.assessment,
        kind=kind,
        management=management,
        rule_id=held.rule_id,
        state=FollowUpState.PLANNED,
        due_from=due_from,
        target_on=target_on,
        due_until=due_until,
        owner=by,
        succeeds=held,
    )
    planned.nodules.set(held.nodules.all())
    _close(held, reason=gettext_noop("A clinician chose another step."), by=by)
    return planned


@transaction.atomic
def close_patient(*, patient: Patient, reason: str, by: User) -> Closure:
    """Record why this patient is owed nothing more, and close what is open with that reason."""
    held = Patient.objects.select_for_update().get(pk=patient.pk)
    closure = Closure.objects.create(patient=held, reason=reason, by=by)
    for step in open_of(held):
        _close(step, reason=reason[:200], by=by)
    record("patient.closed", held, by=by, closure=closure.code)
    return closure
