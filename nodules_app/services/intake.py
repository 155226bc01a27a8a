"""Taking in a delivery: keep it where a worker finds it, and ask for it to be read."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from nodules_app.models import Clinic, ImportBatch, Run, RunKind, User
from nodules_app.services import runs
from nodules_app.services.audit import record
from nodules_app.services.clinics import clinic_of_delivery
from registration.errors import Refused, gettext_noop

HARMFUL: Final = re.compile(r"[^A-Za-z0-9._-]")


class NothingSent(Refused):
    """The form came without a file."""

    code = "nothing_sent"
    sentence = gettext_noop("No file was chosen.")
    remedy = gettext_noop("Choose a folder, DICOM files or a zip archive.")


class UploadTooLarge(Refused):
    """More was sent than this clinic takes at once."""

    code = "upload_too_large"
    sentence = gettext_noop("The files are {sent_mb} MB together; this clinic takes {limit_mb} MB at once.")
    remedy = gettext_noop("Send one exam at a time, or name the folder on the server with import_dicom.")


class DiskFull(Refused):
    """The inbox has no room for what was sent."""

    code = "disk_full"
    sentence = gettext_noop("There is no room for {sent_mb} MB on the server's disk.")
    remedy = gettext_noop("Ask the operator to free space; nothing was stored.")


def receive_folder(*, source: Path, by: User | None, clinic: Clinic | None = None) -> ImportBatch:
    """Ask for a folder, zip or file on the server to be read; it stays where it is and is not changed."""
    clinic = clinic_of_delivery(by=by, named=clinic)
    path = str(source.resolve())
    return _ask(ImportBatch(clinic=clinic, source_name=source.name, path=path, owned=False, by=by))


def receive_upload(*, files: Iterable[UploadedFile[bytes]], by: User, clinic: Clinic | None = None) -> ImportBatch:
    """Keep uploaded files in the inbox and ask for them to be read.

    Of the name that came with a file only harmless characters are kept, so that a refusal can name it.
    """
    sent = list(files)
    if not sent:
        raise NothingSent
    clinic = clinic_of_delivery(by=by, named=clinic)
    path = keep(sent)
    name = (sent[0].name or "")[:200] if len(sent) == 1 else f"{len(sent)} files"
    return _ask(ImportBatch(clinic=clinic, source_name=name, path=str(path), owned=True, by=by))


def keep(sent: Sequence[UploadedFile[bytes]]) -> Path:
    """Keep what was sent in a folder of its own in the inbox; gives the folder, or the one file in it.

    Raises
    ------
    UploadTooLarge, DiskFull
    """
    size = sum(file.size or 0 for file in sent)
    if size > settings.UPLOAD_LIMIT_BYTES:
        raise UploadTooLarge(sent_mb=size >> 20, limit_mb=settings.UPLOAD_LIMIT_BYTES >> 20)
    settings.INBOX_DIR.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(settings.INBOX_DIR).free < 3 * size:  # the inbox, the archive and the cached volume
        raise DiskFull(sent_mb=size >> 20)
    folder = settings.INBOX_DIR / str(uuid4())
    folder.mkdir()
    try:
        _keep(sent, folder)
    except OSError as problem:
        shutil.rmtree(folder, ignore_errors=True)  # half an upload is of no use to anybody
        if problem.errno == errno.ENOSPC:
            raise DiskFull(sent_mb=size >> 20) from problem
        raise
    return next(folder.iterdir()) if len(sent) == 1 else folder


def receive_from_network(*, folder: Path, clinic: Clinic, source: str) -> ImportBatch:
    """Ask for what came over the network, and lies or is about to lie in a folder of the inbox, to be read."""
    return _ask(ImportBatch(clinic=clinic, source_name=source, path=str(folder), owned=True, by=None))


def _keep(sent: Iterable[UploadedFile[bytes]], folder: Path) -> None:
    for number, file in enumerate(sent):
        with (folder / _harmless_name(file.name or "", number, folder)).open("xb") as kept:
            for chunk in file.chunks():
                kept.write(chunk)


def _harmless_name(name: str, number: int, folder: Path) -> str:
    """Keep letters, digits, dot, dash and underscore of a file's last name; two of one name get their number."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    harmless = HARMFUL.sub("_", last).lstrip(".")[-80:] or f"file-{number}"
    while (folder / harmless).exists():  # again, for somebody may have sent a file of the numbered name too
        harmless = f"{number}-{harmless}"
    return harmless


@transaction.atomic
def _ask(batch: ImportBatch) -> ImportBatch:
    batch.save()
    record("import.asked", None, by=batch.by, batch=batch.code)
    runs.request(RunKind.INTAKE, by=batch.by, import_batch=batch)
    return batch


def latest_run(batch: ImportBatch) -> Run | None:
    """The intake run of a delivery, the last one if it was tried again."""
    return batch.runs.filter(kind=RunKind.INTAKE).order_by("-pk").first()
