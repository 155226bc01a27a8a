"""Reports and letters: written from a signed reading, edited sentence by sentence, signed, and added to.

What is signed is drawn once, kept byte for byte with its digest, and never drawn again: an addendum is a next version
beside the first. A report of a corrected reading names the one that it replaces.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext

from nodules_app.exchange import documents_text as text
from nodules_app.exchange.documents_conference import confirmed
from nodules_app.exchange.documents_letter import letter
from nodules_app.exchange.documents_templates import OWN, Template
from nodules_app.exchange.reports_sentences import report
from nodules_app.lifecycles import DOCUMENT, DocumentState, EvidenceKind, ReadingState, after
from nodules_app.models import (
    Clinic,
    ClinicalDocument,
    ContactPreference,
    DocumentAddendum,
    DocumentKind,
    DocumentRetraction,
    LetterTemplate,
    Patient,
    Reading,
    SentenceEdit,
    SignedVersion,
    User,
)
from nodules_app.selectors import reports as selectors
from nodules_app.selectors.reports_conference import conference_of
from nodules_app.selectors.reports_facts import SignedFacts, signed_facts, step_of
from nodules_app.services import follow_ups, policy, reports_drawn
from nodules_app.services.audit import record
from nodules_app.services.reports_pictures import keep_pictures
from registration.errors import Refused, gettext_noop

IN_FORCE: Final = (ReadingState.SIGNED, ReadingState.ADDENDED)


class NothingSigned(Refused):
    """Only what a reader signed is told to others."""

    code = "nothing_signed"
    sentence = gettext_noop("No reading of this patient is signed.")
    remedy = gettext_noop("Read and sign the exam first; then write about it.")


class StepNotSigned(Refused):
    """A letter would announce what nobody decided."""

    code = "letter_step_not_signed"
    sentence = gettext_noop("The next step is only proposed; nobody has signed it.")
    remedy = gettext_noop("Sign the step on the patient's page, or choose another; then write the letter.")


class NotToBeWritten(Refused):
    """The patient died, or wants no contact."""

    code = "letter_not_to_be_written"
    sentence = gettext_noop("No letter goes to this patient: {why}.")
    remedy = gettext_noop("Look at the patient's contacts; a letter to the family doctor is possible.")


class DecidedMeanwhile(Refused):
    """The letter was written before the conference confirmed what it does not tell."""

    code = "letter_conference_decided_meanwhile"
    sentence = gettext_noop("Since this letter was written a conference has decided something that it does not tell.")
    remedy = gettext_noop("Discard this draft and write the letter again.")


class AlreadyReported(Refused):
    """A signed report is added to, never written a second time."""

    code = "already_reported"
    sentence = gettext_noop("This reading has a signed report in this language already.")
    remedy = gettext_noop("Add to it, or correct the reading and sign that; its report takes the place of this one.")


class ChangedDraft(Refused):
    """Somebody changed the draft after the page was drawn."""

    code = "draft_changed_meanwhile"
    sentence = gettext_noop("Somebody changed this draft while you had it open.")
    remedy = gettext_noop("Look at what stands now, and do it again if it still holds.")


class ReadingReplaced(Refused):
    """The reading that the draft was made from is not in force any more."""

    code = "report_reading_replaced"
    sentence = gettext_noop("The reading from which this was written has been replaced by a newer version.")
    remedy = gettext_noop("Discard this draft and write from the newer reading.")


@transaction.atomic
def write(*, patient: Patient, kind: DocumentKind, language: str, by: User) -> ClinicalDocument:
    """Compose a draft from the signed reading in force; one that is there already is given back as it is.

    Raises
    ------
    NothingSigned, AlreadyReported
    StepNotSigned, NotToBeWritten
        A letter would tell what nobody decided, or goes to somebody who is not to be written to.
    FieldIsEmpty
        The template asks for what is not recorded.
    """
    held = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=patient.pk)
    reading = _related_reading().filter(patient=held, state__in=IN_FORCE).order_by("-pk").first()
    if reading is None:
        raise NothingSigned
    draft = ClinicalDocument.objects.filter(
        reading=reading, kind=kind, language=language, state=DocumentState.DRAFT
    ).first()
    if draft is not None:
        return draft
    is_report = kind == DocumentKind.REPORT
    if is_report and selectors.report_of(reading, language) is not None:
        raise AlreadyReported
    template = None if is_report else selectors.template_in_force(held.clinic, kind, language)
    written = _report(reading, language) if is_report else _letter(reading, kind, language, template)
    made = ClinicalDocument.objects.create(
        patient=held,
        reading=reading,
        kind=kind,
        language=language,
        template=template,
        contact=selectors.address_of(held, kind),
        content=text.as_json(written),
        written_by=by,
        replaces=selectors.report_to_replace(reading, language) if is_report else None,
    )
    if is_report:
        keep_pictures(made)
    record("document.written", held, by=by, document=made.code, kind=kind, language=language)
    return made


def _report(reading: Reading, language: str) -> text.Written:
    with translation.override(language):
        return report(signed_facts(reading))


def _letter(reading: Reading, kind: DocumentKind, language: str, row: LetterTemplate | None) -> text.Written:
    patient = reading.patient
    if kind == DocumentKind.PATIENT_LETTER:
        _require_wanted(patient)
    facts = letter_facts(reading)
    with translation.override(language):
        return letter(facts, as_template(row, kind, language), contact=contact_words(patient.clinic))


def letter_facts(reading: Reading) -> SignedFacts:
    """What a letter is made from: the signed reading, what a conference decided since, and the step owed today.

    Raises ``StepNotSigned``.
    """
    step = step_of(reading.patient)
    if step is not None and not step.is_signed:
        raise StepNotSigned
    facts = signed_facts(reading)
    return replace(facts, step=step, conference=conference_of(reading.patient, facts.exam.on))


def _require_conference(document: ClinicalDocument) -> None:
    """See that a letter tells what a conference has decided by now; minutes signed since then change nothing of that.

    Raises ``DecidedMeanwhile``, ``StepNotSigned``.
    """
    conference = letter_facts(document.reading).conference
    if conference is None:
        return
    with translation.override(document.language):
        if not any(line.startswith(confirmed(conference)) for line in document.content["made_from"]):
            raise DecidedMeanwhile


def _require_wanted(patient: Patient) -> None:
    closure = follow_ups.closure_in_force(patient)
    if closure is not None and closure.evidence is not None and closure.evidence.kind == EvidenceKind.DECEASED:
        raise NotToBeWritten(why=gettext_noop("the patient has died"))
    wish = ContactPreference.objects.filter(patient=patient).first()
    if wish is not None and wish.do_not_contact:
        raise NotToBeWritten(why=gettext_noop("the patient wants no contact"))


def as_template(row: LetterTemplate | None, kind: str, language: str) -> Template:
    """The clinic's template, else the product's own."""
    if row is None:
        return OWN[kind, language]
    return Template(row.kind, row.language, row.subject, row.text, row.number)


def contact_words(clinic: Clinic) -> str:
    """Say in the active language whom to call or write to; empty where the clinic has said nothing."""
    if clinic.reply_phone:
        return gettext("Do you have questions? Call us: %(phone)s.") % {"phone": clinic.reply_phone}
    if clinic.reply_email:
        return gettext("Do you have questions? Write to us: %(address)s.") % {"address": clinic.reply_email}
    return ""


@transaction.atomic
def edit(*, document: ClinicalDocument, shown_version: int, key: str, words: str, by: User) -> ClinicalDocument:
    """Put a person's words in the place of a sentence of a draft, or leave it out; the machine's words stay beside it.

    Raises
    ------
    ChangedDraft
    NoSuchSentence
    NoSuchStep
        It is signed or discarded.
    """
    held = _held_draft(document, shown_version)
    written = text.from_json(held.content)
    before, after_words = written.sentence(key), " ".join(words.split())
    if before.text == after_words:
        return held
    SentenceEdit.objects.create(
        document=held, by=by, key=key, machine=before.machine, before=before.text, after=after_words
    )
    held.content = text.as_json(written.with_sentence(key, after_words))
    held.version += 1
    held.save(update_fields=["content", "version"])
    record("document.edited", held.patient, by=by, document=held.code, sentence=key)
    return held


@transaction.atomic
def sign(*, document: ClinicalDocument, shown_version: int, by: User) -> SignedVersion:
    """Sign what the page showed and keep its bytes; nothing of it changes from now on.

    Raises
    ------
    MayNotSign, ChangedDraft, ReadingReplaced, NotToBeWritten, AlreadyReported, NoSuchStep
    StepNotSigned, DecidedMeanwhile
        A letter would tell what nobody decided, or not what a conference did.
    LetterNeedsAFont
        No font draws every character.
    """
    held = _held_draft(document, shown_version)
    policy.require_signature(held.patient, by)
    if held.reading.state not in IN_FORCE:
        raise ReadingReplaced
    if held.kind == DocumentKind.PATIENT_LETTER:
        _require_wanted(held.patient)
    if held.kind != DocumentKind.REPORT:
        _require_conference(held)
    elif selectors.report_of(held.reading, held.language) is not None:
        raise AlreadyReported
    held.signed_by, held.signed_at = by, timezone.now()
    signed = _keep(held, number=1, by=by, at=held.signed_at)
    _move(held, "sign", "signed_by", "signed_at")
    replaced = held.replaces
    if replaced is not None and replaced.state in (DocumentState.FINAL, DocumentState.ADDENDED):
        _move(replaced, "correct")
    record("document.signed", held.patient, by=by, document=held.code, sha256=signed.sha256)
    return signed


@transaction.atomic
def addend(*, document: ClinicalDocument, words: str, by: User) -> SignedVersion:
    """Add words to what was signed, as a next version; the earlier bytes stay. ``MayNotSign``, ``NoSuchStep``."""
    held = _held(document)
    policy.require_signature(held.patient, by)
    _move(held, "addend")
    added = DocumentAddendum.objects.create(document=held, by=by, text=words.strip())
    added.refresh_from_db(fields=["at"])
    signed = _keep(held, number=held.signed_versions.count() + 1, by=by, at=added.at)
    record("document.addended", held.patient, by=by, document=held.code, sha256=signed.sha256)
    return signed


@transaction.atomic
def retract(*, document: ClinicalDocument, why: str, by: User) -> DocumentRetraction:
    """Say that a signed document holds no longer, and why; its bytes stay. ``MayNotSign``, ``NoSuchStep``."""
    held = _held(document)
    policy.require_signature(held.patient, by)
    _move(held, "retract")
    retraction = DocumentRetraction.objects.create(document=held, by=by, why=why.strip())
    record("document.retracted", held.patient, by=by, document=held.code)
    return retraction


@transaction.atomic
def discard(*, document: ClinicalDocument, shown_version: int, by: User) -> ClinicalDocument:
    """Give up a draft; it stays readable. Raises ``ChangedDraft``, ``NoSuchStep``."""
    held = _held_draft(document, shown_version)
    _move(held, "discard")
    record("document.discarded", held.patient, by=by, document=held.code)
    return held


def _keep(document: ClinicalDocument, *, number: int, by: User, at: datetime) -> SignedVersion:
    pdf = reports_drawn.draw(document, at=at)
    return SignedVersion.objects.create(
        document=document,
        number=number,
        title=document.content["title"],
        signed_by=by,
        signed_at=at,
        pdf=pdf,
        sha256=hashlib.sha256(pdf).hexdigest(),
    )


def _move(document: ClinicalDocument, step: str, *fields: str) -> None:
    document.state = after(DOCUMENT, DocumentState(document.state), step)
    document.save(update_fields=["state", *fields])


def _held_draft(document: ClinicalDocument, shown_version: int) -> ClinicalDocument:
    """Hold a draft as the page showed it. Raises ``ChangedDraft``; ``NoSuchStep`` when it is none any more."""
    held = _held(document)
    after(DOCUMENT, DocumentState(held.state), "sign")
    if held.version != shown_version:
        raise ChangedDraft
    return held


def _held(document: ClinicalDocument) -> ClinicalDocument:
    Patient.objects.select_for_update().get(pk=document.patient_id)
    rows = ClinicalDocument.objects.select_related("patient__clinic", "replaces", "contact", "template", "signed_by")
    held = rows.get(pk=document.pk)
    held.reading = _related_reading().get(pk=held.reading_id)
    return held


def _related_reading() -> QuerySet[Reading]:
    return Reading.objects.select_related("patient__clinic", "scan__study", "scan__series", "signed_by")
