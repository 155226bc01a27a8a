"""Everything that happened to a patient, on one axis of days: exams, decisions, meetings, contacts, what is owed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from nodules_app.lifecycles import AppointmentState, MdtCaseState, ReminderState
from nodules_app.models import (
    Appointment,
    Assessment,
    ClinicalDocument,
    Closure,
    ContactAttempt,
    Decision,
    FollowUp,
    FollowUpChange,
    FollowUpKind,
    MdtCase,
    MdtOutcome,
    Patient,
    Reminder,
)
from nodules_app.selectors.posting import posted_on_of
from nodules_app.selectors.timeline import Timeline, timeline

NEVER_WENT_OUT: Final = (ReminderState.SUPPRESSED, ReminderState.CANCELLED, ReminderState.QUEUED)
TOLD_CHANGES: Final = ("miss", "defer", "suspect_lost", "find", "decline", "hand_over")


class Lane(StrEnum):
    """The rows of the drawing, from top to bottom."""

    SCANS = "scans"
    DECIDED = "decided"
    MEETINGS = "meetings"
    WRITTEN = "written"
    CONTACTS = "contacts"
    OWED = "owed"


class EventKind(StrEnum):
    """What happened; the words for each are the page's."""

    SCAN = "scan"
    MISSED = "missed"
    CHANGED = "changed"
    APPOINTMENT = "appointment"
    ASSESSED = "assessed"
    TAKEN_BACK = "taken_back"  # a signature that was undone at once; it decides nothing
    SIGNED = "signed"
    OVERRODE = "overrode"
    MEETING = "meeting"
    OUTCOME = "outcome"
    REMINDER = "reminder"
    CONTACT = "contact"
    DOCUMENT = "document"
    CLOSED = "closed"


