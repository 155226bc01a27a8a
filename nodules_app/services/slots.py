"""How a booked slot ends: with the step for which it was booked, or before it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from nodules_app.lifecycles import APPOINTMENT, AppointmentState, FollowUpState, after
from nodules_app.models import Appointment, FollowUp
from registration.errors import gettext_noop

MADE_ON_ANOTHER_DAY: Final = gettext_noop("The exam was made on another day.")


def end_slot(held: Appointment, step: str, *, because: str) -> None:
    """Write how a held appointment ended. Raises ``NoSuchStep`` when it has ended already."""
    held.state = after(APPOINTMENT, AppointmentState(held.state), step)
    held.ended_at, held.ended_because = timezone.now(), because[:200]
    held.save(update_fields=["state", "ended_at", "ended_because"])


def release(step: FollowUp, *, because: str) -> None:
    """Give the slot of a step back when the step is not booked any more; one on the day of its exam was used."""
    if step.state == FollowUpState.BOOKED:
        return
    for held in step.appointments.select_for_update().filter(state=AppointmentState.BOOKED):
        if step.exam is None:
            end_slot(held, "cancel", because=because)
        elif _day_of(held, step) == step.exam.acquired_on:
            end_slot(held, "attend", because="")
        else:
            end_slot(held, "cancel", because=MADE_ON_ANOTHER_DAY)


def _day_of(held: Appointment, step: FollowUp) -> date:
    begins_at: datetime = held.during.lower
    return begins_at.astimezone(ZoneInfo(step.patient.clinic.time_zone)).date()
