"""What people do with reminders: acknowledge, note an attempt, send again, report a bounce, print letters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from nodules_app.exchange.documents_fonts import LetterNeedsAFont
from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import REMINDER, NoSuchStep, ReminderState, steps_from
from nodules_app.models import Clinic, ContactOf, FollowUp, LetterBatch, Outcome, Reminder, ReminderEvent, User
from nodules_app.services.audit import record
from nodules_app.services.reminders import signed_letters
from nodules_app.services.reminders.dispatch import stands_against
from nodules_app.services.reminders.gather import Known, gather
from nodules_app.services.reminders.moves import held, move
from nodules_app.services.reminders.post import make_sure_it_is_drawn
from nodules_app.services.reminders.rules import answer_until, calendar_of
from nodules_app.services.reminders.words import Text, letter_to_patient, letter_to_referrer
from registration.errors import Refused, gettext_noop

ANSWERED = "answered"
HELD_BACK = "held_back"
NEXT_ATTEMPT_DAYS = 1


class NothingToPrint(Refused):
    """No letter waits."""

    code = "nothing_to_print"
    sentence = gettext_noop("No letter waits to be printed.")
    remedy = gettext_noop("Somebody may have printed them a moment ago: look at the latest batch.")


@transaction.atomic
def acknowledge(*, reminder: Reminder, outcome: Outcome, note: str, by: User) -> Reminder:
    """End a task, or a message that failed, in the name of the person who answers for it.

    What was raised from it, or what it was raised from, ends with it: one matter is answered once.
    """
    row = held(reminder)
    now = timezone.now()
    answered: dict[str, Any] = {"acknowledged_by": by, "acknowledged_at": now, "outcome": outcome, "note": note}
    move(row, "acknowledge", by=by, because=outcome, **answered)
    same = Reminder.objects.filter(follow_up=row.follow_up, plan=row.plan, rung=row.rung).exclude(pk=row.pk)
    for other in same.select_for_update(of=("self",)).order_by("pk"):
        if other.channel == Channel.TASK and other.state == ReminderState.DELIVERED:
            move(other, "settle", by=by, because=ANSWERED, why=ANSWERED)
        elif other.pk == row.raised_from_id and "acknowledge" in steps_from(REMINDER, ReminderState(other.state)):
            move(other, "acknowledge", by=by, because=outcome, **answered)
    record("reminder.acknowledged", row.patient, by=by, reminder=row.code, outcome=outcome)
    return row


@transaction.atomic
def note_attempt(*, reminder: Reminder, note: str, by: User) -> Reminder:
    """Write down a call that reached nobody: the task stays, and is tried again on the next working day."""
    row = held(reminder)
    if row.state != ReminderState.DELIVERED or row.channel != Channel.TASK:
        steps = steps_from(REMINDER, ReminderState(row.state))
        raise NotOpen(known=", ".join(steps) or "-")
    calendar = calendar_of(row.follow_up.patient.clinic)
    row.answer_by = answer_until(calendar, timezone.now(), NEXT_ATTEMPT_DAYS)
    row.save(update_fields=["answer_by"])
    ReminderEvent.objects.create(
        reminder=row, by=by, step="attempt", from_state=row.state, to_state=row.state, why=note[:300]
    )
    record("reminder.attempted", row.patient, by=by, reminder=row.code)
    return row


class NotOpen(Refused):
    """Somebody was quicker."""

    code = "reminder_not_open"
    sentence = gettext_noop("This task is not open any more.")
    remedy = gettext_noop("Look at its record: a colleague may have answered it.")


@transaction.atomic
def send_again(*, reminder: Reminder, by: User) -> Reminder:
    """Put a failed or uncertain message back into the queue: a person has made sure that it did not arrive."""
    row = held(reminder)
    move(row, "send_again", by=by, not_before=timezone.now(), attempt=0, handed_over_at=None)
    for task in row.raised.select_for_update(of=("self",)).filter(state=ReminderState.DELIVERED):
        move(task, "settle", by=by, because=ANSWERED, why=ANSWERED)
    record("reminder.sent_again", row.patient, by=by, reminder=row.code)
    return row


@transaction.atomic
def bounce(*, reminder: Reminder, because: str, by: User | None, at: datetime | None = None) -> Reminder:
    """A message or letter came back: nothing goes to that address any more, and a person is asked."""
    row = held(reminder)
    move(row, "bounce", by=by, because=because, facts={"provider_time": at.isoformat()} if at else {})
    if row.contact is not None and row.contact.failed_at is None:
        row.contact.failed_at, row.contact.failed_because = timezone.now(), because[:200]
        row.contact.save(update_fields=["failed_at", "failed_because"])
    record("reminder.bounced", row.patient, by=by, reminder=row.code)
    return row


@transaction.atomic
def deliver(*, reminder: Reminder, by: User | None, at: datetime | None = None) -> Reminder:
    """The provider, or the person who posted the letters, says that it arrived."""
    row = held(reminder)
    return move(row, "deliver", by=by, facts={"provider_time": at.isoformat()} if at else {})


@transaction.atomic
def print_letters(*, clinic: Clinic, by: User, now: datetime, of: Collection[int] | None = None) -> LetterBatch:
    """Take the letters that wait into one batch: each is looked at again, written, and given to the print room.

    Signed letters are laid beside the reminders from the bytes that were signed. A reminder with a character that no
    font draws waits on, alone; ``held_back`` tells why.

    Parameters
    ----------
    of
        The patients whose reminders are wanted, by key; None for all letters of the clinic.

    Raises
    ------
    NothingToPrint
        None waits, or none may go out any more.
    LetterNeedsAFont
        Of what waits nothing can be drawn.
    """
    batch = LetterBatch.objects.create(clinic=clinic, by=by)
    signed = signed_letters.take_into(batch, by=by) if of is None else 0  # patients are locked before reminders
    waiting = Reminder.objects.filter(clinic=clinic, channel=Channel.LETTER, state=ReminderState.QUEUED)
    if of is not None:
        waiting = waiting.filter(patient__in=of)
    keys = [row.pk for row in waiting.select_for_update(skip_locked=True).order_by("pk")]
    steps = FollowUp.objects.filter(reminders__in=keys).distinct()
    known = {one.follow_up.pk: one for one in gather(list(steps.select_related("patient__clinic", "exam", "owner")))}
    printed, undrawn = 0, []
    for key in keys:
        try:
            with transaction.atomic():  # taken back alone: neither handed over nor in the batch
                printed += _print(held(key), known, batch, by, now)
        except LetterNeedsAFont as refused:
            undrawn.append(refused)
            _hold_back(held(key), batch, refused, by)
    if not signed and not printed and (undrawn or not keys):
        raise undrawn[0] if undrawn else NothingToPrint
    record("letters.printed", None, by=by, batch=batch.code, letters=printed, signed=signed)
    return batch


def _print(reminder: Reminder, known: dict[int, Known], batch: LetterBatch, by: User, now: datetime) -> bool:
    one = known[reminder.follow_up_id]
    if (why := stands_against(reminder, one, now)) is not None:
        move(reminder, "suppress", by=by, because=why, why=why)
        return False
    to_referrer = reminder.recipient == Recipient.REFERRER
    of = ContactOf.REFERRER if to_referrer else ContactOf.PATIENT
    contact = one.address(of, Channel.LETTER)
    if contact is None:
        move(reminder, "suppress", by=by, because="no_address", why="no_address")
        return False
    text = letter_text(
        one, to_referrer=to_referrer, is_overdue=one.facts.closes_on < calendar_of(batch.clinic).today(now)
    )
    move(
        reminder,
        "hand_over",
        by=by,
        contact=contact,
        batch=batch,
        handed_over_at=now,
        language=one.language,
        template=text.template,
        subject=text.subject,
        text=text.body,
        text_sha256=text.sha256,
    )
    make_sure_it_is_drawn(reminder, batch)
    return True


def _hold_back(reminder: Reminder, batch: LetterBatch, refused: LetterNeedsAFont, by: User) -> None:
    ReminderEvent.objects.create(
        reminder=reminder,
        by=by,
        step=HELD_BACK,
        from_state=reminder.state,
        to_state=reminder.state,
        why=refused.code,
        facts={"batch": str(batch.code), **refused.facts},
    )


def held_back(batch: LetterBatch) -> list[LetterNeedsAFont]:
    """Say of each reminder that was kept out of a batch why no font draws it."""
    events = ReminderEvent.objects.filter(
        reminder__clinic=batch.clinic, step=HELD_BACK, facts__batch=str(batch.code)
    ).order_by("pk")
    return [LetterNeedsAFont(characters=event.facts["characters"]) for event in events]


def letter_text(one: Known, *, to_referrer: bool, is_overdue: bool) -> Text:
    """Write the letter: to the referrer in the clinic's language, to the patient in the patient's."""
    if to_referrer:
        return letter_to_referrer(follow_up=one.follow_up, language=one.follow_up.patient.clinic.language)
    return letter_to_patient(follow_up=one.follow_up, is_overdue=is_overdue, language=one.language)


def do(reminder: Reminder, name: str, told: Mapping[str, Any], *, by: User) -> Reminder:
    """Do what a person pressed on the page of a reminder.

    Raises
    ------
    NoSuchStep
        The state does not know this step: somebody was quicker.
    """
    if name == "acknowledge":
        return acknowledge(reminder=reminder, outcome=Outcome(told["outcome"]), note=told["note"], by=by)
    if name == "attempt":
        return note_attempt(reminder=reminder, note=told["note"], by=by)
    if name == "bounce":
        return bounce(reminder=reminder, because=told["note"], by=by)
    return send_again(reminder=reminder, by=by)


def receipt(*, key: str, event: str, at: datetime | None, reason: str) -> bool:
    """Write down what a provider says of a message; a receipt that came twice changes nothing. False: unknown key.

    Raises
    ------
    ValueError
        There is no such event.
    """
    if event not in ("delivered", "bounced"):
        raise ValueError(event)
    row = Reminder.objects.filter(key=key).first()
    if row is None:
        return False
    try:
        if event == "delivered":
            deliver(reminder=row, by=None, at=at)
        else:
            bounce(reminder=row, because=reason or event, by=None, at=at)
    except NoSuchStep:
        ReminderEvent.objects.create(
            reminder=row, step="receipt", from_state=row.state, to_state=row.state, why=event, facts={"reason": reason}
        )
    return True
