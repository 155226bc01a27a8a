"""Signing in and out, and choosing a password: Django's own views and forms with our pages."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.i18n import set_language as django_set_language

from nodules_app.forms.session import SignInForm
from nodules_app.services import access, accounts

METHODS = ["GET", "HEAD", "POST"]


@login_not_required
def sign_in(request: HttpRequest) -> HttpResponseBase:
    page = LoginView.as_view(
        template_name="sign_in/sign_in.html",
        authentication_form=SignInForm,
        redirect_authenticated_user=True,
        extra_context={"demo": settings.DEMO},
    )
    return page(request)


sign_out = LogoutView.as_view()
set_language = login_not_required(django_set_language)  # whoever cannot read the sign-in page must be able to change it


@login_not_required
@never_cache
@require_http_methods(METHODS)
def choose_password(request: HttpRequest, code: UUID, token: str) -> HttpResponse:
    """The page behind the link that an administrator handed over; a link that was used or is old says so."""
    user = accounts.person_of_link(code, token)
    if user is None:
        return render(request, "sign_in/link_is_old.html", status=404)
    form = SetPasswordForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        accounts.note_password_chosen(user)
        messages.success(request, gettext("Your password holds. Sign in with it."))
        return redirect("sign-in")
    context = {"form": form, "person": user}
    return render(request, "sign_in/choose_password.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(METHODS)
def change_password(request: HttpRequest) -> HttpResponse:
    """Another password for oneself; other sessions of this person end."""
    user = access.member(request.user)
    form = PasswordChangeForm(user, request.POST or None)
    if form.is_valid():
        form.save()
        update_session_auth_hash(request, user)
        accounts.note_password_chosen(user)
        messages.success(request, gettext("Your new password holds from now on."))
        return redirect("worklist")
    return render(request, "sign_in/change_password.html", {"form": form}, status=422 if form.is_bound else 200)
