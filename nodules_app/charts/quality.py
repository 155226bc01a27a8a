"""On-time completion by month as a Plotly figure, each month with its 95 % interval; small months are left out."""

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


def figure(months: Sequence[MonthPoint], *, fewest: int) -> Figure | None:
    """Draw the months that count at least ``fewest`` steps; nothing where none does."""
    shown = [month for month in months if month.whole >= max(1, fewest)]
    if not shown:
        return None
    shares = [month.part / month.whole for month in shown]
    intervals = [wilson_95(month.part, month.whole) for month in shown]
    above = [round(100 * (high - share), 1) for share, (_, high) in zip(shares, intervals, strict=True)]
    below = [round(100 * (share - low), 1) for share, (low, _) in zip(shares, intervals, strict=True)]
    return {"data": [_trace(shown, shares, above, below)], "layout": _layout([month.words for month in shown])}


def _trace(
    months: Sequence[MonthPoint], shares: Sequence[float], above: Sequence[float], below: Sequence[float]
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [month.words for month in months],
        "y": [round(100 * share, 1) for share in shares],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": list(above),
            "arrayminus": list(below),
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
        "yaxis": {**axis, "range": [0, 104], "ticksuffix": " %", "zeroline": False},
        "annotations": [],
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--ink-soft", "size": 12},
        "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
        "margin": {"l": 56, "r": 16, "t": 16, "b": 36},
        "height": 320,
    }
