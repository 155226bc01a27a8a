"""What a patient is owed: from the first moment of a nodule to the exam that answers it.

At any moment a patient has at most one open step that calls for something to be done (a CT, a work-up, a decision on
discharge) and at most one review by a reader beside it: a question to the clinic, not a second appointment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import (
    END_STEP,
    EXAM_MADE,
    FOLLOW_UP,
    FOLLOWED_NODULE,
    OPEN_FOLLOW_UP,
    EvidenceKind,
    FollowUpState,
    after,
)
from nodules_app.models import Assessment, Closure, Evidence, FollowUp, FollowUpKind, Nodule, Patient, Study, User
from nodules_app.services import policy, steps
from registration.errors import Refused, gettext_noop

Window = tuple[date, date, date]  # not before, target, not after

REVIEW_OWED = gettext_noop("A reader must look.")
PROPOSED_BY_RULES = gettext_noop("The guidelines ask for it.")
SUPERSEDED = gettext_noop("Replaced by a newer recommendation.")
NOT_YET_READ = gettext_noop("The exam shows a nodule that could not be measured.")
EXAM_WAS_RECEIVED = gettext_noop("A later exam was received.")
EXAM_WAS_READ = gettext_noop("The exam was made and read.")
CHOSEN_OTHERWISE = gettext_noop("A clinician chose another step.")


class OutsideWindow(Refused):
    """The day is earlier or later than the rule asks for; a person may book it with a reason."""

    code = "outside_window"
    sentence = gettext_noop("{on} is outside the window {due_from} to {due_until} that {rule} asks for.")
    remedy = gettext_noop("Choose a day inside the window, or say why this one is right.")


def hold(follow_up: FollowUp, *, seen: int | None = None) -> FollowUp:
    """Lock a step for an act; see ``steps.hold``."""
    return steps.hold(follow_up, seen=seen)


def owe_review(
    *, patient: Patient, nodule: Nodule, by: User | None = None, succeeds: FollowUp | None = None, why: str = ""
) -> FollowUp | None:
    """Owe the patient that a reader looks: the step that stands from a nodule's first moment until the rules speak.

    Nothing is owed to a patient who has died: None.
    """
    closure = closure_in_force(patient)
    if closure is not None and closure.evidence and closure.evidence.kind == EvidenceKind.DECEASED:
        return None
    review = FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP, kind=FollowUpKind.REVIEW).first()
    if review is None:
        today = timezone.localdate()
        within_days = policy.of(patient).within_days[FollowUpKind.REVIEW]
        review = steps.begin(
            FollowUp(
                patient=patient,
                kind=FollowUpKind.REVIEW,
                due_from=today,
                target_on=today,
                due_until=today + timedelta(days=within_days),
                succeeds=succeeds,
            ),
            nodules=(),
            by=by,
            why=why or REVIEW_OWED,
        )
    review.nodules.add(nodule)
    if closure is not None:  # it covered the other nodules too
        review.nodules.add(*patient.nodules.filter(state__in=FOLLOWED_NODULE))
        _end_closure(patient, why or REVIEW_OWED)
    return review


@transaction.atomic
def propose(
    *,
    assessment: Assessment,
    kind: FollowUpKind,
    window: Window,
    nodules: Sequence[Nodule],
    still_unread: Sequence[Nodule] = (),
) -> FollowUp | None:
    """Put the step that the rules ask for in the place of earlier ones; a signed step that says the same stays.

    The review by a reader stays open beside it for the nodules in ``still_unread``: the rules have not seen those.
    What a clinician signed as the end of all follow-up is undone by a later exam only, never by the rules alone: then
    there is nothing to propose, and the answer is None.
    """
    patient = assessment.patient
    if _care_has_ended(patient, assessment):
        return None
    earlier = [step for step in steps.open_of(patient) if not _keeps_waiting(step, still_unread)]
    stands = next((step for step in earlier if _stands(step, assessment, window)), None)
    if stands is None:
        due_from, target_on, due_until = window
        stands = steps.begin(
            FollowUp(
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
            ),
            nodules=nodules,
            by=None,
            why=PROPOSED_BY_RULES,
        )
        _end_closure(patient, EXAM_WAS_RECEIVED)
        _keep_exam(stands, earlier)
    else:
        stands.nodules.set(nodules)
    for step in earlier:
        if step.pk != stands.pk:
            _end_for(step, stands, assessment, unread=bool(still_unread))
    for nodule in still_unread:
        owe_review(patient=patient, nodule=nodule, why=NOT_YET_READ)
    return stands


def _keep_exam(newer: FollowUp, earlier: Sequence[FollowUp]) -> None:
    """An exam that is still unread answers the new step as it did the one before."""
    awaited = [step.exam for step in earlier if step.state in EXAM_MADE and step.exam is not None]
    for exam in awaited:
        later = exam.acquired_on is not None and asked_on(newer) < exam.acquired_on
        if newer.kind == FollowUpKind.CT and later and newer.state not in EXAM_MADE:
            steps.move(newer, "perform", by=None, why=EXAM_WAS_RECEIVED, exam=exam)


def closure_in_force(patient: Patient) -> Closure | None:
    """Why nothing is owed to this patient, where that is so."""
    return Closure.objects.filter(patient=patient, ended_at__isnull=True).select_related("evidence").first()


def _care_has_ended(patient: Patient, assessment: Assessment) -> bool:
    closure = closure_in_force(patient)
    if closure is None or closure.evidence is None:
        return False
    return closure.evidence.kind == EvidenceKind.DECEASED or assessment.exam_on <= closure.evidence.on


def _keeps_waiting(step: FollowUp, still_unread: Sequence[Nodule]) -> bool:
    owed_until_read = step.kind == FollowUpKind.REVIEW and step.assessment_id is None
    if not owed_until_read or not still_unread:
        return False
    step.nodules.set(still_unread)
    return True


def _stands(step: FollowUp, assessment: Assessment, window: Window) -> bool:
    """Whether a step needs no other: it says the same, or a clinician has decided on this very answer already.

    A CT that was asked for before the exam of this answer is answered by it, whatever the rule says next.
    """
    if step.kind == FollowUpKind.CT and asked_on(step) < assessment.exam_on:
        return False
    if step.assessment_id == assessment.pk and step.state != FollowUpState.PROPOSED:
        return True
    same_rule = (step.rule_id, step.management) == (assessment.rule_id, assessment.management)
    return same_rule and (step.due_from, step.target_on, step.due_until) == window


def _end_for(step: FollowUp, newer: FollowUp, assessment: Assessment, *, unread: bool) -> None:
    """End what a newer step replaces: by the exam that was read, where the step asked for one, else by the newer step.

    An exam on which a nodule is still unread has not been read: the review that stays open asks for that.
    """
    exam = None if unread else _answering_exam(step, assessment)
    if exam is None:
        proof = Evidence(patient=step.patient, kind=EvidenceKind.SUPERSEDED, on=timezone.localdate(), newer=newer)
        proof.save(force_insert=True)
        steps.end(step, proof, reason=SUPERSEDED, by=None)
        return
    proof = Evidence(patient=step.patient, kind=EvidenceKind.EXAMINED, on=assessment.exam_on, study=exam)
    proof.assessment = assessment
    proof.save(force_insert=True)
    if step.state == FollowUpState.REPORTED:
        step = steps.amend(step, "report", by=None, why=EXAM_WAS_READ, exam=exam)
    else:
        if step.state != FollowUpState.PERFORMED:
            step = steps.move(step, "perform", by=None, why=EXAM_WAS_RECEIVED, exam=exam)
        step = steps.move(step, "report", by=None, why=EXAM_WAS_READ, exam=exam)
    steps.end(step, proof, reason=EXAM_WAS_READ, by=None)


def _answering_exam(step: FollowUp, assessment: Assessment) -> Study | None:
    if step.kind != FollowUpKind.CT or asked_on(step) >= assessment.exam_on:
        return None
    return Study.objects.filter(patient=step.patient, acquired_on=assessment.exam_on).order_by("-pk").first()


def asked_on(step: FollowUp) -> date:
    """The day after which an exam answers a step: that of the exam which it rests on, else that of the step itself."""
    return step.assessment.exam_on if step.assessment else timezone.localdate(step.created_at)


def _end_closure(patient: Patient, why: str) -> None:
    in_force = Closure.objects.filter(patient=patient, ended_at__isnull=True)
    in_force.update(ended_at=timezone.now(), ended_because=why[:300])


@transaction.atomic
def accept(*, follow_up: FollowUp, by: User, seen: int | None = None) -> FollowUp:
    """A clinician signs a proposed step: it is planned from now on. Raises ``NoSuchStep`` when it is no longer open."""
    held = steps.hold(follow_up, seen=seen)
    return steps.move(held, "accept", by=by, owner=held.owner or by)


@transaction.atomic
def plan_otherwise(
    *,
    follow_up: FollowUp,
    kind: FollowUpKind,
    management: str,
    window: Window,
    by: User,
    why: str = "",
    seen: int | None = None,
) -> FollowUp:
    """Plan another step than the proposed one; the proposed one ends by naming it. Raises ``NoSuchStep``."""
    held = steps.hold(follow_up, seen=seen)
    after(FOLLOW_UP, FollowUpState(held.state), END_STEP[FollowUpState.SUPERSEDED])
    review = kind == FollowUpKind.REVIEW
    replaced = [
        step
        for step in steps.open_of(held.patient)
        if step.pk == held.pk or (step.kind == FollowUpKind.REVIEW) == review
    ]
    due_from, target_on, due_until = window
    planned = steps.begin(
        FollowUp(
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
        ),
        nodules=Nodule.objects.filter(follow_ups__in=replaced).distinct(),
        by=by,
        why=why,
    )
    for step in replaced:
        proof = Evidence(patient=held.patient, kind=EvidenceKind.SUPERSEDED, on=timezone.localdate(), newer=planned)
        proof.by = by
        proof.save(force_insert=True)
        steps.end(step, proof, reason=CHOSEN_OTHERWISE, by=by)
    return planned


@transaction.atomic
def settle(*, patient: Patient, by: User, reason: str) -> None:
    """End each open step that covers no followed nodule any more: nothing is left of it, as a reader said."""
    for step in steps.open_of(steps.hold_patient(patient)):
        if not step.nodules.filter(state__in=FOLLOWED_NODULE).exists():
            proof = Evidence(
                patient=patient, kind=EvidenceKind.NOTHING_LEFT, on=timezone.localdate(), by=by, reason=reason
            )
            proof.save(force_insert=True)
            steps.end(step, proof, reason=reason, by=by)


@transaction.atomic
def book(follow_up: FollowUp, *, on: date, by: User, why_outside_window: str = "", seen: int | None = None) -> FollowUp:
    """Give a signed step its day, or another day.

    Raises
    ------
    OutsideWindow
        Without a reason for a day that the rule does not ask for.
    NoSuchStep, ChangedMeanwhile
    """
    held = steps.hold(follow_up, seen=seen)
    if not held.due_from <= on <= held.due_until and not why_outside_window.strip():
        raise OutsideWindow(on=on, due_from=held.due_from, due_until=held.due_until, rule=held.rule_id or "-")
    return steps.move(held, "book", by=by, why=why_outside_window.strip(), booked_on=on)


@transaction.atomic
def unbook(follow_up: FollowUp, *, by: User, because: str, seen: int | None = None) -> FollowUp:
    """Give the booked day back; the step is owed as before."""
    return steps.move(steps.hold(follow_up, seen=seen), "unbook", by=by, why=because, booked_on=None)


@transaction.atomic
def miss(follow_up: FollowUp, *, by: User | None, because: str, seen: int | None = None) -> FollowUp:
    """The patient did not come; the step is owed as before, and somebody calls."""
    return steps.move(steps.hold(follow_up, seen=seen), "miss", by=by, why=because, booked_on=None)


@transaction.atomic
def defer(follow_up: FollowUp, *, window: Window, because: str, by: User, seen: int | None = None) -> FollowUp:
    """Put a signed step off to another window, with a reason; it stays owed."""
    due_from, target_on, due_until = window
    days = {"due_from": due_from, "target_on": target_on, "due_until": due_until, "booked_on": None}
    return steps.move(steps.hold(follow_up, seen=seen), "defer", by=by, why=because, **days)


@transaction.atomic
def suspect_lost(follow_up: FollowUp, *, because: str, by: User | None, seen: int | None = None) -> FollowUp:
    """Every reminder went unanswered: a clinician must decide. The step stays open for ever until somebody does."""
    return steps.move(steps.hold(follow_up, seen=seen), "suspect_lost", by=by, why=because, booked_on=None)


@transaction.atomic
def find(follow_up: FollowUp, *, because: str, by: User, seen: int | None = None) -> FollowUp:
    """The patient was reached: the step is to be arranged again."""
    return steps.move(steps.hold(follow_up, seen=seen), "find", by=by, why=because)
