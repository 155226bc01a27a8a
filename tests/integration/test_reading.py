"""The reading of an exam: from its arrival by the panel to the signature, and what stays as it was signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from nodules_app.lifecycles import ReadingState, RunState
from nodules_app.models import Clinic, Patient, Reading, Role, RunKind, User
from nodules_app.selectors.reading import panel
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import corrections, policy, reading_opinions, readings, worklists
from tests import factories
from tests.integration.browsing import words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: Settings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def reader() -> User:
    return factories.member(Role.RADIOLOGIST)


@pytest.fixture
def patient() -> Patient:
    of = factories.followed_patient(nodules=2)
    scan = readings.latest_scan(of)
    assert scan is not None
    readings.exam_came(scan)
    return of


def opened(of: Patient) -> Reading:
    reading = readings.open_reading(of)
    assert reading is not None
    return reading


def now_shown(of: Patient) -> str:
    return sha256_of(content_of(of, opened(of).scan))


def sign(of: Patient, by: User, consensus: str = "") -> Reading:
    return readings.sign(reading=opened(of), shown_sha256=now_shown(of), by=by, consensus=consensus)


def signed(of: Patient, by: User) -> Reading:
    readings.begin(patient=of, by=by)
    return sign(of, by)


def test_an_exam_that_came_waits_for_a_reader(patient: Patient) -> None:
    reading = opened(patient)
    assert reading.state == ReadingState.AWAITING
    assert reading.comparison == patient.comparisons.get()


def test_a_later_exam_is_read_in_the_place_of_an_unread_one(patient: Patient) -> None:
    first = opened(patient)
    later = factories.scan(patient, factories.CURRENT_ON.replace(year=2027))
    readings.exam_came(later)
    first.refresh_from_db()
    assert first.state == ReadingState.COVERED
    assert opened(patient).scan == later


def test_a_prior_that_comes_late_is_compared_with_the_open_reading() -> None:
    of = factories.patient()
    current = factories.scan(of)
    readings.exam_came(current)
    prior = factories.scan(of, factories.PRIOR_ON)
    pair = factories.comparison(prior, current)
    assert readings.exam_came(prior) is None
    assert opened(of).comparison == pair


def test_who_begins_has_the_patient(patient: Patient, reader: User) -> None:
    readings.begin(patient=patient, by=reader)
    with pytest.raises(worklists.ClaimedByAnother):
        readings.begin(patient=patient, by=factories.member(Role.CHAIR))


def execute(sql: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


class TestSigning:
    def test_what_was_shown_is_kept_with_its_digest(self, patient: Patient, reader: User) -> None:
        done = signed(patient, reader)
        assert done.state == ReadingState.SIGNED
        assert done.content is not None
        assert done.content_sha256 == sha256_of(done.content)
        assert [row["label"] for row in done.content["nodules"]] == ["N1", "N2"]

    def test_it_is_refused_when_the_page_showed_something_else(self, patient: Patient, reader: User) -> None:
        readings.begin(patient=patient, by=reader)
        shown = now_shown(patient)
        corrections.reject_nodule(nodule=patient.nodules.get(number=2), by=reader)
        with pytest.raises(readings.NotAsShown):
            readings.sign(reading=opened(patient), shown_sha256=shown, by=reader)

    def test_it_waits_for_work_that_is_under_way(self, patient: Patient, reader: User) -> None:
        readings.begin(patient=patient, by=reader)
        factories.run(patient, RunKind.MATCH, state=RunState.QUEUED)
        with pytest.raises(readings.StillWorking):
            sign(patient, reader)

    def test_the_clinic_says_who_signs(self, patient: Patient) -> None:
        Clinic.objects.update(signing_roles=[Role.CHAIR.value])
        reader = factories.member(Role.RADIOLOGIST)
        readings.begin(patient=patient, by=reader)
        with pytest.raises(policy.MayNotSign):
            sign(patient, reader)

    @pytest.mark.parametrize(
        "change", [{"content": {"schema": 1}}, {"content_sha256": "0" * 64}, {"consensus": "no"}, {"version": 9}]
    )
    def test_the_database_refuses_every_change_of_it(
        self, patient: Patient, reader: User, change: dict[str, object]
    ) -> None:
        done = signed(patient, reader)
        with pytest.raises(DatabaseError, match="stays as it is"), transaction.atomic():
            Reading.objects.filter(pk=done.pk).update(**change)
        with pytest.raises(DatabaseError, match="stays as it is"), transaction.atomic():
            execute("DELETE FROM nodules_app_reading WHERE id = %s", done.pk)

    def test_words_are_added_beside_it(self, patient: Patient, reader: User) -> None:
        done = signed(patient, reader)
        readings.addend(reading=done, text="The fracture is old.", by=reader)
        kept = Reading.objects.get(pk=done.pk)
        assert (kept.state, kept.content) == (ReadingState.ADDENDED, done.content)
        with pytest.raises(DatabaseError, match="append-only"):
            kept.addenda.update(text="It is new.")

    def test_a_later_correction_makes_a_new_version(self, patient: Patient, reader: User) -> None:
        first = signed(patient, reader)
        corrections.reject_nodule(nodule=patient.nodules.get(number=2), by=reader)
        second = opened(patient)
        assert (second.version, second.replaces, second.state) == (2, first, ReadingState.DRAFT)
        assert readings.latest_signed(patient) == first
        sign(patient, reader)
        first.refresh_from_db()
        assert first.state == ReadingState.REPLACED
        assert first.content is not None
        assert first.content["nodules"][1]["state"] == "active"

    def test_findings_that_changed_by_another_way_are_noticed(self, patient: Patient, reader: User) -> None:
        signed(patient, reader)
        assert readings.notice_change(patient) is None
        finding = patient.nodules.get(number=1).findings.order_by("pk").last()
        assert finding is not None
        factories.measurement(finding, 900.0)
        assert readings.notice_change(patient) is not None
        assert opened(patient).version == 2


class TestTwoReaders:
    @pytest.fixture(autouse=True)
    def _two(self) -> None:
        factories.clinic()
        Clinic.objects.update(readers_needed=2)

    def test_one_alone_cannot_sign(self, patient: Patient, reader: User) -> None:
        readings.begin(patient=patient, by=reader)
        with pytest.raises(readings.SecondReadAwaited):
            sign(patient, reader)

    def test_a_second_who_only_looked_has_not_read(self, patient: Patient, reader: User) -> None:
        readings.begin(patient=patient, by=reader)
        readings.finish(reading=opened(patient), by=reader)
        with pytest.raises(readings.SecondReadAwaited):
            sign(patient, factories.member(Role.CHAIR))

    def test_where_they_differ_somebody_says_how_they_agreed(self, patient: Patient, reader: User) -> None:
        readings.begin(patient=patient, by=reader)
        readings.finish(reading=opened(patient), by=reader)
        other = factories.member(Role.CHAIR)
        own = {"is_nodule": True, "attenuation": "part_solid", "word": None, "mean_diameter_mm": None}
        said = {**reading_opinions.said_by_record(opened(patient)), "N1": own}
        reading_opinions.read_independently(reading=opened(patient), said=said, by=other)
        (difference,) = panel(patient, user=other).differences
        assert (difference.label, difference.first, difference.second) == ("N1", "solid", "part_solid")
        with pytest.raises(readings.ConsensusOpen):
            sign(patient, other)
        done = sign(patient, other, consensus="Solid: the halo is motion.")
        assert done.content is not None
        assert done.content["consensus"] == "Solid: the halo is motion."
        assert len(done.content["reads"]) == 2


def client_of(reader: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(reader)
    return client


def post(client: Client, of: Patient, act: str, **told: object) -> str:
    answer = client.post(reverse("reading-act", kwargs={"code": of.code, "act": act}), told, headers={"x-panel": "1"})
    assert answer.status_code in (200, 409)
    return answer.content.decode()


class TestPanel:
    def test_a_whole_reading_without_the_slices(self, patient: Patient, reader: User) -> None:
        client = client_of(reader)
        page = words(client.get(reverse("reading", kwargs={"code": patient.code})).content.decode())
        assert "0 of 2 reviewed" in page
        assert "Draft" in words(post(client, patient, "begin"))
        for match in patient.comparisons.get().matches.all():
            post(client, patient, "confirm", match=match.code)
        shown = post(client, patient, "reject", nodule=patient.nodules.get(number=2).code)
        assert "2 of 2 reviewed" in words(shown)
        assert "followed → not a nodule" in words(shown)
        shown = post(client, patient, "undo")
        assert "not a nodule → followed" in words(shown)
        shown = post(client, patient, "sign", sha256=now_shown(patient))
        assert "Version 1 signed by" in words(shown)
        assert "fracture" in post(client, patient, "addend", text="The fracture is old.")

    def test_it_asks_in_a_number_of_queries_that_does_not_grow(
        self, django_assert_max_num_queries: DjangoAssertNumQueries, patient: Patient, reader: User
    ) -> None:
        with django_assert_max_num_queries(40):
            panel(patient, user=reader)
        many = factories.followed_patient(nodules=8)
        with django_assert_max_num_queries(40):
            panel(many, user=reader)

    def test_nothing_of_another_patient_is_changed_from_here(self, patient: Patient, reader: User) -> None:
        other = factories.followed_patient()
        address = reverse("reading-act", kwargs={"code": patient.code, "act": "reject"})
        assert client_of(reader).post(address, {"nodule": other.nodules.get().code}).status_code == 404

    @pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MANAGER])
    def test_who_may_not_mark_may_not_correct(self, patient: Patient, role: Role) -> None:
        address = reverse("reading-act", kwargs={"code": patient.code, "act": "undo"})
        assert client_of(factories.member(role)).post(address).status_code == 403

    @pytest.mark.parametrize("act", ["add", "caliper", "stroke", "strokes", "confirm", "sign", "describe", "part"])
    def test_odd_words_are_refused(self, patient: Patient, reader: User, act: str) -> None:
        address = reverse("reading-act", kwargs={"code": patient.code, "act": act})
        odd = {"scan": "x", "finding": "1", "x_mm": "nan", "strokes": "[", "match": "' OR 1", "sha256": "g"}
        assert client_of(reader).post(address, odd).status_code == 400


class TestList:
    def test_it_holds_what_waits_and_lets_go_what_is_signed(self, patient: Patient, reader: User) -> None:
        client = client_of(reader)
        assert patient.identifier in client.get(reverse("reading-list")).content.decode()
        signed(patient, reader)
        assert patient.identifier not in client.get(reverse("reading-list")).content.decode()

    def test_the_riskiest_comes_first_then_the_oldest(self, patient: Patient, reader: User) -> None:
        calm = factories.patient()
        readings.exam_came(factories.scan(calm))
        page = client_of(reader).get(reverse("reading-list")).content.decode()
        assert page.index(patient.identifier) < page.index(calm.identifier)

    def test_failed_work_says_why_and_can_be_tried_again(self, patient: Patient, reader: User) -> None:
        factories.run(patient, RunKind.MEASURE, state=RunState.REFUSED)
        page = words(client_of(reader).get(reverse("reading-list") + "?lane=failed").content.decode())
        assert "The lungs are cut off above." in page
        assert "Try again" in page

    def test_the_next_case_is_one_that_nobody_is_at(self, patient: Patient, reader: User) -> None:
        other = factories.member(Role.CHAIR)
        worklists.claim(patient=patient, by=other)
        calm = factories.patient()
        readings.exam_came(factories.scan(calm))
        answer = client_of(reader).get(reverse("reading-next"))
        assert answer["Location"] == reverse("read", kwargs={"code": calm.code})

    def test_it_asks_in_a_number_of_queries_that_does_not_grow(
        self, django_assert_max_num_queries: DjangoAssertNumQueries, reader: User
    ) -> None:
        for _ in range(5):
            of = factories.followed_patient()
            scan = readings.latest_scan(of)
            assert scan is not None
            readings.exam_came(scan)
        client = client_of(reader)
        with django_assert_max_num_queries(30):
            client.get(reverse("reading-list"))
