"""The forecast of a nodule in a drawing over time: its band, its middle line, and from when on growth could show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from nodules_app.services.forecast import Estimated, NoduleForecast

Figure = dict[str, Any]
STEPS: Final = 12  # of the band: a course bends little between two of them
SHOWN_FACTOR: Final = 6.0  # beyond the middle line the band runs out of the drawing, so that the scans stay readable


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a nodule goes on, day by day; ``could_tell_on`` stands only where it lies within these days."""

    label: str
    order: int
    points: tuple[Estimated, ...]
    could_tell_on: date | None

    @property
    def log10_range(self) -> tuple[float, float]:
        """What of the band is drawn, as powers of ten of mm3."""
        lowest = min(max(one.low_mm3, one.median_mm3 / SHOWN_FACTOR) for one in self.points)
        highest = max(min(one.high_mm3, one.median_mm3 * SHOWN_FACTOR) for one in self.points)
        return math.log10(lowest), math.log10(highest)


def drawn(nodule: NoduleForecast, until: date) -> Forecast | None:
    """Follow a nodule from its last scan to a day; nothing where the day lies before."""
    span_days = (until - nodule.last_on).days
    if span_days <= 0:
        return None
    days = [nodule.last_on + timedelta(days=round(span_days * step / STEPS)) for step in range(STEPS + 1)]
    could = nodule.could_tell_on
    return Forecast(
        label=nodule.label,
        order=nodule.number - 1,
        points=tuple(nodule.expected_mm3(on) for on in dict.fromkeys(days)),
        could_tell_on=could if could is not None and could <= until else None,
    )


def traces(forecast: Forecast, words: str) -> list[Figure]:
    """The band of 95 % and the line that the volume is as likely above as below."""
    x = [one.on.isoformat() for one in forecast.points]
    colour = f"--n{min(forecast.order, 3) + 1}"
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
    return [
        {**edge, "y": [round(one.low_mm3, 1) for one in forecast.points]},
        {
            **edge,
            "y": [round(one.high_mm3, 1) for one in forecast.points],
            "fill": "tonexty",
            "fillcolor": "--sunken",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": [round(one.median_mm3, 1) for one in forecast.points],
            "customdata": [f"{one.low_mm3:.0f}–{one.high_mm3:.0f}" for one in forecast.points],
            "line": {"color": colour, "width": 2, "dash": "dot"},
            "hovertemplate": f"{forecast.label} · {words}<br>%{{y:.0f}} mm³ (%{{customdata}})<extra></extra>",
        },
    ]


def could_tell_line(forecast: Forecast, bottom: float) -> list[Figure]:
    """A line through the curves on the first day on which a scan could show growth."""
    if forecast.could_tell_on is None:
        return []
    on = forecast.could_tell_on.isoformat()
    return [
        {
            "type": "line", "xref": "x", "yref": "paper", "x0": on, "x1": on, "y0": bottom, "y1": 1,
            "line": {"color": "--brand", "width": 1, "dash": "dash"},
        }
    ]  # fmt: skip


def could_tell_words(forecast: Forecast, bottom: float, words: str) -> list[Figure]:
    """What that line means, at its foot."""
    if forecast.could_tell_on is None:
        return []
    return [
        {
            "name": "could-tell", "x": forecast.could_tell_on.isoformat(), "yref": "paper", "y": bottom,
            "xanchor": "right", "yanchor": "bottom", "text": words, "showarrow": False, "bgcolor": "--surface",
            "font": {"color": "--brand", "size": 11},
        }
    ]  # fmt: skip
