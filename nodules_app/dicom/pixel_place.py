"""Where the pixel data of a file lies, found by walking over it, never by reading it.

Reading a volume later needs no second look at the header: the byte ranges are kept.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

PIXEL_DATA = (0x7FE0, 0x0010)
ITEM, END_OF_ITEMS = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
UNDEFINED_LENGTH = 0xFFFFFFFF
LONG_FORM = (b"OB", b"OW", b"UN", b"OF", b"OD", b"OL", b"OV")  # explicit VRs with a length of 4 bytes
MOST_FRAGMENTS = 200_000


@dataclass(frozen=True, slots=True)
class PixelPlace:
    """Byte ranges of the pixel data.

    Parameters
    ----------
    fragments
        (offset, length) in the file, or in its inflated content where ``deflated``. Native pixels are one fragment.
    frame_starts
        Of the basic offset table: where each frame begins, counted from the first fragment's item. May be empty.
    complete
        False where the last fragment reaches beyond the end of the file.
    """

    fragments: tuple[tuple[int, int], ...]
    frame_starts: tuple[int, ...]
    encapsulated: bool
    little_endian: bool
    deflated: bool
    complete: bool

    @property
    def found_bytes(self) -> int:
        """How many bytes of pixel data are really there."""
        return sum(length for _, length in self.fragments)

    def of_frame(self, frame: int, frames: int, frame_bytes: int) -> tuple[tuple[int, int], ...]:
        """Byte ranges of one frame.

        Raises
        ------
        ValueError
            The fragments cannot be told apart: neither one a frame nor an offset table.
        """
        if not self.encapsulated:
            return ((self.fragments[0][0] + frame * frame_bytes, frame_bytes),)
        if frames == 1:
            return self.fragments
        if len(self.fragments) == frames:
            return (self.fragments[frame],)
        if len(self.frame_starts) != frames:
            raise ValueError(f"{len(self.fragments)} fragments for {frames} frames and no offset table")
        first_item = self.fragments[0][0] - 8
        start = first_item + self.frame_starts[frame]
        stop = first_item + self.frame_starts[frame + 1] if frame + 1 < frames else None
        return tuple(f for f in self.fragments if f[0] - 8 >= start and (stop is None or f[0] - 8 < stop))


def find_pixels(file: BinaryIO, size: int, *, implicit: bool, little: bool, syntax: UID) -> PixelPlace | None:
    """Locate Pixel Data, the file standing at its element or at the end.

    Returns
    -------
    PixelPlace or None
        None when there is no such element.
    """
    order = "<" if little else ">"
    deflated = syntax == DeflatedExplicitVRLittleEndian
    while len(start := file.read(8)) == 8:
        group, element = struct.unpack(order + "HH", start[:4])
        if implicit:
            (length,) = struct.unpack(order + "I", start[4:])
        elif start[4:6] in LONG_FORM:
            (length,) = struct.unpack(order + "I", file.read(4))
        else:
            (length,) = struct.unpack(order + "H", start[6:])
        if (group, element) == PIXEL_DATA:
            if length == UNDEFINED_LENGTH:
                return _walk_fragments(file, size, order, deflated=deflated)
            offset = file.tell()
            there = max(0, min(length, size - offset))
            return PixelPlace(((offset, there),), (), False, little, deflated, there == length)
        if length == UNDEFINED_LENGTH or (group, element) > PIXEL_DATA:
            return None
        file.seek(length, 1)
    return None


def _walk_fragments(file: BinaryIO, size: int, order: str, *, deflated: bool) -> PixelPlace:
    table: tuple[int, ...] | None = None
    fragments: list[tuple[int, int]] = []
    complete = True
    while len(start := file.read(8)) == 8 and len(fragments) < MOST_FRAGMENTS:
        group, element, length = struct.unpack(order + "HHI", start)
        if (group, element) == END_OF_ITEMS:
            break
        if (group, element) != ITEM:
            raise ValueError("compressed pixel data is not made of items")
        offset = file.tell()
        there = min(length, size - offset)
        if table is None:  # the first item is the basic offset table
            table = struct.unpack(f"{order}{there // 4}I", file.read(there // 4 * 4))
        else:
            fragments.append((offset, there))
        if there < length:
            complete = False
            break
        file.seek(offset + length)
    return PixelPlace(tuple(fragments), table or (), True, order == "<", deflated, complete and bool(fragments))
