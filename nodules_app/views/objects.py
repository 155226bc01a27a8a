"""The DICOM objects of what was signed: which there are, and all of one reading as a zip."""

from __future__ import annotations

import io
import zipfile
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.selectors import objects as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.services import access, objects
from nodules_app.views.saying_no import in_words
from registration.errors import Refused


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """Every signed reading of a patient with the objects that tell of it."""
    patient = access.patient_to_see(code, by=request.user, page="objects")
    context = {
        "patient": patient,
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
        "lines": selectors.signed_lines(patient),
        "reported": selectors.reported_lines(patient),
        "may_export": access.Act.MANAGE in access.acts_of(access.member(request.user), patient.clinic),
    }
    return render(request, "objects/show.html", context)


@require_POST
def download(request: HttpRequest, code: UUID) -> HttpResponse:
    """All objects of one signed reading in a zip; made now where nobody has asked before."""
    reading = access.reading_for(access.Act.SEE, code, by=request.user)
    try:
        made = objects.hand_out(reading=reading, by=access.member(request.user))
    except Refused as refused:
        messages.error(request, in_words(refused))
        return redirect("objects", code=reading.patient.code)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in made:
            archive.write(one.path, one.file_name)
    return HttpResponse(
        packed.getvalue(),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="dicom-objects-{reading.code}.zip"'},
    )
