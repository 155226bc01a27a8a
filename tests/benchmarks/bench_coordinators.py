"""Thirty coordinators at once in a large clinic: how long each waits for a page, and whether any page fails.

Run as ``python -m tests.benchmarks.bench_coordinators [PATIENTS] [MINUTES]`` (200,000 and 5 unless told). Needs locust
(``requirements-bench.txt``), on the path or named by ``LOCUST``. It starts a PostgreSQL of its own, fills it (see
``clinic_of_years``), serves the pages by the very command of ``make demo`` and prints Markdown for
``docs/benchmarks.md``. The people that locust plays share the machine with what they measure.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.benchmarks.bench_clinic import servers

COORDINATORS: Final = 30
NEW_A_SECOND: Final = 2  # people do not all press the button in one second of the morning
PORT: Final = 8899
PASSWORD: Final = "a long pass phrase"
START_LIMIT_S: Final = 60
LOCUST: Final = os.environ.get("LOCUST", "locust")


@dataclass(frozen=True, slots=True)
class Worked:
    """CPU seconds that each part used."""

    web_s: float
    database_s: float
    locust_s: float
    all_s: float  # every process of the machine

    def __sub__(self, before: Worked) -> Worked:
        return Worked(
            self.web_s - before.web_s,
            self.database_s - before.database_s,
            self.locust_s - before.locust_s,
            self.all_s - before.all_s,
        )


def main(patients: int, minutes: float) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from tests.benchmarks import clinic_pages

    clinic_pages.prepare(patients)
    measure(patients, minutes)


def measure(patients: int, minutes: float) -> None:
    """Let them work in a database that is filled, and print what they waited for."""
    from tests.benchmarks import clinic_pages

    clinic_pages.coordinators(COORDINATORS, PASSWORD)
    var = Path(os.environ["NODULES_VAR"])
    environment = os.environ | {"COORDINATOR_PASSWORD": PASSWORD, "COORDINATOR_PATIENTS": str(patients)}
    with web(var, environment) as pages:
        before, began = worked(pages), time.perf_counter()
        ended = play(var, environment, minutes)
        spent, took_s = worked(pages) - before, time.perf_counter() - began
    print(table(var / "coordinators_stats.csv"))  # noqa: T201
    print(  # noqa: T201
        f"\nlocust ended with {ended}; CPU seconds of {psutil.cpu_count()} x {took_s:.0f}: pages {spent.web_s:.0f},"
        f" database {spent.database_s:.0f}, locust {spent.locust_s:.0f}, whole machine {spent.all_s:.0f}"
    )


@contextmanager
def web(var: Path, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """The pages, by the command of the demo."""
    from nodules_app.demo.product import children

    (var / "log").mkdir(parents=True, exist_ok=True)
    pages = children(var, PORT)[0]
    pages.start(environment)
    try:
        deadline_s = time.monotonic() + START_LIMIT_S
        while not any(one.laddr.port == PORT for one in psutil.net_connections("tcp") if one.status == "LISTEN"):
            if pages.crashed or time.monotonic() > deadline_s:
                raise RuntimeError(pages.last_words())
            time.sleep(0.2)
        assert pages.process is not None
        yield psutil.Process(pages.process.pid)
    finally:
        pages.ask_to_end()
        pages.end(time.monotonic() + 10)


def play(var: Path, environment: Mapping[str, str], minutes: float) -> int:
    """Run locust without its page; its figures go to ``coordinators_stats.csv``."""
    script = Path(__file__).with_name("coordinators.py")
    command = [LOCUST, "-f", str(script), "--headless", "--only-summary"]
    command += ["--users", str(COORDINATORS), "--spawn-rate", str(NEW_A_SECOND), "--run-time", f"{60 * minutes:.0f}s"]
    command += ["--host", f"http://127.0.0.1:{PORT}", "--csv", str(var / "coordinators"), "--stop-timeout", "30"]
    with (var / "log" / "locust.log").open("wb") as log:
        return subprocess.run(command, env=dict(environment), stdout=log, stderr=log, check=False).returncode


def worked(pages: psutil.Process) -> Worked:
    """What was worked until now."""
    from tests.benchmarks.cpu import backend, family_s

    whole = psutil.cpu_times()
    children = psutil.Process().cpu_times()
    return Worked(
        web_s=family_s(pages),
        database_s=family_s(backend().parent()),
        locust_s=children.children_user + children.children_system,
        all_s=sum(whole) - whole.idle - whole.iowait - whole.guest - whole.guest_nice,
    )


def table(figures: Path) -> str:
    """Write locust's figures as Markdown."""
    lines = ["| what | times | failed | median ms | p95 ms | p99 ms | longest ms |", "|---|---|---|---|---|---|---|"]
    with figures.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            name = "all" if row["Name"] == "Aggregated" else row["Name"]
            told = [row[key] for key in ("Request Count", "Failure Count", "50%", "95%", "99%")]
            lines.append(f"| {name} | {' | '.join(told)} | {float(row['Max Response Time']):.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if shutil.which(LOCUST) is None:
        print("locust is not here, nothing was measured: see requirements-bench.txt")  # noqa: T201
    else:
        with servers():
            asked = sys.argv[1:] + ["200000", "5"][len(sys.argv) - 1 :]
            main(int(asked[0]), float(asked[1]))
