"""The clinic's calendar: the week, booking one step, giving a slot back, and the feed for calendar programs."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.scheduling import GiveBackForm, SlotForm
from nodules_app.lifecycles import AppointmentState, NoSuchStep
from nodules_app.selectors import patients as selectors
from nodules_app.selectors.booking import booking_page
from nodules_app.selectors.schedule import week_page
from nodules_app.services import access, calendar_feeds, scheduling
from nodules_app.services.forecast import step_too_early
from nodules_app.services.runs import told
from registration.errors import Refused

WEEKS_SHOWN: Final = 4


@never_cache
@require_http_methods(["GET", "POST"])
def book(request: HttpRequest, code: UUID) -> HttpResponse:
    """Give a step its slot, or another one: four weeks with the window on them, and the slots of one day."""
    follow_up = access.open_follow_up_for(access.Act.RECORD, code, by=request.user)
    form = SlotForm(request.POST or None)
    refusal: Refused | None = None
    if form.is_valid():
        try:
            resource, starts_at = form.cleaned_data["slot"]
            scheduling.give_slot(
                follow_up=follow_up,
                resource=resource,
                starts_at=starts_at,
                why_outside_window=form.cleaned_data["why_outside_window"],
                by=access.member(request.user),
            )
        except Refused as refused:
            refusal = refused
        except NoSuchStep:
            messages.warning(request, gettext("This step cannot be booked as it stands. What is owed is below."))
            return redirect("patient", code=follow_up.patient.code)
        else:
            messages.success(request, gettext("Booked. The reminders follow the new day."))
            return redirect(_back(request, follow_up.patient.code))
    today = timezone.localdate()
    page = booking_page(
        follow_up, today=today, first=_asked_day(request, "from"), on=_asked_day(request, "on"), weeks=WEEKS_SHOWN
    )
    context = {
        "identity": selectors.identity(follow_up.patient, today=today),
        "step": follow_up,
        "page": page,
        "too_early": step_too_early(follow_up, page.chosen.day.on) if page.chosen else (),
        "today": today,
        "asked_slot": request.POST.get("slot", ""),
        "refusal": told(refusal) if refusal else None,
        "give_back": GiveBackForm(),
    }
    return render(request, "scheduling/book.html", context, status=422 if refusal else 200)


@require_POST
def give_back(request: HttpRequest, code: UUID) -> HttpResponse:
    """Free a slot: cancelled, or the patient did not come."""
    appointment = access.appointment_for(access.Act.RECORD, code, by=request.user)
    form = GiveBackForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("book", code=appointment.follow_up.code)
    act = scheduling.miss if form.cleaned_data["outcome"] == AppointmentState.MISSED else scheduling.cancel
    try:
        act(appointment=appointment, because=form.reason(), by=access.member(request.user))
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: this appointment has ended already."))
    else:
        messages.success(request, gettext("Recorded. The slot is free, and the step is owed as before."))
    return redirect("patient", code=appointment.follow_up.patient.code)


@never_cache
@require_safe
def week(request: HttpRequest) -> HttpResponse:
    """A week of one clinic's scanners or rooms, and beside it who still needs a slot."""
    who = access.allow(request.user, access.Act.SEE)
    page = week_page(
        who,
        asked_clinic=request.GET.get("clinic", ""),
        asked_kind=request.GET.get("kind", ""),
        on=_asked_day(request, "on") or timezone.localdate(),
        now=timezone.now(),
    )
    return render(request, "scheduling/week.html", {"page": page})


@login_not_required
@never_cache
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponseBase:
    """The appointments of a clinic for a calendar program that shows this token; no sign-in, no names."""
    clinic = calendar_feeds.clinic_of(token)
    if clinic is None:
        raise Http404
    written = calendar_feeds.written(clinic, address=request.build_absolute_uri)
    return HttpResponse(written, content_type="text/calendar; charset=utf-8")


def _asked_day(request: HttpRequest, name: str) -> date | None:
    try:
        return parse_date(request.GET.get(name, ""))
    except ValueError:  # well formed, but no such day
        return None


def _back(request: HttpRequest, patient: UUID) -> str:
    """Back to the week if the slot was chosen there."""
    return request.GET["next"] if request.GET.get("next", "").startswith("/schedule?") else f"/patients/{patient}/"
