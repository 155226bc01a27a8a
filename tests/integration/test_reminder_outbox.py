"""How messages leave the house: each once, again when it was not taken, and a person asked when nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import (
    ContactPreference,
    Reminder,
    ReminderEvent,
    Role,
)
from nodules_app.services.reminders import acts
from nodules_app.services.reminders.dispatch import BACK_OFF, dispatch
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import sweep
from tests import factories
from tests.integration.reminding import NOON, TODAY, event_steps, message, owed
from tests.providers import CLOSE, Gateway, MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


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
