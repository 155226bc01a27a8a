"""The figures of a clinic, each by a definition that stands beside it; every one is counted from rows, none is stored.

One walk over the steps, one over the readings and one over the reminders of the period count all that is asked of them.
``DEFINITIONS_VERSION`` is shown with the figures and goes into the export: a changed definition raises it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from nodules_app.models import Clinic
from nodules_app.selectors.quality import conference, decided, measured, steps, times, told
from nodules_app.selectors.quality.asking import Question
from nodules_app.selectors.quality.values import Quality

DEFINITIONS_VERSION: Final = "3"


def quality(clinics: Sequence[Clinic], *, first: date, last: date, today: date) -> Quality:
    """Count everything for these clinics; ``first`` and ``last`` are days of the period, both included."""
    question = Question(tuple(clinics), first, last, today)
    suspected, suspected_long = steps.suspected_lost(question)
    return Quality(
        first=first,
        last=last,
        today=today,
        lost=steps.lost(question),
        suspected_lost=suspected,
        suspected_long=suspected_long,
        overdue=steps.overdue(question),
        actions_overdue=conference.actions_overdue(question),
        steps=steps.walk(question),
        times=times.walk(question),
        decided=decided.walk(question),
        conference=conference.walk(question),
        told=told.walk(question),
        tissue=measured.tissue(question),
        measured_by_volume=measured.by_volume(question),
        good_pairs=measured.good_pairs(question),
    )
