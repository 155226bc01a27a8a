"""Recording that somebody tried to reach a patient, and what follows from it for the tasks of the ladder.

The facts decide, nobody moves a task by hand: who was reached answers the calls that were owed to the patient; who was
not keeps them open and puts them off to the next working day, or to the moment that the patient named.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.ladder.plan import CATCH_UP
from nodules_app.ladder.rungs import Channel, Need, Recipient
from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState, ReminderState
from nodules_app.models import (
    AttemptBy,
    AttemptOutcome,
    ContactAttempt,
    ContactOf,
    ContactPoint,
    FollowUp,
    Outcome,
    Patient,
    Reminder,
    User,
)
from nodules_app.selectors.clinics import Act, acts_of
from nodules_app.services import follow_ups, steps
from nodules_app.services.audit import record
from nodules_app.services.reminders import acts
from nodules_app.services.reminders.rules import ladder_of
from registration.errors import Refused, gettext_noop

CALLS_THE_PATIENT: Final = frozenset({Need.AWAITED, Need.NOT_COME})
FOR_CLINICIANS: Final = frozenset({Recipient.PHYSICIANS, Recipient.RADIOLOGISTS, Recipient.LEAD, Recipient.MANAGER})
REACHED_AGAIN: Final = gettext_noop("The patient was reached.")
WRONG: Final = gettext_noop("Wrong number or address, as a contact showed.")


class CallBackIsPast(Refused):
    """The moment to call back lies behind us."""

    code = "call_back_is_past"
    sentence = gettext_noop("The moment to call back has passed already.")
    remedy = gettext_noop("Give a moment in the future.")


class ContactOfAnother(Refused):
    """The number is not one of those in use for this patient."""

    code = "contact_of_another"
    sentence = gettext_noop("This number or address is not in use for this patient any more.")
    remedy = gettext_noop("Choose one that is shown now, or none.")


@dataclass(frozen=True, slots=True)
class Told:
    """What a person said of one attempt; ``agreed`` only where somebody was reached."""

    channel: AttemptBy
    outcome: AttemptOutcome
    of: ContactOf = ContactOf.PATIENT
    agreed: str = ""
    call_back_at: datetime | None = None
    contact: ContactPoint | None = None
    note: str = ""

    @property
    def reached_the_patient(self) -> bool:
        return self.outcome == AttemptOutcome.REACHED and self.of == ContactOf.PATIENT


@dataclass(frozen=True, slots=True)
class Recorded:
    """The attempt, and what it did to the tasks that ask for a call."""

    attempt: ContactAttempt
    answered: int
    kept: int  # still open: put off, or a clinician's to answer
    found: bool  # the step counted as lost and is to be arranged again


@transaction.atomic
def record_attempt(*, patient: Patient, told: Told, by: User, now: datetime | None = None) -> Recorded:
    """Write down one attempt in the name of whoever made it, and let the ladder's tasks follow.

    Raises
    ------
    CallBackIsPast, ContactOfAnother
    """
    at = now or timezone.now()
    held = steps.hold_patient(patient)
    if told.call_back_at is not None and told.call_back_at <= at:
        raise CallBackIsPast
    if told.contact is not None and (told.contact.patient_id != held.pk or told.contact.retired_at is not None):
        raise ContactOfAnother
    step = _step_about(held)
    attempt = ContactAttempt.objects.create(
        patient=held,
        follow_up=step,
        by=by,
        channel=told.channel,
        of=told.of,
        contact=told.contact,
        outcome=told.outcome,
        agreed=(told.agreed or Outcome.REACHED) if told.outcome == AttemptOutcome.REACHED else "",
        call_back_at=told.call_back_at,
        note=told.note,
    )
    record("contact.attempted", held, by=by, attempt=attempt.code, channel=told.channel, outcome=told.outcome)
    found = _find(step, told, by=by)
    _fail_address(attempt, at)
    answered, kept = _tasks(held, attempt, told, by=by)
    return Recorded(attempt, answered, kept, found)


def _step_about(patient: Patient) -> FollowUp | None:
    """The open step with the earliest deadline: the one that the worklist shows."""
    return FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP).order_by("due_until", "pk").first()


def _find(step: FollowUp | None, told: Told, *, by: User) -> bool:
    """Whoever was reached is not lost: the step is to be arranged again."""
    if step is None or step.state != FollowUpState.LOST_SUSPECTED or not told.reached_the_patient:
        return False
    follow_ups.find(step, because=told.note or REACHED_AGAIN, by=by)
    return True


def _fail_address(attempt: ContactAttempt, at: datetime) -> None:
    """Nothing goes to a number or address that proved wrong; the row stays, for the record says where messages went."""
    contact = attempt.contact
    if attempt.outcome == AttemptOutcome.WRONG_NUMBER and contact is not None and contact.failed_at is None:
        contact.failed_at, contact.failed_because = at, WRONG
        contact.save(update_fields=["failed_at", "failed_because"])


def _tasks(patient: Patient, attempt: ContactAttempt, told: Told, *, by: User) -> tuple[int, int]:
    """Answer or put off the open tasks that ask for a call to this patient; a letter leaves them as they are."""
    if told.channel == AttemptBy.LETTER:
        return 0, 0
    answered = kept = 0
    may_answer_for_clinicians = Act.DECIDE in acts_of(by, patient.clinic_id)
    for task in calls_owed(patient):
        mine = may_answer_for_clinicians or Recipient(task.recipient) not in FOR_CLINICIANS
        task.refresh_from_db(fields=["state"])
        if task.state != ReminderState.DELIVERED:
            continue  # answered together with another rung's task a moment ago
        if told.reached_the_patient and mine:
            acts.acknowledge(reminder=task, outcome=Outcome(attempt.agreed), note=told.note, by=by)
            answered += 1
            continue
        kept += 1
        if mine and not told.reached_the_patient:
            acts.note_attempt(reminder=task, note=_words(attempt), by=by)
            if told.call_back_at is not None:
                Reminder.objects.filter(pk=task.pk).update(answer_by=told.call_back_at)
    return answered, kept


def calls_owed(patient: Patient) -> list[Reminder]:
    """The open tasks that ask somebody to reach this patient: rungs of a call, and messages that did not arrive."""
    tasks = Reminder.objects.filter(patient=patient, channel=Channel.TASK, state=ReminderState.DELIVERED)
    needs = {rung.code: rung.need for rung in ladder_of(patient.clinic).rungs}
    return [
        task
        for task in tasks.select_related("follow_up").order_by("pk")
        if needs.get(task.rung.removeprefix(f"{CATCH_UP}:")) in CALLS_THE_PATIENT
    ]


def _words(attempt: ContactAttempt) -> str:
    """Keep the note of a person as it is; without one the outcome speaks, in words where it is shown."""
    return (attempt.note or attempt.outcome)[:300]
