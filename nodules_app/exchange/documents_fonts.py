"""Which fonts draw a text: the product's two, and of an operator's, however large, only the letters needed.

Opening a font of 19 MB costs more than drawing a letter, so no more of it is read than the table of its characters,
once a process, and the outlines of those that a document has.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from fontTools import subset  # type: ignore[import-untyped] # has no types
from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # has no types

from registration.errors import Refused, gettext_noop

FOLDER: Final = Path(__file__).parent / "fonts"
OWN_FONT_FILE: Final = FOLDER / "NodulesSansSC-Regular.otf"
LATIN_FONT_FILE: Final = FOLDER / "NodulesSansLatin-Regular.ttf"
LAYOUT_TABLES: Final = ("GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "STAT", "DSIG", "kern")


class LetterNeedsAFont(Refused):
    """A text has characters that no font draws: a name would silently lose a part."""

    code = "letter_needs_a_font"
    sentence = gettext_noop("No font of this installation draws {characters}.")
    remedy = gettext_noop("Ask the operator to name a font file that does in NODULES_LETTER_FONT, then try again.")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The fonts that a text needs beside the product's own: its second one, and letters of the operator's."""

    latin: bool
    foreign: tuple[str, ...]


def composed(text: str) -> str:
    """Give letters with their marks as one character each, which is how fonts without rules of layout hold them."""
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=6)
def characters_of(font: Path) -> frozenset[int]:
    """Give the code points that a font file draws."""
    with TTFont(font, lazy=True, fontNumber=0) as opened:
        return frozenset(opened.getBestCmap())


def chosen_for(words: Iterable[str], more: Path | None) -> Chosen:
    """Choose the fonts for a text.

    Parameters
    ----------
    more
        A font file of the installation for what the product's own fonts lack.

    Raises
    ------
    LetterNeedsAFont
        None of them draws a character.
    """
    wanted = {character for text in words for character in composed(text) if not character.isspace()}
    beyond = {one for one in wanted if ord(one) not in characters_of(OWN_FONT_FILE)}
    foreign = sorted(one for one in beyond if ord(one) not in characters_of(LATIN_FONT_FILE)) if beyond else []
    known = characters_of(more) if foreign and more is not None else frozenset()
    undrawn = [one for one in foreign if ord(one) not in known]
    if undrawn:
        raise LetterNeedsAFont(characters=" ".join(undrawn[:8]))
    return Chosen(latin=len(beyond) > len(foreign), foreign=tuple(foreign))


@lru_cache(maxsize=64)
def letters_of(font: Path, characters: tuple[str, ...]) -> bytes:
    """Cut a small font out of a large one: these characters, without the rules of layout that nothing here uses."""
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, recalc_timestamp=False)
    options.drop_tables += LAYOUT_TABLES
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=list(map(ord, characters)))
    made = io.BytesIO()
    with TTFont(font, lazy=True, fontNumber=0, recalcTimestamp=False) as opened:
        cutter.subset(opened)
        opened.save(made)
    return made.getvalue()


def suffix_of(font: bytes) -> str:
    """Give the suffix that says how a font draws its outlines."""
    return ".otf" if font.startswith(b"OTTO") else ".ttf"
