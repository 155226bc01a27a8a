"""A mail server and a webhook gateway that really listen, for tests of what leaves the house.

Both keep what they were told. The mail server can be told to answer with a code, to close the connection or to hold it
at any moment of the conversation, so that a test can end the other side there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLOSE = 0  # instead of a reply
MOMENTS = ("greeting", "ehlo", "mail", "rcpt", "data", "body", "answer")


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    state: MailServer


class _Conversation(socketserver.StreamRequestHandler):
    server: _MailServer

    def reply(self, moment: str, words: str) -> bool:
        state = self.server.state
        state.reached.append(moment)
        if moment == state.hold_at:
            state.held.set()
            state.let_go.wait(30)
        code = state.codes.get(moment)
        if code == CLOSE:
            return False
        self.wfile.write(f"{code} said the test\r\n".encode() if code else f"{words}\r\n".encode())
        return True

    def handle(self) -> None:
        if not self.reply("greeting", "220 test"):
            return
        words = {"EHLO": ("ehlo", "250 test"), "MAIL": ("mail", "250 ok"), "RCPT": ("rcpt", "250 ok")}
        while line := self.rfile.readline():
            verb = line[:4].decode().upper()
            if verb == "DATA":
                if not self.reply("data", "354 go on") or self.server.state.codes.get("data"):
                    return
                if not self.take_body():
                    return
            elif verb in words:
                if not self.reply(*words[verb]):
                    return
            else:
                self.wfile.write(b"221 bye\r\n")
                return

    def take_body(self) -> bool:
        state, lines = self.server.state, []
        state.reached.append("body")
        if state.hold_at == "body":
            state.held.set()
            state.let_go.wait(30)
        if state.codes.get("body") == CLOSE:
            return False
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if line and state.codes.get("answer", 250) // 100 != 5:
            state.mails.append(message_from_bytes(b"".join(lines), policy=default))
        return self.reply("answer", "250 queued as T1")


@dataclass
class MailServer:
    """What the server was told (``mails``), how far each conversation came (``reached``), and what it shall do."""

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    hold_at: str = ""
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    state = MailServer()
    with _MailServer(("127.0.0.1", 0), _Conversation) as server:
        server.state = state
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield state
        state.let_go.set()
        server.shutdown()


@dataclass
class Gateway:
    """A gateway that takes a key once, as the contract asks; ``answers`` are status codes for the next requests."""

    secret: str
    port: int = 0
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: int = 0
    unsigned: int = 0
    answers: list[int] = field(default_factory=list)
    drop_answers: int = 0  # take the message, then close without a word
    hold: bool = False  # take the message, then wait before answering
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def gateway(secret: str) -> Iterator[Gateway]:
    state = Gateway(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.requests += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = f"{self.headers['X-Nodules-Timestamp']}.".encode() + body
            expected = "sha256=" + hmac.new(state.secret.encode(), told, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(expected, self.headers["X-Nodules-Signature"]):
                state.unsigned += 1
                self.send_response(401)
                self.end_headers()
                return
            if state.answers:
                self.send_response(state.answers.pop(0))
                self.end_headers()
                return
            key = self.headers["Idempotency-Key"]
            state.texts.setdefault(key, json.loads(body))
            if state.hold:
                state.held.set()
                state.let_go.wait(30)
            if state.drop_answers:
                state.drop_answers -= 1
                self.close_connection = True
                return
            said = json.dumps({"reference": f"G-{len(state.texts)}"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Keep quiet: the test reads ``state``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
