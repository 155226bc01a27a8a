"""The home page: what is due, and for whom."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from nodules_app.exchange import spreadsheets
from nodules_app.forms.worklist import SaveViewForm, WorklistForm
from nodules_app.selectors import contacts, mdt
from nodules_app.selectors.cover import stands_for
from nodules_app.selectors.worklist.page import exported, worklist
from nodules_app.selectors.worklist.saved import saved_views
from nodules_app.services import access, worklists
from nodules_app.services.audit import record
from nodules_app.services.bulk import acts as bulk
from nodules_app.services.runs import told
from nodules_app.templatetags.refusals import spoken
from nodules_app.templatetags.worklist import EXPORT_HEAD, export_cells
from nodules_app.views.places import place_to_return
from registration.errors import Refused

MOST_EXPORTED: Final = 20_000
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "worklist/worklist.html", read(request))


@never_cache
@require_safe
def fragment(request: HttpRequest) -> HttpResponse:
    """The counts and rows alone, for the page that keeps itself up to date while work goes on."""
    return render(request, "worklist/_list.html", read(request))


def read(request: HttpRequest) -> dict[str, object]:
    asked = WorklistForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("no such worklist")
    today = timezone.localdate()
    show, text, page = asked.cleaned_data["show"], asked.cleaned_data["q"], asked.cleaned_data["page"] or 1
    who = access.member(request.user)
    found = worklist(user=who, today=today, show=show, text=text, page=page)
    may, undoable = access.acts_of(who), bulk.latest(who)
    return {
        "found": found,
        "today": today,
        "show": show,
        "text": text,
        "page": page,
        "query": request.GET.urlencode(),
        "me": who.pk,
        "covers": {one.pk for one in stands_for(who, today)},
        "views": saved_views(who),
        "may": may,
        "may_record": access.Act.RECORD in may,
        "here": f"{reverse('worklist')}?{request.GET.urlencode()}" if request.GET else reverse("worklist"),
        "tried": contacts.last_attempts(row.code for row in found.rows),
        "conference": mdt.count_to_prepare(who),
        "undo": undoable,
        "undo_until": undoable.created_at + bulk.UNDO_WITHIN if undoable else None,
    }


@require_POST
def claim(request: HttpRequest, code: UUID) -> HttpResponse:
    """Take a patient, so that nobody else calls meanwhile."""
    patient = access.patient_for(access.Act.RECORD, code, by=request.user)
    try:
        worklists.claim(patient=patient, by=access.member(request.user))
    except Refused as refused:
        said = told(refused)
        messages.warning(request, f"{spoken(said, 'sentence', 'template')} {spoken(said, 'remedy', 'remedy_template')}")
    return redirect(_back(request))


@require_POST
def release(request: HttpRequest, code: UUID) -> HttpResponse:
    """Give a patient back."""
    patient = access.patient_for(access.Act.RECORD, code, by=request.user)
    worklists.release(patient=patient, by=access.member(request.user))
    return redirect(_back(request))


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filter that is shown under a name."""
    form = SaveViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, gettext("Give the view a name."))
        return redirect("worklist")
    try:
        kept = worklists.save_view(name=form.cleaned_data["name"], query=form.query(), by=access.member(request.user))
    except Refused as refused:
        messages.error(request, spoken(told(refused), "sentence", "template"))
        return redirect(f"{reverse('worklist')}?{form.query()}")
    return redirect(f"{reverse('worklist')}?{kept.query}")


@require_POST
def remove_view(request: HttpRequest, code: UUID) -> HttpResponse:
    """Forget a view of one's own."""
    worklists.remove_view(view=access.saved_view_for(code, by=request.user))
    return redirect("worklist")


@never_cache
@require_safe
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The list that is shown, whole, as a spreadsheet; who took it and how much of it is recorded."""
    who = access.allow(request.user, access.Act.RECORD)
    asked = WorklistForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("no such worklist")
    rows = exported(user=who, today=timezone.localdate(), show=asked.cleaned_data["show"], most=MOST_EXPORTED)
    record("worklist.exported", None, by=who, show=asked.cleaned_data["show"], patients=len(rows), form=form)
    head, cells = [str(word) for word in EXPORT_HEAD], [export_cells(row) for row in rows]
    if form == "csv":
        answer = HttpResponse(spreadsheets.as_csv(head, cells), content_type="text/csv; charset=utf-8")
    else:
        written = spreadsheets.as_xlsx(head, cells, title=gettext("Worklist"))
        answer = HttpResponse(written, content_type=XLSX)
    answer["Content-Disposition"] = f'attachment; filename="worklist-{timezone.localdate()}.{form}"'
    return answer


def _back(request: HttpRequest) -> str:
    """Back to the list from which the act was asked for."""
    return place_to_return(request) or reverse("worklist")
