"""Volume over time as a Plotly figure: one line a nodule, every point with its 95 % interval.

Colours are names of tokens ("--n1"): the script that draws the figure reads their values from the style sheet, so that
one figure serves both themes. Words come from the caller in the reader's language.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from inference.estimate import Estimate
from nodules_app.exchange.labels import spread

SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up")  # order fixed per patient; from the fifth on: circle
LINE_PX: Final = 2
MARKER_PX: Final = 11
MARGIN_SHARE: Final = 0.06  # of the time axis, before the first exam
LABEL_MARGIN_PX: Final = 72  # beside the plot: room for "N1 1541"
TICKS_MM3: Final = tuple(step * 10**power for power in range(5) for step in (1, 2, 5))
LABEL_GAP_LOG: Final = 0.05  # least distance of two labels as a share of the axis, or they would lie on each other

FOREMOST_WEIGHT: Final = 20.0  # of the label of a nodule in the foreground, beside 1 of any other

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One measured volume; ``is_current`` on the latest scan, whose mark is filled."""

    on: date
    on_text: str
    volume_mm3: Estimate
    is_current: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """What is written between two points, for a change that is larger than its error."""

    start: date
    stop: date
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One nodule; ``end`` is written after its last point in place of the size there, where it has an end."""

    label: str
    order: int  # it decides colour and shape: 0 is N1 where each nodule keeps its own
    points: tuple[Point, ...]
    segments: tuple[Segment, ...]
    end: str = ""


@dataclass(frozen=True, slots=True)
class NextWindow:
    """When the next CT is due, drawn as a band."""

    due_from: date
    due_until: date
    text: str


def figure(
    lines: Sequence[Line], exams: Sequence[tuple[date, str]], *, unit: str, next_window: NextWindow | None = None
) -> Figure | None:
    """Draw the trajectory, or nothing while no volume was measured."""
    drawn = [line for line in lines if line.points]
    if not drawn:
        return None
    first_on, last_on = exams[0][0], exams[-1][0]
    end_on = max(last_on, next_window.due_until) if next_window else last_on
    span_days = max((end_on - first_on).days, 30)
    start = first_on - timedelta(days=round(MARGIN_SHARE * span_days))
    stop = end_on + timedelta(days=round(MARGIN_SHARE / 2 * span_days))
    low, high = decades(drawn)
    return {
        "data": [trace(line, unit) for line in drawn],
        "layout": {
            "xaxis": {
                "type": "date",
                "range": [start.isoformat(), stop.isoformat()],
                "tickvals": [on.isoformat() for on, _ in exams],
                "ticktext": [text for _, text in exams],
                **_axis(),
            },
            "yaxis": {
                "type": "log",
                "range": [low, high],
                "tickvals": [tick for tick in TICKS_MM3 if low <= math.log10(tick) <= high],
                "ticktext": [f"{tick}" for tick in TICKS_MM3 if low <= math.log10(tick) <= high],
                **_axis(),
            },
            "annotations": [
                _unit(unit),
                *labels(drawn, high - low),
                *segments(drawn),
                *_window_words(next_window, high),
            ],
            "shapes": [_band(next_window)] if next_window else [],
            "showlegend": False,
            "hovermode": "closest",
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "--ink-soft", "size": 12},
            "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
            "margin": {"l": 56, "r": LABEL_MARGIN_PX if end_on == last_on else 16, "t": 28, "b": 36},
        },
    }


def _axis() -> Figure:
    return {
        "gridcolor": "--line",
        "zeroline": False,
        "tickfont": {"color": "--ink-soft"},
        "fixedrange": True,
    }


def _colour(order: int) -> str:
    return f"--n{min(order, 3) + 1}"


def decades(lines: Sequence[Line]) -> tuple[float, float]:
    """Ends of the logarithmic axis: everything with its interval, and at least a factor of four."""
    ends = [end for line in lines for point in line.points for end in point.volume_mm3.interval_95]
    low, high = math.log10(min(ends)) - 0.08, math.log10(max(ends)) + 0.16
    lacking = max(0.0, math.log10(4) - (high - low)) / 2
    return low - lacking, high + lacking


def trace(line: Line, unit: str, digits: int = 0) -> Figure:
    symbol = SYMBOLS[line.order] if line.order < len(SYMBOLS) else SYMBOLS[0]
    colour = _colour(line.order)
    intervals = [point.volume_mm3.interval_95 for point in line.points]
    values = [point.volume_mm3.value for point in line.points]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "cliponaxis": False,
        "name": line.label,
        "x": [point.on.isoformat() for point in line.points],
        "y": [round(value, 1) for value in values],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [round(high - value, 1) for value, (_, high) in zip(values, intervals, strict=True)],
            "arrayminus": [round(value - low, 1) for value, (low, _) in zip(values, intervals, strict=True)],
            "color": colour,
            "thickness": 1.5,
            "width": 4,
        },
        "line": {"color": colour, "width": LINE_PX},
        "marker": {
            "symbol": [symbol if point.is_current else f"{symbol}-open" for point in line.points],
            "size": MARKER_PX,
            "color": colour,
            "line": {"color": colour, "width": 2},
        },
        "customdata": [
            [point.on_text, f"{low:.{digits}f}–{high:.{digits}f}"]
            for point, (low, high) in zip(line.points, intervals, strict=True)
        ],
        "hovertemplate": f"{line.label} · %{{customdata[0]}}<br>%{{y:.{digits}f}} {unit} (%{{customdata[1]}})"
        "<extra></extra>",
    }


def _unit(unit: str) -> Figure:
    return {
        "name": "unit",
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "right",
        "yanchor": "bottom",
        "xshift": -6,
        "yshift": 6,
        "text": unit,
        "showarrow": False,
        "font": {"color": "--ink-soft"},
    }


def labels(
    lines: Sequence[Line], axis_span: float, *, digits: int = 0, foremost: Set[str] = frozenset()
) -> list[Figure]:
    """Write "N1 541" at the end of each line; labels that would lie on each other are moved apart.

    Those of the nodules that stand in the foreground stay where they are as far as they can.
    """
    ends = sorted(((line, line.points[-1]) for line in lines), key=lambda end: end[1].volume_mm3.value)
    wanted = [math.log10(point.volume_mm3.value) for _, point in ends]
    weights = [FOREMOST_WEIGHT if line.label in foremost else 1.0 for line, _ in ends]
    placed = spread(wanted, weights, LABEL_GAP_LOG * axis_span)
    return [
        {
            "name": "label",
            "nodule": line.label,
            "x": point.on.isoformat(),
            "y": round(height, 4),
            "text": f"{line.label} {line.end or format(point.volume_mm3.value, f'.{digits}f')}",
            "xanchor": "left",
            "xshift": 10,
            "showarrow": False,
            "bgcolor": "--surface",
            "borderpad": 0,
            "font": {"color": _colour(line.order), "size": 12, "weight": 700},
        }
        for (line, point), height in zip(ends, placed, strict=True)
    ]


def segments(lines: Sequence[Line]) -> list[Figure]:
    """Write the doubling time above the middle of each stretch that has one."""
    written = []
    for line in lines:
        volumes = {point.on: point.volume_mm3.value for point in line.points}
        for segment in line.segments:
            if segment.start not in volumes or segment.stop not in volumes:
                continue
            middle = segment.start + (segment.stop - segment.start) / 2
            written.append(
                {
                    "name": "segment",
                    "nodule": line.label,
                    "x": middle.isoformat(),
                    "y": (math.log10(volumes[segment.start]) + math.log10(volumes[segment.stop])) / 2,
                    "yshift": 22,
                    "text": segment.text,
                    "showarrow": False,
                    "bgcolor": "--surface",
                    "bordercolor": "--line-firm",
                    "borderpad": 3,
                    "font": {"color": "--ink", "size": 11, "weight": 700},
                }
            )
    return written


def _band(window: NextWindow) -> Figure:
    until = max(window.due_until, window.due_from + timedelta(days=3))  # a window of one day is still to be seen
    return {
        "type": "rect",
        "layer": "below",
        "xref": "x",
        "yref": "paper",
        "x0": window.due_from.isoformat(),
        "x1": until.isoformat(),
        "y0": 0,
        "y1": 1,
        "fillcolor": "--brand-soft",
        "line": {"color": "--brand", "width": 1},
    }


def _window_words(window: NextWindow | None, high: float) -> list[Figure]:
    if window is None:
        return []
    middle = window.due_from + (window.due_until - window.due_from) / 2
    return [
        {
            "name": "window",
            "x": middle.isoformat(),
            "y": high,
            "yanchor": "top",
            "text": window.text,
            "showarrow": False,
            "bgcolor": "--surface",
            "font": {"color": "--ink-soft", "size": 11},
        }
    ]
