"""Whether inputs, answers of the program, or people's disagreement with it have moved."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from nodules_app.charts.drift import Point, figure
from nodules_app.selectors.drift import Quantity, drift
from nodules_app.services import access
from nodules_app.services.access import Act
from nodules_app.templatetags.drift import month_words

DIGITS: Final = {"candidate_score": 2, "volume": 0, "noise": 0, "slice_spacing": 2, "learned_change": 0}


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The latest months against those before, for one clinic or all of one's own."""
    mine = access.clinics_of(access.allow(request.user, Act.SEE), Act.SEE)
    code = request.GET.get("clinic", "")
    chosen = [clinic for clinic in mine if str(clinic.code) == code]
    if code and not chosen:
        raise Http404(code)
    found = drift(chosen or mine, today=timezone.localdate())
    panels = [(row, points := _points(row), figure(points, row.unit)) for row in found.quantities]
    context = {"found": found, "panels": panels, "clinics": mine, "chosen": code}
    return render(request, "quality/drift.html", context)


def _points(row: Quantity) -> list[Point]:
    """Give the months that have values, as they are drawn and tabled."""
    moved = {on for on, one in row.tested if one.has_moved}
    points = []
    for month in row.months:
        if month.middle is not None:
            low, median, high = (f"{one:.{DIGITS[row.name]}f}" for one in month.middle)
            points.append(Point(month_words(month.starts_on), low, median, high, month.starts_on in moved))
    return points
