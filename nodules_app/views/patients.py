"""One patient: what is owed, how the nodules changed, what the guidelines say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inference.model_card import Task
from nodules_app.charts import pairs, proposals
from nodules_app.forms.nodules import told_description
from nodules_app.forms.patients import RiskFactorsForm, as_asked, told_facts
from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import contacts, follow_ups, identity
from nodules_app.selectors import patients as selectors
from nodules_app.selectors.candidates import proposals_of
from nodules_app.selectors.risk_outcomes import outcomes_of
from nodules_app.selectors.spreadsheets import told_by_lists
from nodules_app.services import access, candidates, learned, models, nodules
from nodules_app.services import patients as services
from nodules_app.services.forecast import NoduleForecast, forecasts
from nodules_app.services.recalibration import corrected
from nodules_app.views import volume_curve


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """The page of one patient; ``?nodule=N2`` puts another nodule beside the curve."""
    patient = access.patient_to_see(code, by=request.user, page="overview")
    if (merge := identity.merge_in_force(patient)) is not None:
        messages.info(request, gettext("This record was joined with the one shown here."))
        return redirect("patient", code=identity.followed_as(merge.kept).code)
    today = timezone.localdate()
    page = selectors.patient_page(patient, today=today)
    volumes = pairs.Volumes()
    using = models.by_task()
    seen = (seen for nodule in page.timeline.nodules for seen in nodule.appearances)
    looks = learned.looks_said(seen, using[Task.PHENOTYPE])
    rows = pairs.nodule_rows(page.timeline, volumes, looks)
    hidden = candidates.hidden_from(patient, access.member(request.user))
    prior, current = pairs.two_latest(page.timeline)
    asked = request.GET.get("nodule") or page.lead
    lead = next((row for row in rows if row.nodule.label == asked), rows[0] if rows else None)
    described = lead.nodule.description if lead else None
    expected = forecasts(page.timeline)
    step_on = _next_ct(page)
    context = {
        "page": page,
        "today": today,
        "may": {str(act) for act in access.acts_of(access.member(request.user), patient.clinic_id)},
        "rows": rows,
        "lead": lead,
        "described": told_description(described.facts) if described else [],
        "prior": prior,
        "current": current,
        "comparison": page.timeline.comparisons[-1] if page.timeline.comparisons else None,
        "figure": volume_curve.curve(page),
        "table": volume_curve.table(page),
        "facts": told_facts(page.risk.facts) if page.risk else [],
        "transfer": follow_ups.open_transfer(patient),
        "tried": contacts.attempts_of(patient),
        "listed": told_by_lists(patient),
        "care_end": follow_ups.care_end(patient),
        "forecasts": expected,
        "step_on": step_on,
        "advice": _advice(page, expected, step_on),
        "learned": learned.growth_said((row.change for row in rows), using[Task.GROWTH]),
        "looks": looks,
        "outcomes": outcomes_of(patient),
        "corrected": corrected(patient.clinic, page.answers),
        "proposed": proposals.section(proposals_of(patient), hidden=hidden, volumes=volumes),
    }
    return render(request, "patients/patient.html", context)


def _next_ct(page: selectors.PatientPage) -> date | None:
    """The day of the next CT that is still to be made: booked, else the target."""
    step = next((one for one in page.owed if one.kind == "ct" and one.exam_on is None), None)
    return None if step is None else step.booked_on or step.target_on


def _advice(
    page: selectors.PatientPage, expected: Mapping[str, NoduleForecast], step_on: date | None
) -> list[NoduleForecast]:
    """Forecasts of the nodules for which the next CT is made, where its day lies after their last one."""
    step = next((one for one in page.owed if one.kind == "ct" and one.exam_on is None), None)
    if step is None or step_on is None:
        return []
    return [expected[label] for label in step.nodules if label in expected and expected[label].last_on < step_on]


@never_cache
@require_safe
def progress(request: HttpRequest, code: UUID) -> HttpResponse:
    """The state of the work alone, for the page that waits for it."""
    patient = access.patient_for(access.Act.SEE, code, by=request.user)
    runs = selectors.runs_of(patient)
    context = {"code": code, "runs": runs, "is_running": any(run.is_open for run in runs)}
    return render(request, "patients/_progress.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def risk_factors(request: HttpRequest, code: UUID) -> HttpResponse:
    """What is known of the risk; saving writes a new dated row and asks the guidelines again."""
    patient = access.patient_for(access.Act.RECORD, code, by=request.user)
    latest = selectors.latest_risk(patient)
    earlier = latest.facts if latest else {}
    form = RiskFactorsForm(request.POST or None, initial=as_asked(earlier, patient.setting))
    if form.is_valid():
        who = access.member(request.user)
        if form.cleaned_data["setting"] != patient.setting:
            services.choose_setting(patient=patient, setting=form.cleaned_data["setting"], by=who)
        services.record_risk_factors(patient=patient, facts=form.facts(earlier), by=who)
        messages.success(request, gettext("Recorded. The guidelines are being asked again."))
        return redirect("patient", code=code)
    context = {"form": form, "identity": selectors.identity(patient, today=timezone.localdate())}
    return render(request, "patients/risk_factors.html", context, status=422 if form.is_bound else 200)


@require_POST
def reject_nodule(request: HttpRequest, code: UUID) -> HttpResponse:
    """A reader says that this is no nodule; the row stays and can be followed again."""
    nodule = access.nodule_for(access.Act.MARK, code, by=request.user)
    try:
        nodules.reject(nodule=nodule, by=access.member(request.user))
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: this nodule's state has changed. It is shown below."))
    else:
        said = gettext("%(label)s counts as no nodule. It stays in the list and can be followed again.")
        messages.success(request, said % {"label": nodule.label})
    return redirect("patient", code=nodule.patient.code)


@require_POST
def reopen_nodule(request: HttpRequest, code: UUID) -> HttpResponse:
    """Follow a nodule again; it is owed a review from this moment."""
    nodule = access.nodule_for(access.Act.MARK, code, by=request.user)
    try:
        nodules.reopen(nodule=nodule, by=access.member(request.user))
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: this nodule's state has changed. It is shown below."))
    else:
        said = gettext("%(label)s is followed again and owed a review.")
        messages.success(request, said % {"label": nodule.label})
    return redirect("patient", code=nodule.patient.code)
