"""Reminders from the due step to the answer, against a real database, mail server and gateway.

Rules are named by their number in section 7.3 of the product reference; those about days and channels alone are in
tests/unit/ladder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import REMINDER, FollowUpState, NoSuchStep, ReminderState
from nodules_app.models import (
    AuditEvent,
    Clinic,
    ContactPoint,
    ContactPreference,
    FollowUp,
    FollowUpKind,
    Outcome,
    Reminder,
    ReminderEvent,
    Role,
)
from nodules_app.selectors.reminders import pulse
from nodules_app.services import clinics, follow_ups
from nodules_app.services.reminders import acts, clockwork
from nodules_app.services.reminders.dispatch import BACK_OFF, claim, dispatch, hand_over
from nodules_app.services.reminders.gather import plan_of
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import alone, sweep
from tests import factories
from tests.providers import CLOSE, Gateway, MailServer, gateway, mail_server

pytestmark = pytest.mark.django_db

SECRET = "a secret of the test"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
TODAY = NOON.date()


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def mail(settings: Settings) -> Iterator[MailServer]:
    with mail_server() as server:
        settings.SMTP = settings.SMTP | {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": server.port}
        settings.MAIL_FROM = "desk@clinic.example"
        settings.SENDING_TIMEOUT_S = 3.0
        yield server


@pytest.fixture
def texts(settings: Settings) -> Iterator[Gateway]:
    with gateway(SECRET) as server:
        settings.GATEWAY_URL, settings.GATEWAY_SECRET = f"http://127.0.0.1:{server.port}/messages", SECRET
        settings.SENDING_TIMEOUT_S = 3.0
        yield server


def owed(days: int = 3, *, kind: str = "email", began: date = TODAY, **fields: object) -> FollowUp:
    """A signed CT, due in some days, of a patient who can be reached in one way."""
    clinic = factories.clinic()
    Clinic.objects.filter(pk=clinic.pk).update(reply_phone="555 0100", reply_email="desk@clinic.example")
    patient = factories.patient(clinic=Clinic.objects.get(pk=clinic.pk))
    if kind:
        ContactPoint.objects.create(
            patient=patient, kind=kind, value="patient@home.example" if kind == "email" else "555 0142", consented=True
        )
    target = TODAY + timedelta(days=days)
    ordinary = {
        "kind": FollowUpKind.CT,
        "state": FollowUpState.PLANNED,
        "due_from": target,
        "target_on": target,
        "due_until": target + timedelta(days=14),
    }
    step = factories.follow_up(patient, **(ordinary | fields))
    FollowUp.objects.filter(pk=step.pk).update(created_at=datetime.combine(began, time(6), UTC))
    return FollowUp.objects.get(pk=step.pk)


def written(now: datetime = NOON) -> list[Reminder]:
    sweep(now=now)
    return list(Reminder.objects.order_by("pk"))


def message(step: FollowUp) -> Reminder:
    """The one message of a step that waits to be sent."""
    sweep(now=NOON)
    return step.reminders.exclude(channel=Channel.TASK).get()


def event_steps(reminder: Reminder) -> list[str]:
    return list(reminder.events.order_by("pk").values_list("step", flat=True))


class TestTheSweep:
    def test_it_writes_a_row_and_its_event_for_what_falls_due(self, mail: MailServer) -> None:
        step = owed()
        rows = {row.rung: row for row in written() if row.state != ReminderState.SUPPRESSED}
        assert set(rows) == {"reminder_1", "notice_call"}
        assert (rows["reminder_1"].channel, rows["reminder_1"].state) == (Channel.EMAIL, ReminderState.QUEUED)
        assert (rows["notice_call"].channel, rows["notice_call"].state) == (Channel.TASK, ReminderState.DELIVERED)
        assert rows["notice_call"].answer_by > NOON
        assert event_steps(rows["reminder_1"]) == ["plan"]
        assert rows["reminder_1"].plan == plan_of(step)

    def test_rule_3_beat_twice_writes_once(self, mail: MailServer) -> None:
        owed()
        once = len(written())
        assert len(written()) == once
        assert sweep(now=NOON + timedelta(minutes=1)) is not None

    def test_rule_3_the_database_takes_a_key_once(self, mail: MailServer) -> None:
        row = message(owed())
        with pytest.raises(IntegrityError), transaction.atomic():
            Reminder.objects.create(
                key=row.key,
                clinic=row.clinic,
                patient=row.patient,
                follow_up=row.follow_up,
                plan=row.plan,
                rung=row.rung,
                tier=row.tier,
                recipient=row.recipient,
                channel=row.channel,
                planned_on=row.planned_on,
            )

    def test_its_queries_do_not_grow_with_the_steps(self, mail: MailServer, django_assert_num_queries: object) -> None:
        from django.test.utils import CaptureQueriesContext

        owed()
        with CaptureQueriesContext(connection) as few:
            sweep(now=NOON)
        Reminder.objects.all()
        for _ in range(6):
            owed()
        with CaptureQueriesContext(connection) as many:
            sweep(now=NOON)
        assert len(many) == len(few)

    def test_rule_14_three_days_of_outage_end_in_one_catch_up_a_step(self, mail: MailServer) -> None:
        both = [owed(8, began=TODAY - timedelta(days=150)) for _ in range(2)]  # the reminder falls into the outage
        sweep(now=NOON)
        told = Reminder.objects.count()
        for minutes in (0, 15, 30):  # back again, and beat makes up for what it missed
            sweep(now=NOON + timedelta(days=3, minutes=minutes))
        after = Reminder.objects.order_by("pk")[told:]
        acting = [row for row in after if row.state != ReminderState.SUPPRESSED]
        assert [(row.follow_up, row.rung, row.channel) for row in acting] == [
            (step, "catch_up:reminder_1", Channel.TASK) for step in both
        ]
        assert [(row.rung, row.why) for row in after if row not in acting] == [("reminder_1", "outage")] * 2


class TestTheOutbox:
    def test_rule_4_row_and_event_commit_together(self, mail: MailServer) -> None:
        owed()
        with transaction.atomic():
            sweep(now=NOON)
            assert Reminder.objects.exists()
            transaction.set_rollback(True)  # as when the process ends before the commit
        assert not Reminder.objects.exists()
        assert not ReminderEvent.objects.exists()

    def test_a_mail_goes_out_once_and_names_its_key(self, mail: MailServer) -> None:
        row = message(owed())
        assert dispatch(now=lambda: NOON) == 1
        assert dispatch(now=lambda: NOON) == 0
        (sent,) = mail.mails
        row.refresh_from_db()
        assert (row.state, row.attempt, row.provider_reference) == (ReminderState.HANDED_OVER, 1, "250 queued as T1")
        assert sent["To"] == "patient@home.example"
        assert sent["Message-ID"] == f"<{row.key.replace(':', '.')}@clinic.example>"
        assert sent["Auto-Submitted"] == "auto-generated"
        assert event_steps(row) == ["plan", "claim", "hand_over"]

    def test_rule_10_it_says_who_that_whom_to_call_and_how_to_stop_and_nothing_else(self, mail: MailServer) -> None:
        step = owed(booked_on=TODAY + timedelta(days=3), state=FollowUpState.BOOKED)
        row = message(step)
        dispatch(now=lambda: NOON)
        said = mail.mails[0].get_content()
        row.refresh_from_db()
        for wanted in ("Clinic writes to you", "26-Nov-2026", "555 0100", "tell us and we stop"):
            assert wanted in said
        whole = mail.mails[0].as_string().lower()
        for forbidden in (
            "nodule",
            "cancer",
            "lung",
            "ct of",
            "mm",
            "patient 0",
            "1958",
            step.patient.identifier.lower(),
        ):
            assert forbidden not in whole
        assert row.text.strip() == said.strip().replace("\r\n", "\n")

    def test_the_language_is_the_patients(self, mail: MailServer) -> None:
        step = owed()
        ContactPreference.objects.create(
            patient=step.patient, language="zh-hans", kind="email", by=factories.member(Role.COORDINATOR)
        )
        row = message(step)
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert row.language == "zh-hans"
        assert "预约" in mail.mails[0]["Subject"]

    def test_a_message_goes_through_the_signed_gateway(self, texts: Gateway) -> None:
        row = message(owed(kind="mobile"))
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert (row.state, row.provider_reference) == (ReminderState.HANDED_OVER, "G-1")
        assert texts.texts[row.key]["to"] == "555 0142"
        assert texts.unsigned == 0

    def test_a_wrong_secret_is_for_good(self, texts: Gateway) -> None:
        texts.secret = "another"
        row = message(owed(kind="mobile"))
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert row.state == ReminderState.FAILED

    def test_a_lost_answer_of_the_gateway_is_asked_again_under_the_same_key(self, texts: Gateway) -> None:
        texts.drop_answers = 1
        row = message(owed(kind="mobile"))
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert (row.state, row.not_before) == (ReminderState.QUEUED, NOON + BACK_OFF[0])
        dispatch(now=lambda: NOON + BACK_OFF[0])
        row.refresh_from_db()
        assert (row.state, texts.requests, len(texts.texts)) == (ReminderState.HANDED_OVER, 2, 1)

    def test_rule_8_after_1_5_30_minutes_and_4_hours_a_person_is_asked_the_same_day(self, mail: MailServer) -> None:
        mail.codes["rcpt"] = 451
        row = message(owed())
        now, waits = NOON, []
        for _ in range(len(BACK_OFF) + 1):
            dispatch(now=lambda now=now: now)
            row.refresh_from_db()
            waits.append(row.not_before - now)
            now = max(now, row.not_before)
        assert tuple(waits[:-1]) == BACK_OFF
        assert (row.state, row.attempt) == (ReminderState.FAILED, 5)
        reconcile(now=now)
        task = row.raised.get()
        assert (task.channel, task.recipient, task.planned_on) == (Channel.TASK, Recipient.COORDINATORS, TODAY)
        reconcile(now=now)
        assert row.raised.count() == 1

    def test_rule_8_a_bounce_ends_the_address_and_asks_a_person(self, mail: MailServer) -> None:
        step = owed()
        row = message(step)
        dispatch(now=lambda: NOON)
        acts.bounce(reminder=row, because="no such mailbox", by=None)
        reconcile(now=NOON)
        assert row.raised.get().why == ReminderState.BOUNCED
        assert step.patient.contact_points.get().failed_because == "no such mailbox"
        sweep(now=NOON + timedelta(days=2))
        assert set(step.reminders.filter(rung="reminder_2").values_list("channel", flat=True)) == {Channel.TASK}

    def test_an_address_refused_for_good_is_not_tried_again(self, mail: MailServer) -> None:
        mail.codes["rcpt"] = 550
        row = message(owed())
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert (row.state, row.attempt) == (ReminderState.FAILED, 1)

    @pytest.mark.parametrize("moment", ["greeting", "ehlo", "mail", "rcpt", "data"])
    def test_what_breaks_before_the_body_is_tried_again(self, mail: MailServer, moment: str) -> None:
        mail.codes[moment] = CLOSE
        row = message(owed())
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert row.state == ReminderState.QUEUED
        mail.codes.clear()
        dispatch(now=lambda: NOON + BACK_OFF[0])
        assert len(mail.mails) == 1

    @pytest.mark.parametrize("moment", ["body", "answer"])
    def test_what_breaks_after_the_body_is_for_a_person_and_never_sent_by_itself(
        self, mail: MailServer, moment: str
    ) -> None:
        mail.codes[moment] = CLOSE
        row = message(owed())
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert row.state == ReminderState.UNCERTAIN
        mail.codes.clear()
        reconcile(now=NOON)
        for hours in range(1, 60):
            dispatch(now=lambda hours=hours: NOON + timedelta(hours=hours))
        assert len(mail.mails) == (moment == "answer")
        assert row.raised.get().why == ReminderState.UNCERTAIN
        by = factories.member(Role.COORDINATOR)
        acts.send_again(reminder=row, by=by)
        assert row.raised.get().state == ReminderState.CANCELLED


class TestRule2DecideAtTheMoment:
    def test_a_step_that_ends_cancels_what_waits_in_the_same_transaction(self, mail: MailServer) -> None:
        step = owed()
        row = message(step)
        doctor = factories.member(Role.PHYSICIAN)
        end_step(step, doctor)
        row.refresh_from_db()
        assert (row.state, row.why) == (ReminderState.CANCELLED, "step_ended")
        dispatch(now=lambda: NOON)
        assert mail.mails == []

    def test_rule_1_another_day_cancels_the_old_plan_and_begins_a_new_one(self, mail: MailServer) -> None:
        step = owed()
        row = message(step)
        follow_ups.book(step, on=step.target_on, by=factories.member(Role.RADIOLOGIST))
        row.refresh_from_db()
        assert (row.state, row.why) == (ReminderState.CANCELLED, "replanned")
        assert event_steps(row) == ["plan", "cancel"]
        sweep(now=NOON)
        assert step.reminders.get(state=ReminderState.QUEUED).plan != row.plan

    def test_a_wish_for_silence_after_the_planning_is_heard(self, mail: MailServer) -> None:
        step = owed()
        row = message(step)
        ContactPreference.objects.create(
            patient=step.patient, do_not_contact="asked for it", by=factories.member(Role.COORDINATOR)
        )
        dispatch(now=lambda: NOON)
        row.refresh_from_db()
        assert (row.state, row.why, mail.mails) == (ReminderState.SUPPRESSED, "do_not_contact", [])

    def test_call_me_instead_makes_a_task_of_every_message(self, mail: MailServer) -> None:
        step = owed()
        ContactPreference.objects.create(patient=step.patient, call_instead=True, by=factories.member(Role.COORDINATOR))
        rows = [row for row in written() if row.rung == "reminder_1"]
        assert [(row.channel, row.why) for row in rows] == [(Channel.TASK, "call_instead")]

    def test_quiet_hours_postpone_without_costing_an_attempt(self, mail: MailServer) -> None:
        row = message(owed())
        night = NOON.replace(hour=22)
        dispatch(now=lambda: night)
        row.refresh_from_db()
        assert (row.state, row.attempt) == (ReminderState.QUEUED, 0)
        assert row.not_before == datetime(2026, 11, 24, 8, tzinfo=UTC)
        assert mail.mails == []

    def test_no_consent_means_no_mail(self, mail: MailServer) -> None:
        step = owed()
        step.patient.contact_points.update(consented=False)
        assert [row.channel for row in written() if row.rung == "reminder_1"] == [Channel.TASK]


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_two_dispatchers_send_one_mail(self, mail: MailServer) -> None:
        row = message(owed())
        gate = threading.Barrier(2)

        def work() -> None:
            gate.wait()
            dispatch(now=lambda: NOON)
            connection.close()

        both = [threading.Thread(target=work) for _ in range(2)]
        [one.start() for one in both]
        [one.join() for one in both]
        row.refresh_from_db()
        assert (len(mail.mails), row.attempt, row.state) == (1, 1, ReminderState.HANDED_OVER)

    def test_rule_5_a_second_sweep_steps_aside(self) -> None:
        found: list[object] = []

        def other() -> None:
            found.append(sweep(now=NOON))
            connection.close()

        with alone(910_272) as held:
            assert held
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert found == [None]

    def test_a_death_waits_for_the_hand_over_and_is_then_obeyed(self, mail: MailServer) -> None:
        """What commits before the hand-over stops it; what comes during it waits until the message is written down."""
        step = owed()
        row = message(step)
        mail.hold_at = "rcpt"
        sender = threading.Thread(target=lambda: (dispatch(now=lambda: NOON), connection.close()))
        sender.start()
        assert mail.held.wait(10)
        ended = threading.Event()

        def end() -> None:
            end_step(FollowUp.objects.get(pk=step.pk), factories.member(Role.PHYSICIAN))
            ended.set()
            connection.close()

        ending = threading.Thread(target=end)
        ending.start()
        assert not ended.wait(0.5)
        mail.let_go.set()
        sender.join()
        ending.join()
        row.refresh_from_db()
        assert (len(mail.mails), row.state) == (1, ReminderState.HANDED_OVER)


class TestRule11Silence:
    def test_it_moves_up_to_the_manager_and_never_ends(self) -> None:
        step = owed(-60, kind="")
        sweep(now=NOON)
        now = NOON
        for _ in range(30):
            now += timedelta(days=3)
            reconcile(now=now)
        asked = list(step.reminders.filter(rung="overdue_4").order_by("pk").values_list("recipient", flat=True))
        assert asked[:2] == [Recipient.LEAD, Recipient.MANAGER]
        assert set(asked[1:]) == {Recipient.MANAGER}
        assert len(asked) > 4

    def test_one_answer_ends_the_matter_and_names_who_gave_it(self) -> None:
        step = owed(-60, kind="")
        sweep(now=NOON)
        reconcile(now=NOON + timedelta(days=10))
        first, second = step.reminders.filter(rung="overdue_4", state=ReminderState.DELIVERED).order_by("pk")
        lead = factories.member(Role.CHAIR)
        acts.acknowledge(reminder=second, outcome=Outcome.REACHED, note="Will be seen elsewhere", by=lead)
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, second.state, second.acknowledged_by) == (
            ReminderState.CANCELLED,
            ReminderState.ACKNOWLEDGED,
            lead,
        )
        reconcile(now=NOON + timedelta(days=40))
        assert not step.reminders.filter(rung="overdue_4", state=ReminderState.DELIVERED).exists()
        assert AuditEvent.objects.filter(verb="reminder.acknowledged", by=lead, patient=step.patient).exists()

    def test_nobody_can_be_the_one_who_acknowledged(self, mail: MailServer) -> None:
        row = message(owed())
        with pytest.raises(IntegrityError), transaction.atomic():
            Reminder.objects.filter(pk=row.pk).update(state=ReminderState.ACKNOWLEDGED)

    def test_an_attempt_keeps_the_task_open_until_the_next_working_day(self) -> None:
        step = owed(-10, kind="")
        sweep(now=NOON)
        task = step.reminders.get(channel=Channel.TASK, state=ReminderState.DELIVERED)
        acts.note_attempt(reminder=task, note="No answer", by=factories.member(Role.COORDINATOR))
        task.refresh_from_db()
        assert task.state == ReminderState.DELIVERED
        assert task.answer_by > timezone.now()
        assert "attempt" in event_steps(task)

    def test_somebody_away_is_covered_and_somebody_gone_hands_to_the_team(self) -> None:
        owner, cover = factories.member(Role.PHYSICIAN), factories.member(Role.PHYSICIAN)
        owner.away_until, owner.covered_by = TODAY + timedelta(days=5), cover
        owner.save()
        step = owed(20, kind="", state=FollowUpState.PROPOSED, owner=owner)
        sweep(now=NOON)
        assert step.reminders.get(rung="signed").assigned_to == cover
        clinics.let_go(user=owner, by=factories.member(Role.ADMINISTRATOR))
        step.refresh_from_db()
        owner.refresh_from_db()
        assert (step.owner, owner.is_active) == (None, False)


def test_rule_12_a_person_with_too_many_tasks_gets_no_more() -> None:
    owner = factories.member(Role.PHYSICIAN)
    for _ in range(27):
        owed(20, kind="", state=FollowUpState.PROPOSED, owner=owner)
    sweep(now=NOON)
    assert Reminder.objects.filter(assigned_to=owner).count() == 25
    assert Reminder.objects.filter(rung="signed", assigned_to=None).count() == 2


def test_rule_13_nothing_here_ends_moves_or_discharges_a_step() -> None:
    step = owed(-200, kind="")
    before = (step.state, step.version)
    for days in range(0, 90, 3):
        sweep(now=NOON + timedelta(days=days))
        reconcile(now=NOON + timedelta(days=days))
    step.refresh_from_db()
    assert (step.state, step.version) == before


class TestRule15Heartbeat:
    def test_it_is_late_when_nobody_knows_and_after_two_hours(self) -> None:
        assert pulse(now=NOON).late
        sweep(now=NOON)
        assert not pulse(now=NOON + timedelta(hours=2)).late
        assert pulse(now=NOON + timedelta(hours=2, seconds=1)).late

    def test_the_on_call_address_is_written_to_once(self, mail: MailServer) -> None:
        Clinic.objects.filter(pk=factories.clinic().pk).update(on_call_email="oncall@clinic.example")
        assert clockwork.alarm_when_late()
        assert not clockwork.alarm_when_late()
        assert [sent["To"] for sent in mail.mails] == ["oncall@clinic.example"]

    def test_it_names_the_oldest_message_that_waits(self, mail: MailServer) -> None:
        row = message(owed())
        assert pulse(now=NOON).oldest_unsent_at == row.not_before


def test_a_task_whose_reason_has_gone_leaves_the_list() -> None:
    step = owed(13, kind="")
    sweep(now=NOON)
    task = step.reminders.get(rung="booked", state=ReminderState.DELIVERED)
    end_exam(step)
    reconcile(now=NOON)
    task.refresh_from_db()
    assert (task.state, task.why) == (ReminderState.CANCELLED, "came")


@pytest.mark.parametrize("state", list(ReminderState))
def test_a_reminder_takes_no_step_that_its_state_does_not_know(state: ReminderState, mail: MailServer) -> None:
    row = message(owed())
    known = {step for at, step in REMINDER if at == state}
    fields = {"acknowledged_by": factories.member()} if state == ReminderState.ACKNOWLEDGED else {}
    Reminder.objects.filter(pk=row.pk).update(state=state, why="test", lease_until=NOON, **fields)
    if "acknowledge" not in known:
        with pytest.raises(NoSuchStep):
            acts.acknowledge(reminder=row, outcome=Outcome.DONE, note="", by=factories.member())
    if "send_again" not in known:
        with pytest.raises(NoSuchStep):
            acts.send_again(reminder=row, by=factories.member())


def test_a_claimed_message_that_was_taken_back_is_not_sent_by_the_late_dispatcher(mail: MailServer) -> None:
    row = message(owed())
    assert claim(row.pk, now=NOON)
    assert not claim(row.pk, now=NOON)
    reconcile(now=NOON + timedelta(hours=1))
    hand_over(row.pk, now=NOON + timedelta(hours=1))
    row.refresh_from_db()
    assert (row.state, mail.mails) == (ReminderState.UNCERTAIN, [])


def end_step(step: FollowUp, by: object) -> None:
    """A clinician signs that the step is not needed."""
    from nodules_app.models import Evidence
    from nodules_app.services import steps

    with transaction.atomic():
        held = steps.hold(step)
        proof = Evidence.objects.create(
            patient=held.patient, kind="signed", on=TODAY, by=by, signed=True, reason="Not indicated any more"
        )
        steps.end(held, proof, reason="Not indicated any more", by=by)


def end_exam(step: FollowUp) -> None:
    """The patient came."""
    from nodules_app.services import steps

    with transaction.atomic():
        steps.move(steps.hold(step), "perform", by=None, exam=factories.scan(step.patient, TODAY).study)
