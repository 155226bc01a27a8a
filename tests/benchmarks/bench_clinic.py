"""How long the pages of a large clinic take: server time of every worklist, search, patient page and calendar.

Run as ``python -m tests.benchmarks.bench_clinic [PATIENTS]`` (200,000 unless told). It starts a PostgreSQL of its own,
fills it (see ``clinic_of_years``), asks every page cold once and then warm, and prints Markdown for
``docs/benchmarks.md``: median, 95th percentile, CPU time of the page and of the database, and number of queries. The
proof that nobody is lost is timed with it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nodules_app.embedded import EmbeddedServers

ROUNDS: Final = 15


@contextmanager
def servers() -> Iterator[None]:
    """A PostgreSQL and a Valkey for this run alone."""
    root = Path(tempfile.mkdtemp(prefix="nodules-bench-"))
    root.chmod(0o755)  # as root, the servers run as `nobody`
    started = EmbeddedServers(root, durable=False)
    try:
        os.environ.update(started.start_or_join())
        os.environ["NODULES_VAR"] = str(root / "var")
        yield
    finally:
        started.stop()
        shutil.rmtree(root, ignore_errors=True)


def main(patients: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from tests.benchmarks import clinic_pages

    began = time.perf_counter()
    size = clinic_pages.prepare(patients)
    print(f"{size.patients:,} patients, {size.follow_ups:,} follow-ups, {size.measurements:,} measurements; ")  # noqa: T201
    print(f"filled in {time.perf_counter() - began:.0f} s.\n")  # noqa: T201
    print("| page | cold ms | median ms | p95 ms | CPU ms: page + database | queries |\n|---|---|---|---|---|---|")  # noqa: T201
    for name, ask in clinic_pages.pages(patients).items():
        print(row(name, ask))  # noqa: T201


def row(name: str, ask: Callable[[], int]) -> str:
    """Ask once cold and then warm, and write one row."""
    from tests.benchmarks.cpu import backend, family_s

    cold_ms, queries = timed(ask)
    answering = backend()
    database_s, page_s = family_s(answering), time.process_time()
    warm_ms = sorted(timed(ask)[0] for _ in range(ROUNDS))
    page_ms = 1000 * (time.process_time() - page_s) / ROUNDS
    database_ms = 1000 * (family_s(answering) - database_s) / ROUNDS
    p95_ms = warm_ms[min(ROUNDS - 1, round(0.95 * ROUNDS))]
    times = f"{cold_ms:.0f} | {statistics.median(warm_ms):.0f} | {p95_ms:.0f} | {page_ms:.0f} + {database_ms:.0f}"
    return f"| {name} | {times} | {queries} |"


def timed(ask: Callable[[], int]) -> tuple[float, int]:
    began = time.perf_counter()
    queries = ask()
    return 1000 * (time.perf_counter() - began), queries


if __name__ == "__main__":
    with servers():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
