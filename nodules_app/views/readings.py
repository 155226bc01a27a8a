"""What a reader does on the way to a signature: one address an act, answered with the panel as it stands then.

A script asks for the panel alone and puts it in the place of the old one; without a script the page comes back whole.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import patients as patient_selectors
from nodules_app.services import access
from nodules_app.templatetags.follow_ups import refused_words
from nodules_app.views.reading_acts import ACTS
from nodules_app.views.reading_context import panel_context
from registration.errors import Refused

BY_SCRIPT: Final = "X-Panel"  # a script asks for the panel alone


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """A whole reading in words, numbers and crops, without the slices."""
    patient = access.patient_to_see(code, by=request.user, page="reading")
    context = panel_context(patient, access.member(request.user))
    context |= {"identity": patient_selectors.identity(patient, today=timezone.localdate())}
    return render(request, "reading/reading.html", context)


@never_cache
@require_safe
def fragment(request: HttpRequest, code: UUID) -> HttpResponse:
    """The panel alone, for a page that keeps itself up to date."""
    patient = access.patient_for(access.Act.SEE, code, by=request.user)
    return render(request, "reading/panel.html", panel_context(patient, access.member(request.user)))


@require_POST
def act(request: HttpRequest, code: UUID, act: str) -> HttpResponse:
    """One act of a reader."""
    if act not in ACTS:
        raise Http404(act)
    needed, do = ACTS[act]
    patient = access.patient_for(needed, code, by=request.user)
    who = access.member(request.user)
    said = refused = ""
    try:
        said = do(request, patient, who)
    except NoSuchStep:
        refused = gettext("Somebody was quicker: this is not possible any more. What stands now is shown.")
    except Refused as refusal:
        refused = refused_words(refusal)
    if BY_SCRIPT in request.headers:
        context = panel_context(patient, who) | {"said": said, "refused": refused}
        return render(request, "reading/panel.html", context, status=409 if refused else 200)
    (messages.warning if refused else messages.success)(request, refused or said)
    return redirect("reading", code=code)
