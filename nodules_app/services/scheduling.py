"""Giving a follow-up its slot: booked, moved, cancelled, missed. Of two who want one slot the database chooses."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.lifecycles import AppointmentState
from nodules_app.models import Appointment, FollowUp, Resource, User
from nodules_app.selectors import scheduling
from nodules_app.services import follow_ups
from nodules_app.services.audit import record
from nodules_app.services.slots import end_slot
from registration.errors import Refused, gettext_noop

MOVED: Final = gettext_noop("Moved to another slot.")


class NoSuchSlot(Refused):
    """The calendar has no slot there, or it lies in the past."""

    code = "no_such_slot"
    sentence = gettext_noop("There is no slot at {starts_at} any more.")
    remedy = gettext_noop("Choose another one from the calendar.")


class SlotTaken(Refused):
    """Somebody else was given the slot."""

    code = "slot_taken"
    sentence = gettext_noop("The slot at {starts_at} was given to somebody else a moment ago.")
    remedy = gettext_noop("Choose another one; nothing was changed.")


class NothingToBook(Refused):
    """The patient need not come for this step."""

    code = "nothing_to_book"
    sentence = gettext_noop("Nobody has to come for this step, so there is no slot to book.")
    remedy = gettext_noop("Act on it on the patient's page.")


@transaction.atomic
def give_slot(
    *, follow_up: FollowUp, resource: UUID, starts_at: datetime, by: User, why_outside_window: str = ""
) -> Appointment:
    """Give a signed step a slot, or another one: the slot that it had is free in the same moment.

    Raises
    ------
    NoSuchSlot, SlotTaken, NothingToBook
        Choose another slot; what the step had before, it keeps.
    follow_ups.OutsideWindow
        Without a reason for a day that the rule does not ask for.
    NoSuchStep
        The step is not signed, or has ended.
    """
    step = follow_ups.hold(follow_up)
    had = step.appointments.select_for_update().filter(state=AppointmentState.BOOKED).first()
    if had is not None:
        end_slot(had, "move", because=MOVED)
    return _give(step, resource, starts_at, by=by, why_outside_window=why_outside_window, succeeds=had)


@transaction.atomic
def cancel(*, appointment: Appointment, because: str, by: User) -> Appointment:
    """Free the slot; the step is to be booked again."""
    step, held = _hold(appointment)
    end_slot(held, "cancel", because=because)
    follow_ups.unbook(step, by=by, because=because)
    record("appointment.cancelled", step.patient, by=by, appointment=held.code)
    return held


@transaction.atomic
def miss(*, appointment: Appointment, because: str, by: User) -> Appointment:
    """The patient did not come: the step is owed as before, and somebody calls."""
    step, held = _hold(appointment)
    end_slot(held, "miss", because=because)
    follow_ups.miss(step, by=by, because=because)
    record("appointment.missed", step.patient, by=by, appointment=held.code)
    return held


def _hold(appointment: Appointment) -> tuple[FollowUp, Appointment]:
    step = follow_ups.hold(appointment.follow_up)
    return step, Appointment.objects.select_for_update().get(pk=appointment.pk)


def _give(
    step: FollowUp,
    resource: UUID,
    starts_at: datetime,
    *,
    by: User,
    why_outside_window: str,
    succeeds: Appointment | None = None,
) -> Appointment:
    held = Resource.objects.select_for_update().filter(code=resource, clinic=step.patient.clinic).first()
    if held is None:
        raise NoSuchSlot(starts_at=_said(starts_at, step))
    slot = _free_slot(step, resource, starts_at)
    try:
        with transaction.atomic():
            given = Appointment.objects.create(
                follow_up=step,
                resource=held,
                during=(slot.starts_at, slot.ends_at),
                by=by,
                why_outside_window=why_outside_window.strip()[:200],
                succeeds=succeeds,
            )
    except IntegrityError as taken:  # appointment_has_its_slot_alone, follow_up_has_one_appointment_ahead
        raise SlotTaken(starts_at=_said(starts_at, step)) from taken
    on = starts_at.astimezone(ZoneInfo(step.patient.clinic.time_zone)).date()
    follow_ups.book(step, on=on, by=by, why_outside_window=why_outside_window)
    verb = "appointment.moved" if succeeds else "appointment.booked"
    record(verb, step.patient, by=by, appointment=given.code, on=on)
    return given


def _free_slot(step: FollowUp, resource: UUID, starts_at: datetime) -> scheduling.Slot:
    kind = scheduling.kind_for(step.kind)
    if kind is None:
        raise NothingToBook
    slot = scheduling.slot_at(step.patient.clinic, kind, resource, starts_at)
    if slot is None or slot.unavailable or starts_at <= timezone.now():
        raise NoSuchSlot(starts_at=_said(starts_at, step))
    if slot.booked is not None:
        raise SlotTaken(starts_at=_said(starts_at, step))
    return slot


def _said(at: datetime, step: FollowUp) -> str:
    return f"{at.astimezone(ZoneInfo(step.patient.clinic.time_zone)):%Y-%m-%d %H:%M}"
