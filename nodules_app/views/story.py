"""A patient's story on one page: the drawing, the change between any two exams, and everything as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from inference.estimate import Estimate
from inference.growth import Growth, growth
from nodules_app.charts import story as chart
from nodules_app.charts.forecast import Forecast, drawn
from nodules_app.charts.trajectory import Line, Point, Segment
from nodules_app.lifecycles import NoduleState
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.story import Event, EventKind, Lane, Owed, Story, story
from nodules_app.selectors.timeline import Appearance, NoduleLine
from nodules_app.services import access
from nodules_app.services.forecast import NoduleForecast, forecasts
from nodules_app.templatetags.patients import day_text
from nodules_app.templatetags.quantities import vdt_words
from nodules_app.templatetags.story import LANES, event_sentence, event_why, owed_sentence

DRAWN: Final = {  # symbol and colour of each kind of event
    EventKind.SCAN: ("circle-open-dot", "--ink"),
    EventKind.MISSED: ("x", "--critical"),
    EventKind.CHANGED: ("line-ns-open", "--caution"),
    EventKind.APPOINTMENT: ("square-open", "--brand"),
    EventKind.ASSESSED: ("diamond-open", "--brand"),
    EventKind.SIGNED: ("diamond", "--brand"),
    EventKind.OVERRODE: ("diamond", "--caution"),
    EventKind.MEETING: ("triangle-up-open", "--meeting"),
    EventKind.OUTCOME: ("triangle-up", "--meeting"),
    EventKind.REMINDER: ("circle-open", "--ink-soft"),
    EventKind.CONTACT: ("circle", "--brand"),
    EventKind.DOCUMENT: ("star-square", "--brand"),
    EventKind.CLOSED: ("square", "--ink"),
}
VOLUME, DIAMETER = "volume", "diameter"
UNIT: Final = {VOLUME: "mm³", DIAMETER: "mm"}
THRESHOLDS: Final = {  # BTS 2015 by volume; Fleischner 2017 and Lung-RADS v2022 by mean diameter
    VOLUME: (chart.Threshold(80, "BTS 80 mm³"), chart.Threshold(300, "BTS 300 mm³")),
    DIAMETER: (chart.Threshold(6, "6 mm"), chart.Threshold(8, "8 mm")),
}


@dataclass(frozen=True, slots=True)
class Between:
    """The change of one nodule between two exams that somebody chose."""

    label: str
    start: date
    stop: date
    prior: Estimate
    current: Estimate
    growth: Growth


@never_cache
@require_GET
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """The whole story; ``?measure=diameter`` draws diameters, ``?show=`` keeps one lane of the table."""
    patient = access.patient_to_see(code, by=request.user, page="timeline")
    today = timezone.localdate()
    told = story(patient)
    measure = DIAMETER if request.GET.get("measure") == DIAMETER else VOLUME
    lane = request.GET.get("show", "")
    events = [event for event in reversed(told.events) if lane not in list(Lane) or event.lane == lane]
    nodules = [one for one in told.timeline.nodules if one.state is not NoduleState.NOT_A_NODULE]
    context = {
        "story": told,
        "identity": patient_selectors.identity(patient, today=today),
        "figure": _figure(told, nodules, measure, today),
        "measure": measure,
        "events": events,
        "lane": lane,
        "lanes": [(str(one), str(words)) for one, words in LANES.items()],
        "nodules": nodules,
        "table": _table(nodules, told),
        "days": [(seen.isoformat(), day_text(seen)) for seen in _exam_days(told)],
        "chosen": {name: request.GET.get(name, "") for name in ("nodule", "from", "to")},
        "between": _between(nodules, request),
        "scan": next((scan.code for _exam, scan in reversed(told.timeline.scans)), None),
        "today": today,
    }
    return render(request, "patients/story.html", context)


def _exam_days(told: Story) -> list[date]:
    return sorted({exam.acquired_on for exam in told.timeline.exams if exam.acquired_on is not None})


def _figure(told: Story, nodules: list[NoduleLine], measure: str, today: date) -> chart.Figure:
    lanes = {lane: index for index, lane in enumerate(Lane)}
    lead = _lead(nodules)
    expected = forecasts(told.timeline).get(lead.label) if lead else None
    by_volume = lead is not None and measure == VOLUME
    drawing = chart.Drawing(
        lines=[_line(nodule, measure) for nodule in nodules],
        lanes=[str(LANES[lane]) for lane in Lane],
        marks=[_mark(event, lanes) for event in told.events],
        bars=[_bar(owed, lanes[Lane.OWED], today) for owed in told.owed if not owed.superseded],
        thresholds=THRESHOLDS[measure],
        band_of=lead.label if lead and by_volume else "",
        forecast=_forecast(expected, told) if expected and by_volume else None,
    )
    words = chart.Words(
        unit=UNIT[measure],
        today=gettext("today %(day)s") % {"day": day_text(today)},
        band=gettext("no change within the error"),
        forecast=gettext("forecast"),
        could_tell=gettext("more growth could show from here on")
        if expected and expected.shown_already
        else gettext("growth could show from here on"),
        day_tick=gettext("%d %b %Y"),
        month_tick=gettext("%b %Y"),
    )
    return chart.figure(drawing, today=today, words=words)


def _lead(nodules: list[NoduleLine]) -> NoduleLine | None:
    """The nodule that grows fastest beyond its error, else the largest: its band and its forecast are drawn."""
    growing = [one for one in nodules if one.latest and one.latest.significant and one.latest.vdt_days]
    if growing:
        return min(growing, key=lambda one: (one.latest and one.latest.vdt_days) or 0.0)
    return max(nodules, key=_latest_volume_mm3, default=None)


def _latest_volume_mm3(nodule: NoduleLine) -> float:
    return next((seen.measured.volume_mm3 for seen in reversed(nodule.appearances) if seen.measured), 0.0)


def _size(seen: Appearance, measure: str) -> Estimate | None:
    if seen.measured is None or not seen.present:
        return None
    if measure == DIAMETER:
        return Estimate(seen.measured.mean_diameter_mm, seen.measured.mean_diameter_sd_mm)
    return Estimate(seen.measured.volume_mm3, seen.measured.volume_sd_mm3)


def _line(nodule: NoduleLine, measure: str) -> Line:
    sized = [(seen, _size(seen, measure)) for seen in nodule.appearances if seen.on is not None]
    latest = nodule.appearances[-1].scan if nodule.appearances else None
    points = [
        Point(on=seen.on, on_text=day_text(seen.on), volume_mm3=size, is_current=seen.scan == latest)
        for seen, size in sized
        if size is not None and seen.on is not None
    ]
    days = {seen.scan: seen.on for seen in nodule.appearances}
    segments = []
    for change in nodule.changes if measure == VOLUME else ():
        start, stop = days.get(change.prior_scan), days.get(change.current_scan)
        if start and stop and change.significant and change.vdt_days is not None:
            segments.append(Segment(start, stop, f"VDT {vdt_words(change)}"))
    return Line(nodule.label, nodule.number - 1, tuple(points), tuple(segments))


def _mark(event: Event, lanes: dict[Lane, int]) -> chart.Mark:
    symbol, colour = DRAWN[event.kind]
    why = event_why(event)
    words = [day_text(event.on), event_sentence(event), *([why] if why else []), *([event.by] if event.by else [])]
    return chart.Mark(event.on, lanes[event.lane], symbol, colour, "<br>".join(chart.plain(one) for one in words))


def _bar(owed: Owed, lane: int, today: date) -> chart.Bar:
    late = owed.late_days(today)
    words = f"{day_text(owed.due_from)} – {day_text(owed.due_until)}<br>{chart.plain(owed_sentence(owed, late))}"
    return chart.Bar(lane, owed.due_from, owed.due_until, (owed.ended_on or today) if late else None, words)


def _forecast(expected: NoduleForecast, told: Story) -> Forecast | None:
    """Where the nodule is going, to the end of the last window that is owed."""
    open_until = max((owed.due_until for owed in told.open_steps), default=None)
    return drawn(expected, open_until) if open_until is not None else None


def _between(nodules: list[NoduleLine], request: HttpRequest) -> Between | None:
    """Compute the change between two chosen exams; nothing where the nodule was not measured on both."""
    nodule = next((one for one in nodules if one.label == request.GET.get("nodule")), None)
    if nodule is None:
        return None
    sized = {seen.on.isoformat(): (seen.on, _size(seen, VOLUME)) for seen in nodule.appearances if seen.on}
    first, last = sized.get(request.GET.get("from", "")), sized.get(request.GET.get("to", ""))
    if first is None or last is None or first[1] is None or last[1] is None or first[0] >= last[0]:
        return None
    change = growth(first[1], last[1], (last[0] - first[0]).days)
    return Between(nodule.label, first[0], last[0], first[1], last[1], change)


def _table(nodules: list[NoduleLine], told: Story) -> dict[str, object]:
    """The numbers behind the curves: one row a nodule, one column an exam, each with half of its 95 % interval."""
    days = _exam_days(told)
    rows = []
    for nodule in nodules:
        seen = {one.on: one for one in nodule.appearances}
        rows.append([nodule.label, *(_cell(seen.get(on)) for on in days)])
    return {"columns": [gettext("Nodule"), *(formats.date_format(on, "DATE_FORMAT") for on in days)], "rows": rows}


def _cell(seen: Appearance | None) -> str:
    if seen is None:
        return "–"
    if not seen.present:
        return gettext("not seen here")
    if seen.measured is None:
        return gettext("not measured")
    one = seen.measured
    return (
        f"{one.volume_mm3:.0f} ± {1.96 * one.volume_sd_mm3:.0f} mm³, "
        f"{one.mean_diameter_mm:.1f} ± {1.96 * one.mean_diameter_sd_mm:.1f} mm"
    )
