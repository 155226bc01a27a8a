"""Reads the header of one file and where its pixels lie, without reading them and without trusting it."""

from __future__ import annotations

import io
import math
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom.config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from nodules_app.dicom.errors import BadValue, DamagedHeader, EmptyFile, UnreadableFile, printable
from nodules_app.dicom.pixel_place import PixelPlace, find_pixels

# Values that break the rules of their type are judged by us, with the file's name; pydicom would only warn.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

PREAMBLE = 132
LARGEST_VALUE = 64 << 20  # bytes; a larger element, which nobody writes in good faith, is skipped
LONGEST_TEXT = 1024  # characters
LARGEST_INFLATED = 64 << 20  # bytes of one deflated file; a slice has 0.5 MB
PIXEL_GROUP = 0x7FE0

# What a parser may stumble over in bytes that somebody made up. Programming faults of ours would be others.
UNREADABLE = (
    EOFError,
    OSError,  # pydicom, where it expects an item of a sequence
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    NotImplementedError,
    RecursionError,
    OverflowError,
    struct.error,
    zlib.error,
    pydicom.errors.InvalidDicomError,
)


@contextmanager
def judging_ourselves() -> Iterator[None]:
    """Keep libraries from warning operators of what a sender did wrong: we tell the sender, with the file's name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)(\.|$)")
        yield


class NotDicom(Exception):
    """The file is something else: junk, not an error."""


@dataclass(frozen=True, slots=True)
class Header:
    """The elements before the pixels, and where the pixels are."""

    name: str
    path: Path
    size_bytes: int
    syntax: UID
    elements: Dataset
    pixels: PixelPlace | None

    def text(self, keyword: str) -> str:
        """Give an element as text, several values joined by a backslash; ``""`` when absent or unreadable."""
        try:
            value = self.elements.get(keyword)
        except UNREADABLE:
            return ""
        if value is None:
            return ""
        if isinstance(value, (list, tuple, pydicom.multival.MultiValue)):
            value = "\\".join(str(v) for v in value)
        return str(value)[:LONGEST_TEXT].replace("\0", "").strip()

    def number(self, keyword: str) -> float | None:
        """Give an element as one finite number, None when it is absent or empty."""
        values = self.numbers(keyword)
        return values[0] if values else None

    def number_if_any(self, keyword: str) -> float | None:
        """Give an element that only describes as one number; what is no number counts as absent."""
        try:
            return self.number(keyword)
        except BadValue:
            return None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Give an element as finite numbers, ``()`` when it is absent or empty.

        Raises
        ------
        BadValue
            The element holds something else.
        """
        return numbers_of(self.elements, keyword, self.name)


def numbers_of(elements: Dataset, keyword: str, name: str) -> tuple[float, ...]:
    """Give an element of any data set as finite numbers; see :meth:`Header.numbers`."""
    try:
        value = elements.get(keyword)
        if value is None or value == "":
            return ()
        many = value if isinstance(value, (list, tuple, pydicom.multival.MultiValue)) else (value,)
        found = tuple(float(v) for v in many)
    except UNREADABLE as problem:
        raise BadValue(name, tag=keyword, value=printable(str(problem))) from problem
    if not all(math.isfinite(v) for v in found):
        raise BadValue(name, tag=keyword, value=printable(str(found)))
    return found


def read_header(path: Path, name: str, wanted: list[int]) -> Header:
    """Read the elements named by ``wanted`` and locate the pixels.

    Parameters
    ----------
    path
        A regular file.
    name
        What the sender calls it.
    wanted
        Tags to keep; everything else is skipped unread.

    Raises
    ------
    NotDicom
        Neither a DICOM prefix nor a plausible first element.
    EmptyFile, UnreadableFile, DamagedHeader
        Named files that cannot be read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would keep us waiting for ever
            raise NotDicom
        if status.st_size == 0:
            raise EmptyFile(name)
        with path.open("rb") as file:
            return _read(file, path, name, wanted, status.st_size)
    except OSError as problem:
        if problem.errno is None:  # not the operating system's, see UNREADABLE
            raise DamagedHeader(name) from problem
        raise UnreadableFile(name, reason=problem.strerror or "") from problem
    except UNREADABLE as problem:
        raise DamagedHeader(name) from problem


def _read(file: BinaryIO, path: Path, name: str, wanted: list[int], size: int) -> Header:
    syntax = _transfer_syntax(file)
    source: BinaryIO = file
    if syntax == DeflatedExplicitVRLittleEndian:
        source = io.BytesIO(inflate(file.read()))
        size = len(source.getbuffer())
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    elements = read_dataset(
        source,
        implicit,
        little,
        stop_when=_at_pixels,
        defer_size=min(LARGEST_VALUE, size),
        specific_tags=[BaseTag(tag) for tag in wanted],
    )
    skipped = [
        raw.tag for raw in elements.values() if isinstance(raw, RawDataElement) and raw.value is None and raw.length
    ]
    for tag in skipped:  # for its size; asking for it would make pydicom look for the file again
        del elements[tag]
    pixels = find_pixels(source, size, implicit=bool(elements.original_encoding[0]), little=little, syntax=syntax)
    return Header(name, path, size, syntax, elements, pixels)


def _transfer_syntax(file: BinaryIO) -> UID:
    """Read the file meta information and leave the file at the first element after it."""
    start = file.read(PREAMBLE)
    if start[128:] == b"DICM":
        meta = FileMetaDataset(read_dataset(file, False, True, stop_when=_after_meta, defer_size=LARGEST_VALUE))
        return UID(str(meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)))
    if start[:2] != b"\x08\x00" or len(start) < PREAMBLE:  # files older than the prefix begin with group 0008
        raise NotDicom
    file.seek(0)
    return ExplicitVRLittleEndian if start[4:6].isalpha() else ImplicitVRLittleEndian


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group >= PIXEL_GROUP


def inflate(packed: bytes) -> bytes:
    """Undo the deflated transfer syntax, to a limit.

    Raises
    ------
    ValueError
        More than ``LARGEST_INFLATED`` bytes come out, or the stream breaks off.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = inflater.decompress(packed, LARGEST_INFLATED)
    if not inflater.eof and inflater.unconsumed_tail:
        raise ValueError("the deflated data set is too large")
    return plain
