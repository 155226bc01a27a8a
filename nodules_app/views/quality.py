"""The figures of a clinic over a period, with their definitions, the patients behind them, and as a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from nodules_app.charts import quality as chart
from nodules_app.exchange.spreadsheets import Cell, as_csv, as_xlsx
from nodules_app.selectors.quality.asking import Question
from nodules_app.selectors.quality.behind import SHOWN, WAYS, behind
from nodules_app.selectors.quality.hiding import FEWEST
from nodules_app.selectors.quality.values import Quality, Share
from nodules_app.services import access, quality_figures
from nodules_app.services.access import Act
from nodules_app.services.quality_figures import PERIODS_DAYS, Period
from nodules_app.templatetags.quality import months, percent, sections, tables, to_do
from nodules_app.templatetags.quality_behind import detail_words, heading
from nodules_app.templatetags.quality_definitions import DEFINITIONS, NOT_COUNTED

if TYPE_CHECKING:
    from nodules_app.models import Clinic

MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


OF_NOW: Final = ("lost", "suspected", "overdue", "actions_overdue")  # whatever the period


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose figures, over which period, and whether small groups are hidden."""

    clinics: tuple[Clinic, ...]
    mine: tuple[Clinic, ...]
    chosen: str  # code of the clinic, or nothing for all of one's own
    period: Period

    @property
    def shared(self) -> bool:
        """Figures that leave the house are those of whole months."""
        return self.period.whole

    @property
    def address(self) -> str:
        """The question as the end of an address."""
        told = {"clinic": self.chosen, "months": self.period.months, "shared": "1" if self.shared else ""}
        return urlencode({name: value for name, value in told.items() if value})


def _asked(request: HttpRequest) -> Asked:
    who = access.allow(request.user, Act.SEE)
    mine = access.clinics_of(who, Act.SEE)
    code = request.GET.get("clinic", "")
    chosen = [clinic for clinic in mine if str(clinic.code) == code]
    if code and not chosen:
        raise Http404(code)
    months_asked = request.GET.get("months", "12")
    return Asked(
        clinics=tuple(chosen or mine),
        mine=tuple(mine),
        chosen=code,
        period=Period(months_asked if months_asked in PERIODS_DAYS else "12", request.GET.get("shared") == "1"),
    )


@never_cache
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Every figure with its definition; ``?shared=1`` hides groups below five and rounds the others."""
    asked = _asked(request)
    counted = quality_figures.figures(asked.clinics, asked.period)
    found = counted.figures
    points = _months(found, shared=asked.shared)
    grouped = tables(found, shared=asked.shared)
    context = {
        "asked": asked,
        "found": found,
        "counted_at": counted.at,
        "periods": [(one, gettext("%(months)s months") % {"months": one}) for one in PERIODS_DAYS],
        "to_do": [] if asked.shared else to_do(found),
        "sections": sections(found, shared=asked.shared),
        "tables": [table for table in grouped if table.rows],
        "empty_tables": [table.title for table in grouped if not table.rows],
        "figure": chart.figure(points),
        "months_table": {
            "columns": [gettext("Month"), gettext("CT on time")],
            "rows": [[one.words, _month_words(one)] for one in points],
        },
        "months_definition": DEFINITIONS["on_time"],
        "not_counted": NOT_COUNTED,
        "small": FEWEST,
    }
    return render(request, "quality/show.html", context)


def _months(found: Quality, *, shared: bool) -> list[chart.MonthPoint]:
    return [
        chart.MonthPoint(formats.date_format(starts_on, "YEAR_MONTH_FORMAT"), share.part, share.whole)
        for starts_on, share in months(found, shared=shared)
    ]


def _month_words(point: chart.MonthPoint) -> str:
    share = Share(point.part, point.whole)
    return f"{percent(share)} ({point.part} / {point.whole})" if point.whole else percent(share)


@never_cache
@require_GET
def patients(request: HttpRequest, figure: str) -> HttpResponse:
    """List the patients behind one figure, for whoever may see them; never of a view that is to be shared."""
    if figure not in WAYS:
        raise Http404(figure)
    asked = _asked(request)
    today = timezone.localdate()
    first, last = Period(asked.period.months).days(today)
    found = behind(figure, Question(asked.clinics, first, last, today))
    quality_figures.note_look(figure, by=access.member(request.user))
    context = {
        "asked": asked,
        "heading": heading(figure),
        "definition": DEFINITIONS[figure],
        "days": None if figure in OF_NOW else (first, last),
        "rows": [(one, detail_words(figure, one.detail)) for one in found.patients],
        "more": found.more,
        "shown": SHOWN,
    }
    return render(request, "quality/patients.html", context)


@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The same figures as CSV or XLSX, with their definitions and the version of each."""
    if form not in MEDIA:
        raise Http404(form)
    asked = _asked(request)
    found = quality_figures.figures(asked.clinics, asked.period).figures
    head = [
        gettext("Group"),
        gettext("Figure"),
        gettext("Value"),
        gettext("Counted"),
        gettext("Of"),
        gettext("Definition"),
        gettext("Version"),
    ]
    body = (as_csv if form == "csv" else _as_sheet)(head, _lines(found, asked))
    name = f"quality-{found.first}-{found.last}{'-shared' if asked.shared else ''}.{form}"
    return HttpResponse(
        body, content_type=MEDIA[form], headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _as_sheet(head: list[str], rows: list[list[Cell]]) -> bytes:
    return as_xlsx(head, rows, title=gettext("Quality"))


def _lines(found: Quality, asked: Asked) -> list[list[Cell]]:
    clinics = ", ".join(clinic.name for clinic in asked.clinics)
    hiding = gettext("Groups below %(small)s are not shown; counts are rounded to %(small)s.") % {"small": FEWEST}
    rows: list[list[Cell]] = [
        [gettext("Period"), gettext("First and last day"), f"{found.first} – {found.last}", None, None, clinics, ""],
    ]
    if asked.shared:
        rows.append([gettext("To be shared"), hiding, "", None, None, "", ""])
    for section in sections(found, shared=asked.shared):
        rows += [
            [section.title, tile.title, f"{tile.value} ({tile.under})", None, None, *_meaning(tile.code)]
            for tile in section.every
        ]
    months_title = gettext("CT on time, by month")
    for point in _months(found, shared=asked.shared):
        share = percent(Share(point.part, point.whole))
        counted = (point.part, point.whole) if point.whole else (None, None)
        rows.append([months_title, point.words, share, *counted, *_meaning("on_time")])
    for table in tables(found, shared=asked.shared):
        meaning = [str(table.definition.text), table.definition.version]
        rows += [[table.title, row.name, row.value, row.part, row.whole, *meaning] for row in table.rows]
    return [*rows, [gettext("Not counted"), "", str(NOT_COUNTED), None, None, "", ""]]


def _meaning(code: str) -> list[str]:
    return [str(DEFINITIONS[code].text), DEFINITIONS[code].version]
