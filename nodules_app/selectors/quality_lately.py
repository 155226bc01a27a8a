"""The figures of a clinic for its page: of a large clinic counted once in ten minutes, of any other each time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.core.cache import cache
from django.utils import timezone

from nodules_app.models import Clinic
from nodules_app.selectors.quality import DEFINITIONS_VERSION, Quality, quality

KEPT_S: Final = 600
WORTH_KEEPING_S: Final = 0.2  # what is counted sooner is counted again, and is never old


@dataclass(frozen=True, slots=True)
class Counted:
    """Figures, and when they were counted. Numbers only: nothing in them names a patient."""

    figures: Quality
    at: datetime


def quality_lately(clinics: Sequence[Clinic], *, first: date, last: date, today: date) -> Counted:
    """Count as ``quality`` does, or give what was counted for the same question a short while ago."""
    whose = ",".join(str(key) for key in sorted(clinic.pk for clinic in clinics))
    key = f"quality:{DEFINITIONS_VERSION}:{first}:{last}:{today}:{whose}"
    kept = cache.get(key)
    if isinstance(kept, Counted):
        return kept
    began_s = time.monotonic()
    counted = Counted(quality(clinics, first=first, last=last, today=today), timezone.now())
    if time.monotonic() - began_s > WORTH_KEEPING_S:
        cache.set(key, counted, KEPT_S)
    return counted
