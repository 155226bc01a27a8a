"""Small drawings whose every position the server computes, since the page may carry no style of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django import template

register = template.Library()

FULL_SIZE_MM: Final = 12.0  # the diameter that fills a glyph; larger nodules fill it too and say their number
FULL_RADIUS_PX: Final = 10.2  # of a box of 24
SMALLEST_RADIUS_PX: Final = 2.2
METER_WIDTH_PX: Final = 300.0


def glyph_radius(diameter_mm: float) -> float:
    """Radius that shows a diameter to scale, kept visible when tiny and inside the box when large."""
    return round(min(FULL_RADIUS_PX, max(SMALLEST_RADIUS_PX, FULL_RADIUS_PX * diameter_mm / FULL_SIZE_MM)), 1)


@register.inclusion_tag("components/glyph.html")
def glyph(attenuation: str, diameter_mm: float, prior_diameter_mm: float | None = None) -> dict[str, object]:
    """Draw a nodule: density as texture, size to scale, the prior size dashed around or inside it."""
    radius = glyph_radius(diameter_mm)
    return {
        "attenuation": attenuation,
        "radius": radius,
        "core": round(radius / 2, 1),
        "was": glyph_radius(prior_diameter_mm) if prior_diameter_mm else None,
    }


@dataclass(frozen=True, slots=True)
class Zone:
    x: float
    width: float
    middle: float
    grade: str  # a, b, c: the darker, the more must be done
    word: str


@dataclass(frozen=True, slots=True)
class Meter:
    """One measured value with its interval on an axis that is cut by the thresholds which matter."""

    zones: tuple[Zone, ...]
    ticks: tuple[tuple[float, str], ...]
    value: float
    low: float
    high: float
    label: str
    name: str
    open_end: bool


def axis(low: float, high: float, *, logarithmic: bool) -> tuple[float, float, bool]:
    """Give the ends of an axis that holds everything with a margin of a sixth of its length on each side."""
    if logarithmic:
        first, last = math.log(low), math.log(high)
        margin = (last - first or 1.0) / 6
        return math.exp(first - margin), math.exp(last + margin), True
    margin = (high - low or 1.0) / 6
    return low - margin, high + margin, False


def place(value: float, ends: tuple[float, float, bool]) -> float:
    """Give the x of a value, held inside the drawing."""
    first, last, logarithmic = ends
    if logarithmic:
        first, last, value = math.log(first), math.log(last), math.log(max(value, first))
    share = (value - first) / (last - first)
    return round(METER_WIDTH_PX * min(1.0, max(0.0, share)), 1)


def meter(
    *,
    name: str,
    label: str,
    value: float,
    interval_95: tuple[float, float | None],
    thresholds: Sequence[tuple[float, str]],
    zones: Sequence[tuple[str, str]],
    logarithmic: bool = False,
) -> Meter:
    """Lay out a meter.

    Parameters
    ----------
    name
        The accessible name: value, interval and thresholds as one sentence.
    label
        The value with its unit, written above its mark.
    interval_95
        Low and high end; a high end of None is unbounded and runs to the edge.
    thresholds
        Rising values where the answer changes, each with the words below its tick.
    zones
        Grade (a, b or c) and word of each stretch between thresholds: one more than there are thresholds.
    logarithmic
        For doubling times: equal ratios take equal room. All numbers are then positive.

    Raises
    ------
    ValueError
        The zones do not fit the thresholds.
    """
    if len(zones) != len(thresholds) + 1:
        raise ValueError(f"{len(thresholds)} thresholds make {len(thresholds) + 1} zones, not {len(zones)}")
    low, high = interval_95
    shown = [value, low, *(limit for limit, _ in thresholds), *([high] if high is not None else [])]
    ends = axis(min(shown), max(shown), logarithmic=logarithmic)
    ticks = tuple((place(limit, ends), words) for limit, words in thresholds)
    edges = [0.0, *(x for x, _ in ticks), METER_WIDTH_PX]
    return Meter(
        zones=tuple(
            Zone(x=start, width=round(stop - start, 1), middle=round((start + stop) / 2, 1), grade=grade, word=word)
            for start, stop, (grade, word) in zip(edges, edges[1:], zones, strict=False)
        ),
        ticks=ticks,
        value=place(value, ends),
        low=place(low, ends),
        high=METER_WIDTH_PX if high is None else place(high, ends),
        label=label,
        name=name,
        open_end=high is None,
    )


@dataclass(frozen=True, slots=True)
class Branch:
    """One answer a guideline could give within the measurement error, and how likely it is."""

    words: str
    percent: str
    x: float
    width: float


@register.filter
def shares(branches: Sequence[tuple[float, str]]) -> tuple[Branch, ...]:
    """Lay pairs of probability and words out as one bar, most likely first; never "0 %" or "100 %" of a doubt."""
    ordered = sorted(branches, key=lambda branch: -branch[0])
    laid: list[Branch] = []
    x = 0.0
    for probability, words in ordered:
        width = round(100 * probability, 1)
        laid.append(Branch(words, percent(probability), round(x, 1), width))
        x += width
    return tuple(laid)


def percent(probability: float) -> str:
    if 0 < probability < 0.01:
        return "<1 %"
    if 0.99 < probability < 1:
        return ">99 %"
    return f"{100 * probability:.0f} %"
