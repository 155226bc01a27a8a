"""Setting up what can be booked: scanners and rooms, their weekly hours, and when they are not ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.lifecycles import AppointmentState
from nodules_app.models import Appointment, Clinic, OpeningHours, Resource, ResourceKind, Unavailability, User
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop


class NameTaken(Refused):
    """The clinic has a resource of that name."""

    code = "resource_name_taken"
    sentence = gettext_noop("This clinic has a scanner or room called {name} already.")
    remedy = gettext_noop("Choose another name.")


class HoursOverlap(Refused):
    """Two stretches of one weekday overlap."""

    code = "hours_overlap"
    sentence = gettext_noop("These hours overlap with others of {resource} on the same weekday.")
    remedy = gettext_noop("Remove the other hours first, or choose hours beside them.")


class StillBooked(Refused):
    """Somebody has a slot there."""

    code = "still_booked"
    sentence = gettext_noop("{count} patient(s) are booked on {resource} in that time.")
    remedy = gettext_noop("Move their appointments first.")


@transaction.atomic
def add_resource(*, clinic: Clinic, name: str, kind: ResourceKind, by: User) -> Resource:
    """Add a scanner or a room. Raises ``NameTaken``."""
    try:
        with transaction.atomic():
            made = Resource.objects.create(clinic=clinic, name=name, kind=kind)
    except IntegrityError as taken:  # resource_has_its_own_name
        raise NameTaken(name=name) from taken
    record("resource.added", None, by=by, resource=made.code)
    return made


@transaction.atomic
def retire_resource(*, resource: Resource, by: User) -> None:
    """Offer it no more; what happened on it stays. Raises ``StillBooked``."""
    _refuse_if_booked(resource, timezone.now(), None)
    if Resource.objects.filter(pk=resource.pk, retired_at=None).update(retired_at=timezone.now()):
        record("resource.retired", None, by=by, resource=resource.code)


@transaction.atomic
def open_on(
    *, resource: Resource, weekdays: Sequence[int], opens_at: time, closes_at: time, slot_minutes: int, by: User
) -> None:
    """Add the same hours to several weekdays, all or none. Raises ``HoursOverlap``."""
    try:
        with transaction.atomic():
            OpeningHours.objects.bulk_create(
                OpeningHours(
                    resource=resource, weekday=day, opens_at=opens_at, closes_at=closes_at, slot_minutes=slot_minutes
                )
                for day in weekdays
            )
    except IntegrityError as overlap:  # opening_hours_do_not_overlap
        raise HoursOverlap(resource=resource.name) from overlap
    record("resource.opened", None, by=by, resource=resource.code, weekdays=",".join(map(str, weekdays)))


@transaction.atomic
def close_on(*, resource: Resource, hours: int, by: User) -> None:
    """Take a stretch of a weekday away; appointments in it stay and are shown by themselves."""
    if OpeningHours.objects.filter(resource=resource, pk=hours).delete()[0]:
        record("resource.closed", None, by=by, resource=resource.code)


@transaction.atomic
def set_unavailable(*, resource: Resource, starts_at: datetime, ends_at: datetime, reason: str, by: User) -> None:
    """Keep a stretch free of appointments. Raises ``StillBooked`` when somebody has a slot in it."""
    _refuse_if_booked(resource, starts_at, ends_at)
    made = Unavailability.objects.create(resource=resource, during=(starts_at, ends_at), reason=reason, by=by)
    record("resource.unavailable", None, by=by, resource=resource.code, unavailability=made.code)


def _refuse_if_booked(resource: Resource, first: datetime, end: datetime | None) -> None:
    Resource.objects.select_for_update().get(pk=resource.pk)  # bookings lock it too: none slips in between
    booked = Appointment.objects.filter(resource=resource, state=AppointmentState.BOOKED, during__overlap=(first, end))
    if count := booked.count():
        raise StillBooked(count=count, resource=resource.name)
