"""What others send us, from the shelf of the listener to the intake: an exam is read once it is whole and nobody sends.

Between the shelf and the database stands one rename. A receiver that is killed anywhere finds on the shelf what it was
doing, and goes on: an exam is handed to the intake once, or lies on the shelf still.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, close_old_connections, transaction
from django.shortcuts import get_object_or_404
from redis.exceptions import RedisError

from nodules_app.dicom.archive import Archive, NotInArchive
from nodules_app.dicom.network_listen import Limits, Listener
from nodules_app.dicom.network_shelf import ENDING, Parcel, Shelf, same_content
from nodules_app.models import Connection, FindingsFile, ImportBatch, Instance, Passed, PassedKind, User
from nodules_app.selectors.connections import HEARTBEAT, Listening
from nodules_app.services import connections, intake
from nodules_app.services.audit import record
from nodules_app.services.connections import write_down
from nodules_app.services.runs import told
from registration.errors import Refused, gettext_noop

log = logging.getLogger(__name__)

RECEIVING: Final = ".receiving"  # under the inbox, on the same disk
READ_ANYWAY: Final = "read-anyway"  # a file in the folder of a parcel: a person said so
LOOK_EVERY_S: Final = 1.0
HEARTBEAT_EVERY_S: Final = 10.0


class BrokeOff(Refused):
    """An exam that did not come to its end."""

    code = "exam_broke_off"
    sentence = gettext_noop("The sender broke off after {count} images of an exam.")
    remedy = gettext_noop("Have the exam sent again; what came is kept, and is not read until the rest is here.")


class BrokeOffAndWent(Refused):
    """Nobody sent the rest, and nobody wanted it read as it was."""

    code = "broken_exam_removed"
    sentence = gettext_noop(
        "The sender broke off after {count} images of an exam; they were removed, for the rest did not come"
        " within {days:g} days."
    )
    remedy = gettext_noop("Have the whole exam sent again if it is wanted.")


class KeptAside(Refused):
    """Images whose UIDs are taken by others."""

    code = "images_kept_aside"
    sentence = gettext_noop("{count} images came with another content than the images stored here under their UIDs.")
    remedy = gettext_noop("Have the archive check which are right; these are kept aside and were not read.")


def shelf() -> Shelf:
    """The shelf of this installation."""
    return Shelf(settings.INBOX_DIR / RECEIVING, reserve_bytes=settings.DICOM_RESERVE_MB << 20)


def listen(*, stopped: Callable[[], bool], on: Callable[[int], None], limits: Limits | None = None) -> None:
    """Listen until told to stop; ``on`` is told the port once callers can call."""
    kept, callers = shelf(), connections.Callers()
    recover(kept)
    callers.refresh()
    listener = Listener(
        title=settings.DICOM_TITLE,
        address=(settings.DICOM_HOST, settings.DICOM_PORT),
        callers=callers,
        shelf=kept,
        limits=limits,
        tls=connections.own_tls() if settings.DICOM_LISTEN_TLS else None,
    )
    listener.start()
    on(listener.port)
    beat_at_s = 0.0
    try:
        while not stopped():
            listener.reap()
            _look(kept, callers)
            if time.monotonic() >= beat_at_s:
                _beat(listener.port)
                beat_at_s = time.monotonic() + HEARTBEAT_EVERY_S
            time.sleep(LOOK_EVERY_S)
    finally:
        listener.stop()


def _beat(port: int) -> None:
    alive = Listening(settings.DICOM_TITLE, port, settings.DICOM_LISTEN_TLS, datetime.now(UTC))
    try:
        cache.set(HEARTBEAT, alive, timeout=6 * HEARTBEAT_EVERY_S)
    except RedisError:
        log.warning("the cache is away: pages will say that nobody listens")


def _look(kept: Shelf, callers: connections.Callers) -> None:
    close_old_connections()
    try:
        callers.refresh()
        hand_over_quiet(kept)
        drop_broken(kept)
    except (DatabaseError, OSError):  # the receiver goes on: callers are let in as before
        log.exception("what came cannot be handed over now; it waits on the shelf")


def recover(kept: Shelf) -> None:
    """Finish what a receiver that was killed had begun to hand over."""
    for parcel in kept.load():
        goal = settings.INBOX_DIR / parcel.handed_as
        if ImportBatch.objects.filter(path=str(goal)).exists():
            kept.forget(parcel)
        elif goal.is_dir():
            goal.replace(parcel.files)
            kept.give_back(parcel)
        else:
            kept.give_back(parcel)


def hand_over_quiet(kept: Shelf, *, now_s: float | None = None) -> list[ImportBatch]:
    """Hand every exam that came whole to the intake; say of the others that they broke off."""
    handed: list[ImportBatch] = []
    at_s = time.time() if now_s is None else now_s
    quiet = [one for one in kept.parcels() if one.is_quiet(at_s, settings.DICOM_QUIET_S)]
    known = Connection.objects.select_related("clinic").in_bulk([UUID(one.caller) for one in quiet], field_name="code")
    for parcel in quiet:
        connection = known.get(UUID(parcel.caller))
        if connection is None:
            continue
        if parcel.broken and not (parcel.folder / READ_ANYWAY).exists():
            _say_broken(parcel, connection, BrokeOff(count=parcel.instances))
        elif (batch := hand_over(kept, parcel, connection)) is not None:
            handed.append(batch)
    return handed


def drop_broken(kept: Shelf, *, now_s: float | None = None) -> int:
    """Remove what broke off and was waited for in vain ``DICOM_BROKEN_DAYS`` long, and give the number of exams.

    The line of the log and the audit trail say so first: a receiver that is killed in between says and does it again.
    """
    if settings.DICOM_BROKEN_DAYS <= 0:
        return 0
    old_before_s = (time.time() if now_s is None else now_s) - settings.DICOM_BROKEN_DAYS * 24 * 3600
    broken = [one for one in kept.parcels() if one.broken and one.came_at_s < old_before_s]
    unwanted = [one for one in broken if not (one.folder / READ_ANYWAY).exists()]
    known = Connection.objects.in_bulk([UUID(one.caller) for one in unwanted], field_name="code")
    dropped = 0
    for parcel in unwanted:
        connection = known.get(UUID(parcel.caller))
        if connection is not None and kept.let_go(parcel, older_than_s=old_before_s):
            _remove(kept, parcel, connection)
            dropped += 1
    return dropped


def _remove(kept: Shelf, parcel: Parcel, connection: Connection) -> None:
    removed = BrokeOffAndWent(count=parcel.instances, days=settings.DICOM_BROKEN_DAYS)
    try:
        with transaction.atomic():
            said = _say_broken(parcel, connection, removed)
            facts = {"study_uid": parcel.study_uid, "instances": parcel.instances, "size_bytes": parcel.size_bytes}
            record("exam.removed_unread", None, by=None, connection=connection.code, line=said.code, **facts)
    except BaseException:
        kept.give_back(parcel)
        raise
    kept.forget(parcel)
    log.warning("removed %s instances of an exam that broke off, line %s", parcel.instances, said.code)


def hand_over(kept: Shelf, parcel: Parcel, connection: Connection) -> ImportBatch | None:
    """Hand one exam to the intake; what is here already is left out, and None means that nothing else came."""
    goal = settings.INBOX_DIR / str(uuid4())
    kept.claim(parcel, goal.name)
    try:
        _leave_out_what_is_here(kept, parcel)
        new = sum(1 for _ in parcel.files.iterdir())
        with transaction.atomic():
            batch = (
                intake.receive_from_network(folder=goal, clinic=connection.clinic, source=connection.name)
                if new
                else None
            )
            _log(parcel, connection, batch, new)
            if batch is not None:
                parcel.files.rename(goal)
    except BaseException:
        if goal.is_dir():
            goal.replace(parcel.files)
        kept.give_back(parcel)
        raise
    kept.forget(parcel)
    return batch


def _leave_out_what_is_here(kept: Shelf, parcel: Parcel) -> None:
    """Compare with the archive: the same is not read again, another content under a stored UID is kept aside."""
    by_uid = {path.name.removesuffix(ENDING): path for path in parcel.files.iterdir()}
    stored: dict[str, str] = {}
    for table in (Instance, FindingsFile):
        rows = table.objects.filter(sop_instance_uid__in=by_uid)
        stored |= dict(rows.values_list("sop_instance_uid", "sha256"))
    archive = Archive(settings.ARCHIVE_DIR)
    for uid, sha256 in stored.items():
        try:
            same = same_content(archive.path_of(sha256), by_uid[uid])
        except NotInArchive:
            continue  # the archive has lost it: let it be read again
        if same:
            by_uid[uid].unlink()
            parcel.known += 1
        else:
            kept.put_aside(by_uid[uid], parcel.caller, uid)
            parcel.aside += 1


def _log(parcel: Parcel, connection: Connection, batch: ImportBatch | None, new: int) -> None:
    size_bytes = sum(path.stat().st_size for path in parcel.files.iterdir())
    line = write_down(
        connection,
        PassedKind.RECEIVED,
        began_at=_instant(parcel.began_at_s),
        study_uid=parcel.study_uid,
        instances=new,
        size_bytes=size_bytes,
        refusal=KeptAside(count=parcel.aside) if parcel.aside else None,
        batch=batch,
    )
    Passed.objects.filter(pk=line.pk).update(known=parcel.known, aside=parcel.aside)
    told_of = (connection.code, new, parcel.known, parcel.aside, size_bytes)
    log.info("connection %s: %s new instances, %s known, %s aside, %s bytes", *told_of)


def _say_broken(parcel: Parcel, connection: Connection, refusal: Refused) -> Passed:
    """One line of the log a parcel, with how much of it came by now."""
    facts = {
        "connection": connection,
        "kind": PassedKind.BROKEN_OFF,
        "study_uid": parcel.study_uid,
        "instances": parcel.instances,
        "size_bytes": parcel.size_bytes,
        "ended_at": _instant(parcel.came_at_s),
        "refusal": told(refusal),
    }
    line, made = Passed.objects.update_or_create(
        code=UUID(parcel.folder.name), defaults=facts, create_defaults=facts | {"began_at": _instant(parcel.began_at_s)}
    )
    if made:
        log.warning("connection %s broke off after %s instances of an exam", connection.code, parcel.instances)
    return line


def _instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def waiting_folder(line: Passed) -> Path | None:
    """Where an exam that broke off waits on the shelf; None once it was read or forgotten."""
    folder = settings.INBOX_DIR / RECEIVING / "parcels" / line.code.hex
    return folder if folder.is_dir() else None


def read_anyway(*, connection: Connection, line: UUID, by: User) -> None:
    """Have an exam read that broke off, as far as it came: the receiver sees the mark and hands it over."""
    row = get_object_or_404(Passed, connection=connection, code=line, kind=PassedKind.BROKEN_OFF)
    folder = waiting_folder(row)
    if folder is None:
        return
    record("exam.read_as_it_came", None, by=by, connection=connection.code, line=row.code)
    (folder / READ_ANYWAY).touch()
