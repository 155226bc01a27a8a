"""Documents as PDF, page after page: a title, headings, lines and tables, with a footer that says what it is.

A document is written with an embedded font when one is named; what its font cannot draw is refused rather than dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from nodules_app.exchange.letters import CORE_FONT, OWN_FONT, require_characters

MARGIN_MM, MARGIN_BOTTOM_MM = 20.0, 22.0
TITLE_PT, HEADING_PT, BODY_PT, SMALL_PT = 18, 12, 10, 8
LINE_MM: Final = 5.0
SPACE_MM: Final = 3.0


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Sentences, each on a line of its own."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with their shares of the width, and rows of words."""

    columns: tuple[str, ...]
    shares: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Lines | Table


@dataclass(frozen=True, slots=True)
class Document:
    """What is written. ``footer`` stands on every page before the page number."""

    title: str
    subtitle: str
    language: str  # BCP 47
    blocks: tuple[Block, ...]
    footer: str


class _Pages(FPDF):
    def __init__(self, footer: str, family: str, font: Path | None) -> None:
        super().__init__(format="A4")
        self.footer_text, self.family = footer, family
        if font is not None:
            self.add_font(OWN_FONT, fname=font)
        self.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_BOTTOM_MM)

    def footer(self) -> None:
        self.set_y(-MARGIN_BOTTOM_MM + 8)
        self.set_font(self.family, size=SMALL_PT)
        self.cell(0, 4, f"{self.footer_text} · {self.page_no()} / {{nb}}", align="C")


def pdf_of_document(document: Document, *, font: Path | None) -> bytes:
    """Draw the document.

    Raises
    ------
    LetterNeedsAFont
        The font does not draw every character of the document.
    """
    family = OWN_FONT if font is not None else CORE_FONT
    pdf = _Pages(document.footer, family, font)
    require_characters(_words(document), pdf, own_font=font is not None)
    pdf.set_title(document.title)
    pdf.set_lang(document.language)
    pdf.set_creator("nodules")
    pdf.add_page()
    _line(pdf, document.title, TITLE_PT)
    _line(pdf, document.subtitle, BODY_PT)
    for block in document.blocks:
        _draw(pdf, block)
    return bytes(pdf.output())


def _draw(pdf: _Pages, block: Block) -> None:
    match block:
        case Heading(text):
            pdf.ln(SPACE_MM)
            _line(pdf, text, HEADING_PT, bold=True)
        case Lines(lines):
            for line in lines:
                _line(pdf, line, BODY_PT)
        case Table():
            _table(pdf, block)


def _line(pdf: _Pages, text: str, size_pt: int, *, bold: bool = False) -> None:
    pdf.set_font(pdf.family, style="B" if bold and pdf.family == CORE_FONT else "", size=size_pt)
    pdf.multi_cell(0, LINE_MM * size_pt / BODY_PT, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(pdf: _Pages, block: Table) -> None:
    pdf.ln(1)
    pdf.set_font(pdf.family, size=BODY_PT)
    with pdf.table(
        col_widths=block.shares, text_align="LEFT", line_height=LINE_MM, first_row_as_headings=False
    ) as table:
        for cells in (block.columns, *block.rows):
            row = table.row()
            for cell in cells:
                row.cell(cell)
    pdf.ln(1)


def _words(document: Document) -> Iterator[str]:
    yield from (document.title, document.subtitle, document.footer)
    for block in document.blocks:
        match block:
            case Heading(text):
                yield text
            case Lines(lines):
                yield from lines
            case Table(columns, _shares, rows):
                yield from columns
                for row in rows:
                    yield from row
