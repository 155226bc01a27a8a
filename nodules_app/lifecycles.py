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

    ACTIVE = "active"  # followed: the patient must have an open step
    NOT_A_NODULE = "not_a_nodule"  # a reader said so, never a program alone
    RESOLVED = "resolved"
    RESECTED = "resected"
    DISCHARGED = "discharged"
    MERGED = "merged"  # a reader said that it is another nodule of the same patient; that one is followed
    TAKEN_BACK = "taken_back"  # its reader undid the act that had made it; nobody says anything of it


class CandidateState(StrEnum):
    """What a program proposes; no nodule yet, and nothing is owed for it."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"  # a reader made it a nodule
    REJECTED = "rejected"  # a reader saw something else; not proposed again at this place
    REPLACED = "replaced"  # nobody had decided when the exam was searched again, or a later exam came


class FollowUpState(StrEnum):
    """How far one owed step has come, and in which of five ways it ended."""

    PROPOSED = "proposed"  # by the rules; nobody has signed it
    PLANNED = "planned"  # accepted by a signature; due and overdue follow from its window and today
    BOOKED = "booked"  # has a day at the scanner
    NOT_ATTENDED = "not_attended"  # the patient did not come; somebody must call
    DEFERRED = "deferred"  # put off to a later window, with a reason
    LOST_SUSPECTED = "lost_suspected"  # every reminder went unanswered; a clinician must decide
    PERFORMED = "performed"  # attended: the exam was made; its result is awaited
    REPORTED = "reported"  # the exam was read; the decision is awaited
    CLOSED = "closed"  # done: examined and read, discharged, dead, or a clinician's signed reason
    DECLINED = "declined"  # the patient does not want it
    MOVED = "moved"  # another hospital has acknowledged that it follows this patient
    SUPERSEDED = "superseded"  # a newer step stands in its place
    CANCELLED = "cancelled"  # there is nothing left to follow, or it was entered in error


class EvidenceKind(StrEnum):
    """What a step may end by. There is no other way: see ``ENDED_BY``."""

    EXAMINED = "examined"  # a matching exam was received and read
    SIGNED = "signed"  # a clinician's signed reason: done elsewhere, result known, not indicated
    DISCHARGED = "discharged"  # a clinician's decision, with what the guideline said
    DECEASED = "deceased"
    DECLINED = "declined"  # one step, or all, after an explanation and with a letter
    WITHDRAWN = "withdrawn"  # the patient leaves the programme
    TRANSFERRED = "transferred"  # acknowledged by the one who takes over
    SUPERSEDED = "superseded"  # names the newer step
    NOTHING_LEFT = "nothing_left"  # a reader says that no nodule of this step is followed any more
    ENTERED_IN_ERROR = "entered_in_error"


class MdtCaseState(StrEnum):
    """A patient on the way to, through and out of a conference."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"  # something is missing; it does not vanish
    LISTED = "listed"
    DISCUSSED = "discussed"
    NOT_DISCUSSED = "not_discussed"  # carried to the next meeting
    OUTCOME_DRAFT = "outcome_draft"
    OUTCOME_CONFIRMED = "outcome_confirmed"
    ACTIONS_OPEN = "actions_open"
    COMPLETE = "complete"
    WITHDRAWN = "withdrawn"  # with a reason


class ReminderState(StrEnum):
    """One message or task of a ladder. Delivered is not acknowledged, and neither is attended."""

    SUPPRESSED = "suppressed"  # with the reason that was true at the moment of sending
    QUEUED = "queued"
    SENDING = "sending"  # a dispatcher holds it and may be handing it over
    HANDED_OVER = "handed_over"  # the provider, or the print room, has it
    DELIVERED = "delivered"  # a task is delivered when it stands in the list
    BOUNCED = "bounced"
    UNCERTAIN = "uncertain"  # the dispatcher ended between handing over and writing it down: a person decides
    UNKNOWN = "unknown"  # no receipt for two days
    FAILED = "failed"  # the retries are used up; a person has the task
    ACKNOWLEDGED = "acknowledged"  # by a named person
    CANCELLED = "cancelled"


