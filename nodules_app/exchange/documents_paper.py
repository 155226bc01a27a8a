"""Paper: A4 as PDF/A-2u, with the fonts of the product and, for what they lack, the one that an operator named.

All fonts are embedded, colours have their profile, and no character is dropped: one that no font draws is refused.

Source
------
PDF/A-2 (ISO 19005-2), conformance level U: every glyph has its Unicode value, so that text can be found and copied.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import DocumentCompliance, TextMode
from fpdf.fonts import TTFFont

from nodules_app.exchange.documents_fonts import (
    LATIN_FONT_FILE,
    OWN_FONT_FILE,
    chosen_for,
    composed,
    letters_of,
    suffix_of,
)
from nodules_app.exchange.documents_lines import broken, glued
from nodules_app.exchange.documents_text import PRODUCT

OWN_FONT, LATIN_FONT, MORE_FONT = "Own", "Latin", "More"
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table that it subsets
BOLD_STROKE_MM: Final = 0.12  # around each letter of a heading: one weight of a font serves for two


class Paper(FPDF):
    """Pages on which a text is drawn whole or not at all.

    Parameters
    ----------
    words
        All that will be written.
    more
        A font file of the installation for what the product's own fonts lack.

    Raises
    ------
    LetterNeedsAFont
        No font draws every character.
    """

    def __init__(
        self, words: Iterable[str], *, title: str, language: str, more: Path | None, made_at: datetime | None = None
    ) -> None:
        super().__init__(format="A4", enforce_compliance=DocumentCompliance.PDFA_2U)
        chosen = chosen_for(words, more)
        self.add_font(OWN_FONT, fname=OWN_FONT_FILE)
        fallback = []
        if chosen.latin:
            self.add_font(LATIN_FONT, fname=LATIN_FONT_FILE)
            fallback.append(LATIN_FONT)
        if chosen.foreign and more is not None:
            self._add_letters(more, chosen.foreign)
            fallback.append(MORE_FONT)
        if fallback:
            self.set_fallback_fonts(fallback)
        self.set_font(OWN_FONT)
        self.set_title(title)
        self.set_lang(language)
        self.set_creator(PRODUCT)
        if made_at is not None:
            self.set_creation_date(made_at)

    def _add_letters(self, font: Path, characters: tuple[str, ...]) -> None:
        """Add these letters of a font as a font of their own; the library opens files only, and holds them open."""
        letters = letters_of(font, characters)
        with NamedTemporaryFile(suffix=suffix_of(letters)) as file:
            file.write(letters)
            file.flush()
            self.add_font(MORE_FONT, fname=file.name)

    def normalize_text(self, text: str) -> str:
        return super().normalize_text(composed(text))

    def multi_cell(self, w: float, h: float | None = None, text: str = "", *told: Any, **more: Any) -> Any:  # noqa: ANN401 as the library has it
        """Write lines as the library does, but break Chinese ones by the rules of Chinese."""
        room_mm = (w or self.w - self.r_margin - self.x) - 2 * self.c_margin
        lines = broken(glued(composed(text)), room_mm, self.get_string_width)
        return super().multi_cell(w, h, lines, *told, **more)

    def drawn(self) -> bytes:
        """Give the file, and let go of the fonts that it was drawn with."""
        try:
            return bytes(self.output())
        finally:
            for font in self.fonts.values():
                if isinstance(font, TTFFont):
                    font.ttfont.close()

    @contextmanager
    def bold(self) -> Iterator[None]:
        """Write the letters of this block stronger."""
        with self.local_context(text_mode=TextMode.FILL_STROKE, line_width=BOLD_STROKE_MM):
            yield
