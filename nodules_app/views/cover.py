"""Who is away and who covers; and the patients somebody answers for today."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.cover import AbsenceForm
from nodules_app.forms.worklist import WorklistForm
from nodules_app.selectors import contacts
from nodules_app.selectors import cover as selectors
from nodules_app.selectors.mine import my_patients
from nodules_app.services import access, cover
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def absences(request: HttpRequest) -> HttpResponse:
    """Everybody who is or will be away, and the form to say so of oneself, or of whom one manages."""
    me = access.member(request.user)
    today = timezone.localdate()
    colleagues = selectors.colleagues_of(me)
    managed_by_me = selectors.managed_by(me)
    managed = [one for one in colleagues if one.pk in managed_by_me]
    form = AbsenceForm(me, managed, colleagues, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            cover.go_away(by=me, today=today, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("away_until" if refusal.code == "absence_is_past" else "covered_by", refused_words(refusal))
        else:
            messages.success(request, gettext("Recorded. From the first day on the colleague answers."))
            return redirect("absences")
    away = selectors.absences(me, today)
    context = {
        "form": form,
        "away": [(one, one.who.pk in managed_by_me) for one in away],
        "today": today,
        "covers": selectors.stands_for(me, today),
    }
    return render(request, "cover/absences.html", context, status=422 if form.is_bound else 200)


@require_POST
def come_back(request: HttpRequest, code: UUID) -> HttpResponse:
    """End an absence; everything is the owner's again."""
    me = access.member(request.user)
    who = access.colleague_for(code, by=request.user)
    try:
        cover.come_back(who=who, by=me)
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    else:
        messages.success(request, gettext("The absence has ended: everything is the owner's again."))
    return redirect("absences")


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """The patients whose steps this person owns, and those of absent colleagues whom they cover."""
    who = access.allow(request.user, Act.SEE)
    asked = WorklistForm(request.GET)
    page = (asked.cleaned_data["page"] if asked.is_valid() else None) or 1
    today = timezone.localdate()
    found = my_patients(who, today=today, page=page)
    context = {
        "found": found,
        "today": today,
        "page": page,
        "me": who,
        "covers": {group.owner.pk for group in found.groups},
        "here": request.get_full_path(),
        "tried": contacts.last_attempts(row.code for group in found.groups for row in group.rows),
    }
    return render(request, "cover/mine.html", context)
