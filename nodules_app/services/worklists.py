"""Working a list: taking a patient so that nobody else calls, and keeping a view under a name."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.models import Claim, Patient, SavedView, User
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

CLAIM_LASTS: Final = timedelta(minutes=30)


class ClaimedByAnother(Refused):
    """A colleague is at work on this patient."""

    code = "claimed_by_another"
    sentence = gettext_noop("{who} is at work on this patient until {until}.")
    remedy = gettext_noop("Ask {who}, or wait until then: the patient is free again by itself.")


class ViewNameTaken(Refused):
    """The person has a view of that name."""

    code = "view_name_taken"
    sentence = gettext_noop("You have a view called {name} already.")
    remedy = gettext_noop("Choose another name, or remove that view first.")


@transaction.atomic
def claim(*, patient: Patient, by: User, now: datetime | None = None) -> Claim:
    """Take a patient for half an hour, or for half an hour more; whoever covers a colleague may take over from them.

    Raises
    ------
    ClaimedByAnother
    """
    at = now or timezone.now()
    Patient.objects.select_for_update().get(pk=patient.pk)  # of two who press at once the second sees the first
    held = Claim.objects.select_related("by").filter(patient=patient).first()
    if held is not None and not _may_take_over(held, by=by, at=at):
        raise ClaimedByAnother(who=str(held.by), until=f"{timezone.localtime(held.until):%H:%M}")
    taken, _ = Claim.objects.update_or_create(patient=patient, defaults={"by": by, "until": at + CLAIM_LASTS})
    record("patient.claimed", patient, by=by, until=taken.until.isoformat())
    return taken


def _may_take_over(held: Claim, *, by: User, at: datetime) -> bool:
    """One's own, one that has run out, or that of an absent colleague whom one covers."""
    covers = held.by.covered_by_id == by.pk and held.by.is_away(timezone.localdate(at))
    return held.by_id == by.pk or held.until <= at or covers


@transaction.atomic
def release(*, patient: Patient, by: User) -> None:
    """Give a patient back; giving back what one does not hold changes nothing."""
    if Claim.objects.filter(patient=patient, by=by).delete()[0]:
        record("patient.released", patient, by=by)


@transaction.atomic
def save_view(*, name: str, query: str, by: User) -> SavedView:
    """Keep a filter under a name. Raises ``ViewNameTaken``."""
    try:
        with transaction.atomic():
            return SavedView.objects.create(by=by, name=name, query=query)
    except IntegrityError as taken:  # saved_view_has_its_own_name
        raise ViewNameTaken(name=name) from taken


def remove_view(*, view: SavedView) -> None:
    """Forget a view; nothing else depends on it."""
    view.delete()
