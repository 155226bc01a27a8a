"""Originals are kept byte for byte, once, and completely or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodules_app.dicom.archive import Archive, NotInArchive


def files(archive: Archive):
    return [path for path in archive.root.rglob("*") if path.is_file()]


@settings(max_examples=25, deadline=None)
@given(content=st.binary(max_size=300))
def test_what_is_kept_is_what_was_given(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.mktemp("archive")
    (folder / "x").write_bytes(content)
    archive = Archive(folder / "kept")
    sha256 = archive.put(folder / "x")
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert archive.path_of(sha256).read_bytes() == content
    assert archive.verify(sha256)
    assert sha256 in archive


@pytest.fixture
def original(tmp_path: Path):
    path = tmp_path / "IM1.dcm"
    path.write_bytes(bytes(range(256)) * 9000)  # more than one chunk
    return path


@pytest.fixture
def archive(tmp_path: Path):
    return Archive(tmp_path / "kept")


def test_putting_again_changes_nothing(archive: Archive, original: Path):
    sha256 = archive.put(original)
    before = archive.path_of(sha256).stat()
    assert archive.put(original) == sha256
    assert archive.path_of(sha256).stat().st_ino == before.st_ino
    assert len(files(archive)) == 1


def test_an_original_is_not_writable_and_the_source_is_left_alone(archive: Archive, original: Path):
    before = original.stat()
    kept = archive.path_of(archive.put(original))
    assert kept.stat().st_mode & 0o222 == 0
    assert original.stat() == before


def test_damage_is_noticed(archive: Archive, original: Path):
    sha256 = archive.put(original)
    path = archive.path_of(sha256)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"!")
    assert not archive.verify(sha256)


def test_a_truncated_copy_is_replaced(archive: Archive, original: Path):
    sha256 = archive.put(original)
    path = archive.path_of(sha256)
    path.chmod(0o600)
    os.truncate(path, 10)
    archive.put(original)
    assert archive.verify(sha256)


def test_a_write_that_fails_leaves_nothing(archive: Archive, original: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nodules_app.dicom.archive.os.fsync", full)
    with pytest.raises(OSError, match=r"No space"):
        archive.put(original)
    assert files(archive) == []


def test_what_is_not_there_is_refused(archive: Archive):
    absent = "0" * 64
    with pytest.raises(NotInArchive, match=absent):
        archive.path_of(absent)
    assert not archive.verify(absent)
    assert absent not in archive


@pytest.mark.parametrize("name", ["../../etc/passwd", "ABC", "", "0" * 63, "g" * 64])
def test_only_a_digest_is_a_name(archive: Archive, name: str):
    with pytest.raises(ValueError, match=r"64"):
        archive.path_of(name)
