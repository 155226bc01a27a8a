"""One quantity by month as a Plotly figure: the middle line and the band that eight of ten values lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One month that has values: its name, tenth, middle and ninth tenth, and whether it has moved."""

    words: str
    low: str
    median: str
    high: str
    has_moved: bool


def figure(points: Sequence[Point], unit: str) -> Figure | None:
    """Draw the months that have values; nothing where fewer than two have."""
    if len(points) < 2:
        return None
    x = [point.words for point in points]
    edge = {"type": "scatter", "mode": "lines", "x": x, "line": {"width": 0}, "hoverinfo": "skip"}
    axis = {"gridcolor": "--line", "tickfont": {"color": "--ink-soft"}, "fixedrange": True, "zeroline": False}
    return {
        "data": [
            {**edge, "y": [float(point.low) for point in points]},
            {**edge, "y": [float(point.high) for point in points], "fill": "tonexty", "fillcolor": "--brand-soft"},
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": x,
                "y": [float(point.median) for point in points],
                "line": {"color": "--brand", "width": 2},
                "marker": {
                    "size": 10,
                    "color": ["--caution" if point.has_moved else "--brand" for point in points],
                    "symbol": ["diamond" if point.has_moved else "circle" for point in points],
                },
                "customdata": [[point.low, point.high] for point in points],
                "hovertemplate": f"%{{x}}<br>%{{y}} {unit} (%{{customdata[0]}}–%{{customdata[1]}})<extra></extra>",
            },
        ],
        "layout": {
            "height": 240,
            "xaxis": {**axis, "type": "category"},
            "yaxis": {**axis, "title": {"text": unit}},
            "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "--ink-soft", "size": 12},
            "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
            "margin": {"l": 56, "r": 16, "t": 12, "b": 36},
        },
    }
