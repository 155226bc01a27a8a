"""The answers along one size as a Plotly figure: a strip a guideline, cut where its answer changes.

The measurement stands below the strips with its interval.

Colours are names of tokens, words come from the caller, as in ``trajectory``. A volume has a logarithmic axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from nodules_app.services.ladders import Ladder, Strip, Zone

Figure = dict[str, Any]
Ends = tuple[float, float]

STRIP_PX: Final = 70
FRAME_PX: Final = 96  # the measurement below the strips, and the axis
WIDTH_PX: Final = 640  # the narrowest drawing: what fits there fits everywhere
LETTER_PX: Final = 6.6
TICKS_MM3: Final = tuple(step * 10**power for power in range(1, 5) for step in (1, 2, 3, 5, 7))
TICKS_MM: Final = tuple(range(0, 45, 5))
BAR_SHARE: Final = 0.44  # of the room of a strip


@dataclass(frozen=True, slots=True)
class Words:
    """What the drawing says, in the reader's language."""

    guideline: Callable[[str], str]
    management: Callable[[str], str]  # a whole sentence
    short: Callable[[Zone], str]  # fits into a zone
    grade: Callable[[str], str]  # a, b or c: the darker, the more must be done
    here: str
    measured: str


def figure(ladder: Ladder, words: Words) -> Figure:
    """Draw a ladder."""
    ends = _ends(ladder)
    is_log = _is_log(ladder)
    rows = len(ladder.strips)
    ticks = [tick for tick in (TICKS_MM3 if is_log else TICKS_MM) if ends[0] <= tick <= ends[1]]
    return {
        "data": [
            *(
                trace
                for row, strip in enumerate(ladder.strips)
                for trace in _bars(strip, rows - row, ladder, ends, words)
            ),
            *_measurement(ladder, words),
        ],
        "layout": {
            "barmode": "overlay",
            "height": FRAME_PX + STRIP_PX * rows,
            "xaxis": {
                "type": "log" if is_log else "linear",
                "range": [math.log10(end) for end in ends] if is_log else list(ends),
                "tickvals": ticks,
                "ticktext": [f"{tick} {ladder.unit}" for tick in ticks],
                "tickfont": {"color": "--ink-faint"},
                "showgrid": False,
                "zeroline": False,
                "fixedrange": True,
            },
            "yaxis": {"visible": False, "range": [-0.35, rows + 0.6], "fixedrange": True},
            "annotations": [
                *_names(ladder.strips, words),
                *(note for row, strip in enumerate(ladder.strips) for note in _limits(strip, rows - row, ends, is_log)),
                *_sizes(ladder, words, is_log),
            ],
            "shapes": _lines(ladder, rows),
            "showlegend": False,
            "hovermode": "closest",
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "--ink-soft", "size": 12},
            "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--line-firm", "font": {"color": "--ink"}},
            "margin": {"l": 8, "r": 8, "t": 4, "b": 28},
        },
    }


def _is_log(ladder: Ladder) -> bool:
    return ladder.quantity == "volume_mm3"


def _ends(ladder: Ladder) -> Ends:
    """Everything that matters with a margin on both sides."""
    sizes = [float(zone.low) for strip in ladder.strips for zone in strip.zones if zone.low is not None]
    sizes += [float(size) for size in (ladder.size, ladder.measured, *(ladder.interval_95 or ())) if size is not None]
    low, high = min(sizes), max(sizes)
    if _is_log(ladder):
        margin = max(1.35, (high / low) ** 0.12)
        return low / margin, high * margin
    margin = max(1.5, (high - low) * 0.12)
    return max(0.0, low - margin), high + margin


def _share(size: float, ends: Ends, *, is_log: bool) -> float:
    low, high = ends
    if is_log:
        return math.log(size / low) / math.log(high / low)
    return (size - low) / (high - low)


def _bars(strip: Strip, row: int, ladder: Ladder, ends: Ends, words: Words) -> list[Figure]:
    drawn = []
    for zone in strip.zones:
        start = max(ends[0], float(zone.low)) if zone.low is not None else ends[0]
        stop = min(ends[1], float(zone.high)) if zone.high is not None else ends[1]
        if stop <= start:
            continue
        drawn.append((zone, start, stop))
    return [
        {
            "type": "bar",
            "orientation": "h",
            "y": [row] * len(drawn),
            "base": [start for _, start, _ in drawn],
            "x": [stop - start for _, start, stop in drawn],
            "width": BAR_SHARE,
            "marker": {
                "color": [f"--zone-{words.grade(zone.management)}" for zone, _, _ in drawn],
                "line": {"color": "--surface", "width": 2},
            },
            "text": [
                _fitting(words.short(zone), start, stop, ends, is_log=_is_log(ladder)) for zone, start, stop in drawn
            ],
            "textposition": "inside",
            "insidetextanchor": "start",
            "textangle": 0,
            "constraintext": "none",
            "textfont": {"color": "--ink", "size": 12},
            "customdata": [
                [words.management(zone.management), between(zone, ladder.unit), ", ".join(zone.rules)]
                for zone, _, _ in drawn
            ],
            "hovertemplate": (
                f"<b>{words.guideline(strip.guideline)}</b> · %{{customdata[1]}}<br>%{{customdata[0]}}<br>"
                "%{customdata[2]}<extra></extra>"
            ),
        }
    ]


