"""The processes of the product, as the demo runs them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

from nodules_app.demo.children import Child

DESK: Final = "nodules_app.tasks.desk"
IMAGING: Final = "nodules_app.tasks.imaging"
DESK_LIMIT_KB: Final = 250_000  # after a task; idle it holds half of that
CELERY = (sys.executable, "-m", "celery", "--app", "nodules_app.celery_app")


def children(var: Path, port: int) -> tuple[Child, ...]:
    """Give pages, the workers of images and of the desk, and the clock."""
    return _web(var, port), _worker(var, port), desk(var, port), _beat(var)


def _web(var: Path, port: int) -> Child:
    command = [sys.executable, "-m", "gunicorn", "nodules_app.wsgi:application", "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    # Longer than people read a page: a browser that sends a form down a connection just closed gets no answer.
    command += ["--timeout", "120", "--graceful-timeout", "3", "--keep-alive", "75"]
    return Child("web", command, var / "log" / "web.log")


def _worker(var: Path, port: int) -> Child:
    """Both queues of images; a run uses two threads, so half as many processes as cores, but at least two.

    Told to end it finishes its runs. When the supervisor is gone (``quick_end``) it is killed and drops them, for
    another to take: softer signals leave it waiting for a queue that is gone too.
    """
    processes = max(2, (os.cpu_count() or 2) // 2)
    command = _listening("cpu,gpu", f"demo-{port}@%h", processes)
    return Child("worker", [*command, "--include", IMAGING], var / "log" / "worker.log", quick_end=signal.SIGKILL)


def desk(var: Path, port: int) -> Child:
    """Give the worker of the desk: two processes, for no reminder waits for a long list; a swollen one is replaced."""
    command = [*_listening("desk", f"demo-desk-{port}@%h", 2), "--include", DESK]
    command += ["--max-memory-per-child", str(DESK_LIMIT_KB)]
    return Child("desk", command, var / "log" / "desk.log", quick_end=signal.SIGKILL)


def _listening(queues: str, name: str, processes: int) -> list[str]:
    command = [*CELERY, "worker", "--queues", queues, "--concurrency", str(processes), "--loglevel", "INFO"]
    return [*command, "--hostname", name, "--without-gossip", "--without-mingle"]


def _beat(var: Path) -> Child:
    """When the supervisor is gone it is killed as the worker is: asked softly it seeks the lost queue 20 seconds."""
    command = [*CELERY, "beat", "--loglevel", "INFO", "--schedule", str(var / "beat-schedule"), "--pidfile", ""]
    return Child("beat", command, var / "log" / "beat.log", quick_end=signal.SIGKILL)
