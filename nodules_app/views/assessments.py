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

from nodules_app.forms.decisions import OverrideForm, VersionForm
from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import patients as selectors
from nodules_app.selectors.follow_ups import changes_since
from nodules_app.services import access, decisions
from nodules_app.services.steps import ChangedMeanwhile
from nodules_app.templatetags.follow_ups import no_such_step_words, refused_words
from nodules_app.templatetags.patients import guideline_name, management_words
from registration.errors import Refused


@require_POST
def accept(request: HttpRequest, code: UUID) -> HttpResponse:
    follow_up = access.follow_up_for(access.Act.DECIDE, code, by=request.user)
    if follow_up.kind == "discharge":
        return redirect("discharge", code=follow_up.patient.code)  # ends follow-up, so the reason is asked first
    try:
        decisions.accept(
            follow_up=follow_up, by=access.member(request.user), seen=VersionForm(request.POST).version_seen()
        )
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: this step is signed already. It is shown below."))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    else:
        messages.success(request, gettext("Signed. The step is planned, and you own it unless it had an owner."))
    return redirect("patient", code=follow_up.patient.code)


@never_cache
@require_http_methods(["GET", "POST"])
def override(request: HttpRequest, code: UUID) -> HttpResponse:
    follow_up = access.follow_up_for(access.Act.DECIDE, code, by=request.user)
    page = selectors.patient_page(follow_up.patient, today=timezone.localdate())
    form = OverrideForm(
        request.POST or None,
        managements=_other_words(page),
        initial={
            "kind": follow_up.kind,
            "due_from": follow_up.due_from,
            "due_until": follow_up.due_until,
            "version": follow_up.version,
        },
    )
    context = {"form": form, "identity": page.identity, "step": selectors.owed(follow_up), "page": page}
    if form.is_valid():
        told = form.cleaned_data
        try:
            decisions.override(
                follow_up=follow_up,
                kind=told["kind"],
                management=told["management"],
                window=form.window(),
                reason_code=told["reason_code"],
                reason=told["reason"],
                by=access.member(request.user),
                seen=told["version"],
            )
        except ChangedMeanwhile as refusal:
            context |= {"refusal": refused_words(refusal), "changes": changes_since(follow_up, told["version"])}
            follow_up.refresh_from_db(fields=["version"])
            form.show_version(follow_up.version)
            return render(request, "patients/otherwise.html", context, status=409)
        except NoSuchStep as refusal:
            messages.warning(request, no_such_step_words(refusal))
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
        else:
            messages.success(request, gettext("Planned with your reason. The proposed step is closed."))
        return redirect("patient", code=follow_up.patient.code)
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
