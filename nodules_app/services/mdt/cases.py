"""A patient's way onto the list of a meeting; every change by the table, with its record, in one transaction.

A case stands beside the patient's open step and never instead of it: whatever becomes of the case, the patient is owed
that step until an outcome is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import Max

from nodules_app.clinical.conference import ConferenceReason
from nodules_app.lifecycles import MDT_CASE, OPEN_MDT_CASE, MdtCaseState, NoSuchStep, after
from nodules_app.models import MdtCase, MdtChange, MdtMeeting, Pathology, Patient, User
from nodules_app.services import steps
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

# What a rule asks, by its weightiest reason.
QUESTION: Final[Mapping[ConferenceReason, str]] = {
    ConferenceReason.CATEGORY_4X: gettext_noop("Lung-RADS 4X. What shall be done?"),
    ConferenceReason.CATEGORY_4B: gettext_noop("Lung-RADS 4B. What shall be done?"),
    ConferenceReason.FAST_GROWTH: gettext_noop("A nodule doubles in under 400 days. What shall be done?"),
    ConferenceReason.NEW_SOLID_PART: gettext_noop("Ground glass has a new solid part. What shall be done?"),
    ConferenceReason.BROCK: gettext_noop("Brock gives 10 % or more. What shall be done?"),
}
NOT_COMPLETE: Final = gettext_noop("Not complete when the list closed.")


class AlreadyOnTheWay(Refused):
    """The patient has an open case."""

    code = "mdt_already_on_the_way"
    sentence = gettext_noop("This patient is on the way to the conference already.")
    remedy = gettext_noop("Open that case and change its question there.")


class ListIsClosed(Refused):
    """The meeting takes no more cases."""

    code = "mdt_list_is_closed"
    sentence = gettext_noop("This meeting has ended or was cancelled.")
    remedy = gettext_noop("Choose a later meeting.")


@transaction.atomic
def put_on(*, patient: Patient, question: str, by: User, meeting: MdtMeeting | None = None) -> MdtCase:
    """Ask for the conference by hand, and list the case at once where a meeting is named.

    Raises
    ------
    AlreadyOnTheWay, ListIsClosed
    """
    case = _begin(steps.hold_patient(patient), question=question, reasons=(), by=by)
    return list_for(case=case, meeting=meeting, by=by) if meeting else case


@transaction.atomic
def put_on_by_rule(*, patient: Patient, reasons: Iterable[ConferenceReason], exam_on: date) -> MdtCase | None:
    """Put a patient on as a rule asks, unless a case says the same of this exam; None when nothing is to be done."""
    given = tuple(reasons)
    if not given:
        return None
    wanted = [reason.value for reason in given]
    held = steps.hold_patient(patient)
    for case in held.mdt_cases.order_by("pk"):
        said = set(wanted) <= set(case.reasons) and case.created_at.date() >= exam_on
        if case.state in OPEN_MDT_CASE or said:
            return None
    asked = next(question for reason, question in QUESTION.items() if reason in given)
    return _begin(held, question=asked, reasons=wanted, by=None)


def _begin(patient: Patient, *, question: str, reasons: Iterable[str], by: User | None) -> MdtCase:
    if patient.mdt_cases.filter(state__in=OPEN_MDT_CASE).exists():
        raise AlreadyOnTheWay
    case = MdtCase.objects.create(
        patient=patient, question=question, reasons=list(reasons), asked_by=by, state=MdtCaseState.SUBMITTED
    )
    _write_down(case, "submit", from_state="", by=by, why="")
    return case


def hold(case: MdtCase, *, seen: int | None = None) -> MdtCase:
    """Lock the patient, then the case as it is now. Raises ``ChangedMeanwhile`` when it is not what a page showed.

    Another place on the list is no change of what a page shows of a case.
    """
    steps.hold_patient(case.patient_id)
    rows = MdtCase.objects.select_for_update(of=("self",)).select_related("patient__clinic", "meeting")
    held = rows.get(pk=case.pk)
    if seen is not None and held.version != seen:
        since = held.changes.filter(version__gt=seen).exclude(step="reorder")
        change = since.select_related("by").order_by("-version").first()
        if change is not None or held.version < seen:
            raise steps.ChangedMeanwhile(who=str(change.by) if change and change.by else steps.THE_PRODUCT)
    return held


def move(held: MdtCase, step: str, *, by: User | None, why: str = "", **fields: object) -> MdtCase:
    """Take a held case to the state that the table names. Raises ``NoSuchStep`` where it names none."""
    state = after(MDT_CASE, MdtCaseState(held.state), step)
    before, held.state = held.state, state
    return _save(held, step, from_state=before, by=by, why=why, fields=fields)


def amend(held: MdtCase, step: str, *, by: User, why: str = "", **fields: object) -> MdtCase:
    """Change what is known of an open, held case without moving it. Raises ``NoSuchStep`` when it has ended."""
    if held.state not in OPEN_MDT_CASE:
        raise NoSuchStep(MdtCaseState(held.state), step)
    return _save(held, step, from_state=held.state, by=by, why=why, fields=fields)


def _save(
    held: MdtCase, step: str, *, from_state: str, by: User | None, why: str, fields: dict[str, object]
) -> MdtCase:
    held.version += 1
    meeting = held.meeting  # a case that leaves a list is recorded with the meeting that it left
    for name, value in fields.items():
        setattr(held, name, value)
    held.save(update_fields=["state", "version", *fields])
    _write_down(held, step, from_state=from_state, by=by, why=why, meeting=held.meeting or meeting)
    return held


def _write_down(
    case: MdtCase, step: str, *, from_state: str, by: User | None, why: str, meeting: MdtMeeting | None = None
) -> None:
    MdtChange.objects.create(
        case=case,
        version=case.version,
        by=by,
        step=step,
        from_state=from_state,
        to_state=case.state,
        why=why[:500],
        meeting=meeting,
    )
    record(f"mdt_case.{step}", case.patient, by=by, case=case.code, state=case.state)


@transaction.atomic
def list_for(*, case: MdtCase, meeting: MdtMeeting, by: User, seen: int | None = None) -> MdtCase:
    """Put a case at the end of a meeting's list. Raises ``ListIsClosed``, ``NoSuchStep``, ``ChangedMeanwhile``."""
    held = hold(case, seen=seen)
    open_meeting = MdtMeeting.objects.select_for_update().get(pk=meeting.pk)
    if open_meeting.ended_at or open_meeting.cancelled_at or open_meeting.clinic_id != held.patient.clinic_id:
        raise ListIsClosed
    last = open_meeting.cases.aggregate(last=Max("order"))["last"] or 0
    return move(held, "list", by=by, meeting=open_meeting, order=last + 1)


