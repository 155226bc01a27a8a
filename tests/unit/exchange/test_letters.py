"""The address of a letter: whole, and inside the window of the envelope."""

from __future__ import annotations

import pytest

from nodules_app.exchange import letters

LONG = "Department of very long names that fills more than one line of the window"


@pytest.mark.parametrize("lines", [["A line"] * count for count in range(1, 14)] + [[LONG] * 5])
def test_every_line_of_the_address_lies_in_the_window(lines: list[str]) -> None:
    pdf = letters._Sheets(lines, title="", language="en", more=None, made_at=None)
    pdf.set_margins(letters.MARGIN_LEFT_MM, 20, letters.MARGIN_RIGHT_MM)
    pdf.add_page()
    letters._draw_address(pdf, "\n".join(lines))
    top_mm = letters.WINDOW_TOP_MM + letters.RETURN_LINE_MM
    bottom_mm = letters.WINDOW_TOP_MM + letters.WINDOW_HEIGHT_MM
    line_mm = letters.LINE_MM * pdf.font_size_pt / letters.BODY_PT
    assert top_mm + len(lines) * line_mm <= pdf.get_y() + 1e-6 <= bottom_mm + 2e-6
    if len(lines) <= 6 and lines[0] != LONG:
        assert pdf.font_size_pt == letters.BODY_PT
    assert pdf.drawn().startswith(b"%PDF")
