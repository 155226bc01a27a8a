"""Acts on many rows: all or none, recorded by row, and undone as new changes unless somebody was there since."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import (
    AuditEvent,
    BulkAct,
    BulkKind,
    Claim,
    ContactPoint,
    Decision,
    FollowUp,
    LetterBatch,
    Patient,
    Reminder,
    Role,
    User,
)
from nodules_app.selectors.patients import patient_page
from nodules_app.services import decisions, steps, worklists
from nodules_app.services.bulk import acts
from nodules_app.services.bulk.rows import ChangedSince, Choice, MayNotAnswer, NothingToSign
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = timezone.localdate()


def owing(**fields: object) -> Patient:
    """A patient with a proposed CT that a guideline asks for."""
    patient = factories.patient()
    answer = factories.assessment(patient, factories.result("BTS2015", "bts_ct_3m", "SOLID.VDT"))
    factories.follow_up(patient, assessed=answer, **fields)
    return patient


def step_of(patient: Patient) -> FollowUp:
    return patient.follow_ups.get()


@pytest.fixture
def three() -> list[Patient]:
    return [owing() for _ in range(3)]


@pytest.fixture
def coordinator() -> User:
    return factories.member(Role.COORDINATOR)


@pytest.fixture
def physician() -> User:
    return factories.member(Role.PHYSICIAN)


def queued(patient: Patient, channel: Channel = Channel.EMAIL, **fields: object) -> Reminder:
    ordinary = {"state": ReminderState.QUEUED, "recipient": Recipient.PATIENT, "not_before": timezone.now()}
    return Reminder.objects.create(
        key=factories.uid(),
        clinic=patient.clinic,
        patient=patient,
        follow_up=step_of(patient),
        plan=f"{step_of(patient).target_on:%Y%m%d}-{step_of(patient).due_until:%Y%m%d}-",
        rung="notice",
        tier="H",
        channel=channel,
        planned_on=TODAY,
        **(ordinary | fields),
    )


class TestAllOrNone:
    def test_one_row_that_refuses_keeps_all_others_as_they_were(
        self, three: list[Patient], coordinator: User, physician: User
    ) -> None:
        worklists.claim(patient=three[1], by=physician)
        with pytest.raises(acts.NotForAll) as refusal:
            acts.do(kind=BulkKind.TAKE, patients=three, choice=Choice(), by=coordinator)
        assert [(patient, type(why).__name__) for patient, why in refusal.value.refused] == [
            (three[1], "ClaimedByAnother")
        ]
        assert list(Claim.objects.values_list("patient", "by")) == [(three[1].pk, physician.pk)]
        assert not BulkAct.objects.exists()

    def test_what_would_refuse_is_said_without_a_trace(self, three: list[Patient], physician: User) -> None:
        decisions.accept(follow_up=step_of(three[0]), by=physician)
        before = AuditEvent.objects.count()
        refused = acts.refusals(kind=BulkKind.ACCEPT, patients=three, choice=Choice(), by=physician)
        assert [(patient, type(why)) for patient, why in refused] == [(three[0], NothingToSign)]
        assert AuditEvent.objects.count() == before
        assert step_of(three[1]).state == FollowUpState.PROPOSED

    def test_nobody_chosen_is_said(self, coordinator: User) -> None:
        with pytest.raises(acts.NoRows):
            acts.do(kind=BulkKind.TAKE, patients=[], choice=Choice(), by=coordinator)

    def test_a_colleague_of_another_clinic_gets_no_step(self, three: list[Patient], coordinator: User) -> None:
        stranger = factories.member(Role.COORDINATOR, factories.clinic(name="Elsewhere"))
        with pytest.raises(acts.NotForAll) as refusal:
            acts.do(kind=BulkKind.ASSIGN, patients=three, choice=Choice(owner=stranger), by=coordinator)
        assert {type(why) for _, why in refusal.value.refused} == {MayNotAnswer}

    def test_each_patient_of_an_act_is_in_the_audit_trail(self, three: list[Patient], coordinator: User) -> None:
        acts.do(kind=BulkKind.ASSIGN, patients=three, choice=Choice(owner=coordinator), by=coordinator)
        told = AuditEvent.objects.filter(verb="follow_up.assign", by=coordinator).values_list("patient", flat=True)
        assert set(told) == {one.pk for one in three}


class TestUndo:
    def test_signatures_are_taken_back_and_both_stay_in_the_record(self, three: list[Patient], physician: User) -> None:
        act = acts.do(kind=BulkKind.ACCEPT, patients=three, choice=Choice(), by=physician).act
        assert {step_of(one).state for one in three} == {FollowUpState.PLANNED}
        assert patient_page(three[0], today=TODAY).answers[0].signed is not None
        undone = acts.undo(act=act, by=physician)
        assert (undone.put_back, undone.left) == (3, ())
        for one in three:
            step = step_of(one)
            assert (step.state, step.owner) == (FollowUpState.PROPOSED, None)
            assert list(step.changes.order_by("version").values_list("step", flat=True))[-2:] == ["accept", "unsign"]
        assert Decision.objects.count() == 3
        assert patient_page(three[0], today=TODAY).answers[0].signed is None

    def test_a_step_can_be_signed_again_after_it_was_undone(self, three: list[Patient], physician: User) -> None:
        act = acts.do(kind=BulkKind.ACCEPT, patients=three, choice=Choice(), by=physician).act
        acts.undo(act=act, by=physician)
        decisions.accept(follow_up=step_of(three[0]), by=physician)
        assert patient_page(three[0], today=TODAY).answers[0].signed is not None

    def test_a_row_that_somebody_changed_since_is_named_and_left(
        self, three: list[Patient], physician: User, coordinator: User
    ) -> None:
        act = acts.do(kind=BulkKind.ACCEPT, patients=three, choice=Choice(), by=physician).act
        steps.assign(follow_up=step_of(three[2]), owner=coordinator, by=coordinator)
        undone = acts.undo(act=act, by=physician)
        assert undone.put_back == 2
        ((left, why),) = undone.left
        assert left == three[2]
        assert isinstance(why, ChangedSince)
        assert why.facts == {"who": str(coordinator)}
        assert (step_of(three[2]).state, step_of(three[2]).owner) == (FollowUpState.PLANNED, coordinator)

    def test_owners_come_back_each_to_their_own_step(self, three: list[Patient], coordinator: User) -> None:
        first, then = factories.member(Role.COORDINATOR), factories.member(Role.COORDINATOR)
        steps.assign(follow_up=step_of(three[0]), owner=first, by=coordinator)
        act = acts.do(kind=BulkKind.ASSIGN, patients=three, choice=Choice(owner=then), by=coordinator).act
        assert {step_of(one).owner for one in three} == {then}
        acts.undo(act=act, by=coordinator)
        assert [step_of(one).owner for one in three] == [first, None, None]

    def test_taken_patients_are_free_again_and_given_back_ones_held_as_long_as_before(
        self, three: list[Patient], coordinator: User
    ) -> None:
        taken = acts.do(kind=BulkKind.TAKE, patients=three, choice=Choice(), by=coordinator).act
        acts.undo(act=taken, by=coordinator)
        assert not Claim.objects.exists()
        until = worklists.claim(patient=three[0], by=coordinator).until
        given = acts.do(kind=BulkKind.RELEASE, patients=three[:1], choice=Choice(), by=coordinator).act
        assert not Claim.objects.exists()
        acts.undo(act=given, by=coordinator)
        assert Claim.objects.get().until == until

    def test_a_patient_whom_a_colleague_took_meanwhile_stays_with_the_colleague(
        self, three: list[Patient], coordinator: User, physician: User
    ) -> None:
        worklists.claim(patient=three[0], by=coordinator)
        act = acts.do(kind=BulkKind.RELEASE, patients=three[:1], choice=Choice(), by=coordinator).act
        worklists.claim(patient=three[0], by=physician)
        assert acts.undo(act=act, by=coordinator).put_back == 0
        assert Claim.objects.get().by == physician

    def test_postponed_reminders_get_their_moments_back(self, three: list[Patient], coordinator: User) -> None:
        message = queued(three[0])
        answer_by = timezone.now() + timedelta(hours=1)
        task = queued(
            three[0],
            Channel.TASK,
            state=ReminderState.DELIVERED,
            recipient=Recipient.COORDINATORS,
            answer_by=answer_by,
        )
        clinicians = queued(
            three[0], Channel.TASK, state=ReminderState.DELIVERED, recipient=Recipient.LEAD, answer_by=answer_by
        )
        before = message.not_before
        act = acts.do(kind=BulkKind.POSTPONE, patients=three[:1], choice=Choice(days=5), by=coordinator).act
        for row in (message, task, clinicians):
            row.refresh_from_db()
        assert message.not_before >= before + timedelta(days=5)
        assert task.answer_by == answer_by + timedelta(days=5)
        assert clinicians.answer_by == answer_by
        acts.undo(act=act, by=coordinator)
        message.refresh_from_db()
        task.refresh_from_db()
        assert (message.not_before, task.answer_by) == (before, answer_by)
        assert list(task.events.order_by("pk").values_list("step", flat=True)) == ["postpone", "put_back"]

    def test_a_reminder_that_was_sent_meanwhile_is_left(self, three: list[Patient], coordinator: User) -> None:
        message = queued(three[0])
        act = acts.do(kind=BulkKind.POSTPONE, patients=three[:1], choice=Choice(days=5), by=coordinator).act
        Reminder.objects.filter(pk=message.pk).update(state=ReminderState.HANDED_OVER)
        assert acts.undo(act=act, by=coordinator).put_back == 0

    def test_after_ten_minutes_and_a_second_time_nothing_is_undone(
        self, three: list[Patient], coordinator: User, physician: User
    ) -> None:
        act = acts.do(kind=BulkKind.TAKE, patients=three, choice=Choice(), by=coordinator).act
        for by, now in ((coordinator, timezone.now() + timedelta(minutes=11)), (physician, None)):
            with pytest.raises(acts.TooLateToUndo):
                acts.undo(act=act, by=by, now=now)
        acts.undo(act=act, by=coordinator)
        with pytest.raises(acts.TooLateToUndo):
            acts.undo(act=act, by=coordinator)


class TestLetters:
    def test_the_letters_of_the_chosen_are_printed_and_no_others(self, three: list[Patient], coordinator: User) -> None:
        letters = []
        for one in three:
            ContactPoint.objects.create(patient=one, kind="post", value="Demo\n1 Road\nTown")
            letters.append(queued(one, Channel.LETTER))
        done = acts.do(kind=BulkKind.LETTERS, patients=three[:2], choice=Choice(), by=coordinator)
        assert done.letters == LetterBatch.objects.get()
        states = [Reminder.objects.get(pk=letter.pk).state for letter in letters]
        assert [state == ReminderState.QUEUED for state in states] == [False, False, True]
        with pytest.raises(acts.TooLateToUndo):
            acts.undo(act=done.act, by=coordinator)

    def test_a_letter_that_no_font_draws_is_named_and_the_others_are_printed(
        self, three: list[Patient], physician: User
    ) -> None:
        Patient.objects.filter(pk=three[0].pk).update(name="Demo^\u1780")
        for one in three:
            decisions.accept(follow_up=step_of(one), by=physician)
            ContactPoint.objects.create(patient=one, kind="post", value="Demo\n1 Road\nTown")
            queued(one, Channel.LETTER)
        client = signed_in(Role.COORDINATOR)
        sent = {"kind": "letters", "patient": [str(one.code) for one in three], "next": "/", "sure": "1"}
        assert client.post(reverse("bulk"), sent)["Location"].endswith(".pdf")
        assert "No font of this installation draws \u1780." in words(client.get("/").content.decode())
        assert LetterBatch.objects.get().reminders.count() == 2

    def test_a_patient_without_a_letter_refuses(self, three: list[Patient], coordinator: User) -> None:
        with pytest.raises(acts.NotForAll):
            acts.do(kind=BulkKind.LETTERS, patients=three, choice=Choice(), by=coordinator)


class TestThePage:
    def test_rows_are_taken_and_undone_from_the_list(self, three: list[Patient]) -> None:
        client = signed_in(Role.COORDINATOR)
        sent = {"kind": "take", "patient": [str(one.code) for one in three], "next": "/?show=new"}
        answer = client.post(reverse("bulk"), sent)
        assert answer["Location"] == "/?show=new"
        shown = words(client.get("/?show=new").content.decode())
        assert "Taken: 3 patients." in shown
        assert "Can be undone until" in shown
        client.post(reverse("bulk-undo", kwargs={"code": BulkAct.objects.get().code}))
        assert not Claim.objects.exists()
        assert "Can be undone until" not in words(client.get("/").content.decode())

    def test_who_would_refuse_is_named_and_can_be_left_out(self, three: list[Patient], physician: User) -> None:
        decisions.accept(follow_up=step_of(three[0]), by=physician)
        client = signed_in(Role.PHYSICIAN)
        sent = {"kind": "accept", "patient": [str(one.code) for one in three], "sure": "yes"}
        answer = client.post(reverse("bulk"), sent)
        assert answer.status_code == 409
        text = answer.content.decode()
        assert "Nothing was done: 1 row refuses." in words(text)
        assert text.count('name="patient"') == 2
        client.post(reverse("bulk"), sent | {"patient": sent["patient"][1:]})
        assert {step_of(one).state for one in three} == {FollowUpState.PLANNED}

    def test_what_is_asked_beside_the_rows_is_asked_first(self, three: list[Patient], coordinator: User) -> None:
        client = signed_in(Role.COORDINATOR)
        sent = {"kind": "assign", "patient": [str(one.code) for one in three]}
        assert "Who answers for these steps" in words(client.post(reverse("bulk"), sent).content.decode())
        client.post(reverse("bulk"), sent | {"owner": str(coordinator.code), "sure": "yes"})
        assert {step_of(one).owner for one in three} == {coordinator}

    def test_a_coordinator_signs_nothing(self, three: list[Patient]) -> None:
        sent = {"kind": "accept", "patient": [str(three[0].code)], "sure": "yes"}
        assert signed_in(Role.COORDINATOR).post(reverse("bulk"), sent).status_code == 403

    def test_another_clinics_patient_refuses_all(self, three: list[Patient]) -> None:
        client = signed_in(Role.COORDINATOR)
        stranger = factories.patient(clinic=factories.clinic(name="Elsewhere"))
        sent = {"kind": "take", "patient": [str(three[0].code), str(stranger.code)]}
        assert client.post(reverse("bulk"), sent).status_code == 404
        assert not Claim.objects.exists()

    @pytest.mark.parametrize("wrong", [{"kind": "burn"}, {"kind": "take", "patient": "x"}])
    def test_what_makes_no_sense_is_refused(self, wrong: dict[str, str]) -> None:
        assert signed_in(Role.COORDINATOR).post(reverse("bulk"), wrong).status_code == 400

    def test_nobody_chosen_leads_back_with_a_word(self) -> None:
        answer = signed_in(Role.COORDINATOR).post(reverse("bulk"), {"kind": "take"}, follow=True)
        assert "Choose patients first" in words(answer.content.decode())
