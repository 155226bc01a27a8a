"""What can be booked in a clinic, as the page shows on which it is set up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from nodules_app.models import CalendarFeed, Clinic, OpeningHours, Resource, Unavailability, User
from nodules_app.selectors.clinics import Act, clinics_where


@dataclass(frozen=True, slots=True)
class ClinicSetup:
    """One clinic with its scanners and rooms, and the feeds that are in force."""

    clinic: Clinic
    resources: tuple[Resource, ...]
    feeds: tuple[CalendarFeed, ...]


def setup_page(user: User) -> tuple[ClinicSetup, ...]:
    """The clinics that somebody sets up, in a fixed number of queries."""
    clinics = list(clinics_where(user, Act.MANAGE))
    resources, feeds = defaultdict(list), defaultdict(list)
    for resource in _in_use().filter(clinic__in=clinics):
        resources[resource.clinic_id].append(resource)
    for feed in CalendarFeed.objects.filter(clinic__in=clinics, revoked_at=None).order_by("label"):
        feeds[feed.clinic_id].append(feed)
    return tuple(ClinicSetup(one, tuple(resources[one.pk]), tuple(feeds[one.pk])) for one in clinics)


def _in_use() -> QuerySet[Resource]:
    ahead = Unavailability.objects.filter(during__endswith__gt=timezone.now()).order_by("during")
    hours = OpeningHours.objects.order_by("weekday", "opens_at")
    return (
        Resource.objects.filter(retired_at=None)
        .order_by("kind", "name")
        .prefetch_related(Prefetch("opening_hours", hours), Prefetch("unavailabilities", ahead, to_attr="ahead"))
    )
