"""The figures of a clinic, at hand: those that take long to count are kept, say since when, and a worker counts them.

Whoever asks never waits for a count that somebody asked for today already: what is older than ten minutes is shown once
more while a worker counts again. Soon after midnight the figures of each clinic are counted before anybody asks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError

from nodules_app.celery_app import app
from nodules_app.models import Clinic
from nodules_app.selectors.quality import DEFINITIONS_VERSION, quality
from nodules_app.selectors.quality.values import Quality
from nodules_app.services.runs import DESK

log = logging.getLogger(__name__)

COUNT: Final = "nodules.count_quality"
KEPT_S: Final = 86_400
COUNTED_AGAIN_AFTER: Final = timedelta(minutes=10)
WORTH_KEEPING_S: Final = 0.2  # what is counted sooner is counted again, and is never old
PERIODS_DAYS: Final = {"3": 91, "6": 182, "12": 365}  # by months


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures, and when they were counted. Numbers only: nothing in them names a patient."""

    figures: Quality
    at: datetime


def figures(clinics: Iterable[Clinic], *, first: date, last: date) -> Counted:
    """Give the figures of these clinics from ``first`` to ``last``, both included, as they stand on ``last``."""
    keys = sorted(clinic.pk for clinic in clinics)
    kept = cache.get(_question(keys, first, last))
    if not isinstance(kept, Counted):
        return count(keys, first=first, last=last)
    if timezone.now() - kept.at > COUNTED_AGAIN_AFTER:
        _have_counted(keys, first, last)
    return kept


def count(keys: Iterable[int], *, first: date, last: date) -> Counted:
    """Count the figures of the clinics with these keys now, and keep them if that took long."""
    keys = sorted(keys)
    began_s = time.monotonic()
    clinics = list(Clinic.objects.filter(pk__in=keys))
    counted = Counted(quality(clinics, first=first, last=last, today=last), timezone.now())
    if time.monotonic() - began_s > WORTH_KEEPING_S:
        cache.set(_question(keys, first, last), counted, KEPT_S)
    return counted


def count_ahead() -> None:
    """Count what the page offers of each clinic by itself, unless that was done today."""
    last = timezone.localdate()
    for key in Clinic.objects.order_by("pk").values_list("pk", flat=True):
        for days in PERIODS_DAYS.values():
            first = last - timedelta(days=days - 1)
            if cache.get(_question([key], first, last)) is None:
                count([key], first=first, last=last)


def _question(keys: list[int], first: date, last: date) -> str:
    return f"quality:{DEFINITIONS_VERSION}:{first}:{last}:{','.join(map(str, keys))}"


def _have_counted(keys: list[int], first: date, last: date) -> None:
    """Ask a worker, once for everybody who looks meanwhile; without a queue the old figures stand, with their time."""
    asked = _question(keys, first, last) + ":asked"
    if not cache.add(asked, value=True, timeout=COUNTED_AGAIN_AFTER.total_seconds()):
        return
    try:
        app.send_task(COUNT, args=[keys, first.isoformat(), last.isoformat()], queue=DESK, retry=False)
    except OperationalError:
        cache.delete(asked)
        log.warning("the queue is unreachable; the figures of a clinic are not counted again")
