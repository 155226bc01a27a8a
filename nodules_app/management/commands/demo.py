"""``manage.py demo``: the whole product with a clinic in it, in this terminal."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nodules_app.demo.supervisor import Supervisor

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]
SIMULATED = "demo"  # folder under NODULES_VAR with the simulated pair of CTs


class Command(BaseCommand):
    help = "Start database, queue, pages, worker and clock with a demo clinic; Ctrl-C ends them. The data stay."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="folder or zip with real DICOM, instead of the simulated patient")
        parser.add_argument("--port", type=int, default=8000, help="port of the pages on this machine (8000)")
        parser.add_argument("--prepare", action="store_true", help="only fill the clinic; the demo calls itself so")

    def handle(self, *, data: Path | None, port: int, prepare: bool, **_options: object) -> None:
        if data is not None and not data.exists():
            raise CommandError(f"There is no {data}: give a folder or a zip with DICOM files.")
        if prepare:
            return
        var = Path(settings.VAR_DIR)
        supervisor = Supervisor(var, port, self._preparation(var, data))
        sys.exit(supervisor.run([f"\n  The clinic is open: http://127.0.0.1:{port}/", "\n  Ctrl-C ends it."]))

    def _preparation(self, var: Path, data: Path | None) -> list[tuple[str, list[str]]]:
        steps = [("the tables are up to date", [*MANAGE, "migrate", "--verbosity", "0"])]
        return steps
