"""What makes a PDF an archive by ISO 19005-2, level U, looked for by other means than those by which it was drawn.

No validator is at hand, so this reads the file back strictly with ``pypdf`` and the fonts in it with fontTools, and
says each clause that is broken. It covers what this product draws: text in composite fonts, lines, tables, pictures.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

from fontTools.cffLib import CFFFontSet  # type: ignore[import-untyped] # has no types
from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # has no types
from pypdf import PdfReader
from pypdf.generic import ContentStream, StreamObject

FORBIDDEN_KEYS: Final = ("/JavaScript", "/JS", "/Launch", "/EmbeddedFiles", "/AA", "/XFA", "/SMask", "/OPI")
MOST_OFF: Final = 1.0  # thousandths of the em between the width that is written and that of the font


def faults(pdf: bytes) -> list[str]:
    """Say each thing that an archive may not have, or lacks."""
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    return [*_frame(pdf, reader), *_metadata(reader), *_colours(reader), *_objects(reader), *_fonts(reader)]


def _frame(pdf: bytes, reader: PdfReader) -> Iterator[str]:
    """6.1.2 header, 6.1.3 trailer."""
    if not re.match(rb"%PDF-1\.[0-7]\n%[\x80-\xff]{4}", pdf):
        yield "6.1.2: header, or no comment of bytes above 127"
    if reader.is_encrypted or "/Encrypt" in reader.trailer:
        yield "6.1.3: encrypted"
    if len(reader.trailer.get("/ID", ())) != 2:
        yield "6.1.3: no file identifier"
    if not pdf.rstrip(b"\r\n").endswith(b"%%EOF"):
        yield "6.1.3: data after the end"


def _metadata(reader: PdfReader) -> Iterator[str]:
    """6.6: XMP that says the part and level, and the same as the information dictionary."""
    stream = reader.root_object.get("/Metadata")
    if stream is None:
        yield "6.6.2: no metadata"
        return
    if "/Filter" in stream.get_object():
        yield "6.6.2.1: metadata are compressed"
    xmp = stream.get_object().get_data().decode("utf-8")
    if re.findall(r"<pdfaid:(part|conformance)>(.*?)</", xmp) != [("part", "2"), ("conformance", "U")]:
        yield "6.6.4: not said to be PDF/A-2u"
    told: Any = reader.metadata or {}
    named = {"/Title": r"<dc:title>.*?<rdf:li[^>]*>(.*?)</rdf:li>", "/Producer": r"<pdf:Producer>(.*?)</"}
    for key, pattern in named.items():
        found = re.search(pattern, xmp, re.DOTALL)
        if told.get(key) and (found is None or _unescaped(found[1]) != told[key]):
            yield f"6.6.3: {key} is not the same in XMP"
    if not isinstance(reader.root_object.get("/OpenAction", []), list):
        yield "6.5.1: an action when it is opened"
    if "/Lang" not in reader.root_object:
        yield "6.7.4: no language"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


def _colours(reader: PdfReader) -> Iterator[str]:
    """6.2.3: one output intent with an RGB profile, since colours are given by device."""
    root: Any = reader.root_object
    intents = [one.get_object() for one in root.get("/OutputIntents", ())]
    if [one.get("/S") for one in intents] != ["/GTS_PDFA1"]:
        yield "6.2.3: not one output intent for PDF/A"
        return
    profile = intents[0]["/DestOutputProfile"].get_object()
    data = profile.get_data()
    if data[36:40] != b"acsp" or data[16:20] != b"RGB " or profile.get("/N") != 3 or data[8] > 4:
        yield "6.2.3: no ICC profile of RGB, version 4 or before"


def _objects(reader: PdfReader) -> Iterator[str]:
    """6.1.7 filters, 6.2.8 pictures, 6.2.10 transparency, 6.3 and 6.5 annotations and actions."""
    for number in reader.xref[0]:
        held: Any = reader.get_object(number)
        if not hasattr(held, "keys"):
            continue
        yield from (f"{key} in object {number}" for key in FORBIDDEN_KEYS if key in held)
        if isinstance(held, StreamObject):
            filters = str(held.get("/Filter", ""))
            if "LZW" in filters or "Crypt" in filters or "/F" in held:
                yield f"6.1.7: filter or place of stream {number}"
        if held.get("/Interpolate"):
            yield f"6.2.8: picture {number} is interpolated"
        if any(float(held.get(key, 1)) != 1 for key in ("/ca", "/CA")) or held.get("/BM", "/Normal") != "/Normal":
            yield f"6.2.10: object {number} is transparent"
    yield from ("6.3: an annotation" for page in reader.pages if "/Annots" in page)


def _fonts(reader: PdfReader) -> Iterator[str]:
    """6.2.11: each font embedded, each code that is shown drawn, as wide as is written, and known as Unicode."""
    shown: dict[int, set[bytes]] = {}
    fonts: dict[int, Any] = {}
    for font, codes in _shown(reader):
        fonts[id(font)] = font
        shown.setdefault(id(font), set()).update(codes)
    for key, found in shown.items():
        yield from _font(fonts[key], found)


def words(pdf: bytes) -> str:
    """Give the text as a reader copies it out of the file: each code by the map to Unicode of its font."""
    told = []
    for font, codes in _shown(PdfReader(io.BytesIO(pdf), strict=True)):
        known = _unicode(font["/ToUnicode"].get_object().get_data())
        told.append("".join(known[code.hex().upper()] for code in codes))
    return "".join(told)


def _shown(reader: PdfReader) -> Iterator[tuple[Any, list[bytes]]]:
    """Give each piece of text with its font, page after page."""
    for page in reader.pages:
        resources: Any = page["/Resources"]
        named = resources.get("/Font", {})
        for name, codes in _codes(page.get_contents()):
            yield named[name].get_object(), codes


def _codes(content: ContentStream | None) -> Iterator[tuple[str, list[bytes]]]:
    """Give what is shown with which font; codes of composite fonts have two bytes."""
    font, kept = "", list[str]()
    for operands, operator in content.operations if content is not None else ():
        if operator == b"q":
            kept.append(font)
        elif operator == b"Q":
            font = kept.pop()
        elif operator == b"Tf":
            font = operands[0]
        elif operator in (b"Tj", b"'", b'"', b"TJ"):
            parts = operands[-1] if operator == b"TJ" else [operands[-1]]
            text = b"".join(part.original_bytes for part in parts if hasattr(part, "original_bytes"))
            yield font, [text[at : at + 2] for at in range(0, len(text), 2)]


def _font(font: Any, codes: set[bytes]) -> Iterator[str]:  # noqa: ANN401 a dictionary of pypdf
    name = font["/BaseFont"]
    if font["/Subtype"] != "/Type0":
        yield f"6.2.11.4: {name} is no composite font"
        return
    if not re.match(r"/[A-Z]{6}\+", name):
        yield f"6.2.11.4.2: {name} does not say that it is a subset"
    descendant = font["/DescendantFonts"][0].get_object()
    descriptor = descendant["/FontDescriptor"].get_object()
    file = descriptor.get("/FontFile3") or descriptor.get("/FontFile2")
    if file is None:
        yield f"6.2.11.4.1: {name} is not embedded"
        return
    known = _unicode(font["/ToUnicode"].get_object().get_data()) if "/ToUnicode" in font else {}
    missing = {code for code in codes if known.get(code.hex().upper(), "\0") in {"\0", "\ufeff", "\ufffe", "\ufffd"}}
    if missing:
        yield f"6.2.11.7.2: {name} shows {len(missing)} codes that are no character"
    cids = _cids(font, codes)
    if len(cids) < len(codes):
        yield f"6.2.11.3.3: {name} shows {len(codes) - len(cids)} codes that name no glyph"
    widths, drawn = _written_widths(descendant), _drawn_widths(file.get_object(), descendant)
    off = [
        cid
        for cid in cids.values()
        if cid not in drawn or abs(widths.get(cid, descendant.get("/DW", 1000)) - drawn[cid]) > MOST_OFF
    ]
    if off:
        yield f"6.2.11.5: {name} has {len(off)} glyphs that are missing or of another width: {off[:5]}"


def _unicode(cmap: bytes) -> dict[str, str]:
    """Read what a ToUnicode map says of each code."""
    told = {}
    for code, value in re.findall(rb"<([0-9A-Fa-f]{4})>\s*<([0-9A-Fa-f]+)>\s*\n", cmap):
        told[code.decode().upper()] = bytes.fromhex(value.decode()).decode("utf-16-be")
    return told


def _cids(font: Any, codes: set[bytes]) -> dict[bytes, int]:  # noqa: ANN401 a dictionary of pypdf
    """Give the glyph number of each code, by the font's own map where it has one."""
    encoding = font["/Encoding"]
    if encoding == "/Identity-H":
        return {code: int.from_bytes(code, "big") for code in codes}
    pairs = re.findall(rb"<([0-9A-Fa-f]{4})>\s+(\d+)\s*\n", encoding.get_object().get_data())
    told = {bytes.fromhex(code.decode()): int(cid) for code, cid in pairs}
    return {code: told[code] for code in codes if code in told}


