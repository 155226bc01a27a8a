"""Being away and being covered: from a day to a day a named colleague answers, sees and takes what is somebody's own.

Nothing is handed over row by row: steps keep their owner, and whoever asks "whose is it today" gets the colleague. When
the absence ends, by its last day or by word, everything is the owner's again by itself.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from nodules_app.models import Membership, Role, User
from nodules_app.selectors.clinics import MAY, acts_of
from nodules_app.selectors.cover import managed_by
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop


class AbsenceIsPast(Refused):
    """The days lie behind us, or in the wrong order."""

    code = "absence_is_past"
    sentence = gettext_noop("These days do not lie ahead in their order.")
    remedy = gettext_noop("Give a first day, and a last day that is today or later and not before the first.")


class CannotCover(Refused):
    """The colleague could not see or do what the absent person does."""

    code = "cannot_cover"
    sentence = gettext_noop("{who} cannot cover: no role at {clinic} that may do the same.")
    remedy = gettext_noop("Choose a colleague with the same part in the same clinics, or ask the administrator.")


class CoverIsAway(Refused):
    """The colleague is away on some of these days."""

    code = "cover_is_away"
    sentence = gettext_noop("{who} is away until {until}.")
    remedy = gettext_noop("Choose somebody who is there.")


class CoversOthers(Refused):
    """The one who wants to be away answers for somebody else on these days."""

    code = "covers_others"
    sentence = gettext_noop("{who} answers for {others} on these days.")
    remedy = gettext_noop("Find another cover for them first.")


class NotYours(Refused):
    """Only oneself, or whoever manages the clinic, says that somebody is away."""

    code = "absence_not_yours"
    sentence = gettext_noop("Only {who}, or whoever manages the clinic, can say this.")
    remedy = gettext_noop("Ask the programme manager or the administrator.")


@transaction.atomic
def go_away(
    *, who: User, away_from: date, away_until: date, covered_by: User, by: User, today: date | None = None
) -> User:
    """Record an absence with its cover; a new one takes the place of what was said before.

    Raises
    ------
    AbsenceIsPast, CannotCover, CoverIsAway, CoversOthers, NotYours
    """
    held = _held(who, covered_by)[who.pk]
    cover = User.objects.get(pk=covered_by.pk)
    if held.pk not in managed_by(by):
        raise NotYours(who=str(held))
    if away_until < away_from or away_until < (today or timezone.localdate()):
        raise AbsenceIsPast
    _require_same_part(held, cover)
    if cover.away_until is not None and cover.away_until >= away_from and (cover.away_from or away_from) <= away_until:
        raise CoverIsAway(who=str(cover), until=cover.away_until)
    met = Q(away_until__gte=away_from) & (Q(away_from__isnull=True) | Q(away_from__lte=away_until))
    others = list(User.objects.filter(met, covered_by=held).order_by("pk"))
    if others:
        raise CoversOthers(who=str(held), others=", ".join(str(one) for one in others))
    held.away_from, held.away_until, held.covered_by = away_from, away_until, cover
    held.save(update_fields=["away_from", "away_until", "covered_by"])
    record(
        "absence.recorded", None, by=by, user=held.code, away_from=away_from, away_until=away_until, cover=cover.code
    )
    return held


@transaction.atomic
def come_back(*, who: User, by: User) -> User:
    """End an absence before its day, or drop one that has not begun. Raises ``NotYours``."""
    held = _held(who)[who.pk]
    if held.pk not in managed_by(by):
        raise NotYours(who=str(held))
    if held.away_until is None:
        return held
    told = {"away_from": held.away_from, "away_until": held.away_until}
    held.away_from = held.away_until = held.covered_by = None
    held.save(update_fields=["away_from", "away_until", "covered_by"])
    record("absence.ended", None, by=by, user=held.code, **told)
    return held


def _held(*people: User) -> dict[int, User]:
    """Lock people in one order, so that two who name each other at once do not both succeed."""
    keys = [one.pk for one in people]
    return {one.pk: one for one in User.objects.select_for_update().filter(pk__in=keys).order_by("pk")}


def _require_same_part(who: User, cover: User) -> None:
    """Refuse a colleague who could not do in some clinic what the absent person does there."""
    if not cover.is_active or cover.pk == who.pk:
        raise CannotCover(who=str(cover), clinic="–")
    for membership in Membership.objects.filter(user=who, ended_at__isnull=True).select_related("clinic"):
        if not MAY[Role(membership.role)] <= acts_of(cover, membership.clinic_id):
            raise CannotCover(who=str(cover), clinic=membership.clinic.name)
