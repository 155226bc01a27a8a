"""The reading of an exam from its arrival to its signature, and after.

An exam that came in is a row of the reading list at once: it ages there until somebody signs. Nothing of an open
reading is a result to act upon. What was signed stays; when the findings differ from it, a new version waits.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from nodules_app.lifecycles import (
    OPEN_READING,
    OPEN_RUN,
    READING,
    SIGNED_READING,
    FollowUpState,
    ReadingState,
    after,
)
from nodules_app.models import (
    Comparison,
    FollowUp,
    FollowUpKind,
    Patient,
    Reading,
    ReadingAddendum,
    Run,
    Scan,
    User,
)
from nodules_app.selectors.reading_content import content_of, findings_of, sha256_of
from nodules_app.services import outbox, policy, reading_opinions, worklists
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

IN_FORCE: Final = (ReadingState.SIGNED, ReadingState.ADDENDED)


class NotAsShown(Refused):
    """The page showed other findings than those that would be signed."""

    code = "not_as_shown"
    sentence = gettext_noop("Something of this reading has changed since the page was drawn.")
    remedy = gettext_noop("Look at what is shown now, and sign again.")


class StillWorking(Refused):
    """Numbers of this patient are being made."""

    code = "still_working"
    sentence = gettext_noop("The product is still at work on this patient: {kinds}.")
    remedy = gettext_noop("Wait until it has ended; the page shows it by itself. Then look again and sign.")


class NotYetSigned(Refused):
    """A result that no reader has signed."""

    code = "not_yet_signed"
    sentence = gettext_noop("The exam of {exam_on} has not been signed by a reader: its result cannot be acted upon.")
    remedy = gettext_noop("Open it from the reading list, and sign the reading first.")


class ConsensusOpen(Refused):
    """Two readers disagree, and nobody has said how they came to agree."""

    code = "consensus_open"
    sentence = reading_opinions.READERS_DISAGREE
    remedy = gettext_noop("Look at it together, write down how you came to agree, and sign then.")


class SecondReadAwaited(Refused):
    """The clinic asks for two readers."""

    code = "second_read_awaited"
    sentence = reading_opinions.SECOND_READ_AWAITED
    remedy = gettext_noop("Let a colleague record a read of their own; sign then.")


@transaction.atomic
def exam_came(scan: Scan) -> Reading | None:
    """Put the patient's latest exam into the reading list; an older unread one is read with it.

    Returns
    -------
    Reading or None
        The open reading of this scan; None when a later exam is the one to read.
    """
    patient = Patient.objects.select_for_update().get(pk=scan.study.patient_id)
    if latest_scan(patient) != scan:
        _compare_anew(patient)
        return None
    for reading in Reading.objects.select_for_update().filter(patient=patient, state__in=OPEN_READING):
        _move(reading, "cover")
    return _open(patient, scan)


def latest_scan(patient: Patient) -> Scan | None:
    """The scan in force with the latest day; one without a day only where no scan has one."""
    scans = Scan.objects.filter(study__patient=patient, superseded_at__isnull=True).select_related("study", "series")
    return scans.order_by(F("study__acquired_on").desc(nulls_last=True), "-pk").first()


def prior_pair(scan: Scan) -> Comparison | None:
    """The comparison of a scan with the one before it."""
    pairs = scan.comparisons_as_current.filter(prior__superseded_at__isnull=True)
    return pairs.select_related("prior__study", "prior__series").order_by("interval_days", "pk").first()


def open_reading(patient: Patient) -> Reading | None:
    """The reading of this patient that is not signed."""
    return _related().filter(patient=patient, state__in=OPEN_READING).first()


def latest_signed(patient: Patient) -> Reading | None:
    """What stands signed of this patient's latest read exam."""
    return _related().filter(patient=patient, state__in=IN_FORCE).order_by("-pk").first()


def require_signed(step: FollowUp) -> None:
    """Let nobody act upon what an exam led to while no reader has signed it. Raises ``NotYetSigned``."""
    reading = open_reading(step.patient)
    if reading is not None and step.state == FollowUpState.PROPOSED and step.kind != FollowUpKind.REVIEW:
        raise NotYetSigned(exam_on=reading.scan.study.acquired_on or "?")


@transaction.atomic
def begin(*, patient: Patient, by: User) -> Reading:
    """Open the reading for work: this person's from now on, until released, read or signed.

    An exam that came before there was a reading list is put into it; after a signature a new version begins.

    Raises
    ------
    ClaimedByAnother
    """
    held = Patient.objects.select_for_update().get(pk=patient.pk)
    worklists.claim(patient=held, by=by)
    reading = open_reading(held)
    if reading is None:
        scan = latest_scan(held)
        if scan is None:
            raise NotAsShown
        reading = _open(held, scan)
    if reading.state == ReadingState.AWAITING:
        reading.reader, reading.began_at = by, timezone.now()
        reading.comparison = prior_pair(reading.scan)
        _move(reading, "begin", "reader", "began_at", "comparison")
        record("reading.begun", held, by=by, reading=reading.code)
    return reading


