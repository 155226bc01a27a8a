"""Keep the translations complete: collect messages, check them, compile them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import to_locale

from nodules_app.management import catalogues


class Command(BaseCommand):
    help = "Collects the messages of the sources into the catalogues and compiles them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--compile", action="store_true", help="compile what is there, collect nothing")
        only.add_argument("--check", action="store_true", help="change nothing; fail on a missing or fuzzy message")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        root = Path(settings.BASE_DIR)
        sources = None if options["compile"] else catalogues.in_sources(root)
        said: list[str] = []
        for language, _name in settings.LANGUAGES:
            if language == settings.LANGUAGE_CODE:
                continue  # the sources are written in it
            locale = to_locale(language)
            text = Path(settings.LOCALE_PATHS[0]) / locale / "LC_MESSAGES" / "django.po"
            catalog = catalogues.read(text, locale)
            if options["check"] and sources is not None:
                said += [f"{locale}: {fault}" for fault in catalogues.faults(catalog, sources)]
                continue
            if sources is not None:
                catalogues.write(catalogues.brought_up_to_date(catalog, sources), text)
            catalogues.compile_to(catalog, text.with_suffix(".mo"))
            self.stdout.write(f"{locale}: {len(catalog)} messages compiled")
        if said:
            raise CommandError("\n".join([*said, f"{len(said)} messages need a translator"]))
