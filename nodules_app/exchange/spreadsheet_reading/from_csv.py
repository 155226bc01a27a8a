"""Lines from a CSV file in whatever encoding and with whatever separator it was saved."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from nodules_app.exchange.spreadsheet_reading.cells import MOST_COLUMNS, MOST_LINES, Line, Sheet, unguarded
from nodules_app.exchange.spreadsheet_reading.errors import (
    CellTooLong,
    Damaged,
    EmptyFile,
    FileRefused,
    LoneQuotationMark,
    MarksInsideACell,
    NotAList,
    TooManyColumns,
    TooManyLines,
)

SEPARATORS: Final = (",", ";", "\t", "|")
LOOKED_AT: Final = 200  # records by which the separator is chosen
FIRST: Final = 60
CHUNK: Final = 1 << 16
SAYS_SEPARATOR: Final = "sep="  # Excel's own first line
MARKS: Final = (  # the longer first: the mark of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROLS: Final = bytes(sorted(set(range(32)) - {9, 10, 12, 13}))
# Of Chinese text in GB 18030 nearly every pair lies in the plane of GB 2312; of Latin text hardly one does.
CHINESE_SHARE: Final = 0.9


def encoding_of(path: Path) -> str:
    """Say how the file is encoded: by its mark, by its zeros, as UTF-8 if it is that, else GB 18030 or Windows-1252.

    Raises
    ------
    NotAList
        It holds bytes that no text has.
    """
    with path.open("rb") as file:
        head = file.read(CHUNK)
    if head.lstrip().startswith(b"<"):
        raise NotAList  # a page or XML under the name of a workbook, as many programs "export to Excel"
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    zeros = Counter(index % 2 for index, byte in enumerate(head) if byte == 0)
    if zeros:
        return _without_mark(head, zeros)
    if any(byte in CONTROLS for byte in head):
        raise NotAList
    return _eight_bits(path)


def _without_mark(head: bytes, zeros: Counter[int]) -> str:
    """UTF-16 without its mark: of ASCII signs one byte is zero, always on the same side; of hardly any other sign."""
    side = 1 if zeros[1] > zeros[0] else 0
    if zeros[1 - side] * 8 > zeros[side] or zeros[side] < len(head) / 20:
        raise NotAList
    name = "utf-16-le" if side == 1 else "utf-16-be"
    text = head[: len(head) // 2 * 2].decode(name, errors="replace")
    if not any(sign in text for sign in (*SEPARATORS, "\n")):
        raise NotAList
    return name


def _eight_bits(path: Path) -> str:
    utf_8 = codecs.getincrementaldecoder("utf-8")()
    pairs, in_gb_2312, is_utf_8, lead = 0, 0, True, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if is_utf_8:
                is_utf_8 = _takes(utf_8, chunk)
            seen, common, lead = _chinese_pairs(lead + chunk)
            pairs, in_gb_2312 = pairs + seen, in_gb_2312 + common
    if is_utf_8 and _takes(utf_8, b"", final=True):
        return "utf-8"
    return "gb18030" if pairs and in_gb_2312 / pairs >= CHINESE_SHARE else "cp1252"


def _takes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _chinese_pairs(text: bytes) -> tuple[int, int, bytes]:
    """Count the pairs that begin with a high byte, those of GB 2312 among them, and a lead byte that is left over."""
    seen = common = index = 0
    while index < len(text):
        if text[index] < 0x81:
            index += 1
            continue
        if index + 1 == len(text):
            return seen, common, text[index:]
        seen += 1
        common += 0xA1 <= text[index] <= 0xF7 and text[index + 1] >= 0xA1
        index += 2
    return seen, common, b""


def _records(path: Path, encoding: str, separator: str, *, strict: bool = False) -> Iterator[list[str]]:
    """Give the records; strict, quotation marks that do not hold are refused instead of swallowing lines."""
    errors = "replace" if encoding == "cp1252" else "strict"  # five bytes of it mean nothing
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=strict)
        try:
            yield from reader
        except csv.Error as problem:
            raise (_why(problem, reader.line_num) if strict else Damaged()) from problem
        except UnicodeError as problem:
            raise Damaged from problem


def _why(problem: csv.Error, line: int) -> FileRefused:
    """Tell the errors of the reader apart; it has one class for all of them and says which only in words."""
    said = str(problem)
    if "unexpected end of data" in said:
        return LoneQuotationMark(line=line)
    if "expected after" in said:
        return MarksInsideACell(line=line)
    if "field limit" in said:
        return CellTooLong(line=line, limit=f"{csv.field_size_limit():,}")
    return Damaged()


def separator_of(path: Path, encoding: str) -> str:
    """Say what stands between the cells: what the file says itself, else what gives the most lines of one width."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        first = file.readline(64).strip()
    if first.casefold().startswith(SAYS_SEPARATOR) and len(first) == len(SAYS_SEPARATOR) + 1:
        return first[-1]
    return max(SEPARATORS, key=lambda separator: _evenness(path, encoding, separator))


def _evenness(path: Path, encoding: str, separator: str) -> tuple[int, int]:
    """How many records have the commonest width above one, and that width."""
    try:
        widths = Counter(len(record) for record in islice(_records(path, encoding, separator), LOOKED_AT))
    except Damaged:
        return 0, 0
    widths.pop(1, None)
    width, records = max(widths.items(), key=lambda counted: (counted[1], counted[0]), default=(0, 0))
    return records, width


def read_csv(path: Path) -> Iterator[Line]:
    """Give every line that holds something. Raises ``TooManyLines``, ``TooManyColumns``, ``Damaged``, ``NotAList``."""
    encoding = encoding_of(path)
    separator = separator_of(path, encoding)
    kept = 0
    for number, record in enumerate(_records(path, encoding, separator, strict=True), start=1):
        if number == 1 and record and record[0].casefold().startswith(SAYS_SEPARATOR):
            continue
        if not any(cell.strip() for cell in record):
            continue
        kept += 1
        if kept > MOST_LINES:
            raise TooManyLines(limit=MOST_LINES)
        if len(record) > MOST_COLUMNS:
            raise TooManyColumns(limit=MOST_COLUMNS)
        yield Line(number, tuple(unguarded(cell.strip()) or None for cell in record))


def look_at_csv(path: Path) -> tuple[Sheet, ...]:
    """Give the one table of the file with its first lines. Raises ``EmptyFile`` and what ``read_csv`` raises."""
    first = tuple(islice(read_csv(path), FIRST))
    if not first:
        raise EmptyFile
    return (Sheet("", first, frozenset(), frozenset()),)
