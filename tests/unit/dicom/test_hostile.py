"""Whatever bytes arrive, the answer is a series or a refusal: never a crash, never wrong pixels without a word."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.findings import read_findings
from nodules_app.dicom.volumes import read_volume
from registration.errors import Refused
from tests.unit.dicom.made import as_bytes, compressed, ct, enhanced, picture, stack, write

COMPRESSED = [JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1, RLELossless]
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def originals() -> list[bytes]:
    files = [
        as_bytes(ct(1)),
        as_bytes(enhanced(3)),
        as_bytes(ct(1), "1.2.840.10008.1.2"),
        as_bytes(ct(1), "1.2.840.10008.1.2.1.99"),
    ]
    return files + [compressed(ct(1), picture(1), syntax) for syntax in COMPRESSED]


ORIGINALS = originals()


def read(folder: Path) -> None:
    """Read everything there is, as an import would."""
    try:
        with read_examination(folder) as exam:
            for series in exam.series:
                volume = read_volume(series)
                assert volume.shape_zyx == series.shape_zyx
    except Refused:
        return


@many
@given(
    number=st.integers(0, len(ORIGINALS) - 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), min_size=1, max_size=4),
    keep=st.floats(0.1, 1),
)
def test_spoilt_files_are_refused_not_crashed_upon(
    tmp_path: Path, number: int, changes: list[tuple[float, bytes]], keep: float
):
    raw = bytearray(ORIGINALS[number])
    for place, content in changes:
        start = 128 + int(place * (len(raw) - 140))
        raw[start : start + len(content)] = content
    write(tmp_path, [as_bytes(ds) for ds in stack(2)])
    (tmp_path / "spoilt.dcm").write_bytes(bytes(raw[: max(140, int(len(raw) * keep))] if keep < 0.9 else raw))
    read(tmp_path)


@many
@given(content=st.binary(max_size=400))
def test_noise_behind_the_prefix_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "noise.dcm"
    path.write_bytes(bytes(128) + b"DICM" + content)
    with pytest.raises(Refused):
        read_examination(path)


@many
@given(content=st.binary(max_size=400), start=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x08\x00\x05\x00"]))
def test_noise_is_refused(tmp_path: Path, content: bytes, start: bytes):
    path = tmp_path / "noise.bin"
    path.write_bytes(start + content)
    with pytest.raises(Refused):
        read_examination(path)


# RLE has nothing by which to notice zeros in place of its end: they are valid run lengths.
@pytest.mark.parametrize(
    ("syntax", "filled"), [(syntax, filled) for syntax in COMPRESSED for filled in (False, True)][:-1]
)
@pytest.mark.parametrize("lost", [1, 2, 4, 8, 16, 200])
def test_a_stream_that_lacks_its_end_never_gives_other_pixels(tmp_path: Path, syntax: str, lost: int, *, filled: bool):
    """The fragment is whole by its length, the code stream in it is not: as after a faulty gateway."""
    stored = np.random.default_rng(5).integers(-1000, 1000, (32, 32)).astype(np.int16)
    slices = [compressed(ct(n, stored), stored, syntax) for n in range(2)]
    item = slices[1].rindex(b"\xfe\xff\x00\xe0")
    (length,) = struct.unpack_from("<I", slices[1], item + 4)
    end = item + 8 + length
    head = slices[1][:item] + slices[1][item : item + 4]
    stream = slices[1][item + 8 : end - 2 * lost] + (bytes(2 * lost) if filled else b"")
    slices[1] = head + struct.pack("<I", len(stream)) + stream + slices[1][end:]
    write(tmp_path, slices)
    with read_examination(tmp_path) as exam:
        try:
            volume = read_volume(exam.series[0])
        except Refused:
            return
    np.testing.assert_array_equal(volume.array_hu[1], stored - 1024)


@pytest.mark.parametrize("rows", [4096, 60000, 65535])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", *COMPRESSED])
def test_a_header_that_claims_much_costs_nothing(tmp_path: Path, rows: int, syntax: str):
    claims = {"Rows": rows, "Columns": rows, "NumberOfFrames": "1"}
    slices = [
        compressed(ct(n, **claims), picture(n), syntax) if syntax in COMPRESSED else as_bytes(ct(n, **claims))
        for n in range(2)
    ]
    write(tmp_path, slices)
    tracemalloc.start()
    try:
        with pytest.raises(Refused), read_examination(tmp_path) as exam:
            read_volume(exam.series[0])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000  # numpy's lazily filled array for 2 x 4096 x 4096 is 67 MB


def test_an_element_longer_than_its_file_costs_nothing(tmp_path: Path):
    raw = as_bytes(ct(0))
    place = raw.index(b"\x10\x00\x10\x00PN")
    write(tmp_path, [raw[: place + 4] + b"UT\0\0" + struct.pack("<I", 0xFFFFFFF0) + raw[place + 16 :]])
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            read_examination(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_deflated_file_that_grows_without_end_is_refused(tmp_path: Path):
    import zlib

    deflated = as_bytes(ct(0), "1.2.840.10008.1.2.1.99")
    start = 128 + 4 + 12 + struct.unpack_from("<I", deflated, 140)[0]
    bomb = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = bomb.compress(bytes(200_000_000)) + bomb.flush()
    (tmp_path / "bomb.dcm").write_bytes(deflated[:start] + body)
    with pytest.raises(Refused, match=r"bomb.dcm"):
        read_examination(tmp_path)


def test_findings_made_of_noise_are_refused(tmp_path: Path):
    write(tmp_path / "ct", stack(3))
    raw = as_bytes(ct(0, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4"))
    (tmp_path / "seg.dcm").write_bytes(raw)
    (tmp_path / "sr.dcm").write_bytes(as_bytes(ct(0, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")))
    with read_examination(tmp_path / "ct") as exam:
        for name in ("seg.dcm", "sr.dcm"):
            with pytest.raises(Refused, match=name):
                read_findings(tmp_path / name, on=exam.series[0])
