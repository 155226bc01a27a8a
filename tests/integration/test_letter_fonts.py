"""What is drawn as PDF is PDF/A with all fonts inside; a character that no font draws is refused, never dropped."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped] # has no types
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped] # has no types

from nodules_app.exchange.documents import Document, Heading, Lines, Small, Table, pdf_of_document
from nodules_app.exchange.documents_fonts import OWN_FONT_FILE, characters_of
from nodules_app.exchange.letters import Letter, LetterNeedsAFont, pdf_of
from tests.pdf_a import faults, words

RARE = "龘𠮷"  # outside GB2312


@pytest.fixture
def font(tmp_path: Path) -> Path:
    """A font of squares, such as an operator may name: it knows two rare characters and nothing else."""
    known = [" ", *RARE]
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
    made.setupNameTable({"familyName": "Squares", "styleName": "Regular", "psName": "Squares"})
    made.setupOS2()
    made.setupPost()
    path = tmp_path / "squares.ttf"
    made.save(path)
    return path


def letter(name: str) -> Letter:
    return Letter(
        "Clinic", ("Street 1",), (name, "Home 1", "Town"), "2026-11-23", "Your exam", f"Dear {name},\nplease come."
    )


def document(name: str) -> Document:
    table = Table(("Nodule", "Size"), (1, 1), (("N1", "541 ± 98 mm³"),))
    blocks = (Heading("Findings"), Lines((name, "直径 6.9 ± 0.4 mm")), table, Small(("Ruleset R1",)))
    return Document("Report", "Clinic", "zh-Hans", blocks, "Clinic")


def test_the_products_own_font_draws_latin_and_gb2312() -> None:
    hanzi = [bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF)]
    gb2312 = {ord(one.decode("gb2312")) for one in hanzi if one.decode("gb2312", "ignore")}
    assert len(gb2312) == 6763
    latin_1 = {*range(0x20, 0x7F), *range(0xA0, 0x100)}
    signs = set(map(ord, "±×−≤≥≈→³℃‰–—…“”，。；：？！（）《》·"))
    assert gb2312 | latin_1 | signs <= characters_of(OWN_FONT_FILE)
    assert pdf_of([letter("Zoë Müller"), letter("张三"), letter("Мария")], font=None).startswith(b"%PDF")


@pytest.mark.parametrize("name", ["Łukasz Wójcik", "Dvořák", "Ayşe Yıldız", "Nguyễn Văn Phước", "Țepeș", "Ђорђе"])
def test_names_of_other_latin_letters_are_drawn_too(name: str) -> None:
    for written in (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        assert b"NodulesSansLatin" in pdf_of([letter(written)], font=None)


@pytest.mark.parametrize(("name", "missing"), [("张龘", "龘"), ("𠮷三", "𠮷"), ("ประยุทธ์", "ร")])
def test_what_no_font_draws_is_refused_by_name(name: str, missing: str) -> None:
    with pytest.raises(LetterNeedsAFont) as refused:
        pdf_of([letter("张三"), letter(name)], font=None)
    assert missing in refused.value.as_sentence()
    with pytest.raises(LetterNeedsAFont, match=missing):
        pdf_of_document(document(name), font=None)


def test_the_operators_font_draws_what_the_own_one_lacks(font: Path) -> None:
    for pdf in (pdf_of([letter(f"张{RARE}")], font=font), pdf_of_document(document(f"张{RARE}"), font=font)):
        assert {b"NodulesSansSC", b"Squares"} == set(re.findall(rb"/BaseFont /MPDFAA\+(\w+)", pdf))
        assert len(re.findall(rb"/FontFile[23] ", pdf)) == 2
    with pytest.raises(LetterNeedsAFont):
        pdf_of([letter(f"{RARE}ประ")], font=font)


@pytest.mark.parametrize("drawn", ["letter", "document"])
def test_what_is_drawn_is_an_archive_and_its_words_copy_out(font: Path, drawn: str) -> None:
    name = f"张{RARE} Łukasz"
    pdf = pdf_of([letter(name)], font=font) if drawn == "letter" else pdf_of_document(document(name), font=font)
    assert faults(pdf) == []
    assert name in words(pdf)


@pytest.mark.parametrize(
    ("there", "instead", "clause"),
    [
        (b"<pdfaid:conformance>U", b"<pdfaid:conformance>B", "6.6.4"),
        (b"/GTS_PDFA1", b"/GTS_PDFX1", "6.2.3"),
        (b"/ToUnicode", b"/ToNothing", "6.2.11.7.2"),
        (b"/FontFile3", b"/FontFileX", "6.2.11.4.1"),
        (b"/MPDFAA+", b"/MPDFAA-", "6.2.11.4.2"),
        (b"/W [", b"/X [", "6.2.11.5"),
        (b"/Lang ", b"/Land ", "6.7.4"),
        (b"%PDF-1.7\n%", b"%PDF-1.7\n\n", "6.1.2"),
    ],
)
def test_the_look_for_an_archive_sees_what_is_broken(there: bytes, instead: bytes, clause: str) -> None:
    pdf = pdf_of([letter("张三")], font=None)
    assert there in pdf
    assert any(fault.startswith(clause) for fault in faults(pdf.replace(there, instead))), clause
