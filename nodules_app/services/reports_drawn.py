"""How a report or letter is drawn as PDF/A: the text of the draft, the signature, what was added, what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext

from nodules_app.exchange import reports_words as words
from nodules_app.exchange.documents import (
    Block,
    Document,
    Heading,
    Lines,
    Picture,
    Pictures,
    Small,
    Table,
    pdf_of_document,
)
from nodules_app.exchange.documents_text import Part, Written, from_json
from nodules_app.exchange.letters import Letter, pdf_of
from nodules_app.models import ClinicalDocument, DocumentKind
from nodules_app.selectors.reports import bcp_47
from nodules_app.services.reminders.rules import calendar_of


def draw(document: ClinicalDocument, *, at: datetime) -> bytes:
    """Draw a document in its own language as it stands; an unsigned one says so on every page.

    Raises
    ------
    LetterNeedsAFont
    """
    font = Path(settings.LETTER_FONT) if settings.LETTER_FONT else None
    with translation.override(document.language):
        written = from_json(document.content)
        if document.kind == DocumentKind.REPORT:
            return pdf_of_document(_report(document, written), font=font, made_at=at)
        return pdf_of([_letter(document, written, at)], font=font, made_at=at)


def _instant(at: datetime) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")


def signature(document: ClinicalDocument) -> str:
    """Say who signed and when, or that nobody has, in the active language."""
    if document.signed_at is None:
        return gettext("Draft. Not signed.")
    told = {"who": document.signed_by, "when": _instant(document.signed_at)}
    if document.kind == DocumentKind.REPORT:
        return gettext("Report signed by %(who)s, %(when)s.") % told
    return gettext("Signed by %(who)s, %(when)s.") % told


def addenda(document: ClinicalDocument) -> list[str]:
    """Say what was added, by whom, when."""
    rows = document.addenda.select_related("by").order_by("pk")
    return [
        gettext("Addendum by %(who)s, %(when)s: %(text)s") % {"who": row.by, "when": _instant(row.at), "text": row.text}
        for row in rows
    ]


def replaced_words(document: ClinicalDocument) -> str:
    """Say which signed report this one takes the place of, if any."""
    old = document.replaces
    if old is None or old.signed_at is None:
        return ""
    return gettext("This report replaces the one signed on %(when)s.") % {"when": _instant(old.signed_at)}


def _report(document: ClinicalDocument, written: Written) -> Document:
    blocks: list[Block] = [Lines(tuple(_fact(*fact) for fact in written.facts))]
    if replaced := replaced_words(document):
        blocks.append(Lines((replaced,)))
    for part in written.parts:
        blocks += _part(part)
    if pictures := tuple(_pictures(document)):
        missing = Lines((gettext("The images were not at hand when this was written."),))
        shown = Pictures(pictures) if any(one.png for one in pictures) else missing
        blocks += [Heading(gettext("Images")), shown]
    blocks.append(Lines((signature(document),)))
    if added := addenda(document):
        blocks += [Heading(gettext("Addendum")), Lines(tuple(added))]
    blocks.append(Small((gettext("What this was made from"), *written.made_from, *_edited(written))))
    clinic = document.patient.clinic
    return Document(
        title=written.title,
        subtitle=" · ".join(filter(None, (clinic.name, *_lines(clinic.postal_address)))),
        language=bcp_47(document.language),
        blocks=tuple(blocks),
        footer=" · ".join((document.patient.identifier, written.title, signature(document))),
    )


def _fact(name: str, value: str) -> str:
    return gettext("%(name)s: %(value)s") % {"name": name, "value": value}


def _pictures(document: ClinicalDocument) -> Iterator[Picture]:
    for row in document.pictures.order_by("number"):
        yield Picture(bytes(row.png) if row.png is not None else None, row.words)


def _part(part: Part) -> list[Block]:
    blocks: list[Block] = [Heading(part.heading)] if part.heading and (part.shown or part.grid) else []
    if part.shown:
        blocks.append(Lines(part.shown))
    if part.grid is not None:
        blocks.append(Table(part.grid.columns, part.grid.shares, part.grid.rows))
    return blocks


def _edited(written: Written) -> tuple[str, ...]:
    count = sum(one.is_edited for one in written.sentences())
    if not count:
        return (gettext("Every sentence was composed from these data."),)
    return (gettext("Sentences written or changed by a person: %(count)s.") % {"count": count},)


def _letter(document: ClinicalDocument, written: Written, at: datetime) -> Letter:
    clinic, contact = document.patient.clinic, document.contact
    to = contact.name if contact is not None and contact.name else ""
    if not to and document.kind == DocumentKind.PATIENT_LETTER:
        to = words.person(document.patient.name)
    address = _lines(contact.value) if contact is not None else ()
    paragraphs = ["\n".join(part.shown) for part in written.parts if part.shown]
    return Letter(
        sender=clinic.name,
        sender_lines=_lines(clinic.postal_address),
        address=tuple(dict.fromkeys(filter(None, (to, *address)))),
        day=date_format(calendar_of(clinic).today(at), "DATE_FORMAT"),
        subject=written.title,
        text="\n\n".join((*paragraphs, signature(document), *addenda(document))),
        language=bcp_47(document.language),
        foot=" ".join((*written.made_from, *_edited(written))),
    )


def _lines(told: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in told.splitlines() if line.strip())
