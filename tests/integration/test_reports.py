"""Reports and letters from the signed reading to the signature and after, and what the database keeps."""

from __future__ import annotations

import hashlib
import importlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from nodules_app.exchange.documents_templates import FieldIsEmpty
from nodules_app.exchange.documents_text import NoSuchSentence, from_json
from nodules_app.exchange.letters import LetterNeedsAFont
from nodules_app.lifecycles import DOCUMENT, DocumentState, FollowUpState, NoSuchStep
from nodules_app.models import (
    AuditEvent,
    ClinicalDocument,
    DocumentKind,
    DocumentRetraction,
    LetterTemplate,
    MdtMinutes,
    OutcomeKind,
    Patient,
    Role,
    SentenceEdit,
    SignedVersion,
    User,
)
from nodules_app.selectors.reports import signed_documents
from nodules_app.selectors.story import EventKind, story
from nodules_app.services import contacts, decisions, joining, readings, reports
from nodules_app.services.mdt import cases, outcomes
from nodules_app.services.mdt.meetings import plan_meeting
from nodules_app.services.policy import MayNotSign
from tests import factories
from tests.integration.browsing import words
from tests.integration.reported import read_and_sign, refused_by_the_database, sign, write

pytestmark = pytest.mark.django_db
TO_PATIENT, TO_DOCTOR = DocumentKind.PATIENT_LETTER, DocumentKind.DOCTOR_LETTER
PHONE = "555 0100"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: Settings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def reader() -> User:
    return factories.member(Role.RADIOLOGIST)


@pytest.fixture
def unsigned_step(reader: User) -> Patient:
    """Two nodules on two exams, read and signed; the next CT is proposed, and the clinic has a telephone."""
    of = factories.followed_patient(nodules=2)
    type(of.clinic).objects.filter(pk=of.clinic_id).update(reply_phone=PHONE, postal_address="1 Hill Road\nTown")
    read_and_sign(of, reader)
    return Patient.objects.get(pk=of.pk)


@pytest.fixture
def patient(unsigned_step: Patient, reader: User) -> Patient:
    """The same with the next CT signed."""
    decisions.accept(follow_up=unsigned_step.follow_ups.get(state=FollowUpState.PROPOSED), by=reader)
    return unsigned_step


def text_of(document: ClinicalDocument) -> str:
    return "\n".join(one.text for one in from_json(document.content).sentences())


class TestWriting:
    def test_a_report_says_the_numbers_of_the_signed_reading(self, patient: Patient, reader: User) -> None:
        content = patient.readings.get().content
        assert content is not None
        text = text_of(write(patient, reader))
        first = content["nodules"][0]
        assert f"{first['current']['volume_mm3']:.0f} ±" in text
        assert f"{first['current']['mean_diameter_mm']:.1f} ±" in text
        assert f"{first['change']['vdt_days']} days" in text
        assert f"({first['change']['vdt_low_days']}" not in text
        assert f"interval {first['change']['vdt_low_days']} " in text
        assert "rule FLEISCHNER2017.SOLID.SINGLE.6-8.HIGH, edition 2017" in text
        assert "18-May-2027" in text
        assert "Lung-RADS" not in text, "an edition that does not apply says nothing"

    def test_it_says_what_it_was_made_from(self, patient: Patient, reader: User) -> None:
        made = " ".join(from_json(write(patient, reader).content).made_from)
        reading = patient.readings.get()
        for told in ("version 1", reading.content_sha256[:16], "Ruleset R1", "Fleischner 2017 (2017)", "Nodule Clinic"):
            assert told in made

    def test_nothing_is_written_of_an_unsigned_reading(self, reader: User) -> None:
        of = factories.followed_patient()
        with pytest.raises(reports.NothingSigned):
            write(of, reader)

    def test_a_draft_is_written_once(self, patient: Patient, reader: User) -> None:
        assert write(patient, reader) == write(patient, reader)
        assert write(patient, reader, language="zh-hans") != write(patient, reader)

    def test_numbers_that_changed_after_the_signature_do_not_reach_a_report(
        self, patient: Patient, reader: User
    ) -> None:
        before = text_of(write(patient, reader))
        reports.discard(document=patient.documents.get(), shown_version=1, by=reader)
        finding = patient.nodules.get(number=1).findings.order_by("-pk")[0]
        factories.measurement(finding, 9_999.0)
        factories.assessment(patient, factories.result("FLEISCHNER2017", "ct_3_6m_then_18_24m", "LATER"))
        assert text_of(write(patient, reader)) == before

    def test_how_likely_another_recommendation_is(self, reader: User) -> None:
        of = factories.followed_patient()
        branch = {"management": "no_routine_followup", "rule_id": "X", "when": "", "probability": "0.3512"}
        answer = factories.result(
            "FLEISCHNER2017", "ct_6_12m_then_18_24m", "SOLID", stability="borderline", branches=[branch]
        )
        factories.assessment(of, answer)
        read_and_sign(of, reader)
        assert "another recommendation has a probability of 35 %" in text_of(write(of, reader))


