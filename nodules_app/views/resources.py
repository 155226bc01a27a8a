"""Setting the calendar up: scanners and rooms, their hours, when they are not ours, and feeds for calendar programs."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.forms.scheduling import FeedForm, HoursForm, ResourceForm, UnavailableForm
from nodules_app.selectors.resources import setup_page
from nodules_app.services import access, calendar_feeds, resources
from nodules_app.services.access import Act
from nodules_app.services.runs import told
from nodules_app.templatetags.refusals import spoken
from registration.errors import Refused


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """What can be booked in the clinics that this person sets up."""
    who = access.allow(request.user, Act.MANAGE)
    context = {
        "clinics": setup_page(who),
        "resource_form": ResourceForm(),
        "hours_form": HoursForm(),
        "unavailable_form": UnavailableForm(),
        "feed_form": FeedForm(),
        "fresh_feed": request.session.pop("fresh_feed", None),
    }
    return render(request, "scheduling/setup.html", context)


@require_POST
def add(request: HttpRequest, code: UUID) -> HttpResponse:
    clinic, by = access.clinic_for(Act.MANAGE, code, by=request.user), access.member(request.user)
    form = ResourceForm(request.POST)
    return _done(request, form, lambda: resources.add_resource(clinic=clinic, by=by, **form.cleaned_data))


@require_POST
def open_hours(request: HttpRequest, code: UUID) -> HttpResponse:
    resource, by = access.resource_for(Act.MANAGE, code, by=request.user), access.member(request.user)
    form = HoursForm(request.POST)
    return _done(request, form, lambda: resources.open_on(resource=resource, by=by, **form.cleaned_data))


@require_POST
def close_hours(request: HttpRequest, code: UUID, hours: int) -> HttpResponse:
    resource = access.resource_for(Act.MANAGE, code, by=request.user)
    resources.close_on(resource=resource, hours=hours, by=access.member(request.user))
    return redirect("schedule-setup")


@require_POST
def set_unavailable(request: HttpRequest, code: UUID) -> HttpResponse:
    resource, by = access.resource_for(Act.MANAGE, code, by=request.user), access.member(request.user)
    form = UnavailableForm(request.POST, time_zone=resource.clinic.time_zone)
    return _done(request, form, lambda: resources.set_unavailable(resource=resource, by=by, **form.cleaned_data))


@require_POST
def retire(request: HttpRequest, code: UUID) -> HttpResponse:
    resource, by = access.resource_for(Act.MANAGE, code, by=request.user), access.member(request.user)
    return _done(request, Form({}), lambda: resources.retire_resource(resource=resource, by=by))


@require_POST
def make_feed(request: HttpRequest, code: UUID) -> HttpResponse:
    """Make a feed; its address is shown once, on the page that follows."""
    clinic = access.clinic_for(Act.MANAGE, code, by=request.user)
    form = FeedForm(request.POST)

    def make() -> None:
        _feed, token = calendar_feeds.make_feed(clinic=clinic, by=access.member(request.user), **form.cleaned_data)
        request.session["fresh_feed"] = request.build_absolute_uri(reverse("calendar-feed", args=[token]))

    return _done(request, form, make)


@require_POST
def revoke_feed(request: HttpRequest, code: UUID) -> HttpResponse:
    feed = access.calendar_feed_for(Act.MANAGE, code, by=request.user)
    calendar_feeds.revoke_feed(feed=feed, by=access.member(request.user))
    messages.success(request, gettext("Revoked. Nobody can read the calendar with that address any more."))
    return redirect("schedule-setup")


def _done(request: HttpRequest, form: Form, act: Callable[[], object]) -> HttpResponse:
    """Do it and come back to the page; what was wrong is said on it."""
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("schedule-setup")
    try:
        act()
    except Refused as refused:
        said = told(refused)
        messages.error(request, f"{spoken(said, 'sentence', 'template')} {spoken(said, 'remedy', 'remedy_template')}")
    else:
        messages.success(request, gettext("Saved."))
    return redirect("schedule-setup")
