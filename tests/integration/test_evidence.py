"""An exam and its reading end the step that asked for it; what else the database takes as the end of a step."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.lifecycles import EvidenceKind, FollowUpState
from nodules_app.models import (
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
from nodules_app.services import arrivals, endings, follow_ups, safety_net
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


def history(step: FollowUp) -> list[tuple[str, str, str]]:
    return list(step.changes.order_by("version").values_list("step", "from_state", "to_state"))


# ------------------------------------------------------------------ the exam


def test_an_exam_and_its_reading_end_the_step_by_themselves(patient: Patient) -> None:
    step = ask_for_ct(patient)
    study = exam(patient)
    assert arrivals.received(study) is not None
    assert (now(step).state, now(step).exam) == (FollowUpState.PERFORMED, study)
    newer = ask_for_ct(patient, on=LATER)
    ended = now(step)
    assert ended.state == FollowUpState.CLOSED
    assert ended.evidence
    assert (ended.evidence.kind, ended.evidence.study) == (EvidenceKind.EXAMINED, study)
    assert ended.evidence.assessment == newer.assessment
    assert history(step) == [
        ("propose", "", "proposed"),
        ("perform", "proposed", "performed"),
        ("report", "performed", "reported"),
        ("close", "reported", "closed"),
    ]
    assert newer.succeeds == step
    safety_net.prove()


def test_an_emergency_ct_long_before_the_window_counts(patient: Patient) -> None:
    step = ask_for_ct(patient)
    arrivals.received(exam(patient, BASELINE + timedelta(days=9)))
    assert now(step).state == FollowUpState.PERFORMED


def test_an_exam_from_before_the_question_answers_nothing(patient: Patient) -> None:
    step = ask_for_ct(patient)
    assert arrivals.received(exam(patient, BASELINE)) is None
    assert arrivals.received(exam(patient, BASELINE - timedelta(days=100))) is None
    assert now(step).state == FollowUpState.PROPOSED


def test_an_exam_without_a_day_answers_nothing(patient: Patient) -> None:
    ask_for_ct(patient)
    assert arrivals.received(factories.scan(patient, None).study) is None


def test_a_work_up_is_not_answered_by_a_ct(patient: Patient) -> None:
    step = ask_for_ct(patient, kind=FollowUpKind.WORKUP)
    assert arrivals.received(exam(patient)) is None
    follow_ups.propose(
        assessment=answer(patient, "no_routine_followup", on=LATER),
        kind=FollowUpKind.DISCHARGE,
        window=WINDOW,
        nodules=list(patient.nodules.all()),
    )
    assert now(step).state == FollowUpState.SUPERSEDED


def test_an_exam_on_which_a_nodule_is_unread_does_not_end_the_step_as_read(patient: Patient, nodule: Nodule) -> None:
    step = ask_for_ct(patient)
    arrivals.received(exam(patient))
    newer = follow_ups.propose(
        assessment=answer(patient, on=LATER),
        kind=FollowUpKind.CT,
        window=WINDOW,
        nodules=[nodule],
        still_unread=[nodule],
    )
    ended = now(step)
    assert ended.state == FollowUpState.SUPERSEDED
    assert ended.evidence
    assert ended.evidence.newer == newer
    assert patient.follow_ups.filter(kind=FollowUpKind.REVIEW, state=FollowUpState.PROPOSED).exists()


def test_an_exam_that_answers_nothing_can_be_set_aside(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    arrivals.received(exam(patient))
    arrivals.set_aside(follow_up=step, because="Only the neck was scanned.", by=physician)
    assert (now(step).state, now(step).exam) == (FollowUpState.PLANNED, None)
    last = step.changes.latest("version")
    assert (last.by, last.why) == (physician, "Only the neck was scanned.")


def test_an_exam_that_is_withdrawn_is_asked_for_again(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    study = exam(patient)
    arrivals.received(study)
    newer = ask_for_ct(patient, on=LATER)
    arrivals.withdrawn(study=study, because="Another person's images.", by=physician)
    review = patient.follow_ups.get(kind=FollowUpKind.REVIEW, state=FollowUpState.PROPOSED)
    assert review.succeeds == now(step)
    assert now(newer).state == FollowUpState.PROPOSED
    assert Run.objects.filter(kind=RunKind.ASSESS, patient=patient).exists()
    safety_net.prove()


def test_an_exam_that_is_withdrawn_while_its_result_is_awaited(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    study = exam(patient)
    arrivals.received(study)
    arrivals.withdrawn(study=study, because="Another person's images.", by=physician)
    assert (now(step).state, now(step).exam) == (FollowUpState.PLANNED, None)


# ------------------------------------------------------------------ what the database refuses


def forge(step: FollowUp, proof: Evidence, state: FollowUpState = FollowUpState.CLOSED, **fields: object) -> None:
    """End a step behind the services' back, with its record."""
    with transaction.atomic():
        FollowUp.objects.filter(pk=step.pk).update(
            state=state,
            version=step.version + 1,
            evidence=proof,
            closing_reason="x",
            closed_at=timezone.now(),
            **fields,
        )
        step.changes.create(version=step.version + 1, step="close", from_state=step.state, to_state=state)


