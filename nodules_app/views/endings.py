"""The end of a patient's follow-up: each way with the evidence that it needs; and following a patient again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nodules_app.forms.follow_ups import (
    AcknowledgeForm,
    DeathForm,
    DeclineForm,
    ReasonForm,
    TransferForm,
    WithdrawForm,
)
from nodules_app.selectors import follow_ups as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.clinics import acts_of
from nodules_app.services import access, endings
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import refused_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import Patient, User


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end, or to begin again: who may, what is asked, what it will do, in words."""

    may: Act
    form: type[forms.Form]
    title: Promise
    effect: Promise
    button: Promise
    done: Promise
    do: Callable[[Patient, dict[str, object], User], object]


ENDINGS: Final[Mapping[str, Ending]] = {
    "discharge": Ending(
        Act.DECIDE,
        ReasonForm,
        _("Discharge"),
        _("Every open step ends, and every nodule is discharged. What the guideline says is kept beside your reason."),
        _("Sign the discharge"),
        _("Discharged. The reason is kept with your name."),
        lambda patient, told, by: endings.discharge(patient=patient, by=by, **told),  # type: ignore[arg-type]
    ),
    "decline": Ending(
        Act.RECORD,
        DeclineForm,
        _("The patient declines"),
        _("Every open step ends as declined, unless a day is agreed on which to offer it again."),
        _("Record the decline"),
        _("The decline is recorded."),
        lambda patient, told, by: endings.decline(patient=patient, by=by, **told),  # type: ignore[arg-type]
    ),
    "withdraw": Ending(
        Act.RECORD,
        WithdrawForm,
        _("The patient leaves the programme"),
        _("Every open step ends, and nobody is reminded any more."),
        _("Record that the patient leaves"),
        _("Recorded. Nothing is owed any more."),
        lambda patient, told, by: endings.withdraw(patient=patient, by=by, **told),  # type: ignore[arg-type]
    ),
    "death": Ending(
        Act.RECORD,
        DeathForm,
        _("The patient has died"),
        _("Every open step ends at once, and no message goes out any more."),
        _("Record the death"),
        _("Recorded. Every step has ended, and no message goes out any more."),
        lambda patient, told, by: endings.record_death(patient=patient, by=by, **told),  # type: ignore[arg-type]
    ),
    "transfer": Ending(
        Act.RECORD,
        TransferForm,
        _("Hand over to another hospital"),
        _("Nothing ends yet: every step stays ours until a named person there acknowledges."),
        _("Record the request"),
        _("The request is recorded. Every step stays ours until it is acknowledged."),
        lambda patient, told, by: endings.ask_transfer(patient=patient, by=by, **told),  # type: ignore[arg-type]
    ),
    "again": Ending(
        Act.RECORD,
        ReasonForm,
        _("Follow again"),
        _("A reader's review is owed from now on, and the guidelines are asked again."),
        _("Follow this patient again"),
        _("Followed again. A reader's review is owed, and the guidelines are being asked."),
        lambda patient, told, by: endings.reopen(patient=patient, by=by, **told),  # type: ignore[arg-type]
    ),
}
ACKNOWLEDGE: Final = (
    _("The other hospital acknowledges"),
    _("Every open step ends here: from now on it is theirs."),
    _("Record the acknowledgement"),
)


@never_cache
@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, code: UUID, how: str) -> HttpResponse:
    """Ask for the evidence of one way to end follow-up, say what will happen, then do it."""
    wanted = ENDINGS[how]
    patient = access.patient_for(wanted.may, code, by=request.user)
    options: dict[str, object] = {}
    if how == "death":
        options["confirmed"] = Act.DECIDE in acts_of(access.member(request.user), patient.clinic)
    form = wanted.form(request.POST if request.method == "POST" else None, **options)  # type: ignore[arg-type]
    if request.method == "POST" and form.is_valid():
        try:
            wanted.do(patient, dict(form.cleaned_data) | options, access.member(request.user))
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
        else:
            messages.success(request, str(wanted.done))
        return redirect("patient", code=patient.code)
    context = {
        "title": wanted.title,
        "effect": wanted.effect,
        "button": wanted.button,
        "form": form,
        "steps": patient_selectors.open_steps(patient),
        "transfer": selectors.open_transfer(patient),
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
    }
    return render(request, "follow_ups/end.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def acknowledge(request: HttpRequest, code: UUID) -> HttpResponse:
    """Record who at the other hospital took over."""
    transfer = access.transfer_for(Act.RECORD, code, by=request.user)
    patient = transfer.patient
    form = AcknowledgeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            endings.acknowledge_transfer(transfer=transfer, by=access.member(request.user), **form.cleaned_data)
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
        else:
            messages.success(request, str(_("Handed over. The steps are theirs from now on.")))
        return redirect("patient", code=patient.code)
    title, effect, button = ACKNOWLEDGE
    context = {
        "title": title,
        "effect": effect,
        "button": button,
        "form": form,
        "steps": patient_selectors.open_steps(patient),
        "transfer": selectors.open_transfer(patient),
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
    }
    return render(request, "follow_ups/end.html", context, status=422 if form.is_bound else 200)


@require_POST
def take_back(request: HttpRequest, code: UUID) -> HttpResponse:
    """Nobody there took over: end the request."""
    transfer = access.transfer_for(Act.RECORD, code, by=request.user)
    try:
        endings.take_back_transfer(transfer=transfer, by=access.member(request.user))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    else:
        messages.success(request, str(_("The request is taken back. Everything stays ours.")))
    return redirect("patient", code=transfer.patient.code)
