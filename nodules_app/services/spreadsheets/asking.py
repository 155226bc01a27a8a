"""What a person asks of a list that was checked: check again, take a held line, take it over."""

from __future__ import annotations

from django.db import transaction

from nodules_app.models import Clinic, LineVerdict, RunKind, Spreadsheet, User
from nodules_app.services import policy, runs
from nodules_app.services.audit import record
from nodules_app.services.spreadsheets.receiving import ask_for_check, hold
from nodules_app.services.spreadsheets.sentences import NotCheckedYet


def may_sign(clinic: Clinic, by: User) -> bool:
    """Whether the steps of a list that this person stores are signed thereby."""
    return policy.may_sign(clinic, by)


@transaction.atomic
def check_again(*, spreadsheet: Spreadsheet, by: User) -> None:
    """Ask for the check once more, for instance after records were changed. Raises ``AlreadyStored``, ``FileGone``."""
    held = hold(spreadsheet)
    held.checked_at = None
    held.save(update_fields=["checked_at"])
    ask_for_check(held, by=by)


@transaction.atomic
def take(*, spreadsheet: Spreadsheet, number: int, by: User) -> int:
    """Take a held line, and every other line of the same patient; gives how many.

    Of a known number it says that this is the same person, of a new one that it is another.

    Raises
    ------
    AlreadyStored, NotCheckedYet
    """
    held = hold(spreadsheet)
    line = held.lines.filter(number=number, verdict=LineVerdict.HELD).first()
    if line is None:
        raise NotCheckedYet
    issuer = {"facts__issuer": line.facts["issuer"]} if "issuer" in line.facts else {"facts__issuer__isnull": True}
    theirs = held.lines.filter(taken_by__isnull=True, facts__identifier=line.facts["identifier"], **issuer)
    taken = theirs.update(taken_by=by)
    record("list.line_taken", line.known, by=by, spreadsheet=held.code, line=number)
    held.checked_at = None
    held.save(update_fields=["checked_at"])
    ask_for_check(held, by=by)
    return taken


@transaction.atomic
def store(*, spreadsheet: Spreadsheet, by: User) -> None:
    """Ask for a checked list to be taken over. Raises ``NotCheckedYet``, ``AlreadyStored``."""
    held = hold(spreadsheet)
    if held.checked_at is None:
        raise NotCheckedYet
    record("list.store_asked", None, by=by, spreadsheet=held.code)
    runs.request(RunKind.STORE_LIST, by=by, import_batch=held.batch)
