"""The life cycles as a page with diagrams, drawn from the tables that decide; ``docs/lifecycles.md`` is this text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from django.utils import translation

from nodules_app.lifecycles import (
    APPOINTMENT,
    CANDIDATE,
    DOCUMENT,
    ENDED_BY,
    ENDS_CARE,
    ERRAND,
    FOLLOW_UP,
    MDT_CASE,
    NODULE,
    READING,
    REMINDER,
    RUN,
    AppointmentState,
    CandidateState,
    DocumentState,
    ErrandState,
    EvidenceKind,
    FollowUpState,
    MdtCaseState,
    NoduleState,
    ReadingState,
    ReminderState,
    RunState,
    State,
)
from nodules_app.templatetags.follow_ups import EVIDENCE, STATE

GROUPED_FROM: Final = 4  # as many states or more with one step to one goal are drawn as one box
NEEDS: Final[Mapping[EvidenceKind, str]] = {
    EvidenceKind.EXAMINED: "an exam of this patient, made after the exam that asked, and the answer that rests on it",
    EvidenceKind.SIGNED: "a clinician's signature and reason; a review by a reader follows",
    EvidenceKind.DISCHARGED: "a clinician's signature and reason, and what the guideline says, or that it says nothing",
    EvidenceKind.DECEASED: "the day, a source, and a second source or a clinician who vouches for it",
    EvidenceKind.DECLINED: "the reason, what was explained, the day of the letter; perhaps a day to offer it again",
    EvidenceKind.WITHDRAWN: "who recorded it, and the reason",
    EvidenceKind.TRANSFERRED: "a transfer that a named person of the other hospital acknowledged",
    EvidenceKind.SUPERSEDED: "the newer step",
    EvidenceKind.NOTHING_LEFT: "a reader, and the reason",
    EvidenceKind.ENTERED_IN_ERROR: "a clinician, and the reason; a review by a reader follows",
}
HEAD: Final = """\
# Life cycles

Drawn by `manage.py print_lifecycles` from `nodules_app/lifecycles.py`; do not edit. A step that a table does not hold
is refused by name. *Due* and *overdue* are no states: they follow from a window and today.

## What holds at any moment

1. Every active nodule has an open follow-up that names it, or its patient has a recorded closure: one view in the
   database, asked by a deferred trigger at each commit, by a page, by `manage.py prove` and every ten minutes.
   The trigger locks the patient and looks again, so that two people who each close one of two covers cannot both
   succeed. `REPEATABLE READ` is refused there: it would not see what the other has just closed.
2. **Exactly one open next step.** A patient has at most one open follow-up that calls for something to be done (CT,
   work-up, decision on discharge) and at most one review beside it: a review is a question to a reader of the clinic,
   asked for the nodules that the rules have not seen, and never a second appointment. The database refuses a second of
   either at commit (`patient_has_one_open_step`).
3. Each change of a follow-up is one row of `FollowUpChange`: who, when, from, to, why. The table is append-only, and
   the database refuses a change of state without its row. The audit trail names the change; why stands here only.
4. Each change raises the follow-up's `version`. A page sends back the version that it showed; whoever was slower is
   told what the other did, and what they typed is kept.
5. Follow-up ends by evidence only; how a step ends follows from the kind of evidence. The rules alone never undo what a
   person ended: a later exam does, and after a death nothing does but a person.
6. A later exam, whoever asked for it, answers the open CT that was asked for before the exam was made.

"""


def lifecycles_page() -> str:
    """Give the whole page in Markdown with Mermaid diagrams, in English."""
    with translation.override("en"):
        return "".join(_page())


def _page() -> Iterator[str]:
    yield HEAD
    yield from _chapter("Follow-up", FOLLOW_UP, FollowUpState, FollowUpState.PROPOSED)
    yield "| state | is |\n|---|---|\n"
    yield from (f"| `{state}` | {STATE[state]} |\n" for state in FollowUpState)
    yield "\nThe words accepted and attended of other texts are `planned` and `performed` here.\n\n"
    yield "| ends by | as | needs | ends all care |\n|---|---|---|---|\n"
    for kind, state in ENDED_BY.items():
        yield f"| {EVIDENCE[kind]} (`{kind}`) | `{state}` | {NEEDS[kind]} | {'may' if kind in ENDS_CARE else 'no'} |\n"
    yield "\n"
    yield from _chapter("Nodule", NODULE, NoduleState, NoduleState.ACTIVE)
    yield "A work-up is a step of the patient, no state of the nodule; so are death, a move and a decline.\n\n"
    yield from _chapter("Candidate", CANDIDATE, CandidateState, CandidateState.PROPOSED)
    yield "A candidate has no number and is owed nothing; accepting it marks a nodule.\n\n"
    yield from _chapter("MDT case", MDT_CASE, MdtCaseState, MdtCaseState.DRAFT)
    yield from _chapter("Reminder", REMINDER, ReminderState, ReminderState.QUEUED, ReminderState.SUPPRESSED)
    yield from _chapter("Reading", READING, ReadingState, ReadingState.AWAITING)
    yield from _chapter("Report and letter", DOCUMENT, DocumentState, DocumentState.DRAFT)
    yield from _chapter("Appointment", APPOINTMENT, AppointmentState, AppointmentState.BOOKED)
    yield from _chapter("Run", RUN, RunState, RunState.QUEUED)
    yield from _chapter("Errand over the network", ERRAND, ErrandState, ErrandState.QUEUED)


def _chapter(
    title: str, table: Mapping[tuple[State, str], State], states: type[State], *begins: State
) -> Iterator[str]:
    yield f"## {title}\n\n```mermaid\nstateDiagram-v2\n"
    yield from (f"    [*] --> {state}\n" for state in begins)
    yield from _edges(table)
    goes_on = {state for state, _step in table}
    yield from (f"    {state} --> [*]\n" for state in states if state not in goes_on)
    yield "```\n\n| from | step | to |\n|---|---|---|\n"
    for (step, goal), sources in _grouped(table).items():
        yield f"| {', '.join(f'`{state}`' for state in sources)} | {step} | `{goal}` |\n"
    yield "\n"


def _grouped(table: Mapping[tuple[State, str], State]) -> dict[tuple[str, State], tuple[State, ...]]:
    sources: dict[tuple[str, State], list[State]] = defaultdict(list)
    for (state, step), goal in table.items():
        sources[step, goal].append(state)
    return {edge: tuple(states) for edge, states in sources.items()}


def _edges(table: Mapping[tuple[State, str], State]) -> Iterator[str]:
    boxes: dict[tuple[State, ...], str] = {}
    for (step, goal), sources in _grouped(table).items():
        if len(sources) < GROUPED_FROM:
            yield from (f"    {state} --> {goal}: {step}\n" for state in sources)
            continue
        if sources not in boxes:
            boxes[sources] = f"any{len(boxes) + 1}"
            yield f'    state "{", ".join(sources)}" as {boxes[sources]}\n'
        yield f"    {boxes[sources]} --> {goal}: {step}\n"
