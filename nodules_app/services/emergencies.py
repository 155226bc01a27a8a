"""Breaking the glass: seeing another clinic's patient for a few hours, with a reason that the auditor reads."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.models import EmergencyAccess, Patient, User
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

LASTS: Final = timedelta(hours=4)


class NobodyFound(Refused):
    """No patient has this number and birth date together; which of the two is wrong is not said."""

    code = "nobody_found"
    sentence = gettext_noop("No patient here has this number and this birth date.")
    remedy = gettext_noop("Check both against the patient's papers. The attempt was recorded.")


def open_in_emergency(*, number: str, born: date, reason: str, by: User) -> EmergencyAccess:
    """Open a record for reading until the time is over.

    Raises
    ------
    NobodyFound
        Nobody, or more than one, has this number and birth date; the attempt is recorded all the same.
    """
    found = list(Patient.objects.filter(identifier=number, birth_date=born)[:2])
    if len(found) != 1:
        record("emergency.nobody_found", None, by=by)
        raise NobodyFound
    with transaction.atomic():
        access = EmergencyAccess.objects.create(user=by, patient=found[0], reason=reason, until=timezone.now() + LASTS)
        record("emergency.opened", found[0], by=by, access=access.code)
    return access


@transaction.atomic
def review(*, access: EmergencyAccess, by: User) -> None:
    """The auditor has read the reason."""
    fresh = EmergencyAccess.objects.filter(pk=access.pk, reviewed_at=None)
    if fresh.update(reviewed_by=by, reviewed_at=timezone.now()):
        record("emergency.reviewed", access.patient, by=by, access=access.code)
