"""The curve on paper: its words never lie on each other, and it holds every mark with its interval."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.exchange.documents_curve import DAYS_GAP_MM, GAP_MM, HEIGHT_MM, Curve, CurveLine, Mark, draw_curve

FIRST = date(2025, 3, 4)
TOP_MM, LEFT_MM, WIDTH_MM, LINE_MM = 30.0, 20.0, 170.0, 4.0


class Told(FPDF):
    """Paper that remembers which words were written where."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, float, float]] = []
        self.add_page()
        self.set_font("Helvetica", size=8)

    def cell(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 FPDF's own signature
        self.written.append((str(args[2]), self.get_x(), self.get_y()))
        return super().cell(*args, **options)


def mark(days: int, value: float) -> Mark:
    return Mark(FIRST + timedelta(days=days), value, 0.9 * value, 1.1 * value)


def drawn(lines: list[CurveLine], days: list[int]) -> list[tuple[str, float, float]]:
    paper = Told()
    exams = tuple((FIRST + timedelta(days=day), f"day {day}") for day in days)
    curve = Curve(exams, tuple(lines))
    draw_curve(paper, curve, left_mm=LEFT_MM, top_mm=TOP_MM, width_mm=WIDTH_MM, line_mm=LINE_MM)
    return paper.written


@given(st.lists(st.floats(20, 20_000), min_size=1, max_size=7))
def test_names_at_the_ends_of_lines_do_not_lie_on_each_other(volumes_mm3: list[float]) -> None:
    lines = [CurveLine(f"N{n}", (mark(0, 100), mark(180, volume))) for n, volume in enumerate(volumes_mm3, 1)]
    heights = sorted(y_mm for words, _x, y_mm in drawn(lines, [0, 180]) if words.startswith("N"))
    assert len(heights) == len(volumes_mm3)
    assert all(TOP_MM <= y_mm <= TOP_MM + HEIGHT_MM - LINE_MM for y_mm in heights)
    assert all(below - above >= GAP_MM - 1e-9 for above, below in pairwise(heights))


@given(st.sets(st.integers(0, 3000), min_size=2, max_size=20))
def test_days_do_not_lie_on_each_other_and_the_last_is_always_there(exams: set[int]) -> None:
    days = sorted(exams)
    lefts = sorted(
        (x_mm, words)
        for words, x_mm, _y in drawn([CurveLine("N1", (mark(days[0], 100),))], days)
        if words.startswith("day")
    )
    assert lefts[-1][1] == f"day {days[-1]}"
    assert all(after[0] - before[0] >= DAYS_GAP_MM - 1e-6 for before, after in pairwise(lefts))


def test_a_larger_volume_stands_higher_and_everything_stays_in_its_frame() -> None:
    written = {
        words: (x_mm, y_mm)
        for words, x_mm, y_mm in drawn(
            [CurveLine("N1", (mark(0, 100), mark(365, 1600))), CurveLine("N2", (mark(0, 50),))], [0, 365]
        )
    }
    assert written["N1"][1] < written["N2"][1]
    assert written["N1"][0] > written["N2"][0]  # at the end of its line
    assert all(TOP_MM - LINE_MM <= y_mm <= TOP_MM + HEIGHT_MM for _x, y_mm in written.values())


def test_one_volume_alone_still_has_an_axis() -> None:
    ticks = [float(words) for words, _x, _y in drawn([CurveLine("N1", (mark(0, 100),))], [0, 10]) if words.isdigit()]
    assert min(ticks) <= 100 <= max(ticks)
    assert max(ticks) / min(ticks) == pytest.approx(4, rel=0.5)
