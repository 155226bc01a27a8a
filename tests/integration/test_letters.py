"""Signed letters at the desk: one press prints what was signed, a person says what was posted, or takes it back."""

from __future__ import annotations

import re
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader
from pytest_django import Settings

from nodules_app.lifecycles import FollowUpState
from nodules_app.models import (
    AuditEvent,
    Clinic,
    ContactPoint,
    ContactPreference,
    DocumentKind,
    LetterBatch,
    LetterPosting,
    Patient,
    PrintedLetter,
    Role,
    SignedVersion,
    User,
)
from nodules_app.selectors.posting import letters_to_post
from nodules_app.selectors.story import EventKind, story
from nodules_app.services import decisions, endings, reports
from nodules_app.services.reminders import signed_letters
from nodules_app.services.reminders.acts import NothingToPrint, print_letters
from nodules_app.services.reminders.post import NothingLeft, pdf_of_batch
from nodules_app.services.reminders.signed_letters import AlreadyTakenBack, LettersChanged, NoDayOfPosting
from tests import factories
from tests.integration.browsing import words
from tests.integration.reported import read_and_sign, refused_by_the_database, sign, write

pytestmark = pytest.mark.django_db
TO_PATIENT, TO_DOCTOR = DocumentKind.PATIENT_LETTER, DocumentKind.DOCTOR_LETTER


@pytest.fixture
def reader(tmp_path: Path, settings: Settings) -> User:
    settings.CACHE_DIR = tmp_path / "cache"
    return factories.member(Role.RADIOLOGIST)


@pytest.fixture
def patient(reader: User) -> Patient:
    """Read and signed, with a signed step, and with postal addresses of the patient and of the family doctor."""
    of = factories.followed_patient(nodules=1)
    for whose in ("patient", "referrer"):
        ContactPoint.objects.create(patient=of, of=whose, kind="post", value="1 Hill Road\nTown", name="Dr Test")
    Clinic.objects.filter(pk=of.clinic_id).update(reply_phone="555 0100")
    read_and_sign(of, reader)
    of = Patient.objects.get(pk=of.pk)
    decisions.accept(follow_up=of.follow_ups.get(state=FollowUpState.PROPOSED), by=reader)
    return of


@pytest.fixture
def desk() -> User:
    return factories.member(Role.COORDINATOR)


@pytest.fixture
def both(patient: Patient, reader: User) -> list[SignedVersion]:
    """A signed letter to the patient, one to the family doctor, and a report, which is nobody's post."""
    sign(write(patient, reader), reader)
    return [sign(write(patient, reader, kind), reader) for kind in (TO_PATIENT, TO_DOCTOR)]


