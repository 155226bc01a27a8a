"""The figures of a clinic, at hand: those that take long to count are kept, say since when, and a worker counts them.

Whoever asks waits for a count only where nobody asked since yesterday: what is older than ten minutes, or of an earlier
day, is shown once more with its days while a worker counts again. Soon after midnight the figures of each clinic are
counted before anybody asks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from nodules_app.celery_app import app
from nodules_app.models import Clinic, User
from nodules_app.selectors.quality import DEFINITIONS_VERSION, quality
from nodules_app.selectors.quality.values import Quality
from nodules_app.services.audit import record
from nodules_app.services.runs import DESK

log = logging.getLogger(__name__)

COUNT: Final = "nodules.count_quality"
KEPT_S: Final = 36 * 3600  # those of yesterday stand in until a worker has counted; none for longer
COUNTED_AGAIN_AFTER: Final = timedelta(minutes=10)
WORTH_KEEPING_S: Final = 0.2  # what is counted sooner is counted again, and is never old
PERIODS_DAYS: Final = {"3": 91, "6": 182, "12": 365}  # by months
# A year of a large clinic is sorted in memory, on one core, since the others are for those who wait for a page; and its
# joins walk along indexes side by side: measured, that is half the work of the hashes that the database would choose.
HOW: Final = {"work_mem": "64MB", "max_parallel_workers_per_gather": "0", "enable_hashjoin": "off"}


@dataclass(frozen=True, slots=True)
class Period:
    """Some months until today; or, for figures that leave the house, whole months until the last one that is over.

    Whole months, because two lists of neighbouring days, subtracted, would tell of the people of one day.
    """

    months: str = "12"
    whole: bool = False

    def days(self, today: date) -> tuple[date, date]:
        """Give the first and the last day, both included."""
        if not self.whole:
            return today - timedelta(days=PERIODS_DAYS[self.months] - 1), today
        last = today.replace(day=1) - timedelta(days=1)
        first = last.replace(day=1)
        for _ in range(int(self.months) - 1):
            first = (first - timedelta(days=1)).replace(day=1)
        return first, last


EVERY_PERIOD: Final = tuple(Period(months, whole) for months in PERIODS_DAYS for whole in (False, True))


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures, and when they were counted. Numbers only: nothing in them names a patient."""

    figures: Quality
    at: datetime


def figures(clinics: Iterable[Clinic], period: Period) -> Counted:
    """Give the figures of these clinics over a period, as they were counted last."""
    keys = sorted(clinic.pk for clinic in clinics)
    kept = cache.get(_question(keys, period))
    if not isinstance(kept, Counted):
        return count(keys, period)
    if timezone.now() - kept.at > COUNTED_AGAIN_AFTER:
        _have_counted(keys, period)
    return kept


def count(keys: Iterable[int], period: Period) -> Counted:
    """Count the figures of the clinics with these keys now, and keep them if that took long, or else none."""
    keys = sorted(keys)
    today = timezone.localdate()
    first, last = period.days(today)
    began_s = time.monotonic()
    clinics = list(Clinic.objects.filter(pk__in=keys))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.executemany("SELECT set_config(%s, %s, true)", list(HOW.items()))
        counted = Counted(quality(clinics, first=first, last=last, today=today), timezone.now())
    if time.monotonic() - began_s > WORTH_KEEPING_S:
        cache.set(_question(keys, period), counted, KEPT_S)
    else:
        cache.delete(_question(keys, period))  # what was kept of a slower count would be shown for as long as it stands
    return counted


def count_ahead() -> None:
    """Count what the page offers of each clinic by itself, unless that was done today."""
    today = timezone.localdate()
    for key in Clinic.objects.order_by("pk").values_list("pk", flat=True):
        for period in EVERY_PERIOD:
            kept = cache.get(_question([key], period))
            if not isinstance(kept, Counted) or timezone.localdate(kept.at) < today:
                count([key], period)


def note_look(figure: str, *, by: User) -> None:
    """Write down that somebody looked at the patients behind a figure."""
    record("figures.patients_seen", None, by=by, figure=figure)


def _question(keys: list[int], period: Period) -> str:
    days = "whole" if period.whole else "until-today"
    return f"quality:{DEFINITIONS_VERSION}:{period.months}:{days}:{','.join(map(str, keys))}"


def _have_counted(keys: list[int], period: Period) -> None:
    """Ask a worker, once for everybody who looks meanwhile; without a queue the old figures stand, with their time."""
    asked = _question(keys, period) + ":asked"
    if not cache.add(asked, value=True, timeout=COUNTED_AGAIN_AFTER.total_seconds()):
        return
    try:
        app.send_task(COUNT, args=[keys, period.months, period.whole], queue=DESK, retry=False)
    except OperationalError:
        cache.delete(asked)
        log.warning("the queue is unreachable; the figures of a clinic are not counted again")
