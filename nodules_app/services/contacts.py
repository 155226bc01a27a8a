"""Where people can be reached: every change a new row, so that the record says where earlier messages went."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from nodules_app.models import ContactKind, ContactOf, ContactPoint, ContactPreference, Patient, User
from nodules_app.services.audit import record


@transaction.atomic
def add_contact(
    *,
    patient: Patient,
    of: ContactOf,
    kind: ContactKind,
    value: str,
    by: User,
    name: str = "",
    consented: bool = False,
    verified_on: date | None = None,
) -> ContactPoint:
    """Enter an address or number; it is used from now on."""
    point = ContactPoint.objects.create(
        patient=patient, of=of, kind=kind, value=value, name=name, consented=consented, verified_on=verified_on, by=by
    )
    record("contact.added", patient, by=by, contact=point.code, kind=kind, of=of)
    return point


@transaction.atomic
def retire_contact(*, contact: ContactPoint, by: User) -> None:
    """Use an address no more; it stays in the record."""
    if ContactPoint.objects.filter(pk=contact.pk, retired_at=None).update(retired_at=timezone.now()):
        record("contact.retired", contact.patient, by=by, contact=contact.code)


@transaction.atomic
def wish(
    *, patient: Patient, language: str, kind: str, call_instead: bool, do_not_contact: str, by: User
) -> ContactPreference:
    """Write down how a patient wishes to be told; it counts for every message that has not left yet."""
    told = {
        "language": language,
        "kind": kind,
        "call_instead": call_instead,
        "do_not_contact": do_not_contact,
        "by": by,
    }
    preference, _ = ContactPreference.objects.update_or_create(patient=patient, defaults=told)
    record("contact.wish", patient, by=by, call_instead=call_instead, silent=bool(do_not_contact))
    return preference
