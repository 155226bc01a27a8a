"""Accounts: opened by an administrator with a link, by which the person chooses a password that nobody else knows."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse

from nodules_app.models import Clinic, Membership, Role, User
from nodules_app.selectors.clinics import Act, clinics_where
from nodules_app.services.audit import record
from nodules_app.services.members import WorksElsewhere, give_role
from nodules_app.services.taken import refused_where_taken
from registration.errors import Refused, gettext_noop

# The second is Django's own, of the very same letters; which of them speaks first is the database's affair.
ONE_NAME_EACH: Final = ("user_signs_in_by_own_name", "nodules_app_user_username_key")


class NameIsTaken(Refused):
    """Sign-in names are one person's each."""

    code = "name_is_taken"
    sentence = gettext_noop("Somebody signs in as {username} already.")
    remedy = gettext_noop("Give this person a role instead, or choose another sign-in name.")


@transaction.atomic
def open_account(
    *, username: str, first_name: str, last_name: str, clinic: Clinic, role: Role, reason: str, by: User
) -> Membership:
    """Open an account with one role and no password: the person chooses one by the link of ``password_link``.

    Raises
    ------
    NameIsTaken
        Also where the names differ in capitals only: two such names are mistaken for each other.
    """
    user = User(username=username, first_name=first_name, last_name=last_name)
    user.set_unusable_password()
    with refused_where_taken(dict.fromkeys(ONE_NAME_EACH, NameIsTaken(username=username))):
        user.save()
    record("user.opened", None, by=by, clinic=clinic.code, user=user.code)
    return give_role(user=user, clinic=clinic, role=role, by=by, reason=reason)


def password_link(*, user: User, by: User) -> str:
    """Make the path by which this person chooses a password: once, within ``PASSWORD_RESET_TIMEOUT``.

    Raises
    ------
    WorksElsewhere
        Whoever administers one clinic must not get hold of an account that opens another.
    """
    mine = clinics_where(by, Act.ADMINISTER)
    if Membership.objects.filter(user=user, ended_at=None).exclude(clinic__in=mine).exists():
        raise WorksElsewhere(who=user)
    record("user.link_made", None, by=by, user=user.code)
    token = default_token_generator.make_token(user)
    return reverse("choose-password", kwargs={"code": user.code, "token": token})


def person_of_link(code: UUID, token: str) -> User | None:
    """Give the person whose link this is; None where it is nobody's, was used, or is too old."""
    user = User.objects.filter(code=code, is_active=True).first()
    return user if user is not None and default_token_generator.check_token(user, token) else None


def note_password_chosen(user: User) -> None:
    """Write down that somebody chose a password, by a link or signed in."""
    record("user.password_chosen", None, by=user, user=user.code)
