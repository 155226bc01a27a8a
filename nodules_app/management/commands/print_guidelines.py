"""``manage.py print_guidelines``: write ``docs/guidelines.md`` and its Chinese twin from the rows that decide."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand

from nodules_app.clinical.printed import guidelines_page
from nodules_app.clinical.reasons import Language

FILES: tuple[tuple[Language, str], ...] = (("en", "guidelines.md"), ("zh", "guidelines.zh.md"))


class Command(BaseCommand):
    help = "Print the guideline tables as Markdown, in English and Chinese."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        docs = Path(settings.BASE_DIR) / "docs"
        parser.add_argument("--folder", type=Path, default=docs, help="where the two files go (default: docs)")

    def handle(self, *_args: object, folder: Path, **_options: object) -> None:
        for language, name in FILES:
            (folder / name).write_text(guidelines_page(language), encoding="utf-8")
            self.stdout.write(f"Wrote {folder / name}")