class DocumentState(StrEnum):
    """A report or a letter; what was signed is never edited."""

    DRAFT = "draft"
    FINAL = "final"
    ADDENDED = "addended"
    CORRECTED = "corrected"  # a newer version names what it replaces
    RETRACTED = "retracted"
    DISCARDED = "discarded"  # a draft that nobody signs; it stays readable and is never sent


class ReadingState(StrEnum):
    """How far the reading of an exam has come. What was signed is never edited: a correction is a newer reading."""

    AWAITING = "awaiting"  # nobody has begun; it ages in the reading list
    DRAFT = "draft"  # somebody is at it
    READ = "read"  # read to its end, and not signed
    SIGNED = "signed"
    ADDENDED = "addended"  # signed, with words added later
    REPLACED = "replaced"  # a newer version was signed; this one stays as it was
    COVERED = "covered"  # never signed: a later exam of the patient is read in its place


class RunState(StrEnum):
    """One piece of work for a worker."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # the core said no: a sentence for a person, never retried
    FAILED = "failed"  # our fault, and the retries are used up
    CANCELLED = "cancelled"


class ErrandState(StrEnum):
    """Something to bring or to take over the network: earlier exams from a PACS, signed results to one."""

    QUEUED = "queued"  # waits for its moment; what the PACS last said stands beside
    WORKING = "working"
    DONE = "done"
    GIVEN_UP = "given_up"  # its time is up; a person sees it in a list
    DROPPED = "dropped"  # a person says that it is not wanted any more


class AppointmentState(StrEnum):
    """What became of a slot that was booked for a follow-up."""

    BOOKED = "booked"
    ATTENDED = "attended"
    MISSED = "missed"  # the patient did not come; the slot is free again and the follow-up is still owed
    MOVED = "moved"  # its successor has the new slot
    CANCELLED = "cancelled"


TO_ARRANGE: Final = (  # signed, and no exam yet: what reminders and the calendar work on
    FollowUpState.PLANNED,
    FollowUpState.BOOKED,
    FollowUpState.NOT_ATTENDED,
    FollowUpState.DEFERRED,
    FollowUpState.LOST_SUSPECTED,
)
EXAM_MADE: Final = (FollowUpState.PERFORMED, FollowUpState.REPORTED)
OPEN_FOLLOW_UP: Final = (FollowUpState.PROPOSED, *TO_ARRANGE, *EXAM_MADE)
ENDED_FOLLOW_UP: Final = tuple(state for state in FollowUpState if state not in OPEN_FOLLOW_UP)
FOLLOWED_NODULE: Final = (NoduleState.ACTIVE,)
HELD_APPOINTMENT: Final = (AppointmentState.BOOKED, AppointmentState.ATTENDED)  # nobody else may have the slot
OPEN_READING: Final = (ReadingState.AWAITING, ReadingState.DRAFT, ReadingState.READ)
SIGNED_READING: Final = (ReadingState.SIGNED, ReadingState.ADDENDED, ReadingState.REPLACED)
OPEN_RUN: Final = (RunState.QUEUED, RunState.RUNNING)
OPEN_ERRAND: Final = (ErrandState.QUEUED, ErrandState.WORKING)
SIGNED_DOCUMENT: Final = (
    DocumentState.FINAL,
    DocumentState.ADDENDED,
    DocumentState.CORRECTED,
    DocumentState.RETRACTED,
)
DOCUMENT_IN_FORCE: Final = (DocumentState.FINAL, DocumentState.ADDENDED)
ENDED_MDT_CASE: Final = (MdtCaseState.COMPLETE, MdtCaseState.WITHDRAWN)
OPEN_MDT_CASE: Final = tuple(state for state in MdtCaseState if state not in ENDED_MDT_CASE)
MDT_TO_PREPARE: Final = (
    MdtCaseState.DRAFT,
    MdtCaseState.SUBMITTED,
    MdtCaseState.RETURNED,
    MdtCaseState.NOT_DISCUSSED,
)
MDT_MEETS: Final = (  # on the list of a meeting, or dealt with by it
    MdtCaseState.LISTED,
    MdtCaseState.DISCUSSED,
    MdtCaseState.OUTCOME_DRAFT,
    MdtCaseState.OUTCOME_CONFIRMED,
    MdtCaseState.ACTIONS_OPEN,
    MdtCaseState.COMPLETE,
)

NODULE: Final[Mapping[tuple[NoduleState, str], NoduleState]] = {
    (NoduleState.ACTIVE, "reject"): NoduleState.NOT_A_NODULE,
    (NoduleState.ACTIVE, "resolve"): NoduleState.RESOLVED,
    (NoduleState.ACTIVE, "resect"): NoduleState.RESECTED,
    (NoduleState.ACTIVE, "discharge"): NoduleState.DISCHARGED,
    (NoduleState.ACTIVE, "merge"): NoduleState.MERGED,
    (NoduleState.RESOLVED, "reopen"): NoduleState.ACTIVE,
    (NoduleState.DISCHARGED, "reopen"): NoduleState.ACTIVE,
    (NoduleState.NOT_A_NODULE, "reopen"): NoduleState.ACTIVE,
    (NoduleState.MERGED, "unmerge"): NoduleState.ACTIVE,
    # A reader undoes, or does again, what was done in the same reading.
    (NoduleState.ACTIVE, "take_back"): NoduleState.TAKEN_BACK,
    (NoduleState.TAKEN_BACK, "bring_back"): NoduleState.ACTIVE,
    (NoduleState.RESECTED, "unresect"): NoduleState.ACTIVE,
}

CANDIDATE: Final[Mapping[tuple[CandidateState, str], CandidateState]] = {
    (CandidateState.PROPOSED, "accept"): CandidateState.ACCEPTED,
    (CandidateState.PROPOSED, "reject"): CandidateState.REJECTED,
    (CandidateState.PROPOSED, "replace"): CandidateState.REPLACED,
    (CandidateState.REJECTED, "reopen"): CandidateState.PROPOSED,
    (CandidateState.ACCEPTED, "reopen"): CandidateState.PROPOSED,  # its nodule was taken back
}

# How a step ends follows from the evidence alone; the database holds the same table.
ENDED_BY: Final[Mapping[EvidenceKind, FollowUpState]] = {
    EvidenceKind.EXAMINED: FollowUpState.CLOSED,
    EvidenceKind.SIGNED: FollowUpState.CLOSED,
    EvidenceKind.DISCHARGED: FollowUpState.CLOSED,
    EvidenceKind.DECEASED: FollowUpState.CLOSED,
    EvidenceKind.DECLINED: FollowUpState.DECLINED,
    EvidenceKind.WITHDRAWN: FollowUpState.DECLINED,
    EvidenceKind.TRANSFERRED: FollowUpState.MOVED,
    EvidenceKind.SUPERSEDED: FollowUpState.SUPERSEDED,
    EvidenceKind.NOTHING_LEFT: FollowUpState.CANCELLED,
    EvidenceKind.ENTERED_IN_ERROR: FollowUpState.CANCELLED,
}
# What may stand as the reason why a whole patient is owed nothing more.
ENDS_CARE: Final = (
    EvidenceKind.DISCHARGED,
    EvidenceKind.DECEASED,
    EvidenceKind.DECLINED,
    EvidenceKind.WITHDRAWN,
    EvidenceKind.TRANSFERRED,
)
END_STEP: Final[Mapping[FollowUpState, str]] = {
    FollowUpState.CLOSED: "close",
    FollowUpState.DECLINED: "decline",
    FollowUpState.MOVED: "hand_over",
    FollowUpState.SUPERSEDED: "supersede",
    FollowUpState.CANCELLED: "cancel",
}

FOLLOW_UP: Final[Mapping[tuple[FollowUpState, str], FollowUpState]] = (
    {
        (FollowUpState.PROPOSED, "accept"): FollowUpState.PLANNED,
        (FollowUpState.PLANNED, "unsign"): FollowUpState.PROPOSED,  # taken back at once by whoever had signed
        (FollowUpState.BOOKED, "unbook"): FollowUpState.PLANNED,  # the day was given back; the step stays owed
        (FollowUpState.BOOKED, "miss"): FollowUpState.NOT_ATTENDED,
        (FollowUpState.LOST_SUSPECTED, "find"): FollowUpState.PLANNED,
        (FollowUpState.PROPOSED, "perform"): FollowUpState.PERFORMED,  # an exam that nobody had to ask for
        (FollowUpState.PERFORMED, "report"): FollowUpState.REPORTED,
        (FollowUpState.PERFORMED, "set_aside"): FollowUpState.PLANNED,  # that exam does not answer the question
        (FollowUpState.REPORTED, "set_aside"): FollowUpState.PLANNED,
    }
    | {(state, "book"): FollowUpState.BOOKED for state in TO_ARRANGE}  # from booked: moved to another day
    | {(state, "defer"): FollowUpState.DEFERRED for state in TO_ARRANGE}
    | {
        (state, "suspect_lost"): FollowUpState.LOST_SUSPECTED
        for state in TO_ARRANGE
        if state != FollowUpState.LOST_SUSPECTED
    }
    | {(state, "perform"): FollowUpState.PERFORMED for state in TO_ARRANGE}
    | {(state, step): ended for ended, step in END_STEP.items() for state in OPEN_FOLLOW_UP}
)

APPOINTMENT: Final[Mapping[tuple[AppointmentState, str], AppointmentState]] = {
    (AppointmentState.BOOKED, "attend"): AppointmentState.ATTENDED,
    (AppointmentState.BOOKED, "miss"): AppointmentState.MISSED,
    (AppointmentState.BOOKED, "move"): AppointmentState.MOVED,
    (AppointmentState.BOOKED, "cancel"): AppointmentState.CANCELLED,
}

MDT_CASE: Final[Mapping[tuple[MdtCaseState, str], MdtCaseState]] = {
    (MdtCaseState.DRAFT, "submit"): MdtCaseState.SUBMITTED,
    (MdtCaseState.SUBMITTED, "return"): MdtCaseState.RETURNED,
    (MdtCaseState.LISTED, "return"): MdtCaseState.RETURNED,
    (MdtCaseState.RETURNED, "submit"): MdtCaseState.SUBMITTED,
    (MdtCaseState.SUBMITTED, "list"): MdtCaseState.LISTED,
    (MdtCaseState.NOT_DISCUSSED, "list"): MdtCaseState.LISTED,
    (MdtCaseState.LISTED, "discuss"): MdtCaseState.DISCUSSED,
    (MdtCaseState.LISTED, "carry"): MdtCaseState.NOT_DISCUSSED,
    (MdtCaseState.DISCUSSED, "draft_outcome"): MdtCaseState.OUTCOME_DRAFT,
    (MdtCaseState.OUTCOME_DRAFT, "draft_outcome"): MdtCaseState.OUTCOME_DRAFT,
    (MdtCaseState.OUTCOME_DRAFT, "confirm_outcome"): MdtCaseState.OUTCOME_CONFIRMED,
    (MdtCaseState.OUTCOME_CONFIRMED, "open_actions"): MdtCaseState.ACTIONS_OPEN,
    (MdtCaseState.OUTCOME_CONFIRMED, "complete"): MdtCaseState.COMPLETE,
    (MdtCaseState.ACTIONS_OPEN, "complete"): MdtCaseState.COMPLETE,
} | {
    (state, "withdraw"): MdtCaseState.WITHDRAWN
    for state in (
        MdtCaseState.DRAFT,
        MdtCaseState.SUBMITTED,
        MdtCaseState.RETURNED,
        MdtCaseState.LISTED,
        MdtCaseState.NOT_DISCUSSED,
    )
}

REMINDER: Final[Mapping[tuple[ReminderState, str], ReminderState]] = {
    (ReminderState.QUEUED, "claim"): ReminderState.SENDING,
    (ReminderState.SENDING, "claim"): ReminderState.SENDING,  # its lease ran out, and the provider knows the key
    (ReminderState.QUEUED, "hand_over"): ReminderState.HANDED_OVER,  # a letter goes to the print room in its batch
    (ReminderState.QUEUED, "deliver"): ReminderState.DELIVERED,  # a task stands in the list at once
    (ReminderState.SENDING, "hand_over"): ReminderState.HANDED_OVER,
    (ReminderState.SENDING, "retry"): ReminderState.QUEUED,
    (ReminderState.SENDING, "fail"): ReminderState.FAILED,
    (ReminderState.SENDING, "suppress"): ReminderState.SUPPRESSED,
    (ReminderState.SENDING, "lose_track"): ReminderState.UNCERTAIN,
    (ReminderState.QUEUED, "suppress"): ReminderState.SUPPRESSED,
    (ReminderState.QUEUED, "cancel"): ReminderState.CANCELLED,
    (ReminderState.HANDED_OVER, "deliver"): ReminderState.DELIVERED,
    (ReminderState.HANDED_OVER, "bounce"): ReminderState.BOUNCED,
    (ReminderState.HANDED_OVER, "miss_receipt"): ReminderState.UNKNOWN,
    (ReminderState.UNKNOWN, "deliver"): ReminderState.DELIVERED,
    (ReminderState.UNKNOWN, "bounce"): ReminderState.BOUNCED,
    (ReminderState.UNCERTAIN, "deliver"): ReminderState.DELIVERED,  # the receipt came after all
    (ReminderState.UNCERTAIN, "bounce"): ReminderState.BOUNCED,
    (ReminderState.UNCERTAIN, "send_again"): ReminderState.QUEUED,  # a person has made sure that it did not go
    (ReminderState.FAILED, "send_again"): ReminderState.QUEUED,  # a person mended the address or the server
    (ReminderState.DELIVERED, "bounce"): ReminderState.BOUNCED,  # a letter comes back weeks later
    (ReminderState.DELIVERED, "settle"): ReminderState.CANCELLED,  # a task whose reason has gone
} | {
    (state, "acknowledge"): ReminderState.ACKNOWLEDGED
    for state in (
        ReminderState.HANDED_OVER,
        ReminderState.DELIVERED,
        ReminderState.BOUNCED,
        ReminderState.UNCERTAIN,
        ReminderState.UNKNOWN,
        ReminderState.FAILED,
    )
}

DOCUMENT: Final[Mapping[tuple[DocumentState, str], DocumentState]] = {
    (DocumentState.DRAFT, "sign"): DocumentState.FINAL,
    (DocumentState.DRAFT, "discard"): DocumentState.DISCARDED,
    (DocumentState.FINAL, "addend"): DocumentState.ADDENDED,
    (DocumentState.ADDENDED, "addend"): DocumentState.ADDENDED,
    (DocumentState.FINAL, "correct"): DocumentState.CORRECTED,
    (DocumentState.ADDENDED, "correct"): DocumentState.CORRECTED,
    (DocumentState.FINAL, "retract"): DocumentState.RETRACTED,
    (DocumentState.ADDENDED, "retract"): DocumentState.RETRACTED,
    (DocumentState.CORRECTED, "retract"): DocumentState.RETRACTED,
}

READING: Final[Mapping[tuple[ReadingState, str], ReadingState]] = (
    {
        (ReadingState.AWAITING, "begin"): ReadingState.DRAFT,
        (ReadingState.DRAFT, "finish"): ReadingState.READ,
        (ReadingState.READ, "resume"): ReadingState.DRAFT,
        (ReadingState.DRAFT, "sign"): ReadingState.SIGNED,
        (ReadingState.READ, "sign"): ReadingState.SIGNED,
        (ReadingState.SIGNED, "addend"): ReadingState.ADDENDED,
        (ReadingState.ADDENDED, "addend"): ReadingState.ADDENDED,
    }
    | {(state, "replace"): ReadingState.REPLACED for state in (ReadingState.SIGNED, ReadingState.ADDENDED)}
    | {(state, "cover"): ReadingState.COVERED for state in OPEN_READING}
)

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

ERRAND: Final[Mapping[tuple[ErrandState, str], ErrandState]] = {
    (ErrandState.QUEUED, "claim"): ErrandState.WORKING,
    (ErrandState.WORKING, "claim"): ErrandState.WORKING,  # only when its lease has run out
    (ErrandState.WORKING, "finish"): ErrandState.DONE,
    (ErrandState.WORKING, "wait"): ErrandState.QUEUED,
    (ErrandState.WORKING, "give_up"): ErrandState.GIVEN_UP,
    (ErrandState.GIVEN_UP, "again"): ErrandState.QUEUED,
    (ErrandState.DONE, "again"): ErrandState.QUEUED,  # a person wants it asked, or sent, once more
    (ErrandState.QUEUED, "drop"): ErrandState.DROPPED,
    (ErrandState.GIVEN_UP, "drop"): ErrandState.DROPPED,
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
