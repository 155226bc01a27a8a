"""The proof that nobody is lost, with its moment; anybody at work may ask for it anew."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.selectors import safety_net as selectors
from nodules_app.selectors.clinics import patients_of
from nodules_app.services import access, safety_net


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """What the database answered last; who is lost is named by links, and only to those who see the patient."""
    who = access.member(request.user)
    proof = selectors.last_proof()
    lost = proof.lost if proof else ()
    mine = set(patients_of(who).filter(code__in={one.patient for one in lost}).values_list("code", flat=True))
    context = {
        "proof": proof,
        "heartbeat": selectors.heartbeat(now=timezone.now()),
        "lost": [one for one in lost if one.patient in mine],
        "elsewhere": sum(one.patient not in mine for one in lost),
    }
    return render(request, "safety_net/show.html", context)


@require_POST
def prove(request: HttpRequest) -> HttpResponse:
    """Ask the database now."""
    access.member(request.user)
    try:
        safety_net.prove()
    except safety_net.SomebodyIsLost:
        messages.error(
            request, gettext("Somebody is lost. The list is below: give each a step now, and tell the operator.")
        )
    else:
        messages.success(request, gettext("The database was asked just now: nobody is lost."))
    return redirect("safety-net")
