"""Paper: A4 as PDF/A-2u, with the font of the product and, for what it lacks, the one that an operator named.

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
from functools import lru_cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # has no types
from fpdf import FPDF
from fpdf.enums import DocumentCompliance, TextMode
from fpdf.fonts import TTFFont

from nodules_app.exchange.documents_text import PRODUCT
from registration.errors import Refused, gettext_noop

OWN_FONT_FILE: Final = Path(__file__).parent / "fonts" / "NodulesSansSC-Regular.otf"
OWN_FONT, MORE_FONT = "Own", "More"
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every table that it subsets
BOLD_STROKE_MM: Final = 0.12  # around each letter of a heading: one weight of a font serves for two


class LetterNeedsAFont(Refused):
    """A text has characters that no font draws: a name would silently lose a part."""

    code = "letter_needs_a_font"
    sentence = gettext_noop("No font of this installation draws {characters}.")
    remedy = gettext_noop("Ask the operator to name a font file that does in NODULES_LETTER_FONT, then try again.")


@lru_cache(maxsize=4)
def characters_of(font: Path) -> frozenset[int]:
    """Give the code points that a font file draws."""
    with TTFont(font, lazy=True, fontNumber=0) as opened:
        return frozenset(opened.getBestCmap())


class Paper(FPDF):
    """Pages on which a text is drawn whole or not at all.

    Parameters
    ----------
    words
        All that will be written.
    more
        A font file of the installation for what the product's own font lacks.

    Raises
    ------
    LetterNeedsAFont
        Neither font draws every character.
    """

    def __init__(
        self, words: Iterable[str], *, title: str, language: str, more: Path | None, made_at: datetime | None = None
    ) -> None:
        super().__init__(format="A4", enforce_compliance=DocumentCompliance.PDFA_2U)
        foreign = _foreign(words, more)
        self.add_font(OWN_FONT, fname=OWN_FONT_FILE)
        if foreign and more is not None:
            self.add_font(MORE_FONT, fname=more)
            self.set_fallback_fonts([MORE_FONT])
        self.set_font(OWN_FONT)
        self.set_title(title)
        self.set_lang(language)
        self.set_creator(PRODUCT)
        if made_at is not None:
            self.set_creation_date(made_at)

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


def _foreign(words: Iterable[str], more: Path | None) -> list[str]:
    """Name the characters that need another font than the product's own. Raises ``LetterNeedsAFont``."""
    wanted = {character for text in words for character in text if not character.isspace()}
    foreign = sorted(one for one in wanted if ord(one) not in characters_of(OWN_FONT_FILE))
    known = characters_of(more) if foreign and more is not None else frozenset()
    undrawn = [one for one in foreign if ord(one) not in known]
    if undrawn:
        raise LetterNeedsAFont(characters=" ".join(undrawn[:8]))
    return foreign
