"""What the pages of the conference show, in a known number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from nodules_app.lifecycles import MDT_TO_PREPARE, OPEN_MDT_CASE, OPEN_READING, MdtCaseState
from nodules_app.models import (
    MdtAction,
    MdtAddendum,
    MdtAttendee,
    MdtCase,
    MdtChange,
    MdtMeeting,
    MdtMinutes,
    MdtOutcome,
    Membership,
    Patient,
    Reading,
    Scan,
    User,
)
from nodules_app.selectors.clinics import Act, clinics_where, may_where
from nodules_app.selectors.nodule_cells import NoduleCell, nodule_cells

CONFIRM_WITHIN: Final = timedelta(hours=24)  # after the end; then the chair is told (product.md 4.5)
MEETINGS_SHOWN: Final = 12
CASES_SHOWN: Final = 200
BEFORE_CONFIRMING: Final = (MdtCaseState.LISTED, MdtCaseState.DISCUSSED, MdtCaseState.OUTCOME_DRAFT)


@dataclass(frozen=True, slots=True)
class MeetingLine:
    """A meeting with how many cases it has, and how many of them wait for their confirmed outcome."""

    code: UUID
    clinic: str
    starts_at: datetime
    place: str
    chair: str
    began_at: datetime | None
    ended_at: datetime | None
    cancelled_at: datetime | None
    cases: int
    unconfirmed: int
    has_minutes: bool

    @property
    def is_late(self) -> bool:
        """Whether an outcome waits for longer than a day after the end."""
        return bool(self.unconfirmed and self.ended_at and self.ended_at + CONFIRM_WITHIN < timezone.now())


@dataclass(frozen=True, slots=True)
class ActionLine:
    code: UUID
    patient_code: UUID
    patient: str
    what: str
    owner: str
    owner_id: int
    due_on: date
    done_at: datetime | None
    result: str
    case: UUID

    def is_overdue(self, today: date) -> bool:
        return self.done_at is None and self.due_on < today


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One patient on the list."""

    code: UUID
    patient_code: UUID
    patient: str
    number: str
    sex: str
    age_years: int | None
    nodules: tuple[NoduleCell, ...]  # the followed ones, the leading one first
    state: MdtCaseState
    question: str
    reasons: tuple[str, ...]
    asked_by: str
    presenter: str
    presenter_id: int | None
    order: int
    without_discussion: bool
    performance_status: int | None
    fitness: str
    pathology: str
    has_scan: bool
    is_read: bool  # no exam waits for its signature, which an outcome needs
    version: int
    outcome: MdtOutcome | None
    actions: tuple[ActionLine, ...]
    addenda: tuple[MdtAddendum, ...]
    why_returned: str

    @property
    def is_settled(self) -> bool:
        return self.state not in BEFORE_CONFIRMING

    @property
    def can_be_prepared(self) -> bool:
        """Whether question, presenter and fitness may still change: until the outcome is confirmed."""
        return self.state in {*MDT_TO_PREPARE, *BEFORE_CONFIRMING}


@dataclass(frozen=True, slots=True)
class Quorum:
    """Whether those came who must be there: the chair, and somebody of each discipline that is asked for."""

    chair_is_there: bool
    missing: tuple[str, ...]  # disciplines

    @property
    def is_met(self) -> bool:
        return self.chair_is_there and not self.missing


@dataclass(frozen=True, slots=True)
class MeetingPage:
    meeting: MdtMeeting
    cases: tuple[CaseLine, ...]
    attendees: tuple[MdtAttendee, ...]
    quorum: Quorum
    minutes: tuple[MdtMinutes, ...]

    @property
    def to_discuss(self) -> tuple[CaseLine, ...]:
        return tuple(case for case in self.cases if not case.without_discussion)

    @property
    def noted(self) -> tuple[CaseLine, ...]:
        return tuple(case for case in self.cases if case.without_discussion)

    @property
    def unconfirmed(self) -> int:
        return sum(not case.is_settled for case in self.cases)

    @property
    def is_to_sign(self) -> bool:
        """Whether the meeting has ended and there is something that no signed minutes hold."""
        signed_at = self.minutes[0].signed_at if self.minutes else None
        added = (one.at for case in self.cases for one in case.addenda)
        return self.meeting.ended_at is not None and (signed_at is None or any(at > signed_at for at in added))


