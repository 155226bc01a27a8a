"""When a scanner or a clinic room can be used, and by whom it is: the database refuses two patients at one time."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import HELD_APPOINTMENT, AppointmentState
from nodules_app.models.clinics import Clinic
from nodules_app.models.pathway import FollowUp
from nodules_app.models.rows import CodedRow, choices


class ResourceKind(models.TextChoices):
    """What is booked."""

    CT = "ct", _("CT scanner")
    ROOM = "room", _("Clinic room")


class Resource(CodedRow):
    """A scanner or a room; one patient at a time."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="resources")
    kind = models.CharField(_("kind"), max_length=8, choices=ResourceKind.choices)
    name = models.CharField(_("name"), max_length=80)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="resource_has_its_own_name",
                fields=["clinic", "name"],
                violation_error_message=_("This clinic has one of that name already."),
            ),
            models.CheckConstraint(name="resource_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name


class TimesOfDay(Func):
    """Two times of day as a range; PostgreSQL has ranges of timestamps, so both stand on one day."""

    template = "tsrange(date '2000-01-01' + %(expressions)s)"
    arg_joiner = ", date '2000-01-01' + "


class OpeningHours(models.Model):
    """A stretch of a weekday, cut into slots of equal length; the last one ends with the stretch at the latest."""

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(_("weekday"))  # ISO: 1 is Monday
    opens_at = models.TimeField(_("from"))
    closes_at = models.TimeField(_("until"))
    slot_minutes = models.PositiveSmallIntegerField(_("minutes a slot"), default=20)

    class Meta:
        constraints = [
            models.CheckConstraint(name="opening_hours_on_a_weekday", condition=Q(weekday__gte=1, weekday__lte=7)),
            models.CheckConstraint(
                name="opening_hours_end_after_they_begin",
                condition=Q(closes_at__gt=F("opens_at")),
                violation_error_message=_("The end must be after the beginning."),
            ),
            models.CheckConstraint(
                name="opening_hours_have_slots_of_a_useful_length",
                condition=Q(slot_minutes__gte=5, slot_minutes__lte=240),
            ),
            ExclusionConstraint(
                name="opening_hours_do_not_overlap",
                expressions=[
                    ("resource", RangeOperators.EQUAL),
                    ("weekday", RangeOperators.EQUAL),
                    (TimesOfDay("opens_at", "closes_at"), RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("These hours overlap with others of the same weekday."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource}, weekday {self.weekday}"


class Unavailability(CodedRow):
    """A stretch in which a resource is not ours: service, another department, staff away."""

    resource = models.ForeignKey(Resource, models.PROTECT, related_name="unavailabilities")
    during = DateTimeRangeField()
    reason = models.CharField(_("why"), max_length=120)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(name="unavailability_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="unavailability_has_an_end",
                condition=Q(during__isempty=False, during__upper_inf=False, during__lower_inf=False),
            ),
        ]

    def __str__(self) -> str:
        return f"unavailability {self.code}"


class Appointment(CodedRow):
    """A follow-up has a slot. One that moved, was cancelled or was missed stays as a record and frees the slot."""

    follow_up = models.ForeignKey(FollowUp, models.PROTECT, related_name="appointments")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="appointments")
    during = DateTimeRangeField()
    state = models.CharField(max_length=12, choices=choices(AppointmentState), default=AppointmentState.BOOKED)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    why_outside_window = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=200, blank=True)
    succeeds = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="successor")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="appointment_is_in_a_known_state", condition=Q(state__in=list(AppointmentState))
            ),
            ExclusionConstraint(
                name="appointment_has_its_slot_alone",
                expressions=[("resource", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
                condition=Q(state__in=HELD_APPOINTMENT),
            ),
            models.UniqueConstraint(
                name="follow_up_has_one_appointment_ahead",
                fields=["follow_up"],
                condition=Q(state=AppointmentState.BOOKED),
            ),
            models.CheckConstraint(
                name="appointment_has_an_end",
                condition=Q(during__isempty=False, during__upper_inf=False, during__lower_inf=False),
            ),
        ]

    def __str__(self) -> str:
        return f"appointment {self.code}"


class CalendarFeed(CodedRow):
    """Leave for one calendar program to read a clinic's appointments, without names, until it is revoked."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="calendar_feeds")
    label = models.CharField(_("who reads it"), max_length=80)
    token_sha256 = models.CharField(max_length=64, unique=True)  # the token itself is shown once and kept by nobody
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"calendar feed {self.code}"
