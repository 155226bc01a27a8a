"""What the figures of a clinic are made of: shares, spans of days, groups; numbers only, nothing names a patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def rest(self) -> int:
        return self.whole - self.part

    def __add__(self, other: Share) -> Share:
        return Share(self.part + other.part, self.whole + other.whole)


NOTHING = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long it took, in days: the middle one, and what nine of ten stayed below."""

    count: int
    median_days: float | None
    p90_days: float | None


@dataclass(frozen=True, slots=True)
class Month:
    starts_on: date
    on_time: Share


@dataclass(frozen=True, slots=True)
class Steps:
    """What one walk over the steps of the period counts."""

    on_time: Share
    within_30_days: Share
    excused: int  # CTs that nobody was to keep any more
    by_kind: tuple[tuple[str, Share], ...]
    months: tuple[Month, ...]
    by_sex: tuple[tuple[str, Share], ...]
    by_age: tuple[tuple[str, Share], ...]
    by_tier: tuple[tuple[str, Share], ...]
    by_clinic: tuple[tuple[str, Share], ...]


@dataclass(frozen=True, slots=True)
class Times:
    """What one walk over the signed readings of the period counts."""

    scan_to_result: Spread
    result_to_contact: Spread
    scan_to_contact: Spread
    result_to_decision: Spread
    not_contacted: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, against what the guidelines said."""

    concordance: Share
    borderline: Share
    overrides: tuple[tuple[str, int], ...]
    managements: tuple[tuple[str, str, int], ...]  # guideline, management, patients


@dataclass(frozen=True, slots=True)
class Conference:
    """The way of a question through the conference, whole and in its parts."""

    wait: Spread  # from the question to the confirmed outcome
    to_meeting: Spread
    to_outcome: Spread  # from the end of the meeting
    to_done: Spread  # from the outcome to the end of an action
    within_24_h: Share
    complete_at_cut_off: Share
    actions_on_time: Share


@dataclass(frozen=True, slots=True)
class Told:
    """What became of reminders, and what they brought back."""

    by_state: tuple[tuple[str, str, int], ...]  # channel, state, how many
    brought_back: tuple[tuple[str, str, Share], ...]  # rung, channel, exams made soon after
    by_outcome: tuple[tuple[str, int], ...]  # what people did about their tasks
    answered: Spread  # from a task to the person who took it


@dataclass(frozen=True, slots=True)
class Tissue:
    """What work-ups found."""

    malignant: Share
    benign_resections: Share


@dataclass(frozen=True, slots=True)
class Quality:
    """The page. Figures of now stand first, figures of the period after them."""

    first: date
    last: date
    today: date  # of the figures of now
    lost: Share  # active nodules without an open step or a reason
    suspected_lost: int
    suspected_long: int  # for more than sixty days
    overdue: tuple[tuple[int, int], ...]  # (up to how many days, how many steps); the last bound is 0: longer
    actions_overdue: int  # of the conference, not done yet
    steps: Steps
    times: Times
    decided: Decided
    conference: Conference
    told: Told
    tissue: Tissue
    measured_by_volume: Share
    good_pairs: Share
