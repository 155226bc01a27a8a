"""Documents as PDF/A, page after page: a title, headings, lines and tables, with a footer that says what it is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Final, cast

from fpdf.enums import MethodReturnValue, TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from nodules_app.exchange.documents_curve import HEIGHT_MM, Curve, draw_curve
from nodules_app.exchange.documents_paper import OWN_FONT, Paper

MARGIN_MM, MARGIN_BOTTOM_MM = 20.0, 22.0
TITLE_PT, HEADING_PT, BODY_PT, SMALL_PT = 18, 12, 10, 8
LINE_MM: Final = 5.0
SPACE_MM: Final = 3.0
CELL_PADDING_MM: Final = 0.9
PICTURE_GAP_MM, FRAME_MM = 2.5, 0.1
PICTURE_MM, PICTURES_A_ROW = 40.0, 4  # two nodules a row, prior beside current
HEADING_GREY: Final = 235  # behind the headings of a table, which stand again on each of its pages


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    on_new_page: bool = False


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
    in_small: bool = False


@dataclass(frozen=True, slots=True)
class Small:
    """Sentences in small letters: what a document was made from."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A square PNG, or none where there is nothing to show, with the words below it."""

    png: bytes | None
    words: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures from left to right, as many a row as fit."""

    pictures: tuple[Picture, ...]


Block = Heading | Lines | Table | Small | Pictures | Curve


@dataclass(frozen=True, slots=True)
class Document:
    """What is written. ``footer`` stands on every page before the page number."""

    title: str
    subtitle: str
    language: str  # BCP 47
    blocks: tuple[Block, ...]
    footer: str


class _Pages(Paper):
    footer_text = ""

    def footer(self) -> None:
        self.set_y(-MARGIN_BOTTOM_MM + 8)
        self.set_font(OWN_FONT, size=SMALL_PT)
        self.cell(0, 4, f"{self.footer_text} · {self.page_no()} / {{nb}}", align="C")


def pdf_of_document(document: Document, *, font: Path | None, made_at: datetime | None = None) -> bytes:
    """Draw the document.

    Parameters
    ----------
    font
        A font file of the installation for characters that the product's own fonts do not draw.

    Raises
    ------
    LetterNeedsAFont
        No font draws every character of the document.
    """
    pdf = _Pages(_words(document), title=document.title, language=document.language, more=font, made_at=made_at)
    pdf.footer_text = document.footer
    pdf.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
    pdf.set_auto_page_break(auto=True, margin=MARGIN_BOTTOM_MM)
    pdf.add_page()
    _line(pdf, document.title, TITLE_PT, bold=True)
    _line(pdf, document.subtitle, BODY_PT)
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        _draw(pdf, block, _least_mm(following))
    return pdf.drawn()


def _least_mm(block: Block | None) -> float:
    """How much of a block must stand on the same page as its heading."""
    match block:
        case Pictures():
            return PICTURE_MM + 3 * LINE_MM
        case Curve():
            return HEIGHT_MM
        case Table():
            return 3 * (LINE_MM + 2 * CELL_PADDING_MM)
        case _:
            return 2 * LINE_MM


def _draw(pdf: _Pages, block: Block, following_mm: float) -> None:
    match block:
        case Heading():
            _heading(pdf, block, following_mm)
        case Lines(lines):
            for line in lines:
                _line(pdf, line, BODY_PT)
        case Small(lines):
            pdf.ln(SPACE_MM)
            for line in lines:
                _line(pdf, line, SMALL_PT)
        case Table():
            _table(pdf, block)
        case Pictures(pictures):
            for first in range(0, len(pictures), PICTURES_A_ROW):
                _row(pdf, pictures[first : first + PICTURES_A_ROW])
        case Curve():
            _curve(pdf, block)


def _heading(pdf: _Pages, heading: Heading, following_mm: float) -> None:
    """Write a heading; none stands alone at the foot of a page."""
    high_mm = SPACE_MM + LINE_MM * HEADING_PT / BODY_PT
    if heading.on_new_page or pdf.will_page_break(high_mm + following_mm):
        pdf.add_page()
    else:
        pdf.ln(SPACE_MM)
    _line(pdf, heading.text, HEADING_PT, bold=True)


def _line(pdf: _Pages, text: str, size_pt: int, *, bold: bool = False) -> None:
    pdf.set_font(OWN_FONT, size=size_pt)
    with pdf.bold() if bold else nullcontext():
        pdf.multi_cell(0, LINE_MM * size_pt / BODY_PT, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _table(pdf: _Pages, block: Table) -> None:
    pdf.ln(1)
    size_pt = SMALL_PT if block.in_small else BODY_PT
    pdf.set_font(OWN_FONT, size=size_pt)
    with pdf.table(
        col_widths=block.shares,
        text_align="LEFT",
        line_height=LINE_MM * size_pt / BODY_PT,
        padding=CELL_PADDING_MM,
        headings_style=FontFace(fill_color=HEADING_GREY),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
    ) as table:
        for cells in (block.columns, *block.rows):
            row = table.row()
            for cell in cells:
                row.cell(cell)
    pdf.ln(1)


def _row(pdf: _Pages, pictures: Sequence[Picture]) -> None:
    """Lay pictures side by side on one page, each with its words below."""
    pdf.set_font(OWN_FONT, size=SMALL_PT)
    line_mm = LINE_MM * SMALL_PT / BODY_PT
    words_mm = line_mm * max(_lines_of(pdf, picture.words) for picture in pictures)
    if pdf.will_page_break(PICTURE_MM + words_mm):
        pdf.add_page()
    top_mm = pdf.get_y() + 1
    for place, picture in enumerate(pictures):
        left_mm = MARGIN_MM + pdf.c_margin + place * (PICTURE_MM + PICTURE_GAP_MM)
        if picture.png is None:
            with pdf.local_context(line_width=FRAME_MM):
                pdf.rect(left_mm, top_mm, PICTURE_MM, PICTURE_MM)
        else:
            pdf.image(io.BytesIO(picture.png), left_mm, top_mm, PICTURE_MM, PICTURE_MM, alt_text=picture.words)
        pdf.set_xy(left_mm - pdf.c_margin, top_mm + PICTURE_MM + 1)
        pdf.multi_cell(PICTURE_MM, line_mm, picture.words, align="L")
    pdf.set_xy(MARGIN_MM, top_mm + PICTURE_MM + words_mm + 2)


def _lines_of(pdf: _Pages, words: str) -> int:
    lines = pdf.multi_cell(PICTURE_MM, LINE_MM, words, dry_run=True, output=MethodReturnValue.LINES)
    return len(cast("list[str]", lines))


def _curve(pdf: _Pages, curve: Curve) -> None:
    if pdf.will_page_break(HEIGHT_MM):
        pdf.add_page()
    top_mm, line_mm = pdf.get_y() + 1, LINE_MM * SMALL_PT / BODY_PT
    pdf.set_font(OWN_FONT, size=SMALL_PT)
    draw_curve(pdf, curve, left_mm=MARGIN_MM, top_mm=top_mm, width_mm=pdf.epw, line_mm=line_mm)
    pdf.set_xy(MARGIN_MM, top_mm + HEIGHT_MM)


def _words(document: Document) -> Iterator[str]:
    yield from (document.title, document.subtitle, document.footer)
    for block in document.blocks:
        match block:
            case Heading():
                yield block.text
            case Lines(lines) | Small(lines):
                yield from lines
            case Pictures(pictures):
                yield from (picture.words for picture in pictures)
            case Curve():
                yield from block.words()
            case Table(columns, _shares, rows):
                yield from columns
                for row in rows:
                    yield from row
