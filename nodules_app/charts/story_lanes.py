"""The lanes below a story's curves: a sign for each day on which something happened, and the windows that are owed."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any, Final

Figure = dict[str, Any]
PLOT_PX: Final = 620  # of the axis by which words are laid where they fit: between a screen's and a page's
LATIN_PX, HAN_PX, HAN_FROM = 6.4, 11.0, 0x2E80
WRAP_COLUMNS: Final = 72  # of words that appear beside the pointer


@dataclass(frozen=True, slots=True)
class Mark:
    """One event in its lane. Of several on one day the one of the highest ``rank`` gives the sign."""

    on: date
    on_text: str
    lane: int
    symbol: str  # of Plotly
    colour: str  # token
    words: str
    rank: int = 0
    short: str = ""  # stands beside the sign where there is room


@dataclass(frozen=True, slots=True)
class Bar:
    """A window of days in which something was owed, and until when it stood beyond it."""

    lane: int
    start: date
    stop: date
    late_until: date | None
    words: str
    short: str = ""


def lane_axis(lanes: Sequence[str], *, top: float) -> Figure:
    return {
        "domain": [0, top],
        "range": [len(lanes) - 0.5, -0.5],
        "tickvals": list(range(len(lanes))),
        "ticktext": list(lanes),
        "tickfont": {"color": "--ink-soft"},
        "showgrid": False,
        "minor": {"tickvals": [lane + 0.5 for lane in range(len(lanes) - 1)], "showgrid": True, "gridcolor": "--line"},
        "zeroline": False,
        "fixedrange": True,
    }


def marks(found: Sequence[Mark], days_a_px: float, axis: tuple[date, date]) -> list[Figure]:
    """One trace a lane, one sign a day; beside it a word where its neighbours and the end of the axis leave room."""
    lanes: defaultdict[int, defaultdict[date, list[Mark]]] = defaultdict(lambda: defaultdict(list))
    for mark in found:
        lanes[mark.lane][mark.on].append(mark)
    traces = []
    for lane, of_day in sorted(lanes.items()):
        days = sorted(of_day)
        telling = [max(of_day[on], key=lambda mark: mark.rank) for on in days]
        colours = [mark.colour for mark in telling]
        sides = list(_sides(telling, days_a_px, axis))
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "yaxis": "y2",
                "x": [on.isoformat() for on in days],
                "y": [lane] * len(days),
                "marker": {
                    "symbol": [mark.symbol for mark in telling],
                    "size": 11,
                    "color": colours,
                    "line": {"width": 2, "color": colours},
                },
                "text": [
                    f"\u2002{mark.short}\u2002" if side else "" for mark, side in zip(telling, sides, strict=True)
                ],
                "textposition": [f"middle {side or 'right'}" for side in sides],
                "textfont": {"color": "--ink-soft", "size": 11},
                "hovertext": [_of_one_day(of_day[on]) for on in days],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    return traces


def _sides(telling: Sequence[Mark], days_a_px: float, axis: tuple[date, date]) -> Iterator[str]:
    """On which side of its sign each word stands: right, left where only there is room, or nowhere."""
    free_from, until = axis  # up to the first a word or a sign stands already
    for mark, following in zip_longest(telling, telling[1:]):
        wide = timedelta(days=round(_wide_px(mark.short) * days_a_px)) if mark.short else timedelta(0)
        if wide and mark.on + wide <= (following.on if following else until):
            yield "right"
            free_from = mark.on + wide
        elif wide and free_from < mark.on - wide:
            yield "left"
            free_from = mark.on
        else:
            yield ""
            free_from = mark.on


def _of_one_day(marks: Sequence[Mark]) -> str:
    """All that happened on one day, the same words once."""
    return "<br>".join((f"<b>{marks[0].on_text}</b>", *dict.fromkeys(mark.words for mark in marks)))


def _wide_px(words: str) -> float:
    """How wide words are beside a sign, half of it and of the next one included."""
    return sum(HAN_PX if ord(character) >= HAN_FROM else LATIN_PX for character in words) + 30


def bars(bars: Sequence[Bar]) -> list[Figure]:
    shapes = []
    for bar in bars:
        shapes.append(_box(bar.lane, bar.start, max(bar.stop, bar.start + timedelta(days=2)), "brand"))
        if bar.late_until is not None:
            shapes.append(_box(bar.lane, bar.stop, bar.late_until, "critical"))
    return shapes


def _box(lane: int, start: date, stop: date, tone: str) -> Figure:
    return {
        "type": "rect", "xref": "x", "yref": "y2", "x0": start.isoformat(), "x1": stop.isoformat(),
        "y0": lane - 0.22, "y1": lane + 0.22, "fillcolor": f"--{tone}-soft", "line": {"color": f"--{tone}", "width": 1},
        "layer": "below",
    }  # fmt: skip


def bar_handles(bars: Sequence[Bar]) -> list[Figure]:
    """Invisible points that speak for the windows when the pointer rests on them."""
    if not bars:
        return []
    middles = [bar.start + (bar.stop - bar.start) / 2 for bar in bars]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "yaxis": "y2",
            "x": [middle.isoformat() for middle in middles],
            "y": [bar.lane for bar in bars],
            "marker": {"size": 18, "opacity": 0},
            "hovertext": [bar.words for bar in bars],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]


def bar_words(found: Sequence[Bar], days_a_px: float, until: date) -> Iterator[Figure]:
    """What a window says beside itself, where the next one of its lane and the end of the axis leave room."""
    ordered = sorted(found, key=lambda bar: (bar.lane, bar.start))
    for bar, following in zip_longest(ordered, ordered[1:]):
        ends = bar.late_until or bar.stop
        free_until = following.start if following and following.lane == bar.lane else until
        if bar.short and _wide_px(bar.short) * days_a_px <= (free_until - ends).days:
            yield {
                "name": "owed", "xref": "x", "yref": "y2", "x": ends.isoformat(), "y": bar.lane, "xanchor": "left",
                "xshift": 3, "text": plain(bar.short), "showarrow": False, "font": {"color": "--ink-soft", "size": 11},
            }  # fmt: skip


def plain(text: str) -> str:
    """Make people's words safe for Plotly, which reads a few tags in its texts and breaks no line by itself."""
    lines = textwrap.wrap(text, WRAP_COLUMNS)
    return "<br>".join(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines)