def _written_widths(descendant: Any) -> dict[int, float]:  # noqa: ANN401 a dictionary of pypdf
    told: dict[int, float] = {}
    rest = [one.get_object() for one in descendant.get("/W", ())]
    while rest:
        first, second = rest.pop(0), rest.pop(0)
        if isinstance(second, list):
            told |= {int(first) + at: float(width) for at, width in enumerate(second)}
        else:
            width = float(rest.pop(0))
            told |= dict.fromkeys(range(int(first), int(second) + 1), width)
    return told


def _drawn_widths(file: Any, descendant: Any) -> dict[int, float]:  # noqa: ANN401 a stream of pypdf
    """How wide the embedded font program draws each glyph, in thousandths of the em."""
    data = file.get_data()
    if descendant["/Subtype"] == "/CIDFontType2" or data[:4] in (b"OTTO", b"\0\1\0\0"):
        with TTFont(io.BytesIO(data), lazy=True) as opened:
            scale = 1000 / opened["head"].unitsPerEm
            widths = [opened["hmtx"][name][0] * scale for name in opened.getGlyphOrder()]
        return {cid: widths[glyph] for cid, glyph in _glyphs(descendant, len(widths)).items() if glyph < len(widths)}
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(data), None)
    top = fonts[0]
    by_number: dict[int, float] = {}
    for name in top.charset:
        glyph = top.CharStrings[name]
        glyph.decompile()
        glyph.draw(_NoPen())
        private = glyph.private
        number = int(name[3:]) if re.match(r"cid\d+$", name) else top.charset.index(name)
        by_number[number] = float(glyph.width if glyph.width is not None else private.defaultWidthX)
    return by_number


def _glyphs(descendant: Any, count: int) -> dict[int, int]:  # noqa: ANN401 a dictionary of pypdf
    """Which glyph of the program a number means: the same, unless the font has a map."""
    held = descendant.get("/CIDToGIDMap", "/Identity")
    if isinstance(held, str):
        return {at: at for at in range(count)}
    data = held.get_object().get_data()
    return {at // 2: int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)}


class _NoPen:
    """Takes an outline and forgets it: the width comes with it."""

    def __getattr__(self, _name: str) -> Any:  # noqa: ANN401 any act of a pen
        return lambda *_points: None
