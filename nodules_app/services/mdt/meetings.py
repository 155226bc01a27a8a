"""A meeting: planned, closed for new cases, begun, ended. What it did not come to is carried and never vanishes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import MdtCaseState
from nodules_app.models import Clinic, Discipline, MdtAttendee, MdtCase, MdtMeeting, User
from nodules_app.selectors import mdt as selectors
from nodules_app.selectors import viewer
from nodules_app.services import viewing
from nodules_app.services.audit import record
from nodules_app.services.mdt import cases
from registration.errors import Refused, gettext_noop

CANCELLED: Final = gettext_noop("The meeting was cancelled.")
IMAGES_READY_BEFORE: Final = timedelta(days=1)
NOT_REACHED: Final = gettext_noop("The meeting did not come to it.")


class MeetingMovedOn(Refused):
    """Somebody began, ended or cancelled the meeting meanwhile."""

    code = "mdt_meeting_moved_on"
    sentence = gettext_noop("This meeting has begun, has ended or was cancelled meanwhile.")
    remedy = gettext_noop("Look at its page as it is now.")


@transaction.atomic
def plan_meeting(
    *, clinic: Clinic, starts_at: datetime, cut_off_at: datetime, place: str, chair: User, quorum: list[str], by: User
) -> MdtMeeting:
    """Plan a meeting; whoever came to the last one of the clinic is asked again."""
    earlier = MdtMeeting.objects.filter(clinic=clinic, cancelled_at__isnull=True).order_by("-starts_at").first()
    meeting = MdtMeeting.objects.create(
        clinic=clinic, starts_at=starts_at, cut_off_at=cut_off_at, place=place, chair=chair, quorum=quorum
    )
    if earlier is not None:
        MdtAttendee.objects.bulk_create(
            MdtAttendee(meeting=meeting, user=one.user, guest=one.guest, discipline=one.discipline)
            for one in earlier.attendees.all()
        )
    record("mdt_meeting.planned", None, by=by, meeting=meeting.code)
    return meeting


@transaction.atomic
def change_meeting(*, meeting: MdtMeeting, facts: Mapping[str, object], by: User) -> MdtMeeting:
    """Change time, place, chair or quorum of a meeting that has not begun. Raises ``MeetingMovedOn``."""
    held = _hold(meeting)
    if held.began_at or held.cancelled_at:
        raise MeetingMovedOn
    for name, value in facts.items():
        setattr(held, name, value)
    held.save(update_fields=list(facts))
    record("mdt_meeting.changed", None, by=by, meeting=held.code)
    return held


@transaction.atomic
def cancel_meeting(*, meeting: MdtMeeting, by: User) -> MdtMeeting:
    """Cancel a meeting that has not begun; its cases wait for another one. Raises ``MeetingMovedOn``."""
    held = _hold(meeting)
    if held.began_at or held.cancelled_at:
        raise MeetingMovedOn
    _carry(held, CANCELLED, by=by)
    held.cancelled_at = timezone.now()
    held.save(update_fields=["cancelled_at"])
    record("mdt_meeting.cancelled", None, by=by, meeting=held.code)
    return held


@transaction.atomic
def invite(*, meeting: MdtMeeting, discipline: Discipline, by: User, user: User | None = None, guest: str = "") -> None:
    """Ask somebody of the staff, or a guest, to a meeting."""
    MdtAttendee.objects.create(meeting=meeting, user=user, guest=guest, discipline=discipline)
    record("mdt_meeting.invited", None, by=by, meeting=meeting.code)


@transaction.atomic
def note_attendance(*, meeting: MdtMeeting, came: set[int], by: User) -> None:
    """Record who is there, by the keys of the attendees. Raises ``MeetingMovedOn`` once the minutes are signed."""
    held = _hold(meeting)
    if held.minutes.exists() or held.cancelled_at:
        raise MeetingMovedOn
    for attendee in held.attendees.select_for_update():
        attendee.came = attendee.pk in came
        attendee.save(update_fields=["came"])
    record("mdt_meeting.attendance", None, by=by, meeting=held.code)


@transaction.atomic
def begin(*, meeting: MdtMeeting, by: User) -> MdtMeeting:
    """Begin; a second person who presses the button joins the running meeting. Raises ``MeetingMovedOn``."""
    held = _hold(meeting)
    if held.ended_at or held.cancelled_at:
        raise MeetingMovedOn
    if held.began_at is None:
        held.began_at = timezone.now()
        held.save(update_fields=["began_at"])
        record("mdt_meeting.began", None, by=by, meeting=held.code)
    return held


@transaction.atomic
def end(*, meeting: MdtMeeting, by: User) -> MdtMeeting:
    """End; what was not discussed is carried to the next meeting. Raises ``MeetingMovedOn``."""
    held = _hold(meeting)
    if not held.is_running:
        raise MeetingMovedOn
    _carry(held, NOT_REACHED, by=by)
    held.ended_at = timezone.now()
    held.save(update_fields=["ended_at"])
    record("mdt_meeting.ended", None, by=by, meeting=held.code)
    return held


def note_pack_read(meeting: MdtMeeting, *, by: User) -> None:
    """Write down who drew the pack, for each patient in it."""
    for patient in selectors.patients_of(meeting).values():
        record("patient.seen", patient, by=by, page="pack", meeting=meeting.code)


def close_lists() -> int:
    """Send back what is not complete when the list of its meeting closes; gives how many. The clock calls this."""
    now = timezone.now()
    closing = MdtCase.objects.filter(
        state=MdtCaseState.LISTED, meeting__cut_off_at__lte=now, meeting__began_at__isnull=True
    )
    sent_back = 0
    for case in selectors.with_readiness(closing):
        with transaction.atomic():
            held = cases.hold(case)
            told = {"has_scan": case.has_scan, "is_read": case.is_read}  # type: ignore[attr-defined]  # readiness
            if held.state == MdtCaseState.LISTED and cases.missing_of(held, **told):
                cases.send_back(case=held, because=cases.NOT_COMPLETE, by=None)
                sent_back += 1
    return sent_back


def ready_images() -> None:
    """Ask for the images of meetings that begin soon where the cache lost them. The clock calls this."""
    now = timezone.now()
    soon = MdtMeeting.objects.filter(
        starts_at__gt=now, starts_at__lte=now + IMAGES_READY_BEFORE, cancelled_at__isnull=True
    )
    for case in MdtCase.objects.filter(meeting__in=soon, state=MdtCaseState.LISTED).select_related("patient"):
        room = viewer.room(case.patient)
        viewing.ask_for_images(scans=room.shown, comparisons=room.comparisons, by=None)


def _hold(meeting: MdtMeeting) -> MdtMeeting:
    return MdtMeeting.objects.select_for_update().get(pk=meeting.pk)


def _carry(meeting: MdtMeeting, why: str, *, by: User) -> None:
    for case in meeting.cases.filter(state=MdtCaseState.LISTED).order_by("patient_id"):
        cases.move(cases.hold(case), "carry", by=by, why=why, meeting=None, order=0)
