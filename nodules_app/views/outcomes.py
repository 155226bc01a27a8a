"""What nodules turned out to be, and what that makes of the published models here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inference.validation.recalibration import FEWEST
from nodules_app.charts import recalibration as chart
from nodules_app.exchange.spreadsheets import Cell, as_csv
from nodules_app.forms.outcomes import FitForm, OutcomeForm
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import risk_outcomes as selectors
from nodules_app.services import access, recalibration
from nodules_app.services.access import Act
from nodules_app.services.runs import told
from nodules_app.templatetags.refusals import refusal_sentence
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import RiskCorrection

EXPORTED = ("nodule", "patient", "probability", "outcome", "known_by", "said_on", "known_on")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def record_outcome(request: HttpRequest, code: UUID) -> HttpResponse:
    """Write down what a nodule turned out to be."""
    nodule = access.nodule_for(Act.RECORD, code, by=request.user)
    form = OutcomeForm(request.POST or None)
    if form.is_valid():
        try:
            recalibration.record_outcome(nodule=nodule, by=access.member(request.user), **form.cleaned_data)
        except Refused as refused:
            form.add_error("on", refusal_sentence(told(refused)))
        else:
            messages.success(request, gettext("Recorded: what %(label)s was.") % {"label": nodule.label})
            return redirect("patient", code=nodule.patient.code)
    context = {
        "form": form,
        "nodule": nodule,
        "known": selectors.outcomes_of(nodule.patient).get(nodule.label),
        "identity": patient_selectors.identity(nodule.patient, today=timezone.localdate()),
    }
    return render(request, "nodules/outcome.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def corrections(request: HttpRequest, code: UUID) -> HttpResponse:
    """The published models beside the outcomes of a clinic, every correction of theirs, and fitting another."""
    clinic = access.clinic_for(Act.MANAGE if request.method == "POST" else Act.SEE, code, by=request.user)
    refusal: Refused | None = None
    if request.method == "POST":
        form = FitForm(request.POST)
        if not form.is_valid():
            raise BadRequest("no such model")
        try:
            recalibration.fit(clinic=clinic, by=access.member(request.user), **form.cleaned_data)
        except Refused as refused:
            refusal = refused
        else:
            messages.success(request, gettext("Fitted. It changes nothing until a physician signs it into use."))
            return redirect("risk-corrections", code=code)
    rows = selectors.corrections(clinic)
    who = access.member(request.user)
    context = {
        "clinic": clinic,
        "standing": recalibration.standing(clinic),
        "rows": [(row, _figure(row)) for row in rows],
        "refusal": told(refusal) if refusal else None,
        "may_fit": Act.MANAGE in access.acts_of(who, clinic),
        "may_sign": access.signs_corrections(who, clinic),
        "fewest": FEWEST,
    }
    return render(request, "quality/corrections.html", context, status=422 if refusal else 200)


def _figure(row: RiskCorrection) -> chart.Figure:
    found = recalibration.curve_of(row)
    return chart.figure(found, predicted=gettext("published model"), corrected=gettext("corrected here"))


@require_POST
def sign_correction(request: HttpRequest, code: UUID) -> HttpResponse:
    """A physician takes a correction into use."""
    row = access.correction_to_sign(code, by=request.user)
    return _changed(request, row, recalibration.sign, gettext("In use: the page of each patient shows it."))


@require_POST
def retire_correction(request: HttpRequest, code: UUID) -> HttpResponse:
    """A physician takes a correction out of use."""
    row = access.correction_to_sign(code, by=request.user)
    return _changed(request, row, recalibration.retire, gettext("Out of use: the published model stands alone."))


def _changed(request: HttpRequest, row: RiskCorrection, change: recalibration.Change, said: str) -> HttpResponse:
    try:
        change(correction=row, by=access.member(request.user))
    except Refused as refused:
        messages.warning(request, refusal_sentence(told(refused)))
    else:
        messages.success(request, said)
    return redirect("risk-corrections", code=row.clinic.code)


@require_safe
def export_outcomes(request: HttpRequest, code: UUID, model: str) -> HttpResponse:
    """The outcomes of a clinic beside what one model said, as ``manage.py validate`` takes them; codes, no names."""
    clinic = access.clinic_for(Act.MANAGE, code, by=request.user)
    if model not in selectors.MODELS:
        raise BadRequest("no such model")
    rows = recalibration.exported(clinic, model, by=access.member(request.user))
    lines: list[list[Cell]] = [
        [str(one.nodule), str(one.patient), one.probability, int(one.is_malignant), one.known_by, *_days(one)]
        for one in rows
    ]
    headers = {"Content-Disposition": f'attachment; filename="outcomes-{model}.csv"'}
    return HttpResponse(as_csv(EXPORTED, lines), content_type="text/csv; charset=utf-8", headers=headers)


def _days(one: selectors.Judged) -> tuple[date, date]:
    return one.said_on, one.known_on
