"""A patient's story as a Plotly figure: the volumes above, one lane below for each kind of event, one axis of days.

Colours are names of tokens, as in ``trajectory``; words come from the caller in the reader's language.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from nodules_app.charts import forecast as forecasting
from nodules_app.charts import story_lanes as lanes
from nodules_app.charts import trajectory
from nodules_app.charts.forecast import Forecast
from nodules_app.charts.story_lanes import Bar, Mark
from nodules_app.charts.trajectory import Line

Figure = dict[str, Any]
DAYS_28_MS: Final = 28 * 86_400_000  # closer ticks are days, not months
CURVES_PX, LANE_PX, FRAME_PX = 280, 29, 58
LEAST_SPAN_DAYS: Final = 90
SIGNIFICANT_RATIO: Final = 1.25  # van Klaveren 2009; the band is widened to the error where that is larger
Z95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Threshold:
    """A size at which a guideline changes its answer."""

    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn: ``lanes`` named from top to bottom, ``foremost`` the nodules that matter.

    ``band_of`` is the nodule whose error band is shown.
    """

    lines: Sequence[Line]
    lanes: Sequence[str]
    marks: Sequence[Mark]
    bars: Sequence[Bar]
    thresholds: Sequence[Threshold] = ()
    foremost: Set[str] = frozenset()
    band_of: str = ""
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """The fixed words of the drawing."""

    unit: str
    digits: int  # after the point
    today: str
    band: str
    forecast: str
    could_tell: str
    day_tick: str  # as d3 formats times
    month_tick: str


def figure(drawing: Drawing, *, today: date, words: Words) -> Figure:
    """Draw the story; without a measured volume the lanes stand alone."""
    drawn = [line for line in drawing.lines if line.points]
    share = CURVES_PX / (CURVES_PX + LANE_PX * len(drawing.lanes)) if drawn else 0.0
    start, stop = _days(drawn, drawing.marks, drawing.bars, today)
    layout: Figure = {
        "height": FRAME_PX + LANE_PX * len(drawing.lanes) + (CURVES_PX if drawn else 0),
        "xaxis": {
            "type": "date",
            "range": [start.isoformat(), stop.isoformat()],
            "gridcolor": "--line",
            "zeroline": False,
            "tickfont": {"color": "--ink-soft"},
            "tickformatstops": [
                {"dtickrange": [None, DAYS_28_MS], "value": words.day_tick},
                {"dtickrange": ["M1", None], "value": words.month_tick},
            ],
            "anchor": "y2",
        },
        "yaxis2": lanes.lane_axis(drawing.lanes, top=1.0 - share),
        "shapes": [_today_line(today), *lanes.bars(drawing.bars)],
        "annotations": [_today_words(today, words.today)],
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "pan",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--ink-soft", "size": 12},
        "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
        "margin": {"l": 122, "r": 84, "t": 26, "b": 28},
    }
    days_a_px = (stop - start).days / lanes.PLOT_PX
    data = [*lanes.marks(drawing.marks, days_a_px, (start, stop)), *lanes.bar_handles(drawing.bars)]
    layout["annotations"] += lanes.bar_words(drawing.bars, days_a_px, stop)
    if drawn:
        foot = 1.0 - share + 0.03
        low, high = _range(drawn, drawing.forecast)
        layout["yaxis"] = _curve_axis(low, high, bottom=foot)
        layout["annotations"] += trajectory.labels(
            drawn, high - low, digits=words.digits, foremost=drawing.foremost
        ) + trajectory.segments(drawn)
        layout["annotations"] += [_unit(words.unit), *_threshold_words(drawing.thresholds, low, high)]
        layout["shapes"] += _thresholds(drawing.thresholds, low, high)
        if drawing.forecast:
            layout["shapes"] += forecasting.could_tell_line(drawing.forecast, foot)
            layout["annotations"] += forecasting.could_tell_words(drawing.forecast, foot, words.could_tell)
        data = [
            *_band(drawn, drawing.band_of, words.band),
            *(forecasting.traces(drawing.forecast, words.forecast) if drawing.forecast else []),
            *(trajectory.trace(line, words.unit, words.digits) for line in drawn),
            *data,
        ]
    return {"data": data, "layout": layout}


