"""The letters of a batch: reminders drawn as they were fixed when it was made, signed letters byte for byte."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format

from nodules_app.exchange.documents_fonts import chosen_for
from nodules_app.exchange.letters import Letter, pdf_of
from nodules_app.exchange.printing import together
from nodules_app.ladder.rungs import Recipient
from nodules_app.models import LetterBatch, Reminder, User
from nodules_app.selectors.posting import signed_in
from nodules_app.selectors.reports import bcp_47
from nodules_app.services.audit import record
from nodules_app.services.reminders.rules import calendar_of
from nodules_app.services.reminders.words import readable_name
from registration.errors import Refused, gettext_noop


class NothingLeft(Refused):
    """Each letter of the batch was suppressed or retracted."""

    code = "batch_holds_nothing"
    sentence = gettext_noop("No letter of this batch may go out any more.")
    remedy = gettext_noop("There is nothing to print; the pages of the patients say why.")


def pdf_of_batch(batch: LetterBatch, *, by: User) -> bytes:
    """Give a batch as one PDF, and write down that it was printed (again).

    A signed letter against which something stands by now is left out: it was retracted or replaced, the patient
    has died or wants no contact. Whose letters are in it is written down for each patient.

    Raises
    ------
    LetterNeedsAFont, NothingLeft
    """
    rows = list(batch.reminders.select_related("patient", "contact", "clinic").order_by("pk"))
    signed = signed_in(batch)
    papers = [pdf_of([_letter(row, batch) for row in rows], font=_font())] if rows else []
    papers += [bytes(row.pdf) for row in signed]
    if not papers:
        raise NothingLeft
    record("letters.drawn", None, by=by, batch=batch.code)
    for patient in dict.fromkeys([row.patient for row in rows] + [row.document.patient for row in signed]):
        record("patient.seen", patient, by=by, page="letters", batch=batch.code)
    return together(papers)


def _font() -> Path | None:
    return Path(settings.LETTER_FONT) if settings.LETTER_FONT else None


def make_sure_it_is_drawn(reminder: Reminder, batch: LetterBatch) -> None:
    """Refuse a letter of which a character is in no font. Raises ``LetterNeedsAFont``."""
    chosen_for(_letter(reminder, batch).words(), _font())


def _letter(row: Reminder, batch: LetterBatch) -> Letter:
    clinic = row.clinic
    written_on = calendar_of(clinic).today(batch.created_at)
    contact = row.contact
    with translation.override(row.language):
        to = contact.name if contact and row.recipient == Recipient.REFERRER else readable_name(row.patient)
        day = date_format(written_on, "DATE_FORMAT")
    address = [line.strip() for line in (contact.value if contact else "").splitlines() if line.strip()]
    return Letter(
        sender=clinic.name,
        sender_lines=tuple(line.strip() for line in clinic.postal_address.splitlines() if line.strip()),
        address=tuple(dict.fromkeys((to, *address))),  # the name once, whether or not the address repeats it
        day=day,
        subject=row.subject,
        text=row.text,
        language=bcp_47(row.language),
    )
