"""Whose patients somebody sees: the one place that decides it, for pages, searches, lists and pictures alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from nodules_app.models import (
    Clinic,
    ClinicDay,
    EmergencyAccess,
    FollowUpKind,
    Membership,
    Patient,
    Role,
    StepWindow,
    User,
)


class Act(StrEnum):
    """What a member of staff may do in a clinic."""

    SEE = "see"
    RECORD = "record"  # facts about the person, and asking for work again
    MARK = "mark"  # say where a nodule is, or that there is none
    DECIDE = "decide"  # sign the next step, or choose another
    MANAGE = "manage"  # the rules of reminders, and what the figures of the clinic say
    AUDIT = "audit"  # read who looked at or did what
    ADMINISTER = "administer"  # people, roles, calendar, addresses


READS: Final = frozenset({Act.SEE, Act.RECORD, Act.MARK, Act.DECIDE})
MAY: Final[Mapping[Role, frozenset[Act]]] = {
    Role.COORDINATOR: frozenset({Act.SEE, Act.RECORD}),
    Role.RADIOLOGIST: READS,
    Role.PHYSICIAN: READS,
    Role.CHAIR: READS,
    Role.MANAGER: frozenset({Act.SEE, Act.MANAGE}),
    Role.AUDITOR: frozenset({Act.SEE, Act.AUDIT}),
    Role.ADMINISTRATOR: frozenset({Act.MANAGE, Act.AUDIT, Act.ADMINISTER}),  # sees no patient's record
}


def _roles_with(act: Act) -> list[str]:
    return [role.value for role, acts in MAY.items() if act in acts]


def clinics_where(user: User, act: Act) -> QuerySet[Clinic]:
    """The clinics in which this person may do something."""
    held = Membership.objects.filter(user=user, role__in=_roles_with(act), ended_at__isnull=True)
    return Clinic.objects.filter(pk__in=held.values("clinic")).order_by("name")


def may_where(user: User, act: Act, patient: str = "patient") -> Q:
    """The condition "of a clinic where this person may do it", for rows that reach their patient by ``patient``."""
    clinics = clinics_where(user, act).order_by().values("pk")
    return Q(**{f"{patient}__clinic__in": clinics}) if patient else Q(clinic__in=clinics)


def sees(user: User, patient: str = "patient", *, now: datetime | None = None) -> Q:
    """The condition "this person sees it": of an own clinic, or opened in an emergency that has not ended."""
    opened = EmergencyAccess.objects.filter(user=user, until__gt=now or timezone.now()).values("patient")
    return may_where(user, Act.SEE, patient) | Q(**{f"{patient or 'pk'}__in": opened})


def patients_of(user: User) -> QuerySet[Patient]:
    """The patients of the clinics in which this person sees patients; lists show these, never an emergency's."""
    return Patient.objects.filter(may_where(user, Act.SEE, patient=""))


def roles_of(user: User) -> tuple[Membership, ...]:
    """What somebody is, and where."""
    held = Membership.objects.filter(user=user, ended_at__isnull=True).select_related("clinic")
    return tuple(held.order_by("clinic__name", "pk"))


def acts_of(user: User, clinic: Clinic | int | None = None) -> frozenset[Act]:
    """What this person may do in a clinic, or in any when none is named; pages draw only the buttons that work."""
    held = Membership.objects.filter(user=user, ended_at__isnull=True)
    if clinic is not None:
        held = held.filter(clinic=clinic)
    return acts_of_roles(held.values_list("role", flat=True))


def acts_of_roles(roles: Iterable[str]) -> frozenset[Act]:
    return frozenset().union(*(MAY[Role(role)] for role in roles))


def days_of(clinic: Clinic) -> list[ClinicDay]:
    """The days that differ from their weekday, the next first."""
    return list(ClinicDay.objects.filter(clinic=clinic, on__gte=timezone.localdate()).order_by("on"))


def people_of(clinic: Clinic) -> list[Membership]:
    """Who has which role here."""
    held = Membership.objects.filter(clinic=clinic, ended_at__isnull=True).select_related("user", "given_by")
    return list(held.order_by("user__last_name", "user__username", "role"))


def ended_roles_of(clinic: Clinic, newest: int = 50) -> list[Membership]:
    """Who had which role here, the last ended first."""
    ended = Membership.objects.filter(clinic=clinic, ended_at__isnull=False).select_related("user", "ended_by")
    return list(ended.order_by("-ended_at")[:newest])


def windows_of(clinic: Clinic) -> dict[FollowUpKind, int]:
    """The clinic's own days for steps that no guideline dates."""
    return {FollowUpKind(row.kind): row.within_days for row in StepWindow.objects.filter(clinic=clinic)}
