"""Which slots a clinic has, which are taken, and whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, QuerySet

from nodules_app.lifecycles import HELD_APPOINTMENT, TO_ARRANGE, FollowUpState
from nodules_app.models import (
    Appointment,
    Clinic,
    ClinicDay,
    FollowUp,
    FollowUpKind,
    OpeningHours,
    Resource,
    ResourceKind,
    Unavailability,
)

Span = tuple[datetime, datetime]
What = TypeVar("What")
BOOKED_ON: Final[Mapping[FollowUpKind, ResourceKind]] = {
    FollowUpKind.CT: ResourceKind.CT,
    FollowUpKind.WORKUP: ResourceKind.ROOM,
}


@dataclass(frozen=True, slots=True)
class Booked:
    """One appointment on the calendar."""

    code: UUID
    follow_up: UUID
    patient: UUID
    patient_name: str
    identifier: str
    kind: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One stretch of a resource that one patient can have."""

    resource: UUID
    resource_name: str
    starts_at: datetime
    ends_at: datetime
    booked: Booked | None = None
    unavailable: str = ""

    @property
    def is_free(self) -> bool:
        return self.booked is None and not self.unavailable


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a clinic's calendar. A day that was closed after somebody was booked still shows the booking."""

    on: date
    is_open: bool
    closed_because: str  # the name of the holiday or closure, if it has one
    slots: tuple[Slot, ...]

    @property
    def free(self) -> tuple[Slot, ...]:
        return tuple(slot for slot in self.slots if slot.is_free)

    @property
    def ours(self) -> int:
        return sum(slot.booked is not None for slot in self.slots)

    @property
    def others(self) -> int:
        return sum(bool(slot.unavailable) and slot.booked is None for slot in self.slots)


def kind_for(follow_up_kind: str) -> ResourceKind | None:
    """What has to be booked for a step: a scanner, a room, or nothing, since the patient need not come."""
    return BOOKED_ON.get(FollowUpKind(follow_up_kind))


def days(clinic: Clinic, kind: ResourceKind, first: date, last: date) -> tuple[Day, ...]:
    """Every day from first to last with its slots, in four queries however many days and resources there are."""
    zone = ZoneInfo(clinic.time_zone)
    resources = list(
        Resource.objects.filter(clinic=clinic, kind=kind, retired_at__isnull=True)
        .order_by("name")
        .prefetch_related(Prefetch("opening_hours", OpeningHours.objects.order_by("opens_at")))
    )
    differing = {day.on: day for day in ClinicDay.objects.filter(clinic=clinic, on__range=(first, last))}
    taken = _taken(resources, _midnight(first, zone), _midnight(last + timedelta(days=1), zone))
    calendar = []
    for offset in range((last - first).days + 1):
        on = first + timedelta(days=offset)
        differs = differing.get(on)
        is_open = differs.is_working if differs else on.isoweekday() in clinic.working_weekdays
        because = differs.name if differs and not is_open else ""
        slots = [slot for resource in resources for slot in _slots_of(resource, on, zone, taken, is_open=is_open)]
        calendar.append(Day(on, is_open, because, tuple(slots)))
    return tuple(calendar)


def slot_at(clinic: Clinic, kind: ResourceKind, resource: UUID, starts_at: datetime) -> Slot | None:
    """The slot of a resource that begins at an instant, taken or not; None when the calendar has no such slot."""
    on = starts_at.astimezone(ZoneInfo(clinic.time_zone)).date()
    (day,) = days(clinic, kind, on, on)
    return next((slot for slot in day.slots if slot.resource == resource and slot.starts_at == starts_at), None)


@dataclass(frozen=True, slots=True)
class _Taken:
    appointments: Mapping[int, Sequence[tuple[Span, Booked]]]
    unavailable: Mapping[int, Sequence[tuple[Span, str]]]


