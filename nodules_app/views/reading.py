"""The reading room: prior and current side by side, and beside them what the reader says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nodules_app.charts import viewing
from nodules_app.charts.viewing_texts import texts
from nodules_app.forms.viewing import RoomForm
from nodules_app.selectors import candidates as candidate_selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import viewer as selectors
from nodules_app.selectors.reading import panel
from nodules_app.services import access, candidates
from nodules_app.services import viewing as services
from nodules_app.views.reading_context import panel_context

if TYPE_CHECKING:
    from nodules_app.models import Patient, User


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """The images of a patient as a radiologist reads them; slices that the cache lost are asked for on the way."""
    patient = access.patient_to_see(code, by=request.user, page="images")
    who = access.member(request.user)
    context = _room(request, patient, who)
    room = context["room"]
    services.ask_for_images(scans=room.shown, comparisons=room.comparisons, by=who)
    context |= panel_context(patient, who)
    context |= {
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
        "panes": viewing.panes(room),
        "texts": texts(),
    }
    return render(request, "reading/read.html", context)


@never_cache
@require_safe
def nodules(request: HttpRequest, code: UUID) -> HttpResponse:
    """The list beside the images alone, after something in it has changed."""
    patient = access.patient_for(access.Act.SEE, code, by=request.user)
    who = access.member(request.user)
    blind = patient.clinic.readers_needed > 1 and panel(patient, user=who).reads_blind
    return render(request, "reading/nodules.html", _room(request, patient, who) | {"code": code, "blind": blind})


def _room(request: HttpRequest, patient: Patient, who: User) -> dict[str, Any]:
    asked = RoomForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("no such scans")
    told = asked.cleaned_data
    room = selectors.room(patient, asked=[told[name] for name in ("third", "prior", "current") if told[name]])
    hidden = candidates.hidden_from(patient, who)
    return {
        "room": room,
        "facts": viewing.room_facts(room, hidden=hidden, start_at=told["nodule"]),
        "search": str(candidate_selectors.proposals_of(patient).search or ""),
    }
