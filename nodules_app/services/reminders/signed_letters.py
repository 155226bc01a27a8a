"""Signed letters at the desk: laid into a batch from their bytes, said to be posted, and that word taken back.

Nothing here draws: what is printed are the bytes that were signed. Who posts says so with the day; the row is never
changed, and taking it back is a row of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.models import (
    Clinic,
    ClinicalDocument,
    LetterBatch,
    LetterPosting,
    Patient,
    PrintedLetter,
    SignedVersion,
    User,
)
from nodules_app.selectors import posting as selectors
from nodules_app.services.audit import record
from nodules_app.services.reminders.rules import calendar_of
from registration.errors import Refused, gettext_noop

LONGEST_REASON: Final = 300


class LettersChanged(Refused):
    """What the page showed is not what stands."""

    code = "letters_changed_meanwhile"
    sentence = gettext_noop(
        "{count} of these letters were retracted, added to, or recorded by somebody else meanwhile."
    )
    remedy = gettext_noop("Nothing was recorded. Look at the list as it stands now, and record it again.")


class NoDayOfPosting(Refused):
    """The day lies ahead, or before the signature."""

    code = "no_day_of_posting"
    sentence = gettext_noop("A letter that was signed on {signed_on} was not posted on {posted_on}.")
    remedy = gettext_noop("Give the day on which it went to the post: from its signature to today.")


class AlreadyTakenBack(Refused):
    """Somebody was quicker."""

    code = "posting_taken_back"
    sentence = gettext_noop("This was taken back already.")
    remedy = gettext_noop("Look at the list as it stands now.")


def take_into(batch: LetterBatch, *, by: User) -> int:
    """Lay every signed letter that waits in the clinic into a batch; gives how many."""
    waiting = selectors.to_print(selectors.letters_to_post(batch.clinic))
    _hold([one.version for one in waiting])
    still = selectors.to_print(selectors.letters_to_post(batch.clinic))  # as it stands once they are held
    held = {one.version for one in waiting}
    taken = [one for one in still if one.version in held]
    PrintedLetter.objects.bulk_create(PrintedLetter(batch=batch, version_id=one.version) for one in taken)
    for one in taken:
        record("letter.printed", one.patient, by=by, document=one.document, version=one.number, batch=batch.code)
    return len(taken)


def _hold(versions: Collection[int]) -> None:
    """Lock the patients of letters, the smaller key first, so that nobody retracts, prints or posts one meanwhile."""
    whose = ClinicalDocument.objects.filter(signed_versions__in=versions).values("patient")
    list(Patient.objects.select_for_update(of=("self",)).filter(pk__in=whose).order_by("pk").values_list("pk"))


@transaction.atomic
def say_posted(*, clinic: Clinic, chosen: Collection[str], posted_on: date, by: User) -> int:
    """Record that letters went to the post on a day, all of them or none; gives how many.

    Parameters
    ----------
    chosen
        ``LetterToPost.key`` of each.

    Raises
    ------
    LettersChanged, NoDayOfPosting
    """
    _hold([one.version for one in selectors.letters_to_post(clinic) if one.key in chosen])
    letters = [one for one in selectors.letters_to_post(clinic) if one.key in chosen]
    if len(letters) != len(set(chosen)):
        raise LettersChanged(count=len(set(chosen)) - len(letters))
    today = calendar_of(clinic).today(timezone.now())
    for one in letters:
        signed_on = calendar_of(clinic).today(one.signed_at)
        if not signed_on <= posted_on <= today:
            raise NoDayOfPosting(signed_on=signed_on, posted_on=posted_on)
        version = SignedVersion.objects.only("pk").get(pk=one.version)
        LetterPosting.objects.create(version=version, turn=_next_turn(version), posted_on=posted_on, by=by)
        record("letter.posted", one.patient, by=by, document=one.document, version=one.number, on=posted_on)
    return len(letters)


@transaction.atomic
def take_back(*, posting: LetterPosting, why: str, by: User) -> LetterPosting:
    """Take back that a letter was posted: it waits again. Raises ``AlreadyTakenBack``."""
    document = posting.version.document
    _hold([posting.version_id])
    turn = _next_turn(posting.version)
    if turn != posting.turn + 1:
        raise AlreadyTakenBack
    undone = LetterPosting.objects.create(
        version=posting.version, turn=turn, taken_back_because=why.strip()[:LONGEST_REASON], by=by
    )
    record("letter.posting_taken_back", document.patient, by=by, document=document.code, version=posting.version.number)
    return undone


def _next_turn(version: SignedVersion) -> int:
    return version.postings.count() + 1