@transaction.atomic
def take_up(*, patient: Patient, by: User) -> Reading:
    """Open the reading for a correction: begun, or read and not signed, it is a draft again. ``ClaimedByAnother``."""
    reading = begin(patient=patient, by=by)
    return resume(reading=reading, by=by) if reading.state == ReadingState.READ else reading


@transaction.atomic
def finish(*, reading: Reading, by: User) -> Reading:
    """Say that the exam is read to its end; what this reader says is kept as an independent read. ``NoSuchStep``."""
    held = _held(reading)
    reading_opinions.keep_own(held, by=by)
    _move(held, "finish")
    record("reading.read", held.patient, by=by, reading=held.code)
    worklists.release(patient=held.patient, by=by)  # for a second reader, or for whoever signs
    return held


@transaction.atomic
def resume(*, reading: Reading, by: User) -> Reading:
    """Go on reading what was read and not signed. Raises ``NoSuchStep``."""
    held = _held(reading)
    _move(held, "resume")
    record("reading.resumed", held.patient, by=by, reading=held.code)
    return held


@transaction.atomic
def sign(*, reading: Reading, shown_sha256: str, by: User, consensus: str = "") -> Reading:
    """Sign what the page showed. From now on it never changes; the version before it is replaced.

    Raises
    ------
    MayNotSign, NotAsShown, StillWorking, SecondReadAwaited, ConsensusOpen, NoSuchStep
    """
    held = _held(reading)
    patient = held.patient
    policy.require_signature(patient, by)
    at_work = Run.objects.filter(patient=patient, state__in=OPEN_RUN).values_list("kind", flat=True).distinct()
    if at_work:
        raise StillWorking(kinds=", ".join(sorted(at_work)))
    held.comparison = prior_pair(held.scan)
    said = content_of(patient, held.scan)
    if sha256_of(said) != shown_sha256:
        raise NotAsShown
    if held.state == ReadingState.DRAFT:
        reading_opinions.keep_own(held, by=by)
    if reading_opinions.is_second_awaited(held):
        raise SecondReadAwaited
    if reading_opinions.do_differ(held) and not consensus.strip():
        raise ConsensusOpen
    said |= {"reads": reading_opinions.as_signed(held), "consensus": consensus.strip()}
    held.content, held.content_sha256 = said, sha256_of(said)
    held.consensus, held.signed_by, held.signed_at = consensus.strip(), by, timezone.now()
    _move(held, "sign", "comparison", "content", "content_sha256", "consensus", "signed_by", "signed_at")
    if held.replaces is not None and held.replaces.state in IN_FORCE:
        _move(held.replaces, "replace")
    record("reading.signed", patient, by=by, reading=held.code, version=held.version, sha256=held.content_sha256)
    worklists.release(patient=patient, by=by)
    outbox.queue_reading(held)
    return held


@transaction.atomic
def addend(*, reading: Reading, text: str, by: User) -> ReadingAddendum:
    """Add words to what was signed. Raises ``MayNotSign``, ``NoSuchStep``."""
    held = _held(reading)
    policy.require_signature(held.patient, by)
    _move(held, "addend")
    added = ReadingAddendum.objects.create(reading=held, by=by, text=text)
    record("reading.addended", held.patient, by=by, reading=held.code)
    outbox.queue_reading(held)
    return added


@transaction.atomic
def notice_change(patient: Patient) -> Reading | None:
    """Open a new version when the findings are not any more what was signed. The signed one stands until it is signed.

    Returns
    -------
    Reading or None
        The new version; None when nothing was signed, nothing differs, or a reading is open anyway.
    """
    held = Patient.objects.select_for_update().get(pk=patient.pk)
    signed = latest_signed(held)
    if signed is None or signed.content is None or open_reading(held) is not None:
        return None
    if findings_of(content_of(held, signed.scan)) == findings_of(signed.content):
        return None
    return _open(held, signed.scan)


def _open(patient: Patient, scan: Scan) -> Reading:
    latest = Reading.objects.filter(scan=scan).order_by("-version").first()
    signed = Reading.objects.filter(scan=scan, state__in=SIGNED_READING).order_by("-version").first()
    opened = Reading.objects.create(
        patient=patient,
        scan=scan,
        comparison=prior_pair(scan),
        version=latest.version + 1 if latest else 1,
        replaces=signed,
    )
    record("reading.opened", patient, by=None, reading=opened.code, version=opened.version)
    return opened


def _compare_anew(patient: Patient) -> None:
    """A prior came after its current exam: the open reading is of the nearer pair."""
    for reading in _related().filter(patient=patient, state__in=OPEN_READING):
        Reading.objects.filter(pk=reading.pk).update(comparison=prior_pair(reading.scan))


def _held(reading: Reading) -> Reading:
    Patient.objects.select_for_update().get(pk=reading.patient_id)
    return _related().get(pk=reading.pk)


def _related() -> QuerySet[Reading]:
    return Reading.objects.select_related("patient__clinic", "scan__study", "scan__series", "reader", "replaces")


def _move(reading: Reading, step: str, *fields: str) -> None:
    reading.state = after(READING, ReadingState(reading.state), step)
    reading.save(update_fields=["state", *fields])
