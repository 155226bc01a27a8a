"""Stored bits become the same HU by every way."""

from __future__ import annotations

import struct
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pydicom.uid import UID, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from nodules_app.dicom.decode import BadStream, pad, stored_plane, to_hu
from nodules_app.dicom.instance import StoredPixels
from tests.unit.dicom.made import encode

SHAPE = (5, 7)
Plane = NDArray[np.int16] | NDArray[np.uint16]
COMPRESSED = [JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1, RLELossless]
signed_planes = arrays(np.int16, SHAPE, elements=st.integers(-32768, 32767))
unsigned_planes = arrays(np.uint16, SHAPE, elements=st.integers(0, 65535))


def described(
    stream: bytes, *, signed: bool, bits: int = 16, high: int = 15, shape: tuple[int, int] = SHAPE
) -> StoredPixels:
    return StoredPixels(((0, len(stream)),), *shape, bits, high, signed, None)


def decoded(stream: bytes, syntax: str, **how: object) -> np.ndarray:
    pixels = described(stream, **how)
    return stored_plane(lambda offset, length: stream[offset : offset + length], UID(syntax), pixels)


@pytest.mark.parametrize("syntax", COMPRESSED)
@settings(deadline=None)
@given(plane=signed_planes | unsigned_planes)
def test_every_lossless_codec_gives_back_what_was_stored(syntax: str, plane: Plane):
    found = decoded(encode(plane, syntax), syntax, signed=plane.dtype.kind == "i")
    assert found.dtype == plane.dtype
    np.testing.assert_array_equal(found, plane)


@settings(deadline=None)
@given(arrays(np.int16, SHAPE, elements=st.integers(-2048, 2047)))
def test_twelve_signed_bits_keep_their_sign_whatever_lies_above(plane: Plane):
    stream = (plane.view(np.uint16) & 0x0FFF).astype("<u2").tobytes()  # upper bits cleared, as some scanners write
    np.testing.assert_array_equal(decoded(stream, "1.2.840.10008.1.2.1", signed=True, bits=12, high=11), plane)


@settings(deadline=None)
@given(arrays(np.uint16, SHAPE, elements=st.integers(0, 4095)), st.integers(0, 15))
def test_what_lies_above_twelve_unsigned_bits_is_ignored(plane: Plane, overlay: int):
    stream = (plane | np.uint16(overlay << 12)).astype("<u2").tobytes()
    np.testing.assert_array_equal(decoded(stream, "1.2.840.10008.1.2.1", signed=False, bits=12, high=11), plane)


@settings(deadline=None)
@given(signed_planes | unsigned_planes, st.integers(-40000, 40000), st.sampled_from([1.0, 0.5, 2.0, -1.0]))
def test_hu_is_slope_times_stored_plus_intercept_and_never_wraps(stored: Plane, intercept: int, slope: float):
    out = np.empty(SHAPE, np.int16)
    to_hu(stored, slope, float(intercept), out)
    expected = np.clip(np.rint(stored.astype(np.float64) * slope + intercept), -32768, 32767)
    np.testing.assert_array_equal(out, expected)


def test_padding_that_looks_like_water_is_darkened_outside_the_round_field_only():
    stored = np.zeros((20, 20), np.int16)
    out = np.zeros((20, 20), np.int16)
    pad(stored, (0, 0), out)
    assert out[0, 0] == out[-1, -1] == -2048
    assert out[10, 10] == 0
    assert 0.1 < np.mean(out == -2048) < 0.3  # 1 - pi / 4


def test_padding_leaves_other_numbers_in_the_corner():
    stored = np.full((20, 20), 7, np.int16)
    out = np.full((20, 20), 7, np.int16)
    pad(stored, (0, 0), out)
    assert np.all(out == 7)


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_broken_stream_is_said_not_shown(syntax: str):
    stream = encode(np.arange(35, dtype=np.int16).reshape(SHAPE), syntax)
    with pytest.raises(BadStream):
        decoded(b"not a picture" * 9, syntax, signed=True)
    with pytest.raises(BadStream):
        decoded(stream[: len(stream) // 3], syntax, signed=True)


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_stream_of_another_size_is_said(syntax: str):
    stream = encode(np.zeros((5, 8), np.int16), syntax)
    with pytest.raises(BadStream):
        decoded(stream, syntax, signed=True)


def test_a_stream_that_claims_a_huge_picture_is_refused_before_it_is_decoded():
    stream = bytearray(encode(np.zeros(SHAPE, np.int16), JPEGLSLossless))
    place = bytes(stream).index(b"\xff\xf7")
    struct.pack_into(">HH", stream, place + 5, 65535, 65535)
    with pytest.raises(BadStream, match=r"65535 x 65535"):
        decoded(bytes(stream), JPEGLSLossless, signed=True)


def test_a_file_that_became_shorter_is_said():
    pixels = described(bytes(70), signed=True)
    with pytest.raises(BadStream):
        stored_plane(lambda _offset, _length: bytes(10), UID("1.2.840.10008.1.2.1"), pixels)


@pytest.mark.parametrize(
    ("syntax", "side"), [(JPEGLSLossless, 1500), (JPEG2000Lossless, 700), (JPEGLosslessSV1, 3000), (RLELossless, 6000)]
)
def test_other_threads_run_while_a_plane_is_decoded(syntax: str, side: int):
    """One long call: with the interpreter locked nobody else would run before it ends."""
    stored = np.random.default_rng(1).integers(-1000, 400, (side, side)).astype(np.int16)
    stream = encode(stored, syntax)
    decoder = threading.Thread(target=lambda: decoded(stream, syntax, signed=True, shape=stored.shape))
    decoder.start()
    turns = 0
    while decoder.is_alive():
        time.sleep(0.0005)
        turns += 1
    assert turns > 5
