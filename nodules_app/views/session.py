"""Signing in and out: Django's own views with our form and page."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.i18n import set_language as django_set_language

from nodules_app.forms.session import SignInForm


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
