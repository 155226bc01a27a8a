"""Letters as PDF: the address where the window of an envelope shows it, folded in three.

Source
------
Place and size of the address field and the folding marks: DIN 5008, form B (also fits a DL window at the left).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.fonts import TTFFont

from registration.errors import Refused, gettext_noop

MARGIN_LEFT_MM, MARGIN_RIGHT_MM, MARGIN_BOTTOM_MM = 25.0, 20.0, 20.0
WINDOW_LEFT_MM, WINDOW_TOP_MM, WINDOW_WIDTH_MM, WINDOW_HEIGHT_MM = 25.0, 45.0, 80.0, 45.0
RETURN_LINE_MM: Final = 12.7  # of the window's height: who sent it, in small letters
LINE_MM: Final = 5.0
TEXT_TOP_MM: Final = 103.4
FOLDS_MM: Final = (105.0, 210.0)
BODY_PT, SMALL_PT = 11, 7
CORE_FONT: Final = "Helvetica"  # built into every reader; knows the letters of Latin-1 only
OWN_FONT: Final = "Letter"
LATIN_1_ENDS: Final = 0xFF


class LetterNeedsAFont(Refused):
    """A letter has characters that its font does not draw: a name would silently lose a part."""

    code = "letter_needs_a_font"
    sentence = gettext_noop("The letters need a font that knows {characters}; that of this installation does not.")
    remedy = gettext_noop("Ask the operator to name a font file in NODULES_LETTER_FONT, then print again.")


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: who sends it, the address line by line, the day as it is written, subject and text."""

    sender: str
    sender_lines: tuple[str, ...]
    address: tuple[str, ...]
    day: str
    subject: str
    text: str


def pdf_of(letters: Sequence[Letter], *, font: Path | None) -> bytes:
    """Draw each letter on pages of its own.

    Raises
    ------
    LetterNeedsAFont
        The font does not draw every character of every letter.
    """
    pdf = FPDF(format="A4")
    pdf.set_creator("nodules")
    pdf.set_margins(MARGIN_LEFT_MM, 20, MARGIN_RIGHT_MM)
    pdf.set_auto_page_break(auto=True, margin=MARGIN_BOTTOM_MM)
    family = CORE_FONT
    if font is not None:
        pdf.add_font(OWN_FONT, fname=font)
        family = OWN_FONT
    written = ((one.sender, *one.sender_lines, *one.address, one.day, one.subject, one.text) for one in letters)
    require_characters(chain.from_iterable(written), pdf, own_font=font is not None)
    for letter in letters:
        _draw(pdf, letter, family)
    return bytes(pdf.output())


def require_characters(words: Iterable[str], pdf: FPDF, *, own_font: bool) -> None:
    """Refuse what the font of a document cannot draw, rather than print a name with a hole in it.

    Parameters
    ----------
    own_font
        The document has the installation's font; otherwise the built-in one, which draws Latin-1.

    Raises
    ------
    LetterNeedsAFont
    """
    wanted = {ord(character) for character in "".join(words) if not character.isspace()}
    font = pdf.fonts[OWN_FONT.lower()] if own_font else None
    known = font.cmap if isinstance(font, TTFFont) else range(LATIN_1_ENDS + 1)
    foreign = sorted(code for code in wanted if code not in known)
    if foreign:
        raise LetterNeedsAFont(characters="".join(map(chr, foreign[:8])))


def _draw(pdf: FPDF, letter: Letter, family: str) -> None:
    pdf.add_page()
    for height_mm in FOLDS_MM:
        pdf.line(5, height_mm, 9, height_mm)
    pdf.set_font(family, size=BODY_PT)
    pdf.set_xy(MARGIN_LEFT_MM, 15)
    for line in (letter.sender, *letter.sender_lines):
        pdf.cell(0, LINE_MM, line, align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(family, size=SMALL_PT)
    pdf.set_xy(WINDOW_LEFT_MM, WINDOW_TOP_MM)
    pdf.cell(WINDOW_WIDTH_MM, RETURN_LINE_MM, " - ".join((letter.sender, *letter.sender_lines))[:90])
    pdf.set_font(family, size=BODY_PT)
    pdf.set_xy(WINDOW_LEFT_MM, WINDOW_TOP_MM + RETURN_LINE_MM)
    lines = letter.address[: int((WINDOW_HEIGHT_MM - RETURN_LINE_MM) // LINE_MM)]
    pdf.multi_cell(WINDOW_WIDTH_MM, LINE_MM, "\n".join(lines), align="L")
    pdf.set_xy(MARGIN_LEFT_MM, WINDOW_TOP_MM + WINDOW_HEIGHT_MM)
    pdf.cell(0, LINE_MM, letter.day, align="R")
    pdf.set_xy(MARGIN_LEFT_MM, TEXT_TOP_MM)
    pdf.set_font(family, style="B" if family == CORE_FONT else "", size=BODY_PT)
    pdf.multi_cell(0, LINE_MM, letter.subject, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(LINE_MM)
    pdf.set_font(family, size=BODY_PT)
    pdf.multi_cell(0, LINE_MM, letter.text, align="L")
