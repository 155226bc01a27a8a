"""A step and a patient's care end by evidence only; nobody is lost at any turn, and beginning again points back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.lifecycles import EvidenceKind, FollowUpState, NoduleState
from nodules_app.models import (
    Closure,
    Decision,
    Evidence,
    FollowUp,
    FollowUpKind,
    Nodule,
    Patient,
    Role,
    Run,
    RunKind,
    User,
)
from nodules_app.services import arrivals, endings, follow_ups, matches, nodules, policy, safety_net
from tests import factories
from tests.integration.asked import BASELINE, LATER, WINDOW, answer, ask_for_ct, exam, now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nodule() -> Nodule:
    return factories.nodule(factories.patient())


@pytest.fixture
def patient(nodule: Nodule) -> Patient:
    return nodule.patient


@pytest.fixture
def physician() -> User:
    return factories.member(Role.PHYSICIAN)


# ------------------------------------------------------------------ the end of care


def test_a_discharge_names_its_author_and_what_the_guideline_said(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    endings.discharge(patient=patient, reason="Stable for two years.", by=physician)
    closure = Closure.objects.get(patient=patient)
    assert closure.evidence
    assert (closure.by, closure.evidence.assessment, closure.evidence.overrides) == (physician, step.assessment, True)
    assert now(step).state == FollowUpState.CLOSED
    assert set(patient.nodules.values_list("state", flat=True)) == {NoduleState.DISCHARGED}
    assert Decision.objects.get(assessment=step.assessment).overrides
    safety_net.prove()


def test_a_discharge_that_the_guideline_asks_for_is_no_override(patient: Patient, physician: User) -> None:
    follow_ups.propose(
        assessment=answer(patient, "no_routine_followup"),
        kind=FollowUpKind.DISCHARGE,
        window=WINDOW,
        nodules=list(patient.nodules.all()),
    )
    endings.discharge(patient=patient, reason="As the guideline says.", by=physician)
    assert not Evidence.objects.get(kind=EvidenceKind.DISCHARGED).overrides


def test_only_who_the_clinic_names_signs_a_discharge(patient: Patient, physician: User) -> None:
    patient.clinic.signing_roles = [Role.CHAIR]
    patient.clinic.save()
    with pytest.raises(policy.MayNotSign, match="chair"):
        endings.discharge(patient=patient, reason="Small.", by=physician)
    assert not Closure.objects.exists()


def decline(patient: Patient, by: User, again: date | None = None) -> Closure | FollowUp:
    return endings.decline(
        patient=patient, reason="No time.", explained="It may grow.", letter_on=LATER, by=by, offer_again_on=again
    )


def died(patient: Patient, by: User) -> Closure:
    return endings.record_death(patient=patient, on=LATER, source="Family", second_source="Register", by=by)


def handed_over(patient: Patient, by: User) -> Closure:
    transfer = endings.ask_transfer(patient=patient, organisation="North", recipient="Dr N", on=LATER, by=by)
    return endings.acknowledge_transfer(transfer=transfer, acknowledged_by="Dr N", on=LATER, by=by)


def left(patient: Patient, by: User) -> Closure:
    return endings.withdraw(patient=patient, reason="Does not want it.", on=LATER, by=by)


ENDS: list[tuple[Callable[[Patient, User], object], FollowUpState]] = [
    (decline, FollowUpState.DECLINED),
    (died, FollowUpState.CLOSED),
    (handed_over, FollowUpState.MOVED),
    (left, FollowUpState.DECLINED),
]


@pytest.mark.parametrize(("end", "state"), ENDS)
def test_each_end_closes_every_step_with_its_evidence(
    patient: Patient, physician: User, end: Callable[[Patient, User], object], state: FollowUpState
) -> None:
    step = ask_for_ct(patient)
    end(patient, physician)
    closure = Closure.objects.get(patient=patient)
    assert (now(step).state, now(step).evidence) == (state, closure.evidence)
    assert safety_net.prove().covered.by_closure == 1


@pytest.mark.parametrize(("end", "state"), ENDS)
def test_an_end_is_recorded_once(
    patient: Patient, physician: User, end: Callable[[Patient, User], object], state: FollowUpState
) -> None:
    end(patient, physician)
    with pytest.raises(endings.CareHasEnded):
        end(patient, physician)
    assert Closure.objects.count() == 1


@pytest.mark.parametrize(("end", "state"), ENDS)
def test_the_rules_alone_do_not_undo_what_a_person_ended(
    patient: Patient, physician: User, end: Callable[[Patient, User], object], state: FollowUpState
) -> None:
    end(patient, physician)
    told = answer(patient)
    nodules_followed = list(patient.nodules.all())
    assert follow_ups.propose(assessment=told, kind=FollowUpKind.CT, window=WINDOW, nodules=nodules_followed) is None
    assert Closure.objects.filter(ended_at__isnull=True).exists()


@pytest.mark.parametrize(("end", "state"), ENDS)
def test_following_again_points_back_and_leads_to_a_review(
    patient: Patient, physician: User, end: Callable[[Patient, User], object], state: FollowUpState
) -> None:
    step = ask_for_ct(patient)
    end(patient, physician)
    review = endings.reopen(patient=patient, reason="The patient came back.", by=physician)
    assert review
    assert (review.kind, review.succeeds) == (FollowUpKind.REVIEW, now(step))
    assert Run.objects.filter(kind=RunKind.ASSESS, patient=patient).exists()
    assert Closure.objects.get(patient=patient).ended_because == "The patient came back."
    with pytest.raises(endings.CareGoesOn):
        endings.reopen(patient=patient, reason="Again.", by=physician)
    safety_net.prove()


def test_a_discharged_nodule_is_followed_again(patient: Patient, nodule: Nodule, physician: User) -> None:
    endings.discharge(patient=patient, reason="Small.", by=physician)
    endings.reopen(patient=patient, reason="It is back.", by=physician)
    nodule.refresh_from_db()
    assert nodule.state == NoduleState.ACTIVE
    safety_net.prove()


def test_a_transfer_that_nobody_acknowledged_leaves_every_step_ours(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    transfer = endings.ask_transfer(patient=patient, organisation="North", recipient="Dr N", on=LATER, by=physician)
    assert now(step).state == FollowUpState.PROPOSED
    with pytest.raises(IntegrityError, match="nobody has acknowledged"), transaction.atomic():
        Evidence.objects.create(
            patient=patient, kind=EvidenceKind.TRANSFERRED, on=LATER, by=physician, transfer=transfer
        )
    with pytest.raises(endings.TransferAsked, match="North"):
        endings.ask_transfer(patient=patient, organisation="South", recipient="Dr S", on=LATER, by=physician)
    endings.take_back_transfer(transfer=transfer, by=physician)
    with pytest.raises(endings.TransferAnswered):
        endings.acknowledge_transfer(transfer=transfer, acknowledged_by="Dr N", on=LATER, by=physician)


def test_who_declined_for_now_is_offered_it_again(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    again = timezone.localdate() + timedelta(days=90)
    offer = decline(patient, physician, again)
    assert isinstance(offer, FollowUp)
    assert (offer.due_from, offer.succeeds, offer.kind) == (again, step, FollowUpKind.CT)
    assert now(step).state == FollowUpState.DECLINED
    assert not Closure.objects.exists()
    safety_net.prove()


def test_whoever_was_discharged_can_die(patient: Patient, physician: User) -> None:
    endings.discharge(patient=patient, reason="Small.", by=physician)
    closure = died(patient, physician)
    assert list(Closure.objects.filter(ended_at__isnull=True)) == [closure]


def test_nothing_is_owed_to_the_dead_whatever_arrives(patient: Patient, physician: User) -> None:
    died(patient, physician)
    nodules.mark_nodule(scan=factories.scan(patient, LATER), lps_mm=(0.0, 0.0, 0.0), by=None)
    assert not patient.follow_ups.exclude(evidence__isnull=False).exists()
    late = answer(patient, on=LATER + timedelta(days=30))
    assert follow_ups.propose(assessment=late, kind=FollowUpKind.CT, window=WINDOW, nodules=[]) is None
    assert safety_net.prove().covered.by_closure == 2


def test_a_later_exam_of_somebody_who_left_is_asked_about_again(patient: Patient, physician: User) -> None:
    left(patient, physician)
    step = ask_for_ct(patient, on=LATER + timedelta(days=60))
    assert step.state == FollowUpState.PROPOSED
    assert not Closure.objects.filter(ended_at__isnull=True).exists()


# ------------------------------------------------------------------ one step without its exam


@pytest.mark.parametrize(
    ("kind", "state"),
    [(EvidenceKind.SIGNED, FollowUpState.CLOSED), (EvidenceKind.ENTERED_IN_ERROR, FollowUpState.CANCELLED)],
)
def test_a_signed_reason_ends_a_step_and_a_review_stands_in_its_place(
    patient: Patient, physician: User, kind: EvidenceKind, state: FollowUpState
) -> None:
    step = ask_for_ct(patient)
    review = endings.end_step(follow_up=step, kind=kind, reason="The other hospital's CT shows scar.", by=physician)
    assert review
    assert (now(step).state, review.succeeds) == (state, now(step))
    safety_net.prove()


def test_a_step_is_not_signed_off_as_examined(patient: Patient, physician: User) -> None:
    with pytest.raises(ValueError, match="does not end one step"):
        endings.end_step(follow_up=ask_for_ct(patient), kind=EvidenceKind.EXAMINED, reason="Seen.", by=physician)


def test_a_step_ends_when_a_reader_sees_nothing_left_of_it(patient: Patient, nodule: Nodule, physician: User) -> None:
    step = ask_for_ct(patient)
    nodules.reject(nodule=nodule, by=physician)
    ended = now(step)
    assert ended.state == FollowUpState.CANCELLED
    assert ended.evidence
    assert (ended.evidence.kind, ended.evidence.by) == (EvidenceKind.NOTHING_LEFT, physician)
    nodules.reopen(nodule=nodule, by=physician)
    safety_net.prove()


def test_a_step_stays_while_one_of_its_nodules_is_followed(patient: Patient, nodule: Nodule, physician: User) -> None:
    other = factories.nodule(patient)
    step = ask_for_ct(patient)
    nodules.reject(nodule=other, by=physician)
    assert now(step).state == FollowUpState.PROPOSED


def test_a_match_that_is_parted_leaves_both_nodules_owed(physician: User) -> None:
    patient = factories.followed_patient()
    match = patient.nodules.get().matches.get()
    matches.unlink(match=match, by=physician)
    assert patient.nodules.filter(state=NoduleState.ACTIVE).count() == 2
    assert safety_net.prove().covered.by_step == 2


def test_a_change_of_guideline_leaves_one_step(patient: Patient) -> None:
    first = ask_for_ct(patient)
    told = factories.result("LUNGRADS2022", "lr_ldct_6m", "3")
    second = follow_ups.propose(
        assessment=factories.assessment(patient, told, exam_on=BASELINE),
        kind=FollowUpKind.CT,
        window=(date(2026, 11, 1), date(2026, 11, 19), date(2026, 12, 19)),
        nodules=list(patient.nodules.all()),
    )
    assert second
    assert now(first).state == FollowUpState.SUPERSEDED
    assert (second.succeeds, list(patient.follow_ups.filter(evidence=None))) == (first, [second])
    safety_net.prove()


def test_an_unread_exam_stays_awaited_when_the_rules_change_their_mind(patient: Patient) -> None:
    study = exam(patient)
    ask_for_ct(patient)
    arrivals.received(study)
    told = factories.result("LUNGRADS2022", "lr_ldct_6m", "3")
    second = follow_ups.propose(
        assessment=factories.assessment(patient, told, exam_on=BASELINE),
        kind=FollowUpKind.CT,
        window=WINDOW,
        nodules=list(patient.nodules.all()),
    )
    assert second
    assert (now(second).state, now(second).exam) == (FollowUpState.PERFORMED, study)
