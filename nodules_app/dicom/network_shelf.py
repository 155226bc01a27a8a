"""Where instances lie from the moment they come over the network until an exam is read: files only, no database.

An instance is there whole or not at all: written aside, synchronised, then named by its SOP instance UID. The instances
that one caller sends of one exam are a parcel. A parcel is complete when every association that brought some of it has
ended in order and nothing has come for a while; one that broke off waits for the rest, and loses nothing meanwhile.
What the shelf knows it can read from the disk again after it was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final
from uuid import uuid4

from pydicom.datadict import tag_for_keyword

from nodules_app.dicom.errors import FileRefused
from nodules_app.dicom.header import NotDicom, read_header
from nodules_app.dicom.network import UID

INCOMING, PARCELS, ASIDE = "incoming", "parcels", "aside"
FILES, ABOUT = "files", "about.json"
ENDING: Final = ".dcm"
NAMING: Final = [tag for word in ("SOPInstanceUID", "StudyInstanceUID") if (tag := tag_for_keyword(word)) is not None]
CHUNK: Final = 1 << 20


class Kept(Enum):
    """What became of an instance that came."""

    NEW = auto()
    KNOWN = auto()  # the very same lies here already
    OTHER_CONTENT = auto()  # another content lies here under its UID: kept aside, for a person


class NoRoom(Exception):
    """The disk is too full to take more."""


class NotAnInstance(Exception):
    """The bytes are no data set, or not the one that was announced."""


@dataclass(slots=True)
class Parcel:
    """What one caller has sent of one exam and nobody has read yet.

    Parameters
    ----------
    folder
        Holds ``files`` and what is known of them.
    came_at_s
        Of the last instance, in seconds since the epoch.
    open_associations
        Those that brought some of it and have not ended.
    broken
        The last association that brought some of it broke off, or instances were refused to it.
    """

    folder: Path
    caller: str
    study_uid: str
    instances: int = 0
    size_bytes: int = 0
    known: int = 0
    aside: int = 0
    began_at_s: float = 0.0
    came_at_s: float = 0.0
    broken: bool = False
    handed_as: str = ""
    open_associations: set[int] = field(default_factory=set)

    @property
    def files(self) -> Path:
        """Where its instances lie, each named by its UID."""
        return self.folder / FILES

    def is_quiet(self, now_s: float, quiet_s: float) -> bool:
        """Whether nobody is sending it any more."""
        return not self.open_associations and now_s - self.came_at_s >= quiet_s


class Shelf:
    """The folder of everything that comes over the network.

    Parameters
    ----------
    root
        Made when it is not there. One process at a time may keep things here; it holds a lock on it.
    reserve_bytes
        Room on the disk that is never filled: what was taken still has to be read.
    """

    def __init__(self, root: Path, *, reserve_bytes: int = 1 << 30) -> None:
        self.root = root
        self.reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        self._parcels: dict[tuple[str, str], Parcel] = {}
        for name in (INCOMING, PARCELS, ASIDE):
            (root / name).mkdir(parents=True, exist_ok=True)

    def load(self) -> list[Parcel]:
        """Know again what lies here after a restart: parcels whose association was open then have broken off.

        Returns
        -------
        list of Parcel
            Those that were being handed over; they are off the shelf, and whoever hands over knows what became of them.
        """
        for fresh in (self.root / INCOMING).iterdir():
            fresh.unlink()
        claimed: list[Parcel] = []
        for folder in sorted((self.root / PARCELS).iterdir()):
            parcel = _read(folder)
            if parcel is not None and parcel.handed_as:
                claimed.append(parcel)
            elif parcel is not None:
                self._parcels[parcel.caller, parcel.study_uid] = parcel
        return claimed

    def keep(self, caller: str, association: int, sop_uid: str, content: bytes) -> tuple[Kept, Parcel]:
        """Keep one instance, a whole DICOM file.

        Raises
        ------
        NotAnInstance, NoRoom
        """
        self._require_room(len(content))
        with self._written(content) as fresh:
            study_uid = _study_of(fresh, sop_uid)
            with self._lock:
                parcel = self._parcel(caller, study_uid, association)
                target = parcel.files / f"{sop_uid}{ENDING}"
                if target.exists():
                    same = same_content(target, fresh)
                    parcel.known, parcel.aside = parcel.known + same, parcel.aside + (not same)
                    if not same:
                        self.put_aside(fresh, caller, sop_uid)
                    return (Kept.KNOWN if same else Kept.OTHER_CONTENT), parcel
                fresh.replace(target)
                parcel.instances, parcel.size_bytes = parcel.instances + 1, parcel.size_bytes + len(content)
            _sync_folder(target.parent)
            return Kept.NEW, parcel

    def put_aside(self, path: Path, caller: str, sop_uid: str) -> Path:
        """Move a file to where only a person looks; the same content is there once."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        folder = self.root / ASIDE / caller
        folder.mkdir(parents=True, exist_ok=True)
        return path.replace(folder / f"{sop_uid}-{digest[:12]}{ENDING}")

    def ended(self, association: int, *, whole: bool) -> list[Parcel]:
        """An association is over; gives the parcels that it brought some of."""
        with self._lock:
            touched = [one for one in self._parcels.values() if association in one.open_associations]
            for parcel in touched:
                parcel.open_associations.discard(association)
                parcel.broken = not whole
                _write(parcel)
            return touched

    def parcels(self) -> list[Parcel]:
        """What lies here, the oldest first."""
        with self._lock:
            return sorted(self._parcels.values(), key=lambda one: (one.began_at_s, one.folder.name))

    def let_go(self, parcel: Parcel, *, older_than_s: float) -> bool:
        """Take a parcel off the shelf to remove it, unless somebody sends it or something of it came since a moment.

        Parameters
        ----------
        older_than_s
            In seconds since the epoch; looked at under the lock, so that nothing that was taken goes with it.
        """
        with self._lock:
            if parcel.open_associations or parcel.came_at_s >= older_than_s:
                return False
            self._parcels.pop((parcel.caller, parcel.study_uid), None)
            return True

    def claim(self, parcel: Parcel, handed_as: str) -> None:
        """Take a parcel off the shelf under a name of the caller's: what comes from now on is another parcel."""
        with self._lock:
            self._parcels.pop((parcel.caller, parcel.study_uid), None)
            parcel.handed_as = handed_as
            _write(parcel)

    def give_back(self, parcel: Parcel) -> None:
        """Put a parcel back that could not be handed over, unless the rest of the exam has begun another one."""
        with self._lock:
            if (parcel.caller, parcel.study_uid) not in self._parcels:
                parcel.handed_as = ""
                _write(parcel)
                self._parcels[parcel.caller, parcel.study_uid] = parcel

    def forget(self, parcel: Parcel) -> None:
        """Remove a parcel whose files were handed over, or whose files nobody needs."""
        with self._lock:
            if self._parcels.get((parcel.caller, parcel.study_uid)) is parcel:
                del self._parcels[parcel.caller, parcel.study_uid]
        shutil.rmtree(parcel.folder, ignore_errors=True)

    def _require_room(self, size_bytes: int) -> None:
        if shutil.disk_usage(self.root).free < size_bytes + self.reserve_bytes:
            raise NoRoom

    @contextlib.contextmanager
    def _written(self, content: bytes) -> Iterator[Path]:
        """The content in a file of its own, safe from a power cut; gone afterwards unless somebody moved it."""
        handle, name = tempfile.mkstemp(dir=self.root / INCOMING)
        fresh = Path(name)
        try:
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as problem:
                raise NoRoom from problem
            yield fresh
        finally:
            fresh.unlink(missing_ok=True)

    def _parcel(self, caller: str, study_uid: str, association: int) -> Parcel:
        now_s = time.time()
        parcel = self._parcels.get((caller, study_uid))
        if parcel is None:
            parcel = Parcel(self.root / PARCELS / uuid4().hex, caller, study_uid, began_at_s=now_s)
            parcel.files.mkdir(parents=True)
            self._parcels[caller, study_uid] = parcel
        parcel.came_at_s = now_s
        if association not in parcel.open_associations:
            parcel.open_associations.add(association)
            _write(parcel)
        return parcel


