"""``kill -9`` of the process at every step of a reminder's path: nobody is told twice, and nothing is forgotten.

The blow falls where the other side holds the process: the mail server at a moment of the conversation, the gateway
before its answer, the database by a lock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import psycopg2
import pytest
from django.db import connection, transaction
from django.utils import timezone

from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import Clinic, ContactPoint, FollowUpKind, LetterBatch, Reminder, Role
from nodules_app.services.reminders.acts import NothingToPrint, print_letters
from nodules_app.services.reminders.dispatch import dispatch
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import sweep
from tests import factories
from tests.integration.conftest import SECRET
from tests.integration.database import ROOT, address, database
from tests.providers import MOMENTS, Gateway, MailServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LIMIT_S = 60.0


PRINT = """
import sys
import django
django.setup()
from django.utils import timezone
from nodules_app.models import Clinic, User
from nodules_app.services.reminders.acts import print_letters
print_letters(clinic=Clinic.objects.get(), by=User.objects.get(pk=sys.argv[1]), now=timezone.now())
"""


def working(part: str, **env: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A process of the product at one part of the path."""
    return running("manage.py", "reminders", part, **env)


@contextmanager
def running(*command: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the product; killed at the end if the test has not done it."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address(), "NODULES_SENDING_TIMEOUT_S": "30"} | env,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def locked(table: str) -> Iterator[None]:
    """Nobody writes this table meanwhile."""
    link = psycopg2.connect(**database())
    try:
        link.cursor().execute(f"LOCK TABLE nodules_app_{table} IN SHARE MODE")
        yield
    finally:
        link.close()


def until(reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not reached():
        assert time.monotonic() < deadline_s, "the process never came that far"
        time.sleep(0.05)


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def nobody_holds(rows: list[Reminder]) -> bool:
    """The database has noticed that a process is gone: its locks with it."""
    with transaction.atomic():
        free = Reminder.objects.select_for_update(skip_locked=True).filter(pk__in=[row.pk for row in rows])
        return len(free) == len(rows)


def env_of(server: MailServer) -> dict[str, str]:
    return {"NODULES_SMTP_URL": f"smtp://127.0.0.1:{server.port}", "NODULES_MAIL_FROM": "desk@clinic.example"}


def waiting(kind: str = "email") -> Reminder:
    """A message in the queue of a clinic that is open at all hours."""
    clinic = factories.clinic()
    Clinic.objects.filter(pk=clinic.pk).update(
        working_weekdays=[1, 2, 3, 4, 5, 6, 7], quiet_from="00:00", quiet_until="00:00"
    )
    patient = factories.patient(clinic=Clinic.objects.get(pk=clinic.pk))
    value = "patient@home.example" if kind == "email" else "555 0142"
    ContactPoint.objects.create(patient=patient, kind=kind, value=value, consented=True)
    target = timezone.localdate() + timedelta(days=3)
    days = {"due_from": target, "target_on": target, "due_until": target + timedelta(days=14)}
    step = factories.follow_up(patient, kind=FollowUpKind.CT, state=FollowUpState.PLANNED, **days)
    sweep(now=timezone.now())
    return step.reminders.get(state=ReminderState.QUEUED)


def make_good(row: Reminder) -> None:
    """What beat does in the next two days: repair, look, send, many times."""
    for hours in range(1, 48, 3):
        now = timezone.now() + timedelta(hours=hours)
        reconcile(now=now)
        dispatch(now=lambda now=now: now)
    row.refresh_from_db()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_the_mail_server_listens(mail: MailServer, moment: str) -> None:
    """At whatever word: the server takes at most one mail, and when nobody knows, a person is asked, not the server."""
    row = waiting()
    mail.hold_at = moment
    with working("dispatch", **env_of(mail)) as process:
        assert mail.held.wait(LIMIT_S)
        process.kill()
        process.wait()
    row.refresh_from_db()
    assert row.state == ReminderState.SENDING
    mail.hold_at = ""
    mail.let_go.set()
    make_good(row)
    assert row.state == ReminderState.UNCERTAIN
    # With the body on its way the last line may have reached the server before the blow did.
    assert len(mail.mails) in {"answer": {1}, "body": {0, 1}}.get(moment, {0})
    assert row.raised.get(key=f"{row.key}:failed").channel == Channel.TASK


def test_killed_before_the_claim_it_is_sent_once(mail: MailServer) -> None:
    row = waiting()
    with locked("reminder"), working("dispatch", **env_of(mail)) as process:
        until(somebody_waits_for_a_lock)
        process.kill()
        process.wait()
    dispatch(now=timezone.now)
    row.refresh_from_db()
    assert (row.state, len(mail.mails)) == (ReminderState.HANDED_OVER, 1)


def test_killed_between_the_answer_and_writing_it_down(mail: MailServer) -> None:
    row = waiting()
    mail.hold_at = "answer"
    with working("dispatch", **env_of(mail)) as process:
        assert mail.held.wait(LIMIT_S)
        with locked("reminderevent"):
            mail.let_go.set()
            until(somebody_waits_for_a_lock)
            process.kill()
            process.wait()
    mail.hold_at = ""
    make_good(row)
    assert (row.state, len(mail.mails)) == (ReminderState.UNCERTAIN, 1)


def test_killed_before_the_gateways_answer_the_same_key_is_sent_again_and_taken_once(texts: Gateway) -> None:
    row = waiting("mobile")
    texts.hold = True
    env = {"NODULES_GATEWAY_URL": f"http://127.0.0.1:{texts.port}/messages", "NODULES_GATEWAY_SECRET": SECRET}
    with working("dispatch", **env) as process:
        assert texts.held.wait(LIMIT_S)
        process.kill()
        process.wait()
    texts.hold = False
    texts.let_go.set()
    make_good(row)
    assert row.state in (ReminderState.HANDED_OVER, ReminderState.UNKNOWN)
    assert (texts.requests, list(texts.texts)) == (2, [row.key])


def test_killed_between_the_gateways_answer_and_writing_it_down(texts: Gateway) -> None:
    row = waiting("mobile")
    texts.hold = True
    env = {"NODULES_GATEWAY_URL": f"http://127.0.0.1:{texts.port}/messages", "NODULES_GATEWAY_SECRET": SECRET}
    with working("dispatch", **env) as process:
        assert texts.held.wait(LIMIT_S)
        with locked("reminderevent"):
            texts.hold = False
            texts.let_go.set()
            until(somebody_waits_for_a_lock)
            process.kill()
            process.wait()
    make_good(row)
    assert row.state in (ReminderState.HANDED_OVER, ReminderState.UNKNOWN)
    assert (texts.requests, list(texts.texts)) == (2, [row.key])


def test_a_reconciler_killed_while_it_takes_back_leaves_the_row_to_the_next(mail: MailServer) -> None:
    row = waiting()
    long_ago = timezone.now() - timedelta(hours=1)
    Reminder.objects.filter(pk=row.pk).update(state=ReminderState.SENDING, lease_until=long_ago, attempt=1)
    killed_in_reconcile()
    row.refresh_from_db()
    assert row.state == ReminderState.SENDING
    make_good(row)
    assert (row.state, len(mail.mails)) == (ReminderState.UNCERTAIN, 0)
    assert row.events.filter(step="lose_track").count() == 1


def test_a_reconciler_killed_while_it_moves_silence_up_asks_the_next_one_once(mail: MailServer) -> None:
    row = waiting()
    long_ago = timezone.now() - timedelta(days=9)
    Reminder.objects.filter(pk=row.pk).update(
        state=ReminderState.DELIVERED, channel=Channel.TASK, recipient="coordinators", answer_by=long_ago
    )
    killed_in_reconcile()
    assert not row.raised.exists()
    reconcile(now=timezone.now())
    reconcile(now=timezone.now())
    assert row.raised.count() == 1


def killed_in_reconcile() -> None:
    """The blow falls on the first row that the reconciler writes."""
    with locked("reminderevent"), working("reconcile") as process:
        until(somebody_waits_for_a_lock)
        process.kill()
        process.wait()


def test_killed_in_the_middle_of_printing_every_letter_is_in_the_next_batch_once(mail: MailServer) -> None:
    letters, by = [waiting("post"), waiting("post")], factories.member(Role.COORDINATOR)
    assert {row.channel for row in letters} == {Channel.LETTER}
    with locked("reminderevent"), running("-c", PRINT, str(by.pk), DJANGO_SETTINGS_MODULE="nodules_app.settings") as it:
        until(somebody_waits_for_a_lock)  # the batch is written, and the first letter
        it.kill()
        it.wait()
    until(lambda: nobody_holds(letters))
    assert not LetterBatch.objects.exists()
    batch = print_letters(clinic=Clinic.objects.get(), by=by, now=timezone.now())
    assert set(batch.reminders.all()) == set(letters)
    for row in letters:
        row.refresh_from_db()
        assert row.state == ReminderState.HANDED_OVER
        assert row.events.filter(step="hand_over").count() == 1
    with pytest.raises(NothingToPrint):
        print_letters(clinic=Clinic.objects.get(), by=by, now=timezone.now())


def test_a_sweep_killed_while_it_writes_leaves_nothing_half_and_its_lock_free(mail: MailServer) -> None:
    step = waiting().follow_up
    written = Reminder.objects.count()
    other = factories.follow_up(
        factories.patient(),
        kind=FollowUpKind.CT,
        state=FollowUpState.PLANNED,
        due_from=step.due_from,
        target_on=step.target_on,
        due_until=step.due_until,
    )
    with locked("reminderevent"), working("sweep") as process:
        until(somebody_waits_for_a_lock)
        process.kill()
        process.wait()
    assert Reminder.objects.count() == written
    until(lambda: sweep(now=timezone.now()) is not None)
    assert other.reminders.exists()
    assert all(row.events.exists() for row in other.reminders.all())


def test_a_reconciler_killed_while_it_asks_a_person_asks_once(mail: MailServer) -> None:
    row = waiting()
    Reminder.objects.filter(pk=row.pk).update(state=ReminderState.FAILED)
    killed_in_reconcile()
    assert not row.raised.exists()
    reconcile(now=timezone.now())
    reconcile(now=timezone.now())
    assert row.raised.count() == 1
