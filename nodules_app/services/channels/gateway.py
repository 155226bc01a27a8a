"""Messages through a webhook gateway: one signed HTTPS request each, under a key that the gateway takes once.

The gateway must answer a key that it knows already with the same reference (or 409): then an attempt whose answer was
lost may be made again without telling the patient twice. See docs/reminders.md for the contract.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from nodules_app.services.channels import NotTaken, Outgoing, Taken

TRY_AGAIN: Final = frozenset({408, 425, 429})
KNOWN_ALREADY: Final = 409
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
MOST_BYTES: Final = 65_536  # of an answer that we read
FRESH_S: Final = 300  # a receipt that was signed longer ago may be a replay


def send(message: Outgoing) -> Taken:
    """Hand one message to the gateway.

    Raises
    ------
    NotTaken
        It refused, could not be reached, or did not answer; the same key may be sent again in every case.
    """
    body = json.dumps({"to": message.to, "text": message.body, "key": message.key}, ensure_ascii=False).encode()
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": message.key,
        "X-Nodules-Timestamp": timestamp,
        "X-Nodules-Signature": signature(timestamp, body),
    }
    connection, path = _connection(settings.GATEWAY_URL)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        said = answer.read(MOST_BYTES)
    except (http.client.HTTPException, OSError) as problem:
        raise NotTaken(f"the gateway does not answer: {problem}") from problem
    finally:
        connection.close()
    if answer.status // 100 == 2 or answer.status == KNOWN_ALREADY:
        return Taken(reference=_reference(said))
    refused = 400 <= answer.status < 500 and answer.status not in TRY_AGAIN
    raise NotTaken(f"the gateway answered {answer.status}", for_good=refused)


def signature(timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the time and the body, as ``X-Nodules-Signature`` carries it in both directions."""
    told = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(settings.GATEWAY_SECRET.encode(), told, hashlib.sha256).hexdigest()


def is_genuine(timestamp: str, body: bytes, signed: str, *, now_s: float) -> bool:
    """Whether a receipt was signed with our secret, and lately."""
    if not settings.GATEWAY_SECRET or not timestamp.isdecimal() or abs(now_s - int(timestamp[:12])) > FRESH_S:
        return False
    return hmac.compare_digest(signature(timestamp, body), signed)


def _connection(address: str) -> tuple[http.client.HTTPConnection, str]:
    place = urlsplit(address)
    path = place.path + (f"?{place.query}" if place.query else "") or "/"
    host = place.hostname or ""
    if place.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, place.port, timeout=settings.SENDING_TIMEOUT_S, context=context), path
    if host not in LOOPBACK:
        raise ImproperlyConfigured("NODULES_GATEWAY_URL must begin with https:// unless it names this machine.")
    return http.client.HTTPConnection(host, place.port, timeout=settings.SENDING_TIMEOUT_S), path


def _reference(said: bytes) -> str:
    try:
        told = json.loads(said)
    except ValueError:
        return ""
    return str(told.get("reference", ""))[:200] if isinstance(told, dict) else ""