def as_(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def text_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def printed(clinic: Clinic, by: User) -> LetterBatch:
    return print_letters(clinic=clinic, by=by, now=timezone.now())


def ticked_in(page: str) -> list[str]:
    return re.findall(r'name="letters" value="([^"]+)"[^>]* checked', page)


def key_of(version: SignedVersion) -> str:
    return f"{version.document.code}.{version.number}"


def posted(patient: Patient, versions: list[SignedVersion], by: User, on: date | None = None) -> int:
    return signed_letters.say_posted(
        clinic=patient.clinic,
        chosen=[key_of(version) for version in versions],
        posted_on=on or timezone.localdate(),
        by=by,
    )


def test_from_the_press_to_the_post_and_back_by_the_pages_alone(
    patient: Patient, both: list[SignedVersion], desk: User
) -> None:
    client, bytes_before = as_(desk), [bytes(one.pdf) for one in both]
    page = words(client.get(reverse("letters")).content.decode())
    assert "2 letters wait to be printed." in page
    assert "Signed letters: 2." in page
    answer = client.post(reverse("letters"), {"clinic": patient.clinic.code}, follow=True)
    assert answer["Content-Type"] == "application/pdf"
    assert text_of(answer.content) == [page for pdf in bytes_before for page in text_of(pdf)]
    assert [bytes(row.pdf) for row in SignedVersion.objects.filter(pk__in=[one.pk for one in both])] == bytes_before
    page = client.get(reverse("letters")).content.decode()
    assert "0 letters wait to be printed." in words(page)
    ticked = ticked_in(page)
    assert sorted(ticked) == sorted(key_of(one) for one in both)
    said = reverse("letters-posted", kwargs={"code": patient.clinic.code})
    client.post(said, {"letters": ticked, "posted_on": timezone.localdate().isoformat()})
    page = client.get(reverse("letters")).content.decode()
    assert "Signed letters not posted yet" not in page
    first = LetterPosting.objects.get(version=both[0])
    client.post(reverse("letter-not-posted", kwargs={"code": first.code}), {"why": ""})
    assert LetterPosting.objects.count() == 2
    client.post(reverse("letter-not-posted", kwargs={"code": first.code}), {"why": "It came back from the print room."})
    (waits,) = letters_to_post(patient.clinic)
    assert waits.key == key_of(both[0])
    verbs = AuditEvent.objects.filter(patient=patient, verb__startswith="letter.").order_by("pk")
    assert [row.verb for row in verbs] == [
        "letter.printed",
        "letter.printed",
        "letter.posted",
        "letter.posted",
        "letter.posting_taken_back",
    ]


def test_who_may_not_record_neither_prints_nor_posts(patient: Patient, both: list[SignedVersion], desk: User) -> None:
    posted(patient, both, desk)
    posting = LetterPosting.objects.earliest("pk")
    elsewhere = factories.member(Role.COORDINATOR, at=Clinic.objects.create(name="Elsewhere"))
    for user, status in ((factories.member(Role.AUDITOR), 403), (elsewhere, 404)):
        client = as_(user)
        answers = [
            client.post(reverse("letters-posted", kwargs={"code": patient.clinic.code}), {"letters": key_of(both[0])}),
            client.post(reverse("letter-not-posted", kwargs={"code": posting.code}), {"why": "Test"}),
        ]
        assert [answer.status_code for answer in answers] == [404, status]
    assert LetterPosting.objects.count() == 2


def test_the_day_is_told_and_all_are_recorded_or_none(
    patient: Patient, both: list[SignedVersion], desk: User, reader: User
) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    for day in (tomorrow, timezone.localdate() - timedelta(days=1)):
        with pytest.raises(NoDayOfPosting):
            posted(patient, both, desk, on=day)
    reports.addend(document=both[0].document, words="The address was corrected.", by=reader)
    client = as_(desk)
    answer = client.post(
        reverse("letters-posted", kwargs={"code": patient.clinic.code}),
        {"letters": [key_of(one) for one in both], "posted_on": timezone.localdate().isoformat()},
    )
    assert answer.status_code == 422
    assert "1 of these letters were retracted, added to, or recorded" in words(answer.content.decode())
    assert not LetterPosting.objects.exists()
    assert posted(patient, both[1:], desk) == 1
    with pytest.raises(LettersChanged):
        posted(patient, both[1:], desk)


def test_an_addendum_goes_to_the_post_again(
    patient: Patient, both: list[SignedVersion], desk: User, reader: User
) -> None:
    printed(patient.clinic, desk)
    posted(patient, both, desk)
    added = reports.addend(document=both[0].document, words="The appointment is on Monday.", by=reader)
    (waits,) = letters_to_post(patient.clinic)
    assert (waits.key, waits.printed_at) == (key_of(added), None)
    assert PrintedLetter.objects.filter(batch=printed(patient.clinic, desk)).get().version == added


def test_what_is_retracted_is_neither_printed_nor_posted(
    patient: Patient, both: list[SignedVersion], desk: User, reader: User
) -> None:
    batch = printed(patient.clinic, desk)
    reports.retract(document=both[0].document, why="Wrong patient", by=reader)
    assert text_of(pdf_of_batch(batch, by=desk)) == text_of(bytes(both[1].pdf))
    assert "1 must not go out any more: take it out of the post" in words(
        as_(desk).get(reverse("letters")).content.decode()
    )
    with pytest.raises(LettersChanged):
        posted(patient, both, desk)
    for version in (both[0], SignedVersion.objects.get(document__kind=DocumentKind.REPORT)):
        with pytest.raises(IntegrityError, match="not retracted"), transaction.atomic():
            LetterPosting.objects.create(version=version, turn=1, posted_on=timezone.localdate(), by=desk)
        with pytest.raises(IntegrityError, match="not retracted"), transaction.atomic():
            PrintedLetter.objects.create(batch=batch, version=version)


def test_the_database_takes_turns_and_forgets_nothing(patient: Patient, both: list[SignedVersion], desk: User) -> None:
    posted(patient, both[:1], desk)
    posting = LetterPosting.objects.get()
    turns = [(1, True), (2, True), (3, True), (2, False), (3, False)]
    refused = []
    for turn, is_posted in turns:
        told = {"posted_on": timezone.localdate()} if is_posted else {"taken_back_because": "Test"}
        try:
            with transaction.atomic():
                LetterPosting.objects.create(version=both[0], turn=turn, by=desk, **told)
        except IntegrityError:
            refused.append((turn, is_posted))
    assert refused == [(1, True), (2, True), (3, True), (3, False)]
    with pytest.raises(AlreadyTakenBack):
        signed_letters.take_back(posting=posting, why="Twice", by=desk)
    refused_by_the_database("UPDATE nodules_app_letterposting SET posted_on = '2020-01-01' WHERE id = %s", posting.pk)
    refused_by_the_database("DELETE FROM nodules_app_letterposting WHERE id = %s", posting.pk)


def test_nothing_is_printed_for_the_dead_the_silent_and_without_an_address(
    patient: Patient, both: list[SignedVersion], desk: User, reader: User
) -> None:
    ContactPreference.objects.create(patient=patient, do_not_contact="asked for it", by=desk)
    page = words(as_(desk).get(reverse("letters")).content.decode())
    assert "Not printed: the patient wants no contact." in page
    assert "1 letter waits to be printed." in page
    batch = printed(patient.clinic, desk)
    assert [row.version for row in batch.printed_letters.all()] == both[1:]
    with pytest.raises(NothingToPrint):
        printed(patient.clinic, desk)
    ContactPoint.objects.filter(patient=patient).update(failed_at=timezone.now())
    sign(write(patient, reader, TO_DOCTOR), reader)
    died(patient, reader)
    page = words(as_(desk).get(reverse("letters")).content.decode())
    assert "Not printed: the patient has died." in page
    assert "Not printed: it shows no postal address." in page
    with pytest.raises(NothingToPrint):
        printed(patient.clinic, desk)


def died(patient: Patient, by: User) -> None:
    endings.record_death(
        patient=Patient.objects.get(pk=patient.pk), on=timezone.localdate(), source="Register", by=by, confirmed=True
    )


def test_printed_again_it_leaves_out_and_names_what_must_not_go_out_any_more(
    patient: Patient, both: list[SignedVersion], desk: User, reader: User
) -> None:
    batch = printed(patient.clinic, desk)
    died(patient, reader)
    assert text_of(pdf_of_batch(batch, by=desk)) == text_of(bytes(both[1].pdf))
    page = as_(desk).get(reverse("letters")).content.decode()
    assert "The patient has died: take it out of the post." in words(page)
    assert "1 must not go out any more: take it out of the post" in words(page)
    assert ticked_in(page) == [key_of(both[1])]
    added = reports.addend(document=both[1].document, words="The address was corrected.", by=reader)
    with pytest.raises(NothingLeft):
        pdf_of_batch(batch, by=desk)
    assert text_of(pdf_of_batch(printed(patient.clinic, desk), by=desk)) == text_of(bytes(added.pdf))


def test_an_older_version_that_was_printed_is_asked_for_until_a_newer_one_is_posted(
    patient: Patient, both: list[SignedVersion], desk: User, reader: User
) -> None:
    printed(patient.clinic, desk)
    added = reports.addend(document=both[0].document, words="The appointment is on Monday.", by=reader)
    page = as_(desk).get(reverse("letters")).content.decode()
    assert "Replaced by version 2. Was it posted? Else take it out of the post." in words(page)
    assert "1 must not go out any more: take it out of the post" in words(page)
    assert ticked_in(page) == [key_of(both[1])]
    assert posted(patient, both, desk) == 2  # the first version went in the morning, and is said in the evening
    page = as_(desk).get(reverse("letters")).content.decode()
    assert "must not go out any more" not in words(page)
    assert [one.key for one in letters_to_post(patient.clinic)] == [key_of(added)]
    signed_letters.take_back(posting=LetterPosting.objects.get(version=both[0]), why="Test", by=desk)
    assert len(letters_to_post(patient.clinic)) == 2
    posted(patient, [added], desk)
    assert letters_to_post(patient.clinic) == []
    assert "must not go out any more" not in words(as_(desk).get(reverse("letters")).content.decode())


def test_the_story_says_posted(patient: Patient, both: list[SignedVersion], desk: User) -> None:
    posted(patient, both[:1], desk)
    told = {event.code: event.facts["posted_on"] for event in story(patient).events if event.kind is EventKind.DOCUMENT}
    assert told[both[0].document.code] == timezone.localdate().isoformat()
    assert told[both[1].document.code] == ""
