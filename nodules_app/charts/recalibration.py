"""The curve of a correction: what a published model says, and what it is taken for here."""

from __future__ import annotations

from typing import Any

from inference.validation.recalibration import Recalibration

Figure = dict[str, Any]
EVERY = 5  # points of the grid: the drawn curve looks the same


def figure(found: Recalibration, *, predicted: str, corrected: str) -> Figure:
    """Draw the curve with its band; the diagonal is no correction."""
    grid = [round(100 * one, 2) for one in found.predicted_share[::EVERY]]

    def percent(line: tuple[float, ...]) -> list[float]:
        return [round(100 * one, 2) for one in line[::EVERY]]

    axis = {
        "range": [0, 100],
        "gridcolor": "--line",
        "zeroline": False,
        "tickfont": {"color": "--ink-soft"},
        "ticksuffix": " %",
        "fixedrange": True,
    }
    edge = {"type": "scatter", "mode": "lines", "x": grid, "line": {"width": 0}, "hoverinfo": "skip"}
    return {
        "data": [
            {**edge, "y": percent(found.low_share)},
            {**edge, "y": percent(found.high_share), "fill": "tonexty", "fillcolor": "--brand-soft"},
            {
                "type": "scatter",
                "mode": "lines",
                "x": grid,
                "y": percent(found.corrected_share),
                "line": {"color": "--brand", "width": 2},
                "hovertemplate": "%{x} → %{y:.1f} %<extra></extra>",
            },
        ],
        "layout": {
            "height": 300,
            "xaxis": {**axis, "title": {"text": predicted}},
            "yaxis": {**axis, "title": {"text": corrected}},
            "shapes": [
                {
                    "type": "line", "x0": 0, "y0": 0, "x1": 100, "y1": 100,
                    "line": {"color": "--line-firm", "width": 1, "dash": "dot"},
                }
            ],
            "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "--ink-soft", "size": 12},
            "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
            "margin": {"l": 64, "r": 16, "t": 16, "b": 48},
        },
    }  # fmt: skip