def _days(lines: Sequence[Line], marks: Sequence[Mark], bars: Sequence[Bar], today: date) -> tuple[date, date]:
    """First and last day of the axis, with a margin; never less than a season."""
    days = [today, *(mark.on for mark in marks), *(point.on for line in lines for point in line.points)]
    days += [day for bar in bars for day in (bar.start, bar.stop)]
    first, last = min(days), max(days)
    margin = timedelta(days=max(LEAST_SPAN_DAYS, (last - first).days) // 20 + 3)
    return first - margin, last + margin


def _range(lines: Sequence[Line], forecast: Forecast | None) -> tuple[float, float]:
    """Ends of the logarithmic axis: everything measured, and as much of the forecast as can be drawn."""
    low, high = trajectory.decades(lines)
    if forecast is None:
        return low, high
    lowest, highest = forecast.log10_range
    return min(low, lowest), max(high, highest)


def _curve_axis(low: float, high: float, *, bottom: float) -> Figure:
    ticks = [tick for tick in trajectory.TICKS_MM3 if low <= math.log10(tick) <= high]
    return {
        "type": "log",
        "domain": [bottom, 1],
        "range": [low, high],
        "tickvals": ticks,
        "ticktext": [f"{tick}" for tick in ticks],
        "gridcolor": "--line",
        "zeroline": False,
        "tickfont": {"color": "--ink-soft"},
        "fixedrange": True,
    }


def _unit(unit: str) -> Figure:
    return {
        "name": "unit", "xref": "paper", "yref": "paper", "x": 0, "y": 1, "xanchor": "right", "yanchor": "bottom",
        "xshift": -6, "yshift": 6, "text": unit, "showarrow": False, "font": {"color": "--ink-soft"},
    }  # fmt: skip


def _today_line(today: date) -> Figure:
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": today.isoformat(), "x1": today.isoformat(),
        "y0": 0, "y1": 1, "line": {"color": "--ink", "width": 1.5}, "layer": "below",
    }  # fmt: skip


def _today_words(today: date, words: str) -> Figure:
    return {
        "name": "today", "x": today.isoformat(), "yref": "paper", "y": 1, "yanchor": "bottom", "text": words,
        "showarrow": False, "font": {"color": "--ink", "size": 12, "weight": 700},
    }  # fmt: skip


def _inside(thresholds: Sequence[Threshold], low: float, high: float) -> list[Threshold]:
    return [one for one in thresholds if low < math.log10(one.value) < high]


def _thresholds(thresholds: Sequence[Threshold], low: float, high: float) -> list[Figure]:
    return [
        {
            "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": one.value, "y1": one.value,
            "line": {"color": "--line-firm", "width": 1, "dash": "dot"}, "layer": "below",
        }
        for one in _inside(thresholds, low, high)
    ]  # fmt: skip


def _threshold_words(thresholds: Sequence[Threshold], low: float, high: float) -> list[Figure]:
    return [
        {
            "name": "threshold", "xref": "paper", "x": 0, "y": math.log10(one.value), "xanchor": "right",
            "xshift": -38, "text": one.words, "showarrow": False, "font": {"color": "--ink-faint", "size": 11},
        }
        for one in _inside(thresholds, low, high)
    ]  # fmt: skip


def _band(lines: Sequence[Line], label: str, words: str) -> list[Figure]:
    """The range in which a later volume of this nodule shows no change from its first: 25 %, or the error if larger."""
    line = next((one for one in lines if one.label == label and len(one.points) > 1), None)
    if line is None:
        return []
    first, last = line.points[0], line.points[-1]
    factor = max(
        SIGNIFICANT_RATIO, math.exp(Z95 * math.hypot(first.volume_mm3.relative_error, last.volume_mm3.relative_error))
    )
    days = [first.on.isoformat(), last.on.isoformat()]
    low, high = first.volume_mm3.value / factor, first.volume_mm3.value * factor
    edge = {"type": "scatter", "mode": "lines", "x": days, "line": {"width": 0}, "hoverinfo": "skip"}
    return [
        {**edge, "y": [round(low, 1)] * 2},
        {**edge, "y": [round(high, 1)] * 2, "fill": "tonexty", "fillcolor": "--brand-soft", "name": words},
    ]
