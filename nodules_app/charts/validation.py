"""Curves of the validation bench as Plotly figures; a report stands alone, so colours are written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from inference.validation.bench import ModelReport, Report
from inference.validation.cases import Floats
from inference.validation.froc import Froc

Figure = dict[str, Any]
COLOURS: Final = ("#2f6fab", "#b5541c", "#3d7d4f", "#7a4fa3", "#8a6d1a", "#555555")
INK, FAINT, LINE = "#1d2730", "#8a949c", "#d8dde1"
MOST_POINTS: Final = 500  # of a drawn curve: a finer one looks the same and makes the file large


def figures(report: Report) -> dict[str, Figure]:
    """Give every curve of a report by its name."""
    drawn = {
        "roc": _figure(
            [_line(one.model, one.roc.x, one.roc.y, index) for index, one in enumerate(report.models)],
            "1 − specificity",
            "sensitivity",
            [_diagonal()],
        ),
        "pr": _figure(
            [
                _line(one.model, one.precision_recall.x, one.precision_recall.y, index)
                for index, one in enumerate(report.models)
            ],
            "sensitivity",
            "precision",
            [],
        ),
    }
    sure = [(index, one) for index, one in enumerate(report.models) if one.probabilities is not None]
    if sure:
        drawn["calibration"] = _figure(
            [_calibration(one, index) for index, one in sure],
            "predicted",
            "observed, with 95 % interval",
            [_diagonal()],
        )
        drawn["decision"] = _decisions(sure)
    return drawn


def froc_figure(found: Froc) -> Figure:
    """Draw sensitivity over false marks a scan, on a logarithmic axis."""
    shown = found.false_per_scan > 0
    figure = _figure(
        [_line("found", found.false_per_scan[shown], found.found[shown], 0)], "false marks a scan", "nodules found", []
    )
    figure["layout"]["xaxis"] |= {"type": "log", "range": [-1, 1.1], "tickvals": [0.125, 0.25, 0.5, 1, 2, 4, 8]}
    return figure


def _figure(data: list[Figure], x: str, y: str, shapes: list[Figure]) -> Figure:
    axis = {"gridcolor": LINE, "zeroline": False, "range": [-0.01, 1.01]}
    return {
        "data": data,
        "layout": {
            "width": 520,
            "height": 440,
            "xaxis": {**axis, "title": {"text": x}},
            "yaxis": {**axis, "title": {"text": y}},
            "shapes": shapes,
            "legend": {"orientation": "h", "y": 1.12},
            "font": {"color": INK, "size": 12},
            "paper_bgcolor": "#fff",
            "plot_bgcolor": "#fff",
            "margin": {"l": 60, "r": 16, "t": 40, "b": 50},
        },
    }


def _line(name: str, x: Floats, y: Floats, index: int) -> Figure:
    step = max(1, len(x) // MOST_POINTS)
    kept = [*range(0, len(x), step)]
    if kept and kept[-1] != len(x) - 1:
        kept.append(len(x) - 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [round(float(x[at]), 4) for at in kept],
        "y": [round(float(y[at]), 4) for at in kept],
        "line": {"color": COLOURS[index % len(COLOURS)], "width": 2},
    }


def _diagonal() -> Figure:
    return {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "line": {"color": FAINT, "dash": "dot", "width": 1}}


def _calibration(one: ModelReport, index: int) -> Figure:
    groups = one.probabilities.calibration.groups if one.probabilities and one.probabilities.calibration else ()
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": one.model,
        "x": [round(group.predicted_share, 4) for group in groups],
        "y": [round(group.observed.share, 4) for group in groups],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [round(group.observed.high_share - group.observed.share, 4) for group in groups],
            "arrayminus": [round(group.observed.share - group.observed.low_share, 4) for group in groups],
        },
        "text": [f"{group.count} cases" for group in groups],
        "line": {"color": COLOURS[index % len(COLOURS)], "width": 2},
    }


def _decisions(sure: Sequence[tuple[int, ModelReport]]) -> Figure:
    data = []
    for index, one in sure:
        if one.probabilities is not None:
            curve = one.probabilities.decisions
            data.append(_line(one.model, curve.thresholds, curve.model, index))
    first = sure[0][1].probabilities
    if first is not None:
        everybody = _line("work up everybody", first.decisions.thresholds, first.decisions.everybody, 0)
        data.append({**everybody, "line": {"color": FAINT, "dash": "dash", "width": 1.5}})
    highest = max(max(one["y"]) for one in data)
    nobody = {"type": "line", "x0": 0, "x1": 0.5, "y0": 0, "y1": 0, "line": {"color": FAINT, "width": 1}}
    figure = _figure(data, "threshold probability", "net benefit", [nobody])
    figure["layout"]["xaxis"]["range"] = [0, 0.5]
    figure["layout"]["yaxis"]["range"] = [-0.05, highest + 0.03]
    return figure
