"""Who is who: records that may be one person, exams that are held, and undoing what was joined."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.identity import LIKENESS_WORDS, HeldForm, JoinForm, OfNumberForm, ReasonForm
from nodules_app.selectors import identity as selectors
from nodules_app.services import access, identity, joining, moved_exams
from nodules_app.services.access import Act
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

METHODS = ["GET", "HEAD", "POST"]


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Exams that wait for a word, records that may be one person, and what was joined."""
    who = access.allow(request.user, Act.RECORD)
    access.note_identity_list(who)
    pairs = [(pair, [LIKENESS_WORDS[because] for because in pair.because]) for pair in selectors.near_duplicates(who)]
    context = {"pairs": pairs, "held": selectors.held_exams(who), "merges": selectors.merges(who)}
    return render(request, "identity/show.html", context)


@never_cache
@require_http_methods(METHODS)
def join(request: HttpRequest, code: UUID, other: UUID) -> HttpResponse:
    """Two records side by side; which one stays."""
    one = access.patient_for(Act.RECORD, code, by=request.user)
    two = access.patient_for(Act.RECORD, other, by=request.user)
    if one == two:
        raise Http404("one record is no two")
    form = JoinForm(one, two, request.POST or None)
    if form.is_valid():
        kept, gone = (one, two) if form.cleaned_data["kept"] == str(one.code) else (two, one)
        try:
            joining.join(gone=gone, kept=kept, reason=form.cleaned_data["reason"], by=access.member(request.user))
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            messages.success(request, gettext("Joined. A reader is asked to look at all nodules together."))
            return redirect("patient", code=kept.code)
    context = {"form": form, "records": [selectors.record_of(who) for who in (one, two)]}
    return render(request, "identity/join.html", context, status=422 if form.is_bound else 200)


@require_POST
def tell_apart(request: HttpRequest, code: UUID, other: UUID) -> HttpResponse:
    """They look alike and are two persons."""
    one = access.patient_for(Act.RECORD, code, by=request.user)
    two = access.patient_for(Act.RECORD, other, by=request.user)
    try:
        identity.tell_apart(one=one, other=two, by=access.member(request.user))
    except Refused as refused:
        messages.error(request, in_words(refused))
    else:
        messages.success(request, gettext("Recorded: two persons. They are not proposed again."))
    return redirect("who-is-who")


@never_cache
@require_http_methods(METHODS)
def part(request: HttpRequest, code: UUID) -> HttpResponse:
    """Undo a merge: what was moved goes back."""
    merge = access.merge_for(Act.RECORD, code, by=request.user)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        try:
            joining.part(merge=merge, reason=form.cleaned_data["reason"], by=access.member(request.user))
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            messages.success(request, gettext("Parted. A reader is asked to look at both."))
            return redirect("who-is-who")
    return render(request, "identity/part.html", {"merge": merge, "form": form}, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(METHODS)
def move_exam(request: HttpRequest, code: UUID) -> HttpResponse:
    """File an exam under the right person."""
    study = access.study_for(Act.RECORD, code, by=request.user)
    form = OfNumberForm(access.member(request.user), request.POST or None)
    if form.is_valid():
        told = form.cleaned_data
        try:
            moved_exams.move_exam(
                study=study, goal=told["patient"], reason=told["reason"], by=access.member(request.user)
            )
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            messages.success(request, gettext("Moved. A reader is asked to look at both patients."))
            return redirect("patient", code=told["patient"].code)
    return render(
        request, "identity/move_exam.html", {"study": study, "form": form}, status=422 if form.is_bound else 200
    )


@never_cache
@require_http_methods(METHODS)
def decide_held(request: HttpRequest, code: UUID) -> HttpResponse:
    """Say whose an exam is that waits."""
    held = access.held_exam_for(Act.RECORD, code, by=request.user)
    form = HeldForm(request.POST or None)
    who = access.member(request.user)
    if form.is_valid():
        told = form.cleaned_data
        try:
            if told["answer"] == "known":
                identity.belongs_to(held=held, patient=held.patient, reason=told["reason"], by=who)
            else:
                number = told["number"].strip()
                identity.belongs_to_somebody_new(held=held, number=number, reason=told["reason"], by=who)
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            messages.success(request, gettext("Recorded. The exam is taken in now."))
            return redirect("who-is-who")
    return render(request, "identity/held.html", {"held": held, "form": form}, status=422 if form.is_bound else 200)
