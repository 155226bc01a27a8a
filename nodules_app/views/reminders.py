"""The reminder desk, one reminder to the letter, why a patient was (not) reminded, and receipts."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.forms.reminders import AnswerForm, DeskForm, NoteForm
from nodules_app.lifecycles import REMINDER, NoSuchStep, ReminderState, steps_from
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors import reminders as selectors
from nodules_app.services import access
from nodules_app.services.access import Act
from nodules_app.services.channels import gateway
from nodules_app.services.reminders import acts, explain
from registration.errors import Refused

MOST_RECEIPT_BYTES = 65_536


@never_cache
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """What a person has to do, what did not arrive, what waits to be printed."""
    who = access.allow(request.user, Act.SEE)
    asked = DeskForm(request.GET)
    if not asked.is_valid():
        raise BadRequest("no such list")
    show = selectors.Show(asked.cleaned_data["show"] or selectors.Show.TASKS)
    page, now = asked.cleaned_data["page"] or 1, timezone.now()
    context = {
        "found": selectors.desk(user=who, show=show, now=now, page=page),
        "show": show,
        "page": page,
        "now": now,
        "without_action": selectors.without_action(user=who, now=now),
        "ladders": access.clinics_of(who, Act.SEE),
    }
    return render(request, "reminders/desk.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """One reminder: the rule, the text, every change; and what a person may do with it."""
    if request.method == "POST":
        return _act(request, code)
    row = access.reminder_to_see(code, by=request.user)
    return render(request, "reminders/reminder.html", _about(request, row))


def _about(request: HttpRequest, row: Any, **forms: object) -> dict[str, object]:  # noqa: ANN401 a Reminder: views know no tables
    steps = set(steps_from(REMINDER, ReminderState(row.state)))
    return {
        "row": row,
        "events": list(row.events.select_related("by").order_by("-pk")),
        "identity": patient_selectors.identity(row.patient, today=timezone.localdate()),
        "steps": steps,
        "may": {str(act) for act in access.acts_of(access.member(request.user), row.clinic_id)},
        "answer": forms.get("answer") or AnswerForm(),
        "note": forms.get("note") or NoteForm(),
    }


def _act(request: HttpRequest, code: UUID) -> HttpResponse:
    row = access.reminder_for(Act.RECORD, code, by=request.user)
    who = access.member(request.user)
    name = request.POST.get("act", "")
    form: AnswerForm | NoteForm | None = None
    if name == "acknowledge":
        form = AnswerForm(request.POST)
    elif name in ("attempt", "bounce"):
        form = NoteForm(request.POST)
    elif name != "send_again":
        raise BadRequest("no such act")
    if form is not None and not form.is_valid():
        kind = "answer" if isinstance(form, AnswerForm) else "note"
        return render(request, "reminders/reminder.html", _about(request, row, **{kind: form}), status=422)
    try:
        acts.do(row, name, form.cleaned_data if form else {}, by=who)
    except NoSuchStep:
        messages.warning(request, gettext("Somebody was quicker: the record below says what happened."))
        return redirect("reminder", code=code)
    except Refused as refused:
        messages.warning(request, f"{gettext(refused.sentence)} {gettext(refused.remedy)}")
        return redirect("reminder", code=code)
    messages.success(request, gettext("Recorded in your name."))
    return redirect("reminders" if name == "acknowledge" else request.path)


@never_cache
@require_safe
def of_patient(request: HttpRequest, code: UUID) -> HttpResponse:
    """Why did this patient (not) get a reminder?"""
    patient = access.patient_to_see(code, by=request.user, page="reminders")
    context = {
        "identity": patient_selectors.identity(patient, today=timezone.localdate()),
        "explained": explain.explain(patient, now=timezone.now()),
        "history": selectors.of_patient(patient),
        "contacts": selectors.reach_of(patient),
    }
    return render(request, "reminders/patient.html", context)


@csrf_exempt
@login_not_required
@require_POST
def receipts(request: HttpRequest) -> HttpResponse:
    """A provider says what became of a message; only what it signed with our secret is heard."""
    if int(request.headers.get("Content-Length") or 0) > MOST_RECEIPT_BYTES:
        raise BadRequest("too long")
    timestamp = request.headers.get("X-Nodules-Timestamp", "")
    signed = request.headers.get("X-Nodules-Signature", "")
    if not gateway.is_genuine(timestamp, request.body, signed, now_s=time.time()):
        raise PermissionDenied("not signed by the gateway")
    try:
        told = json.loads(request.body)
        key, event, at = str(told["key"]), str(told["event"]), _instant(told.get("at"))
        known = acts.receipt(key=key, event=event, at=at, reason=str(told.get("reason", ""))[:200])
    except (ValueError, KeyError, TypeError) as wrong:
        raise BadRequest("no such receipt") from wrong
    return JsonResponse({"known": known})


def _instant(told: object) -> datetime | None:
    at = parse_datetime(told) if isinstance(told, str) else None
    return at if at is not None and timezone.is_aware(at) else None
