"""On-time completion by month as a Plotly figure, each month with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inference.validation.calibration import wilson

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """One month: its name, and how many of how many."""

    words: str
    part: int
    whole: int


def wilson_95(part: int, whole: int) -> tuple[float, float]:
    """Give the 95 % interval of a share; Wilson 1927, J Am Stat Assoc 22:209.

    Raises
    ------
    ZeroDivisionError
        Nothing was counted.
    """
    found = wilson(part, whole)
    return found.low_share, found.high_share


def figure(months: Sequence[MonthPoint]) -> Figure | None:
    """Draw the months in their order; one that counts nothing is a gap. Nothing where none counts anything."""
    if not any(month.whole for month in months):
        return None
    return {"data": [_trace(months)], "layout": _layout([month.words for month in months])}


def _trace(months: Sequence[MonthPoint]) -> Figure:
    shares = [100 * month.part / month.whole if month.whole else None for month in months]
    ends = [wilson_95(month.part, month.whole) if month.whole else (0.0, 0.0) for month in months]
    pairs = list(zip(shares, ends, strict=True))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "connectgaps": False,
        "x": [month.words for month in months],
        "y": [None if share is None else round(share, 1) for share in shares],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [0.0 if share is None else round(100 * high - share, 1) for share, (_, high) in pairs],
            "arrayminus": [0.0 if share is None else round(share - 100 * low, 1) for share, (low, _) in pairs],
            "color": "--brand",
            "thickness": 1.5,
            "width": 4,
        },
        "line": {"color": "--brand", "width": 2},
        "marker": {"color": "--brand", "size": 9},
        "customdata": [[month.part, month.whole] for month in months],
        "hovertemplate": "%{x}<br>%{y:.0f} % (%{customdata[0]} / %{customdata[1]})<extra></extra>",
    }


def _layout(names: Sequence[str]) -> Figure:
    axis = {"gridcolor": "--line", "tickfont": {"color": "--ink-soft"}, "fixedrange": True}
    return {
        "xaxis": {**axis, "type": "category", "tickvals": list(names), "ticktext": list(names)},
        "yaxis": {**axis, "range": [-2, 104], "ticksuffix": " %", "zeroline": False},
        "annotations": [],
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--ink-soft", "size": 12},
        "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
        "margin": {"l": 56, "r": 40, "t": 16, "b": 40},
    }
