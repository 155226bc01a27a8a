"""The reading list: what waits to be read, the riskiest and oldest first; and the next case by one key."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.selectors.reading_list import Lane, reading_list
from nodules_app.selectors.reading_list import next_case as following
from nodules_app.services import access, worklists
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The list, whole or one of its lanes."""
    who = access.allow(request.user, access.Act.SEE)
    asked = request.GET.get("lane", "")
    if asked and asked not in list(Lane):
        raise BadRequest("no such lane")
    found = reading_list(user=who, lane=Lane(asked) if asked else None)
    context = {"found": found, "lane": asked, "lanes": list(Lane), "may_read": access.Act.MARK in access.acts_of(who)}
    return render(request, "reading/list.html", context)


@never_cache
@require_safe
def next_case(request: HttpRequest) -> HttpResponse:
    """Go to the case that should be read next; it is taken when the reading begins."""
    who = access.allow(request.user, access.Act.SEE)
    row = following(user=who)
    if row is None:
        messages.info(request, gettext("Nothing waits to be read that nobody is at."))
        return redirect("reading-list")
    return redirect("read", code=row.patient)


@require_POST
def take(request: HttpRequest, code: UUID) -> HttpResponse:
    """Take a patient for half an hour, so that no colleague reads the same exam."""
    patient = access.patient_for(access.Act.MARK, code, by=request.user)
    try:
        worklists.claim(patient=patient, by=access.member(request.user))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    return redirect("reading-list")


@require_POST
def give_back(request: HttpRequest, code: UUID) -> HttpResponse:
    """Give a patient back."""
    patient = access.patient_for(access.Act.MARK, code, by=request.user)
    worklists.release(patient=patient, by=access.member(request.user))
    return redirect("reading-list")
