"""What a reader says of a proposed nodule: it is one, it is something else, or the word is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from nodules_app.forms.candidates import RejectionForm
from nodules_app.lifecycles import NoSuchStep
from nodules_app.services import access, candidates
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import Candidate


@require_POST
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """Ask for what the program proposes, where the clinic lets its readers look first; that they asked is recorded."""
    patient = access.patient_for(access.Act.SEE, code, by=request.user)
    candidates.note_asked(patient=patient, by=access.member(request.user))
    return _to_proposals(patient.code)


@require_POST
def accept(request: HttpRequest, code: UUID) -> HttpResponse:
    """A reader says that it is a nodule."""
    candidate = access.candidate_for(access.Act.MARK, code, by=request.user)
    try:
        nodule = candidates.accept(candidate=candidate, by=access.member(request.user))
    except NoSuchStep:
        _somebody_was_quicker(request)
    except Refused as refusal:
        messages.warning(request, in_words(refusal))
    else:
        said = gettext("%(label)s is marked and owed a review. It is being measured now.")
        messages.success(request, said % {"label": nodule.label})
    return _back(candidate)


@require_POST
def reject(request: HttpRequest, code: UUID) -> HttpResponse:
    """A reader sees something else there, and says what."""
    candidate = access.candidate_for(access.Act.MARK, code, by=request.user)
    form = RejectionForm(request.POST)
    if not form.is_valid():
        messages.warning(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return _back(candidate)
    told = form.cleaned_data
    try:
        candidates.reject(
            candidate=candidate, reason=told["reason"], words=told["words"], by=access.member(request.user)
        )
    except NoSuchStep:
        _somebody_was_quicker(request)
    except Refused as refusal:
        messages.warning(request, in_words(refusal))
    return _back(candidate)


@require_POST
def reopen(request: HttpRequest, code: UUID) -> HttpResponse:
    """What was said of it is taken back."""
    candidate = access.candidate_for(access.Act.MARK, code, by=request.user)
    try:
        candidates.reopen(candidate=candidate, by=access.member(request.user))
    except NoSuchStep:
        _somebody_was_quicker(request)
    except Refused as refusal:
        messages.warning(request, in_words(refusal))
    return _back(candidate)


def _somebody_was_quicker(request: HttpRequest) -> None:
    messages.warning(request, gettext("Somebody was quicker: this proposal is decided. What waits is shown below."))


def _back(candidate: Candidate) -> HttpResponse:
    return _to_proposals(candidate.scan.study.patient.code)


def _to_proposals(patient: UUID) -> HttpResponse:
    return redirect(f"{reverse('patient', kwargs={'code': patient})}#proposals")