def _taken(resources: Sequence[Resource], first: datetime, end: datetime) -> _Taken:
    appointments: dict[int, list[tuple[Span, Booked]]] = defaultdict(list)
    held = Appointment.objects.filter(resource__in=resources, state__in=HELD_APPOINTMENT, during__overlap=(first, end))
    for row in held.select_related("follow_up__patient"):
        patient = row.follow_up.patient
        booked = Booked(
            row.code, row.follow_up.code, patient.code, patient.name, patient.identifier, row.follow_up.kind
        )
        appointments[row.resource_id].append(((row.during.lower, row.during.upper), booked))
    unavailable: dict[int, list[tuple[Span, str]]] = defaultdict(list)
    for stretch in Unavailability.objects.filter(resource__in=resources, during__overlap=(first, end)):
        unavailable[stretch.resource_id].append(((stretch.during.lower, stretch.during.upper), stretch.reason))
    return _Taken(appointments, unavailable)


def _slots_of(resource: Resource, on: date, zone: ZoneInfo, taken: _Taken, *, is_open: bool) -> list[Slot]:
    hours = [stretch for stretch in resource.opening_hours.all() if stretch.weekday == on.isoweekday()]
    spans = [span for stretch in hours for span in _cut(on, zone, stretch)] if is_open else []
    appointments, unavailable = taken.appointments[resource.pk], taken.unavailable[resource.pk]
    # Somebody who was booked before the hours changed lies across the slots of today: shown by itself.
    ours_today = [span for span, _ in appointments if span[0].astimezone(zone).date() == on]
    spans = sorted([*ours_today, *(span for span in spans if not _covered(span, ours_today))])
    return [
        Slot(resource.code, resource.name, *span, _over(span, appointments), _over(span, unavailable) or "")
        for span in spans
    ]


def _covered(span: Span, others: Iterable[Span]) -> bool:
    return any(lower < span[1] and span[0] < upper for lower, upper in others)


def _over(span: Span, taken: Sequence[tuple[Span, What]]) -> What | None:
    return next((what for other, what in taken if _covered(span, [other])), None)


def _cut(on: date, zone: ZoneInfo, stretch: OpeningHours) -> Iterator[Span]:
    """Slots of equal length. Instants, so that a clock change inside a stretch neither loses nor doubles a slot."""
    starts_at = datetime.combine(on, stretch.opens_at, zone).astimezone(UTC)
    closes_at = datetime.combine(on, stretch.closes_at, zone).astimezone(UTC)
    length = timedelta(minutes=stretch.slot_minutes)
    while starts_at + length <= closes_at:
        yield starts_at, starts_at + length
        starts_at += length


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, datetime.min.time(), zone)


@dataclass(frozen=True, slots=True)
class ToBook:
    """A signed step without a slot."""

    follow_up: UUID
    patient: UUID
    patient_name: str
    identifier: str
    management: str
    due_from: date
    due_until: date


def to_book(clinic: Clinic, kind: ResourceKind, *, most: int) -> tuple[ToBook, ...]:
    """The steps that need a slot of this kind, the one that is late first."""
    bookable = [follow_up for follow_up, booked_on in BOOKED_ON.items() if booked_on == kind]
    waiting = FollowUp.objects.filter(patient__clinic=clinic, kind__in=bookable, state__in=TO_ARRANGE)
    waiting = waiting.exclude(state=FollowUpState.BOOKED).select_related("patient").order_by("due_until", "pk")
    return tuple(
        ToBook(
            step.code,
            step.patient.code,
            step.patient.name,
            step.patient.identifier,
            step.management,
            step.due_from,
            step.due_until,
        )
        for step in waiting[:most]
    )


def feed_entries(clinic: Clinic, *, since: datetime) -> QuerySet[Appointment]:
    """The appointments of a clinic that a calendar program still shows, those that fell away among them."""
    shown = Appointment.objects.filter(resource__clinic=clinic, during__endswith__gte=since)
    return shown.select_related("resource", "follow_up__patient").order_by("during")
