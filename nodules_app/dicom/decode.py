"""From the stored bytes of one plane to Hounsfield units, straight into the plane of a volume.

The codecs of imagecodecs and the copies of numpy release the GIL, so planes are decoded side by side in threads.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from nodules_app.dicom.header import PREAMBLE, UNREADABLE, inflate
from nodules_app.dicom.instance import StoredPixels
from nodules_app.dicom.syntaxes import JPEG_2000, JPEG_LOSSLESS, JPEG_LS, RLE

AIR_HU: Final = -1000
PADDING_HU: Final = -2048  # what most scanners write outside their field of view
INT16: Final = np.iinfo(np.int16)

# What a codec raises on bytes that are not its own.
CODEC_ERRORS: Final = (imagecodecs.DelayedImportError, RuntimeError, MemoryError, *UNREADABLE)


class BadStream(Exception):
    """The bytes do not hold the plane that the header promises."""


ReadRange = Callable[[int, int], bytes]  # (offset, length) -> at most that many bytes


def stored_plane(read: ReadRange, syntax: UID, pixels: StoredPixels) -> NDArray[np.int16] | NDArray[np.uint16]:
    """Decode one plane to its stored numbers.

    Parameters
    ----------
    read
        Gives a range of the file, or of what a deflated file holds.
    syntax
        Its transfer syntax.

    Returns
    -------
    (rows, columns)
        ``int16`` where the pixels are signed, ``uint16`` otherwise, unused high bits cleared or sign-extended.

    Raises
    ------
    BadStream
        The codec refuses, or the stream holds an image of another size.
    """
    shape = pixels.rows, pixels.columns
    stream = b"".join(read(offset, length) for offset, length in pixels.ranges)
    if len(stream) != sum(length for _, length in pixels.ranges):
        raise BadStream("the file has become shorter")
    if syntax in _DECODERS:
        try:
            plane = _DECODERS[syntax](stream, shape)
        except CODEC_ERRORS as problem:
            raise BadStream(str(problem)) from problem
    else:
        order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        plane = np.frombuffer(stream, order, count=pixels.rows * pixels.columns).reshape(shape)
    return _meaning(plane, pixels)


def _meaning(plane: NDArray[Any], pixels: StoredPixels) -> NDArray[np.int16] | NDArray[np.uint16]:
    """Read 16 bits as the number that the header says they are."""
    words = plane.view(np.uint16) if plane.dtype.isnative else plane.astype(np.uint16)
    above = 15 - pixels.high_bit
    unused = 16 - pixels.bits_stored
    if pixels.signed:
        numbers = words.view(np.int16)
        return numbers if unused == 0 else (numbers << np.int16(above)) >> np.int16(unused)
    return words if unused == 0 else (words << np.uint16(above)) >> np.uint16(unused)


def to_hu(
    stored: NDArray[np.int16] | NDArray[np.uint16], slope: float, intercept: float, out_hu: NDArray[np.int16]
) -> None:
    """Rescale stored numbers into a plane of HU; beyond the range of int16 they are clipped.

    Parameters
    ----------
    stored : (rows, columns)
    out_hu : (rows, columns)
        Written to.
    """
    if slope != 1 or intercept != int(intercept):
        np.clip(np.rint(stored * slope + intercept), INT16.min, INT16.max, out=out_hu, casting="unsafe")
        return
    shift = int(intercept)
    low, high = int(stored.min()), int(stored.max())
    if INT16.min <= low + shift and high + shift <= INT16.max and INT16.min <= shift <= INT16.max:
        # The sum fits, so arithmetic modulo 2^16 gives it exactly, whatever the sign of what is stored.
        np.add(stored.view(np.int16), np.int16(shift), out=out_hu)
    else:
        np.clip(stored.astype(np.int32) + shift, INT16.min, INT16.max, out=out_hu, casting="unsafe")


def pad(stored: NDArray[np.int16] | NDArray[np.uint16], padding: tuple[int, int], out_hu: NDArray[np.int16]) -> None:
    """Make declared padding darker than air where it would otherwise look like tissue.

    Padding that is already at or below air keeps what the scanner wrote. Else only pixels outside the circle
    inscribed in the image are touched: there a CT pads, and inside it the same number may be real tissue.
    """
    low, high = padding
    rows, columns = stored.shape
    y, x = np.ogrid[:rows, :columns]
    outside = (y - (rows - 1) / 2) ** 2 + (x - (columns - 1) / 2) ** 2 > (min(rows, columns) / 2) ** 2
    out_hu[outside & (stored >= low) & (stored <= high) & (out_hu > AIR_HU)] = PADDING_HU


def ranges_of(file: BinaryIO, syntax: UID) -> ReadRange:
    """Give access to the byte ranges of a file. Ranges of a deflated file are those of its content."""
    if syntax == DeflatedExplicitVRLittleEndian:
        file.seek(PREAMBLE + 8)
        (meta_length,) = struct.unpack("<I", file.read(4))  # (0002,0000), always the first element
        file.seek(meta_length, 1)
        plain = inflate(file.read())
        return lambda offset, length: plain[offset : offset + length]
    handle = file.fileno()
    return lambda offset, length: os.pread(handle, length, offset)  # releases the GIL


def _jpeg_ls(stream: bytes, shape: tuple[int, int]) -> NDArray[Any]:
    _check_size(_jpeg_size(stream), shape)
    return imagecodecs.jpegls_decode(stream, out=np.empty(shape, np.uint16))


def _jpeg_lossless(stream: bytes, shape: tuple[int, int]) -> NDArray[Any]:
    _check_size(_jpeg_size(stream), shape)
    # Not ljpeg_decode: it fills what a truncated stream lacks without a word, and fails on some small valid ones.
    return imagecodecs.jpegsof3_decode(stream, out=np.empty(shape, np.uint16))


def _jpeg_2000(stream: bytes, shape: tuple[int, int]) -> NDArray[Any]:
    _check_size(_jpeg_2000_size(stream), shape)
    # One thread a plane: the planes themselves are spread over threads.
    return imagecodecs.jpeg2k_decode(stream, numthreads=1, out=np.empty(shape, np.uint16))


def _rle(stream: bytes, shape: tuple[int, int]) -> NDArray[Any]:
    plain = imagecodecs.dicomrle_decode(stream, "<u2")
    if len(plain) != shape[0] * shape[1] * 2:
        raise BadStream(f"{len(plain)} bytes come out")
    return np.frombuffer(plain, "<u2").reshape(shape)


def _check_size(found: tuple[int, int, int], shape: tuple[int, int]) -> None:
    """Refuse before the codec allocates what a stream claims."""
    if found != (*shape, 1):
        raise BadStream("the stream holds {} x {} pixels of {} components".format(*found))


def _jpeg_size(stream: bytes) -> tuple[int, int, int]:
    """Rows, columns and components in a JPEG or JPEG-LS frame header (SOF3, SOF55; ITU-T T.81 B.2.2, T.87 C.2.2)."""
    place = 2
    while place + 10 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, place)
        if marker in (0xFFC3, 0xFFF7):
            rows, columns, components = struct.unpack_from(">HHB", stream, place + 5)
            return rows, columns, components
        place += 2 + length
    raise BadStream("there is no frame header")


def _jpeg_2000_size(stream: bytes) -> tuple[int, int, int]:
    """Rows, columns and components in the SIZ segment that begins a JPEG 2000 code stream (ITU-T T.800 A.5.1)."""
    if not stream.startswith(b"\xff\x4f\xff\x51") or len(stream) < 42:
        raise BadStream("it does not begin with a size segment")
    if not stream.rstrip(b"\0").endswith(b"\xff\xd9"):  # OpenJPEG would fill in what is lost, coarser
        raise BadStream("it breaks off before its end")
    right, bottom, left, top = struct.unpack_from(">IIII", stream, 8)
    (components,) = struct.unpack_from(">H", stream, 40)
    return bottom - top, right - left, components


_Decoder = Callable[[bytes, tuple[int, int]], NDArray[Any]]
_DECODERS: Final[dict[UID, _Decoder]] = {
    **dict.fromkeys(JPEG_LS, _jpeg_ls),
    **dict.fromkeys(JPEG_2000, _jpeg_2000),
    **dict.fromkeys(JPEG_LOSSLESS, _jpeg_lossless),
    **dict.fromkeys(RLE, _rle),
}
