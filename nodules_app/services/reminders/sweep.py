"""The search for what falls due: it reads the database, never a message, so a missed or doubled run changes nothing.

One run holds the advisory lock of the sweep; a second one that starts meanwhile finds nothing to do. Each chunk of
steps is one transaction: rows of reminders and of their events are committed together or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Q

from nodules_app.ladder.calendar import Calendar
from nodules_app.ladder.plan import Step, Telling, Verdict, plan
from nodules_app.ladder.rungs import OUTSIDE, Channel, Recipient
from nodules_app.lifecycles import EXAM_MADE, OPEN_FOLLOW_UP, ReminderState
from nodules_app.models import Clinic, FollowUp, Reminder
from nodules_app.selectors.reminders import SWEPT_AT
from nodules_app.services.reminders.gather import Known, gather
from nodules_app.services.reminders.rules import LadderInForce, answer_until, calendar_of, ladder_of
from nodules_app.services.reminders.staff import open_tasks_of, who_answers

SWEEP_LOCK: Final = 910_272
CHUNK: Final = 1000
EVENTS: Final = """
INSERT INTO nodules_app_reminderevent (reminder_id, step, from_state, to_state, why, facts)
SELECT id, 'plan', '', state, why, '{}' FROM nodules_app_reminder WHERE code = ANY(%s) ORDER BY id
"""
WRITTEN: Final = (Verdict.ACTS, Verdict.SUPPRESSED)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run found: open steps looked at, rows written."""

    looked_at: int
    written: int


@contextmanager
def alone(key: int) -> Iterator[bool]:
    """Say whether this process is the only one with ``key``; the lock ends with the connection, also by a kill."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        (held,) = cursor.fetchone()
        try:
            yield bool(held)
        finally:
            if held and connection.is_usable():  # a lost connection has given the lock back, and says why it was lost
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def sweep(*, now: datetime, chunk: int = CHUNK) -> Swept | None:
    """Write a row for every rung that falls due; None when another sweep is at work."""
    with alone(SWEEP_LOCK) as allowed:
        if not allowed:
            return None
        looked_at = written = 0
        for clinic in Clinic.objects.order_by("pk"):
            ladder, calendar = ladder_of(clinic), calendar_of(clinic)
            for steps in _open_steps(clinic, ladder, calendar, now, chunk):
                looked_at += len(steps)
                written += _write(steps, clinic, ladder, calendar, now)
        cache.set(SWEPT_AT, now, timeout=None)
        return Swept(looked_at, written)


def _open_steps(
    clinic: Clinic, ladder: LadderInForce, calendar: Calendar, now: datetime, chunk: int
) -> Iterator[list[FollowUp]]:
    """Give the open steps of a clinic whose first rung may have come, a chunk at a time, in the order of their keys."""
    earliest = min((days for rung in ladder.rungs for days in rung.offset_days.values()), default=0)
    near = calendar.today(now) + timedelta(days=max(0, -earliest) + 1)
    due = FollowUp.objects.filter(
        Q(target_on__lte=near) | Q(booked_on__lte=near) | Q(state__in=EXAM_MADE),
        patient__clinic=clinic,
        state__in=OPEN_FOLLOW_UP,
    ).select_related("patient", "exam", "owner__covered_by")
    last = 0
    while steps := list(due.filter(pk__gt=last).order_by("pk")[:chunk]):
        last = steps[-1].pk
        for step in steps:
            step.patient.clinic = clinic  # one object for all, not one read a step
        yield steps


@transaction.atomic
def _write(steps: Sequence[FollowUp], clinic: Clinic, ladder: LadderInForce, calendar: Calendar, now: datetime) -> int:
    known = gather(steps)
    tasks = open_tasks_of({one.owner for one in steps if one.owner})
    rows = [
        row
        for one in known
        for step in plan(one.facts, ladder.rungs, calendar, now)
        if step.verdict in WRITTEN
        for row in _rows(one, step, ladder, calendar, now, tasks)
    ]
    if not rows:
        return 0
    # Committed by another transaction meanwhile: the key is taken, and that row says what this one would.
    Reminder.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK)
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, [[row.code for row in rows]])
        return int(cursor.rowcount)


def _rows(
    one: Known, step: Step, ladder: LadderInForce, calendar: Calendar, now: datetime, tasks: Counter[int]
) -> Iterator[Reminder]:
    if step.verdict == Verdict.SUPPRESSED:
        nobody = Telling(Recipient.PATIENT, Channel.TASK)
        yield _row(one, step, nobody, ladder, now, state=ReminderState.SUPPRESSED, why=step.why)
        return
    for telling in step.tellings:
        row = _row(one, step, telling, ladder, now, state=ReminderState.QUEUED, why=telling.because or "")
        if telling.channel == Channel.TASK:
            row.state = ReminderState.DELIVERED
            row.assigned_to = who_answers(one.follow_up, telling.to, tasks, ladder.task_cap, calendar.today(now))
            row.answer_by = answer_until(calendar, now, step.answer_within_days)
        yield row


def _row(
    one: Known, step: Step, telling: Telling, ladder: LadderInForce, now: datetime, *, state: str, why: str
) -> Reminder:
    follow_up = one.follow_up
    return Reminder(
        key=key_of(follow_up, one.plan, step.rung, telling.channel, telling.to),
        clinic=follow_up.patient.clinic,
        patient=follow_up.patient,
        follow_up=follow_up,
        ladder=ladder.version,
        plan=one.plan,
        rung=step.rung,
        tier=one.facts.tier,
        recipient=telling.to,
        channel=telling.channel,
        planned_on=step.planned_on or now.date(),
        state=state,
        why=why,
        not_before=now,
        subject="",  # said here: a default of the database would keep the rows from going in as one UNNEST
        text="",
        language=one.language if telling.to in OUTSIDE else "",
    )


def key_of(follow_up: FollowUp, plan: str, rung: str, channel: str, recipient: str) -> str:
    """The idempotency key: which message of which plan of which step, whoever tries to write or send it."""
    return f"{follow_up.code.hex}:{plan}:{rung}:{channel}:{recipient}"
