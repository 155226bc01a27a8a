"""``manage.py replay [--patient CODE | --all] [--json -]``: ask stored answers again and say which differ."""

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
from nodules_app.services.replay import Replayed


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
        parser.add_argument("--json", metavar="FILE", help="one JSON object per answer; - for standard output")

    def handle(
        self, *_args: object, patient: UUID | None, would_change: bool, json: str | None, **_options: object
    ) -> None:
        whose = _patient(patient) if patient else None
        answers = service.patients_whose_answer_would_change() if would_change else service.replay(patient=whose)
        asked = faulty = changed = 0
        with ExitStack() as files:
            target: IO[str] | OutputWrapper | None = None
            if json is not None:
                target = self.stdout if json == "-" else files.enter_context(_opened(json))
            for answer in answers:
                asked += 1
                faulty += answer.is_fault
                changed += answer.changes_care
                if target is not None:
                    target.write(as_json_line(answer))
                elif not answer.is_identical:
                    self.stdout.writelines(_sentences(answer))
        if json != "-":
            self.stdout.write(f"{asked} answers asked again: {faulty} differ under their own ruleset,")
            self.stdout.write(f"{changed} would lead to another step under {RULESET_VERSION}.")
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
        "asked_under": answer.today_version,
        "same_tables": answer.same_tables,
        "identical": answer.is_identical,
        "changes_care": answer.changes_care,
        "refused": answer.refused or None,
        "differences": [{"field": one.field, "stored": one.stored, "now": one.now} for one in answer.differences],
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def _sentences(answer: Replayed) -> Iterable[str]:
    under = (
        "its own ruleset" if answer.is_own_ruleset else f"{answer.today_version} instead of {answer.ruleset_version}"
    )
    yield f"{answer.guideline} for patient {answer.patient}, exam of {answer.exam_on}, under {under}:\n"
    if answer.is_own_ruleset and answer.same_tables is False:
        yield "  the tables have changed since without a new ruleset version\n"
    if answer.refused:
        yield f"  the stored inputs are refused now: {answer.refused}\n"
    for one in answer.differences:
        yield f"  {one.field}: stored {json.dumps(one.stored)}, now {json.dumps(one.now)}\n"
