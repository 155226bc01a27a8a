"""Signing the next step, or choosing another one with a reason."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nodules_app.forms.decisions import OverrideForm
from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import patients as selectors
from nodules_app.services import access, decisions
from nodules_app.templatetags.patients import guideline_name, management_words


@require_POST
def accept(request: HttpRequest, code: UUID) -> HttpResponse:
    follow_up = access.open_follow_up_for(access.Act.DECIDE, code, by=request.user)
    try:
        decisions.accept(follow_up=follow_up, by=access.member(request.user))
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: this step is signed already. It is shown below."))
    else:
        messages.success(request, gettext("Signed. The step is planned, and you own it unless it had an owner."))
    return redirect("patient", code=follow_up.patient.code)


@never_cache
@require_http_methods(["GET", "POST"])
def override(request: HttpRequest, code: UUID) -> HttpResponse:
    follow_up = access.open_follow_up_for(access.Act.DECIDE, code, by=request.user)
    page = selectors.patient_page(follow_up.patient, today=timezone.localdate())
    form = OverrideForm(
        request.POST or None,
        managements=_other_words(page),
        initial={"kind": follow_up.kind, "due_from": follow_up.due_from, "due_until": follow_up.due_until},
    )
    if form.is_valid():
        told = form.cleaned_data
        try:
            decisions.override(
                follow_up=follow_up,
                kind=told["kind"],
                management=told["management"],
                window=form.window(),
                reason=told["reason"],
                by=access.member(request.user),
            )
        except NoSuchStep:
            messages.warning(request, gettext("Somebody was quicker: this step has ended. What is owed now is below."))
        else:
            messages.success(request, gettext("Planned with your reason. The proposed step is closed."))
        return redirect("patient", code=follow_up.patient.code)
    context = {"form": form, "identity": page.identity, "step": selectors.owed(follow_up), "page": page}
    return render(request, "patients/otherwise.html", context, status=422 if form.is_bound else 200)


def _other_words(page: selectors.PatientPage) -> list[tuple[str, str]]:
    """Give what the guidelines say of this patient as choices, each once."""
    said = {
        answer.result[
            "management"
        ]: f"{guideline_name(answer.guideline)}: {management_words(answer.result['management'])}"
        for answer in page.answers
        if answer.result.get("interval") or answer.result["management"].endswith(("workup", "discharge"))
    }
    return list(said.items())
