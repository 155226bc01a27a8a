"""CPU time, which a busy machine does not stretch as it stretches the time on the wall."""

from __future__ import annotations

import psutil
from django.db import connection


def family_s(process: psutil.Process) -> float:
    """CPU seconds of a process, of the children it has and of those it has seen end."""
    return sum(sum(one.cpu_times()[:4]) for one in (process, *process.children(recursive=True)))


def backend() -> psutil.Process:
    """The process of the database that answers this connection; its parent is the database itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0])
