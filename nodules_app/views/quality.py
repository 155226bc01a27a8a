"""The figures of a clinic over a period, with their definitions, and as a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from nodules_app.charts import quality as chart
from nodules_app.exchange.spreadsheets import Cell, as_csv, as_xlsx
from nodules_app.selectors.quality import DEFINITIONS_VERSION
from nodules_app.selectors.quality.values import Quality
from nodules_app.services import access, quality_figures
from nodules_app.services.access import Act
from nodules_app.services.quality_figures import PERIODS_DAYS
from nodules_app.templatetags.quality import SMALL, tables, tiles

if TYPE_CHECKING:
    from nodules_app.models import Clinic

MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose figures, over which days, and whether small groups are hidden."""

    clinics: tuple[Clinic, ...]
    chosen: str  # code of the clinic, or nothing for all of one's own
    months: str
    first: date
    last: date
    shared: bool


def _asked(request: HttpRequest) -> Asked:
    who = access.allow(request.user, Act.SEE)
    mine = access.clinics_of(who, Act.SEE)
    code = request.GET.get("clinic", "")
    chosen = [clinic for clinic in mine if str(clinic.code) == code]
    if code and not chosen:
        raise Http404(code)
    months = request.GET.get("months", "12")
    today = timezone.localdate()
    first = today - timedelta(days=PERIODS_DAYS.get(months, PERIODS_DAYS["12"]) - 1)
    return Asked(
        clinics=tuple(chosen or mine),
        chosen=code,
        months=months if months in PERIODS_DAYS else "12",
        first=first,
        last=today,
        shared=request.GET.get("shared") == "1",
    )


@never_cache
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Every figure with its definition; ``?shared=1`` hides groups below five."""
    asked = _asked(request)
    counted = quality_figures.figures(asked.clinics, first=asked.first, last=asked.last)
    found = counted.figures
    context = {
        "asked": asked,
        "counted_at": counted.at,
        "clinics": access.clinics_of(access.member(request.user), Act.SEE),
        "periods": [(months, gettext("%(months)s months") % {"months": months}) for months in PERIODS_DAYS],
        "tiles": tiles(found, shared=asked.shared),
        "tables": tables(found, shared=asked.shared),
        "figure": chart.figure(_months(found), fewest=SMALL if asked.shared else 1),
        "months_table": _months_table(found, shared=asked.shared),
        "not_contacted": found.times.not_contacted,
        "version": DEFINITIONS_VERSION,
        "small": SMALL,
    }
    return render(request, "quality/show.html", context)


def _months(found: Quality) -> list[chart.MonthPoint]:
    return [
        chart.MonthPoint(
            formats.date_format(month.starts_on, "YEAR_MONTH_FORMAT"), month.on_time.part, month.on_time.whole
        )
        for month in found.steps.months
    ]


def _months_table(found: Quality, *, shared: bool) -> dict[str, object]:
    rows = [
        [month.words, f"{100 * month.part / month.whole:.0f} % ({month.part} / {month.whole})"]
        for month in _months(found)
        if month.whole >= (SMALL if shared else 1)
    ]
    return {"columns": [gettext("Month"), gettext("CT on time")], "rows": rows}


@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The same figures as CSV or XLSX, with their definitions and the version of these."""
    if form not in MEDIA:
        raise Http404(form)
    asked = _asked(request)
    found = quality_figures.figures(asked.clinics, first=asked.first, last=asked.last).figures
    head = [
        gettext("Group"),
        gettext("Figure"),
        gettext("Value"),
        gettext("Counted"),
        gettext("Of"),
        gettext("Definition"),
    ]
    rows: list[list[Cell]] = [
        [
            gettext("Period"),
            gettext("First and last day"),
            f"{asked.first} – {asked.last}",
            None,
            None,
            f"v{DEFINITIONS_VERSION}",
        ]
    ]
    rows += [
        ["", tile.title, tile.value, None, None, f"{tile.under}. {tile.definition}"]
        for tile in tiles(found, shared=asked.shared)
    ]
    for title, lines in tables(found, shared=asked.shared):
        rows += [[title, line.name, line.value, line.part, line.whole, ""] for line in lines]
    body = as_csv(head, rows) if form == "csv" else as_xlsx(head, rows, title=gettext("Quality"))
    name = f"quality-{asked.first}-{asked.last}.{form}"
    return HttpResponse(
        body, content_type=MEDIA[form], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
