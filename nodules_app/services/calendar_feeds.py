"""Feeds for calendar programs: made once, shown once, revoked at any time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from nodules_app.exchange.calendar import Entry, as_icalendar
from nodules_app.lifecycles import HELD_APPOINTMENT
from nodules_app.models import CalendarFeed, Clinic, ResourceKind, User
from nodules_app.selectors.scheduling import feed_entries
from nodules_app.services.audit import record

SHOWN_BACK_DAYS: Final = 30


@transaction.atomic
def make_feed(*, clinic: Clinic, label: str, by: User) -> tuple[CalendarFeed, str]:
    """Make a feed and give its token, which is kept only as a digest and cannot be shown again."""
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(clinic=clinic, label=label, token_sha256=_digest(token), by=by)
    record("calendar_feed.made", None, by=by, feed=feed.code, clinic=clinic.code)
    return feed, token


@transaction.atomic
def revoke_feed(*, feed: CalendarFeed, by: User) -> None:
    """Let nobody read this feed any more; revoking it again changes nothing."""
    if CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record("calendar_feed.revoked", None, by=by, feed=feed.code)


def clinic_of(token: str) -> Clinic | None:
    """The clinic whose appointments this token may read; None for a token that never was or was revoked."""
    feed = CalendarFeed.objects.filter(token_sha256=_digest(token), revoked_at=None).select_related("clinic").first()
    return feed.clinic if feed else None


def written(clinic: Clinic, *, address: Callable[[str], str]) -> bytes:
    """Write the feed of a clinic; ``address`` makes a path of ours into a whole address."""
    since = timezone.now() - timedelta(days=SHOWN_BACK_DAYS)
    with translation.override(clinic.language):
        titles = {ResourceKind.CT.value: gettext("CT"), ResourceKind.ROOM.value: gettext("Clinic visit")}
        entries = [
            Entry(
                code=row.code,
                starts_at=row.during.lower,
                ends_at=row.during.upper,
                place=row.resource.name,
                title=titles[row.resource.kind],
                url=address(reverse("patient", args=[row.follow_up.patient.code])),
                changed_at=row.ended_at or row.created_at,
                is_off=row.state not in HELD_APPOINTMENT,
            )
            for row in feed_entries(clinic, since=since)
        ]
    return as_icalendar(entries, name=clinic.name)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
