"""Whether inputs, answers of the program, or people's disagreement with it have moved."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nodules_app.selectors.drift import drift
from nodules_app.services import access
from nodules_app.services.access import Act


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The latest months against those before, for one clinic or all of one's own."""
    mine = access.clinics_of(access.allow(request.user, Act.SEE), Act.SEE)
    code = request.GET.get("clinic", "")
    chosen = [clinic for clinic in mine if str(clinic.code) == code]
    if code and not chosen:
        raise Http404(code)
    context = {"found": drift(chosen or mine, today=timezone.localdate()), "clinics": mine, "chosen": code}
    return render(request, "quality/drift.html", context)
