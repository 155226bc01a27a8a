"""Who works in a clinic: accounts opened and closed, roles given and taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nodules_app.forms.members import AccountForm, EndRoleForm, RoleForm
from nodules_app.selectors import clinics as selectors
from nodules_app.services import access, accounts, members
from nodules_app.services.access import Act
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import User

METHODS = ["GET", "HEAD", "POST"]
SECONDS_A_DAY = 86_400


@never_cache
@require_http_methods(METHODS)
def people(request: HttpRequest, code: UUID) -> HttpResponse:
    """Everybody with a role here, what they were, and giving somebody a role."""
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    form = RoleForm(request.POST or None)
    if form.is_valid():
        told = form.cleaned_data
        try:
            members.invite(clinic=clinic, by=access.member(request.user), **told)
        except Refused as refused:
            form.add_error("username", in_words(refused))
        else:
            messages.success(request, gettext("Recorded. It holds from now on."))
            return redirect("people", code=code)
    context = {
        "clinic": clinic,
        "form": form,
        "people": selectors.people_of(clinic),
        "ended": selectors.ended_roles_of(clinic),
        "me": access.member(request.user),
    }
    return render(request, "audit/people.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(METHODS)
def open_account(request: HttpRequest, code: UUID) -> HttpResponse:
    """Somebody new; the answer shows once the link by which this person chooses a password."""
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    who = access.member(request.user)
    form = AccountForm(request.POST or None, prefix="new")
    if form.is_valid():
        try:
            held = accounts.open_account(clinic=clinic, by=who, **form.cleaned_data)
        except Refused as refused:
            form.add_error("username", in_words(refused))
        else:
            return _shows_link(request, held.user, code, accounts.password_link(user=held.user, by=who))
    context = {"clinic": clinic, "form": form}
    return render(request, "audit/open_account.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_POST
def new_link(request: HttpRequest, code: UUID, membership: int) -> HttpResponse:
    """A new link for somebody who forgot the password, or let the first one grow old."""
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    held = access.membership_for(clinic, membership)
    try:
        path = accounts.password_link(user=held.user, by=access.member(request.user))
    except Refused as refused:
        messages.warning(request, in_words(refused))
        return redirect("people", code=code)
    return _shows_link(request, held.user, code, path)


def _shows_link(request: HttpRequest, user: User, code: UUID, path: str) -> HttpResponse:
    context = {
        "person": user,
        "code": code,
        "link": request.build_absolute_uri(path),
        "days": settings.PASSWORD_RESET_TIMEOUT // SECONDS_A_DAY,
    }
    return render(request, "audit/password_link.html", context)


@never_cache
@require_http_methods(METHODS)
def end_role(request: HttpRequest, code: UUID, membership: int) -> HttpResponse:
    """Take one role from somebody, with the reason."""
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    held = access.membership_for(clinic, membership)
    who = access.member(request.user)
    asked = gettext("Take the role %(role)s from %(who)s") % {"role": held.get_role_display(), "who": held.user}
    return _with_reason(request, code, asked, lambda reason: members.end_role(membership=held, by=who, reason=reason))


@never_cache
@require_http_methods(METHODS)
def close_account(request: HttpRequest, code: UUID, membership: int) -> HttpResponse:
    """Close the account of somebody who left: every role ends, open steps go to the teams."""
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    held = access.membership_for(clinic, membership)
    who = access.member(request.user)
    asked = gettext("Close the account of %(who)s") % {"who": held.user}
    return _with_reason(request, code, asked, lambda reason: members.let_go(user=held.user, by=who, reason=reason))


def _with_reason(request: HttpRequest, code: UUID, asked: str, act: Callable[[str], None]) -> HttpResponse:
    form = EndRoleForm(request.POST or None)
    if form.is_valid():
        try:
            act(form.cleaned_data["reason"])
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            messages.success(request, gettext("Recorded. It holds from now on."))
            return redirect("people", code=code)
    context = {"asked": asked, "form": form, "code": code}
    return render(request, "audit/end_role.html", context, status=422 if form.is_bound else 200)
