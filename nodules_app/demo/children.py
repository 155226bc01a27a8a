"""One process of the demo: started, watched, started again after a crash, ended with everything it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nodules_app.embedded.machine import die_with_parent

GRACE_S: Final = 10.0
RESTARTS: Final = 5  # in RESTARTS_WITHIN_S; more often it will not get better by itself
RESTARTS_WITHIN_S: Final = 120.0


@dataclass
class Child:
    """A command that is to run as long as the demo does."""

    name: str
    command: Sequence[str]
    log: Path
    quick_end: signal.Signals = signal.SIGTERM  # ends without finishing its work: for when the supervisor is gone
    process: subprocess.Popen[bytes] | None = None
    ended_at_s: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))

    def start(self, environment: Mapping[str, str]) -> None:
        """Start in a session of its own, so that Ctrl-C reaches the supervisor only and the group can be ended."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(self.quick_end),  # noqa: PLW1509 - two system calls, safe after a fork
            )

    @property
    def crashed(self) -> bool:
        """Whether it has ended although nobody asked it to."""
        return self.process is not None and self.process.poll() is not None

    def may_restart(self) -> bool:
        """Note that it crashed now; False when it has done so too often in a short time."""
        self._end_group()
        now_s = time.monotonic()
        too_often = len(self.ended_at_s) == RESTARTS and now_s - self.ended_at_s[0] < RESTARTS_WITHIN_S
        self.ended_at_s.append(now_s)
        return not too_often

    def ask_to_end(self) -> None:
        """Let it finish what it has in hand."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end(self, deadline_s: float) -> None:
        """Wait for its end until the deadline (of ``time.monotonic``), then end it and its children by force."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline_s - time.monotonic()))
        self._end_group()
        self.process.wait()

    def last_words(self, lines: int = 12) -> str:
        """Give the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _end_group(self) -> None:
        """A killed master leaves its workers, which still hold the port or a task."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
