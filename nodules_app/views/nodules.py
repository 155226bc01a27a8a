"""What a reader says of a nodule: its description, whether two findings are one nodule, where its point belongs."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from nodules_app.forms.nodules import DescriptionForm, as_asked
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.descriptions import description_of
from nodules_app.services import access, descriptions


@never_cache
@require_http_methods(["GET", "POST"])
def describe(request: HttpRequest, code: UUID) -> HttpResponse:
    """What a reader says of a nodule; saving writes a new dated row and asks the guidelines again."""
    nodule = access.nodule_for(access.Act.MARK, code, by=request.user)
    latest = description_of(nodule)
    earlier = latest.facts if latest else {}
    form = DescriptionForm(request.POST or None, initial=as_asked(earlier))
    if request.method == "POST" and form.is_valid():
        descriptions.describe(nodule=nodule, facts=form.facts(earlier), by=access.member(request.user))
        messages.success(
            request, gettext("%(label)s is described. The guidelines are being asked again.") % {"label": nodule.label}
        )
        return redirect(f"{reverse('patient', kwargs={'code': nodule.patient.code})}?nodule={nodule.label}")
    context = {
        "form": form,
        "label": nodule.label,
        "latest": latest,
        "identity": patient_selectors.identity(nodule.patient, today=timezone.localdate()),
    }
    return render(request, "nodules/describe.html", context, status=422 if form.errors else 200)
