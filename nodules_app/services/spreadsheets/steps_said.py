"""The one next step that a list names for a patient, from all lines about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from nodules_app.exchange.spreadsheet_reading.lines import Facts
from nodules_app.models import FollowUpKind

KIND: Final[Mapping[str, FollowUpKind]] = {
    "ct": FollowUpKind.CT,
    "workup": FollowUpKind.WORKUP,
    "review": FollowUpKind.REVIEW,
    "discharge": FollowUpKind.DISCHARGE,
}
BEFORE: Final = timedelta(
    days=14
)  # a list names the day by which; an appointment in the fortnight before it is in time


@dataclass(frozen=True, slots=True)
class StepSaid:
    """What, by when, whose; ``due_on`` None: the list does not say when."""

    kind: FollowUpKind
    due_from: date | None
    due_on: date | None
    owner: str

    def window(self, *, today: date, within_days: int) -> tuple[date, date, date]:
        """Not before, target, not after; where the list names no day the clinic's own number of days from today."""
        if self.due_on is None:
            return today, today + timedelta(days=within_days // 2), today + timedelta(days=within_days)
        if self.due_from is not None:  # a whole month
            return self.due_from, self.due_from + (self.due_on - self.due_from) / 2, self.due_on
        return self.due_on - BEFORE, self.due_on, self.due_on


def step_said(lines: Iterable[Facts]) -> StepSaid | None:
    """The most urgent step of all lines: the earliest day, and one without a day before none. None: nobody says one.

    A day without a word is that of a CT: what the lists of nodule clinics are kept for.
    """
    said = [
        StepSaid(KIND[facts.step or "ct"], facts.due_from, facts.due_on, facts.owner)
        for facts in lines
        if facts.step or facts.due_on
    ]
    asked = [one for one in said if one.kind != FollowUpKind.DISCHARGE] or said  # nobody is discharged by halves
    return min(asked, key=lambda one: (one.due_on or date.max, one.kind, one.owner), default=None)