LANE: Final[Mapping[EventKind, Lane]] = {
    EventKind.SCAN: Lane.SCANS,
    EventKind.MISSED: Lane.SCANS,
    EventKind.CHANGED: Lane.OWED,
    EventKind.APPOINTMENT: Lane.SCANS,
    EventKind.ASSESSED: Lane.DECIDED,
    EventKind.TAKEN_BACK: Lane.DECIDED,
    EventKind.SIGNED: Lane.DECIDED,
    EventKind.OVERRODE: Lane.DECIDED,
    EventKind.MEETING: Lane.MEETINGS,
    EventKind.OUTCOME: Lane.MEETINGS,
    EventKind.REMINDER: Lane.CONTACTS,
    EventKind.CONTACT: Lane.CONTACTS,
    EventKind.DOCUMENT: Lane.WRITTEN,
    EventKind.CLOSED: Lane.DECIDED,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on one day; ``facts`` are codes and free words, as its kind needs them."""

    on: date
    kind: EventKind
    by: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    code: UUID | None = None

    @property
    def lane(self) -> Lane:
        return LANE[self.kind]


@dataclass(frozen=True, slots=True)
class Owed:
    """The window of one step, and when it ended; an open one has no end."""

    code: UUID
    kind: str
    management: str
    state: str
    due_from: date
    due_until: date
    asked_on: date
    ended_on: date | None
    superseded: bool
    booked_on: date | None
    exam_on: date | None
    owner: str
    nodules: tuple[str, ...]

    def late_days(self, today: date) -> int:
        """How many days it stood, or stands, past its window."""
        return max(0, ((self.ended_on or today) - self.due_until).days)


@dataclass(frozen=True, slots=True)
class Story:
    """The page."""

    timeline: Timeline
    events: tuple[Event, ...]  # the earliest first
    owed: tuple[Owed, ...]

    @property
    def scans(self) -> int:
        return sum(event.kind is EventKind.SCAN for event in self.events)

    @property
    def missed(self) -> int:
        return sum(event.kind is EventKind.MISSED for event in self.events)

    @property
    def open_steps(self) -> tuple[Owed, ...]:
        return tuple(one for one in self.owed if one.ended_on is None)

    @property
    def next_step(self) -> Owed | None:
        """The open step that is due first; a review only where there is no other."""
        ordered = sorted(self.open_steps, key=lambda one: (one.kind == FollowUpKind.REVIEW, one.due_until))
        return ordered[0] if ordered else None

    def latest(self, *kinds: EventKind) -> Event | None:
        """The latest event of these kinds."""
        return next((event for event in reversed(self.events) if event.kind in kinds), None)


def story(patient: Patient) -> Story:
    """Read a patient's whole story in a fixed number of queries."""
    shown = timeline(patient, outlines=False)
    events = [
        *_scans(shown),
        *_steps(patient),
        *_appointments(patient),
        *_assessments(patient),
        *_decisions(patient),
        *_meetings(patient),
        *_reminders(patient),
        *_contacts(patient),
        *_documents(patient),
        *_closures(patient),
    ]
    ordered = sorted(events, key=lambda event: (event.on, list(EventKind).index(event.kind)))
    return Story(timeline=shown, events=tuple(ordered), owed=_owed(patient))


def _scans(shown: Timeline) -> Iterator[Event]:
    methods: defaultdict[UUID, set[str]] = defaultdict(set)
    for nodule in shown.nodules:
        for seen in nodule.appearances:
            if seen.measured is not None:
                methods[seen.scan].add(seen.measured.method)
    for exam in shown.exams:
        if exam.acquired_on is not None:
            yield Event(
                exam.acquired_on,
                EventKind.SCAN,
                facts={
                    "description": exam.description,
                    "kernel": exam.scan.series.kernel if exam.scan else "",
                    "methods": ", ".join(sorted(methods[exam.scan.code])) if exam.scan else "",
                },
                code=exam.scan.code if exam.scan else None,
            )


def _steps(patient: Patient) -> Iterator[Event]:
    """What happened to steps that a story must tell: nobody came, put off, lost, found, declined, handed over."""
    rows = FollowUpChange.objects.filter(follow_up__patient=patient, step__in=TOLD_CHANGES)
    for row in rows.select_related("by", "follow_up").order_by("pk"):
        kind = EventKind.MISSED if row.step == "miss" else EventKind.CHANGED
        facts = {"step": row.step, "why": row.why, "kind": row.follow_up.kind}
        yield Event(timezone.localdate(row.at), kind, str(row.by or ""), facts, row.follow_up.code)


def _appointments(patient: Patient) -> Iterator[Event]:
    held = Appointment.objects.filter(follow_up__patient=patient, state=AppointmentState.BOOKED)
    for row in held.select_related("resource", "follow_up").order_by("pk"):
        yield Event(
            timezone.localdate(row.during.lower),
            EventKind.APPOINTMENT,
            facts={"where": row.resource.name},
            code=row.follow_up.code,
        )


def _assessments(patient: Patient) -> Iterator[Event]:
    """The last answer of each guideline to each exam; one that was asked anew the same day is told once."""
    rows = Assessment.objects.filter(patient=patient).order_by("exam_on", "guideline", "-pk")
    for row in rows.distinct("exam_on", "guideline").defer("inputs", "answer"):
        if row.management != "not_applicable":
            facts = {"management": row.management, **_source(row)}
            yield Event(row.exam_on, EventKind.ASSESSED, facts=facts, code=row.code)


def _source(row: Assessment) -> Mapping[str, str]:
    return {
        "guideline": row.guideline,
        "edition": row.edition,
        "ruleset": row.ruleset_version,
        "rule": row.rule_id,
    }


def _decisions(patient: Patient) -> Iterator[Event]:
    rows = Decision.objects.filter(assessment__patient=patient).select_related("by", "assessment").order_by("pk")
    undone = rows.annotate(undone_at=F("taken_back__at"))
    for row in undone.defer("assessment__inputs", "assessment__answer"):
        kind = EventKind.OVERRODE if row.overrides else EventKind.SIGNED
        if row.undone_at is not None:
            kind = EventKind.TAKEN_BACK
        facts = {"management": row.management, "why": row.reason, **_source(row.assessment)}
        yield Event(timezone.localdate(row.created_at), kind, str(row.by), facts)


def _meetings(patient: Patient) -> Iterator[Event]:
    listed = MdtCase.objects.filter(patient=patient, state=MdtCaseState.LISTED).select_related("meeting")
    for case in listed:
        if case.meeting is not None:
            on = timezone.localdate(case.meeting.starts_at)
            yield Event(on, EventKind.MEETING, facts={"question": case.question}, code=case.code)
    decided = MdtOutcome.objects.filter(case__patient=patient, confirmed_at__isnull=False)
    for outcome in decided.select_related("case", "confirmed_by").order_by("pk"):
        if outcome.confirmed_at is not None:
            facts = {"outcome": outcome.kind, "why": outcome.says}
            on = timezone.localdate(outcome.confirmed_at)
            yield Event(on, EventKind.OUTCOME, str(outcome.confirmed_by), facts, outcome.case.code)


def _reminders(patient: Patient) -> Iterator[Event]:
    rows = Reminder.objects.filter(patient=patient).exclude(state__in=NEVER_WENT_OUT)
    for row in rows.select_related("ladder").defer("text", "subject", "ladder__rungs").order_by("pk"):
        on = timezone.localdate(row.handed_over_at) if row.handed_over_at else row.planned_on
        facts = {"channel": row.channel, "recipient": row.recipient, "template": row.template}
        facts["ladder"] = str(row.ladder.number) if row.ladder else ""
        yield Event(on, EventKind.REMINDER, facts=facts, code=row.code)


def _contacts(patient: Patient) -> Iterator[Event]:
    for row in ContactAttempt.objects.filter(patient=patient).select_related("by").order_by("pk"):
        facts = {"channel": row.channel, "outcome": row.outcome, "why": row.note}
        yield Event(timezone.localdate(row.at), EventKind.CONTACT, str(row.by), facts)


def _documents(patient: Patient) -> Iterator[Event]:
    """The reports and letters that were signed; a draft is no event."""
    rows = ClinicalDocument.objects.filter(patient=patient, signed_at__isnull=False).select_related("signed_by")
    posted = posted_on_of(patient)
    for row in rows.annotate(made_from=F("content__made_from")).defer("content").order_by("pk"):
        if row.signed_at is not None:
            facts = {"document": row.kind, "state": row.state, "made_with": row.made_from[-1] if row.made_from else ""}
            facts["posted_on"] = posted[row.pk].isoformat() if row.pk in posted else ""
            yield Event(timezone.localdate(row.signed_at), EventKind.DOCUMENT, str(row.signed_by), facts, row.code)


def _closures(patient: Patient) -> Iterator[Event]:
    for row in Closure.objects.filter(patient=patient).select_related("by").order_by("pk"):
        yield Event(timezone.localdate(row.created_at), EventKind.CLOSED, str(row.by), {"why": row.reason})


def _owed(patient: Patient) -> tuple[Owed, ...]:
    """The steps of a patient; one that was replaced before its window began is told by the one that replaced it."""
    rows = FollowUp.objects.filter(patient=patient).select_related("owner", "exam").order_by("due_from", "pk")
    return tuple(
        Owed(
            code=row.code,
            kind=row.kind,
            management=row.management,
            state=row.state,
            due_from=row.due_from,
            due_until=row.due_until,
            asked_on=timezone.localdate(row.created_at),
            ended_on=timezone.localdate(row.closed_at) if row.closed_at else None,
            superseded=row.state in {"superseded", "cancelled"},
            booked_on=row.booked_on,
            exam_on=row.exam.acquired_on if row.exam else None,
            owner=str(row.owner or ""),
            nodules=tuple(nodule.label for nodule in row.nodules.all()),
        )
        for row in rows.prefetch_related("nodules")
    )
