"""A curve on paper: volumes over time on a logarithmic axis, every mark with its 95 % interval, in black and grey.

Lines are told apart by the shape of their marks and by the words at their ends, never by colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from fpdf import FPDF
from fpdf.enums import RenderStyle

from nodules_app.exchange.labels import spread

HEIGHT_MM: Final = 46.0
SCALE_MM, WORDS_MM, FOOT_MM = 12.0, 24.0, 6.0  # room for the ticks, the words at the ends, and the days
MARK_MM: Final = 1.1  # half of a mark
GAP_MM: Final = 3.2  # of two words at the ends of lines
DAYS_GAP_MM: Final = 21.0  # of two days below the axis: one in between stays unwritten
FAINT, INK = 205, 40
TICKS: Final = tuple(step * 10**power for power in range(6) for step in (1, 2, 5))
UNIT: Final = "mm³"
LEAST_SPAN: Final = math.log10(4)
CORNERS: Final[tuple[tuple[tuple[float, float], ...], ...]] = (  # after the circle: square, diamond, triangle
    ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    ((0, -1.2), (1.2, 1), (-1.2, 1)),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One measured volume with the ends of its 95 % interval."""

    on: date
    volume_mm3: float
    low_mm3: float
    high_mm3: float


@dataclass(frozen=True, slots=True)
class CurveLine:
    """One nodule: its marks in the order of time, and the words at the end of its line."""

    words: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines with a mark each at least, and the days of the exams with their words."""

    days: tuple[tuple[date, str], ...]
    lines: tuple[CurveLine, ...]

    def words(self) -> Iterator[str]:
        """Everything that is written."""
        yield UNIT
        yield from (words for _on, words in self.days)
        yield from (line.words for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where days and sizes lie on the paper."""

    left_mm: float
    right_mm: float
    top_mm: float
    bottom_mm: float
    first: date
    span_days: int
    low_log10_mm3: float
    high_log10_mm3: float

    def x_mm(self, on: date) -> float:
        return self.left_mm + (self.right_mm - self.left_mm) * (on - self.first).days / self.span_days

    def y_mm(self, volume_mm3: float) -> float:
        share = (math.log10(volume_mm3) - self.low_log10_mm3) / (self.high_log10_mm3 - self.low_log10_mm3)
        return self.bottom_mm - (self.bottom_mm - self.top_mm) * share


def draw_curve(pdf: FPDF, curve: Curve, *, left_mm: float, top_mm: float, width_mm: float, line_mm: float) -> None:
    """Draw the curve with the font that is set; it takes ``HEIGHT_MM``."""
    frame = _frame(curve, left_mm, top_mm, width_mm)
    with pdf.local_context(line_width=0.1, draw_color=FAINT):
        for tick in TICKS:
            if frame.low_log10_mm3 <= math.log10(tick) <= frame.high_log10_mm3:
                pdf.line(frame.left_mm, frame.y_mm(tick), frame.right_mm, frame.y_mm(tick))
                _write(pdf, f"{tick}", left_mm, frame.y_mm(tick) - line_mm / 2, SCALE_MM - 1, line_mm, "R")
        for on, _words in curve.days:
            pdf.line(frame.x_mm(on), frame.top_mm, frame.x_mm(on), frame.bottom_mm)
    _write(pdf, UNIT, left_mm, top_mm, SCALE_MM - 1, line_mm, "R")
    _write_days(pdf, curve.days, frame, line_mm)
    for place, line in enumerate(curve.lines):
        _draw_line(pdf, line, frame, place)
    _write_ends(pdf, curve.lines, frame, line_mm)


def _frame(curve: Curve, left_mm: float, top_mm: float, width_mm: float) -> _Frame:
    marks = [mark for line in curve.lines for mark in line.marks]
    low, high = math.log10(min(mark.low_mm3 for mark in marks)), math.log10(max(mark.high_mm3 for mark in marks))
    more = max(0.1, (LEAST_SPAN - (high - low)) / 2)
    first, last = curve.days[0][0], curve.days[-1][0]
    return _Frame(
        left_mm=left_mm + SCALE_MM,
        right_mm=left_mm + width_mm - WORDS_MM,
        top_mm=top_mm + 4,
        bottom_mm=top_mm + HEIGHT_MM - FOOT_MM,
        first=first,
        span_days=max(1, (last - first).days),
        low_log10_mm3=low - more,
        high_log10_mm3=high + more,
    )


def _draw_line(pdf: FPDF, line: CurveLine, frame: _Frame, place: int) -> None:
    with pdf.local_context(line_width=0.35, draw_color=INK, fill_color=255):
        pdf.polyline([(frame.x_mm(mark.on), frame.y_mm(mark.volume_mm3)) for mark in line.marks])
        for mark in line.marks:
            x_mm = frame.x_mm(mark.on)
            pdf.line(x_mm, frame.y_mm(mark.low_mm3), x_mm, frame.y_mm(mark.high_mm3))
            _draw_mark(pdf, x_mm, frame.y_mm(mark.volume_mm3), place)


def _draw_mark(pdf: FPDF, x_mm: float, y_mm: float, place: int) -> None:
    """Circle, square, diamond, triangle in turn; from the fifth line on filled."""
    shape = place % (len(CORNERS) + 1)
    with pdf.local_context(fill_color=255 if place <= len(CORNERS) else INK):
        if shape:
            places = [(x_mm + x * MARK_MM, y_mm + y * MARK_MM) for x, y in CORNERS[shape - 1]]
            pdf.polygon(places, style=RenderStyle.DF)
        else:
            pdf.circle(x_mm, y_mm, MARK_MM, style=RenderStyle.DF)


def _write_ends(pdf: FPDF, lines: Sequence[CurveLine], frame: _Frame, line_mm: float) -> None:
    """Name each line at its last mark; words that would lie on each other are moved apart, within the frame."""
    ends = sorted((frame.y_mm(line.marks[-1].volume_mm3), frame.x_mm(line.marks[-1].on), line.words) for line in lines)
    last = len(ends) - 1
    wanted_mm = [
        min(max(y_mm, frame.top_mm + place * GAP_MM), frame.bottom_mm - (last - place) * GAP_MM)
        for place, (y_mm, _x, _words) in enumerate(ends)
    ]
    apart_mm = spread(wanted_mm, [1.0] * len(ends), GAP_MM)
    for y_mm, (_y, x_mm, words) in zip(apart_mm, ends, strict=True):
        _write(pdf, words, x_mm + 2, y_mm - line_mm / 2, WORDS_MM, line_mm, "L")


def _write_days(pdf: FPDF, days: Sequence[tuple[date, str]], frame: _Frame, line_mm: float) -> None:
    """Write the days of the exams; where two are too close the later one is written."""
    next_mm = math.inf
    for on, words in reversed(days):
        x_mm = frame.x_mm(on)
        if next_mm - x_mm >= DAYS_GAP_MM:
            _write(pdf, words, x_mm - DAYS_GAP_MM / 2, frame.bottom_mm + 1, DAYS_GAP_MM, line_mm, "C")
            next_mm = x_mm


def _write(pdf: FPDF, words: str, left_mm: float, top_mm: float, width_mm: float, line_mm: float, align: str) -> None:
    pdf.set_xy(left_mm, top_mm)
    pdf.cell(width_mm, line_mm, words, align=align)
