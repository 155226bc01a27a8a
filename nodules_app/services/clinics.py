"""Setting up clinics and saying who is what in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from django.conf import settings
from django.db import transaction

from nodules_app.models import Clinic, ClinicDay, FollowUpKind, StepWindow, User
from nodules_app.selectors.clinics import Act, clinics_where
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

FIRST_CLINIC: Final = "Clinic"
FOUND_FIRST_CLINIC: Final = 910_271  # advisory lock: two processes must not found the first clinic at once


class ClinicNotNamed(Refused):
    """Several clinics could be meant."""

    code = "clinic_not_named"
    sentence = gettext_noop("It does not say for which clinic: {names}.")
    remedy = gettext_noop("Name the clinic whose patients these are.")


class NoClinicForYou(Refused):
    """The person works in no clinic that may do this."""

    code = "no_clinic_for_you"
    sentence = gettext_noop("You work in no clinic that may take in exams.")
    remedy = gettext_noop("Ask the administrator for a role.")


def first_clinic() -> Clinic:
    """The clinic of an installation that has one; an empty installation gets its first.

    Raises
    ------
    ClinicNotNamed
        There are several.
    """
    with transaction.atomic():
        found = list(Clinic.objects.order_by("pk")[:4])
        if not found:
            _alone(FOUND_FIRST_CLINIC)
            made, _ = Clinic.objects.get_or_create(name=FIRST_CLINIC, defaults={"time_zone": settings.TIME_ZONE})
            return made
    if len(found) > 1:
        raise ClinicNotNamed(names=", ".join(clinic.name for clinic in found))
    return found[0]


def _alone(key: int) -> None:
    """Wait until no other transaction holds this key; it is given back when ours ends."""
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def clinic_of_delivery(*, by: User | None, named: Clinic | None = None) -> Clinic:
    """Say to which clinic new patients of a delivery belong: the named one, or the only one that can be meant."""
    if named is not None:
        return named
    if by is None:
        return first_clinic()
    own = list(clinics_where(by, Act.RECORD)[:4])
    if not own:
        raise NoClinicForYou
    if len(own) > 1:
        raise ClinicNotNamed(names=", ".join(clinic.name for clinic in own))
    return own[0]


@transaction.atomic
def change_clinic(*, clinic: Clinic, changed: list[str], by: User) -> None:
    """Store what the administrator changed of a clinic."""
    clinic.save(update_fields=changed)
    record("clinic.changed", None, by=by, clinic=clinic.code, fields=", ".join(changed))


@transaction.atomic
def mark_day(*, clinic: Clinic, on: date, is_working: bool, name: str, by: User) -> ClinicDay:
    """Say that a day differs from its weekday; saying it again replaces what was said."""
    day, _ = ClinicDay.objects.update_or_create(clinic=clinic, on=on, defaults={"is_working": is_working, "name": name})
    record("clinic.day_marked", None, by=by, clinic=clinic.code, on=on, is_working=is_working)
    return day


@transaction.atomic
def unmark_day(*, clinic: Clinic, key: str, by: User) -> None:
    """Let a day be like its weekday again."""
    if key.isdecimal() and len(key) < 19:
        gone, _ = ClinicDay.objects.filter(clinic=clinic, pk=key).delete()
        if gone:
            record("clinic.day_unmarked", None, by=by, clinic=clinic.code, day=key)


@transaction.atomic
def set_windows(*, clinic: Clinic, within_days: Mapping[FollowUpKind, int | None], by: User) -> None:
    """Say within how many days the clinic does a step that no guideline dates; None takes the product's own again.

    It counts for steps that begin from now on; what is owed already keeps its days.
    """
    for kind, days in within_days.items():
        if days is None:
            StepWindow.objects.filter(clinic=clinic, kind=kind).delete()
        else:
            StepWindow.objects.update_or_create(clinic=clinic, kind=kind, defaults={"within_days": days})
    record(
        "clinic.windows_set", None, by=by, clinic=clinic.code, **{str(kind): days for kind, days in within_days.items()}
    )
