"""Who is away, who answers meanwhile, and whose patients therefore stand on whose list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Q

from nodules_app.lifecycles import OPEN_FOLLOW_UP
from nodules_app.models import FollowUp, Membership, User
from nodules_app.selectors.clinics import Act, clinics_where


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is away, or will be; ``open_steps`` are theirs and go to the colleague meanwhile."""

    who: User
    away_from: date | None
    away_until: date
    covered_by: User | None
    is_now: bool
    open_steps: int


def away_on(on: date, prefix: str = "") -> Q:
    """The condition "is away on this day", for rows that reach their person by ``prefix``."""
    begun = Q(**{f"{prefix}away_from__isnull": True}) | Q(**{f"{prefix}away_from__lte": on})
    return begun & Q(**{f"{prefix}away_until__gte": on})


def stands_for(user: User, on: date) -> list[User]:
    """The colleagues who are away on this day and whom this person covers, by name."""
    covered = User.objects.filter(away_on(on), covered_by=user)
    return list(covered.order_by("last_name", "first_name", "username"))


def colleagues_of(user: User) -> list[User]:
    """Who works in a clinic of this person, themselves left out, by name."""
    clinics = Membership.objects.filter(user=user, ended_at__isnull=True).values("clinic")
    there = Membership.objects.filter(clinic__in=clinics, ended_at__isnull=True).values("user")
    people = User.objects.filter(pk__in=there, is_active=True).exclude(pk=user.pk)
    return list(people.order_by("last_name", "first_name", "username"))


def managed_by(user: User) -> frozenset[int]:
    """The keys of those of whom this person may say that they are away: their own, and who works where they manage."""
    clinics = clinics_where(user, Act.MANAGE) | clinics_where(user, Act.ADMINISTER)
    there = Membership.objects.filter(clinic__in=clinics.order_by().values("pk"), ended_at__isnull=True)
    return frozenset({user.pk, *there.values_list("user", flat=True)})


def absences(user: User, on: date) -> list[Absence]:
    """Whoever of this person's clinics is away on this day or later, themselves too; the first to go leads."""
    clinics = Membership.objects.filter(user=user, ended_at__isnull=True).values("clinic")
    there = Membership.objects.filter(clinic__in=clinics, ended_at__isnull=True).values("user")
    away = User.objects.filter(pk__in=there, is_active=True, away_until__gte=on).select_related("covered_by")
    people = list(away.order_by(F("away_from").asc(nulls_first=True), "away_until", "pk"))
    owned = dict(
        FollowUp.objects.filter(owner__in=people, state__in=OPEN_FOLLOW_UP).values_list("owner").annotate(Count("pk"))
    )
    return [
        Absence(one, one.away_from, one.away_until, one.covered_by, one.is_away(on), owned.get(one.pk, 0))
        for one in people
        if one.away_until is not None
    ]
