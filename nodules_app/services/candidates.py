"""What a reader says of what the program proposes.

Until somebody accepts, nothing is owed for it; then a nodule is marked as if a person had found it.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import CANDIDATE, FOLLOWED_NODULE, CandidateState, NoSuchStep, after
from nodules_app.models import (
    AuditEvent,
    Candidate,
    Nodule,
    Origin,
    Patient,
    RejectionReason,
    Run,
    RunKind,
    User,
)
from nodules_app.services import nodules, reading_opinions
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

ASKED: Final = "candidates.asked"


class NeedsWords(Refused):
    """A rejection for another reason than those of the list."""

    code = "rejection_needs_words"
    sentence = gettext_noop("The reason is not said.")
    remedy = gettext_noop("Say in a few words what is there instead.")


class StillFollowed(Refused):
    """The nodule that was made of it is followed."""

    code = "candidate_is_followed"
    sentence = gettext_noop("{label} was made of this and is followed.")
    remedy = gettext_noop("Say first that {label} is no nodule.")


@transaction.atomic
def accept(*, candidate: Candidate, by: User) -> Nodule:
    """A reader says that it is a nodule: it is marked, owed a review, looked for on the other scans and measured.

    Raises
    ------
    NoSuchStep
        Somebody has decided meanwhile.
    ReadOwnFirst
        Another reads the exam, and a read of their own is due.
    """
    held = _held(candidate, "accept", by)
    nodule = nodules.mark_nodule(scan=held.scan, lps_mm=held.lps_mm, by=by, origin=Origin.CANDIDATE)
    _decide(held, "accept", by=by, nodule=nodule)
    record("candidate.accepted", nodule.patient, by=by, candidate=held.code, nodule=nodule.code)
    return nodule


@transaction.atomic
def reject(*, candidate: Candidate, reason: RejectionReason, by: User, words: str = "") -> Candidate:
    """A reader sees something else there: the row stays with who and why, and the place is not proposed again.

    Raises
    ------
    NoSuchStep
        Somebody has decided meanwhile.
    NeedsWords, ReadOwnFirst
    """
    held = _held(candidate, "reject", by)
    if reason is RejectionReason.OTHER and not words.strip():
        raise NeedsWords
    _decide(held, "reject", by=by, reason=reason, words=words.strip())
    record("candidate.rejected", held.scan.study.patient, by=by, candidate=held.code, reason=reason.value)
    return held


@transaction.atomic
def reopen(*, candidate: Candidate, by: User) -> Candidate:
    """Propose it again: what was said of it is taken back, and the audit trail keeps that it was said.

    Raises
    ------
    NoSuchStep
        Nobody has decided.
    StillFollowed
        It was accepted, and its nodule is followed.
    ReadOwnFirst
    """
    held = _held(candidate, "reopen", by)
    if held.nodule is not None and held.nodule.state in FOLLOWED_NODULE:
        raise StillFollowed(label=held.nodule.label)
    _decide(held, "reopen", by=None)
    record("candidate.reopened", held.scan.study.patient, by=by, candidate=held.code)
    return held


def _held(candidate: Candidate, step: str, by: User) -> Candidate:
    """Lock the patient and the row, and see that the step is there to be made, and this person's."""
    patient = Patient.objects.select_for_update(of=("self",)).select_related("clinic")
    reading_opinions.require_own_read(patient.get(pk=candidate.scan.study.patient_id), by)
    held = Candidate.objects.select_related("scan__study__patient", "nodule").get(pk=candidate.pk)
    if held.scan.superseded_at is not None:
        raise NoSuchStep(CandidateState.REPLACED, step)  # another series of the exam is measured now
    after(CANDIDATE, CandidateState(held.state), step)
    return held


def _decide(
    held: Candidate,
    step: str,
    *,
    by: User | None,
    nodule: Nodule | None = None,
    reason: RejectionReason | None = None,
    words: str = "",
) -> None:
    held.state = after(CANDIDATE, CandidateState(held.state), step)
    held.decided_by, held.decided_at = by, timezone.now() if by else None
    held.nodule, held.reason, held.words = nodule, reason.value if reason else "", words
    held.save(update_fields=["state", "decided_by", "decided_at", "nodule", "reason", "words"])


def note_asked(*, patient: Patient, by: User) -> None:
    """Write down that a reader asked for what the program proposes, after a look of their own."""
    record(ASKED, patient, by=by)


def hidden_from(patient: Patient, who: User) -> bool:
    """Tell whether a reader is to look first: the clinic wants it, and they have not asked since the latest search."""
    if not patient.clinic.proposals_on_request:
        return False
    searches = Run.objects.filter(patient=patient, kind=RunKind.PROPOSE, ended_at__isnull=False).order_by("-ended_at")
    ended_at = searches.values_list("ended_at", flat=True).first()
    asked = AuditEvent.objects.filter(verb=ASKED, patient=patient, by=who)
    return not (asked.filter(at__gte=ended_at) if ended_at else asked).exists()
