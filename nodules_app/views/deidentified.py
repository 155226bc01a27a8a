"""De-identified export of one case or of a cohort, for who manages a clinic and sees its patients."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from nodules_app.forms.deidentified import CaseForm, CohortForm
from nodules_app.selectors.deidentified import signed_patients
from nodules_app.services import access, deidentified
from nodules_app.services.access import Act
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nodules_app.models import Patient

METHODS: Final = ["GET", "HEAD", "POST"]
MOST_WITH_IMAGES: Final = 5  # more take longer than a browser waits: the command has no such limit


@never_cache
@require_http_methods(METHODS)
def of_patient(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """One patient without the person."""
    patient = access.patient_for(Act.MANAGE, code, by=request.user)
    if request.method != "POST":  # an export writes its own line
        access.patient_to_see(code, by=request.user, page="deidentified")
    form = CaseForm(request.POST or None)
    if form.is_valid():
        made = _made(request, form, [patient])
        if made is not None:
            return made
    context = {"form": form, "patient": patient}
    return render(request, "objects/deidentified.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(METHODS)
def of_clinic(request: HttpRequest) -> HttpResponseBase:
    """The patients of a clinic, signed in a period, without the persons."""
    who = access.allow(request.user, Act.MANAGE)
    clinics = [clinic for clinic in access.clinics_of(who, Act.MANAGE) if Act.SEE in access.acts_of(who, clinic)]
    form = CohortForm(clinics, request.POST or None)
    if form.is_valid():
        told = form.cleaned_data
        clinic = access.clinic_for(Act.MANAGE, UUID(told["clinic"]), by=request.user)
        patients = signed_patients(clinic, since=told["signed_since"], until=told["signed_until"])
        if told["with_images"] and len(patients) > MOST_WITH_IMAGES:
            form.add_error(
                "with_images",
                gettext("%(count)s patients with images take too long for a page; ask the operator for it.")
                % {"count": len(patients)},
            )
        else:
            made = _made(request, form, patients)
            if made is not None:
                return made
    context = {"form": form, "patient": None}
    return render(request, "objects/deidentified.html", context, status=422 if form.is_bound else 200)


def _made(
    request: HttpRequest, form: CaseForm | CohortForm, patients: Sequence[Patient]
) -> FileResponse | HttpResponse | None:
    """The zip; None when it was refused and the form says why. The file on the disk ends with the answer."""
    told = form.cleaned_data
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "export.zip"
        try:
            deidentified.export(
                patients=patients,
                project=told["project"],
                out=out,
                by=access.member(request.user),
                with_images=told["with_images"],
            )
        except Refused as refused:
            form.add_error(None, in_words(refused))
            return None
        opened = out.open("rb")  # stays readable after its name is gone
    return FileResponse(opened, as_attachment=True, filename=f"{told['project']}.zip", content_type="application/zip")
