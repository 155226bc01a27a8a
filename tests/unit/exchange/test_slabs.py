"""Laws of the bytes that slices travel in."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from imagecodecs import zstd_decode
from numpy.typing import NDArray

from nodules_app.exchange.slabs import Coding, coding_for, compressed, digest, planes

BLOCKS = arrays.arrays(np.int16, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6))


@given(BLOCKS)
def test_parting_and_joining_gives_the_same_voxels(block_hu: NDArray[np.int16]) -> None:
    low, high = np.frombuffer(planes(block_hu), np.uint8).reshape(2, -1)
    joined = (low.astype(np.uint16) | (high.astype(np.uint16) << 8)).view(np.int16)
    assert np.array_equal(joined, block_hu.ravel())


@given(st.binary(max_size=500))
def test_both_codings_are_lossless(raw: bytes) -> None:
    assert gzip.decompress(compressed(raw, Coding.GZIP)) == raw
    assert zstd_decode(compressed(raw, Coding.ZSTD)) == raw


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", Coding.ZSTD),
        ("gzip;q=0.8, ZSTD;q=0.5", Coding.ZSTD),
        ("gzip, deflate, br", Coding.GZIP),
        ("gzip, zstd;q=0", Coding.GZIP),
        ("", Coding.GZIP),
    ],
)
def test_zstd_is_taken_where_it_is_offered(accepted: str, coding: Coding) -> None:
    assert coding_for(accepted) is coding


def test_other_files_another_order_or_another_series_is_another_content() -> None:
    names = {digest("1.2", ["a", "b"]), digest("1.2", ["b", "a"]), digest("1.2", ["a"]), digest("1.3", ["a", "b"])}
    assert len(names) == 4
