"""``manage.py print_lifecycles``: write ``docs/lifecycles.md`` from the tables that decide."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from nodules_app.management.lifecycles_page import lifecycles_page


class Command(BaseCommand):
    help = "Print the life cycles as Markdown with diagrams."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        docs = Path(settings.BASE_DIR) / "docs"
        parser.add_argument("--folder", type=Path, default=docs, help="where the file goes (default: docs)")

    def handle(self, *_args: object, folder: Path, **_options: object) -> None:
        (folder / "lifecycles.md").write_text(lifecycles_page(), encoding="utf-8")
        self.stdout.write(f"Wrote {folder / 'lifecycles.md'}")