def test_an_order_cannot_be_ticked_off_without_its_result(patient: Patient) -> None:
    step = ask_for_ct(patient)
    study = exam(patient)
    unread = Evidence(patient=patient, kind=EvidenceKind.EXAMINED, on=LATER, study=study)
    with pytest.raises(IntegrityError, match="does not rest on this exam"), transaction.atomic():
        unread.save()
    unread.assessment = step.assessment  # what was said before the exam is no reading of it
    with pytest.raises(IntegrityError, match="does not rest on this exam"), transaction.atomic():
        unread.save()


def test_an_exam_of_another_patient_is_no_evidence(patient: Patient) -> None:
    stranger = factories.patient()
    proof = Evidence(patient=patient, kind=EvidenceKind.EXAMINED, on=LATER, study=exam(stranger))
    proof.assessment = answer(patient, on=LATER)
    with pytest.raises(IntegrityError, match="another patient"), transaction.atomic():
        proof.save()


def test_the_exam_that_asked_does_not_answer(patient: Patient) -> None:
    step = ask_for_ct(patient)
    study = exam(patient, BASELINE)
    proof = Evidence.objects.create(
        patient=patient, kind=EvidenceKind.EXAMINED, on=BASELINE, study=study, assessment=step.assessment
    )
    with pytest.raises(IntegrityError, match="does not end this follow-up"):
        forge(step, proof, exam=study)


@pytest.mark.parametrize("state", [FollowUpState.DECLINED, FollowUpState.MOVED, FollowUpState.CANCELLED])
def test_evidence_of_one_kind_ends_no_step_in_another_way(
    patient: Patient, physician: User, state: FollowUpState
) -> None:
    step = ask_for_ct(patient)
    proof = Evidence.objects.create(
        patient=patient, kind=EvidenceKind.SIGNED, on=LATER, by=physician, signed=True, reason="Seen elsewhere."
    )
    with pytest.raises(IntegrityError, match="does not end this follow-up"):
        forge(step, proof, state)


def test_a_change_that_nobody_recorded_is_refused(patient: Patient) -> None:
    step = ask_for_ct(patient)
    with pytest.raises(IntegrityError, match="raises its version"), transaction.atomic():
        FollowUp.objects.filter(pk=step.pk).update(state=FollowUpState.PLANNED)
    with pytest.raises(IntegrityError, match="nobody wrote down"):
        FollowUp.objects.filter(pk=step.pk).update(state=FollowUpState.PLANNED, version=step.version + 1)


def test_what_was_recorded_stays(patient: Patient) -> None:
    step = ask_for_ct(patient)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        step.changes.update(why="something else")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        step.changes.all().delete()


def test_evidence_stays_and_is_never_exchanged(patient: Patient, physician: User) -> None:
    step = ask_for_ct(patient)
    endings.end_step(follow_up=step, kind=EvidenceKind.SIGNED, reason="Seen elsewhere.", by=physician)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Evidence.objects.filter(patient=patient).update(reason="something else")
    other = Evidence.objects.create(
        patient=patient, kind=EvidenceKind.SIGNED, on=LATER, by=physician, signed=True, reason="Other."
    )
    with pytest.raises(IntegrityError, match="never exchanged"), transaction.atomic():
        FollowUp.objects.filter(pk=step.pk).update(evidence=other)


def test_a_second_open_step_is_refused(patient: Patient, nodule: Nodule) -> None:
    ask_for_ct(patient)
    with pytest.raises(IntegrityError, match="patient_has_one_open_step"):
        factories.follow_up(patient, [nodule], kind=FollowUpKind.WORKUP)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (EvidenceKind.DECLINED, {"reason": "No time.", "explained": "It may grow."}),  # no letter
        (EvidenceKind.DECLINED, {"reason": "No time.", "letter_on": LATER}),  # nothing explained
        (EvidenceKind.DECEASED, {"source": "Rumour"}),  # nobody vouches for it
        (EvidenceKind.DISCHARGED, {"reason": "Small."}),  # not signed
        (EvidenceKind.DISCHARGED, {"reason": "Small.", "signed": True}),  # no guideline, and no override
        (EvidenceKind.SIGNED, {"reason": "", "signed": True}),
        (EvidenceKind.SIGNED, {"reason": "Seen."}),
        (EvidenceKind.TRANSFERRED, {"reason": "The other hospital"}),
        (EvidenceKind.SUPERSEDED, {}),
        (EvidenceKind.NOTHING_LEFT, {"reason": ""}),
    ],
)
def test_evidence_that_lacks_something_is_refused(
    patient: Patient, physician: User, kind: EvidenceKind, facts: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError, match="evidence_is_complete"), transaction.atomic():
        Evidence.objects.create(patient=patient, kind=kind, on=LATER, by=physician, **facts)
