"""``manage.py compare PRIOR CURRENT``: two exams in, everything we know out. No database."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.model_card import Task
from nodules_app.clinical.errors import Refused as ClinicalRefused
from nodules_app.services.compare.answer import answer, refused, table
from nodules_app.services.compare.comparing import STEPS, Stopwatch, compare
from nodules_app.services.compare.question import AskedNodule, Question
from nodules_app.services.compare.recommending import check_facts, recommend
from nodules_app.services.compare.seeing import growth_words
from registration.errors import Refused

WRONG_USAGE = 2


def nodule_point(text: str) -> AskedNodule:
    """Parse ``x,y,z`` or ``current:x,y,z``."""
    on, _, numbers = text.rpartition(":")
    if on not in ("", "prior", "current"):
        raise ArgumentTypeError(f"{text!r}: write x,y,z or current:x,y,z in LPS millimetres")
    try:
        x, y, z = (float(number) for number in numbers.split(","))
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: write x,y,z or current:x,y,z in LPS millimetres") from None
    return AskedNodule((x, y, z), "current" if on == "current" else "prior")


def model_version(text: str) -> tuple[Task, str]:
    """Parse ``growth=2`` or ``growth=recommended``."""
    task, _, version = text.partition("=")
    if task != Task.GROWTH or not version:
        raise ArgumentTypeError(f"{text!r}: write growth=VERSION, or growth=recommended")
    return Task.GROWTH, version


def with_points_joined(argv: Sequence[str]) -> list[str]:
    """Write ``--nodule -98.8,1,2`` as ``--nodule=-98.8,1,2``: argparse takes a leading minus for an option."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--nodule":
            joined[-1] = f"--nodule={word}"
        else:
            joined.append(word)
    return joined


class Command(BaseCommand):
    help = "Compare two chest CTs: registration, nodules found again and measured, growth, recommendations."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(with_points_joined(argv))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prior", type=Path, help="folder, zip or file list with the earlier exam")
        parser.add_argument("current", type=Path, help="the same for the later exam")
        parser.add_argument("--nodule", dest="nodule_points", type=nodule_point, action="append", default=[])
        parser.add_argument("--nodules", type=Path, help="DICOM SEG or SR that marks nodules on one of the exams")
        parser.add_argument("--points", type=Path, help="JSON list of prior LPS points to carry to the current scan")
        parser.add_argument("--candidates", action="store_true", help="propose nodules on both scans")
        parser.add_argument("--case", type=Path, help="JSON with the patient's facts, setting, guidelines, size_basis")
        parser.add_argument("--device", choices=["cpu", "cuda", "auto"], default="cpu")
        parser.add_argument(
            "--model", dest="models", type=model_version, action="append", default=[], metavar="TASK=VERSION"
        )
        parser.add_argument("--prior-series", metavar="UID")
        parser.add_argument("--current-series", metavar="UID")
        parser.add_argument("--allow-any-dates", action="store_true", help="compare without growth if dates forbid it")
        parser.add_argument("--allow-different-ids", action="store_true", help="for anonymised data")
        parser.add_argument("--json", dest="json_out", required=True, help="file for the whole answer, - for stdout")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        question = self._question(options)
        watch = Stopwatch(on_step=self._say_step)
        try:
            compared = compare(question, watch)
            with watch.step("assess"):
                recommended = recommend(compared, question.case)
            words = growth_words(compared, question.models, question.device)
            told = answer(compared, recommended, words, watch)
        except (Refused, ClinicalRefused) as refusal:
            self._write(refused(refusal), options["json_out"])
            self._say_done()
            raise CommandError(f"{refusal.as_sentence()} {refusal.as_remedy()}".strip()) from None
        self._say_done()
        self._write(told, options["json_out"])
        readable = self.stderr if options["json_out"] == "-" else self.stdout
        readable.write(table(told))

    def _question(self, options: dict[str, Any]) -> Question:
        for source in (options["prior"], options["current"]):
            if not source.exists():
                raise CommandError(f"{source} does not exist.", returncode=WRONG_USAGE)
        case = self._json(options["case"], dict) if options["case"] else {}
        try:
            check_facts(case)
        except ClinicalRefused as refusal:
            raise CommandError(f"--case: {refusal.as_sentence()}", returncode=WRONG_USAGE) from None
        points = self._json(options["points"], list) if options["points"] else []
        try:
            carried = [(float(x), float(y), float(z)) for x, y, z in points]
        except (TypeError, ValueError):
            raise CommandError("--points wants a JSON list of [x, y, z].", returncode=WRONG_USAGE) from None
        return Question(
            prior=options["prior"],
            current=options["current"],
            nodules=options["nodule_points"],
            nodules_file=options["nodules"],
            points_lps_mm=carried,
            candidates=options["candidates"],
            case=case,
            device=options["device"],
            models=dict(options["models"]),
            prior_series_uid=options["prior_series"],
            current_series_uid=options["current_series"],
            allow_any_dates=options["allow_any_dates"],
            allow_different_ids=options["allow_different_ids"],
        )

    def _json(self, path: Path, kind: type) -> Any:  # noqa: ANN401 what a JSON file holds is checked here
        try:
            read = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=WRONG_USAGE) from None
        except ValueError as error:
            raise CommandError(f"{path} is not JSON: {error}.", returncode=WRONG_USAGE) from None
        if not isinstance(read, kind):
            raise CommandError(f"{path} holds no JSON {kind.__name__}.", returncode=WRONG_USAGE)
        return read

    def _write(self, told: dict[str, Any], target: str) -> None:
        text = json.dumps(told, ensure_ascii=False, indent=1)
        if target == "-":
            self.stdout.write(text)
            return
        try:
            Path(target).write_text(text + "\n", "utf-8")
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror}.", returncode=WRONG_USAGE) from None

    def _say_step(self, step: str) -> None:
        if sys.stderr.isatty():
            done = STEPS.index(step)
            bar = "#" * (4 * done) + "." * (4 * (len(STEPS) - done))
            sys.stderr.write(f"\r[{bar}] {step:<12}")
        else:
            sys.stderr.write(f"{step}\n")
        sys.stderr.flush()

    def _say_done(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r" + " " * 60 + "\r")