def same_content(one: Path, other: Path) -> bool:
    """Whether two DICOM files hold the same data set; the preamble and the file's own header do not count."""
    return _digest(one) == _digest(other)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(144)
        # PS3.10 7.1: (0002,0000) comes first and tells how long the file's own header is.
        has_header = start[128:132] == b"DICM" and start[132:140] == b"\x02\x00\x00\x00UL\x04\x00"
        syntax_and_more = int.from_bytes(start[140:144], "little") if has_header else 0
        file.seek(144 + syntax_and_more if has_header else 0)
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        return digest.digest()


def _study_of(path: Path, sop_uid: str) -> str:
    """Read whose exam it is from the data set itself; what was announced has to be what came."""
    try:
        header = read_header(path, path.name, NAMING)
    except (NotDicom, FileRefused) as problem:
        raise NotAnInstance from problem
    study_uid = header.text("StudyInstanceUID")
    if header.text("SOPInstanceUID") != sop_uid or not UID.fullmatch(sop_uid) or not UID.fullmatch(study_uid):
        raise NotAnInstance
    return study_uid


def _write(parcel: Parcel) -> None:
    told = {
        "caller": parcel.caller,
        "study_uid": parcel.study_uid,
        "known": parcel.known,
        "aside": parcel.aside,
        "began_at_s": parcel.began_at_s,
        "broken": parcel.broken or bool(parcel.open_associations),
        "handed_as": parcel.handed_as,
    }
    fresh = parcel.folder / f"{ABOUT}.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(parcel.folder / ABOUT)


def _read(folder: Path) -> Parcel | None:
    try:
        told = json.loads((folder / ABOUT).read_text("utf-8"))
    except FileNotFoundError:  # killed before its first line was written: it holds nothing
        shutil.rmtree(folder, ignore_errors=True)
        return None
    parcel = Parcel(folder=folder, **told)
    sizes = [path.stat() for path in parcel.files.iterdir()] if parcel.files.is_dir() else []
    parcel.instances, parcel.size_bytes = len(sizes), sum(one.st_size for one in sizes)
    parcel.came_at_s = max((one.st_mtime for one in sizes), default=parcel.began_at_s)
    return parcel


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems cannot; the file itself is safe there
            os.fsync(handle)
    finally:
        os.close(handle)
