"""``manage.py demo``: the whole product with a clinic in it, in this terminal."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nodules_app.demo.product import children
from nodules_app.demo.supervisor import Step, Supervisor


class Command(BaseCommand):
    help = "Start database, queue, pages, worker and clock with a demo clinic; Ctrl-C ends them. The data stay."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="folder or zip with real DICOM, instead of the simulated patient")
        parser.add_argument("--port", type=int, default=8000, help="port of the pages on this machine (8000)")

    def handle(self, *, data: Path | None, port: int, **_options: object) -> None:
        if data is not None and not data.exists():
            raise CommandError(f"There is no {data}: give a folder or a zip with DICOM files.")
        var = Path(settings.VAR_DIR)
        sys.exit(Supervisor(var, port, _steps(data, var / "demo"), children(var, port)).run())


def _steps(data: Path | None, simulated: Path) -> list[Step]:
    """Name what happens between the database and the pages, and how it is done."""
    steps = [_step("the tables are up to date", "migrate", "--verbosity", "0")]
    if data is None and not (simulated / "truth.json").exists():  # which is written last
        shutil.rmtree(simulated, ignore_errors=True)
        steps.append(_step("a patient with two CTs has been simulated", "simulate", str(simulated)))
    fill = ["prepare_demo", str((data or simulated).resolve())]
    fill += ["--with-list"] if data is None else []  # no simulated people beside somebody's own data
    return [*steps, _step("the clinic has its people and patients", *fill)]


def _step(done: str, *command: str) -> Step:
    return Step(done, (sys.executable, str(settings.BASE_DIR / "manage.py"), *command))
