"""Every state a record can be in and every step between states, as data.

Models take their choices and constraints from here, services ask it for leave to move, pages draw their buttons from
it, the documentation its diagrams. What the clock alone changes (due, overdue) is no state: it follows from a window
and today.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

State = TypeVar("State", bound=StrEnum)


class NoSuchStep(Exception):
    """Somebody asked for a step that this state does not know, usually because another person was quicker."""

    def __init__(self, state: StrEnum, step: str) -> None:
        self.state, self.step = state, step
        super().__init__(f"{state!s} knows no step {step}")


class NoduleState(StrEnum):
    """Where the nodule stands; its size and its comparison are facts of a scan, not states."""

    CANDIDATE = "candidate"  # proposed by a program; no person has looked
    ACTIVE = "active"  # followed: the patient must have an open step
    NOT_A_NODULE = "not_a_nodule"  # a reader said so, never a program alone
    RESOLVED = "resolved"
    RESECTED = "resected"
    DISCHARGED = "discharged"


class FollowUpState(StrEnum):
    """How far one owed step has come."""

    PROPOSED = "proposed"  # by the rules; nobody has signed it
    PLANNED = "planned"  # signed; due and overdue follow from its window and today
    BOOKED = "booked"  # has a day at the scanner
    PERFORMED = "performed"  # the scan was made; its result is awaited
    CLOSED = "closed"  # with a reason


class RunState(StrEnum):
    """One piece of work for a worker."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # the core said no: a sentence for a person, never retried
    FAILED = "failed"  # our fault, and the retries are used up
    CANCELLED = "cancelled"


class AppointmentState(StrEnum):
    """What became of a slot that was booked for a follow-up."""

    BOOKED = "booked"
    ATTENDED = "attended"
    MISSED = "missed"  # the patient did not come; the slot is free again and the follow-up is still owed
    MOVED = "moved"  # its successor has the new slot
    CANCELLED = "cancelled"


OPEN_FOLLOW_UP: Final = (
    FollowUpState.PROPOSED,
    FollowUpState.PLANNED,
    FollowUpState.BOOKED,
    FollowUpState.PERFORMED,
)
FOLLOWED_NODULE: Final = (NoduleState.ACTIVE,)
HELD_APPOINTMENT: Final = (AppointmentState.BOOKED, AppointmentState.ATTENDED)  # nobody else may have the slot
OPEN_RUN: Final = (RunState.QUEUED, RunState.RUNNING)

NODULE: Final[Mapping[tuple[NoduleState, str], NoduleState]] = {
    (NoduleState.CANDIDATE, "confirm"): NoduleState.ACTIVE,
    (NoduleState.CANDIDATE, "reject"): NoduleState.NOT_A_NODULE,
    (NoduleState.ACTIVE, "reject"): NoduleState.NOT_A_NODULE,
    (NoduleState.ACTIVE, "resolve"): NoduleState.RESOLVED,
    (NoduleState.ACTIVE, "resect"): NoduleState.RESECTED,
    (NoduleState.ACTIVE, "discharge"): NoduleState.DISCHARGED,
    (NoduleState.RESOLVED, "reopen"): NoduleState.ACTIVE,
    (NoduleState.DISCHARGED, "reopen"): NoduleState.ACTIVE,
    (NoduleState.NOT_A_NODULE, "reopen"): NoduleState.ACTIVE,
}

FOLLOW_UP: Final[Mapping[tuple[FollowUpState, str], FollowUpState]] = {
    (FollowUpState.PROPOSED, "accept"): FollowUpState.PLANNED,
    (FollowUpState.PLANNED, "book"): FollowUpState.BOOKED,
    (FollowUpState.BOOKED, "book"): FollowUpState.BOOKED,  # moved to another day
    (FollowUpState.BOOKED, "miss"): FollowUpState.PLANNED,
    (FollowUpState.PLANNED, "perform"): FollowUpState.PERFORMED,
    (FollowUpState.BOOKED, "perform"): FollowUpState.PERFORMED,
} | {(state, "close"): FollowUpState.CLOSED for state in OPEN_FOLLOW_UP}

APPOINTMENT: Final[Mapping[tuple[AppointmentState, str], AppointmentState]] = {
    (AppointmentState.BOOKED, "attend"): AppointmentState.ATTENDED,
    (AppointmentState.BOOKED, "miss"): AppointmentState.MISSED,
    (AppointmentState.BOOKED, "move"): AppointmentState.MOVED,
    (AppointmentState.BOOKED, "cancel"): AppointmentState.CANCELLED,
}

RUN: Final[Mapping[tuple[RunState, str], RunState]] = {
    (RunState.QUEUED, "claim"): RunState.RUNNING,
    (RunState.RUNNING, "claim"): RunState.RUNNING,  # only when its lease has run out
    (RunState.RUNNING, "succeed"): RunState.SUCCEEDED,
    (RunState.RUNNING, "refuse"): RunState.REFUSED,
    (RunState.RUNNING, "fail"): RunState.FAILED,
    (RunState.RUNNING, "retry"): RunState.QUEUED,
    (RunState.QUEUED, "cancel"): RunState.CANCELLED,
    (RunState.FAILED, "retry"): RunState.QUEUED,
    (RunState.REFUSED, "retry"): RunState.QUEUED,  # a person mended the input
}


def after(table: Mapping[tuple[State, str], State], state: State, step: str) -> State:
    """Give the state that follows, or raise ``NoSuchStep``."""
    try:
        return table[state, step]
    except KeyError:
        raise NoSuchStep(state, step) from None


def steps_from(table: Mapping[tuple[State, str], State], state: State) -> tuple[str, ...]:
    """Name the steps that this state knows, in the order of the table."""
    return tuple(step for known, step in table if known == state)
