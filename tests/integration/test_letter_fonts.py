"""A name that the letter's font cannot draw is refused with its characters; it never vanishes from the paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped] # has no types
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped] # has no types

from nodules_app.exchange.documents import Document, Lines, pdf_of_document
from nodules_app.exchange.letters import Letter, LetterNeedsAFont, pdf_of

LATIN = "".join(chr(code) for code in range(0x21, 0x7F)) + "·"


@pytest.fixture
def font(tmp_path: Path) -> Path:
    """A font of squares that knows Latin letters and two Chinese characters."""
    known = [*LATIN, " ", "张", "三"]
    names = [".notdef", *(f"u{ord(character):04x}" for character in known)]
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 600), (500, 600), (500, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(names)
    made.setupCharacterMap({ord(character): f"u{ord(character):04x}" for character in known})
    made.setupGlyf(dict.fromkeys(names, square))
    made.setupHorizontalMetrics(dict.fromkeys(names, (600, 100)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    path = tmp_path / "squares.ttf"
    made.save(path)
    return path


def letter(name: str) -> Letter:
    return Letter(
        "Clinic", ("Street 1",), (name, "Home 1", "Town"), "2026-11-23", "Your exam", f"Dear {name},\nplease come."
    )


def test_what_the_font_knows_is_written(font: Path) -> None:
    assert pdf_of([letter("张三")], font=font).startswith(b"%PDF")


@pytest.mark.parametrize(("name", "missing"), [("张龘", "龘"), ("𠮷三", "𠮷"), ("Мария", "М")])
def test_what_the_font_does_not_know_is_refused_by_name(font: Path, name: str, missing: str) -> None:
    with pytest.raises(LetterNeedsAFont) as refused:
        pdf_of([letter("张三"), letter(name)], font=font)
    assert missing in refused.value.as_sentence()


def test_without_a_font_only_latin_is_written() -> None:
    assert pdf_of([letter("Zoë Müller")], font=None).startswith(b"%PDF")
    with pytest.raises(LetterNeedsAFont, match="三"):
        pdf_of([letter("张三")], font=None)


def test_minutes_are_held_to_the_same(font: Path) -> None:
    document = Document("Minutes", "Monday", "zh-Hans", (Lines(("张龘",)),), "Clinic")
    with pytest.raises(LetterNeedsAFont, match="龘"):
        pdf_of_document(document, font=font)
