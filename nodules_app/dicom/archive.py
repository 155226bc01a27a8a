"""Originals, byte for byte, each under its own SHA-256: importing twice changes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from registration.errors import Refused, gettext_noop

CHUNK: Final = 1 << 20
INCOMING: Final = "incoming"
SHA256: Final = re.compile(r"[0-9a-f]{64}")


class NotInArchive(Refused):
    """The archive has lost, or never had, a file."""

    code = "not_in_archive"
    sentence = gettext_noop("The archive holds no file with the digest {sha256}.")
    remedy = gettext_noop("Restore the archive from its backup, or import the examination again.")


class Archive:
    """A folder of files that are named by their content.

    Parameters
    ----------
    root
        Made when it is not there. Files lie at ``ab/cd/abcd…``; what is half written lies in ``incoming``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / INCOMING).mkdir(parents=True, exist_ok=True)

    def put(self, path: Path) -> str:
        """Keep a copy of a file.

        The copy is complete on the disk, or not there at all: it is written aside, synchronised, then renamed.

        Returns
        -------
        str
            SHA-256 of the content in hexadecimal, by which it is found again.
        """
        handle, name = tempfile.mkstemp(dir=self.root / INCOMING)
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as copy, path.open("rb") as original:
                sha256 = _copy(original.fileno(), copy.fileno())
                target = self._place(sha256)
                if target.exists() and target.stat().st_size == os.fstat(copy.fileno()).st_size:
                    return sha256
                os.fchmod(copy.fileno(), 0o440)  # an original is never edited
                os.fsync(copy.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.replace(target)
            _sync_folder(target.parent)
            return sha256
        finally:
            fresh.unlink(missing_ok=True)

    def path_of(self, sha256: str) -> Path:
        """Find a file by its digest.

        Raises
        ------
        NotInArchive
            It is not there.
        """
        path = self._place(sha256)
        if not path.is_file():
            raise NotInArchive(sha256=sha256)
        return path

    def verify(self, sha256: str) -> bool:
        """Read a file again and tell whether it still is what its name says; False also when it is gone."""
        try:
            with self._place(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def __contains__(self, sha256: str) -> bool:
        return self._place(sha256).is_file()

    def _place(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise ValueError("a digest is 64 hexadecimal digits")
        return self.root / sha256[:2] / sha256[2:4] / sha256


def _copy(original: int, copy: int) -> str:
    digest = hashlib.sha256()
    while chunk := os.read(original, CHUNK):
        digest.update(chunk)
        written = 0
        while written < len(chunk):
            written += os.write(copy, chunk[written:])
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut. Some file systems cannot sync a folder; the file itself is safe there."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
