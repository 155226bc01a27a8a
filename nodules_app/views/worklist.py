"""The home page: what is due, and for whom."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nodules_app.forms.worklist import WorklistForm
from nodules_app.selectors import worklist
from nodules_app.services import access


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
    shown = worklist.Show(asked.cleaned_data["show"]) if asked.cleaned_data["show"] else None
    today = timezone.localdate()
    page = asked.cleaned_data["page"] or 1
    text = asked.cleaned_data["q"]
    found = worklist.worklist(user=access.member(request.user), today=today, show=shown, text=text, page=page)
    return {"found": found, "today": today, "show": shown, "text": text, "page": page, "query": request.GET.urlencode()}