def meetings_of(user: User, *, past: bool = False) -> tuple[MeetingLine, ...]:
    """The meetings of the clinics where somebody sees patients: those to come and running, or those that ended."""
    rows = MdtMeeting.objects.filter(clinic__in=clinics_where(user, Act.SEE)).select_related("clinic", "chair")
    over = Q(ended_at__isnull=False) | Q(cancelled_at__isnull=False)
    rows = rows.filter(over).order_by("-starts_at") if past else rows.exclude(over).order_by("starts_at")
    unconfirmed = Count("cases", filter=Q(cases__state__in=BEFORE_CONFIRMING))
    has_minutes = Exists(MdtMinutes.objects.filter(meeting=OuterRef("pk")))
    counted = rows.annotate(listed=Count("cases"), unconfirmed=unconfirmed, has_minutes=has_minutes)
    return tuple(_meeting_line(row) for row in counted[:MEETINGS_SHOWN])


def _meeting_line(row: MdtMeeting) -> MeetingLine:
    return MeetingLine(
        code=row.code,
        clinic=row.clinic.name,
        starts_at=row.starts_at,
        place=row.place,
        chair=str(row.chair),
        began_at=row.began_at,
        ended_at=row.ended_at,
        cancelled_at=row.cancelled_at,
        cases=row.listed,  # type: ignore[attr-defined]  # annotated above
        unconfirmed=row.unconfirmed,  # type: ignore[attr-defined]
        has_minutes=row.has_minutes,  # type: ignore[attr-defined]
    )


def to_prepare(user: User) -> tuple[CaseLine, ...]:
    """Cases on no list yet, those that a rule or a meeting left first."""
    rows = _cases().filter(may_where(user, Act.SEE), state__in=MDT_TO_PREPARE)
    return _case_lines(rows.order_by("pk")[:CASES_SHOWN])


def count_to_prepare(user: User) -> int:
    """How many cases wait for a list, as the worklist says it."""
    return MdtCase.objects.filter(may_where(user, Act.SEE), state__in=MDT_TO_PREPARE).count()


def open_actions(user: User) -> tuple[ActionLine, ...]:
    """What was decided and is not done yet, the most overdue first."""
    rows = MdtAction.objects.filter(
        may_where(user, Act.SEE, "case__patient"),
        done_at__isnull=True,
        case__state=MdtCaseState.ACTIONS_OPEN,
    )
    return tuple(
        _action(row) for row in rows.select_related("case__patient", "owner").order_by("due_on", "pk")[:CASES_SHOWN]
    )


def meeting_page(meeting: MdtMeeting) -> MeetingPage:
    """One meeting with its list, who is asked, and its minutes."""
    attendees = tuple(meeting.attendees.select_related("user").order_by("discipline", "pk"))
    return MeetingPage(
        meeting=meeting,
        cases=_case_lines(_cases().filter(meeting=meeting).order_by("without_discussion", "order", "pk")),
        attendees=attendees,
        quorum=_quorum(meeting, attendees),
        minutes=tuple(meeting.minutes.select_related("signed_by").defer("pdf").order_by("-version")),
    )


def patients_of(meeting: MdtMeeting) -> dict[UUID, Patient]:
    """The patients on a list, by the codes of their cases."""
    return {row.code: row.patient for row in meeting.cases.select_related("patient__clinic")}


def carried_from(meeting: MdtMeeting) -> tuple[Patient, ...]:
    """The patients whom the meeting did not come to, in the order in which they were carried."""
    rows = MdtChange.objects.filter(meeting=meeting, step="carry").select_related("case__patient").order_by("pk")
    return tuple(row.case.patient for row in rows)


def quorum_of(meeting: MdtMeeting) -> Quorum:
    """Say whether enough people are there."""
    return _quorum(meeting, meeting.attendees.all())


def _quorum(meeting: MdtMeeting, attendees: Iterable[MdtAttendee]) -> Quorum:
    came = [one for one in attendees if one.came]
    there = {one.discipline for one in came}
    return Quorum(
        chair_is_there=any(one.user_id == meeting.chair_id for one in came),
        missing=tuple(one for one in meeting.quorum if one not in there),
    )


def one_case(case: MdtCase) -> CaseLine:
    return _case_lines(_cases().filter(pk=case.pk))[0]


def open_case_of(patient: Patient) -> CaseLine | None:
    """The case that is under way, for the patient's page."""
    return next(iter(_case_lines(_cases().filter(patient=patient, state__in=OPEN_MDT_CASE)[:1])), None)


def earlier_outcomes(patient: Patient, *, but: UUID) -> tuple[MdtOutcome, ...]:
    """What conferences decided before, the latest first."""
    rows = MdtOutcome.objects.filter(case__patient=patient, confirmed_at__isnull=False).exclude(case__code=but)
    return tuple(rows.select_related("confirmed_by").order_by("-confirmed_at"))


@dataclass(frozen=True, slots=True)
class Around:
    """Where a case stands on its list, the cases beside it, and the next one that waits for its outcome."""

    place: int
    count: int
    before: UUID | None
    following: UUID | None
    waiting: UUID | None


