"""One question to the database: whose figures, over which days, and how a statement is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from nodules_app.models import Clinic
from nodules_app.selectors.quality.values import Spread

Row = tuple[Any, ...]
MONTHS: Final = 12


def month_starts(last: date) -> list[date]:
    """Give the first days of the last twelve months, the earliest first."""
    months = [last.replace(day=1)]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[::-1]


@dataclass(frozen=True, slots=True)
class Question:
    """The clinics and the days of the period, both included, and the day on which it is asked."""

    clinics: tuple[Clinic, ...]
    first: date
    last: date
    today: date

    @property
    def keys(self) -> list[int]:
        return [clinic.pk for clinic in self.clinics]

    def instants(self) -> tuple[datetime, datetime]:
        """The period as instants, in the installation's zone."""
        zone = timezone.get_default_timezone()
        start, stop = self.first, self.last + timedelta(days=1)
        return datetime.combine(start, time.min, zone), datetime.combine(stop, time.min, zone)

    def named(self) -> dict[str, Any]:
        """What every statement may name."""
        start, stop = self.instants()
        return {
            "clinics": self.keys,
            "first": self.first,
            "last": self.last,
            "today": self.today,
            "start": start,
            "stop": stop,
            "zone": timezone.get_default_timezone_name(),
        }


def ask(statement: str, question: Question, **more: Any) -> list[Row]:  # noqa: ANN401 whatever the driver takes
    """Ask one statement of a file of this package; what it names comes from the question and ``more``."""
    with connection.cursor() as cursor:
        cursor.execute(statement, question.named() | more)
        return list(cursor.fetchall())


def spread(count: int, quantiles: Sequence[float] | None) -> Spread:
    """Read what ``count`` and ``percentile_cont(ARRAY[0.5, 0.9])`` gave."""
    median, p90 = quantiles or (None, None)
    return Spread(count, median, p90)