class TestLetters:
    def test_a_letter_tells_no_step_that_nobody_signed(self, unsigned_step: Patient, reader: User) -> None:
        for kind in (TO_PATIENT, TO_DOCTOR):
            with pytest.raises(reports.StepNotSigned):
                write(unsigned_step, reader, kind)

    def test_the_days_of_both_letters_are_those_of_the_signed_step(self, patient: Patient, reader: User) -> None:
        told = [text_of(write(patient, reader, kind)) for kind in (TO_PATIENT, TO_DOCTOR)]
        assert all("18-May-2027" in text and "18-Aug-2027" in text and PHONE in text for text in told)

    def test_the_doctor_reads_the_same_numbers_as_in_the_report(self, patient: Patient, reader: User) -> None:
        numbers = from_json(write(patient, reader).content).sentence("N1-size").text
        assert numbers in text_of(write(patient, reader, TO_DOCTOR))

    def test_what_the_template_asks_for_must_be_known(self, patient: Patient, reader: User) -> None:
        type(patient.clinic).objects.update(reply_phone="")
        with pytest.raises(FieldIsEmpty) as refused:
            write(patient, reader, TO_PATIENT)
        assert "whom to call" in refused.value.as_sentence()

    def test_nobody_writes_to_whoever_wants_no_contact(self, patient: Patient, reader: User) -> None:
        contacts.wish(patient=patient, language="", kind="", call_instead=False, do_not_contact="asked so", by=reader)
        with pytest.raises(reports.NotToBeWritten):
            write(patient, reader, TO_PATIENT)
        assert write(patient, reader, TO_DOCTOR).state == DocumentState.DRAFT

    def test_both_letters_say_what_the_conference_confirmed_and_no_older_draft_is_signed(
        self, patient: Patient, reader: User
    ) -> None:
        before = write(patient, reader, TO_DOCTOR)
        chair = factories.member(Role.CHAIR)
        now = timezone.now()
        meeting = plan_meeting(
            clinic=patient.clinic, starts_at=now, cut_off_at=now, place="4", chair=chair, quorum=[], by=chair
        )
        case = cases.put_on(patient=patient, question="Biopsy now?", by=chair, meeting=meeting)
        task = outcomes.Task(what="CT-guided biopsy", owner=chair, due_on=timezone.localdate() + timedelta(days=10))
        outcomes.draft(case=case, kind=OutcomeKind.BIOPSY, by=chair, tasks=[task])
        sign(before, reader)  # a draft of an outcome says nothing yet
        before = write(patient, reader, TO_PATIENT)
        outcomes.confirm(case=case, by=chair)
        with pytest.raises(reports.DecidedMeanwhile):
            sign(before, reader)
        reports.discard(document=before, shown_version=1, by=reader)
        for kind, told in ((TO_PATIENT, "This is called a biopsy."), (TO_DOCTOR, "decided: Biopsy.")):
            for language in ("en", "zh-hans"):
                document = write(patient, reader, kind, language)
                assert "CT-guided biopsy" in text_of(document)
                assert str(chair) in " ".join(document.content["made_from"])
                assert told in text_of(document) or language != "en"
        letter = write(patient, reader, TO_PATIENT)
        for version in (1, 2):  # minutes and their addendum: the outcome is the one that the letter tells
            MdtMinutes.objects.create(
                meeting=meeting, version=version, pdf=b"%PDF", sha256=f"{version}" * 64, signed_by=chair
            )
        assert sign(letter, reader).number == 1

    def test_a_template_of_the_clinic_is_used_and_named(self, patient: Patient, reader: User) -> None:
        LetterTemplate.objects.create(
            clinic=patient.clinic,
            kind=TO_PATIENT,
            language="en",
            number=1,
            subject="S",
            text="Hello.",
            why="T",
            by=reader,
        )
        made = write(patient, reader, TO_PATIENT)
        assert text_of(made) == "Hello."
        assert made.template is not None
        assert "patient_letter en 1" in from_json(made.content).made_from[0]


