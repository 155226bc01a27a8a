"""The minutes: made from what was recorded, signed by the chair, kept byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import formats, timezone, translation
from django.utils.translation import gettext

from nodules_app.exchange import reports_words as words
from nodules_app.exchange.documents import Block, Document, Heading, Lines, Table, pdf_of_document
from nodules_app.models import Discipline, MdtMeeting, MdtMinutes, User
from nodules_app.selectors import mdt as selectors
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop


class NotTheChair(Refused):
    """Minutes carry the chair's signature."""

    code = "mdt_not_the_chair"
    sentence = gettext_noop("The minutes are signed by the chair of this meeting: {chair}.")
    remedy = gettext_noop("Ask the chair to sign, or change who chairs before the meeting begins.")


class NotAllConfirmed(Refused):
    """An outcome is still a draft, or the meeting goes on."""

    code = "mdt_not_all_confirmed"
    sentence = gettext_noop("The meeting goes on, or {count} cases have no confirmed outcome.")
    remedy = gettext_noop("End the meeting and confirm each outcome; what was not discussed is carried by itself.")


class NothingNew(Refused):
    """These very minutes are signed already."""

    code = "mdt_minutes_are_signed"
    sentence = gettext_noop("The minutes are signed, and nothing was added since.")
    remedy = gettext_noop("Write an addendum to a case first.")


@transaction.atomic
def sign(*, meeting: MdtMeeting, by: User) -> MdtMinutes:
    """Sign the minutes, or, after an addendum, their next version.

    Raises
    ------
    NotTheChair, NotAllConfirmed, NothingNew, LetterNeedsAFont
    """
    held = MdtMeeting.objects.select_for_update().select_related("clinic", "chair").get(pk=meeting.pk)
    page = selectors.meeting_page(held)
    if by.pk != held.chair_id:
        raise NotTheChair(chair=str(held.chair))
    if held.ended_at is None or page.unconfirmed:
        raise NotAllConfirmed(count=page.unconfirmed)
    if not page.is_to_sign:
        raise NothingNew
    version = (held.minutes.aggregate(last=Max("version"))["last"] or 0) + 1
    pdf = draw(page, version=version, signed_by=by)
    signed = MdtMinutes.objects.create(
        meeting=held, version=version, signed_by=by, pdf=pdf, sha256=hashlib.sha256(pdf).hexdigest()
    )
    record("mdt_minutes.signed", None, by=by, meeting=held.code, version=version)
    return signed


def draw(page: selectors.MeetingPage, *, version: int, signed_by: User) -> bytes:
    """Write the minutes in the language of the clinic."""
    meeting = page.meeting
    font = Path(settings.LETTER_FONT) if settings.LETTER_FONT else None
    with translation.override(meeting.clinic.language):
        starts_at = _instant(meeting.starts_at)
        document = Document(
            title=gettext("Minutes of the conference"),
            subtitle=f"{meeting.clinic.name} · {starts_at} · {meeting.place}",
            language=translation.to_locale(meeting.clinic.language).replace("_", "-"),
            blocks=(*_people(page), *_cases(page), *_carried(meeting), *_signature(signed_by, version)),
            footer=gettext("Minutes of %(when)s, version %(version)s") % {"when": starts_at, "version": version},
        )
        return pdf_of_document(document, font=font)


def _instant(at: object) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")  # type: ignore[arg-type]  # never None here


def _people(page: selectors.MeetingPage) -> list[Block]:
    meeting = page.meeting
    came = [f"{one} ({one.get_discipline_display()})" for one in page.attendees if one.came]
    if page.quorum.is_met:
        quorum = gettext("The quorum was met.")
    else:
        lacking = [str(Discipline(one).label) for one in page.quorum.missing]
        if not page.quorum.chair_is_there:
            lacking.insert(0, gettext("the chair"))
        quorum = gettext("The quorum was not met; missing: %(who)s.") % {"who": ", ".join(lacking)}
    lines = [gettext("Chair: %(who)s") % {"who": meeting.chair}, gettext("Present: %(who)s") % {"who": ", ".join(came)}]
    if meeting.began_at and meeting.ended_at:
        times = {"began": _instant(meeting.began_at), "ended": _instant(meeting.ended_at)}
        lines.append(gettext("Began %(began)s, ended %(ended)s.") % times)
    return [Lines((*lines, quorum))]


def _cases(page: selectors.MeetingPage) -> list[Block]:
    blocks: list[Block] = []
    for number, case in enumerate((*page.to_discuss, *page.noted), start=1):
        outcome = case.outcome
        if outcome is None:
            continue
        who = f"{words.person(case.patient)} · {case.number}"
        blocks.append(Heading(f"{number}. {who}"))
        lines = [gettext("Question: %(question)s") % {"question": gettext(case.question)}]
        if case.without_discussion:
            lines.append(gettext("Noted without discussion, under an agreed standard of care."))
        decided = str(outcome.get_kind_display())
        if outcome.ct_on:
            decided += " · " + formats.date_format(outcome.ct_on, "DATE_FORMAT")
        lines.append(gettext("Outcome: %(outcome)s") % {"outcome": decided})
        lines += [outcome.says] if outcome.says else []
        lines += [gettext("Dissent: %(dissent)s") % {"dissent": outcome.dissent}] if outcome.dissent else []
        blocks.append(Lines(tuple(lines)))
        if case.actions:
            rows = tuple((one.what, one.owner, formats.date_format(one.due_on, "DATE_FORMAT")) for one in case.actions)
            blocks.append(Table((gettext("Action"), gettext("Who"), gettext("By when")), (6, 3, 2), rows))
        added = [f"{gettext('Addendum')} · {_instant(one.at)} · {one.by}: {one.text}" for one in case.addenda]
        blocks += [Lines(tuple(added))] if added else []
    return blocks


def _carried(meeting: MdtMeeting) -> list[Block]:
    """Name those whom the meeting did not come to; they wait for the next one."""
    names = tuple(f"{words.person(one.name)} · {one.identifier}" for one in selectors.carried_from(meeting))
    return [Heading(gettext("Carried to the next meeting")), Lines(names)] if names else []


def _signature(by: User, version: int) -> list[Block]:
    told = {"who": by, "when": _instant(timezone.now()), "version": version}
    return [Heading(gettext("Signed")), Lines((gettext("%(who)s, %(when)s. Version %(version)s.") % told,))]


def note_read(minutes: MdtMinutes, *, by: User) -> None:
    """Write down who read the minutes, for each patient in them."""
    listed = selectors.patients_of(minutes.meeting).values()
    for patient in {*listed, *selectors.carried_from(minutes.meeting)}:
        record("patient.seen", patient, by=by, page="minutes", minutes=minutes.code)
