"""The end of a patient's follow-up, and of one step without its exam: by evidence only, and never for ever.

Whoever is discharged, declines, leaves, is handed over or dies is owed nothing more, with the reason, who recorded it
and the facts that make it true. ``reopen`` begins again and points back at the last step.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.lifecycles import FOLLOWED_NODULE, NODULE, EvidenceKind, NoduleState, after
from nodules_app.models import (
    Assessment,
    Closure,
    Decision,
    Evidence,
    FollowUp,
    FollowUpKind,
    OverrideReason,
    Patient,
    RunKind,
    Transfer,
    User,
)
from nodules_app.services import follow_ups, policy, runs, steps
from nodules_app.services.audit import record
from nodules_app.services.decisions import CLINICIANS_OWN
from registration.errors import Refused, gettext_noop

OFFER_WITHIN_DAYS: Final = 30  # how long an offer that is made again stands before it is late
DIED: Final = gettext_noop("The patient has died.")
HANDED_OVER: Final = gettext_noop("Handed over, and acknowledged.")
OFFERED_AGAIN: Final = gettext_noop("Declined for now; to be offered again.")
REOPENED: Final = gettext_noop("Followed again.")


class CareHasEnded(Refused):
    """Somebody recorded already why nothing is owed."""

    code = "care_has_ended"
    sentence = gettext_noop("This patient's follow-up has ended already: {reason}")
    remedy = gettext_noop("Look at the patient's page. To begin again, choose “Follow again”.")


class CareGoesOn(Refused):
    """There is nothing to begin again."""

    code = "care_goes_on"
    sentence = gettext_noop("This patient is followed already.")
    remedy = gettext_noop("What is owed is on the patient's page.")


class TransferAnswered(Refused):
    """The request is not open any more."""

    code = "transfer_answered"
    sentence = gettext_noop("This request was answered or taken back meanwhile.")
    remedy = gettext_noop("Look at the patient's page; ask again if need be.")


class TransferAsked(Refused):
    """Somebody asked another hospital already."""

    code = "transfer_asked"
    sentence = gettext_noop("{organisation} was asked already and has not answered.")
    remedy = gettext_noop("Record its answer, or take the request back, before asking somebody else.")


@transaction.atomic
def discharge(*, patient: Patient, reason: str, by: User) -> Closure:
    """A clinician ends follow-up. Beside the reason stands what the guideline said, and whether this goes against it.

    Raises
    ------
    CareHasEnded, MayNotSign
    """
    held = _followed(patient)
    policy.require_signature(held, by)
    answer = _answer_in_force(held)
    agrees = answer is not None and MANAGEMENT[answer.management].kind == ManagementClass.NO_FOLLOW_UP
    if answer is not None:
        Decision.objects.create(
            assessment=answer,
            by=by,
            management=answer.management if agrees else CLINICIANS_OWN,
            overrides=not agrees,
            reason_code="" if agrees else OverrideReason.OTHER,
            reason=reason,
        )
    proof = Evidence(kind=EvidenceKind.DISCHARGED, reason=reason, signed=True, assessment=answer, overrides=not agrees)
    for nodule in held.nodules.select_for_update().filter(state__in=FOLLOWED_NODULE):
        nodule.state = after(NODULE, NoduleState(nodule.state), "discharge")
        nodule.save(update_fields=["state"])
    return _close(held, proof, reason=reason, by=by)


@transaction.atomic
def decline(
    *,
    patient: Patient,
    reason: str,
    explained: str,
    letter_on: date,
    by: User,
    offer_again_on: date | None = None,
) -> Closure | FollowUp:
    """The patient does not want what is owed, after an explanation and with a letter.

    Returns
    -------
    Closure or FollowUp
        The end of follow-up, or the step that offers it again on the day that was agreed.
    """
    held = _followed(patient)
    proof = Evidence(kind=EvidenceKind.DECLINED, reason=reason, explained=explained, letter_on=letter_on)
    proof.offer_again_on = offer_again_on
    if offer_again_on is None:
        return _close(held, proof, reason=reason, by=by)
    return _offer_again(held, proof, offer_again_on, by=by)


def _offer_again(patient: Patient, proof: Evidence, on: date, *, by: User) -> FollowUp:
    declined = steps.open_of(patient)
    last = next((step for step in declined if step.kind != FollowUpKind.REVIEW), declined[0] if declined else None)
    offer = steps.begin(
        FollowUp(
            patient=patient,
            assessment=last.assessment if last else None,
            kind=last.kind if last else FollowUpKind.REVIEW,
            management=last.management if last else "",
            rule_id=last.rule_id if last else "",
            due_from=on,
            target_on=on,
            due_until=on + timedelta(days=OFFER_WITHIN_DAYS),
            owner=last.owner if last else by,
            succeeds=last,
        ),
        nodules=patient.nodules.filter(state__in=FOLLOWED_NODULE),
        by=by,
        why=OFFERED_AGAIN,
    )
    _keep(patient, proof, by=by)
    for step in declined:
        steps.end(step, proof, reason=proof.reason, by=by)
    return offer


@transaction.atomic
def withdraw(*, patient: Patient, reason: str, on: date, by: User) -> Closure:
    """The patient leaves the programme."""
    proof = Evidence(kind=EvidenceKind.WITHDRAWN, reason=reason)
    return _close(_followed(patient), proof, reason=reason, by=by, on=on)


@transaction.atomic
def record_death(
    *, patient: Patient, on: date, source: str, by: User, second_source: str = "", confirmed: bool = False
) -> Closure:
    """The patient has died: every step ends in this transaction, and no reminder goes out after it.

    Parameters
    ----------
    confirmed
        A clinician vouches for it; otherwise a second source must be named.
    """
    held = steps.hold_patient(patient)
    if (closure := follow_ups.closure_in_force(held)) is not None:
        if closure.evidence and closure.evidence.kind == EvidenceKind.DECEASED:
            raise CareHasEnded(reason=closure.reason)
        _end(closure, DIED)  # who was discharged or handed over can die too, and must hear nothing more
    proof = Evidence(kind=EvidenceKind.DECEASED, source=source, second_source=second_source, signed=confirmed)
    return _close(held, proof, reason=DIED, by=by, on=on)


@transaction.atomic
def ask_transfer(*, patient: Patient, organisation: str, recipient: str, on: date, by: User) -> Transfer:
    """Ask another hospital to take over. Nothing ends by that: every step stays ours until it acknowledges.

    Raises
    ------
    CareHasEnded, TransferAsked
    """
    held = _followed(patient)
    asked = held.transfers.filter(acknowledged_on__isnull=True, taken_back_at__isnull=True).first()
    if asked is not None:
        raise TransferAsked(organisation=asked.organisation)
    transfer = Transfer.objects.create(
        patient=held, organisation=organisation, recipient=recipient, asked_on=on, asked_by=by
    )
    record("transfer.asked", held, by=by, transfer=transfer.code)
    return transfer


@transaction.atomic
def acknowledge_transfer(*, transfer: Transfer, acknowledged_by: str, on: date, by: User) -> Closure:
    """The other hospital said yes, by a named person: the steps are theirs from now on.

    Raises
    ------
    TransferAnswered, CareHasEnded
    """
    patient = _followed(transfer.patient)
    held = _open_transfer(transfer)
    held.acknowledged_on, held.acknowledged_by = on, acknowledged_by
    held.save(update_fields=["acknowledged_on", "acknowledged_by"])
    proof = Evidence(kind=EvidenceKind.TRANSFERRED, transfer=held, reason=held.organisation)
    return _close(patient, proof, reason=HANDED_OVER, by=by, on=on)


@transaction.atomic
def take_back_transfer(*, transfer: Transfer, by: User) -> Transfer:
    """Nobody there took over; the request ends, and everything stays as it was."""
    patient = steps.hold_patient(transfer.patient_id)
    held = _open_transfer(transfer)
    held.taken_back_at = timezone.now()
    held.save(update_fields=["taken_back_at"])
    record("transfer.taken_back", patient, by=by, transfer=held.code)
    return held


@transaction.atomic
def end_step(
    *, follow_up: FollowUp, kind: EvidenceKind, reason: str, by: User, seen: int | None = None
) -> FollowUp | None:
    """End one step by a clinician's signed reason, or as an error; a reader's review stands in its place.

    Raises
    ------
    ValueError
        For a kind of evidence that ends no single step without its exam.
    NoSuchStep, ChangedMeanwhile, MayNotSign
    """
    if kind not in (EvidenceKind.SIGNED, EvidenceKind.ENTERED_IN_ERROR):
        raise ValueError(f"{kind} does not end one step")
    held = steps.hold(follow_up, seen=seen)
    policy.require_signature(held.patient, by)
    proof = Evidence(kind=kind, reason=reason, signed=kind == EvidenceKind.SIGNED)
    _keep(held.patient, proof, by=by)
    ended = steps.end(held, proof, reason=reason, by=by)
    review = None
    for nodule in ended.nodules.filter(state__in=FOLLOWED_NODULE):
        review = follow_ups.owe_review(patient=held.patient, nodule=nodule, by=by, succeeds=ended, why=reason[:300])
    return review


@transaction.atomic
def reopen(*, patient: Patient, reason: str, by: User) -> FollowUp | None:
    """Follow a patient again: discharged nodules are followed, a reader looks, and the guidelines are asked again.

    Raises
    ------
    CareGoesOn
    """
    held = steps.hold_patient(patient)
    closure = follow_ups.closure_in_force(held)
    if closure is None:
        raise CareGoesOn
    _end(closure, reason)
    last = held.follow_ups.order_by("-closed_at", "-pk").first()
    for nodule in held.nodules.select_for_update().filter(state=NoduleState.DISCHARGED):
        nodule.state = after(NODULE, NoduleState(nodule.state), "reopen")
        nodule.save(update_fields=["state"])
    review = None
    for nodule in held.nodules.filter(state__in=FOLLOWED_NODULE).order_by("number"):
        review = follow_ups.owe_review(patient=held, nodule=nodule, by=by, succeeds=last, why=REOPENED)
    record("patient.reopened", held, by=by, closure=closure.code)
    runs.request(RunKind.ASSESS, by=by, patient=held)
    return review


def _followed(patient: Patient) -> Patient:
    held = steps.hold_patient(patient)
    closure = follow_ups.closure_in_force(held)
    if closure is not None:
        raise CareHasEnded(reason=closure.reason)
    return held


def _answer_in_force(patient: Patient) -> Assessment | None:
    """What the step that is open rests on; without one, the latest answer of the guideline that leads here."""
    for step in steps.open_of(patient):
        if step.assessment is not None:
            return step.assessment
    answers = Assessment.objects.filter(patient=patient, guideline=policy.of(patient).guideline)
    return answers.order_by("-pk").first()


def _open_transfer(transfer: Transfer) -> Transfer:
    held = Transfer.objects.select_for_update().get(pk=transfer.pk)
    if held.acknowledged_on is not None or held.taken_back_at is not None:
        raise TransferAnswered
    return held


def _keep(patient: Patient, proof: Evidence, *, by: User, on: date | None = None) -> Evidence:
    proof.patient, proof.by, proof.on = patient, by, on or timezone.localdate()
    proof.save(force_insert=True)
    return proof


def _close(patient: Patient, proof: Evidence, *, reason: str, by: User, on: date | None = None) -> Closure:
    _keep(patient, proof, by=by, on=on)
    closure = Closure.objects.create(patient=patient, evidence=proof, reason=reason[:300], by=by)
    for step in steps.open_of(patient):
        steps.end(step, proof, reason=reason, by=by)
    record(f"patient.{proof.kind}", patient, by=by, closure=closure.code)
    return closure


def _end(closure: Closure, because: str) -> None:
    closure.ended_at, closure.ended_because = timezone.now(), because[:300]
    closure.save(update_fields=["ended_at", "ended_because"])