def around(case: MdtCase) -> Around:
    """Find the case's place and its neighbours."""
    listed = MdtCase.objects.filter(meeting=case.meeting_id).order_by("without_discussion", "order", "pk")
    rows = list(listed.values_list("code", "state"))
    place = next(number for number, (code, _state) in enumerate(rows) if code == case.code)
    waiting = [code for code, state in (*rows[place + 1 :], *rows[:place]) if state in BEFORE_CONFIRMING]
    return Around(
        place=place + 1,
        count=len(rows),
        before=rows[place - 1][0] if place else None,
        following=rows[place + 1][0] if place + 1 < len(rows) else None,
        waiting=waiting[0] if waiting else None,
    )


def meetings_that_take(clinic_id: int) -> tuple[MdtMeeting, ...]:
    """Meetings of a clinic that have not ended, the next first; an urgent case joins a running one."""
    rows = MdtMeeting.objects.filter(clinic=clinic_id, ended_at__isnull=True, cancelled_at__isnull=True)
    return tuple(rows.filter(starts_at__gte=timezone.now() - timedelta(days=1)).order_by("starts_at")[:MEETINGS_SHOWN])


def changes_of(case: MdtCase) -> tuple[MdtChange, ...]:
    """Everything that was done to a case, the latest first."""
    return tuple(case.changes.select_related("by", "meeting").order_by("-version"))


def people_at(clinic_id: int) -> QuerySet[User]:
    """Who may own an action or present a case: everybody with a role there."""
    held = Membership.objects.filter(clinic=clinic_id, ended_at__isnull=True)
    return User.objects.filter(pk__in=held.values("user"), is_active=True).order_by("last_name", "username")


def with_readiness(cases: QuerySet[MdtCase]) -> QuerySet[MdtCase]:
    """Tell of each case ``has_scan``, and ``is_read``: whether no exam of the patient waits for a signature."""
    scans = Scan.objects.filter(study__patient=OuterRef("patient"), superseded_at__isnull=True)
    unsigned = Reading.objects.filter(patient=OuterRef("patient"), state__in=OPEN_READING)
    return cases.annotate(has_scan=Exists(scans), is_read=~Exists(unsigned))


def _cases() -> QuerySet[MdtCase]:
    actions = MdtAction.objects.select_related("owner", "case__patient").order_by("due_on", "pk")
    returns = MdtChange.objects.filter(step__in=["return", "carry"]).order_by("-version")
    rows = MdtCase.objects.select_related(
        "patient", "asked_by", "presenter", "outcome__confirmed_by", "outcome__drafted_by"
    )
    return with_readiness(rows).prefetch_related(
        Prefetch("actions", queryset=actions),
        Prefetch("addenda", queryset=MdtAddendum.objects.select_related("by").order_by("pk")),
        Prefetch("changes", queryset=returns, to_attr="sent_back"),
    )


def _case_lines(cases: QuerySet[MdtCase]) -> tuple[CaseLine, ...]:
    rows = list(cases)
    nodules = nodule_cells(row.patient_id for row in rows)
    return tuple(_case_line(row, nodules[row.patient_id]) for row in rows)


def _case_line(row: MdtCase, nodules: Sequence[NoduleCell]) -> CaseLine:
    sent_back: Sequence[MdtChange] = row.sent_back  # type: ignore[attr-defined]  # prefetched by _cases
    waits = row.state in {MdtCaseState.RETURNED, MdtCaseState.NOT_DISCUSSED}
    return CaseLine(
        code=row.code,
        patient_code=row.patient.code,
        patient=row.patient.name,
        number=row.patient.identifier,
        sex=row.patient.sex,
        age_years=row.patient.age_on(timezone.localdate()),
        nodules=tuple(nodules),
        state=MdtCaseState(row.state),
        question=row.question,
        reasons=tuple(row.reasons),
        asked_by=str(row.asked_by or ""),
        presenter=str(row.presenter or ""),
        presenter_id=row.presenter_id,
        order=row.order,
        without_discussion=row.without_discussion,
        performance_status=row.performance_status,
        fitness=row.fitness,
        pathology=row.pathology,
        has_scan=row.has_scan,  # type: ignore[attr-defined]  # told by with_readiness
        is_read=row.is_read,  # type: ignore[attr-defined]
        version=row.version,
        outcome=getattr(row, "outcome", None),
        actions=tuple(_action(one) for one in row.actions.all()),
        addenda=tuple(row.addenda.all()),
        why_returned=sent_back[0].why if waits and sent_back else "",
    )


def _action(row: MdtAction) -> ActionLine:
    return ActionLine(
        code=row.code,
        patient_code=row.case.patient.code,
        patient=row.case.patient.name,
        what=row.what,
        owner=str(row.owner),
        owner_id=row.owner_id,
        due_on=row.due_on,
        done_at=row.done_at,
        result=row.result,
        case=row.case.code,
    )
