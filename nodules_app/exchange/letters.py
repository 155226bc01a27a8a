"""Letters as PDF/A: the address where the window of an envelope shows it, folded in three.

Source
------
Place and size of the address field and the folding marks: DIN 5008, form B (also fits a DL window at the left).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from fpdf.enums import MethodReturnValue

from nodules_app.exchange.documents_fonts import LetterNeedsAFont
from nodules_app.exchange.documents_paper import OWN_FONT, Paper

__all__ = ["Letter", "LetterNeedsAFont", "pdf_of"]

MARGIN_LEFT_MM, MARGIN_RIGHT_MM, MARGIN_BOTTOM_MM = 25.0, 20.0, 25.0
WINDOW_LEFT_MM, WINDOW_TOP_MM, WINDOW_WIDTH_MM, WINDOW_HEIGHT_MM = 25.0, 45.0, 80.0, 45.0
RETURN_LINE_MM: Final = 12.7  # of the window's height: who sent it, in small letters
LINE_MM: Final = 5.0
SMALL_LINE_MM: Final = 3.2
TEXT_TOP_MM: Final = 103.4
FURTHER_TOP_MM: Final = 20.0  # of the text on the second page and after
FOLDS_MM: Final = (105.0, 210.0)
BODY_PT, SMALL_PT, SMALLEST_PT = 11, 7, 5


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: who sends it, the address line by line, the day as it is written, subject and text.

    ``foot`` says in small letters what the letter was made from; ``language`` is a tag of BCP 47.
    """

    sender: str
    sender_lines: tuple[str, ...]
    address: tuple[str, ...]
    day: str
    subject: str
    text: str
    language: str = "en"
    foot: str = ""

    def words(self) -> Iterator[str]:
        yield from (self.sender, *self.sender_lines, *self.address, self.day, self.subject, self.text, self.foot)


class _Sheets(Paper):
    """Pages with fold marks on the first of each letter and its foot on all."""

    foot, subject, first_page = "", "", 0

    def header(self) -> None:
        """Say on each further page which letter it belongs to."""
        if self.page_no() > self.first_page:
            self.set_font(OWN_FONT, size=SMALL_PT)
            self.set_y(10)
            self.cell(0, SMALL_LINE_MM, f"{self.subject} · {self.page_no() - self.first_page + 1}", align="R")
            self.set_y(FURTHER_TOP_MM)

    def footer(self) -> None:
        self.set_y(-MARGIN_BOTTOM_MM + 4)
        self.set_font(OWN_FONT, size=SMALL_PT)
        self.multi_cell(0, SMALL_LINE_MM, self.foot, align="L")


def pdf_of(letters: Sequence[Letter], *, font: Path | None, made_at: datetime | None = None) -> bytes:
    """Draw each letter on pages of its own.

    Parameters
    ----------
    font
        A font file of the installation for characters that the product's own does not draw.

    Raises
    ------
    LetterNeedsAFont
    """
    words = (word for letter in letters for word in letter.words())
    title, language = (letters[0].subject, letters[0].language) if letters else ("", "en")
    pdf = _Sheets(words, title=title, language=language, more=font, made_at=made_at)
    pdf.set_margins(MARGIN_LEFT_MM, FURTHER_TOP_MM, MARGIN_RIGHT_MM)
    pdf.set_auto_page_break(auto=True, margin=MARGIN_BOTTOM_MM)
    for letter in letters:
        _draw(pdf, letter)
    return pdf.drawn()


def _draw(pdf: _Sheets, letter: Letter) -> None:
    pdf.subject, pdf.first_page = letter.subject, pdf.page_no() + 1
    pdf.add_page()
    pdf.foot = letter.foot
    for height_mm in FOLDS_MM:
        pdf.line(5, height_mm, 9, height_mm)
    pdf.set_font(OWN_FONT, size=BODY_PT)
    pdf.set_xy(MARGIN_LEFT_MM, 15)
    for line in (letter.sender, *letter.sender_lines):
        pdf.cell(0, LINE_MM, line, align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(OWN_FONT, size=SMALL_PT)
    pdf.set_xy(WINDOW_LEFT_MM, WINDOW_TOP_MM)
    pdf.cell(WINDOW_WIDTH_MM, RETURN_LINE_MM, " - ".join((letter.sender, *letter.sender_lines))[:90])
    _draw_address(pdf, "\n".join(letter.address))
    pdf.set_font(OWN_FONT, size=BODY_PT)
    pdf.set_xy(MARGIN_LEFT_MM, WINDOW_TOP_MM + WINDOW_HEIGHT_MM)
    pdf.cell(0, LINE_MM, letter.day, align="R")
    pdf.set_xy(MARGIN_LEFT_MM, TEXT_TOP_MM)
    with pdf.bold():
        pdf.multi_cell(0, LINE_MM, letter.subject, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(LINE_MM)
    pdf.multi_cell(0, LINE_MM, letter.text, align="L")


def _draw_address(pdf: _Sheets, address: str) -> None:
    """Draw the whole address inside the window, in smaller letters where it has many lines."""
    room_mm = WINDOW_HEIGHT_MM - RETURN_LINE_MM
    for size_pt in range(BODY_PT, SMALLEST_PT - 1, -1):
        line_mm = LINE_MM * size_pt / BODY_PT
        pdf.set_font(OWN_FONT, size=size_pt)
        height_mm = pdf.multi_cell(WINDOW_WIDTH_MM, line_mm, address, dry_run=True, output=MethodReturnValue.HEIGHT)
        if cast("float", height_mm) <= room_mm or size_pt == SMALLEST_PT:
            pdf.set_xy(WINDOW_LEFT_MM, WINDOW_TOP_MM + RETURN_LINE_MM)
            pdf.multi_cell(WINDOW_WIDTH_MM, line_mm, address, align="L")
            return
