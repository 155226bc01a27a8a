"""Taking in exams: the upload, how far each delivery has come, and choosing another series."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.imports import ChooseSeriesForm, UploadForm
from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import imports
from nodules_app.services import intake, runs, scans
from nodules_app.services.access import Act, acts_of, allow, clinics_of, member, run_for, scan_for
from registration.errors import Refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The import page; a POST takes in files and comes back to it."""
    clinics = clinics_of(member(request.user), Act.RECORD)
    form = UploadForm(clinics, request.POST, request.FILES) if request.method == "POST" else UploadForm(clinics)
    refusal: Refused | None = None
    if form.is_bound:
        who = allow(request.user, Act.RECORD)
        if form.is_valid():
            try:
                batch = intake.receive_upload(files=form.sent(), by=who, clinic=form.chosen_clinic())
            except Refused as refused:
                refusal = refused
            else:
                return taken(request, f"{reverse('imports')}#import-{batch.code}")
    context = deliveries(request) | {
        "form": form,
        "refusal": runs.told(refusal) if refusal else None,
        "today": imports.today_in_figures(
            user=member(request.user), since=timezone.localtime().replace(hour=0, minute=0, second=0)
        ),
        "limit_mb": settings.UPLOAD_LIMIT_BYTES >> 20,
    }
    return render(request, "imports/imports.html", context, status=422 if form.is_bound else 200)


def taken(request: HttpRequest, place: str) -> HttpResponse:
    """Lead to the delivery; a script is told where it is, since a redirect that it follows loses the place."""
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"place": place}, status=201)
    return redirect(place)


@never_cache
@require_safe
def fragment(request: HttpRequest) -> HttpResponse:
    """The deliveries alone, for the page that keeps itself up to date."""
    return render(request, "imports/_deliveries.html", deliveries(request))


def deliveries(request: HttpRequest) -> dict[str, object]:
    latest = imports.deliveries(user=member(request.user))
    acts = acts_of(member(request.user))
    return {
        "deliveries": latest,
        "is_running": any(delivery.state == "running" for delivery in latest),
        "may_import": Act.RECORD in acts,
        "may_choose": Act.MARK in acts,
    }


@require_POST
def choose_series(request: HttpRequest, code: UUID) -> HttpResponse:
    """Measure another series of an exam."""
    scan = scan_for(Act.MARK, code, by=request.user)
    form = ChooseSeriesForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a series first."))
        return redirect("imports")
    series = get_object_or_404(scan.study.series, code=form.cleaned_data["series"], measurable=True)
    if series == scan.series:
        messages.info(request, _("This series is measured already."))
    else:
        scans.choose_other_series(scan=scan, series=series, by=member(request.user))
        messages.success(request, _("The other series is being measured."))
    return redirect("imports")


@require_POST
def run_again(request: HttpRequest, code: UUID) -> HttpResponse:
    """Ask for a piece of work again after its cause was mended."""
    run = run_for(Act.RECORD, code, by=request.user)
    try:
        runs.try_again(run=run, by=member(request.user))
    except NoSuchStep:
        messages.warning(request, _("Somebody else has asked for it again already."))
    else:
        messages.success(request, _("The step is tried again."))
    if "patient" in request.POST and run.patient is not None:  # asked on the patient's own page
        return redirect("patient", code=run.patient.code)
    return redirect("imports")
