"""``manage.py assess CASES.jsonl --out ANSWERS.jsonl``: the clinical core for tests, audits and other programs.

Needs no database, no network and no clock. One JSON object in per line, one out, in the same order.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError

from nodules_app.clinical.codec import answer_line

BOM = b"\xef\xbb\xbf"


class Command(BaseCommand):
    help = "Evaluate cases by the nodule guidelines: JSON lines in, JSON lines out."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("cases", metavar="CASES.jsonl", help="one JSON object per line; - for standard input")
        parser.add_argument("--out", default="-", metavar="ANSWERS.jsonl", help="- (default) for standard output")

    def handle(self, *_args: object, cases: str, out: str, **_options: object) -> None:
        try:
            data = _read(cases)
        except OSError as error:
            raise CommandError(
                f"The cases cannot be read: {error.strerror or error} ({cases}).", returncode=2
            ) from error
        try:
            _write(out, _answers(data))
        except OSError as error:
            raise CommandError(
                f"The answers cannot be written: {error.strerror or error} ({out}).", returncode=2
            ) from error


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def _answers(data: bytes) -> Iterator[bytes]:
    for number, line in enumerate(data.removeprefix(BOM).split(b"\n"), 1):
        if line.strip():
            yield answer_line(line, number).encode() + b"\n"


def _write(path: str, lines: Iterator[bytes]) -> None:
    if path == "-":
        _write_to(sys.stdout.buffer, lines)
        return
    with open(path, "wb") as file:
        _write_to(file, lines)


def _write_to(file: BinaryIO, lines: Iterator[bytes]) -> None:
    file.writelines(lines)
    file.flush()
