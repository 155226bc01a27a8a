"""``manage.py assess CASES.jsonl --out ANSWERS.jsonl``: the clinical core for tests, audits and other programs.

Needs no database, no network and no clock. One JSON object in per line, one out, in the same order. ``--edition`` asks
a past ruleset (R1) or one guideline edition (BTS2015) instead of what the cases name.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.codec import answer_lines, with_guidelines
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.errors import Refused, UnknownEdition
from nodules_app.services import rulesets


class Command(BaseCommand):
    help = "Evaluate cases by the nodule guidelines: JSON lines in, JSON lines out."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cases", metavar="CASES.jsonl", help="one JSON object per line; - for standard input")
        parser.add_argument(
            "--edition",
            action="append",
            default=[],
            metavar="NAME",
            help=f"a ruleset ({', '.join(rulesets.held())}) or a guideline edition ({', '.join(EDITIONS)}); repeatable",
        )
        parser.add_argument("--out", default="-", metavar="ANSWERS.jsonl", help="- (default) for standard output")

    def handle(self, *_args: object, cases: str, out: str, edition: list[str], **_options: object) -> None:
        try:
            data = _read(cases)
        except OSError as error:
            raise CommandError(
                f"The cases cannot be read: {error.strerror or error} ({cases}).", returncode=2
            ) from error
        try:
            _write(out, _answers(data, edition))
        except Refused as refused:
            raise CommandError(f"{refused.as_sentence()} {refused.as_remedy()}", returncode=2) from refused
        except OSError as error:
            raise CommandError(
                f"The answers cannot be written: {error.strerror or error} ({out}).", returncode=2
            ) from error


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def _answers(data: bytes, editions: list[str]) -> Iterable[bytes]:
    """Ask today's ruleset or a past one, for the guidelines of each case or for the named ones."""
    guidelines = tuple(name for name in editions if name in EDITIONS)
    versions = [name for name in editions if name not in EDITIONS] or [RULESET_VERSION]
    if len(versions) > 1:
        raise CommandError(f"Name one ruleset, not {len(versions)}: {', '.join(versions)}.", returncode=2)
    if versions[0] not in rulesets.held():
        raise UnknownEdition(ruleset=versions[0], held=", ".join((*rulesets.held(), *EDITIONS)))
    if guidelines:
        data = with_guidelines(data, guidelines)
    if versions[0] == RULESET_VERSION:
        return answer_lines(data)
    return (rulesets.answers_under(versions[0], data),)


def _write(path: str, lines: Iterable[bytes]) -> None:
    if path == "-":
        _write_to(sys.stdout.buffer, lines)
        return
    with open(path, "wb") as file:
        _write_to(file, lines)


def _write_to(file: BinaryIO, lines: Iterable[bytes]) -> None:
    file.writelines(lines)
    file.flush()