@transaction.atomic
def send_back(*, case: MdtCase, because: str, by: User | None, seen: int | None = None) -> MdtCase:
    """Send a case back to its sender with the reason; it stays among those to prepare."""
    return move(hold(case, seen=seen), "return", by=by, why=because, meeting=None, order=0)


@transaction.atomic
def submit_again(*, case: MdtCase, by: User, seen: int | None = None) -> MdtCase:
    """What was missing is there now."""
    return move(hold(case, seen=seen), "submit", by=by)


@transaction.atomic
def withdraw(*, case: MdtCase, because: str, by: User, seen: int | None = None) -> MdtCase:
    """The conference is not needed any more, with the reason; the patient's open step stands as before."""
    return move(hold(case, seen=seen), "withdraw", by=by, why=because, meeting=None, order=0)


@transaction.atomic
def prepare(*, case: MdtCase, facts: Mapping[str, object], by: User, seen: int | None = None) -> MdtCase:
    """Record question, presenter, fitness, pathology, or that it is listed without discussion."""
    return amend(hold(case, seen=seen), "prepare", by=by, **facts)  # type: ignore[arg-type]  # columns of the case


@transaction.atomic
def call_for_discussion(*, case: MdtCase, by: User) -> MdtCase:
    """Anybody may ask that a case listed without discussion is discussed after all."""
    return amend(hold(case), "call_back", by=by, without_discussion=False)


@transaction.atomic
def put_before(*, case: MdtCase, by: User) -> MdtCase:
    """Move a listed case one place up."""
    held = hold(case)
    above = (
        MdtCase.objects.select_for_update()
        .filter(meeting=held.meeting_id, order__lt=held.order, without_discussion=held.without_discussion)
        .order_by("-order")
        .first()
    )
    if held.meeting_id is None or above is None:
        return held
    theirs, mine = above.order, held.order
    amend(above, "reorder", by=by, order=mine)
    return amend(held, "reorder", by=by, order=theirs)


def missing_of(case: MdtCase, *, has_scan: bool, is_read: bool) -> tuple[str, ...]:
    """Name what a case still lacks before it can be discussed."""
    return missing_of_facts(
        without_discussion=case.without_discussion,
        has_scan=has_scan,
        is_read=is_read,
        performance_status=case.performance_status,
        pathology=case.pathology,
        has_presenter=case.presenter_id is not None,
    )


def missing_of_facts(
    *,
    without_discussion: bool,
    has_scan: bool,
    is_read: bool,
    performance_status: int | None,
    pathology: str,
    has_presenter: bool,
) -> tuple[str, ...]:
    """Name what is lacking; a case without discussion needs its question, and its exam signed."""
    lacking = {"reading": not is_read}
    if not without_discussion:
        lacking |= {
            "images": not has_scan,
            "fitness": performance_status is None,
            "pathology": pathology == Pathology.AWAITED,
            "presenter": not has_presenter,
        }
    return tuple(name for name, is_missing in lacking.items() if is_missing)
