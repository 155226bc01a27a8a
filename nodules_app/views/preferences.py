"""Appearance and keys, from the user menu."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from nodules_app.forms.preferences import PreferencesForm
from nodules_app.selectors.preferences import KEYS_COOKIE, THEME_COOKIE

A_YEAR_S = 365 * 24 * 3600


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep appearance and keys in this browser and go back to the page the choice was made on."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest()
    back = form.cleaned_data["next"]
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = resolve_url("worklist")
    response = HttpResponseRedirect(back)
    for name, value in (
        (THEME_COOKIE, form.cleaned_data["theme"]),
        (KEYS_COOKIE, "on" if form.cleaned_data["keys"] else "off"),
    ):
        response.set_cookie(name, value, A_YEAR_S, httponly=True, samesite="Lax", secure=request.is_secure())
    return response
