"""The slices of a scan, crops of its nodules, and marking a nodule by a press on a slice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from nodules_app.charts import pairs, slices
from nodules_app.exchange import pictures
from nodules_app.forms.points import CropForm, MarkForm, PointForm, SliceForm
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import scans as selectors
from nodules_app.services import access, nodules
from registration.volume import Volume

FOR_A_YEAR = "private, max-age=31536000, immutable"  # the address names series, slice and place: it cannot change


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """One slice to look at; a press on it asks to mark a nodule there."""
    asked = SliceForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("no such slice")
    scan = access.scan_to_see(code, by=request.user, page="slices")
    page = selectors.scan_page(scan)
    volume = pairs.kept_volume(page.series)
    told = asked.cleaned_data
    window = pictures.Window(told["window"] or pictures.Window.LUNG)
    context = {
        "page": page,
        "identity": patient_selectors.identity(scan.study.patient, today=timezone.localdate()),
        "window": window,
        "may": {str(act) for act in access.acts_of(access.member(request.user), scan.study.patient.clinic_id)},
        "shown": slices.shown_slice(volume, page.places, asked=told["slice"], nodule=told["nodule"])
        if volume
        else None,
    }
    return render(request, "scans/scan.html", context)


@require_safe
def slice_picture(request: HttpRequest, code: UUID) -> HttpResponse:
    """One slice as PNG, one pixel for one voxel."""
    scan = access.scan_for(access.Act.SEE, code, by=request.user)
    asked = SliceForm(request.GET)
    if not asked.is_valid() or asked.cleaned_data["slice"] is None:
        raise BadRequest("no such slice")
    volume = _volume_or_404(scan.series.code)
    window = pictures.Window(asked.cleaned_data["window"] or pictures.Window.LUNG)
    return _picture(pictures.slice_png(volume, asked.cleaned_data["slice"] - 1, window=window), FOR_A_YEAR)


@require_safe
def crop_of_finding(request: HttpRequest, code: UUID) -> HttpResponse:
    """The crop around a finding. A look is recorded by the page that shows it, once."""
    finding = access.finding_for(access.Act.SEE, code, by=request.user)
    told = _crop_asked(request)
    volume = _volume_or_404(finding.scan.series.code)
    crop = pictures.crop_around(volume, finding.lps_mm, side_mm=told["mm"] or pairs.CROP_MM, slice_index=told["slice"])
    keep = FOR_A_YEAR if told["slice"] is not None else "private, max-age=60"
    return _picture(pictures.crop_png(volume, crop), keep)


@require_safe
def crop_of_place(request: HttpRequest, code: UUID) -> HttpResponse:
    """The crop around a pixel of a slice, before anybody says that a nodule is there."""
    scan = access.scan_for(access.Act.SEE, code, by=request.user)
    told = _crop_asked(request)
    if told["slice"] is None or told["x"] is None or told["y"] is None:
        raise BadRequest("no such place")
    volume = _volume_or_404(scan.series.code)
    side_mm = told["mm"] or pairs.CROP_MM
    crop = pictures.crop_at(volume, slice_index=told["slice"], x_px=told["x"], y_px=told["y"], side_mm=side_mm)
    return _picture(pictures.crop_png(volume, crop), FOR_A_YEAR)


@never_cache
@require_http_methods(["GET", "POST"])
def mark(request: HttpRequest, code: UUID) -> HttpResponse:
    """Show the pressed place closely and ask; marking happens only after that."""
    scan = access.scan_for(access.Act.MARK, code, by=request.user)
    volume = pairs.kept_volume(scan.series.code)
    if volume is None:
        messages.warning(request, gettext("The slices of this scan are not kept at present. Ask for the work again."))
        return redirect("patient", code=scan.study.patient.code)
    if request.method == "POST":
        return _mark(request, code, volume)
    pressed = PointForm(request.GET, shape_zyx=volume.shape_zyx)
    identity = patient_selectors.identity(scan.study.patient, today=timezone.localdate())
    page = selectors.scan_page(scan)
    if not pressed.is_valid():
        asked = pressed.cleaned_data.get("slice")
        shown = slices.shown_slice(volume, page.places, asked=asked)
        context = {
            "page": page,
            "identity": identity,
            "window": pictures.Window.LUNG,
            "may": {str(act) for act in access.acts_of(access.member(request.user), scan.study.patient.clinic_id)},
            "shown": shown,
            "form": pressed,
        }
        return render(request, "scans/scan.html", context, status=422)
    _, rows, columns = volume.shape_zyx
    x_px, y_px = pressed.pixel(columns, rows, slices.height_share(volume))
    place = slices.place_of(volume, code, slice_number=pressed.cleaned_data["slice"], x_px=x_px, y_px=y_px)
    context = {"page": page, "identity": identity, "place": place}
    return render(request, "scans/mark.html", context)


def _mark(request: HttpRequest, code: UUID, volume: Volume) -> HttpResponse:
    scan = access.scan_for(access.Act.MARK, code, by=request.user)
    form = MarkForm(request.POST, shape_zyx=volume.shape_zyx)
    if not form.is_valid():
        raise BadRequest("no such place")
    told = form.cleaned_data
    x, y, z = (float(value) for value in volume.lps_from_index((told["slice"] - 1, told["y"], told["x"])))
    nodule = nodules.mark_nodule(scan=scan, lps_mm=(x, y, z), by=access.member(request.user))
    messages.success(
        request, gettext("%(label)s is marked and owed a review. It is being measured now.") % {"label": nodule.label}
    )
    return redirect("patient", code=scan.study.patient.code)


def _crop_asked(request: HttpRequest) -> dict[str, Any]:
    form = CropForm(request.GET)
    if not form.is_valid():
        raise BadRequest("no such crop")
    return form.cleaned_data


def _volume_or_404(series: UUID) -> Volume:
    volume = pairs.kept_volume(series)
    if volume is None:
        raise Http404("the volume is not kept at present")
    return volume


def _picture(png: bytes, keep: str) -> HttpResponse:
    return HttpResponse(png, content_type="image/png", headers={"Cache-Control": keep})
