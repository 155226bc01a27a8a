"""A patient's story on one page: the drawing, the change between any two exams, and everything as a table."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from inference.growth import growth
from nodules_app.lifecycles import NoduleState
from nodules_app.selectors import patients as patient_selectors
from nodules_app.selectors.story import EventKind, Lane, Story, story
from nodules_app.selectors.story_standing import error_of_the_way, extra_errors, standing
from nodules_app.selectors.timeline import Appearance, NoduleLine
from nodules_app.services import access
from nodules_app.templatetags.patients import day_text
from nodules_app.templatetags.story import LANES
from nodules_app.views.story_drawing import DIAMETER, VOLUME, Between, Shown, figure_of, size_of

NEWEST_EVENTS: Final = 40  # in the table; all of them are one press away


@never_cache
@require_GET
def show(request: HttpRequest, code: UUID) -> HttpResponse:
    """The whole story: ``?measure=diameter`` draws diameters, ``?show=`` keeps one lane of the table, ``?all`` all."""
    patient = access.patient_to_see(code, by=request.user, page="timeline")
    today = timezone.localdate()
    told = story(patient)
    measure = DIAMETER if request.GET.get("measure") == DIAMETER else VOLUME
    lane = request.GET.get("show", "")
    events = [event for event in reversed(told.events) if lane not in list(Lane) or event.lane == lane]
    nodules = [one for one in told.timeline.nodules if one.state is not NoduleState.NOT_A_NODULE and one.appearances]
    between = _between(told, nodules, request)
    shown = Shown(told, nodules, standing(told.timeline), measure, between)
    is_whole = "all" in request.GET or len(events) <= NEWEST_EVENTS
    context = {
        "story": told,
        "identity": patient_selectors.identity(patient, today=today),
        "figure": figure_of(shown, today),
        "standing": shown.standing,
        "foremost": shown.foremost,
        **_answer(told, shown.standing.on),
        "measure": measure,
        "events": events if is_whole else events[:NEWEST_EVENTS],
        "events_in_all": len(events),
        "lane": lane,
        "lanes": [(str(one), str(words)) for one, words in LANES.items()],
        "nodules": nodules,
        "table": _table(nodules, told),
        "days": [(seen.isoformat(), day_text(seen)) for seen in _exam_days(told)],
        "chosen": {name: request.GET.get(name, "") for name in ("nodule", "from", "to")},
        "between": between,
        "scan": next((scan.code for _exam, scan in reversed(told.timeline.scans)), None),
        "today": today,
    }
    return render(request, "patients/story.html", context)


def _answer(told: Story, latest_on: date | None) -> dict[str, object]:
    """What was decided and answered since the latest exam, and whether anything was decided before it."""
    decided = told.latest(EventKind.SIGNED, EventKind.OVERRODE, EventKind.OUTCOME)
    answered = told.latest(EventKind.ASSESSED)
    is_older = decided is not None and latest_on is not None and decided.on < latest_on
    return {
        "decided": None if is_older else decided,
        "answered": answered if answered and (latest_on is None or answered.on >= latest_on) else None,
        "decided_earlier": is_older,
    }


def _exam_days(told: Story) -> list[date]:
    return sorted({exam.acquired_on for exam in told.timeline.exams if exam.acquired_on is not None})


def _between(told: Story, nodules: list[NoduleLine], request: HttpRequest) -> Between | None:
    """Compute the change between two chosen exams; nothing where the nodule was not measured on both."""
    nodule = next((one for one in nodules if one.label == request.GET.get("nodule")), None)
    if nodule is None:
        return None
    sized = [(seen.on, seen.scan, size) for seen in nodule.appearances if seen.on and (size := size_of(seen, VOLUME))]
    days = [on.isoformat() for on, _scan, _size in sized]
    start, stop = request.GET.get("from", ""), request.GET.get("to", "")
    if start not in days or stop not in days or start >= stop:
        return None
    way = sized[days.index(start) : days.index(stop) + 1]
    (first_on, _, first), (last_on, _, last) = way[0], way[-1]
    added = error_of_the_way(nodule, [scan for _on, scan, _size in way], extra_errors(told.timeline))
    change = growth(first, last, (last_on - first_on).days, extra_relative_error=added or 0.0)
    return Between(nodule.label, first_on, last_on, first, last, change, is_compared=added is not None)


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
