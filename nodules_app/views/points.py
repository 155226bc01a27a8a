"""Moving a nodule's point: press where it is, look at the place closely, say yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from nodules_app.charts import pairs, slices
from nodules_app.exchange import pictures
from nodules_app.forms.points import MarkForm, PointForm, SliceForm
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import scans as selectors
from nodules_app.services import access, nodules
from registration.volume import Volume

if TYPE_CHECKING:
    from nodules_app.models import Finding


@never_cache
@require_safe
def move(request: HttpRequest, code: UUID) -> HttpResponse:
    """The slice of a finding to press on; a press asks to move its point there."""
    finding = access.finding_for(access.Act.MARK, code, by=request.user)
    asked = SliceForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("no such slice")
    volume = pairs.kept_volume(finding.scan.series.code)
    if finding.superseded_at is not None or volume is None:
        return _cannot(request, finding)
    window = pictures.Window(asked.cleaned_data["window"] or pictures.Window.LUNG)
    return _slice(request, finding, volume, asked=asked.cleaned_data["slice"], window=window)


@never_cache
@require_http_methods(["GET", "POST"])
def move_here(request: HttpRequest, code: UUID) -> HttpResponse:
    """Show the pressed place closely and ask; the point moves only after that."""
    finding = access.finding_for(access.Act.MARK, code, by=request.user)
    volume = pairs.kept_volume(finding.scan.series.code)
    if finding.superseded_at is not None or volume is None:
        return _cannot(request, finding)
    if request.method == "POST":
        return _move(request, finding, volume)
    pressed = PointForm(request.GET, shape_zyx=volume.shape_zyx)
    if not pressed.is_valid():
        asked = pressed.cleaned_data.get("slice")
        return _slice(request, finding, volume, asked=asked, window=pictures.Window.LUNG, form=pressed)
    _, rows, columns = volume.shape_zyx
    x_px, y_px = pressed.pixel(columns, rows, slices.height_share(volume))
    number = pressed.cleaned_data["slice"]
    place = slices.place_of(volume, finding.scan.code, slice_number=number, x_px=x_px, y_px=y_px)
    return render(request, "nodules/move.html", _about(finding) | {"place": place})


def _move(request: HttpRequest, finding: Finding, volume: Volume) -> HttpResponse:
    form = MarkForm(request.POST, shape_zyx=volume.shape_zyx)
    if not form.is_valid():
        raise BadRequest("no such place")
    told = form.cleaned_data
    x, y, z = (float(value) for value in volume.lps_from_index((told["slice"] - 1, told["y"], told["x"])))
    try:
        nodules.move_point(finding=finding, lps_mm=(x, y, z), by=access.member(request.user))
    except nodules.PointReplaced:
        return _cannot(request, finding)
    said = gettext("The point of %(label)s is moved. It is being measured there now.")
    messages.success(request, said % {"label": finding.nodule.label})
    return _to_nodule(finding)


def _cannot(request: HttpRequest, finding: Finding) -> HttpResponse:
    if finding.superseded_at is None and pairs.kept_volume(finding.scan.series.code) is None:
        said = gettext("The slices of this scan are not kept at present. Ask for the work again.")
    else:
        said = f"{gettext(nodules.PointReplaced.sentence)} {gettext(nodules.PointReplaced.remedy)}"
    messages.warning(request, said)
    return _to_nodule(finding)


def _to_nodule(finding: Finding) -> HttpResponse:
    patient = reverse("patient", kwargs={"code": finding.nodule.patient.code})
    return redirect(f"{patient}?nodule={finding.nodule.label}")


def _about(finding: Finding) -> dict[str, Any]:
    page = selectors.scan_page(finding.scan)
    return {
        "page": page,
        "moving": next(place for place in page.places if place.code == finding.code),
        "identity": patient_selectors.identity(finding.nodule.patient, today=timezone.localdate()),
    }


def _slice(
    request: HttpRequest,
    finding: Finding,
    volume: Volume,
    *,
    asked: int | None,
    window: pictures.Window,
    form: PointForm | None = None,
) -> HttpResponse:
    about = _about(finding)
    context = about | {
        "window": window,
        "may": {str(act) for act in access.acts_of(access.member(request.user), finding.nodule.patient.clinic_id)},
        "shown": slices.shown_slice(volume, about["page"].places, asked=asked, nodule=finding.nodule.label),
        "form": form,
    }
    return render(request, "scans/scan.html", context, status=200 if form is None else 422)
