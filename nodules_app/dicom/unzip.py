"""Unpacks a zip that somebody sent, without believing it.

Names inside the archive are shown but never used as paths. Sizes are limited twice: as declared, before anything is
written, and as they come out.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

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
from nodules_app.dicom.errors import name_some, printable

ZIP_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
MB: Final = 1_000_000
CHUNK: Final = 1 << 20
ENCRYPTED: Final = 0x1


@dataclass(frozen=True, slots=True)
class UnzipLimits:
    """What one archive may become. CT compresses 2 to 4 times, empty air perhaps 20 times."""

    unpacked_mb: int = 8192
    ratio: int = 100
    ratio_free_mb: int = 50  # below this size the ratio does not matter
    entries: int = 50_000


DEFAULT_LIMITS: Final = UnzipLimits()


def is_zip(start: bytes) -> bool:
    """Tell a zip by its first bytes."""
    return start[:4] in ZIP_STARTS


def unzip(archive: Path, name: str, into: Path, limits: UnzipLimits = DEFAULT_LIMITS) -> list[tuple[Path, str]]:
    """Unpack the plain files of an archive under numbers of ours.

    Parameters
    ----------
    archive
        The zip.
    name
        What the sender calls it.
    into
        An empty folder of ours; whatever was written is removed again when the archive is refused.

    Returns
    -------
    list of (path, name of the entry)

    Raises
    ------
    ZipRefused
        One of its kinds: damaged, empty, escaping, with links, too large, encrypted.
    """
    shown = printable(name)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _check(opened.infolist(), entries, shown, limits)
            _check_size(entries, archive.stat().st_size, shown, into, limits)
            return _unpack(opened, entries, shown, into, limits)
    except zipfile.BadZipFile as problem:
        raise ZipTruncated(archive=shown) from problem


def _check(everything: list[zipfile.ZipInfo], entries: list[zipfile.ZipInfo], shown: str, limits: UnzipLimits) -> None:
    if len(everything) > limits.entries:
        raise ZipTooManyEntries(archive=shown, count=len(everything), limit=limits.entries)
    if outside := [entry.filename for entry in everything if _escapes(entry.filename)]:
        raise ZipEscapes(archive=shown, entries=name_some(outside))
    if special := [entry.filename for entry in everything if _is_special(entry)]:
        raise ZipSymlink(archive=shown, entries=name_some(special))
    if not entries:
        raise ZipEmpty(archive=shown)
    plain = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if closed := [e.filename for e in entries if e.flag_bits & ENCRYPTED or e.compress_type not in plain]:
        raise ZipNotOpen(archive=shown, entries=name_some(closed))


def _escapes(name: str) -> bool:
    """Judge a name by the rules of both worlds, since we do not know which one wrote it."""
    slashes = name.replace("\\", "/")
    return slashes.startswith("/") or bool(PureWindowsPath(name).drive) or ".." in PurePosixPath(slashes).parts


def _is_special(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind not in (0, stat.S_IFREG, stat.S_IFDIR)


def _check_size(entries: list[zipfile.ZipInfo], packed: int, shown: str, into: Path, limits: UnzipLimits) -> None:
    declared = sum(entry.file_size for entry in entries)
    _refuse_size(declared, packed, shown, limits)
    free = shutil.disk_usage(into).free
    if declared > free:
        raise NoRoomToUnpack(archive=shown, needed_mb=declared // MB, free_mb=free // MB)


def _refuse_size(unpacked: int, packed: int, shown: str, limits: UnzipLimits) -> None:
    ratio = unpacked // max(packed, 1)
    if unpacked > limits.unpacked_mb * MB or (unpacked > limits.ratio_free_mb * MB and ratio > limits.ratio):
        raise ZipTooLarge(
            archive=shown,
            unpacked_mb=unpacked // MB,
            packed_mb=packed / MB,
            ratio=ratio,
            limit_mb=limits.unpacked_mb,
            limit_ratio=limits.ratio,
        )


def _unpack(
    opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo], shown: str, into: Path, limits: UnzipLimits
) -> list[tuple[Path, str]]:
    done: list[tuple[Path, str]] = []
    written = 0
    packed = sum(entry.compress_size for entry in entries)
    try:
        for number, entry in enumerate(entries):
            target = into / f"{number:06d}.dcm"
            done.append((target, entry.filename))
            with opened.open(entry) as source, target.open("xb") as sink:
                while chunk := source.read(CHUNK):
                    written += len(chunk)
                    _refuse_size(written, packed, shown, limits)
                    sink.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        _remove(done)
        raise ZipDamaged(archive=shown, where=printable(done[-1][1])) from problem
    except BaseException:
        _remove(done)
        raise
    return done


def _remove(done: list[tuple[Path, str]]) -> None:
    for path, _ in done:
        path.unlink(missing_ok=True)
