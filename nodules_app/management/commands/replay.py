"""``manage.py replay [--patient CODE | --all] [--under R2] [--json -]``: ask stored answers again, say which differ."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from contextlib import ExitStack
from typing import IO
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.models import Patient
from nodules_app.services import replay as service
from nodules_app.services import rulesets
from nodules_app.services.replay import Difference, Replayed


class Command(BaseCommand):
    """Exit 0 when every answer is the same under its own ruleset, 1 when one is not, 2 when nothing could be asked."""

    help = "Ask stored guideline answers again from their stored inputs and compare them field by field."

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--patient", metavar="CODE", type=UUID, help="the answers of one patient")
        whose.add_argument("--all", action="store_true", help="every stored answer")
        whose.add_argument(
            "--would-change",
            action="store_true",
            help="only answers in force that today's tables would give otherwise: read before a new ruleset is used",
        )
        parser.add_argument(
            "--under",
            choices=rulesets.held(),
            default=RULESET_VERSION,
            help=f"the ruleset to compare with (default: {RULESET_VERSION}, today's)",
        )
        parser.add_argument("--json", metavar="FILE", help="one JSON object per answer; - for standard output")

    def handle(
        self, *_args: object, patient: UUID | None, would_change: bool, under: str, json: str | None, **_options: object
    ) -> None:
        if would_change:
            answers = service.patients_whose_answer_would_change(under=under)
        else:
            answers = service.replay(patient=_patient(patient) if patient else None, under=under)
        asked = faulty = changed = lost = 0
        with ExitStack() as files:
            target: IO[str] | OutputWrapper | None = None
            if json is not None:
                target = self.stdout if json == "-" else files.enter_context(_opened(json))
            for answer in answers:
                asked += 1
                faulty += answer.is_fault
                changed += answer.changes_care
                lost += not answer.is_held
                if target is not None:
                    target.write(as_json_line(answer))
                else:
                    self.stdout.writelines(_sentences(answer))
        if json != "-":
            self.stdout.write(f"{asked} answers asked again: {faulty} differ under their own ruleset,")
            self.stdout.write(f"{changed} would lead to another step under {under}.")
            if lost:
                self.stdout.write(
                    f"{lost} were given by rulesets that are not kept, and could not be asked under them."
                )
        if faulty:
            raise CommandError(f"{faulty} of {asked} answers differ under the ruleset that gave them.", returncode=1)


def _patient(code: UUID) -> Patient:
    try:
        return Patient.objects.get(code=code)
    except Patient.DoesNotExist as none:
        raise CommandError(
            f"There is no patient {code}. The code stands in the address of the patient's page.", returncode=2
        ) from none


def _opened(path: str) -> IO[str]:
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"The answers cannot be written: {error.strerror} ({path}).", returncode=2) from error


def as_json_line(answer: Replayed) -> str:
    """One answer as a line of JSON."""
    told = {
        "assessment": str(answer.code),
        "patient": str(answer.patient),
        "guideline": answer.guideline,
        "exam_on": answer.exam_on.isoformat(),
        "ruleset_version": answer.ruleset_version,
        "own_ruleset_held": answer.is_held,
        "own_refused": answer.own_refused or None,
        "own_differences": _fields(answer.own_differences),
        "asked_under": answer.under,
        "same_tables": answer.same_tables,
        "identical": answer.is_identical,
        "changes_care": answer.changes_care,
        "refused": answer.refused or None,
        "differences": _fields(answer.differences),
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def _fields(found: Iterable[Difference]) -> list[dict[str, object]]:
    return [{"field": one.field, "stored": one.stored, "now": one.now} for one in found]


def _sentences(answer: Replayed) -> Iterable[str]:
    about = f"{answer.guideline} for patient {answer.patient}, exam of {answer.exam_on}, under"
    if answer.is_fault or not answer.is_held:
        yield f"{about} its own ruleset {answer.ruleset_version}:\n"
        if answer.same_tables is False:
            yield "  the tables have changed since without a new ruleset version\n"
        yield from _lines(answer.own_refused, answer.own_differences)
    if not answer.is_own_ruleset and not answer.is_identical:
        yield f"{about} {answer.under} instead of {answer.ruleset_version}:\n"
        yield from _lines(answer.refused, answer.differences)


def _lines(refused: str, found: Iterable[Difference]) -> Iterable[str]:
    if refused:
        yield f"  cannot be asked: {refused}\n"
    for one in found:
        yield f"  {one.field}: stored {json.dumps(one.stored)}, now {json.dumps(one.now)}\n"
