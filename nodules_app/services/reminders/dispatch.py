"""Handing messages over, each at most once where the provider cannot tell a copy.

Two transactions a message. The first claims the row and commits: from then on everybody can see that it may be on its
way. The second locks patient and step against every act (a death that commits before it stops the message, one that
comes after it waits), looks again whether the message may go out, hands it over and writes down what came of it. A
process that is killed in between leaves a claimed row; what ``reconcile`` makes of it depends on the provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from nodules_app.ladder.plan import Why, tell, why_not_needed
from nodules_app.ladder.rungs import Channel, Recipient, Rung
from nodules_app.lifecycles import ReminderState
from nodules_app.models import ContactOf, ContactPoint, FollowUp, Reminder, ReminderEvent
from nodules_app.services.channels import NotTaken, Outgoing, Taken, Uncertain, email, gateway
from nodules_app.services.reminders.gather import Known, gather
from nodules_app.services.reminders.moves import held, move
from nodules_app.services.reminders.rules import calendar_of, ladder_of
from nodules_app.services.reminders.words import short_text

BACK_OFF: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=4))
SEND: Final[Mapping[Channel, Callable[[Outgoing], Taken]]] = {
    Channel.EMAIL: email.send,
    Channel.MESSAGE: gateway.send,
}
# These take a key once: an attempt that nobody knows the end of is simply made again.
KNOWS_THE_KEY: Final = frozenset({Channel.MESSAGE})
REPLANNED: Final = "replanned"


def lease() -> timedelta:
    """How long a claimed message is left alone: longer than any conversation with a provider can take."""
    return timedelta(seconds=6 * settings.SENDING_TIMEOUT_S)


def dispatch(*, now: Callable[[], datetime], most: int = 500) -> int:
    """Hand over what waits, the oldest first; gives how many were claimed. Any number may run at once."""
    claimed = 0
    waiting = Reminder.objects.filter(channel__in=SEND, state=ReminderState.QUEUED, not_before__lte=now())
    for key in waiting.order_by("not_before", "pk").values_list("pk", flat=True)[:most]:
        if claim(key, now=now()):
            claimed += 1
            hand_over(key, now=now())
    return claimed


@transaction.atomic
def claim(key: int, *, now: datetime) -> bool:
    """Take a queued message, unless another dispatcher has it. One UPDATE decides."""
    taken = Reminder.objects.filter(pk=key, state=ReminderState.QUEUED, not_before__lte=now).update(
        state=ReminderState.SENDING, lease_until=now + lease(), attempt=F("attempt") + 1
    )
    if taken:
        ReminderEvent.objects.create(
            reminder_id=key, step="claim", from_state=ReminderState.QUEUED, to_state=ReminderState.SENDING
        )
    return bool(taken)


@transaction.atomic
def hand_over(key: int, *, now: datetime) -> None:
    """Look again, hand a claimed message over, and write down what came of it."""
    follow_up = _against_every_act(key)
    reminder = held(key)
    if reminder.state != ReminderState.SENDING:
        return  # a reconciler took it back: this process was away longer than its lease
    (known,) = gather([follow_up])
    if (why := stands_against(reminder, known, now)) is not None:
        move(reminder, "suppress", because=why, why=why, lease_until=None)
        return
    calendar = calendar_of(follow_up.patient.clinic)
    if (sending := calendar.next_sending(now)) > now:
        attempt = reminder.attempt - 1  # waiting for the morning is no failed attempt
        move(reminder, "retry", because=Why.QUIET, not_before=sending, attempt=attempt, lease_until=None)
        return
    contact = known.address(ContactOf.PATIENT, Channel(reminder.channel))
    if contact is None:
        move(reminder, "fail", because=Why.NO_ADDRESS, why=Why.NO_ADDRESS, lease_until=None)
        return
    _send(reminder, known, contact, now)


def _against_every_act(key: int) -> FollowUp:
    """Lock patient and step, in the order of every act, so that neither changes while the message leaves."""
    reminder = Reminder.objects.only("patient_id", "follow_up_id").get(pk=key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM nodules_app_patient WHERE id = %s FOR SHARE", [reminder.patient_id])
        cursor.execute("SELECT 1 FROM nodules_app_followup WHERE id = %s FOR SHARE", [reminder.follow_up_id])
    return FollowUp.objects.select_related("patient__clinic", "exam", "owner__covered_by").get(pk=reminder.follow_up_id)


def stands_against(reminder: Reminder, known: Known, now: datetime) -> str | None:
    """Why a message that was planned may not go out any more, or None."""
    if reminder.plan != known.plan:
        return REPLANNED
    rung = _rung(reminder, known)
    if rung is None:
        return Why.NO_RUNG
    calendar = calendar_of(known.follow_up.patient.clinic)
    if (why := why_not_needed(rung, known.facts, calendar.today(now))) is not None:
        return why
    order = next((one for one in rung.orders if one.to == reminder.recipient), None)
    tellings = tell(order, known.facts) if order else ()
    if not tellings:
        return known.facts.patient.stands_against or Why.NO_RUNG
    return Why.CALL_INSTEAD if known.facts.patient.call_instead and reminder.recipient == Recipient.PATIENT else None


def _rung(reminder: Reminder, known: Known) -> Rung | None:
    """The rung as it stands now: one that the clinic took out of its ladder sends nothing any more."""
    rungs = ladder_of(known.follow_up.patient.clinic).rungs
    return next((rung for rung in rungs if rung.code == reminder.rung), None)


def _send(reminder: Reminder, known: Known, contact: ContactPoint, now: datetime) -> None:
    clinic = known.follow_up.patient.clinic
    text = short_text(clinic=clinic, booked_on=known.facts.booked_on, language=known.language)
    said: dict[str, Any] = {
        "subject": text.subject,
        "text": text.body,
        "contact": contact,
        "language": known.language,
        "template": text.template,
        "text_sha256": text.sha256,
        "lease_until": None,
    }
    outgoing = Outgoing(reminder.key, contact.value, text.subject, text.body, clinic.reply_email, clinic.name)
    try:
        taken = SEND[Channel(reminder.channel)](outgoing)
    except NotTaken as problem:
        not_taken(reminder, problem, now, **said)
    except Uncertain as problem:
        move(reminder, "lose_track", because=problem.why, **said)
    else:
        move(
            reminder,
            "hand_over",
            because=taken.reference,
            provider_reference=taken.reference,
            handed_over_at=now,
            **said,
        )


def not_taken(reminder: Reminder, problem: NotTaken, now: datetime, **said: Any) -> None:  # noqa: ANN401 columns
    """Try again after 1, 5 and 30 minutes and 4 hours; then, or when it is for good, leave it to a person."""
    if problem.for_good or reminder.attempt > len(BACK_OFF):
        move(reminder, "fail", because=problem.why, **said)
        return
    again = now + BACK_OFF[reminder.attempt - 1]
    move(reminder, "retry", because=problem.why, not_before=again, **said)
