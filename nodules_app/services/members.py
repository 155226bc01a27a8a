"""Who works in a clinic and as what: given and taken with a reason, and never so that nobody is left to give it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import OPEN_FOLLOW_UP, ReminderState
from nodules_app.models import Clinic, FollowUp, Membership, Reminder, Role, User
from nodules_app.selectors.clinics import Act, clinics_where
from nodules_app.services import steps
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop


class NobodyOfThatName(Refused):
    """No account has this sign-in name, or it was closed."""

    code = "nobody_of_that_name"
    sentence = gettext_noop("Nobody with an open account signs in as {username}.")
    remedy = gettext_noop("Check the sign-in name, or open an account for this person.")


class LastAdministrator(Refused):
    """Nobody would be left who can give a role."""

    code = "last_administrator"
    sentence = gettext_noop("{who} is the last administrator of {clinic}.")
    remedy = gettext_noop("Make somebody else an administrator first.")


class WorksElsewhere(Refused):
    """An account is closed by somebody who administers every clinic in which the person works."""

    code = "works_elsewhere"
    sentence = gettext_noop("{who} also works in a clinic that you do not administer.")
    remedy = gettext_noop("Take the roles here; the administrator there does the rest.")


@transaction.atomic
def give_role(*, user: User, clinic: Clinic, role: Role, by: User | None, reason: str = "") -> Membership:
    """Make somebody something in a clinic; doing it again changes nothing."""
    held, made = Membership.objects.get_or_create(
        user=user, clinic=clinic, role=role, ended_at=None, defaults={"given_by": by, "reason": reason}
    )
    if made:
        record("membership.given", None, by=by, clinic=clinic.code, user=user.code, role=role)
    return held


def invite(*, username: str, clinic: Clinic, role: Role, by: User, reason: str) -> Membership:
    """Give a role to whoever signs in by this name. Raises ``NobodyOfThatName``."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NobodyOfThatName(username=username)
    return give_role(user=user, clinic=clinic, role=role, by=by, reason=reason)


@transaction.atomic
def end_role(*, membership: Membership, by: User, reason: str = "") -> None:
    """Take a role back; the row stays, for the record says who could do what when. Raises ``LastAdministrator``."""
    clinic = Clinic.objects.select_for_update().get(pk=membership.clinic_id)  # two may not take each other's last role
    in_force = Membership.objects.filter(clinic=clinic, role=Role.ADMINISTRATOR, ended_at=None, user__is_active=True)
    if membership.role == Role.ADMINISTRATOR and not in_force.exclude(pk=membership.pk).exists():
        raise LastAdministrator(who=membership.user, clinic=clinic.name)
    ended = Membership.objects.filter(pk=membership.pk, ended_at=None).update(
        ended_at=timezone.now(), ended_by=by, ended_because=reason
    )
    if ended:
        _hand_to_the_team(membership.user, clinic=clinic, by=by)
        record("membership.ended", None, by=by, clinic=clinic.code, user=membership.user.code, role=membership.role)


def _hand_to_the_team(user: User, *, clinic: Clinic, by: User) -> None:
    """Leave nothing open with somebody who works here no longer: without an owner it is the whole team's."""
    if Membership.objects.filter(user=user, clinic=clinic, ended_at=None).exists():
        return
    for step in FollowUp.objects.filter(owner=user, patient__clinic=clinic, state__in=OPEN_FOLLOW_UP).order_by("pk"):
        steps.assign(follow_up=step, owner=None, by=by)
    tasks = Reminder.objects.filter(assigned_to=user, clinic=clinic, state=ReminderState.DELIVERED)
    tasks.update(assigned_to=None)


@transaction.atomic
def let_go(*, user: User, by: User, reason: str = "") -> None:
    """Somebody left: no sign-in any more, every role ends, and their open steps go to the teams, all at once.

    Raises
    ------
    LastAdministrator, WorksElsewhere
    """
    held = User.objects.select_for_update().get(pk=user.pk)
    roles = (
        Membership.objects.filter(user=held, ended_at=None).select_related("clinic", "user").order_by("clinic", "pk")
    )
    mine = set(clinics_where(by, Act.ADMINISTER).values_list("pk", flat=True))
    if any(membership.clinic_id not in mine for membership in roles):
        raise WorksElsewhere(who=held)
    for membership in roles:
        end_role(membership=membership, by=by, reason=reason)
    held.is_active = False
    held.save(update_fields=["is_active"])
    record("user.let_go", None, by=by, user=held.code)
