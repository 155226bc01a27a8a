"""DICOM over the network: whom we talk to and how, for asking (``network_ask``) and listening (``network_listen``).

pynetdicom keeps the protocol (PS3.7, PS3.8). What it would log by itself is switched off: its lines carry names and
numbers of patients, and one traceback for every odd byte that a stranger sends. Our own lines carry neither.
"""

from __future__ import annotations

import logging
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pynetdicom import _config  # the library's settings have no other home

TITLE: Final = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")  # PS3.5 table 6.2-1: AE, without backslash and control
UID: Final = re.compile(r"[0-9.]{1,64}")
MAX_PDU_BYTES: Final = 131_072
VERIFICATION: Final = "1.2.840.10008.1.1"

_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.STORE_SEND_CHUNKED_DATASET = True  # objects go out byte for byte as they lie, whatever their size
for _noisy in ("dul", "transport", "acse", "association", "dimse", "service_class", "events", "ae", "fsm"):
    logging.getLogger(f"pynetdicom.{_noisy}").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Certificates of this installation, as PEM files; without authorities those of the system are believed."""

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None

    def for_asking(self) -> ssl.SSLContext:
        """Believe a peer whose certificate is good for its host name; show our own where there is one."""
        context = ssl.create_default_context(cafile=self.authorities)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def for_listening(self) -> ssl.SSLContext:
        """Show our certificate; with authorities named, every caller has to show one that they signed.

        Raises
        ------
        ValueError
            Nothing can be encrypted without a certificate of our own.
        """
        if self.certificate is None:
            raise ValueError("listening with TLS needs a certificate and its key")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.authorities)
        context.load_cert_chain(self.certificate, self.key)
        context.verify_mode = ssl.CERT_REQUIRED if self.authorities is not None else ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Peer:
    """A PACS that is spoken to by DIMSE.

    Parameters
    ----------
    title, own_title
        Its AE title and the one that we go by there.
    tls
        None speaks in the clear.
    timeout_s
        How long it may be silent, at the door and between two messages.
    """

    title: str
    host: str
    port: int
    own_title: str
    tls: TlsFiles | None = None
    timeout_s: float = 30.0
