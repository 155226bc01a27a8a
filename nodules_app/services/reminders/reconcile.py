"""What was left half way, what failed, and what nobody answered: the guarantee behind the timers.

Runs every few minutes. Nothing here sends; it puts rows back into the queue, turns failures into tasks of the same day
and lets silence move up to the next person.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from nodules_app.ladder.plan import why_not_needed
from nodules_app.ladder.rungs import ABOVE, Channel, Recipient
from nodules_app.lifecycles import ReminderState
from nodules_app.models import FollowUp, Reminder, ReminderEvent
from nodules_app.models.reminders import IN_TROUBLE
from nodules_app.services.reminders.dispatch import KNOWS_THE_KEY
from nodules_app.services.reminders.gather import gather
from nodules_app.services.reminders.moves import held, move
from nodules_app.services.reminders.rules import answer_until, calendar_of, ladder_of

NO_RECEIPT_AFTER: Final = timedelta(hours=48)
RECONCILE_AT_ONCE: Final = 2000
ANSWER_FAILURE_WITHIN_DAYS: Final = 1
ANSWER_ABOVE_WITHIN_DAYS: Final = 3
ASK_AGAIN_DAYS: Final = 7  # the last one above is asked every week until somebody answers
DISPATCHER_ENDED: Final = "the dispatcher ended before it wrote down what became of the message"


def reconcile(*, now: datetime) -> dict[str, int]:
    """Do all of it; gives what was found, for the log."""
    return {
        "left half way": take_back(now=now),
        "without receipt": miss_receipts(now=now),
        "settled": settle_what_is_answered(now=now),
        "tasks for failures": ask_a_person(now=now),
        "moved up": move_up(now=now),
    }


def take_back(*, now: datetime) -> int:
    """Decide about messages whose dispatcher ended between claiming and writing down.

    A provider that takes a key once gets it again. With a mail server nobody knows: the row becomes uncertain, a
    person makes sure and decides; it is never sent again by itself.
    """
    found = 0
    stale = Reminder.objects.filter(state=ReminderState.SENDING, lease_until__lt=now).values_list("pk", flat=True)
    for key in stale[:RECONCILE_AT_ONCE]:
        with transaction.atomic():
            reminder = held(key)
            if reminder.state != ReminderState.SENDING or reminder.lease_until is None or reminder.lease_until >= now:
                continue
            step = "retry" if Channel(reminder.channel) in KNOWS_THE_KEY else "lose_track"
            move(reminder, step, because=DISPATCHER_ENDED, lease_until=None, not_before=now)
            found += 1
    return found


def miss_receipts(*, now: datetime) -> int:
    """Count a message without a receipt for two days as unknown; only the gateway gives receipts."""
    late = Reminder.objects.filter(
        state=ReminderState.HANDED_OVER, channel=Channel.MESSAGE, handed_over_at__lt=now - NO_RECEIPT_AFTER
    )
    return _each(late.values_list("pk", flat=True), ReminderState.HANDED_OVER, "miss_receipt")


def _each(keys: Iterable[int], state: ReminderState, step: str) -> int:
    found = 0
    for key in list(keys)[:RECONCILE_AT_ONCE]:
        with transaction.atomic():
            reminder = held(key)
            if reminder.state == state:
                move(reminder, step)
                found += 1
    return found


def settle_what_is_answered(*, now: datetime) -> int:
    """Take tasks off the list whose reason has gone: booked, come, read or signed by somebody meanwhile."""
    open_tasks = Reminder.objects.filter(channel=Channel.TASK, state=ReminderState.DELIVERED)
    keys = open_tasks.order_by("follow_up").values_list("follow_up", flat=True).distinct()
    settled, last = 0, 0
    while batch := list(keys.filter(follow_up__gt=last)[:RECONCILE_AT_ONCE]):
        last = batch[-1]
        settled += _settle(batch, now)
    return settled


@transaction.atomic
def _settle(follow_ups: list[int], now: datetime) -> int:
    steps = FollowUp.objects.filter(pk__in=follow_ups).select_related("patient__clinic", "exam", "owner__covered_by")
    known = {one.follow_up.pk: one for one in gather(list(steps))}
    clinics = {one.follow_up.patient.clinic for one in known.values()}
    rules = {
        clinic.pk: ({rung.code: rung for rung in ladder_of(clinic).rungs}, calendar_of(clinic).today(now))
        for clinic in clinics
    }
    settled = 0
    tasks = Reminder.objects.filter(follow_up__in=follow_ups, channel=Channel.TASK, state=ReminderState.DELIVERED)
    for task in tasks.select_for_update(of=("self",)).order_by("pk"):
        one = known[task.follow_up_id]
        rungs, today = rules[task.clinic_id]
        rung = rungs.get(task.rung)
        why = why_not_needed(rung, one.facts, today) if rung and task.plan == one.plan else None
        if why is not None:
            move(task, "settle", because=why, why=why)
            settled += 1
    return settled


def ask_a_person(*, now: datetime) -> int:
    """Make a task of every message that failed, bounced or got lost, on the same day."""
    asked = Reminder.objects.filter(raised_from=OuterRef("pk"))
    trouble = Reminder.objects.filter(~Exists(asked), state__in=IN_TROUBLE).exclude(channel=Channel.TASK)
    rows = trouble.select_related("follow_up__patient__clinic").order_by("pk")[:RECONCILE_AT_ONCE]
    return sum(
        _raise(one, Recipient.COORDINATORS, f"{one.key}:failed", one.state, ANSWER_FAILURE_WITHIN_DAYS, now)
        for one in rows
    )


def move_up(*, now: datetime) -> int:
    """Ask the next one above when a task was not acknowledged in time; the last one is asked again every week."""
    asked = Reminder.objects.filter(raised_from=OuterRef("pk"))
    silent = Reminder.objects.filter(
        ~Exists(asked), Q(answer_by__lt=now), channel=Channel.TASK, state=ReminderState.DELIVERED
    )
    raised = 0
    for one in silent.select_related("follow_up__patient__clinic").order_by("answer_by", "pk")[:RECONCILE_AT_ONCE]:
        above = ABOVE.get(Recipient(one.recipient))
        base = one.key.partition("^")[0]
        if above is None:
            raised += _raise(one, Recipient.MANAGER, f"{base}^{now:%Y%m%d}", "silence", ASK_AGAIN_DAYS, now)
        else:
            raised += _raise(one, above, f"{base}^{above}", "silence", ANSWER_ABOVE_WITHIN_DAYS, now)
    return raised


@transaction.atomic
def _raise(one: Reminder, to: Recipient, key: str, why: str, days: int, now: datetime) -> int:
    """Write the task that follows from another row; the same one twice is written once."""
    clinic = one.follow_up.patient.clinic
    calendar = calendar_of(clinic)
    row, made = Reminder.objects.get_or_create(
        key=key,
        defaults={
            "clinic": clinic,
            "patient_id": one.patient_id,
            "follow_up": one.follow_up,
            "ladder_id": one.ladder_id,
            "plan": one.plan,
            "rung": one.rung,
            "tier": one.tier,
            "recipient": to,
            "channel": Channel.TASK,
            "planned_on": calendar.today(now),
            "state": ReminderState.DELIVERED,
            "why": why,
            "answer_by": answer_until(calendar, now, days),
            "raised_from": one,
        },
    )
    if made:
        ReminderEvent.objects.create(reminder=row, step="raise", to_state=row.state, why=why)
    return int(made)
