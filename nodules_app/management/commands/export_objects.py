"""``manage.py export_objects --out FOLDER``: the DICOM objects of what was signed, as files for an archive."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nodules_app.selectors.objects import signed_readings
from nodules_app.services.objects import objects_of
from registration.errors import Refused


class Command(BaseCommand):
    help = "Write the SR, SEG and key image objects of signed readings into a folder, one sub-folder a reading."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
        parser.add_argument("--reading", metavar="CODE", help="of this reading alone")
        parser.add_argument("--signed-since", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--all-versions", action="store_true", help="also readings that a newer one has replaced")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        folder: Path = options["out"]
        readings = signed_readings(
            code=options["reading"], since=options["signed_since"], replaced=options["all_versions"]
        )
        written = refused = 0
        for reading in readings:
            try:
                made = objects_of(reading)
            except Refused as refusal:
                refused += 1
                self.stderr.write(f"reading {reading.code}: {refusal.as_sentence()} {refusal.as_remedy()}")
                continue
            target = folder / str(reading.code)
            target.mkdir(parents=True, exist_ok=True)
            for one in made:
                shutil.copyfile(one.path, target / one.file_name)
                written += 1
        self.stdout.write(f"{written} objects written, {refused} readings refused.")
        if refused and not written:
            raise CommandError("Nothing was written.")
