"""Acts on the rows that were chosen on the worklist: shown first, done to all or to none, undone for some minutes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from nodules_app.forms.bulk import BulkForm, ChoiceForm
from nodules_app.selectors.cover import colleagues_of
from nodules_app.services import access
from nodules_app.services.bulk import acts
from nodules_app.services.bulk.rows import HANDLERS, Choice
from nodules_app.services.reminders.acts import held_back
from nodules_app.templatetags.bulk import bulk_done, kind_of, refusal_words
from nodules_app.templatetags.follow_ups import refused_words
from nodules_app.views.places import place_to_return
from registration.errors import Refused

AT_ONCE: Final = frozenset({"take", "release"})  # nothing is asked beside the rows, and nothing leaves the house


@never_cache
@require_POST
def do(request: HttpRequest) -> HttpResponse:
    """Show what an act would do to the chosen rows; once that was seen, do it."""
    form = BulkForm(request.POST)
    if not form.is_valid():
        raise BadRequest("no such act")
    kind, back = kind_of(form.cleaned_data["kind"]), place_to_return(request) or reverse("worklist")
    if not form.cleaned_data["patient"]:
        messages.warning(request, gettext("Choose patients first: tick their rows, or press x on them."))
        return redirect(back)
    patients = access.patients_for(HANDLERS[kind].may, form.cleaned_data["patient"], by=request.user)
    who = access.member(request.user)
    seen = "sure" in request.POST
    asked = ChoiceForm(kind, [who, *colleagues_of(who)], request.POST if seen or kind in AT_ONCE else None)
    context: dict[str, object] = {"kind": kind, "patients": patients, "asked": asked, "next": back, "refused": {}}
    if asked.is_bound and asked.is_valid():
        try:
            done = acts.do(kind=kind, patients=patients, choice=asked.choice(), by=who)
        except acts.NotForAll as refusals:
            context["refused"] = _by_row(refusals.refused)
            return render(request, "worklist/bulk.html", context, status=409)
        except Refused as refusal:
            messages.warning(request, refused_words(refusal))
            return redirect(back)
        messages.success(request, bulk_done(done.act, len(patients)))
        if done.letters is None:
            return redirect(back)
        for why in held_back(done.letters):
            messages.warning(request, refused_words(why))
        return redirect("letters-pdf", code=done.letters.code)
    if not asked.is_bound:  # which rows would refuse does not depend on what is still to be chosen
        context["refused"] = _by_row(acts.refusals(kind=kind, patients=patients, choice=Choice(days=1), by=who))
    return render(request, "worklist/bulk.html", context, status=422 if asked.is_bound else 200)


def _by_row(refused: Iterable[acts.Refusal]) -> dict[UUID, str]:
    """Put the reason of each row beside its patient's code."""
    return {patient.code: refusal_words(why) for patient, why in refused}


@require_POST
def undo(request: HttpRequest, code: UUID) -> HttpResponse:
    """Put the rows back to what they were; those that somebody changed since are named and left."""
    act = access.bulk_act_for(code, by=request.user)
    back = place_to_return(request) or reverse("worklist")
    try:
        undone = acts.undo(act=act, by=access.member(request.user))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
        return redirect(back)
    if undone.put_back:
        messages.success(request, gettext("Undone for %(count)s patients.") % {"count": undone.put_back})
    for patient, why in undone.left:
        messages.warning(request, f"{patient.name or patient.identifier}: {refusal_words(why)}")
    return redirect(back)