class TestEditing:
    def test_what_was_changed_is_kept_with_the_machines_words(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        machine = from_json(document.content).sentence("step").text
        reports.edit(document=document, shown_version=1, key="step", words="As  agreed.\n", by=reader)
        kept = SentenceEdit.objects.get()
        assert (kept.machine, kept.before, kept.after, kept.by) == (machine, machine, "As agreed.", reader)
        document.refresh_from_db()
        assert from_json(document.content).sentence("step").machine == machine

    def test_the_slower_of_two_is_told(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        reports.edit(document=document, shown_version=1, key="step", words="One.", by=reader)
        with pytest.raises(reports.ChangedDraft):
            reports.edit(document=document, shown_version=1, key="step", words="Two.", by=reader)
        with pytest.raises(reports.ChangedDraft):
            reports.sign(document=document, shown_version=1, by=reader)

    def test_a_sentence_that_is_not_there_is_not_changed(self, patient: Patient, reader: User) -> None:
        with pytest.raises(NoSuchSentence):
            reports.edit(document=write(patient, reader), shown_version=1, key="", words="x", by=reader)

    def test_the_trace_is_never_changed(self, patient: Patient, reader: User) -> None:
        reports.edit(document=write(patient, reader), shown_version=1, key="step", words="One.", by=reader)
        refused_by_the_database("UPDATE nodules_app_sentenceedit SET machine = 'x'")
        refused_by_the_database("DELETE FROM nodules_app_sentenceedit")


class TestSigning:
    def test_the_bytes_are_kept_with_their_digest(self, patient: Patient, reader: User) -> None:
        signed = sign(write(patient, reader), reader)
        assert signed.sha256 == hashlib.sha256(bytes(signed.pdf)).hexdigest()
        assert bytes(signed.pdf).startswith(b"%PDF-1.7")
        assert AuditEvent.objects.filter(verb="document.signed", facts__sha256=signed.sha256).exists()

    def test_the_database_lets_nothing_of_it_change(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        signed = sign(document, reader)
        key = document.pk
        refused_by_the_database("UPDATE nodules_app_signedversion SET pdf = 'x', sha256 = encode(sha256('x'), 'hex')")
        refused_by_the_database("DELETE FROM nodules_app_signedversion")
        refused_by_the_database("UPDATE nodules_app_clinicaldocument SET content = '{}' WHERE id = %s", key)
        refused_by_the_database("UPDATE nodules_app_clinicaldocument SET state = 'draft' WHERE id = %s", key)
        refused_by_the_database("DELETE FROM nodules_app_clinicaldocument WHERE id = %s", key)
        with pytest.raises(IntegrityError), transaction.atomic():
            SignedVersion.objects.create(
                document=document,
                number=2,
                title="",
                signed_by=reader,
                signed_at=signed.signed_at,
                pdf=b"x",
                sha256="0" * 64,
            )

    def test_a_document_is_not_signed_without_its_bytes(self, patient: Patient, reader: User) -> None:
        refused_by_the_database(
            "UPDATE nodules_app_clinicaldocument SET state = 'final', signed_at = now(), signed_by_id = %s "
            "WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE",
            reader.pk,
            write(patient, reader).pk,
        )

    def test_only_whom_the_clinic_names_signs(self, patient: Patient, reader: User) -> None:
        with pytest.raises(MayNotSign):
            sign(write(patient, reader), factories.member(Role.COORDINATOR))

    def test_a_signed_report_is_added_to_and_never_written_again(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        first = sign(document, reader)
        with pytest.raises(reports.AlreadyReported):
            write(patient, reader)
        with pytest.raises(NoSuchStep):
            reports.edit(document=document, shown_version=1, key="step", words="x", by=reader)
        second = reports.addend(document=document, words="The older CT was found.", by=reader)
        assert second.number == 2
        assert bytes(SignedVersion.objects.get(number=1).pdf) == bytes(first.pdf)
        document.refresh_from_db()
        assert document.state == DocumentState.ADDENDED

    def test_the_report_of_a_corrected_reading_takes_the_place_of_the_old_one(
        self, patient: Patient, reader: User
    ) -> None:
        old = write(patient, reader)
        sign(old, reader)
        late = write(patient, reader, language="zh-hans")
        finding = patient.nodules.get(number=1).findings.order_by("-pk")[0]
        factories.measurement(finding, 900.0)
        assert readings.notice_change(patient) is not None
        read_and_sign(patient, reader)
        with pytest.raises(reports.ReadingReplaced):
            sign(late, reader)
        new = write(patient, reader)
        assert new.replaces == old
        sign(new, reader)
        old.refresh_from_db()
        assert old.state == DocumentState.CORRECTED
        assert [one.is_in_force for one in signed_documents(patient)] == [False, True]

    def test_a_name_outside_the_font_is_refused_unless_the_operator_has_one_that_draws_it(
        self, patient: Patient, reader: User, settings: Settings
    ) -> None:
        Patient.objects.filter(pk=patient.pk).update(name="張^𠮷三")
        document = write(patient, reader, language="zh-hans")
        with pytest.raises(LetterNeedsAFont) as refused:
            sign(document, reader)
        assert "𠮷" in refused.value.as_sentence()
        document.refresh_from_db()
        assert document.state == DocumentState.DRAFT

    def test_a_discarded_draft_stays_readable_and_is_never_signed(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        reports.discard(document=document, shown_version=1, by=reader)
        with pytest.raises(NoSuchStep):
            sign(document, reader)
        assert write(patient, reader) != document


class TestRetracting:
    def test_what_holds_no_longer_says_why_keeps_its_bytes_and_may_be_written_anew(
        self, patient: Patient, reader: User
    ) -> None:
        signed = sign(write(patient, reader), reader)
        reports.retract(document=signed.document, why="Written for another exam.", by=reader)
        (told,) = signed_documents(patient)
        assert (told.is_in_force, told.sha256) == (False, signed.sha256)
        with pytest.raises(NoSuchStep):
            reports.addend(document=signed.document, words="More.", by=reader)
        assert write(patient, reader) != signed.document

    def test_the_reason_is_written_once(self, patient: Patient, reader: User) -> None:
        signed = sign(write(patient, reader), reader)
        retraction = reports.retract(document=signed.document, why="Another patient.", by=reader)
        with pytest.raises(IntegrityError), transaction.atomic():
            DocumentRetraction.objects.filter(pk=retraction.pk).update(why="Nothing.")
        with pytest.raises(NoSuchStep):
            reports.retract(document=signed.document, why="Again.", by=reader)

    def test_by_the_page_with_a_reason_only(self, patient: Patient, reader: User) -> None:
        document = sign(write(patient, reader), reader).document
        client, url = as_(reader), reverse("document-act", kwargs={"code": document.code, "act": "retract"})
        assert "Say why it holds no longer." in words(client.post(url, {"why": " "}, follow=True).content.decode())
        shown = words(client.post(url, {"why": "Another patient."}, follow=True).content.decode())
        assert f"Retracted by {reader}" in shown
        assert "Sign the addendum" not in shown
        assert as_(factories.member(Role.COORDINATOR)).post(url, {"why": "No."}).status_code == 403


def test_the_database_knows_the_same_steps_as_the_life_cycle() -> None:
    legal = importlib.import_module("nodules_app.migrations.0029_reports").LEGAL
    assert set(legal) == {(str(first), str(last)) for (first, _step), last in DOCUMENT.items()}


def test_whoever_passes_documents_on_gets_the_bytes_the_title_and_the_language(patient: Patient, reader: User) -> None:
    signed = sign(write(patient, reader, language="zh-hans"), reader)
    write(patient, reader, TO_DOCTOR)
    (told,) = signed_documents(patient)
    assert (told.pdf, told.language, told.version) == (bytes(signed.pdf), "zh-Hans", 1)
    assert told.signed_at == signed.signed_at


def test_documents_move_with_two_records_that_are_one_person(patient: Patient, reader: User) -> None:
    signed = sign(write(patient, reader), reader)
    other = factories.patient(clinic=patient.clinic)
    joining.join(gone=patient, kept=other, reason="Same person.", by=reader)
    (told,) = signed_documents(other)
    assert told.sha256 == signed.sha256


def test_the_story_tells_what_was_signed_and_when(patient: Patient, reader: User) -> None:
    document = write(patient, reader)
    assert not [one for one in story(patient).events if one.kind is EventKind.DOCUMENT]
    sign(document, reader)
    (event,) = [one for one in story(patient).events if one.kind is EventKind.DOCUMENT]
    assert (event.code, event.by) == (document.code, str(reader))


def as_(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


class TestPages:
    def test_write_edit_sign_and_amend_by_the_pages_alone(self, patient: Patient, reader: User) -> None:
        client = as_(reader)
        listed = reverse("documents", kwargs={"code": patient.code})
        assert "Radiology report" in words(client.get(listed).content.decode())
        asked = {"kind": "report", "language": "en"}
        opened = client.post(reverse("write-document", kwargs={"code": patient.code}), asked)["Location"]
        page = client.get(f"{opened}?edit=step").content.decode()
        assert 'name="words"' in page
        document = patient.documents.get()

        def act(name: str, **told: object) -> None:
            client.post(reverse("document-act", kwargs={"code": document.code, "act": name}), told)

        act("sentence", version=1, key="step", words="CT in May 2027, as agreed.")
        assert "CT in May 2027, as agreed." in words(client.get(opened).content.decode())
        act("sign", version=2)
        pdf = client.get(reverse("document-pdf", kwargs={"code": document.code, "version": 1}))
        assert hashlib.sha256(pdf.content).hexdigest() == SignedVersion.objects.get().sha256
        act("addendum", words="Older images came.")
        shown = words(client.get(opened).content.decode())
        assert "Older images came." in shown
        assert "Signed, with an addendum" in shown
        pages = set(AuditEvent.objects.filter(verb="patient.seen").values_list("facts__page", flat=True))
        assert {"documents", "document", "document-pdf"} <= pages

    def test_a_draft_as_pdf_says_that_nobody_signed_it(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        answer = as_(reader).get(reverse("document-pdf", kwargs={"code": document.code, "version": 0}))
        assert answer.content.startswith(b"%PDF")
        sign(document, reader)
        assert as_(reader).get(reverse("document-pdf", kwargs={"code": document.code, "version": 0})).status_code == 404

    @pytest.mark.parametrize(
        ("role", "kind", "status"),
        [
            (Role.COORDINATOR, "patient_letter", 302),
            (Role.COORDINATOR, "report", 403),
            (Role.MANAGER, "doctor_letter", 403),
            (Role.AUDITOR, "report", 403),
        ],
    )
    def test_who_may_write_what(self, patient: Patient, role: Role, kind: str, status: int) -> None:
        url = reverse("write-document", kwargs={"code": patient.code})
        assert as_(factories.member(role)).post(url, {"kind": kind, "language": "en"}).status_code == status

    def test_a_coordinator_does_not_sign(self, patient: Patient, reader: User) -> None:
        document = write(patient, reader)
        url = reverse("document-act", kwargs={"code": document.code, "act": "sign"})
        assert as_(factories.member(Role.COORDINATOR)).post(url, {"version": 1}).status_code == 403

    def test_the_list_is_read_in_a_number_of_queries_that_does_not_grow(self, patient: Patient, reader: User) -> None:
        client, url = as_(reader), reverse("documents", kwargs={"code": patient.code})
        write(patient, reader)
        with CaptureQueriesContext(connection) as one:
            client.get(url)
        for kind in DocumentKind:
            write(patient, reader, kind, "zh-hans")
        with CaptureQueriesContext(connection) as four:
            page = client.get(url).content.decode()
        assert page.count("Draft") == 4
        assert len(four) == len(one)


class TestTemplates:
    @staticmethod
    def url(of: Patient, kind: str = "patient_letter", language: str = "en") -> str:
        return reverse("letter-template", kwargs={"code": of.clinic.code, "kind": kind, "language": language})

    def test_a_change_is_a_version_and_letters_keep_theirs(self, patient: Patient, reader: User) -> None:
        before = write(patient, reader, TO_PATIENT)
        manager = as_(factories.member(Role.MANAGER))
        told = {"subject": "Result", "text": "Dear {patient_name},\r\n\r\n{result}", "why": "Shorter", "save": ""}
        assert manager.post(self.url(patient), told).status_code == 302
        assert LetterTemplate.objects.get().number == 1
        before.refresh_from_db()
        assert before.template is None
        assert manager.post(self.url(patient), told).status_code == 422, "the same words are no new version"

    @pytest.mark.parametrize(
        ("text", "said"),
        [("Dear {patient_nam},", "{patient_nam}"), ("Dear {patient_name", "line 1"), ("Dear {},", "{}")],
    )
    def test_an_error_is_told_in_one_sentence_beside_the_preview(self, patient: Patient, text: str, said: str) -> None:
        manager = as_(factories.member(Role.MANAGER))
        answer = manager.post(self.url(patient), {"subject": "Result", "text": text, "why": "x", "save": ""})
        assert answer.status_code == 422
        assert said in words(answer.content.decode())
        assert not LetterTemplate.objects.exists()

    def test_only_a_manager_changes_it(self, patient: Patient, reader: User) -> None:
        assert as_(reader).get(self.url(patient)).status_code == 200
        assert as_(reader).post(self.url(patient), {"subject": "x", "text": "y", "why": "z"}).status_code == 404
