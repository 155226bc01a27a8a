"""Who may do what and who did: the audit trail, access in an emergency, and the rules of a clinic."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.members import PolicyForm, WindowsForm
from nodules_app.forms.reminders import (
    AuditForm,
    ClinicDayForm,
    ClinicForm,
    EmergencyForm,
    LadderForm,
    with_every_rung,
)
from nodules_app.ladder.rungs import Rung, problems_of
from nodules_app.selectors import audit as selectors
from nodules_app.selectors import clinics as clinic_selectors
from nodules_app.services import access, clinics, emergencies
from nodules_app.services.access import Act
from nodules_app.services.policy import WITHIN_DAYS
from nodules_app.services.reminders import rules, simulate
from registration.errors import Refused


@never_cache
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Who looked at or did what, as far as this person audits."""
    who = access.allow(request.user, Act.AUDIT)
    form = AuditForm(selectors.verbs(), request.GET or None)
    if form.is_bound and not form.is_valid():
        return render(request, "audit/audit.html", {"form": form, "trail": None}, status=422)
    asked = (
        selectors.Asked(**{name: value for name, value in form.cleaned_data.items() if value})
        if form.is_bound
        else (selectors.Asked())
    )
    query = request.GET.copy()
    query.pop("before", None)
    access.note_search(who, asked)
    context = {
        "form": form,
        "trail": selectors.trail(user=who, asked=asked),
        "query": query.urlencode(),
        "emergencies": selectors.emergencies(user=who),
    }
    return render(request, "audit/audit.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def emergency(request: HttpRequest) -> HttpResponse:
    """Open the record of another clinic's patient for a few hours, with a reason."""
    who = access.allow(request.user, Act.SEE)
    form = EmergencyForm(request.POST or None)
    if form.is_valid():
        told = form.cleaned_data
        try:
            opened = emergencies.open_in_emergency(
                number=told["number"], born=told["born"], reason=told["reason"], by=who
            )
        except Refused as refused:
            form.add_error(None, f"{gettext(refused.sentence)} {gettext(refused.remedy)}")
        else:
            messages.warning(request, gettext("Opened for four hours. The auditor will read your reason."))
            return redirect("patient", code=opened.patient.code)
    return render(request, "audit/emergency.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
def review_emergency(request: HttpRequest, code: UUID) -> HttpResponse:
    """The auditor has read why somebody opened a record."""
    row = access.emergency_for(Act.AUDIT, code, by=request.user)
    emergencies.review(access=row, by=access.member(request.user))
    return redirect("audit")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ladder(request: HttpRequest, code: UUID) -> HttpResponse:
    """The rungs of a clinic, what they would have sent last month, and putting another version in force."""
    clinic = access.clinic_for(Act.MANAGE if request.method == "POST" else Act.SEE, code, by=request.user)
    in_force = rules.ladder_of(clinic)
    rungs = with_every_rung(in_force.rungs)
    initial = {"task_cap": in_force.task_cap}
    form = LadderForm(rungs, request.POST or None, initial=initial)
    tried: tuple[Rung, ...] | None = None
    problems: tuple[str, ...] = ()
    if form.is_bound and form.is_valid():
        tried = form.changed_rungs()
        problems = problems_of(tried)
        if "activate" in request.POST and not problems:
            told = form.cleaned_data
            who = access.member(request.user)
            version = rules.change_ladder(
                clinic=clinic, rungs=tried, why=told["why"], task_cap=told["task_cap"], by=who
            )
            messages.success(request, gettext("Version %(number)s is in force.") % {"number": version.number})
            return redirect("ladder", code=code)
    now = timezone.now()
    context = {
        "clinic": clinic,
        "in_force": in_force,
        "form": form,
        "problems": problems,
        "before": simulate.simulate(clinic=clinic, rungs=in_force.rungs, now=now),
        "after": simulate.simulate(clinic=clinic, rungs=tried, now=now) if tried and not problems else None,
        "versions": rules.versions_of(clinic),
        "may_change": Act.MANAGE in access.acts_of(access.member(request.user), clinic),
    }
    wrong = form.is_bound and (bool(problems) or not form.is_valid())
    return render(request, "reminders/ladder.html", context, status=422 if wrong else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def clinic_settings(request: HttpRequest, code: UUID) -> HttpResponse:
    """Name, zone, hours and addresses of a clinic, its rules, and the days that differ."""
    clinic = access.clinic_for(Act.ADMINISTER, code, by=request.user)
    who = access.member(request.user)
    asked = request.POST.get("form", "")
    if request.method == "POST" and asked not in ("clinic", "policy", "windows", "day", "day-gone"):
        raise BadRequest("no such form")
    form = ClinicForm(request.POST if asked == "clinic" else None, instance=clinic)
    rules = PolicyForm(request.POST if asked == "policy" else None, instance=clinic)
    day = ClinicDayForm(request.POST if asked == "day" else None)
    windows = WindowsForm(
        clinic_selectors.windows_of(clinic), dict(WITHIN_DAYS), request.POST if asked == "windows" else None
    )
    if asked == "clinic" and form.is_valid():
        clinics.change_clinic(clinic=form.save(commit=False), changed=form.changed_data, by=who)
    elif asked == "policy" and rules.is_valid():
        clinics.change_clinic(clinic=rules.save(commit=False), changed=rules.changed_data, by=who)
    elif asked == "windows" and windows.is_valid():
        clinics.set_windows(clinic=clinic, within_days=windows.within_days(), by=who)
    elif asked == "day" and day.is_valid():
        clinics.mark_day(clinic=clinic, by=who, **day.cleaned_data)
    elif asked == "day-gone":
        clinics.unmark_day(clinic=clinic, key=request.POST.get("day", ""), by=who)
    else:
        context = {
            "clinic": clinic,
            "form": form,
            "day": day,
            "policy": rules,
            "windows": windows,
            "days": clinic_selectors.days_of(clinic),
        }
        status = 422 if form.is_bound or rules.is_bound or day.is_bound or windows.is_bound else 200
        return render(request, "audit/clinic.html", context, status=status)
    messages.success(request, gettext("Recorded. It holds from now on."))
    return redirect("clinic-settings", code=code)
