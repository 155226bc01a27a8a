"""Listening for what others send: C-ECHO and C-STORE from callers who are known by title and address.

Strangers cost next to nothing: an unknown address is closed before a thread is made for it, one address holds a few
connections at most, and no more memory is taken than the limits say, whatever length a message claims. What comes is
kept by a ``Shelf``; the answer to the sender says what became of it.
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socketserver import BaseServer
from typing import Final, cast

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import EventHandlerType
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from nodules_app.dicom.network import MAX_PDU_BYTES, VERIFICATION, TlsFiles
from nodules_app.dicom.network_shelf import Kept, NoRoom, NotAnInstance, Shelf
from nodules_app.dicom.syntaxes import READABLE

log = logging.getLogger(__name__)

LARGEST_PDU_BYTES: Final = 1 << 20  # eight times what we ask for; senders exist that do not heed it
SAY_AGAIN_AFTER_S: Final = 60.0  # how often the log repeats what a stranger does
REJECTED_PERMANENTLY, BY_SERVICE_USER, CALLING_TITLE_UNKNOWN = 0x01, 0x01, 0x03  # PS3.8 table 9-21
# PS3.4 table B.2-1 and PS3.7 annex C
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND, DUPLICATE_UID = 0x0000, 0xA700, 0xC000, 0x0111


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may send: known to us as ``key``, by title, from these networks (from anywhere when none)."""

    key: str
    title: str
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def comes_from(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether this caller may call from there."""
        return not self.networks or any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Limits:
    """What callers may take of this machine."""

    associations: int = 20
    connections_an_address: int = 24
    largest_bytes: int = 1 << 30  # of one instance
    silence_s: float = 60.0  # then an association ends
    greeting_s: float = 10.0  # within which a connection has to say who it is


@dataclass(slots=True)
class _Conversation:
    number: int
    caller: Caller
    stored: int = 0
    refused: int = 0


class _Seldom:
    """Writes a line of the log at most once a minute for each reason, with how often it was left out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: dict[str, tuple[float, int]] = {}

    def say(self, why: str, whose: str) -> None:
        now = time.monotonic()
        with self._lock:
            if len(self._said) > 10_000:  # a flood from everywhere: forget the oldest news
                self._said.clear()
            until, left_out = self._said.get(why + whose, (0.0, 0))
            if now < until:
                self._said[why + whose] = until, left_out + 1
                return
            self._said[why + whose] = now + SAY_AGAIN_AFTER_S, 0
        log.warning("%s: %s%s", why, whose, f" ({left_out} more since)" if left_out else "")


class Listener:
    """A storage provider on one port.

    Parameters
    ----------
    title
        Our AE title; callers who ask for another are turned away.
    address
        Host and port to listen on; port 0 takes a free one.
    callers
        Asked anew for every connection, so that a change holds at once.
    shelf
        Keeps what comes.
    tls
        None listens in the clear.
    """

    def __init__(
        self,
        *,
        title: str,
        address: tuple[str, int],
        callers: Callable[[], Sequence[Caller]],
        shelf: Shelf,
        limits: Limits | None = None,
        tls: TlsFiles | None = None,
    ) -> None:
        self.callers = callers
        self.shelf = shelf
        self.limits = limits or Limits()
        self.seldom = _Seldom()
        self._lock = threading.Lock()
        self._numbers = 0
        self._conversations: dict[Association, _Conversation] = {}
        entity = AE(ae_title=title)
        entity.require_called_aet = True
        entity.maximum_associations = self.limits.associations
        entity.maximum_pdu_size = MAX_PDU_BYTES
        entity.acse_timeout = self.limits.greeting_s
        entity.network_timeout = entity.dimse_timeout = self.limits.silence_s
        syntaxes = [str(syntax) for syntax in READABLE]
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), syntaxes)
        entity.add_supported_context(VERIFICATION)
        handlers: list[EventHandlerType] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._store),
        ]
        self._server = _Server(entity, address, title, entity.supported_contexts, handlers)
        self._server.listener = self
        self._server.tls = tls.for_listening() if tls is not None else None
        self._thread = threading.Thread(target=self._server.serve_forever, name="listener", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Take nobody new, break off who is talking, and write down what came."""
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            talking = list(self._conversations)
        for association in talking:
            association.abort()
        self.reap()

    def reap(self) -> None:
        """End the conversations whose association is over; to be called every second or so."""
        with self._lock:
            over = [one for one in self._conversations if not one.is_alive()]
            ended = [(one, self._conversations.pop(one)) for one in over]
        for association, talk in ended:
            whole = bool(association.is_released) and not talk.refused
            self.shelf.ended(talk.number, whole=whole)
            how = "ended" if association.is_released else "broke off"
            log.info("association %s of %s %s: %s stored", talk.number, talk.caller.title, how, talk.stored)

    def _requested(self, event: evt.Event) -> None:
        association = event.assoc
        address = _address(_whence(association))
        title = _titles(association)[0]
        known = [one for one in self.callers() if one.title == title and one.comes_from(address)]
        if not known:
            self.seldom.say("turned away, for no connection knows the calling title", f"{title} from {address}")
            association.acse.send_reject(REJECTED_PERMANENTLY, BY_SERVICE_USER, CALLING_TITLE_UNKNOWN)
            association.kill()
            return
        with self._lock:
            self._numbers += 1
            self._conversations[association] = _Conversation(self._numbers, known[0])

    def _accepted(self, event: evt.Event) -> None:
        talk = self._conversations[event.assoc]
        sock = event.assoc.dul.socket
        if sock is not None and sock.socket is not None:
            sock.socket.settimeout(self.limits.silence_s)  # until now it was the greeting's
        log.info("association %s of %s from %s", talk.number, talk.caller.title, _whence(event.assoc))
        for context in event.assoc.rejected_contexts:
            syntaxes = ", ".join(syntax.name for syntax in context.transfer_syntax)
            kind = str(context.abstract_syntax)
            self.seldom.say(f"not taken from {talk.caller.title}", f"{kind} in {syntaxes}")

    def _rejected(self, event: evt.Event) -> None:
        calling, called = _titles(event.assoc)
        whose = f"{calling} asked for {called} from {_whence(event.assoc)}"
        self.seldom.say("turned away, for the called title is not ours or all places are taken", whose)

    def _echo(self, _event: evt.Event) -> int:
        return SUCCESS

    def _store(self, event: evt.Event) -> int:
        talk = self._conversations[event.assoc]
        request = cast("C_STORE", event.request)
        sop_uid = str(request.AffectedSOPInstanceUID or "")
        if request.DataSet is None:
            return CANNOT_UNDERSTAND
        try:
            kept, _ = self.shelf.keep(talk.caller.key, talk.number, sop_uid, event.encoded_dataset())
        except NoRoom:
            talk.refused += 1
            self.seldom.say("refused with status A700, for the disk is full", talk.caller.title)
            return OUT_OF_RESOURCES
        except NotAnInstance:
            self.seldom.say("refused with status C000, for the data set cannot be read", talk.caller.title)
            return CANNOT_UNDERSTAND
        if kept is Kept.OTHER_CONTENT:
            log.warning("%s sent instance %s again with another content; it is kept aside", talk.caller.title, sop_uid)
            return DUPLICATE_UID
        talk.stored += kept is Kept.NEW
        return SUCCESS


class _Handler(RequestHandler):
    """Makes the association of a connection, with bounds on what it reads."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        server = cast("_Server", self.server)
        largest = server.listener.limits.largest_bytes
        if association.dul.socket is not None:
            association.dul.socket.recv = partial(_receive, association, largest)  # type: ignore[method-assign]
        server.hold(self.client_address[0], association)
        return association


class _Server(ThreadedAssociationServer):
    """pynetdicom's server, where a stranger can neither hold the door nor take a thread."""

    request_queue_size = 64
    daemon_threads = True
    listener: Listener
    tls: ssl.SSLContext | None

    def __init__(
        self,
        entity: AE,
        address: tuple[str, int],
        title: str,
        contexts: list[PresentationContext],
        handlers: list[EventHandlerType],
    ) -> None:
        self._holding = threading.Lock()
        self._held: list[tuple[str, threading.Thread]] = []
        super().__init__(entity, address, title, contexts, None, handlers, _Handler)

    def hold(self, address: str, thread: threading.Thread) -> None:
        """Count a connection for as long as its thread lives."""
        with self._holding:
            self._held.append((address, thread))

    def verify_request(self, _request: object, client_address: tuple[str, int]) -> bool:
        """Whether to talk at all: from an address where somebody known may call, and not too often at once."""
        host, limits = client_address[0], self.listener.limits
        with self._holding:
            self._held = [one for one in self._held if one[1].is_alive()]
            theirs, all_of_them = sum(address == host for address, _ in self._held), len(self._held)
        address = _address(host)
        if not any(caller.comes_from(address) for caller in self.listener.callers()):
            self.listener.seldom.say("closed, for nobody known calls from there", host)
            return False
        if theirs >= limits.connections_an_address or all_of_them >= 2 * limits.associations:
            self.listener.seldom.say("closed, for too many connections are open", host)
            return False
        return True

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: tuple[str, int] | str
    ) -> None:
        """Shake hands in the connection's own thread: a caller who is silent there keeps nobody else waiting."""
        plain, host = cast("socket.socket", request), client_address[0]
        self.hold(host, threading.current_thread())
        limits = self.listener.limits
        try:
            plain.settimeout(limits.greeting_s)
            sock = self.tls.wrap_socket(plain, server_side=True) if self.tls is not None else plain
        except OSError:  # ssl.SSLError among them
            self.listener.seldom.say("closed, for there was no agreement on encryption", host)
            self.shutdown_request(plain)
            return
        super().process_request_thread(sock, client_address)

    def handle_error(self, _request: object, client_address: tuple[str, int] | str) -> None:
        """Say in the log what went wrong with a connection; the others go on."""
        log.error("a connection from %s ended with a fault of ours", client_address[0], exc_info=True)  # noqa: LOG014 called by socketserver while it handles one

    def shutdown(self) -> None:
        """Stop and give the port back."""
        BaseServer.shutdown(self)
        self.server_close()


