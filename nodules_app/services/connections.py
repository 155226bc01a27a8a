"""The PACS that a clinic works with: set up, changed and tested by its administrator; secrets go in and never out."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from socket import gaierror, getaddrinfo
from time import monotonic
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from nodules_app.dicom import network_ask, web
from nodules_app.dicom.network import Peer, TlsFiles
from nodules_app.dicom.network_errors import NetworkRefused
from nodules_app.dicom.network_listen import Caller
from nodules_app.dicom.web import WebPeer
from nodules_app.models import Connection, ConnectionKind, ImportBatch, Passed, PassedKind, User
from nodules_app.services import sealing
from nodules_app.services.audit import record
from nodules_app.services.runs import told
from nodules_app.services.taken import refused_where_taken
from registration.errors import Refused, gettext_noop

log = logging.getLogger(__name__)
NOWHERE: Final = ip_network("255.255.255.255")  # nobody calls from the broadcast address
CALLERS_HOLD_S: Final = 10.0  # a change of a connection holds for new calls after this


class NameTaken(Refused):
    """The clinic has a connection of that name since a moment ago."""

    code = "connection_name_taken"
    sentence = gettext_noop("This clinic has a connection called {name} already.")
    remedy = gettext_noop("Look at the list of connections; choose another name if yours is another one.")


class TitleTaken(Refused):
    """A sender is known by its title, so that two connections cannot share one."""

    code = "connection_title_taken"
    sentence = gettext_noop("Another connection receives from the AE title {title} already.")
    remedy = gettext_noop("Let one of the two receive, or have the sender call itself otherwise.")


def peer_of(connection: Connection) -> Peer | WebPeer:
    """Give a connection in the words of the network. Raises ``sealing.SealBroken``."""
    if connection.kind == ConnectionKind.DICOMWEB:
        return WebPeer(
            url=connection.url,
            user=connection.user,
            secret=sealing.unseal(connection.secret),
            tls=own_tls(),
            timeout_s=settings.DICOM_TIMEOUT_S,
        )
    return Peer(
        title=connection.title,
        host=connection.host,
        port=connection.port or 0,
        own_title=connection.own_title or settings.DICOM_TITLE,
        tls=own_tls() if connection.tls else None,
        timeout_s=settings.DICOM_TIMEOUT_S,
    )


def own_tls() -> TlsFiles:
    """The certificates of this installation."""
    return TlsFiles(settings.DICOM_CERTIFICATE, settings.DICOM_KEY, settings.DICOM_AUTHORITIES)


def _save(connection: Connection) -> None:
    """Forms look whether names are free; of two who save at one moment both were told that they are."""
    taken = {
        "connection_has_its_own_name": NameTaken(name=connection.name),
        "calling_title_is_one_connection": TitleTaken(title=connection.title),
    }
    with refused_where_taken(taken):
        connection.save()


@transaction.atomic
def set_up(*, connection: Connection, by: User) -> Connection:
    """Store a new connection. Raises ``NameTaken``, ``TitleTaken``."""
    _save(connection)
    record("connection.set_up", None, by=by, connection=connection.code, kind=connection.kind)
    return connection


@transaction.atomic
def change(*, connection: Connection, changed: Iterable[str], by: User) -> Connection:
    """Store what was changed; what a test had said of it counts no more. Raises ``NameTaken``, ``TitleTaken``."""
    connection.tested_at, connection.test_refusal = None, None
    _save(connection)
    record("connection.changed", None, by=by, connection=connection.code, fields=", ".join(sorted(changed)))
    return connection


@transaction.atomic
def retire(*, connection: Connection, by: User) -> Connection:
    """Use a connection no more; its log stays."""
    connection.retired_at, connection.secret = timezone.now(), ""
    connection.save(update_fields=["retired_at", "secret"])
    record("connection.retired", None, by=by, connection=connection.code)
    return connection


def test(*, connection: Connection, by: User | None) -> Refused | None:
    """Talk to it now (C-ECHO, or QIDO-RS for one exam) and keep what came of it; gives what is wrong, or None."""
    refusal: Refused | None = None
    try:
        peer = peer_of(connection)
        if isinstance(peer, WebPeer):
            web.look(peer)
        else:
            network_ask.echo(peer)
    except (NetworkRefused, sealing.SealBroken) as no:
        refusal = no
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(
            tested_at=timezone.now(), test_refusal=told(refusal) if refusal else None
        )
        result = refusal.code if refusal else "answered"
        record("connection.tested", None, by=by, connection=connection.code, result=result)
    return refusal


def seal_anew() -> int:
    """Seal every stored password with the newest key, and give their number; earlier keys may be forgotten then.

    Raises
    ------
    SealBroken
        The key of one of them is not here; nothing has been changed.
    """
    with transaction.atomic():
        rows = Connection.objects.select_for_update().exclude(secret="")
        for row in rows:
            row.secret = sealing.seal(sealing.unseal(row.secret))
            row.save(update_fields=["secret"])
        record("connections.sealed_anew", None, by=None, secrets=len(rows))
    return len(rows)


class Callers:
    """Who may send to us now: one thread keeps it fresh, and the listener's threads read it without the database."""

    def __init__(self) -> None:
        self._read_at_s: float | None = None
        self._known: tuple[Caller, ...] = ()

    def __call__(self) -> tuple[Caller, ...]:
        return self._known

    def refresh(self) -> None:
        """Read the connections again, at most every ten seconds."""
        if self._read_at_s is not None and monotonic() - self._read_at_s < CALLERS_HOLD_S:
            return
        rows = Connection.objects.filter(retired_at__isnull=True, receives=True)
        self._known = tuple(Caller(str(row.code), row.title, networks_of(row)) for row in rows)
        self._read_at_s = monotonic()


def networks_of(connection: Connection) -> tuple[IPv4Network | IPv6Network, ...]:
    """From where a connection may call: the networks that it names, else its host; nowhere when the host is unknown."""
    named = connection.networks or connection.host
    found: list[IPv4Network | IPv6Network] = []
    for part in filter(None, (one.strip() for one in named.split(","))):
        try:
            found.append(ip_network(part, strict=False))
        except ValueError:
            found += _addresses(part)
    return tuple(found) or (NOWHERE,)


def _addresses(host: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(row[4][0]) for row in getaddrinfo(host, None)]
    except (gaierror, UnicodeError):
        log.warning("the host %s of a connection is not known on this network", host)
        return []


def write_down(
    connection: Connection,
    kind: PassedKind,
    *,
    began_at: datetime,
    study_uid: str = "",
    instances: int = 0,
    size_bytes: int = 0,
    refusal: Refused | None = None,
    batch: ImportBatch | None = None,
) -> Passed:
    """Add a line to the transfer log."""
    return Passed.objects.create(
        connection=connection,
        kind=kind,
        study_uid=study_uid,
        instances=instances,
        size_bytes=size_bytes,
        began_at=began_at,
        ended_at=max(timezone.now(), began_at),
        refusal=told(refusal) if refusal else None,
        batch=batch,
    )
