"""Exams that came in and that no plan waits for, until somebody has answered for each."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from nodules_app.forms.arrivals import AnswerExamForm
from nodules_app.selectors import arrivals as selectors
from nodules_app.selectors import follow_ups
from nodules_app.selectors import patients as patient_selectors
from nodules_app.services import access, unread
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Unread exams with the day of their review, exams of people whose care ended, deliveries without a patient."""
    who = access.allow(request.user, Act.SEE)
    may = access.acts_of(who)
    context = {"found": selectors.arrivals(who, now=timezone.now()), "may": may, "today": timezone.localdate()}
    return render(request, "arrivals/arrivals.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, code: UUID) -> HttpResponse:
    """Follow the patient again, or say why nothing is to be done about this exam."""
    study = access.study_for(Act.RECORD, code, by=request.user)
    form = AnswerExamForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            unread.answer(study=study, by=access.member(request.user), **form.cleaned_data)
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
        else:
            messages.success(request, gettext("Recorded in your name."))
        return redirect("arrivals")
    context = {
        "form": form,
        "study": study,
        "ended": follow_ups.care_end(study.patient),
        "identity": patient_selectors.identity(study.patient, today=timezone.localdate()),
    }
    return render(request, "arrivals/answer.html", context, status=422 if form.is_bound else 200)
