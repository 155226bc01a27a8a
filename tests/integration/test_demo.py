"""One command, one end: the supervisor of the demo, over processes that only sleep.

``test_survives_kills.py`` has the product's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import redis

from nodules_app.embedded.machine import free_port

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0

# The real supervisor with real servers; its children sleep, but for one that answers as the pages do.
SLEEPERS = """
import sys
from pathlib import Path
from nodules_app.demo.children import Child
from nodules_app.demo.supervisor import Step, Supervisor
var, port, page, step = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]
logs = var / "log"
pages = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(page)]
children = [Child("web", pages, logs / "web.log"), Child("worker", ["sleep", "600"], logs / "worker.log")]
sys.exit(Supervisor(var, port, [Step("prepared", step)] if step else [], children).run())
"""


def elsewhere() -> dict[str, str]:
    """Our environment without the servers of the tests, for a product that starts its own."""
    ours = {"DATABASE_URL", "REDIS_URL", "NODULES_EMBEDDED", "NODULES_REDIS_DATABASE"}
    return {name: value for name, value in os.environ.items() if name not in ours}


class Demo:
    """A running demo: what it says, and which processes it has."""

    def __init__(self, script: str, *arguments: str, **options: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT,
            env=elsewhere(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
            **options,  # type: ignore[call-overload] # only ever preexec_fn
        )
        self.said = ""

    def until(self, wanted: str) -> str:
        """Read what it says until a line holds this."""
        assert self.process.stdout is not None
        while not re.search(wanted, self.said):
            line = self.process.stdout.readline()
            assert line, f"it ended without saying {wanted!r}:\n{self.said}"
            self.said += line
        return self.said

    def ended(self) -> int:
        """Give its exit status, once it has one."""
        rest, _ = self.process.communicate(timeout=LIMIT_S)
        self.said += rest or ""
        return self.process.returncode

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def one(self, *words: str) -> psutil.Process:
        """Give the direct child whose command line holds all these words."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it ended, or waits to be reaped
                if all(word in " ".join(child.cmdline()) for word in words):
                    found.append(child)
        (only,) = found
        return only


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them end within ten seconds."""
    _, alive = psutil.wait_procs(processes, timeout=10)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def eventually(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < deadline_s, "it did not come true in time"
        time.sleep(0.05)


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nodules-demo-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "healthz").write_text("{}")
    return tmp_path


@pytest.fixture
def started() -> Iterator[Callable[..., Demo]]:
    """Start demos; what a failing test leaves running is ended."""
    demos: list[Demo] = []

    def start(*arguments: object, **options: object) -> Demo:
        demos.append(Demo(*(str(argument) for argument in arguments), **options))
        return demos[-1]

    yield start
    for demo in demos:
        demo.process.kill()
        demo.process.wait()
        assert demo.process.stdout is not None
        demo.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_each_way_to_say_stop_ends_everything(
    started: Callable[..., Demo], var: Path, port: int, page: Path, number: signal.Signals
) -> None:
    # As a terminal starts it: a test run in the background or under nohup hands down signals that are ignored.
    demo = started(SLEEPERS, var, port, page, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    demo.until("Ctrl-C ends it")
    family = demo.family()
    demo.process.send_signal(number)
    assert demo.ended() == 0
    assert gone(family)


def test_a_reader_who_has_gone_ends_everything(started: Callable[..., Demo], var: Path, port: int, page: Path) -> None:
    demo = started(SLEEPERS, var, port, page)
    demo.until("Ctrl-C ends it")
    family = demo.family()
    assert demo.process.stdout is not None
    demo.process.stdout.close()
    assert demo.process.wait(LIMIT_S) == 0
    assert gone(family)


def test_nohup_is_respected(started: Callable[..., Demo], var: Path, port: int, page: Path) -> None:
    demo = started(SLEEPERS, var, port, page, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    demo.until("Ctrl-C ends it")
    demo.process.send_signal(signal.SIGHUP)
    demo.one("sleep").kill()
    demo.until("worker ended unexpectedly")
    demo.process.terminate()
    assert demo.ended() == 0


def test_a_stop_in_the_middle_of_the_preparation_leaves_nothing(
    started: Callable[..., Demo], var: Path, port: int, page: Path
) -> None:
    demo = started(SLEEPERS, var, port, page, "sleep", "600")
    demo.until("Valkey")
    eventually(lambda: any("sleep" in process.name() for process in demo.family()))
    family = demo.family()
    demo.process.terminate()
    assert demo.ended() == 0
    assert gone(family)


def test_a_step_that_fails_shows_why_and_starts_no_pages(
    started: Callable[..., Demo], var: Path, port: int, page: Path
) -> None:
    demo = started(SLEEPERS, var, port, page, sys.executable, "-c", "import sys; sys.exit('the reason')")
    assert demo.ended() == 1
    assert "the reason\nThis step failed" in demo.said
    assert "pages are up" not in demo.said


def test_a_disk_that_fills_up_meanwhile_is_named(
    started: Callable[..., Demo], var: Path, port: int, page: Path
) -> None:
    full = "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))"
    demo = started(SLEEPERS, var, port, page, sys.executable, "-c", full)
    assert demo.ended() == 1
    assert "The disk is full: free some hundred megabytes and start again." in demo.said


def test_a_folder_that_cannot_be_used_is_named(
    started: Callable[..., Demo], tmp_path: Path, port: int, page: Path
) -> None:
    (tmp_path / "file").touch()
    demo = started(SLEEPERS, tmp_path / "file", port, page)
    assert demo.ended() == 1
    assert f"{tmp_path / 'file'} cannot be used: [Errno 20] Not a directory" in demo.said


def test_a_process_that_keeps_ending_stops_the_demo_and_says_why(
    started: Callable[..., Demo], var: Path, port: int, page: Path
) -> None:
    crashing = SLEEPERS.replace('"sleep", "600"', '"sh", "-c", "echo the reason; exit 3"')
    demo = started(crashing, var, port, page)
    assert demo.ended() == 1
    assert demo.said.count("worker ended unexpectedly (status 3): starting it again") == 5
    assert "the reason\nworker keeps ending (status 3)" in demo.said
    assert "everything has ended" in demo.said


def test_a_taken_port_is_said_before_anything_starts(
    started: Callable[..., Demo], var: Path, port: int, page: Path
) -> None:
    with socket.create_server(("127.0.0.1", port)):
        demo = started(SLEEPERS, var, port, page)
        assert demo.ended() == 1
    assert demo.said == f"Port {port} cannot be used (Address already in use): make demo PORT={port + 1}\n"
    assert list(var.iterdir()) == []


def test_a_second_demo_of_the_same_folder_is_sent_to_the_first(
    started: Callable[..., Demo], var: Path, port: int, page: Path
) -> None:
    first = started(SLEEPERS, var, port, page)
    first.until("Ctrl-C ends it")
    second = started(SLEEPERS, var, free_port(), page)
    assert second.ended() == 1
    assert f"already run under process {first.process.pid}" in second.said
    with redis.Redis.from_url(dict(_lines(var / "servers.env"))["REDIS_URL"]) as queue:
        assert queue.ping()
    first.process.terminate()
    assert first.ended() == 0


def _lines(file: Path) -> list[list[str]]:
    return [line.split("=", 1) for line in file.read_text().splitlines()]


def test_data_that_are_not_there_are_asked_for_again() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--data", "no/such/folder"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "CommandError: There is no no/such/folder: give a folder or a zip with DICOM files.\n"
