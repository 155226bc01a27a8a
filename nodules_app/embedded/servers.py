"""Both servers of one folder, owned by one process and joined by others."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from nodules_app.embedded.errors import ServerTrouble
from nodules_app.embedded.machine import home_of
from nodules_app.embedded.postgres import Postgres
from nodules_app.embedded.server import START_LIMIT_S, Server
from nodules_app.embedded.valkey import Valkey, ping

ROOM_MB: Final = 300  # an empty cluster with its write-ahead log takes 40 MB; the rest is for the first patients


class EmbeddedServers:
    """Both servers of one folder, owned by this process or joined.

    Parameters
    ----------
    var
        Where their data, password and addresses live.
    durable
        False for tests: nothing is forced to disk, so a power cut may lose the last commits.
    """

    def __init__(self, var: Path, *, durable: bool = True) -> None:
        self.home = home_of(var)
        self.durable = durable
        self.env_file = self.home / "servers.env"
        self.environment: dict[str, str] = {}
        self.servers: tuple[Server, ...] = ()
        self._lock: int | None = None

    def start_or_join(self) -> Mapping[str, str]:
        """Give the environment that names the servers, starting them unless another command already has."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.own():
            self.environment = self._read_environment()
            if self.environment and self._theirs_answer():
                return self.environment
            if time.monotonic() > deadline:
                raise ServerTrouble(
                    f"Another command holds the servers of {self.home}, but they do not answer: stop {self.owner()}."
                )
            time.sleep(0.1)
        self.start()
        return self.environment

    def own(self) -> bool:
        """Try to become the owner; False when another process is."""
        lock = os.open(self.home / "servers.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def owner(self) -> str:
        """Say who owns the servers, for a sentence."""
        pid = self._read_environment().get("NODULES_SERVERS_OWNER", "unknown")
        return f"process {pid}"

    def start(self, told: Callable[[Server], None] | None = None) -> None:
        """Start both servers as their owner, tell of each that answers, and write their addresses down."""
        before = self._read_environment()
        self.env_file.unlink(missing_ok=True)
        free_mb = shutil.disk_usage(self.home).free // 2**20
        if free_mb < ROOM_MB:
            raise ServerTrouble(
                f"Only {free_mb} MB are free where {self.home} lies; {ROOM_MB} MB are needed: make room first."
            )
        password = self._password()
        postgres = Postgres(self.home, password, port=_port_of(before.get("DATABASE_URL")), durable=self.durable)
        valkey = Valkey(self.home, password, port=_port_of(before.get("REDIS_URL")), durable=self.durable)
        self.servers = (postgres, valkey)
        try:
            for server in self.servers:
                server.start()
                if told is not None:
                    told(server)
        except BaseException:
            self.stop()
            raise
        self.environment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "NODULES_EMBEDDED": "true",
            "SECRET_KEY": sha256(f"sessions {password}".encode()).hexdigest(),
            "NODULES_SERVERS_OWNER": str(os.getpid()),
        }
        text = "".join(f"{key}={value}\n" for key, value in self.environment.items())
        partial = self.env_file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        partial.rename(self.env_file)

    def stop(self) -> None:
        """Stop what this process started, the queue before the database; joined servers stay."""
        if self._lock is None:
            return
        for server in reversed(self.servers):
            server.stop()
        os.close(self._lock)
        self._lock = None

    def _read_environment(self) -> dict[str, str]:
        """Read the addresses of the last start; they may be stale."""
        try:
            lines = self.env_file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def _theirs_answer(self) -> bool:
        port = _port_of(self.environment.get("DATABASE_URL"))
        password = self.environment.get("REDIS_URL", "").removeprefix("redis://:").partition("@")[0]
        redis_port = _port_of(self.environment.get("REDIS_URL"))
        if port is None or redis_port is None or not ping(redis_port, password):
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            return False
        return True

    def _password(self) -> str:
        """Give the one password of this folder, made at the first start."""
        file = self.home / "secret"
        try:
            return file.read_text()
        except FileNotFoundError:
            if (self.home / Postgres.name / "data").exists():
                raise ServerTrouble(
                    f"{file} is gone, and with it the way into the database beside it: put it back."
                ) from None
        password = secrets.token_urlsafe(24)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as secret:
            secret.write(password)
        return password


def _port_of(url: str | None) -> int | None:
    if not url:
        return None
    digits = url.rpartition("@")[2].partition("/")[0].rpartition(":")[2]
    return int(digits) if digits.isdigit() else None
