"""Stored answers asked again: from the inputs kept with them, under the ruleset that gave them.

An answer that differs under its own ruleset is a fault of the program (somebody changed a table without raising the
version). An answer that differs under a newer ruleset is a patient whose care the new edition would change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Max, QuerySet

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.errors import Refused
from nodules_app.clinical.ruleset import ruleset_hash
from nodules_app.models import Assessment, Patient
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
    today_version: str
    same_tables: bool | None  # by the hash of the tables; None where an old row has none
    stored: Mapping[str, Any]  # the result as stored, and as given now; empty when refused
    now: Mapping[str, Any]
    differences: tuple[Difference, ...]
    refused: str = ""  # the sentence, where the kept inputs are understood no longer

    @property
    def is_identical(self) -> bool:
        return not self.differences and not self.refused

    @property
    def is_own_ruleset(self) -> bool:
        """Whether the ruleset that gave the answer is the one that was asked again."""
        return self.ruleset_version == self.today_version

    @property
    def is_fault(self) -> bool:
        """The same tables must say the same."""
        return self.is_own_ruleset and not self.is_identical

    @property
    def changes_care(self) -> bool:
        """Whether a clinician would act otherwise than under the stored answer."""
        return bool(self.refused) or any(self.stored.get(name) != self.now.get(name) for name in ACTED_UPON)


def replay(*, patient: Patient | None = None) -> Iterator[Replayed]:
    """Ask every stored answer of a patient, or of everybody, again; oldest first."""
    rows = Assessment.objects.all() if patient is None else Assessment.objects.filter(patient=patient)
    yield from _replayed(rows)


def patients_whose_answer_would_change() -> Iterator[Replayed]:
    """Of each patient the answers in force that today's tables would give otherwise: to be read before a switch."""
    yield from (replayed for replayed in _replayed(_in_force(Assessment.objects.all())) if replayed.changes_care)


@dataclass(frozen=True, slots=True)
class Page:
    """Some patients of the list; ``changed`` are those of their answers that would change."""

    number: int
    pages: int
    patients: int
    changed: tuple[Replayed, ...]


def page_of_changes(number: int) -> Page:
    """The same for one page of patients, the last page where the number is too large."""
    patients = Assessment.objects.order_by("patient_id").values_list("patient_id", flat=True).distinct()
    pages = Paginator(patients, PATIENTS_A_PAGE)
    page = pages.get_page(number)
    asked = list(page.object_list)
    rows = _in_force(Assessment.objects.filter(patient_id__in=asked))
    changed = tuple(replayed for replayed in _replayed(rows) if replayed.changes_care)
    return Page(page.number, pages.num_pages, len(asked), changed)


def _in_force(rows: QuerySet[Assessment]) -> QuerySet[Assessment]:
    """The latest answer of each guideline of each patient."""
    latest = rows.order_by().values("patient", "guideline").annotate(last=Max("pk")).values("last")
    return Assessment.objects.filter(pk__in=latest)


def _replayed(rows: QuerySet[Assessment]) -> Iterator[Replayed]:
    asked, told = "", _Told({})
    for row in rows.select_related("patient").order_by("patient_id", "pk").iterator(chunk_size=ROWS_AT_A_TIME):
        text = json.dumps(row.inputs, sort_keys=True)
        if text != asked:  # the guidelines of one case stand in neighbouring rows
            asked, told = text, _ask(row.inputs)
        yield _compared(row, told)


@dataclass(frozen=True, slots=True)
class _Told:
    answer: Mapping[str, Any]
    refused: str = ""


def _ask(inputs: dict[str, Any]) -> _Told:
    try:
        return _Told(json.loads(json.dumps(answer_case(inputs))))
    except Refused as refused:
        return _Told({}, refused.as_sentence())


def _compared(row: Assessment, told: _Told) -> Replayed:
    results = told.answer.get("results", ())
    result: Mapping[str, Any] = next((result for result in results if result["guideline"] == row.guideline), {})
    now = {"result": result, "risk": told.answer.get("risk"), "growth": told.answer.get("growth")}
    said = {name: value for name, value in row.answer.items() if name != TABLES}
    return Replayed(
        code=row.code,
        patient=row.patient.code,
        patient_number=row.patient.identifier,
        guideline=row.guideline,
        exam_on=row.exam_on,
        ruleset_version=row.ruleset_version,
        today_version=RULESET_VERSION,
        same_tables=row.answer[TABLES] == ruleset_hash() if TABLES in row.answer else None,
        stored=row.answer.get("result") or {},
        now=result,
        differences=() if told.refused else tuple(differences(said, now)),
        refused=told.refused,
    )


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
