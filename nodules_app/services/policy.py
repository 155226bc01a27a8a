"""What a clinic has laid down: which guideline leads, within how many days a step without a date, who signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from nodules_app.models import Clinic, FollowUpKind, Membership, Patient, Setting, StepWindow, User
from registration.errors import Refused, gettext_noop

# A result that nobody looked at is late after a week, a referral after a fortnight; a discharge needs a signature too.
WITHIN_DAYS: Final[Mapping[FollowUpKind, int]] = MappingProxyType(
    {FollowUpKind.REVIEW: 7, FollowUpKind.WORKUP: 14, FollowUpKind.DISCHARGE: 30, FollowUpKind.CT: 30}
)


class MayNotSign(Refused):
    """The clinic reserves the signature for other roles."""

    code = "may_not_sign"
    sentence = gettext_noop("At {clinic} this needs the signature of: {roles}.")
    remedy = gettext_noop("Ask a colleague who may sign; the step waits for it.")


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one clinic for one patient."""

    guideline: str
    within_days: Mapping[FollowUpKind, int]
    signing_roles: tuple[str, ...]


def of(patient: Patient) -> Policy:
    """Read what the patient's clinic has laid down; what it leaves open is the product's own."""
    clinic = patient.clinic
    screened = patient.setting == Setting.SCREENING
    return Policy(
        guideline=clinic.guideline_screening if screened else clinic.guideline_incidental,
        within_days=MappingProxyType(within_days_of(clinic)),
        signing_roles=tuple(clinic.signing_roles),
    )


def within_days_of(clinic: Clinic) -> dict[FollowUpKind, int]:
    """The days of each step that no guideline dates: the clinic's own, else the product's."""
    own = {FollowUpKind(row.kind): row.within_days for row in StepWindow.objects.filter(clinic=clinic)}
    return {**WITHIN_DAYS, **own}


def may_sign(clinic: Clinic, by: User) -> bool:
    """Whether somebody has a role whose signature this clinic takes."""
    roles = clinic.signing_roles
    return Membership.objects.filter(user=by, clinic=clinic, ended_at__isnull=True, role__in=roles).exists()


def require_signature(patient: Patient, by: User) -> None:
    """Let those sign whom the clinic names. Raises ``MayNotSign``."""
    if not may_sign(patient.clinic, by):
        raise MayNotSign(clinic=patient.clinic.name, roles=", ".join(patient.clinic.signing_roles))
