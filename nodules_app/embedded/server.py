"""One server process: started on its port, waited for, stopped cleanly, started again after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final

import psutil

from nodules_app.embedded.errors import KNOWN_TROUBLE, PredecessorLives, ServerTrouble
from nodules_app.embedded.machine import account, die_with_parent, free_port

START_LIMIT_S: Final = 60.0
STOP_LIMIT_S: Final = 20.0
LOG_LIMIT_BYTES: Final = 5 * 2**20


class Server(ABC):
    """One server process with its folder, port and password."""

    name: str  # of folder and log
    title: str  # for people
    stop_signal: signal.Signals
    pid_file: Path

    def __init__(self, home: Path, password: str, *, port: int | None = None, durable: bool = True) -> None:
        self.home, self.password, self.durable = home, password, durable
        self.port = free_port(port)
        self.folder = home / self.name
        self.account = account()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with its password, as settings take it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes requests now."""

    @abstractmethod
    def _prepare(self) -> list[str | Path]:
        """Make what the server needs in its folder and give its command line."""

    @property
    def log(self) -> Path:
        """What the server wrote, over all its starts."""
        return self.folder / f"{self.name}.log"

    @property
    def crashed(self) -> bool:
        """Whether it was started and has ended on its own."""
        return self.process is not None and self.process.poll() is not None

    def start(self) -> None:
        """Start on the port of this object and wait until it answers; also after a crash."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o700)
        self._give(self.folder)
        self._end_predecessor()
        command = self._prepare()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.unlink()
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                self._start_once(command, deadline)
            except PredecessorLives:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def _start_once(self, command: list[str | Path], deadline: float) -> None:
        with self.log.open("ab") as log:
            begin = log.tell()
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the owner, which stops servers last
                    preexec_fn=die_with_parent(self.stop_signal),  # noqa: PLW1509 - two system calls, safe after a fork
                    **self._as_account(),
                )
            except OSError as error:
                raise ServerTrouble(f"{self.title} cannot be started on this machine: {error}.") from error
        while not self.answers():
            if self.crashed or time.monotonic() > deadline:
                self.stop()
                raise self._trouble(begin)
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop cleanly; by force when it does not end in time."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _give(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _as_account(self) -> dict[str, Any]:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _write_private(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self._give(path)

    def _end_predecessor(self) -> None:
        """End a server that an owner left on our data when it died; forget a file that names a stranger.

        After a reboot or in a fresh container the old number may belong to any program, and a server that finds its
        number alive refuses to start. A number that nobody has is left to the server's own check.
        """
        try:
            process = psutil.Process(int(self.pid_file.read_text().split()[0]))
            ours = str(self.folder) in " ".join(process.cmdline())
        except (FileNotFoundError, ValueError, IndexError, psutil.Error):
            return
        if not ours:
            self.pid_file.unlink()
            return
        try:
            process.send_signal(self.stop_signal)
            process.wait(STOP_LIMIT_S)
        except psutil.NoSuchProcess:
            return  # it ended by itself
        except psutil.TimeoutExpired:
            raise ServerTrouble(
                f"An earlier {self.title} (process {process.pid}) does not end: end it, then start again."
            ) from None

    def _trouble(self, begin: int) -> ServerTrouble:
        """Say why it did not start, from what it wrote since ``begin``."""
        with self.log.open("rb") as log:
            log.seek(begin)
            said = log.read().decode(errors="replace").strip()
        if "still in use" in said:
            return PredecessorLives(f"Processes of a crashed {self.title} do not end: end them, then start again.")
        lines = said.splitlines() or ["none"]
        last_words = next((line for line in reversed(lines) if "FATAL" in line), lines[-1])
        known = (remedy for sign, remedy in KNOWN_TROUBLE.items() if sign in said)
        remedy = next(known, f"Its last words: {last_words}")
        return ServerTrouble(f"{self.title} did not start ({self.log}). {remedy}")
