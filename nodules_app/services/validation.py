"""Predictions and outcomes from a CSV file, checked line by line, for ``manage.py validate``."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from inference.validation.bench import Predictions
from inference.validation.froc import Marked
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
