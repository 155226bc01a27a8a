"""Where the files of an examination come from: a folder, a zip, a list, a single file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from nodules_app.dicom.errors import (
    InputRefused,
    ListLeavesFolder,
    MissingFromList,
    NestedArchive,
    NothingThere,
    TooManyFiles,
    UnreadableFile,
    printable,
)
from nodules_app.dicom.header import PREAMBLE
from nodules_app.dicom.unzip import DEFAULT_LIMITS, UnzipLimits, is_zip, unzip
from registration.errors import Refused

MOST_FILES = 100_000
LARGEST_LIST = 16 << 20  # bytes of a text file that may be a list of paths


@dataclass(slots=True)
class Sources:
    """Files to read, each with the name its sender knows, and what was refused on the way to them."""

    files: list[tuple[Path, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    scratch: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Remove what was unpacked."""
        if self.scratch is not None:
            self.scratch.cleanup()
            self.scratch = None


def collect(source: Path, *, limits: UnzipLimits = DEFAULT_LIMITS, lists_within: Path | None = None) -> Sources:
    """Find the files behind a path.

    Raises
    ------
    NothingThere, TooManyFiles, UnreadableFile
        The path leads to no file.
    """
    found = Sources()
    if source.is_dir():
        candidates = [(path, str(path.relative_to(source))) for path in _walk(source)]
    elif source.is_file():
        candidates = _listed(source, lists_within or source.parent, found) or [(source, source.name)]
    else:
        candidates = []
    if not candidates and not found.refused:
        raise NothingThere(source=printable(source.name))
    try:
        for path, name in candidates:
            _add(path, name, found, limits)
    except BaseException:
        found.close()
        raise
    return found


def collect_files(paths: list[Path]) -> Sources:
    """Take files as they are handed in, by their own names."""
    return Sources(files=[(path, path.name) for path in paths])


def _walk(folder: Path) -> list[Path]:
    """Every file below a folder in a fixed order; linked folders are not entered, so there are no loops."""
    paths: list[Path] = []
    for here, folders, names in os.walk(folder):
        folders.sort()
        paths.extend(Path(here, name) for name in sorted(names))
        if len(paths) > MOST_FILES:
            raise TooManyFiles(limit=MOST_FILES)
    return paths


def _add(path: Path, name: str, found: Sources, limits: UnzipLimits) -> None:
    start = _start(path)
    if not is_zip(start) or start[128:132] == b"DICM":
        found.files.append((path, name))
        return
    if found.scratch is None:
        found.scratch = tempfile.TemporaryDirectory(prefix="examination-")
    into = Path(tempfile.mkdtemp(dir=found.scratch.name))
    try:
        unpacked = unzip(path, name, into, limits)
    except InputRefused as refusal:
        found.refused.append(refusal)
        return
    for inner, inner_name in unpacked:
        if is_zip(_start(inner)):
            inner.unlink()
            found.refused.append(NestedArchive(inner_name))
        else:
            found.files.append((inner, inner_name))


def _start(path: Path) -> bytes:
    """First bytes of a regular file; nothing of what cannot be opened, which is reported when it is read."""
    if not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE)
    except OSError:
        return b""


def _listed(source: Path, within: Path, found: Sources) -> list[tuple[Path, str]]:
    """Paths below ``within`` that a text file names, one a line, relative to its folder; nothing when it is no list."""
    try:
        if source.stat().st_size > LARGEST_LIST:
            return []
        text = source.read_bytes()
    except OSError as problem:
        raise UnreadableFile(source.name, reason=problem.strerror or "") from problem
    if b"\0" in text or not text.strip() or is_zip(text):
        return []
    try:
        lines = [line.strip() for line in text.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        return []
    named = [(source.parent / line, line) for line in lines if line and not line.startswith("#")]
    root = within.resolve()
    existing = [(path, name) for path, name in named if _is_file(path)]
    there = [(path, name) for path, name in existing if path.resolve().is_relative_to(root)]
    if len(there) < len(existing):
        raise ListLeavesFolder(*(name for path, name in existing if (path, name) not in there))
    if there and len(there) < len(named):
        absent = [name for path, name in named if not _is_file(path)]
        found.refused.append(MissingFromList(*absent))
    return there


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a line too long for a path, or with a null byte
        return False
