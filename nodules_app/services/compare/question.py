"""What the compare command was asked, and the refusals that concern the pair as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from inference.model_card import Task
from inference.sightings import Point, Side
from registration.errors import Refused, gettext_noop


class DatesReversed(Refused):
    """The exam named prior is the later one."""

    code = "dates_reversed"
    sentence = gettext_noop("The prior exam is of {prior}, the current one of {current}: the prior is later.")
    remedy = gettext_noop("Swap PRIOR and CURRENT, or add --allow-any-dates to compare without growth.")


class SameDay(Refused):
    """Two exams of one day show no growth."""

    code = "same_day"
    sentence = gettext_noop("Both exams are of {day}: nothing grows in a day.")
    remedy = gettext_noop("Name an earlier exam as PRIOR, or add --allow-any-dates to compare without growth.")


class DifferentPatients(Refused):
    """The headers name two people."""

    code = "different_patients"
    sentence = gettext_noop("The two exams carry different patient numbers ({prior} and {current}).")
    remedy = gettext_noop("Check whose exams these are; for anonymised data add --allow-different-ids.")


@dataclass(frozen=True, slots=True)
class AskedNodule:
    """A point inside a nodule, on one of the scans."""

    lps_mm: Point
    on: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that the command line said."""

    prior: Path
    current: Path
    nodules: Sequence[AskedNodule] = ()
    nodules_file: Path | None = None  # DICOM SEG or SR
    points_lps_mm: Sequence[Point] = ()
    candidates: bool = False
    case: Mapping[str, object] = field(default_factory=dict)
    device: str = "cpu"
    models: Mapping[Task, str] = field(default_factory=dict)  # a version or "recommended"; else none
    prior_series_uid: str | None = None
    current_series_uid: str | None = None
    allow_any_dates: bool = False
    allow_different_ids: bool = False
