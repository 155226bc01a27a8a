"""Where an act was asked for, to come back to: only ever a place of this product."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def place_to_return(request: HttpRequest) -> str:
    """Give the path that the page named as ``next``; empty when it named none, or one that lies elsewhere."""
    named = request.POST.get("next") or request.GET.get("next") or ""
    ours = named.startswith("/") and url_has_allowed_host_and_scheme(named, allowed_hosts=None)
    return named if ours else ""
