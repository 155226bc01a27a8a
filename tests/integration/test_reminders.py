"""Reminders from the due step to the answer, against a real database, mail server and gateway.

Rules are named by their number in section 7.3 of the product reference; those about days and channels alone are in
tests/unit/ladder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import REMINDER, FollowUpState, NoSuchStep, ReminderState
from nodules_app.models import (
    AuditEvent,
    Clinic,
    ContactPreference,
    FollowUp,
    Outcome,
    Reminder,
    Role,
)
from nodules_app.selectors.reminders import pulse
from nodules_app.services import follow_ups, members
from nodules_app.services.reminders import acts, clockwork
from nodules_app.services.reminders.dispatch import claim, dispatch, hand_over
from nodules_app.services.reminders.gather import plan_of
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import alone, sweep
from tests import factories
from tests.integration.reminding import NOON, TODAY, end_exam, end_step, event_steps, message, owed, written
from tests.providers import MailServer
from tests.simulation.faults import cut

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


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

    def test_rule_5_a_sweep_that_loses_the_database_says_so_and_leaves_no_lock(self) -> None:
        def lose_it() -> None:
            with alone(910_272):
                cut()
                Reminder.objects.count()

        with pytest.raises(OperationalError):
            lose_it()
        connection.close()
        with alone(910_272) as held:
            assert held

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
        members.let_go(user=owner, by=factories.member(Role.ADMINISTRATOR))
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
