"""The conference from the first question to signed minutes; nobody is lost on the way, and nothing signed changes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from nodules_app.clinical.conference import ConferenceReason
from nodules_app.lifecycles import FollowUpState, MdtCaseState, NoduleState, NoSuchStep
from nodules_app.models import (
    Closure,
    Decision,
    Discipline,
    FollowUp,
    MdtAction,
    MdtCase,
    MdtChange,
    MdtMeeting,
    MdtMinutes,
    MdtOutcome,
    OutcomeKind,
    Pathology,
    Patient,
    Role,
    Run,
    RunKind,
    Scan,
    User,
)
from nodules_app.selectors import mdt as selectors
from nodules_app.services import endings, follow_ups, policy, readings, safety_net
from nodules_app.services.mdt import cases, meetings, minutes, outcomes
from nodules_app.services.mdt.outcomes import Task
from nodules_app.services.pipeline import planning
from nodules_app.services.steps import ChangedMeanwhile
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

WINDOW = (date(2026, 11, 1), date(2026, 11, 15), date(2026, 12, 1))


@pytest.fixture
def patient() -> Patient:
    nodule = factories.nodule(factories.patient())
    answer = factories.assessment(nodule.patient, factories.result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "X"))
    follow_ups.propose(assessment=answer, kind="ct", window=WINDOW, nodules=[nodule])
    return nodule.patient


@pytest.fixture
def chair() -> User:
    return factories.member(Role.CHAIR)


@pytest.fixture
def coordinator() -> User:
    return factories.member(Role.COORDINATOR)


@pytest.fixture
def meeting(chair: User, coordinator: User) -> MdtMeeting:
    starts_at = timezone.now() + timedelta(days=7)
    return meetings.plan_meeting(
        clinic=factories.clinic(),
        starts_at=starts_at,
        cut_off_at=starts_at - timedelta(days=2),
        place="Room 4",
        chair=chair,
        quorum=["radiology"],
        by=coordinator,
    )


def listed(patient: Patient, meeting: MdtMeeting, by: User) -> MdtCase:
    return cases.put_on(patient=patient, question="Biopsy now?", by=by, meeting=meeting)


def in_days(days: int) -> date:
    return timezone.localdate() + timedelta(days=days)


def open_step(patient: Patient) -> FollowUp:
    return FollowUp.objects.get(patient=patient, evidence__isnull=True)


# ------------------------------------------------------------------ onto the list


def test_a_rule_puts_a_patient_on_once_an_exam(patient: Patient) -> None:
    reasons = (ConferenceReason.CATEGORY_4B,)
    first = cases.put_on_by_rule(patient=patient, reasons=reasons, exam_on=timezone.localdate())
    assert first
    assert cases.put_on_by_rule(patient=patient, reasons=reasons, exam_on=timezone.localdate()) is None
    cases.withdraw(case=first, because="Known, and treated elsewhere.", by=factories.member())
    assert cases.put_on_by_rule(patient=patient, reasons=reasons, exam_on=timezone.localdate()) is None
    newer = cases.put_on_by_rule(patient=patient, reasons=reasons, exam_on=in_days(90))
    assert newer
    assert newer.asked_by is None


def test_no_reason_puts_nobody_on(patient: Patient) -> None:
    assert cases.put_on_by_rule(patient=patient, reasons=(), exam_on=timezone.localdate()) is None
    assert not MdtCase.objects.exists()


def test_a_patient_is_on_the_way_once(patient: Patient, coordinator: User) -> None:
    cases.put_on(patient=patient, question="Biopsy?", by=coordinator)
    with pytest.raises(cases.AlreadyOnTheWay):
        cases.put_on(patient=patient, question="PET?", by=coordinator)
    with pytest.raises(IntegrityError, match="patient_has_one_open_mdt_case"):
        MdtCase.objects.create(patient=patient, question="Again?")


def test_a_list_takes_no_case_of_another_clinic_nor_after_it_ended(
    patient: Patient, meeting: MdtMeeting, coordinator: User
) -> None:
    stranger = factories.patient(clinic=factories.clinic(name="Elsewhere"))
    factories.nodule(stranger)
    with pytest.raises(cases.ListIsClosed):
        listed(stranger, meeting, coordinator)
    meetings.begin(meeting=meeting, by=coordinator)
    meetings.end(meeting=meeting, by=coordinator)
    with pytest.raises(cases.ListIsClosed):
        listed(patient, meeting, coordinator)
    assert not MdtCase.objects.exists()  # nothing half done


def test_a_case_that_lacks_something_goes_back_when_the_list_closes_and_does_not_vanish(
    patient: Patient, meeting: MdtMeeting, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    assert meetings.close_lists() == 0  # the list is still open
    MdtMeeting.objects.update(cut_off_at=timezone.now() - timedelta(minutes=1))
    assert meetings.close_lists() == 1
    assert meetings.close_lists() == 0
    case.refresh_from_db()
    assert (case.state, case.meeting) == (MdtCaseState.RETURNED, None)
    waiting = selectors.to_prepare(coordinator)
    assert [one.why_returned for one in waiting] == [cases.NOT_COMPLETE]


def test_a_complete_case_stays_when_the_list_closes(patient: Patient, meeting: MdtMeeting, coordinator: User) -> None:
    factories.scan(patient)
    case = listed(patient, meeting, coordinator)
    facts = {"performance_status": 1, "presenter": coordinator, "pathology": Pathology.NOT_NEEDED}
    cases.prepare(case=case, facts=facts, by=coordinator)
    MdtMeeting.objects.update(cut_off_at=timezone.now() - timedelta(minutes=1))
    assert meetings.close_lists() == 0
    readings.begin(patient=patient, by=factories.member(Role.RADIOLOGIST))
    assert not selectors.one_case(case).is_read
    assert meetings.close_lists() == 1  # no outcome can be confirmed of an exam that nobody signed


def test_images_are_asked_for_once_when_a_meeting_comes_near(meeting: MdtMeeting, coordinator: User) -> None:
    of = factories.followed_patient()
    cases.put_on(patient=of, question="What now?", by=coordinator, meeting=meeting)
    meetings.ready_images()
    assert not Run.objects.filter(kind=RunKind.SHOW).exists()  # the meeting is days away
    MdtMeeting.objects.filter(pk=meeting.pk).update(
        starts_at=timezone.now() + timedelta(hours=20), cut_off_at=timezone.now()
    )
    meetings.ready_images()
    meetings.ready_images()
    asked = Run.objects.filter(kind=RunKind.SHOW, patient=of, requested_by=None)
    assert {run.scan for run in asked if run.scan} == set(Scan.objects.filter(study__patient=of))
    assert asked.count() == len({(run.scan_id, run.comparison_id) for run in asked})


def test_cases_keep_their_order_and_move_up_one_place(meeting: MdtMeeting, coordinator: User) -> None:
    made = [listed(factories.nodule(factories.patient()).patient, meeting, coordinator) for _ in range(3)]
    cases.put_before(case=made[2], by=coordinator)
    assert [one.code for one in selectors.meeting_page(meeting).cases] == [made[0].code, made[2].code, made[1].code]


# ------------------------------------------------------------------ the outcome is the plan


def test_a_biopsy_becomes_a_step_with_owner_and_day_that_ends_by_evidence_only(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    before = open_step(patient)
    tasks = [Task("Request the biopsy", coordinator, in_days(10)), Task("Stop the anticoagulant", chair, in_days(8))]
    outcomes.draft(case=case, kind=OutcomeKind.BIOPSY, by=coordinator, tasks=tasks)
    assert open_step(patient).pk == before.pk  # a draft plans nothing
    outcome = outcomes.confirm(case=case, by=chair)
    planned = open_step(patient)
    assert outcome.follow_up == planned
    assert (planned.kind, planned.state, planned.owner, planned.due_until) == (
        "workup",
        FollowUpState.PLANNED,
        chair,  # owns the earliest action
        in_days(10),
    )
    decision = Decision.objects.get(assessment=before.assessment)
    assert (decision.reason_code, decision.overrides) == ("conference", True)
    for number, action in enumerate(MdtAction.objects.order_by("due_on"), start=1):
        outcomes.finish_action(action=action, result="Done.", by=coordinator)
        case.refresh_from_db()
        assert (case.state == MdtCaseState.COMPLETE) is (number == 2)
    assert open_step(patient) == planned  # an action ticked off is no result
    safety_net.prove()


def test_a_ct_lies_around_the_day_that_was_agreed(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(90))
    outcomes.confirm(case=case, by=chair)
    step = open_step(patient)
    assert (step.kind, step.due_from, step.target_on, step.due_until) == ("ct", in_days(81), in_days(90), in_days(99))
    case.refresh_from_db()
    assert case.state == MdtCaseState.COMPLETE


def test_a_discharge_ends_the_care_with_the_reason(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.DISCHARGE, by=coordinator, says="An old granuloma, known since 2012.")
    outcomes.confirm(case=case, by=chair)
    assert Closure.objects.get(patient=patient).reason == "An old granuloma, known since 2012."
    assert set(patient.nodules.values_list("state", flat=True)) == {NoduleState.DISCHARGED}
    safety_net.prove()


def test_only_somebody_who_signs_confirms_and_nothing_half_done_remains(
    patient: Patient, meeting: MdtMeeting, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(90))
    with pytest.raises(policy.MayNotSign):
        outcomes.confirm(case=case, by=coordinator)
    case.refresh_from_db()
    assert case.state == MdtCaseState.OUTCOME_DRAFT
    assert MdtOutcome.objects.get().confirmed_at is None


def test_an_outcome_to_act_on_names_somebody(patient: Patient, meeting: MdtMeeting, coordinator: User) -> None:
    case = listed(patient, meeting, coordinator)
    with pytest.raises(outcomes.ActionMissing):
        outcomes.draft(case=case, kind=OutcomeKind.PET_CT, by=coordinator)
    with pytest.raises(outcomes.ActionInThePast):
        outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(-1))


def test_a_draft_is_written_anew_without_leaving_old_actions(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.BIOPSY, by=chair, tasks=[Task("Biopsy", chair, in_days(9))])
    outcomes.draft(case=case, kind=OutcomeKind.PET_CT, by=chair, tasks=[Task("PET-CT", chair, in_days(5))])
    assert list(MdtAction.objects.values_list("what", flat=True)) == ["PET-CT"]
    assert MdtOutcome.objects.get().kind == OutcomeKind.PET_CT


def test_the_second_writer_sees_who_was_quicker(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=chair, ct_on=in_days(90), seen=case.version)
    with pytest.raises(ChangedMeanwhile) as refused:
        outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(30), seen=case.version)
    assert refused.value.facts["who"] == str(chair)


def test_a_confirmed_outcome_is_never_changed_not_even_by_sql(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(90))
    outcomes.confirm(case=case, by=chair)
    with pytest.raises(NoSuchStep):
        outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(30))
    with pytest.raises(IntegrityError, match="a confirmed outcome is never changed"):
        MdtOutcome.objects.update(says="Something else")
    with pytest.raises(IntegrityError, match="append-only"):
        MdtChange.objects.all().delete()


def test_the_database_knows_the_same_steps_as_the_table(
    patient: Patient, meeting: MdtMeeting, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    with pytest.raises(IntegrityError, match="goes nowhere from listed to complete"):
        MdtCase.objects.filter(pk=case.pk).update(state=MdtCaseState.COMPLETE)
    with pytest.raises(IntegrityError, match="was not recorded"), transaction.atomic():
        MdtCase.objects.filter(pk=case.pk).update(state=MdtCaseState.DISCUSSED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM nodules_app_mdtcase WHERE state = 'listed'")
        assert cursor.fetchone() == (1,)


def test_a_discharged_patient_is_followed_again_when_the_conference_decides_so(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = listed(patient, meeting, coordinator)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=coordinator, ct_on=in_days(90))
    endings.discharge(patient=patient, reason="Benign.", by=chair)
    outcomes.confirm(case=case, by=chair)
    assert open_step(patient).kind == "ct"
    assert patient.nodules.get().state == NoduleState.ACTIVE
    safety_net.prove()


# ------------------------------------------------------------------ the meeting and its minutes


def finished(patient: Patient, meeting: MdtMeeting, chair: User) -> MdtCase:
    meetings.invite(meeting=meeting, discipline=Discipline.RADIOLOGY, by=chair, user=chair)
    meetings.note_attendance(meeting=meeting, came=set(meeting.attendees.values_list("pk", flat=True)), by=chair)
    case = listed(patient, meeting, chair)
    listed(factories.nodule(factories.patient()).patient, meeting, chair)  # the meeting does not come to this one
    meetings.begin(meeting=meeting, by=chair)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=chair, ct_on=in_days(90))
    outcomes.confirm(case=case, by=chair)
    meetings.end(meeting=meeting, by=chair)
    return case


def test_what_was_not_reached_is_carried(patient: Patient, meeting: MdtMeeting, chair: User) -> None:
    finished(patient, meeting, chair)
    carried = MdtCase.objects.get(state=MdtCaseState.NOT_DISCUSSED)
    assert carried.meeting is None
    assert [one.code for one in selectors.to_prepare(chair)] == [carried.code]


def test_minutes_are_signed_by_the_chair_and_keep_their_bytes(
    patient: Patient, meeting: MdtMeeting, chair: User, coordinator: User
) -> None:
    case = finished(patient, meeting, chair)
    with pytest.raises(minutes.NotTheChair):
        minutes.sign(meeting=meeting, by=coordinator)
    first = minutes.sign(meeting=meeting, by=chair)
    assert bytes(first.pdf).startswith(b"%PDF")
    with pytest.raises(minutes.NothingNew):
        minutes.sign(meeting=meeting, by=chair)
    outcomes.add(case=case, text="The surgeon saw the images too.", by=chair)
    second = minutes.sign(meeting=meeting, by=chair)
    kept = MdtMinutes.objects.get(version=1)
    assert hashlib.sha256(bytes(kept.pdf)).hexdigest() == first.sha256 == kept.sha256
    assert second.version == 2
    with pytest.raises(IntegrityError, match="append-only"):
        MdtMinutes.objects.update(sha256="")
    with pytest.raises(meetings.MeetingMovedOn):
        meetings.note_attendance(meeting=meeting, came=set(), by=chair)


def test_an_addendum_waits_for_minutes_that_are_being_signed(
    patient: Patient, meeting: MdtMeeting, chair: User
) -> None:
    case = MdtCase.objects.get(pk=finished(patient, meeting, chair).pk)

    def add() -> None:
        try:
            with connection.cursor() as asked:
                asked.execute("SET lock_timeout = '300ms'")
            outcomes.add(case=case, text="Too late for these.", by=chair)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        MdtMeeting.objects.select_for_update().get(pk=meeting.pk)  # as whoever signs holds it
        with pytest.raises(OperationalError, match="lock timeout"):
            elsewhere.submit(add).result(30)
    assert not case.addenda.exists()


def test_minutes_wait_for_every_outcome(patient: Patient, meeting: MdtMeeting, chair: User) -> None:
    case = listed(patient, meeting, chair)
    meetings.begin(meeting=meeting, by=chair)
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=chair, ct_on=in_days(90))
    meetings.end(meeting=meeting, by=chair)
    with pytest.raises(minutes.NotAllConfirmed):
        minutes.sign(meeting=meeting, by=chair)


def test_a_cancelled_meeting_gives_its_cases_back(patient: Patient, meeting: MdtMeeting, coordinator: User) -> None:
    case = listed(patient, meeting, coordinator)
    meetings.cancel_meeting(meeting=meeting, by=coordinator)
    case.refresh_from_db()
    assert (case.state, case.meeting) == (MdtCaseState.NOT_DISCUSSED, None)
    with pytest.raises(meetings.MeetingMovedOn):
        meetings.begin(meeting=meeting, by=coordinator)


def test_the_quorum_needs_the_chair_and_each_discipline(meeting: MdtMeeting, chair: User, coordinator: User) -> None:
    meetings.invite(meeting=meeting, discipline=Discipline.CHEST, by=coordinator, user=chair)
    meetings.note_attendance(meeting=meeting, came=set(meeting.attendees.values_list("pk", flat=True)), by=coordinator)
    page = selectors.meeting_page(meeting)
    assert (page.quorum.chair_is_there, page.quorum.missing, page.quorum.is_met) == (True, ("radiology",), False)
    meetings.invite(meeting=meeting, discipline=Discipline.RADIOLOGY, by=coordinator, guest="Radiologist of the day")
    meetings.note_attendance(meeting=meeting, came=set(meeting.attendees.values_list("pk", flat=True)), by=coordinator)
    assert selectors.quorum_of(meeting).is_met


# ------------------------------------------------------------------ from the guidelines' answer


def test_planning_puts_a_fast_growing_nodule_before_the_conference() -> None:
    nodule = factories.nodule(factories.patient())
    growth = {"nodule_id": nodule.label, "vdt_days": "227", "significant": True}
    result = factories.result("FLEISCHNER2017", "growth_workup", "FU.GROWTH.SOLID")
    answer = factories.assessment(nodule.patient, result, growth=[growth], inputs={"nodules": []})
    planning.plan(answer.patient)
    case = MdtCase.objects.get(patient=nodule.patient)
    assert case.reasons == [ConferenceReason.FAST_GROWTH]
    assert FollowUp.objects.get(patient=nodule.patient, kind="workup").state == FollowUpState.PROPOSED
