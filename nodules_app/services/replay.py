"""Stored answers asked again: from the inputs kept with them, under the ruleset that gave them and under today's.

An answer that differs under its own ruleset is a fault of the program (somebody changed a table without raising the
version). An answer that differs under another ruleset is a patient whose care that edition would change.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Max, QuerySet

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.errors import Refused
from nodules_app.clinical.ruleset import ruleset_hash
from nodules_app.models import Assessment, Patient
from nodules_app.services import rulesets
from nodules_app.services.assessments import answer_case

ROWS_AT_A_TIME: Final = 200
PATIENTS_A_PAGE: Final = 50  # a page of the list takes about a second
# What a clinician would do differently; the rest of an answer explains it.
ACTED_UPON: Final = ("management", "interval", "lead_nodule", "category")
TABLES: Final = "ruleset_hash"  # kept with an answer; not part of what it says


@dataclass(frozen=True, slots=True)
class Difference:
    """One field whose kept value is not what the program says now; None where one of the two has no such field."""

    field: str
    stored: object
    now: object


@dataclass(frozen=True, slots=True)
class Replayed:
    """One stored answer, asked again."""

    code: UUID
    patient: UUID
    patient_number: str
    guideline: str
    exam_on: date
    ruleset_version: str  # as stored
    under: str  # the ruleset it is compared with, today's unless another was asked for
    same_tables: bool | None  # by the hash of the tables of that version; None where an old row, or no ruleset, has one
    stored: Mapping[str, Any]  # the result as stored, and as given now; empty when refused
    now: Mapping[str, Any]
    differences: tuple[Difference, ...]  # from the answer of ``under``
    refused: str = ""  # the sentence, where the kept inputs are understood no longer
    own_differences: tuple[Difference, ...] = ()  # from the answer of the ruleset that gave it
    own_refused: str = ""  # the sentence of that ruleset, or that it is not kept
    is_held: bool = True  # its own ruleset can be asked

    @property
    def is_identical(self) -> bool:
        """Whether the ruleset it is compared with says the same."""
        return not self.differences and not self.refused

    @property
    def is_own_ruleset(self) -> bool:
        """Whether it is compared with the ruleset that gave it."""
        return self.ruleset_version == self.under

    @property
    def is_fault(self) -> bool:
        """The same tables must say the same."""
        return self.is_held and bool(self.own_differences or self.own_refused)

    @property
    def changes_care(self) -> bool:
        """Whether a clinician would act otherwise than under the stored answer."""
        return bool(self.refused) or any(self.stored.get(name) != self.now.get(name) for name in ACTED_UPON)


def replay(*, patient: Patient | None = None, under: str = RULESET_VERSION) -> Iterator[Replayed]:
    """Ask every stored answer of a patient, or of everybody, again; oldest first."""
    rows = Assessment.objects.all() if patient is None else Assessment.objects.filter(patient=patient)
    yield from _replayed(rows, under)


def patients_whose_answer_would_change(*, under: str = RULESET_VERSION) -> Iterator[Replayed]:
    """Of each patient the answers in force that a ruleset would give otherwise: to be read before a switch."""
    asked = _replayed(_in_force(Assessment.objects.all()), under)
    yield from (replayed for replayed in asked if replayed.changes_care)


@dataclass(frozen=True, slots=True)
class Page:
    """Some patients of the list; ``changed`` are those of their answers that would change."""

    number: int
    pages: int
    patients: int
    changed: tuple[Replayed, ...]


def page_of_changes(number: int, *, under: str = RULESET_VERSION) -> Page:
    """The same for one page of patients, the last page where the number is too large."""
    patients = Assessment.objects.order_by("patient_id").values_list("patient_id", flat=True).distinct()
    pages = Paginator(patients, PATIENTS_A_PAGE)
    page = pages.get_page(number)
    asked = list(page.object_list)
    rows = _in_force(Assessment.objects.filter(patient_id__in=asked))
    changed = tuple(replayed for replayed in _replayed(rows, under) if replayed.changes_care)
    return Page(page.number, pages.num_pages, len(asked), changed)


def _in_force(rows: QuerySet[Assessment]) -> QuerySet[Assessment]:
    """The latest answer of each guideline of each patient."""
    latest = rows.order_by().values("patient", "guideline").annotate(last=Max("pk")).values("last")
    return Assessment.objects.filter(pk__in=latest)


def _replayed(rows: QuerySet[Assessment], under: str) -> Iterator[Replayed]:
    """Ask in batches: a past ruleset is a program of its own, started once for many cases."""
    waiting = rows.select_related("patient").order_by("patient_id", "pk").iterator(chunk_size=ROWS_AT_A_TIME)
    while batch := list(islice(waiting, ROWS_AT_A_TIME)):
        cases: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)  # by version, each case once
        for row in batch:
            for version in (row.ruleset_version, under):
                cases[version][_text(row)] = row.inputs
        told = {version: _ask(version, asked) for version, asked in cases.items()}
        for row in batch:
            yield _compared(row, under, told[under][_text(row)], told[row.ruleset_version][_text(row)])


def _text(row: Assessment) -> str:
    return json.dumps(row.inputs, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Told:
    answer: Mapping[str, Any]
    refused: str = ""
    tables: str = ""  # the hash of the tables that were asked; empty when none could be


def _ask(version: str, cases: Mapping[str, Mapping[str, Any]]) -> dict[str, _Told]:
    """The answers of one ruleset; why there are none, when it cannot be asked."""
    if version == RULESET_VERSION:
        return {text: _ask_today(case) for text, case in cases.items()}
    try:
        tables = rulesets.past_ruleset(version).tables
        answers = rulesets.kept_answers_under(version, list(cases.values()))
    except Refused as refused:
        return {text: _Told({}, refused.as_sentence()) for text in cases}
    return {
        text: _Told(answer, str(answer.get("error", "")), tables) for text, answer in zip(cases, answers, strict=True)
    }


def _ask_today(case: Mapping[str, Any]) -> _Told:
    try:
        return _Told(json.loads(json.dumps(answer_case(dict(case)))), tables=ruleset_hash())
    except Refused as refused:
        return _Told({}, refused.as_sentence(), ruleset_hash())


def _compared(row: Assessment, under: str, other: _Told, own: _Told) -> Replayed:
    now = _said_now(row, other)
    said = {name: value for name, value in row.answer.items() if name != TABLES}
    return Replayed(
        code=row.code,
        patient=row.patient.code,
        patient_number=row.patient.identifier,
        guideline=row.guideline,
        exam_on=row.exam_on,
        ruleset_version=row.ruleset_version,
        under=under,
        same_tables=row.answer[TABLES] == own.tables if TABLES in row.answer and own.tables else None,
        stored=row.answer.get("result") or {},
        now=now["result"],
        differences=() if other.refused else tuple(differences(said, now)),
        refused=other.refused,
        own_differences=() if own.refused else tuple(differences(said, _said_now(row, own))),
        own_refused=own.refused,
        is_held=bool(own.tables),
    )


def _said_now(row: Assessment, told: _Told) -> dict[str, Any]:
    """The part of an answer that was stored with this row."""
    results = told.answer.get("results", ())
    result: Mapping[str, Any] = next((result for result in results if result["guideline"] == row.guideline), {})
    return {"result": result, "risk": told.answer.get("risk"), "growth": told.answer.get("growth")}


def differences(stored: object, now: object, field: str = "") -> Iterator[Difference]:
    """Walk two JSON values side by side and give every leaf that differs, named as ``result.flips.0.change``."""
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        for name in [*stored, *(name for name in now if name not in stored)]:
            yield from differences(stored.get(name), now.get(name), f"{field}.{name}" if field else str(name))
    elif isinstance(stored, list) and isinstance(now, list):
        for index in range(max(len(stored), len(now))):
            pair = [items[index] if index < len(items) else None for items in (stored, now)]
            yield from differences(pair[0], pair[1], f"{field}.{index}")
    elif stored != now:
        yield Difference(field, stored, now)
