"""``manage.py import_dicom PATH``: read a folder, zip or file of DICOM into the clinic."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nodules_app.lifecycles import RunState
from nodules_app.models import Run
from nodules_app.services import intake
from nodules_app.services.pipeline.execute import execute


class Command(BaseCommand):
    """Reads at once, in this process; the imaging that follows is left to the workers."""

    help = "Read a folder (nested is fine), zip archive or file of DICOM. Importing twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--queue", action="store_true", help="leave the reading to a worker too")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        source: Path = options["path"]
        if not source.exists():
            raise CommandError(f"{source} does not exist.")
        batch = intake.receive_folder(source=source, by=None)
        if options["queue"]:
            self.stdout.write(f"Asked for; batch {batch.code}.")
            return
        run = intake.latest_run(batch)
        if run is None:
            raise CommandError("The import left no run; the database lost it.")
        execute(run.code)
        self._report(self._ended(run))

    def _ended(self, run: Run) -> Run:
        """Wait for the end, for a worker may have been quicker to take the run; a fault is not waited out."""
        while True:
            run.refresh_from_db()
            waits_for_retry = run.state == RunState.QUEUED and bool(run.failure)
            if waits_for_retry or run.state not in (RunState.QUEUED, RunState.RUNNING):
                return run
            time.sleep(0.2)

    def _report(self, run: Run) -> None:
        batch = run.import_batch
        if run.refusal:
            raise CommandError(f"{run.refusal['sentence']} {run.refusal['remedy']}")
        if run.state != RunState.SUCCEEDED or batch is None:
            raise CommandError(f"Reading ended as {run.state} {run.failure}; see the log of run {run.code}.")
        batch.refresh_from_db()
        for notice in batch.notices:
            self.stderr.write(f"{notice['sentence']} {notice['remedy']}")
        exams = batch.studies.count()
        self.stdout.write(f"{batch.files_seen} files read, {batch.instances_new} new; {exams} new exams.")
