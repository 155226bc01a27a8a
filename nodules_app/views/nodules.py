"""What a reader says of a nodule: its description, whether two findings are one nodule, where its point belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nodules_app.charts import pairs
from nodules_app.forms.nodules import ANOTHER, NOTHING, DescriptionForm, NotTheSameForm, as_asked
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.descriptions import description_of
from nodules_app.selectors.matches import others_on_scan
from nodules_app.selectors.timeline import timeline
from nodules_app.services import access, descriptions, matches
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import Match


@never_cache
@require_http_methods(["GET", "POST"])
def describe(request: HttpRequest, code: UUID) -> HttpResponse:
    """What a reader says of a nodule; saving writes a new dated row and asks the guidelines again."""
    nodule = access.nodule_for(access.Act.MARK, code, by=request.user)
    latest = description_of(nodule)
    earlier = latest.facts if latest else {}
    form = DescriptionForm(request.POST if request.method == "POST" else None, initial=as_asked(earlier))
    if request.method == "POST" and form.is_valid():
        descriptions.describe(nodule=nodule, facts=form.facts(earlier), by=access.member(request.user))
        messages.success(
            request, gettext("%(label)s is described. The guidelines are being asked again.") % {"label": nodule.label}
        )
        return _to_nodule(nodule.patient.code, nodule.label)
    context = {
        "form": form,
        "label": nodule.label,
        "latest": latest,
        "identity": patient_selectors.identity(nodule.patient, today=timezone.localdate()),
    }
    return render(request, "nodules/describe.html", context, status=422 if form.errors else 200)


@require_POST
def confirm_match(request: HttpRequest, code: UUID) -> HttpResponse:
    """A reader says that the findings on both scans are one nodule."""
    match = access.match_for(access.Act.MARK, code, by=request.user)
    try:
        matches.confirm(match=match, by=access.member(request.user))
    except Refused as refusal:
        messages.warning(request, _in_words(refusal))
    else:
        messages.success(
            request, gettext("%(label)s is the same nodule on both scans.") % {"label": match.nodule.label}
        )
    return _to_nodule(match.nodule.patient.code, match.nodule.label)


@never_cache
@require_http_methods(["GET", "POST"])
def part_match(request: HttpRequest, code: UUID) -> HttpResponse:
    """A reader says that the findings are not one nodule, and what is right instead."""
    match = access.match_for(access.Act.MARK, code, by=request.user)
    nodule = match.nodule
    try:
        doubtful = matches.in_doubt(match)
        others = others_on_scan(match, doubtful.scan_id)
        form = NotTheSameForm(
            request.POST if request.method == "POST" else None,
            label=nodule.label,
            others=[(str(one.code), one.label) for one in others],
        )
        if request.method == "POST" and form.is_valid():
            _part(match, form.cleaned_data["answer"], request)
            return _to_nodule(nodule.patient.code, nodule.label)
    except Refused as refusal:
        messages.warning(request, _in_words(refusal))
        return _to_nodule(nodule.patient.code, nodule.label)
    rows = pairs.nodule_rows(timeline(nodule.patient), pairs.Volumes())
    context = {
        "form": form,
        "label": nodule.label,
        "row": next(row for row in rows if row.nodule.label == nodule.label),
        "others": [row for row in rows if row.nodule.label in {one.label for one in others}],
        "on_prior": doubtful.pk == match.prior_finding_id,
        "signed": len(matches.decisions_that_used(match)),
        "identity": patient_selectors.identity(nodule.patient, today=timezone.localdate()),
    }
    return render(request, "nodules/not_the_same.html", context, status=422 if form.errors else 200)


def _part(match: Match, answer: str, request: HttpRequest) -> None:
    who, label = access.member(request.user), match.nodule.label
    if answer in (ANOTHER, NOTHING):
        matches.unlink(match=match, by=who, follow_there=answer == ANOTHER)
        said = gettext("The findings are parted. %(label)s is owed a review; sizes and answers are being made anew.")
    else:
        finding = access.finding_for(access.Act.MARK, UUID(answer), by=request.user)
        matches.relink(match=match, finding=finding, by=who)
        said = gettext("%(label)s is linked anew and owed a review; sizes and answers are being made anew.")
    messages.success(request, said % {"label": label})


def _to_nodule(patient: UUID, label: str) -> HttpResponse:
    return redirect(f"{reverse('patient', kwargs={'code': patient})}?nodule={label}")


def _in_words(refusal: Refused) -> str:
    return f"{gettext(refusal.sentence)} {gettext(refusal.remedy)}"