def _receive(association: Association, largest_bytes: int, wanted: int) -> bytearray:
    """Read so many bytes, or as many as come before the end; lengths that nobody needs are not believed."""
    message, sock = association.dimse.message, association.dul.socket
    came_bytes = message.data_set.tell() if message is not None and message.data_set is not None else 0
    if wanted > LARGEST_PDU_BYTES or came_bytes > largest_bytes:
        log.warning("a message of %s claims %s bytes after %s", _whence(association), wanted, came_bytes)
        raise OSError(errno.EMSGSIZE, "larger than anything that is sent in good faith")
    if sock is None or sock.socket is None:
        raise OSError(errno.ENOTCONN, "the connection was closed meanwhile")
    buffer = bytearray(wanted)
    filled = 0
    with memoryview(buffer) as view:
        while filled < wanted and (count := sock.socket.recv_into(view[filled:])):
            filled += count
    del buffer[filled:]
    return buffer


def _whence(association: Association) -> str:
    address = association.requestor.address_info
    return address.address if address is not None else "0.0.0.0"  # noqa: S104 pynetdicom sets it with the connection


def _titles(association: Association) -> tuple[str, str]:
    """The title of the caller, and the one that was called."""
    asked = association.requestor.primitive
    if asked is None:
        return "", ""
    return str(asked.calling_ae_title).strip(), str(asked.called_ae_title).strip()


def _address(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
