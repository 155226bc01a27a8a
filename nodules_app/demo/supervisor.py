"""The whole product in one terminal: servers, tables, a clinic, then web, worker and beat; all end together.

Order matters: each step needs the one before. What crashes is started again and said; Ctrl-C, SIGTERM, a closed
terminal or a closed pipe end everything in reverse order; should this process be killed, the kernel ends its children.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from nodules_app.demo.children import GRACE_S, Child
from nodules_app.embedded import EmbeddedServers, ServerTrouble
from nodules_app.embedded.errors import KNOWN_TROUBLE
from nodules_app.embedded.machine import die_with_parent

WEB_LIMIT_S: Final = 60.0
LOOK_EVERY_S: Final = 0.2
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoTrouble(Exception):
    """The demo cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something between the database and the pages that ends by itself."""

    done: str  # what is said when it has ended well
    command: Sequence[str]


class Supervisor:
    """Starts, watches and ends every process of the demo.

    Parameters
    ----------
    var
        Folder for data and logs.
    port
        Where the pages are served, on loopback only.
    preparation
        Steps between database and web; what the last one prints is the greeting.
    children
        What then runs for as long as the demo, the pages first; they end in reverse order.
    """

    def __init__(self, var: Path, port: int, preparation: Sequence[Step], children: Sequence[Child]) -> None:
        self.var, self.port, self.preparation, self.children = var, port, preparation, children
        self.begin_s = time.monotonic()
        self.servers: EmbeddedServers | None = None
        self.logs = var / "log"
        self.environment: dict[str, str] = {**os.environ, "NODULES_DEMO": "true", "PYTHONUNBUFFERED": "1"}
        self._listening = True  # whether somebody still reads what we say

    def run(self) -> int:
        """Run until told to end; give the exit status."""
        status = 0
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup wants a closed terminal to be ignored
                signal.signal(number, _interrupt)
        try:
            greeting = self._start()
            self._say(f"\n  The clinic is open at http://127.0.0.1:{self.port}/\n\n{greeting}\n  Ctrl-C ends it.\n")
            self._watch()
        except KeyboardInterrupt:
            self._say("")  # behind the terminal's ^C
        except (DemoTrouble, ServerTrouble) as trouble:
            self._say(str(trouble))
            status = 1
        except OSError as trouble:  # our own folders and logs: what the parts meet is told by them
            self._say(f"{self.var} cannot be used: {trouble}. Is the disk full, or the folder somebody else's?")
            status = 1
        finally:
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            self._stop()
        return status

    def _start(self) -> str:
        """Start everything in order; give what the last step of the preparation printed."""
        refuse_taken_port(self.port)
        self.logs.mkdir(parents=True, exist_ok=True)
        self._start_servers()
        printed = [self._do(step) for step in self.preparation]
        for child in self.children:
            child.log.unlink(missing_ok=True)
            child.start(self.environment)
        self._wait_for_web(self.children[0])
        return printed[-1] if printed else ""

    def _start_servers(self) -> None:
        if "DATABASE_URL" in self.environment and "REDIS_URL" in self.environment:
            self._progress("using the servers that DATABASE_URL and REDIS_URL name")
            return
        servers = EmbeddedServers(self.var)
        if not servers.own():
            raise DemoTrouble(
                f"The servers of {servers.home} already run under {servers.owner()} (another demo, or a command that "
                "is still working): use that one, or stop it and start again."
            )
        self.servers = servers
        if servers.home != self.var.resolve():
            self._progress(f"running as root: database and queue keep their data in {servers.home}")
        servers.start(told=lambda server: self._progress(f"{server.title} answers on port {server.port}"))
        self.environment |= servers.environment

    def _do(self, step: Step) -> str:
        """Do one step, give what it printed; when it fails, show the end of its log."""
        said, log = self.logs / "step.out", self.logs / "step.log"
        with said.open("wb") as out, log.open("wb") as errors:
            process = subprocess.Popen(
                step.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - two system calls, safe after a fork
            )
            try:
                while process.poll() is None:
                    self._look_after_servers()
                    time.sleep(0.05)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if process.returncode:
            reason = log.read_text(errors="replace")
            remedies = [remedy for sign, remedy in KNOWN_TROUBLE.items() if sign in reason]
            command = " ".join(step.command[1:])
            failed = f"This step failed: {command} (all it said: {log})."
            raise DemoTrouble("\n".join([*reason.splitlines()[-12:], failed, *remedies]))
        self._progress(step.done)
        return said.read_text()

    def _wait_for_web(self, web: Child) -> None:
        deadline_s = time.monotonic() + WEB_LIMIT_S
        while not answers(f"http://127.0.0.1:{self.port}/healthz"):
            if web.crashed or time.monotonic() > deadline_s:
                raise DemoTrouble(f"{web.last_words()}\nThe web server does not answer (all of its log: {web.log}).")
            time.sleep(0.05)
        self._progress("the pages are up")

    def _watch(self) -> None:
        """Start again what crashes, until a signal or a terminal that is gone."""
        terminal = select.poll()
        terminal.register(sys.stdout.fileno(), 0)  # errors and hang-ups are always reported
        while not terminal.poll(LOOK_EVERY_S * 1000):
            self._look_after_servers()
            for child in self.children:
                if child.crashed:
                    self._restart(child)

    def _look_after_servers(self) -> None:
        for server in self.servers.servers if self.servers else ():
            if server.crashed:
                self._progress(f"{server.title} ended unexpectedly: starting it again")
                server.start()
                self._progress(f"{server.title} answers again; what was saved is there")

    def _restart(self, child: Child) -> None:
        how = _how_it_ended(child.process)
        if not child.may_restart():
            raise DemoTrouble(
                f"{child.last_words()}\n{child.name} keeps ending ({how}): all of its log is {child.log}."
            )
        self._progress(f"{child.name} ended unexpectedly ({how}): starting it again")
        child.start(self.environment)

    def _stop(self) -> None:
        """End beat, worker, web, then the servers; what is not finished in time is done again at the next start."""
        begin_s = time.monotonic()
        for child in reversed(self.children):
            child.ask_to_end()
        for child in reversed(self.children):
            child.end(begin_s + GRACE_S)
        if self.servers is not None:
            self.servers.stop()
        if self.servers is not None:
            self._progress(f"everything has ended, in {time.monotonic() - begin_s:.1f} s; the data stay in {self.var}")

    def _progress(self, what: str) -> None:
        self._say(f"{time.monotonic() - self.begin_s:6.1f} s  {what}")

    def _say(self, line: str) -> None:
        """Print; a reader who has gone means that nobody wants the demo any more."""
        if not self._listening:
            return
        try:
            print(line, flush=True)  # noqa: T201 - the supervisor speaks to a terminal
        except OSError:
            self._listening = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
            os.kill(os.getpid(), signal.SIGTERM)


def refuse_taken_port(port: int) -> None:
    """Raise ``DemoTrouble`` when another program serves this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoTrouble(f"Port {port} cannot be used ({error.strerror}): make demo PORT={port + 1}") from error


def answers(url: str) -> bool:
    """Whether a GET gives 200 within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _how_it_ended(process: subprocess.Popen[bytes] | None) -> str:
    status = process.returncode if process is not None else None
    if status is None:
        return "not started"
    return f"signal {-status}" if status < 0 else f"status {status}"
