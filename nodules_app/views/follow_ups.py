"""The page of one step with its history, and each act on it; a button names the fact, never a state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from nodules_app.forms.decisions import Versioned
from nodules_app.forms.follow_ups import BecauseForm, BookForm, DeferForm
from nodules_app.lifecycles import FOLLOW_UP, EvidenceKind, FollowUpState, NoSuchStep, after
from nodules_app.selectors import follow_ups as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import scheduling
from nodules_app.selectors.clinics import acts_of
from nodules_app.services import access, arrivals, endings, follow_ups
from nodules_app.services.access import Act
from nodules_app.services.follow_ups import OutsideWindow
from nodules_app.services.steps import ChangedMeanwhile
from nodules_app.templatetags.follow_ups import no_such_step_words, refused_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import FollowUp, User


@dataclass(frozen=True, slots=True)
class StepAct:
    """One thing that may be done to a step: who may, which step of the life cycle it is, what is asked."""

    step: str
    may: Act
    form: type[Versioned]
    title: Promise
    button: Promise
    done: Promise
    do: Callable[[FollowUp, Versioned, User, int], object]


def _book(step: FollowUp, form: Versioned, by: User, seen: int) -> object:
    told = form.cleaned_data
    return follow_ups.book(step, on=told["on"], by=by, why_outside_window=told["why_outside_window"], seen=seen)


def _defer(step: FollowUp, form: Versioned, by: User, seen: int) -> object:
    window = cast(DeferForm, form).window()
    return follow_ups.defer(step, window=window, because=form.cleaned_data["because"], by=by, seen=seen)


def _end(kind: EvidenceKind) -> Callable[[FollowUp, Versioned, User, int], object]:
    def do(step: FollowUp, form: Versioned, by: User, seen: int) -> object:
        return endings.end_step(follow_up=step, kind=kind, reason=form.cleaned_data["because"], by=by, seen=seen)

    return do


ACTS: Final[Mapping[str, StepAct]] = {
    "book": StepAct(
        "book",
        Act.RECORD,
        BookForm,
        _("Record a day booked elsewhere"),
        _("Record this day"),
        _("The day is recorded."),
        _book,
    ),
    "give-back": StepAct(
        "unbook",
        Act.RECORD,
        BecauseForm,
        _("Give the booked day back"),
        _("Give the day back"),
        _("The day is given back; the step is owed as before."),
        lambda step, form, by, seen: follow_ups.unbook(step, by=by, because=form.cleaned_data["because"], seen=seen),
    ),
    "missed": StepAct(
        "miss",
        Act.RECORD,
        BecauseForm,
        _("The patient did not come"),
        _("Record that nobody came"),
        _("Recorded. The step is owed as before; somebody must call."),
        lambda step, form, by, seen: follow_ups.miss(step, by=by, because=form.cleaned_data["because"], seen=seen),
    ),
    "put-off": StepAct(
        "defer",
        Act.DECIDE,
        DeferForm,
        _("Put off to a later window"),
        _("Put this step off"),
        _("Put off. The step stays owed, in its new window."),
        _defer,
    ),
    "lost": StepAct(
        "suspect_lost",
        Act.RECORD,
        BecauseForm,
        _("The patient cannot be reached"),
        _("Ask a clinician to decide"),
        _("Recorded. The step stays open until a clinician decides."),
        lambda step, form, by, seen: follow_ups.suspect_lost(
            step, by=by, because=form.cleaned_data["because"], seen=seen
        ),
    ),
    "found": StepAct(
        "find",
        Act.RECORD,
        BecauseForm,
        _("The patient was reached again"),
        _("Record that the patient was reached"),
        _("Recorded. The step is to be arranged again."),
        lambda step, form, by, seen: follow_ups.find(step, by=by, because=form.cleaned_data["because"], seen=seen),
    ),
    "set-aside": StepAct(
        "set_aside",
        Act.DECIDE,
        BecauseForm,
        _("The exam does not answer this step"),
        _("Set the exam aside"),
        _("The exam is set aside; the step is owed again."),
        lambda step, form, by, seen: arrivals.set_aside(
            follow_up=step, by=by, because=form.cleaned_data["because"], seen=seen
        ),
    ),
    "sign-off": StepAct(
        "close",
        Act.DECIDE,
        BecauseForm,
        _("End this step by a signed reason"),
        _("Sign, and end this step"),
        _("Ended with your signature. A reader's review stands in its place."),
        _end(EvidenceKind.SIGNED),
    ),
    "error": StepAct(
        "cancel",
        Act.DECIDE,
        BecauseForm,
        _("This step was entered in error"),
        _("Cancel this step"),
        _("Cancelled. A reader's review stands in its place."),
        _end(EvidenceKind.ENTERED_IN_ERROR),
    ),
}


@never_cache
@require_GET
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """One step: what is owed, everything that was done to it, what may be done now."""
    follow_up = access.follow_up_for(Act.SEE, code, by=request.user)
    access.patient_to_see(follow_up.patient.code, by=request.user, page="follow-up")
    page = selectors.step_page(follow_up)
    may = acts_of(access.member(request.user), follow_up.patient.clinic)
    context = {
        "can_choose_slot": Act.RECORD in may
        and "book" in page.possible
        and scheduling.kind_for(page.step.kind) is not None,
        "page": page,
        "identity": patient_selectors.identity(follow_up.patient, today=timezone.localdate()),
        "today": timezone.localdate(),
        "may": may,
        "acts": [(name, one) for name, one in ACTS.items() if one.step in page.possible and one.may in may],
    }
    return render(request, "follow_ups/show.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, code: UUID, name: str) -> HttpResponse:
    """Ask what an act needs, then do it; whoever was quicker is named, and what was typed is kept."""
    if name not in ACTS:
        raise Http404(name)
    wanted = ACTS[name]
    follow_up = access.follow_up_for(wanted.may, code, by=request.user)
    initial = {"version": follow_up.version, "due_from": follow_up.due_from, "due_until": follow_up.due_until}
    form = wanted.form(request.POST if request.method == "POST" else None, initial=initial)
    context: dict[str, object] = {
        "act": wanted,
        "name": name,
        "form": form,
        "step": patient_selectors.owed(follow_up),
        "identity": patient_selectors.identity(follow_up.patient, today=timezone.localdate()),
    }
    try:
        after(FOLLOW_UP, FollowUpState(follow_up.state), wanted.step)
        if request.method == "POST" and form.is_valid():
            wanted.do(follow_up, form, access.member(request.user), form.cleaned_data["version"])
            messages.success(request, str(wanted.done))
            return redirect("patient", code=follow_up.patient.code)
    except NoSuchStep as refusal:
        messages.warning(request, no_such_step_words(refusal))
        return redirect("follow-up", code=follow_up.code)
    except OutsideWindow as refusal:
        form.add_error("why_outside_window", refused_words(refusal))
    except ChangedMeanwhile as refusal:
        seen = form.cleaned_data["version"]
        context |= {"refusal": refused_words(refusal), "changes": selectors.changes_since(follow_up, seen)}
        follow_up.refresh_from_db(fields=["version"])
        form.show_version(follow_up.version)
        return render(request, "follow_ups/act.html", context, status=409)
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
        return redirect("follow-up", code=follow_up.code)
    return render(request, "follow_ups/act.html", context, status=422 if form.is_bound else 200)
