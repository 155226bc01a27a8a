"""Predictions and outcomes from a CSV file, checked line by line, or from the tables; for ``manage.py validate``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import numpy as np

from inference.validation.bench import Predictions
from inference.validation.froc import Marked
from nodules_app.models import Clinic
from nodules_app.selectors.risk_outcomes import MODELS, judged
from registration.errors import Refused, gettext_noop

TRUE: Final = frozenset({"1", "true", "yes", "malignant", "positive"})
FALSE: Final = frozenset({"0", "false", "no", "benign", "negative"})


class ColumnMissing(Refused):
    """The file has no column of that name."""

    code = "column_missing"
    sentence = gettext_noop("{file} has no column {column!r}; it has {columns}.")
    remedy = gettext_noop("Name the columns with --score, --outcome, --patient and --group.")


class CellUnreadable(Refused):
    """A cell holds something else than its column should."""

    code = "cell_unreadable"
    sentence = gettext_noop("{file}, line {line}: {value!r} in column {column!r} is no {wanted}.")
    remedy = gettext_noop("Write numbers with a point; outcomes as 1 and 0; leave a missing score empty.")


class NothingToValidate(Refused):
    """The file has a head and no rows."""

    code = "nothing_to_validate"
    sentence = gettext_noop("{file} holds no case.")
    remedy = gettext_noop("Give a CSV file with one line a case.")


class NoSuchClinic(Refused):
    """No clinic has that code."""

    code = "no_such_clinic"
    sentence = gettext_noop("No clinic has the code {clinic}.")
    remedy = gettext_noop("The code stands in the address of the clinic's pages.")


class NoSuchModel(Refused):
    """Not a model of which probabilities are kept."""

    code = "no_such_model"
    sentence = gettext_noop("No probabilities of {model} are kept.")
    remedy = gettext_noop("Choose from: {known}.")


class NothingRecorded(Refused):
    """Nobody has recorded an outcome of a nodule of which these models said something."""

    code = "nothing_recorded"
    sentence = gettext_noop("{clinic} has recorded no diagnosis of a nodule that these models had judged before.")
    remedy = gettext_noop("Record what nodules were on the patient's page.")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file are what; without ``patient`` every case is its own patient."""

    scores: tuple[str, ...]
    outcome: str
    patient: str = ""
    groups: tuple[str, ...] = ()


def read_predictions(file: Path, columns: Columns) -> Predictions:
    """Read one case a line; an empty score is a model that gave none.

    Raises
    ------
    ColumnMissing, CellUnreadable, NothingToValidate
    """
    rows = _rows(file, (*columns.scores, columns.outcome, *filter(None, [columns.patient]), *columns.groups))
    return Predictions(
        scores={
            name: np.array([_number(file, line, name, row[name]) for line, row in rows]) for name in columns.scores
        },
        outcomes=np.array([_outcome(file, line, columns.outcome, row[columns.outcome]) for line, row in rows]),
        clusters=[row[columns.patient] if columns.patient else str(line) for line, row in rows],
        groups={name: [row[name] for _, row in rows] for name in columns.groups},
    )


def recorded(clinic: str, models: Sequence[str]) -> Predictions:
    """What published models said of the nodules that a clinic has diagnosed, grouped by how that is known.

    Raises
    ------
    NoSuchClinic, NoSuchModel, NothingRecorded
    """
    found = Clinic.objects.filter(code=clinic).first() if _is_code(clinic) else None
    if found is None:
        raise NoSuchClinic(clinic=clinic)
    for model in models:
        if model not in MODELS:
            raise NoSuchModel(model=model, known=", ".join(MODELS))
    said = {model: {one.nodule: one for one in judged([found], model)} for model in models}
    nodules = {code: one for of_model in said.values() for code, one in of_model.items()}
    if not nodules:
        raise NothingRecorded(clinic=found.name)
    order = sorted(nodules)
    return Predictions(
        scores={
            model: np.array([known[code].probability if code in known else math.nan for code in order])
            for model, known in said.items()
        },
        outcomes=np.array([nodules[code].is_malignant for code in order]),
        clusters=[str(nodules[code].patient) for code in order],
        groups={"known by": [nodules[code].known_by for code in order]},
    )


def _is_code(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def read_marks(file: Path) -> tuple[Marked, ...]:
    """Read one mark a line: ``scan``, ``nodule`` (empty: a false mark) and ``score`` (empty: a nodule nobody marked).

    A line with a scan alone stands for a scan without nodules and marks. Of several marks on one nodule the highest
    counts.

    Raises
    ------
    ColumnMissing, CellUnreadable, NothingToValidate
    """
    nodules: dict[str, dict[str, float]] = {}
    false: dict[str, list[float]] = {}
    for line, row in _rows(file, ("scan", "nodule", "score")):
        scan, score = row["scan"], _number(file, line, "score", row["score"])
        found, alarms = nodules.setdefault(scan, {}), false.setdefault(scan, [])
        if row["nodule"]:
            found[row["nodule"]] = max(found.get(row["nodule"], -math.inf), -math.inf if math.isnan(score) else score)
        elif not math.isnan(score):
            alarms.append(score)
    return tuple(Marked(tuple(nodules[scan].values()), tuple(false[scan])) for scan in nodules)


def _rows(file: Path, wanted: Sequence[str]) -> list[tuple[int, Mapping[str, str]]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        columns = list(reader.fieldnames or ())
        for name in wanted:
            if name not in columns:
                raise ColumnMissing(file=file.name, column=name, columns=", ".join(columns) or "none")
        rows = list(_numbered(reader))
    if not rows:
        raise NothingToValidate(file=file.name)
    return rows


def _numbered(reader: csv.DictReader[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for row in reader:
        yield reader.line_num, {name: (value or "").strip() for name, value in row.items() if name is not None}


def _number(file: Path, line: int, column: str, value: str) -> float:
    if not value:
        return math.nan
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise CellUnreadable(file=file.name, line=line, column=column, value=value, wanted="finite number")
    return number


def _outcome(file: Path, line: int, column: str, value: str) -> bool:
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise CellUnreadable(file=file.name, line=line, column=column, value=value, wanted="outcome (1 or 0)")
