"""The follow-up board: every open step as a card, moved by dragging or by the card's own menu."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.forms.board import BoardForm
from nodules_app.forms.decisions import VersionForm
from nodules_app.lifecycles import FollowUpState, NoSuchStep
from nodules_app.selectors import board as selectors
from nodules_app.services import access, decisions
from nodules_app.services.access import Act
from nodules_app.templatetags.follow_ups import no_such_step_words, refused_words
from nodules_app.views.places import place_to_return
from registration.errors import Refused


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """All lanes; with ``?lane=`` one of them to its end."""
    who = access.allow(request.user, Act.SEE)
    form = BoardForm(request.GET)
    if not form.is_valid():
        raise BadRequest("no such board")
    asked, today, chosen = form.asked(), timezone.localdate(), form.cleaned_data["lane"]
    if chosen:
        page = form.cleaned_data["page"] or 1
        lanes: tuple[selectors.Lane, ...] = (selectors.lane(who, FollowUpState(chosen), asked, today=today, page=page),)
    else:
        lanes = selectors.board(who, asked, today=today)
    filters = {name: request.GET[name] for name in ("whose", "kind", "late", "clinic") if request.GET.get(name)}
    context = {
        "lanes": lanes,
        "form": form,
        "chosen": chosen,
        "page": form.cleaned_data["page"] or 1,
        "clinics": access.clinics_of(who, Act.SEE),
        "query": urlencode(filters),
        "today": today,
        "here": request.get_full_path(),
    }
    return render(request, "board/board.html", context)


@require_POST
def accept(request: HttpRequest, code: UUID) -> HttpResponse:
    """Sign a proposed step from its card: the only move that asks for nothing more."""
    follow_up = access.follow_up_for(Act.DECIDE, code, by=request.user)
    try:
        decisions.accept(
            follow_up=follow_up, by=access.member(request.user), seen=VersionForm(request.POST).version_seen()
        )
    except NoSuchStep as refusal:
        messages.warning(request, no_such_step_words(refusal))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    else:
        messages.success(request, gettext("Signed. The step is planned, and you own it unless it had an owner."))
    return redirect(place_to_return(request) or "board")
