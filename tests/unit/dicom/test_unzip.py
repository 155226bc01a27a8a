"""A zip is unpacked in full or leaves nothing behind."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nodules_app.dicom.archive_errors import (
    NoRoomToUnpack,
    ZipDamaged,
    ZipEmpty,
    ZipEscapes,
    ZipNotOpen,
    ZipSymlink,
    ZipTooLarge,
    ZipTooManyEntries,
    ZipTruncated,
)
from nodules_app.dicom.errors import NestedArchive
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.unzip import UnzipLimits, unzip
from tests.unit.dicom.made import as_bytes, stack, write

Entries = list[tuple[str | zipfile.ZipInfo, bytes]]
Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path):
    def make(entries: Entries, name: str = "scan.zip"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries:
                archive.writestr(entry, content)
        return tmp_path / name

    return make


@pytest.fixture
def into(tmp_path: Path):
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def slices(count: int = 3):
    return [(f"scan/IM{n}.dcm", as_bytes(ds)) for n, ds in enumerate(stack(count))]


def test_an_archive_is_read_like_a_folder_and_cleaned_away(pack: Pack):
    with read_examination(pack(slices())) as exam:
        (series,) = exam.series
        files = series.files
        assert all(path.exists() for path in files)
        assert sorted(exam.names[path] for path in files) == ["scan/IM0.dcm", "scan/IM1.dcm", "scan/IM2.dcm"]
    assert not any(path.exists() for path in files)


def test_an_archive_that_is_refused_does_not_lose_the_folder_it_lies_in(pack: Pack, tmp_path: Path):
    pack([], "empty.zip")
    write(tmp_path, stack(3))
    with read_examination(tmp_path) as exam:
        assert len(exam.series) == 1
        assert [one.code for one in exam.refused] == ["zip_empty"]


def test_nested_archives_are_not_unpacked(pack: Pack):
    inner = pack(slices(), "inner.zip").read_bytes()
    with pytest.raises(NestedArchive, match=r"inner.zip"):
        read_examination(pack([("inner.zip", inner)], "outer.zip"))


@pytest.mark.parametrize("name", ["../x.dcm", "a/../../x.dcm", "/x.dcm", "..\\x.dcm", "C:\\x.dcm", "C:x.dcm"])
def test_names_that_lead_outside_are_refused(pack: Pack, into: Path, name: str):
    archive = pack([(name, b"x"), ("good.dcm", b"y")])
    with pytest.raises(ZipEscapes):
        unzip(archive, "scan.zip", into)
    assert not list(into.iterdir())
    assert not list(into.parent.glob("x*"))


def test_links_are_refused(pack: Pack, into: Path):
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    with pytest.raises(ZipSymlink, match=r"link.dcm"):
        unzip(pack([(link, "/etc/hostname")]), "scan.zip", into)


def test_an_empty_archive_is_said_to_be_empty(pack: Pack, into: Path):
    with pytest.raises(ZipEmpty):
        unzip(pack([]), "scan.zip", into)


def test_a_bomb_is_refused_by_what_it_declares(pack: Pack, into: Path):
    archive = pack([("IM.dcm", bytes(3_000_000))])
    with pytest.raises(ZipTooLarge, match=r"at least 3 MB"):
        unzip(archive, "scan.zip", into, UnzipLimits(ratio_free_mb=1))
    assert not list(into.iterdir())


def test_empty_air_compresses_well_and_is_no_bomb(pack: Pack, into: Path):
    assert len(unzip(pack([("IM.dcm", bytes(3_000_000))]), "scan.zip", into)) == 1


def test_too_many_entries_are_refused(pack: Pack, into: Path):
    with pytest.raises(ZipTooManyEntries, match=r"3 entries; the limit is 2"):
        unzip(pack(slices()), "scan.zip", into, UnzipLimits(entries=2))


def patched(archive: Path, offset_local: int, offset_central: int, value: int, form: str = "<I"):
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", offset_local), (b"PK\x01\x02", offset_central)):
        struct.pack_into(form, raw, raw.find(signature) + offset, value)
    archive.write_bytes(bytes(raw))
    return archive


def test_an_entry_that_is_larger_than_declared_is_damage_and_leaves_nothing(pack: Pack, into: Path):
    archive = patched(pack([("IM.dcm", bytes(1_000_000))]), 22, 24, 100)
    with pytest.raises(ZipDamaged, match=r"IM.dcm"):
        unzip(archive, "scan.zip", into)
    assert not list(into.iterdir())


def test_a_wrong_checksum_leaves_nothing_of_the_good_entries_either(pack: Pack, into: Path):
    archive = pack([("bad.dcm", b"abc" * 50), ("good.dcm", b"xyz")])
    with pytest.raises(ZipDamaged):
        unzip(patched(archive, 14, 16, 12345), "scan.zip", into)
    assert not list(into.iterdir())


def test_a_locked_archive_is_said_to_be_locked(pack: Pack, into: Path):
    with pytest.raises(ZipNotOpen):
        unzip(patched(pack([("IM.dcm", b"abc")]), 6, 8, 1, "<H"), "scan.zip", into)


def test_half_an_archive_is_said_to_be_cut(pack: Pack, into: Path):
    archive = pack(slices())
    archive.write_bytes(archive.read_bytes()[:900])
    with pytest.raises(ZipTruncated):
        unzip(archive, "scan.zip", into)


def test_an_archive_that_does_not_fit_is_refused_before_it_fills_the_disk(
    pack: Pack, into: Path, monkeypatch: pytest.MonkeyPatch
):
    full = type("Usage", (), {"free": 10})
    monkeypatch.setattr("nodules_app.dicom.unzip.shutil.disk_usage", lambda _folder: full)
    with pytest.raises(NoRoomToUnpack):
        unzip(pack(slices()), "scan.zip", into)
