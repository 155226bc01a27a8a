"""Bringing a clinic's own list: send it, say its columns, look at every line's verdict, take it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nodules_app.exchange.spreadsheet_template import template_file
from nodules_app.exchange.spreadsheets import as_xlsx
from nodules_app.forms.spreadsheets import ColumnsForm, ListForm
from nodules_app.selectors import spreadsheets as selectors
from nodules_app.services import access, runs
from nodules_app.services.access import Act
from nodules_app.services.spreadsheets import asking, receiving
from nodules_app.templatetags.spreadsheets import line_problems, verdict_word
from nodules_app.views.saying_no import in_words
from registration.errors import Refused

if TYPE_CHECKING:
    from nodules_app.models import Spreadsheet

METHODS: Final = ["GET", "HEAD", "POST"]
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA: Final = {"xlsx": XLSX, "csv": "text/csv; charset=utf-8"}


@never_cache
@require_http_methods(METHODS)
def index(request: HttpRequest) -> HttpResponse:
    """Send a list; and the lists that were sent."""
    who = access.allow(request.user, Act.RECORD)
    clinics = access.clinics_of(who, Act.RECORD)
    form = ListForm(clinics, request.POST, request.FILES) if request.method == "POST" else ListForm(clinics)
    refusal: Refused | None = None
    if form.is_valid():
        try:
            sent = receiving.receive(file=form.cleaned_data["file"], by=who, clinic=form.chosen_clinic())
        except Refused as refused:
            refusal = refused
        else:
            return redirect("list", code=sent.code)
    context = {"form": form, "refusal": runs.told(refusal) if refusal else None, "lists": selectors.lists(who)}
    return render(request, "spreadsheets/index.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_safe
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """Where a list stands: its columns are to be said, or every line with its verdict."""
    spreadsheet = access.spreadsheet_for(Act.RECORD, code, by=request.user)
    if selectors.standing(spreadsheet).state == "asked":
        return redirect("list-columns", code=code)
    access.note_list_seen(spreadsheet, by=request.user)
    return render(request, "spreadsheets/show.html", _standing(request, spreadsheet))


@never_cache
@require_safe
def fragment(request: HttpRequest, code: UUID) -> HttpResponse:
    """The verdicts alone, for the page that keeps itself up to date."""
    spreadsheet = access.spreadsheet_for(Act.RECORD, code, by=request.user)
    return render(request, "spreadsheets/_standing.html", _standing(request, spreadsheet))


def _standing(request: HttpRequest, spreadsheet: Spreadsheet) -> dict[str, Any]:
    verdict = request.GET.get("verdict", "")
    counts = selectors.counts(spreadsheet)
    after = request.GET.get("after", "0")
    rows = selectors.lines(
        spreadsheet,
        verdict=verdict if verdict in counts else "",
        after=int(after) if after.isdecimal() and len(after) < 9 else 0,
    )
    page = rows[: selectors.LINES_A_PAGE]
    return {
        "spreadsheet": spreadsheet,
        "standing": selectors.standing(spreadsheet),
        "counts": counts,
        "total": sum(counts.values()),
        "verdict": verdict if verdict in counts else "",
        "lines": page,
        "older": page[-1].number if len(rows) > len(page) else None,
        "to_store": counts["new"] + counts["changed"],
        "may_sign": asking.may_sign(spreadsheet.batch.clinic, access.member(request.user)),
    }


@never_cache
@require_http_methods(METHODS)
def columns(request: HttpRequest, code: UUID) -> HttpResponse:
    """Say what each column is; the check begins."""
    spreadsheet = access.spreadsheet_for(Act.RECORD, code, by=request.user)
    head = _head(spreadsheet, request.POST.get("sheet") or request.GET.get("sheet"))
    said = spreadsheet.reading if spreadsheet.reading.get("sheet") == head["sheet"] else {}
    initial = {"issuer": said.get("issuer", receiving.usual_issuer(spreadsheet.batch.clinic)), "unit": said.get("unit")}
    initial |= {"order": said.get("order")}
    initial |= {f"column-{index}": field for field, index in said.get("columns", {}).items()}
    form = ColumnsForm(head, request.POST or None, initial=initial)
    if form.is_valid():
        who = access.member(request.user)
        try:
            receiving.read_so(spreadsheet=spreadsheet, said=form.said(), by=who)
        except Refused as refused:
            form.add_error(None, in_words(refused))
        else:
            return redirect("list", code=code)
    context = {"spreadsheet": spreadsheet, "head": head, "form": form}
    return render(request, "spreadsheets/columns.html", context, status=422 if form.is_bound else 200)


def _head(spreadsheet: Spreadsheet, sheet: str | None) -> dict[str, Any]:
    """The headings of the sheet that is asked for, else of the one chosen before, else of that with most we know."""
    wanted = sheet if sheet is not None else spreadsheet.reading.get("sheet")
    heads: list[dict[str, Any]] = spreadsheet.heads
    named = [head for head in heads if head["sheet"] == wanted]
    if sheet and not named:
        raise Http404(sheet)
    return named[0] if named else max(heads, key=lambda head: head["known"])


def _act(request: HttpRequest, code: UUID, act: Callable[..., object], done: str, **options: object) -> HttpResponse:
    spreadsheet = access.spreadsheet_for(Act.RECORD, code, by=request.user)
    try:
        act(spreadsheet=spreadsheet, by=access.member(request.user), **options)
    except Refused as refused:
        messages.error(request, in_words(refused))
    else:
        messages.success(request, done)
    return redirect("list", code=code)


@require_POST
def store(request: HttpRequest, code: UUID) -> HttpResponse:
    """Take over what the check has shown."""
    return _act(request, code, asking.store, gettext("The list is being taken over."))


@require_POST
def check_again(request: HttpRequest, code: UUID) -> HttpResponse:
    """Check once more, after records or accounts have changed."""
    return _act(request, code, asking.check_again, gettext("The list is being checked again."))


@require_POST
def take(request: HttpRequest, code: UUID, number: int) -> HttpResponse:
    """Take a held line: the same person, or another one, as its sentence says."""
    return _act(
        request, code, asking.take, gettext("The line will be taken. The list is being checked again."), number=number
    )


@require_POST
def discard(request: HttpRequest, code: UUID) -> HttpResponse:
    """Lay a list aside; nothing of it is taken over."""
    _act(request, code, receiving.discard, gettext("The list was laid aside. Nothing of it was taken over."))
    return redirect("lists")


@require_safe
def verdicts(request: HttpRequest, code: UUID) -> HttpResponse:
    """Every line with its verdict as a workbook, to mend the list by."""
    spreadsheet = access.spreadsheet_for(Act.RECORD, code, by=request.user)
    access.note_list_seen(spreadsheet, by=request.user)
    head = [gettext("Line"), gettext("Number"), gettext("Name"), gettext("Verdict"), gettext("What to know or to do")]
    rows = [
        [
            line.number,
            line.facts.get("identifier", ""),
            line.facts.get("name", ""),
            verdict_word(line.verdict),
            "\n".join(line_problems(line)),
        ]
        for line in selectors.every_line(spreadsheet)
    ]
    body = as_xlsx(head, rows, title=gettext("Verdicts"))
    return HttpResponse(
        body, content_type=XLSX, headers={"Content-Disposition": 'attachment; filename="verdicts.xlsx"'}
    )


@require_safe
def template(request: HttpRequest, language: str, form: str) -> HttpResponse:
    """An example with our headings, in English or Chinese, as a workbook or CSV."""
    access.allow(request.user, Act.RECORD)
    if form not in MEDIA or language not in ("en", "zh"):
        raise Http404(form)
    name = f"list-{language}.{form}"
    return HttpResponse(
        template_file(language, form),
        content_type=MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
