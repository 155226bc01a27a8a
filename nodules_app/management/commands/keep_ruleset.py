"""``manage.py keep_ruleset``: archive today's ruleset before its tables change, so that its answers can be replayed."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from nodules_app.clinical.errors import Refused
from nodules_app.services import rulesets


class Command(BaseCommand):
    help = "Archive the clinical core as it stands, under its ruleset version. Commit the file, then raise the version."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=rulesets.FOLDER, help="where the archive goes")

    def handle(self, *_args: object, folder: Path, **_options: object) -> None:
        try:
            ruleset = rulesets.keep(folder=folder)
        except Refused as refused:
            raise CommandError(f"{refused.as_sentence()} {refused.as_remedy()}") from refused
        self.stdout.write(f"Kept {ruleset.version} as {ruleset.file}.")
