"""Recording a contact, from the worklist and from the page of a patient, by the same small form."""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from nodules_app.forms.attempts import AttemptForm
from nodules_app.selectors import contacts as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.services import access, attempts
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from nodules_app.views.places import place_to_return
from registration.errors import Refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def record_contact(request: HttpRequest, code: UUID) -> HttpResponse:
    """Ask what came of an attempt, then write it down; a script asks for the form alone and shows it in a window."""
    patient = access.patient_for(Act.RECORD, code, by=request.user)
    back = place_to_return(request)
    with timezone.override(ZoneInfo(patient.clinic.time_zone)):  # "call back at ten" is ten o'clock at the clinic
        form = AttemptForm(selectors.points_in_use(patient), request.POST if request.method == "POST" else None)
        sent = form.is_valid()
    if sent:
        try:
            recorded = attempts.record_attempt(patient=patient, told=form.told(), by=access.member(request.user))
        except Refused as refusal:
            form.add_error("call_back_at" if refusal.code == "call_back_is_past" else "contact", refused_words(refusal))
        else:
            messages.success(request, _said(recorded))
            return redirect(back) if back else redirect("patient", code=code)
    context = {
        "form": form,
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
        "tried": selectors.attempts_of(patient, newest=3),
        "next": back,
    }
    alone = request.headers.get("X-Part") == "form"
    template = "attempts/_form.html" if alone else "attempts/record.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _said(recorded: attempts.Recorded) -> str:
    """Say what was written down and what followed from it."""
    parts = [gettext("The contact is recorded in your name.")]
    if recorded.answered:
        said = ngettext("%(count)s task is answered by it.", "%(count)s tasks are answered by it.", recorded.answered)
        parts.append(said % {"count": recorded.answered})
    if recorded.kept:
        said = ngettext("%(count)s task stays open.", "%(count)s tasks stay open.", recorded.kept)
        parts.append(said % {"count": recorded.kept})
    if recorded.found:
        parts.append(gettext("The step is to be arranged again."))
    return " ".join(parts)
