"""What came in, what the program said and how often people disagreed with it, by month, for some clinics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.utils import timezone

from inference.validation.drift import Counts, Moved, Numbers, drifted
from nodules_app.lifecycles import CandidateState
from nodules_app.models import (
    Candidate,
    Clinic,
    Correction,
    CorrectionKind,
    Decision,
    Finding,
    Match,
    Measurement,
    ModelAnswer,
    ModelTask,
    Scan,
)
from nodules_app.selectors import learned

MONTHS: Final = 12
TESTED_MONTHS: Final = 3  # the latest ones, each against all months before these
CHANGED_NUMBERS: Final = (
    CorrectionKind.SEED,
    CorrectionKind.OUTLINE,
    CorrectionKind.CALIPER,
    CorrectionKind.ATTENUATION,
)
CHANGED_MATCHES: Final = (CorrectionKind.UNLINK, CorrectionKind.RELINK)


class Spread(NamedTuple):
    """The middle value, and what a tenth lies below and above; in the unit of its quantity."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class MonthNumbers:
    """Values of one quantity in one month."""

    starts_on: date
    count: int
    middle: Spread | None


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number over the months, and what the test says of the latest ones."""

    name: str
    unit: str
    months: tuple[MonthNumbers, ...]
    tested: tuple[tuple[date, Moved], ...]


@dataclass(frozen=True, slots=True)
class MonthShare:
    """How many of how many in one month."""

    starts_on: date
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One share over the months, and what the test says of the latest ones."""

    name: str
    months: tuple[MonthShare, ...]
    tested: tuple[tuple[date, Moved], ...]

    @property
    def before(self) -> MonthShare:
        """All months before the tested ones together, by the first of them."""
        earlier = self.months[:-TESTED_MONTHS]
        return MonthShare(earlier[0].starts_on, sum(one.part for one in earlier), sum(one.whole for one in earlier))

    @property
    def latest(self) -> tuple[tuple[MonthShare, Moved], ...]:
        """The tested months, each with what the test says."""
        return tuple(zip(self.months[-TESTED_MONTHS:], (moved for _, moved in self.tested), strict=True))


@dataclass(frozen=True, slots=True)
class Drift:
    """The page; ``comparisons`` is how many were corrected together."""

    quantities: tuple[Quantity, ...]
    shares: tuple[Disagreement, ...]
    comparisons: int

    @property
    def alerts(self) -> tuple[tuple[str, date, Moved], ...]:
        """What has moved, and when."""
        rows: tuple[Quantity | Disagreement, ...] = (*self.quantities, *self.shares)
        return tuple((row.name, on, moved) for row in rows for on, moved in row.tested if moved.has_moved)


def drift(clinics: Sequence[Clinic], *, today: date) -> Drift:
    """Read the last twelve whole or begun months and compare each of the latest three with those before."""
    months = _months(today)
    since = datetime.combine(months[0], time.min, timezone.get_default_timezone())
    numbers = {name: (unit, _by_month(rows, months)) for name, unit, rows in _numbers(clinics, since)}
    shares = {name: _by_month(rows, months) for name, rows in _shares(clinics, since)}
    asked: list[Numbers | Counts] = []
    places: list[tuple[str, date]] = []
    for month in months[-TESTED_MONTHS:]:
        earlier = months[:-TESTED_MONTHS]
        for name, (_, found) in numbers.items():
            asked.append(Numbers(name, found[month], [value for one in earlier for value in found[one]]))
            places.append((name, month))
        for name, hits in shares.items():
            before = [hit for one in earlier for hit in hits[one]]
            asked.append(Counts(name, (sum(hits[month]), len(hits[month])), (sum(before), len(before))))
            places.append((name, month))
    moved = drifted(asked)
    tested: defaultdict[str, list[tuple[date, Moved]]] = defaultdict(list)
    for (name, month), one in zip(places, moved, strict=True):
        tested[name].append((month, one))
    return Drift(
        quantities=tuple(
            Quantity(name, unit, tuple(_summary(month, found[month]) for month in months), tuple(tested[name]))
            for name, (unit, found) in numbers.items()
        ),
        shares=tuple(
            Disagreement(
                name,
                tuple(MonthShare(month, sum(hits[month]), len(hits[month])) for month in months),
                tuple(tested[name]),
            )
            for name, hits in shares.items()
        ),
        comparisons=sum(one.p_probability is not None for one in moved),
    )


