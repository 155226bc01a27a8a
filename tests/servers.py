"""A real PostgreSQL and Valkey for the whole test session, unless the environment names its own.

Loaded by ``-p tests.servers`` (pyproject.toml), before pytest-django reads the settings. Workers of a parallel run
inherit the addresses from the first process; each takes Redis databases of its own, or one would do another's work.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from nodules_app.embedded import EmbeddedServers, ServerTrouble

TEST_FOLDERS = "nodules-test-"
_running: list[EmbeddedServers] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        os.environ["NODULES_REDIS_DATABASE"] = str(2 * int(worker.removeprefix("gw")) + 2)
    elif "DATABASE_URL" not in os.environ and not _only_pure_tests(early_config):
        _start()
    return (yield)


def pytest_unconfigure() -> None:
    while _running:
        servers = _running.pop()
        servers.stop()
        shutil.rmtree(servers.home)


def _only_pure_tests(config: pytest.Config) -> bool:
    """Whether every path on the command line lies under tests/unit, which needs no server."""
    asked = config.known_args_namespace
    if asked.collectonly or asked.help or asked.version:
        return True
    here = config.invocation_params.dir
    paths = [(here / path.split("::")[0]).resolve() for path in asked.file_or_dir]
    return bool(paths) and all(path.is_relative_to(config.rootpath / "tests" / "unit") for path in paths)


def _start() -> None:
    _clear_what_killed_sessions_left()
    root = Path(tempfile.mkdtemp(prefix=TEST_FOLDERS))
    root.chmod(0o755)  # as root, the servers run as `nobody`, who must be able to walk in
    servers = EmbeddedServers(root, durable=False)
    try:
        for name, value in servers.start_or_join().items():
            os.environ.setdefault(name, value)
    except ServerTrouble as trouble:
        shutil.rmtree(root)
        raise pytest.UsageError(str(trouble)) from None
    _running.append(servers)


def _clear_what_killed_sessions_left() -> None:
    """Remove folders of our own whose owner is gone: 40 MB each."""
    for root in Path(tempfile.gettempdir()).glob(f"{TEST_FOLDERS}*"):
        lock = root / "servers.lock"
        if not lock.exists() or root.stat().st_uid != os.geteuid():
            continue
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(root, ignore_errors=True)