def _fitting(text: str, start: float, stop: float, ends: Ends, *, is_log: bool) -> str:
    """The words of a zone where they have room; the table has them all."""
    room_px = (_share(stop, ends, is_log=is_log) - _share(start, ends, is_log=is_log)) * WIDTH_PX
    width_px = sum(LETTER_PX if ord(letter) < 0x2E80 else 2 * LETTER_PX for letter in text) + 10
    return text if width_px <= room_px else ""


def between(zone: Zone, unit: str) -> str:
    """Write a stretch of sizes: "< 377 mm³", "377–459 mm³", "≥ 568 mm³"."""
    if zone.low is None:
        return f"< {zone.high} {unit}"
    if zone.high is None:
        return f"≥ {zone.low} {unit}"
    step = Decimal(1) if zone.low == zone.low.to_integral_value() and unit != "mm" else Decimal("0.1")
    return f"{zone.low}–{zone.high - step} {unit}" if zone.high - step > zone.low else f"{zone.low} {unit}"


def _names(strips: Sequence[Strip], words: Words) -> list[Figure]:
    return [
        {
            "name": "guideline",
            "xref": "paper",
            "x": 0,
            "y": len(strips) - row + BAR_SHARE / 2,
            "xanchor": "left",
            "yanchor": "bottom",
            "text": words.guideline(strip.guideline),
            "showarrow": False,
            "font": {"color": "--ink", "size": 12, "weight": 700},
        }
        for row, strip in enumerate(strips)
    ]


def _limits(strip: Strip, row: int, ends: Ends, is_log: bool) -> list[Figure]:
    """Numbers under the boundaries; one that would lie on its neighbour stands in the table only."""
    written: list[Figure] = []
    last_px = -math.inf
    for zone in strip.zones:
        if zone.low is None:
            continue
        at_px = _share(float(zone.low), ends, is_log=is_log) * WIDTH_PX
        width_px = LETTER_PX * len(str(zone.low)) + 6
        if at_px - last_px < width_px:
            continue
        last_px = at_px
        written.append(
            {
                "name": "limit",
                "x": _at(zone.low, is_log=is_log),
                "y": row - BAR_SHARE / 2,
                "yanchor": "top",
                "text": str(zone.low),
                "showarrow": False,
                "font": {"color": "--ink-soft", "size": 11},
            }
        )
    return written


def _at(size: Decimal, *, is_log: bool) -> float:
    """Where annotations stand: Plotly wants the exponent on a logarithmic axis, unlike for data and shapes."""
    return math.log10(size) if is_log else float(size)


def _measurement(ladder: Ladder, words: Words) -> list[Figure]:
    dot: Figure = {
        "type": "scatter",
        "mode": "markers",
        "x": [float(ladder.size)],
        "y": [0.3],
        "cliponaxis": False,
        "marker": {"symbol": "circle", "size": 13, "color": "--ink", "line": {"color": "--surface", "width": 2}},
        "hovertemplate": f"{words.here}<extra></extra>",
    }
    if ladder.interval_95:
        low, high = ladder.interval_95
        dot["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [float(high - ladder.size)],
            "arrayminus": [float(ladder.size - low)],
            "color": "--ink",
            "thickness": 2,
            "width": 6,
        }
    if ladder.measured is None:
        return [dot]
    ring = {
        "type": "scatter",
        "mode": "markers",
        "x": [float(ladder.measured)],
        "y": [0.3],
        "marker": {"symbol": "circle-open", "size": 12, "color": "--ink", "line": {"color": "--ink", "width": 2}},
        "hovertemplate": f"{words.measured}<extra></extra>",
    }
    return [dot, ring]


def _sizes(ladder: Ladder, words: Words, is_log: bool) -> list[Figure]:
    told = [(ladder.size, words.here, "--ink", 700)]
    if ladder.measured is not None:
        told.append((ladder.measured, words.measured, "--ink-soft", 400))
    largest = max(size for size, *_ in told)
    return [
        {
            "name": "size",
            "x": _at(size, is_log=is_log),
            "y": 0.14,
            "xanchor": "center" if len(told) == 1 else "left" if size == largest else "right",
            "yanchor": "top",
            "text": text,
            "showarrow": False,
            "font": {"color": colour, "size": 12, "weight": weight},
        }
        for size, text, colour, weight in told
    ]


def _lines(ladder: Ladder, rows: int) -> list[Figure]:
    sizes = [(ladder.size, "solid")] + ([(ladder.measured, "dash")] if ladder.measured is not None else [])
    return [
        {
            "type": "line",
            "x0": float(size),
            "x1": float(size),
            "y0": 0.3,
            "y1": rows + BAR_SHARE / 2,
            "line": {"color": "--ink", "width": 1, "dash": dash},
        }
        for size, dash in sizes
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """One zone in words."""

    guideline: str
    sizes: str
    management: str
    rules: tuple[str, ...]
    is_here: bool


def table_rows(ladder: Ladder, words: Words) -> list[Row]:
    """The same as a table; the zone of the size is marked."""
    return [
        Row(
            guideline=words.guideline(strip.guideline),
            sizes=between(zone, ladder.unit),
            management=words.management(zone.management),
            rules=zone.rules,
            is_here=zone is strip.here(ladder.size),
        )
        for strip in ladder.strips
        for zone in strip.zones
    ]
