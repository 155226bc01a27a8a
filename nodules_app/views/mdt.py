"""The conference: its meetings, their lists, who comes, what is still to be done, and the minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nodules_app.forms.mdt import InviteForm, MeetingForm
from nodules_app.selectors import mdt as selectors
from nodules_app.selectors.clinics import acts_of
from nodules_app.services import access
from nodules_app.services.access import Act
from nodules_app.services.mdt import meetings, minutes
from nodules_app.templatetags.follow_ups import refused_words
from nodules_app.templatetags.mdt import lacking
from registration.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodules_app.models import Clinic, MdtMeeting

LIST_CLOSES_DAYS_BEFORE = 2


@never_cache
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """What is coming, what must be prepared, what was decided and is not done."""
    who = access.allow(request.user, Act.SEE)
    context = {
        "coming": selectors.meetings_of(who),
        "past": selectors.meetings_of(who, past=True),
        "to_prepare": selectors.to_prepare(who),
        "actions": selectors.open_actions(who),
        "today": timezone.localdate(),
        "clinics": access.clinics_of(who, Act.RECORD),
        "may": acts_of(who),
    }
    return render(request, "mdt/index.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def plan(request: HttpRequest, code: UUID) -> HttpResponse:
    """Plan a meeting of a clinic; whoever came to the last one is asked again."""
    clinic = access.clinic_for(Act.RECORD, code, by=request.user)
    form = _meeting_form(request, clinic, {"closes_on": timezone.localdate() + timedelta(days=LIST_CLOSES_DAYS_BEFORE)})
    if form.is_valid():
        meeting = meetings.plan_meeting(clinic=clinic, by=access.member(request.user), **form.facts())
        messages.success(request, gettext("Planned. Now list the cases and say who comes."))
        return redirect("mdt-meeting", code=meeting.code)
    context = {"form": form, "clinic": clinic, "meeting": None}
    return render(request, "mdt/plan.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, code: UUID) -> HttpResponse:
    """Another time, place, chair or quorum, until the meeting begins."""
    meeting = access.mdt_meeting_for(Act.RECORD, code, by=request.user)
    zone = ZoneInfo(meeting.clinic.time_zone)
    starts_at, closes_at = meeting.starts_at.astimezone(zone), meeting.cut_off_at.astimezone(zone)
    form = _meeting_form(
        request,
        meeting.clinic,
        {
            "on": starts_at.date(),
            "at": starts_at.time(),
            "closes_on": (closes_at - timedelta(microseconds=1)).date(),
            "place": meeting.place,
            "chair": meeting.chair_id,
            "quorum": meeting.quorum,
        },
    )
    if form.is_valid():
        _try(
            request,
            lambda: meetings.change_meeting(meeting=meeting, facts=form.facts(), by=access.member(request.user)),
        )
        return redirect("mdt-meeting", code=code)
    context = {"form": form, "clinic": meeting.clinic, "meeting": meeting}
    return render(request, "mdt/plan.html", context, status=422 if form.is_bound else 200)


def _meeting_form(request: HttpRequest, clinic: Clinic, initial: dict[str, object]) -> MeetingForm:
    return MeetingForm(
        request.POST or None,
        people=selectors.people_at(clinic.pk),
        zone=ZoneInfo(clinic.time_zone),
        initial={"quorum": ["radiology", "chest", "surgery"]} | initial,
    )


@never_cache
@require_GET
def meeting(request: HttpRequest, code: UUID) -> HttpResponse:
    """One meeting: its list in order, who comes, and the buttons to begin, end and sign."""
    row = access.mdt_meeting_for(Act.SEE, code, by=request.user)
    who = access.member(request.user)
    page = selectors.meeting_page(row)
    context = {
        "page": page,
        "meeting": row,
        "first": next((case for case in page.to_discuss if not case.is_settled), None),
        "invite": InviteForm(people=selectors.people_at(row.clinic_id)),
        "may": acts_of(who, row.clinic_id),
        "is_chair": who.pk == row.chair_id,
        "lacking": sum(bool(lacking(case)) for case in page.cases if not case.outcome),
        "late": any(line.code == row.code and line.is_late for line in selectors.meetings_of(who, past=True)),
    }
    return render(request, "mdt/meeting.html", context)


@require_POST
def invite(request: HttpRequest, code: UUID) -> HttpResponse:
    row = access.mdt_meeting_for(Act.RECORD, code, by=request.user)
    form = InviteForm(request.POST, people=selectors.people_at(row.clinic_id))
    told = form.cleaned_data if form.is_valid() else None
    if told is None:
        messages.warning(request, gettext("Choose a member of staff, or give a guest's name."))
    elif told["user"] and row.attendees.filter(user=told["user"]).exists():
        messages.warning(request, gettext("This person is on the list already."))
    else:
        meetings.invite(meeting=row, by=access.member(request.user), **told)
    return redirect("mdt-meeting", code=code)


@require_POST
def attendance(request: HttpRequest, code: UUID) -> HttpResponse:
    """Who is there, as ticked."""
    row = access.mdt_meeting_for(Act.RECORD, code, by=request.user)
    came = {int(key) for key in request.POST.getlist("came") if key.isdecimal()}
    _try(request, lambda: meetings.note_attendance(meeting=row, came=came, by=access.member(request.user)))
    return redirect("mdt-meeting", code=code)


@require_POST
def begin(request: HttpRequest, code: UUID) -> HttpResponse:
    """Begin, and go to the first case that waits for its outcome."""
    row = access.mdt_meeting_for(Act.RECORD, code, by=request.user)
    _try(request, lambda: meetings.begin(meeting=row, by=access.member(request.user)))
    page = selectors.meeting_page(row)
    first = next((case for case in page.to_discuss if not case.is_settled), None)
    return redirect("mdt-discuss", code=first.code) if first else redirect("mdt-meeting", code=code)


@require_POST
def end(request: HttpRequest, code: UUID) -> HttpResponse:
    row = access.mdt_meeting_for(Act.RECORD, code, by=request.user)
    if _try(request, lambda: meetings.end(meeting=row, by=access.member(request.user))):
        messages.success(request, gettext("The meeting has ended. What it did not come to waits for the next one."))
    return redirect("mdt-meeting", code=code)


@require_POST
def cancel(request: HttpRequest, code: UUID) -> HttpResponse:
    row = access.mdt_meeting_for(Act.RECORD, code, by=request.user)
    if _try(request, lambda: meetings.cancel_meeting(meeting=row, by=access.member(request.user))):
        messages.success(request, gettext("Cancelled. Its cases wait for another meeting."))
    return redirect("mdt")


@require_POST
def sign_minutes(request: HttpRequest, code: UUID) -> HttpResponse:
    row = access.mdt_meeting_for(Act.DECIDE, code, by=request.user)
    if _try(request, lambda: minutes.sign(meeting=row, by=access.member(request.user))):
        messages.success(request, gettext("The minutes are signed. What is added later makes a new version."))
    return redirect("mdt-meeting", code=code)


@never_cache
@require_GET
def minutes_pdf(request: HttpRequest, code: UUID, version: int) -> HttpResponse:
    """The minutes as they were signed, byte for byte."""
    row: MdtMeeting = access.mdt_meeting_for(Act.SEE, code, by=request.user)
    signed = row.minutes.filter(version=version).first()
    if signed is None:
        raise Http404(version)
    minutes.note_read(signed, by=access.member(request.user))
    headers = {"Content-Disposition": f'inline; filename="minutes-{row.code}-{version}.pdf"'}
    return HttpResponse(bytes(signed.pdf), content_type="application/pdf", headers=headers)


def _try(request: HttpRequest, act: Callable[[], object]) -> bool:
    """Do it, or say why not."""
    try:
        act()
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
        return False
    return True
