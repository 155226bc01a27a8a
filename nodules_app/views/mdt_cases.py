"""One case of the conference: asked for, prepared, discussed on a projector, decided, acted upon."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from nodules_app.charts import pairs
from nodules_app.forms.decisions import Versioned, VersionForm
from nodules_app.forms.mdt import (
    AddendumForm,
    OutcomeForm,
    PrepareForm,
    QuestionForm,
    ResultForm,
    ReturnForm,
    WithdrawCaseForm,
    meeting_choices,
)
from nodules_app.lifecycles import NoSuchStep
from nodules_app.selectors import mdt as selectors
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.clinics import acts_of
from nodules_app.selectors.spreadsheets import told_by_lists
from nodules_app.services import access
from nodules_app.services.access import Act
from nodules_app.services.mdt import cases, outcomes
from nodules_app.services.recalibration import corrected
from nodules_app.services.steps import ChangedMeanwhile
from nodules_app.templatetags.follow_ups import refused_words
from nodules_app.templatetags.mdt import no_such_mdt_step_words
from nodules_app.views import volume_curve
from registration.errors import Refused

if TYPE_CHECKING:
    from django import forms

    from nodules_app.models import MdtCase, User

REASONED: Final[dict[str, tuple[type[Versioned], Promise, Promise]]] = {
    "send-back": (ReturnForm, _("Send back"), _("Send this case back")),
    "withdraw": (WithdrawCaseForm, _("Withdraw from the conference"), _("Withdraw this case")),
}


@never_cache
@require_http_methods(["GET", "POST"])
def put_on(request: HttpRequest, code: UUID) -> HttpResponse:
    """Ask for the conference by hand; a patient who is on the way already is shown that case."""
    patient = access.patient_for(Act.RECORD, code, by=request.user)
    under_way = selectors.open_case_of(patient)
    if under_way is not None:
        return redirect("mdt-case", code=under_way.code)
    coming = selectors.meetings_that_take(patient.clinic_id)
    form = QuestionForm(request.POST or None, meetings=meeting_choices(coming))
    if form.is_valid():
        chosen = next((one for one in coming if str(one.code) == form.cleaned_data["meeting"]), None)
        who = access.member(request.user)
        asked = form.cleaned_data["question"]
        if _try(request, lambda: cases.put_on(patient=patient, question=asked, by=who, meeting=chosen)):
            messages.success(request, gettext("Put before the conference. The open step stands beside it."))
        return redirect("patient", code=code)
    context = {
        "form": form,
        "title": _("Put before the conference"),
        "button": _("Put on"),
        "back": "",
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
    }
    return render(request, "mdt/form.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def prepare(request: HttpRequest, code: UUID) -> HttpResponse:
    """Everything that the conference needs to know of a case, and what was done to it."""
    case = access.mdt_case_for(Act.SEE, code, by=request.user)
    access.patient_to_see(case.patient.code, by=request.user, page="conference")
    form = PrepareForm(
        request.POST or None,
        people=selectors.people_at(case.patient.clinic_id),
        initial={
            "version": case.version,
            "question": gettext(case.question),
            "presenter": case.presenter_id,
            "performance_status": case.performance_status,
            "fitness": case.fitness,
            "pathology": case.pathology,
            "without_discussion": case.without_discussion,
        },
    )
    context = {
        "form": form,
        "case": selectors.one_case(case),
        "meeting": case.meeting,
        "changes": selectors.changes_of(case),
        "coming": meeting_choices(selectors.meetings_that_take(case.patient.clinic_id)),
        "identity": patient_selectors.identity(case.patient, today=timezone.localdate()),
        "may": acts_of(access.member(request.user), case.patient.clinic_id),
    }
    if form.is_valid():
        case = access.mdt_case_for(Act.RECORD, code, by=request.user)
        who = access.member(request.user)
        try:
            cases.prepare(case=case, facts=_as_asked(form.facts(), case), by=who, seen=form.cleaned_data["version"])
        except ChangedMeanwhile as refusal:
            case.refresh_from_db(fields=["version"])
            form.show_version(case.version)
            return render(request, "mdt/case.html", context | {"refusal": refused_words(refusal)}, status=409)
        except NoSuchStep as refusal:
            messages.warning(request, no_such_mdt_step_words(refusal))
        else:
            messages.success(request, gettext("Recorded."))
        return redirect("mdt-case", code=code)
    return render(request, "mdt/case.html", context, status=422 if form.is_bound else 200)


def _as_asked(facts: dict[str, object], case: MdtCase) -> dict[str, object]:
    """Keep the question of a rule as it stands where nobody changed it: each reader sees it in a language of theirs."""
    return facts | {"question": case.question} if facts["question"] == gettext(case.question) else facts


@require_POST
def list_for(request: HttpRequest, code: UUID) -> HttpResponse:
    """Put a case on the list of the meeting that was chosen."""
    case = access.mdt_case_for(Act.RECORD, code, by=request.user)
    wanted = request.POST.get("meeting", "")
    coming = selectors.meetings_that_take(case.patient.clinic_id)
    chosen = next((one for one in coming if str(one.code) == wanted), None)
    if chosen is None:
        messages.warning(request, gettext("Choose a meeting that still takes cases, or plan one first."))
        return redirect("mdt-case", code=code)
    who = access.member(request.user)

    def do() -> None:
        held = cases.submit_again(case=case, by=who) if case.state == "returned" else case
        cases.list_for(case=held, meeting=chosen, by=who)

    if _try(request, do):
        return redirect("mdt-meeting", code=chosen.code)
    return redirect("mdt-case", code=code)


@never_cache
@require_http_methods(["GET", "POST"])
def with_reason(request: HttpRequest, code: UUID, how: str) -> HttpResponse:
    """Send a case back to its sender, or withdraw it, with the reason."""
    case = access.mdt_case_for(Act.RECORD, code, by=request.user)
    if how not in REASONED:
        raise Http404(how)
    form_class, title, button = REASONED[how]
    form = form_class(request.POST or None, initial={"version": case.version})
    if form.is_valid():
        told = {"because": form.cleaned_data["because"], "seen": form.cleaned_data["version"]}
        act = cases.send_back if how == "send-back" else cases.withdraw
        _try(request, lambda: act(case=case, by=access.member(request.user), **told))
        return redirect("mdt-case", code=code)
    return _ask(request, case, form, title=title, button=button)


@require_POST
def move_up(request: HttpRequest, code: UUID) -> HttpResponse:
    case = access.mdt_case_for(Act.RECORD, code, by=request.user)
    _try(request, lambda: cases.put_before(case=case, by=access.member(request.user)))
    return redirect("mdt-meeting", code=case.meeting.code) if case.meeting else redirect("mdt")


@require_POST
def call_back(request: HttpRequest, code: UUID) -> HttpResponse:
    """Anybody who sees the case may ask that it is discussed."""
    case = access.mdt_case_for(Act.SEE, code, by=request.user)
    _try(request, lambda: cases.call_for_discussion(case=case, by=access.member(request.user)))
    return redirect("mdt-meeting", code=case.meeting.code) if case.meeting else redirect("mdt")


@never_cache
@require_http_methods(["GET", "POST"])
def discuss(request: HttpRequest, code: UUID) -> HttpResponse:
    """One patient on the projector; the outcome is typed, read back, and agreed."""
    case = access.mdt_case_for(Act.SEE, code, by=request.user)
    if case.meeting is None:
        if request.method == "POST":
            messages.warning(request, gettext("This case was taken off the list meanwhile; nothing was written down."))
        return redirect("mdt-case", code=code)
    line = selectors.one_case(case)
    form = OutcomeForm(
        request.POST or None,
        people=selectors.people_at(case.patient.clinic_id),
        initial=_as_drafted(line) | {"version": case.version},
    )
    if form.is_valid():
        return _write_down(request, case, form)
    if not form.is_bound:
        access.patient_to_see(case.patient.code, by=request.user, page="meeting")
    status = 422 if form.is_bound else 200
    return render(request, "mdt/discuss.html", _on_the_projector(request, case, line, form), status=status)


def _on_the_projector(
    request: HttpRequest, case: MdtCase, line: selectors.CaseLine, form: OutcomeForm
) -> dict[str, object]:
    today = timezone.localdate()
    page = patient_selectors.patient_page(case.patient, today=today)
    rows = pairs.nodule_rows(page.timeline, pairs.Volumes())
    asked = request.GET.get("nodule") or page.lead
    lead = next((row for row in rows if row.nodule.label == asked), rows[0] if rows else None)
    around = selectors.around(case)
    return {
        "case": line,
        "meeting": case.meeting,
        "quorum": selectors.quorum_of(case.meeting) if case.meeting else None,
        "today": today,
        "form": form,
        "page": page,
        "rows": rows,
        "lead": lead,
        "figure": volume_curve.curve(page),
        "table": volume_curve.table(page),
        "corrected": corrected(case.patient.clinic, page.answers),
        "told": told_by_lists(case.patient),
        "earlier": selectors.earlier_outcomes(case.patient, but=case.code),
        "around": around,
        "may": acts_of(access.member(request.user), case.patient.clinic_id),
    }


def _as_drafted(line: selectors.CaseLine) -> dict[str, object]:
    """What stands in the draft, for the form; before there is one, whoever presents is proposed for the action."""
    if line.outcome is None:
        return {"owner_1": line.presenter_id}
    kept: dict[str, object] = {name: getattr(line.outcome, name) for name in ("kind", "ct_on", "says", "dissent")}
    for row, one in enumerate(line.actions, start=1):
        kept |= {f"what_{row}": one.what, f"owner_{row}": one.owner_id, f"due_{row}": one.due_on}
    return kept


def _write_down(request: HttpRequest, case: MdtCase, form: OutcomeForm) -> HttpResponse:
    """Keep the draft and show it read back; with "agreed" confirm it and go to the next case."""
    case = access.mdt_case_for(Act.RECORD, case.code, by=request.user)
    who: User = access.member(request.user)
    told = form.cleaned_data
    waiting = selectors.around(case).waiting

    def draft() -> None:
        outcomes.draft(
            case=case,
            kind=told["kind"],
            by=who,
            tasks=form.tasks(),
            ct_on=form.ct_day(),
            says=told["says"],
            dissent=told["dissent"],
            seen=told["version"],
        )

    if not _try(request, draft):  # everything that was typed stays before the writer
        case.refresh_from_db()
        form.show_version(case.version)
        context = _on_the_projector(request, case, selectors.one_case(case), form)
        return render(request, "mdt/discuss.html", context, status=409)
    if "agreed" not in request.POST or not _try(request, lambda: outcomes.confirm(case=case, by=who)):
        return redirect("mdt-discuss", code=case.code)
    if waiting is not None:
        return redirect("mdt-discuss", code=waiting)
    messages.success(request, gettext("That was the last case."))
    return redirect("mdt-meeting", code=case.meeting.code) if case.meeting else redirect("mdt")


@require_POST
def confirm(request: HttpRequest, code: UUID) -> HttpResponse:
    """Confirm a draft that was read back."""
    case = access.mdt_case_for(Act.DECIDE, code, by=request.user)
    seen = VersionForm(request.POST).version_seen()
    _try(request, lambda: outcomes.confirm(case=case, by=access.member(request.user), seen=seen))
    return redirect("mdt-discuss", code=code)


@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, code: UUID) -> HttpResponse:
    """Add to what was confirmed."""
    case = access.mdt_case_for(Act.DECIDE, code, by=request.user)
    form = AddendumForm(request.POST or None)
    if form.is_valid():
        who = access.member(request.user)
        _try(request, lambda: outcomes.add(case=case, text=form.cleaned_data["text"], by=who))
        return redirect("mdt-case", code=code)
    return _ask(request, case, form, title=_("Addendum"), button=_("Add with my name"))


@never_cache
@require_http_methods(["GET", "POST"])
def finish(request: HttpRequest, code: UUID) -> HttpResponse:
    """Record what came of an action."""
    action = access.mdt_action_for(Act.RECORD, code, by=request.user)
    form = ResultForm(request.POST or None)
    if form.is_valid():
        outcomes.finish_action(action=action, result=form.cleaned_data["result"], by=access.member(request.user))
        messages.success(request, gettext("Done. The patient's open step stands until its result is seen."))
        return redirect("mdt")
    return _ask(request, action.case, form, title=action.what, button=_("Record the result"))


def _ask(
    request: HttpRequest, case: MdtCase, form: forms.Form, *, title: Promise | str, button: Promise
) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "button": button,
        "back": case.code,
        "identity": patient_selectors.identity(case.patient, today=timezone.localdate()),
    }
    return render(request, "mdt/form.html", context, status=422 if form.is_bound else 200)


def _try(request: HttpRequest, act: Callable[[], object]) -> bool:
    """Do it, or say why not."""
    try:
        act()
    except NoSuchStep as refusal:
        messages.warning(request, no_such_mdt_step_words(refusal))
    except Refused as refusal:
        messages.warning(request, refused_words(refusal))
    else:
        return True
    return False
