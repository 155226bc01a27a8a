"""Recording a contact: what was said, what the ladder's tasks make of it, and the small form itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import (
    AttemptBy,
    AttemptOutcome,
    AuditEvent,
    ContactAttempt,
    ContactOf,
    ContactPoint,
    FollowUp,
    Outcome,
    Patient,
    Reminder,
    Role,
    User,
)
from nodules_app.services import follow_ups
from nodules_app.services.attempts import CallBackIsPast, ContactOfAnother, Told, record_attempt
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def step() -> FollowUp:
    patient = factories.patient()
    return factories.follow_up(patient, [], overdue=True, kind="ct", state=FollowUpState.PLANNED)


@pytest.fixture
def coordinator() -> User:
    return factories.member(Role.COORDINATOR)


def task(step: FollowUp, rung: str = "overdue_1", to: Recipient = Recipient.COORDINATORS) -> Reminder:
    """An open task of the ladder about this step."""
    return Reminder.objects.create(
        key=factories.uid(),
        clinic=step.patient.clinic,
        patient=step.patient,
        follow_up=step,
        plan="x",
        rung=rung,
        tier="H",
        recipient=to,
        channel=Channel.TASK,
        planned_on=timezone.localdate(),
        state=ReminderState.DELIVERED,
        answer_by=timezone.now() - timedelta(days=1),
    )


def call(outcome: AttemptOutcome, **facts: object) -> Told:
    return Told(AttemptBy.CALL, outcome, **facts)  # type: ignore[arg-type]


class TestWhatFollows:
    def test_who_was_reached_answers_the_calls_that_were_owed(self, step: FollowUp, coordinator: User) -> None:
        owed = task(step)
        told = call(AttemptOutcome.REACHED, agreed=Outcome.CONFIRMED, note="Comes on Monday.")
        recorded = record_attempt(patient=step.patient, told=told, by=coordinator)
        owed.refresh_from_db()
        assert (recorded.answered, recorded.kept) == (1, 0)
        assert (owed.state, owed.outcome, owed.acknowledged_by) == ("acknowledged", Outcome.CONFIRMED, coordinator)
        assert recorded.attempt.follow_up == step
        assert AuditEvent.objects.filter(verb="contact.attempted", patient=step.patient, by=coordinator).exists()

    @pytest.mark.parametrize(
        "outcome", [AttemptOutcome.NO_ANSWER, AttemptOutcome.LEFT_MESSAGE, AttemptOutcome.WRONG_NUMBER]
    )
    def test_who_was_not_reached_keeps_the_call_for_the_next_working_day(
        self, step: FollowUp, coordinator: User, outcome: AttemptOutcome
    ) -> None:
        owed = task(step)
        recorded = record_attempt(patient=step.patient, told=call(outcome), by=coordinator)
        owed.refresh_from_db()
        assert (recorded.answered, recorded.kept) == (0, 1)
        assert owed.state == ReminderState.DELIVERED
        assert owed.answer_by is not None
        assert owed.answer_by > timezone.now()
        assert list(owed.events.values_list("step", flat=True)) == ["attempt"]

    def test_the_moment_that_the_patient_named_is_when_the_task_is_due(self, step: FollowUp, coordinator: User) -> None:
        owed, at = task(step), timezone.now() + timedelta(days=2)
        record_attempt(patient=step.patient, told=call(AttemptOutcome.CALL_BACK, call_back_at=at), by=coordinator)
        owed.refresh_from_db()
        assert owed.answer_by == at

    def test_a_relative_who_was_reached_does_not_answer_for_the_patient(
        self, step: FollowUp, coordinator: User
    ) -> None:
        owed = task(step)
        told = call(AttemptOutcome.REACHED, of=ContactOf.ALTERNATIVE)
        assert record_attempt(patient=step.patient, told=told, by=coordinator).kept == 1
        owed.refresh_from_db()
        assert owed.state == ReminderState.DELIVERED

    def test_a_call_that_a_clinician_owes_is_not_answered_by_a_coordinator(
        self, step: FollowUp, coordinator: User
    ) -> None:
        owed = task(step, "overdue_3", Recipient.PHYSICIANS)
        recorded = record_attempt(patient=step.patient, told=call(AttemptOutcome.REACHED), by=coordinator)
        assert (recorded.answered, recorded.kept) == (0, 1)
        recorded = record_attempt(
            patient=step.patient, told=call(AttemptOutcome.REACHED), by=factories.member(Role.PHYSICIAN)
        )
        assert recorded.answered == 1
        owed.refresh_from_db()
        assert owed.state == ReminderState.ACKNOWLEDGED

    @pytest.mark.parametrize("rung", ["signed", "booked", "unread", "undecided"])
    def test_a_task_that_asks_for_no_call_is_left_alone(self, step: FollowUp, coordinator: User, rung: str) -> None:
        owed = task(step, rung)
        recorded = record_attempt(patient=step.patient, told=call(AttemptOutcome.REACHED), by=coordinator)
        assert (recorded.answered, recorded.kept) == (0, 0)
        owed.refresh_from_db()
        assert owed.state == ReminderState.DELIVERED

    def test_a_letter_leaves_the_call_owed(self, step: FollowUp, coordinator: User) -> None:
        owed = task(step)
        told = Told(AttemptBy.LETTER, AttemptOutcome.LEFT_MESSAGE)
        assert record_attempt(patient=step.patient, told=told, by=coordinator).kept == 0
        assert not owed.events.exists()

    def test_who_counted_as_lost_and_was_reached_is_to_be_arranged_again(
        self, step: FollowUp, coordinator: User
    ) -> None:
        follow_ups.suspect_lost(step, because="No answer.", by=coordinator)
        assert record_attempt(patient=step.patient, told=call(AttemptOutcome.REACHED), by=coordinator).found
        step.refresh_from_db()
        assert step.state == FollowUpState.PLANNED

    def test_nothing_goes_any_more_to_a_number_that_proved_wrong(self, step: FollowUp, coordinator: User) -> None:
        number = ContactPoint.objects.create(patient=step.patient, kind="phone", value="555 0123")
        told = call(AttemptOutcome.WRONG_NUMBER, contact=number)
        attempt = record_attempt(patient=step.patient, told=told, by=coordinator).attempt
        number.refresh_from_db()
        assert number.failed_at is not None
        assert attempt.contact == number


class TestRefusals:
    def test_a_moment_that_has_passed_is_no_moment_to_call_back(self, step: FollowUp, coordinator: User) -> None:
        told = call(AttemptOutcome.CALL_BACK, call_back_at=timezone.now() - timedelta(minutes=1))
        with pytest.raises(CallBackIsPast):
            record_attempt(patient=step.patient, told=told, by=coordinator)
        assert not ContactAttempt.objects.exists()

    def test_another_patients_number_is_refused(self, step: FollowUp, coordinator: User) -> None:
        number = ContactPoint.objects.create(patient=factories.patient(), kind="phone", value="555 0123")
        with pytest.raises(ContactOfAnother):
            record_attempt(patient=step.patient, told=call(AttemptOutcome.NO_ANSWER, contact=number), by=coordinator)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"outcome": "call_back"},
            {"outcome": "no_answer", "call_back_at": timezone.now()},
            {"outcome": "reached", "agreed": ""},
            {"outcome": "no_answer", "agreed": "confirmed"},
            {"outcome": "shouted"},
            {"outcome": "no_answer", "channel": "pigeon"},
        ],
    )
    def test_the_database_refuses_what_makes_no_sense(
        self, step: FollowUp, coordinator: User, wrong: dict[str, object]
    ) -> None:
        row = {"patient": step.patient, "by": coordinator, "channel": "call"} | wrong
        with pytest.raises(IntegrityError, match="contact_attempt_"), transaction.atomic():
            ContactAttempt.objects.create(**row)

    def test_what_was_recorded_stays(self, step: FollowUp, coordinator: User) -> None:
        attempt = record_attempt(patient=step.patient, told=call(AttemptOutcome.NO_ANSWER), by=coordinator).attempt
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            ContactAttempt.objects.filter(pk=attempt.pk).update(note="other")


class TestThePage:
    def test_a_contact_is_recorded_shown_and_leads_back(self, step: FollowUp) -> None:
        client, path = signed_in(Role.COORDINATOR), reverse("record-contact", kwargs={"code": step.patient.code})
        sent = {"channel": "call", "of": "patient", "outcome": "left_message", "note": "Answering machine."}
        answer = client.post(path, sent | {"next": "/?show=overdue"})
        assert answer["Location"] == "/?show=overdue"
        assert "Call: Left a message" in words(page_of(step.patient, client))
        assert "Call: Left a message" in words(client.get("/?show=overdue").content.decode())

    def test_it_never_leads_elsewhere(self, step: FollowUp) -> None:
        path = reverse("record-contact", kwargs={"code": step.patient.code})
        sent = {"channel": "call", "of": "patient", "outcome": "no_answer", "next": "//elsewhere.example/"}
        assert signed_in(Role.COORDINATOR).post(path, sent)["Location"] == reverse(
            "patient", kwargs={"code": step.patient.code}
        )

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({}, "Say what came of it."),
            ({"outcome": "call_back"}, "Say when to call back."),
            ({"outcome": "call_back", "call_back_at": "2020-01-01T10:00"}, "has passed already"),
        ],
    )
    def test_what_is_missing_is_said(self, step: FollowUp, sent: dict[str, str], said: str) -> None:
        path = reverse("record-contact", kwargs={"code": step.patient.code})
        answer = signed_in(Role.COORDINATOR).post(path, {"channel": "call", "of": "patient"} | sent)
        assert answer.status_code == 422
        assert said in words(answer.content.decode())

    def test_ten_o_clock_is_ten_o_clock_at_the_clinic(self, step: FollowUp) -> None:
        step.patient.clinic.time_zone = "Asia/Shanghai"
        step.patient.clinic.save()
        day = timezone.localdate() + timedelta(days=3)
        path = reverse("record-contact", kwargs={"code": step.patient.code})
        sent = {"channel": "call", "of": "patient", "outcome": "call_back", "call_back_at": f"{day}T10:00"}
        signed_in(Role.COORDINATOR).post(path, sent)
        at = ContactAttempt.objects.get().call_back_at
        assert at is not None
        assert (at.utctimetuple().tm_hour, at.utctimetuple().tm_mday) == (2, day.day)

    def test_a_window_gets_the_form_alone(self, step: FollowUp) -> None:
        path = reverse("record-contact", kwargs={"code": step.patient.code})
        alone = signed_in(Role.COORDINATOR).get(path, headers={"X-Part": "form"}).content.decode()
        assert "<form" in alone
        assert "<html" not in alone

    def test_who_only_looks_records_nothing(self, step: FollowUp) -> None:
        path = reverse("record-contact", kwargs={"code": step.patient.code})
        assert signed_in(Role.MANAGER).post(path, {"channel": "call", "outcome": "no_answer"}).status_code == 403

    def test_another_clinics_patient_is_not_found(self) -> None:
        client = signed_in(Role.COORDINATOR)
        stranger: Patient = factories.patient(clinic=factories.clinic(name="Elsewhere"))
        assert client.get(reverse("record-contact", kwargs={"code": stranger.code})).status_code == 404