def _months(today: date) -> list[date]:
    """First days of the latest months, the earliest first."""
    found = [today.replace(day=1)]
    while len(found) < MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found[::-1]


def _by_month(rows: Iterable[tuple[datetime, Any]], months: Sequence[date]) -> dict[date, list[Any]]:
    found: dict[date, list[Any]] = {month: [] for month in months}
    for at, value in rows:
        month = timezone.localdate(at).replace(day=1)
        if month in found:
            found[month].append(value)
    return found


def _summary(month: date, values: Sequence[float]) -> MonthNumbers:
    if not values:
        return MonthNumbers(month, 0, None)
    low, median, high = (float(one) for one in np.percentile(values, [10, 50, 90]))
    return MonthNumbers(month, len(values), Spread(low, median, high))


def _numbers(clinics: Sequence[Clinic], since: datetime) -> Iterator[tuple[str, str, Iterable[tuple[datetime, Any]]]]:
    candidates = Candidate.objects.filter(scan__study__patient__clinic__in=clinics, created_at__gte=since)
    yield "candidate_score", "", candidates.values_list("created_at", "score").iterator()
    measured = Measurement.objects.filter(
        finding__nodule__patient__clinic__in=clinics, created_at__gte=since, volume_mm3__isnull=False, by__isnull=True
    )
    yield "volume", "mm³", measured.values_list("created_at", "volume_mm3").iterator()
    scans = Scan.objects.filter(study__patient__clinic__in=clinics, created_at__gte=since)
    yield "noise", "HU", scans.filter(noise_hu__isnull=False).values_list("created_at", "noise_hu").iterator()
    yield "slice_spacing", "mm", scans.values_list("created_at", "series__spacing_z_mm").iterator()
    seen = [(at, 100 * (answer["volume_ratio"] - 1)) for at, answer in _growths_seen(clinics, since)]
    yield "learned_change", "%", seen


def _shares(clinics: Sequence[Clinic], since: datetime) -> Iterator[tuple[str, Iterable[tuple[datetime, bool]]]]:
    measured = Measurement.objects.filter(
        finding__nodule__patient__clinic__in=clinics, created_at__gte=since, by__isnull=True
    )
    yield "refused", _with(measured, Q(refusal__isnull=False), "created_at")
    decided = Candidate.objects.filter(
        scan__study__patient__clinic__in=clinics, decided_at__gte=since, decided_by__isnull=False
    )
    yield "rejected", _with(decided, Q(state=CandidateState.REJECTED), "decided_at")
    findings = Finding.objects.filter(nodule__patient__clinic__in=clinics, created_at__gte=since)
    changed = Correction.objects.filter(finding=OuterRef("pk"), kind__in=CHANGED_NUMBERS)
    yield "renumbered", _with(findings, Exists(changed), "created_at")
    matches = Match.objects.filter(nodule__patient__clinic__in=clinics, created_at__gte=since)
    parted = Correction.objects.filter(
        nodule=OuterRef("nodule"), kind__in=CHANGED_MATCHES, created_at__gte=OuterRef("created_at")
    )
    yield "relinked", _with(matches, Exists(parted), "created_at")
    decisions = Decision.objects.filter(assessment__patient__clinic__in=clinics, created_at__gte=since)
    yield "overrode", decisions.values_list("created_at", "overrides").iterator()
    judged = list(learned.judged(clinics, since))
    for task in (ModelTask.CANDIDATES, ModelTask.GROWTH):
        yield f"unlike_{task}", [(one.at, one.differ) for one in judged if one.task is task]
    yield "model_apart", [(at, bool(answer["disagree"])) for at, answer in _growths_seen(clinics, since)]


def _growths_seen(clinics: Sequence[Clinic], since: datetime) -> QuerySet[Any]:
    """When a network spoke of a growth, and what it said."""
    rows = ModelAnswer.objects.filter(
        task=ModelTask.GROWTH, growth__match__nodule__patient__clinic__in=clinics, created_at__gte=since
    )
    return rows.values_list("created_at", "answer")


def _with(rows: QuerySet[Any], hit: Q | Exists, at: str) -> Iterator[tuple[datetime, bool]]:
    """The instant of each row, and whether it is a hit."""
    told = hit if isinstance(hit, Exists) else ExpressionWrapper(hit, output_field=BooleanField())
    return iter(rows.annotate(hit=told).values_list(at, "hit").iterator())
