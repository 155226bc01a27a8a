"""Exams that come over the network, earlier ones that follow by themselves, and results that go out."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pydicom import dcmread
from pytest_django import Settings

from nodules_app.dicom import network_ask
from nodules_app.dicom.network import Peer
from nodules_app.dicom.network_shelf import ENDING
from nodules_app.lifecycles import ErrandState, NoSuchStep, RunState
from nodules_app.models import (
    AuditEvent,
    Clinic,
    Comparison,
    Connection,
    ConnectionKind,
    HeldExam,
    ImportBatch,
    Instance,
    MadeObject,
    Passed,
    PassedKind,
    Patient,
    PriorSearch,
    Reading,
    Role,
    Run,
    RunKind,
    Scan,
    Sending,
    Study,
)
from nodules_app.selectors import connections as selectors
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import (
    connections,
    corrections_measure,
    errand_round,
    errands,
    housekeeping,
    intake,
    outbox,
    priors,
    readings,
    receiving,
    sealing,
)
from nodules_app.services.pipeline.execute import execute
from tests import factories, peers
from tests.exams import archived_exam
from tests.unit.dicom.made import as_bytes, ct, stack, uid, write

pytestmark = pytest.mark.django_db
EARLIER = {"StudyInstanceUID": uid("earlier"), "SeriesInstanceUID": uid("earlier"), "BodyPartExamined": "CHEST"}


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.ARCHIVE_DIR = tmp_path / "archive"
    settings.CACHE_DIR = tmp_path / "cache"
    settings.INBOX_DIR = tmp_path / "inbox"
    settings.DICOM_QUIET_S = 0.3
    settings.DICOM_RESERVE_MB = 0
    settings.DICOM_TIMEOUT_S = 10.0
    settings.DICOM_HOST, settings.DICOM_PORT = "127.0.0.1", 0


def pacs(**fields: object) -> Connection:
    usual: dict[str, object] = {
        "clinic": Clinic.objects.first() or factories.clinic(),
        "name": "PACS",
        "kind": ConnectionKind.DIMSE,
        "title": "ORTHANC",
        "host": "127.0.0.1",
        "port": 4242,
        "receives": True,
    }
    return Connection.objects.create(**usual | fields)


def do(*kinds: RunKind) -> None:
    """Do every run of these kinds that waits, as a worker does."""
    while (run := Run.objects.filter(state=RunState.QUEUED, kind__in=kinds).order_by("pk").first()) is not None:
        execute(run.code)
        run.refresh_from_db()
        assert run.state in (RunState.SUCCEEDED, RunState.REFUSED), f"{run.kind}: {run.failure}"


class TestFromTheShelf:
    """What lies on the shelf, without a network."""

    def come(self, caller: Connection, *files: bytes, whole: bool = True) -> None:
        kept = receiving.shelf()
        kept.load()
        for content in files:
            name = dcmread(BytesIO(content)).SOPInstanceUID
            kept.keep(str(caller.code), 1, name, content)
        kept.ended(1, whole=whole)

    def look(self, after_s: float = 60.0) -> list[ImportBatch]:
        kept = receiving.shelf()
        receiving.recover(kept)
        return receiving.hand_over_quiet(kept, now_s=time.time() + after_s)

    def test_an_exam_that_came_whole_is_read_and_logged_without_a_name(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        caller = pacs()
        self.come(caller, *map(as_bytes, stack(5)))
        assert self.look(after_s=0.0) == []  # somebody may still be sending
        (batch,) = self.look()
        do(RunKind.INTAKE)
        assert Instance.objects.count() == 5
        line = Passed.objects.get()
        assert (line.kind, line.instances, line.study_uid, line.batch) == ("received", 5, uid("study"), batch)
        assert line.size_bytes == sum(len(as_bytes(one)) for one in stack(5))
        assert batch.clinic == caller.clinic
        assert not any(word in caplog.text for word in ("Made", "MADE-1"))
        assert self.look() == []

    def test_the_same_exam_again_is_known_and_not_read_again(self) -> None:
        caller = pacs()
        self.come(caller, *map(as_bytes, stack(5)))
        self.look()
        do(RunKind.INTAKE)
        self.come(caller, *map(as_bytes, stack(5)))
        assert self.look() == []
        line = Passed.objects.latest("pk")
        assert (line.instances, line.known, line.aside) == (0, 5, 0)
        assert ImportBatch.objects.count() == 1

    def test_a_stored_uid_with_another_content_is_kept_aside_and_said(self) -> None:
        caller = pacs()
        self.come(caller, *map(as_bytes, stack(5)))
        self.look()
        do(RunKind.INTAKE)
        self.come(caller, as_bytes(ct(2, RescaleSlope="2")))
        assert self.look() == []
        line = Passed.objects.latest("pk")
        assert (line.instances, line.aside) == (0, 1)
        assert line.refusal["code"] == "images_kept_aside"
        assert Instance.objects.count() == 5

    def test_an_exam_that_broke_off_waits_is_said_once_and_is_read_when_the_rest_comes(self) -> None:
        caller = pacs()
        self.come(caller, *map(as_bytes, stack(3)), whole=False)
        assert self.look() == []
        assert self.look() == []
        line = Passed.objects.get()
        assert (line.kind, line.instances, line.refusal["code"]) == ("broken_off", 3, "exam_broke_off")
        assert not ImportBatch.objects.exists()
        self.come(caller, *map(as_bytes, stack(5)))
        assert len(self.look()) == 1
        do(RunKind.INTAKE)
        assert Instance.objects.count() == 5

    def test_an_exam_that_broke_off_is_read_as_it_came_when_a_person_says_so(self) -> None:
        caller, who = pacs(), factories.member(Role.ADMINISTRATOR)
        self.come(caller, *map(as_bytes, stack(4)), whole=False)
        self.look()
        line = Passed.objects.get()
        assert receiving.waiting_folder(line) is not None
        receiving.read_anyway(connection=caller, line=line.code, by=who)
        assert len(self.look()) == 1
        assert receiving.waiting_folder(line) is None
        assert AuditEvent.objects.filter(verb="exam.read_as_it_came", by=who).exists()

    def test_an_exam_that_broke_off_is_removed_when_its_time_is_up(self, settings: Settings) -> None:
        caller, day_s = pacs(), 24 * 3600.0
        self.come(caller, *map(as_bytes, stack(3)), whole=False)
        self.look()
        kept = receiving.shelf()
        receiving.recover(kept)
        assert receiving.drop_broken(kept, now_s=time.time() + 29 * day_s) == 0
        settings.DICOM_BROKEN_DAYS = 0.0
        assert receiving.drop_broken(kept, now_s=time.time() + 1000 * day_s) == 0
        settings.DICOM_BROKEN_DAYS = 30.0
        assert receiving.drop_broken(kept, now_s=time.time() + 31 * day_s) == 1
        line = Passed.objects.get()
        assert receiving.waiting_folder(line) is None
        assert (line.kind, line.instances, line.refusal["code"]) == ("broken_off", 3, "broken_exam_removed")
        event = AuditEvent.objects.get(verb="exam.removed_unread")
        assert (event.facts["line"], event.facts["instances"]) == (str(line.code), "3")
        self.come(caller, *map(as_bytes, stack(5)))
        assert len(self.look()) == 1  # sent again, it is read as ever

    def test_what_a_person_wants_read_or_came_whole_is_not_removed(self) -> None:
        caller, later_s = pacs(), time.time() + 1000 * 24 * 3600
        self.come(caller, *map(as_bytes, stack(3)), whole=False)
        self.look()
        receiving.read_anyway(connection=caller, line=Passed.objects.get().code, by=factories.member())
        kept = receiving.shelf()
        receiving.recover(kept)
        assert receiving.drop_broken(kept, now_s=later_s) == 0
        assert len(receiving.hand_over_quiet(kept, now_s=later_s)) == 1

    def test_a_database_that_goes_away_leaves_the_exam_on_the_shelf(self, monkeypatch: pytest.MonkeyPatch) -> None:
        caller = pacs()
        self.come(caller, *map(as_bytes, stack(5)))

        def gone(*_: object, **__: object) -> None:
            raise DatabaseError("gone")

        with monkeypatch.context() as away:
            away.setattr("nodules_app.services.receiving.write_down", gone)
            with pytest.raises(DatabaseError):
                self.look()
        assert not ImportBatch.objects.exists()
        (batch,) = self.look()
        assert len(list(Path(batch.path).iterdir())) == 5

    def test_a_receiver_killed_between_rename_and_commit_hands_over_once(self, tmp_path: Path) -> None:
        caller = pacs()
        self.come(caller, *map(as_bytes, stack(5)))
        kept = receiving.shelf()
        receiving.recover(kept)
        (parcel,) = kept.parcels()
        kept.claim(parcel, "8a0c1a4e-killed")
        parcel.files.rename(tmp_path / "inbox" / "8a0c1a4e-killed")  # and here it was killed
        (batch,) = self.look()
        assert len(list(Path(batch.path).iterdir())) == 5
        assert ImportBatch.objects.count() == 1

    def test_housekeeping_leaves_the_shelf_alone(self) -> None:
        self.come(pacs(), *map(as_bytes, stack(2)), whole=False)
        assert housekeeping.drop_orphaned_uploads(now_s=time.time() + 10 * 24 * 3600) == 0
        kept = receiving.shelf()
        receiving.recover(kept)
        assert [parcel.instances for parcel in kept.parcels()] == [2]


class TestPriorsWaitAndAreGivenUp:
    def searched(self, **fields: object) -> PriorSearch:
        goal = pacs(queries=True, port=1, **fields)
        patient = factories.patient(clinic=goal.clinic)
        scan = factories.scan(patient)
        (search,) = priors.exam_came(scan)
        return search

    def test_a_pacs_that_is_down_is_asked_again_later_and_said(self) -> None:
        search = self.searched()
        assert errand_round.do_due() == 1
        search.refresh_from_db()
        assert search.state == ErrandState.QUEUED
        assert search.refusal["code"] == "nothing_listens"
        assert timedelta(seconds=30) < search.not_before - timezone.now() <= timedelta(minutes=1)
        assert errand_round.do_due() == 0  # not yet
        PriorSearch.objects.update(not_before=timezone.now())
        errand_round.do_due()
        search.refresh_from_db()
        assert timedelta(minutes=4) < search.not_before - timezone.now() <= timedelta(minutes=5)
        (standing,) = selectors.standings(selectors.in_use())
        assert (standing.state, standing.queue.waiting) == ("failing", 1)

    def test_when_its_time_is_up_it_stands_in_the_list_until_somebody_asks_again(self) -> None:
        search, who = self.searched(), factories.member(Role.COORDINATOR)
        PriorSearch.objects.update(give_up_at=timezone.now())
        errand_round.do_due()
        search.refresh_from_db()
        assert search.state == ErrandState.GIVEN_UP
        (row,) = selectors.searches(factories.member(Role.COORDINATOR, at=search.connection.clinic))
        assert (row.state, row.refusal["code"]) == ("given_up", "nothing_listens")
        priors.again(search=search, by=who)
        search.refresh_from_db()
        assert (search.state, search.attempt) == (ErrandState.QUEUED, 0)
        with pytest.raises(NoSuchStep):
            priors.again(search=search, by=who)

    def test_a_worker_that_sleeps_through_its_lease_cannot_end_what_another_took(self) -> None:
        self.searched()
        slow = errands.claim(PriorSearch)
        PriorSearch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        fast = errands.claim(PriorSearch)
        assert slow is not None
        assert fast is not None
        assert not errands.finish(slow)
        assert errands.finish(fast)

    def test_only_the_latest_exam_asks_and_only_where_a_connection_says_so(self) -> None:
        search = self.searched()
        patient = search.study.patient
        older = factories.scan(patient, on=search.study.acquired_on - timedelta(days=400))
        assert priors.exam_came(older) == []
        assert priors.exam_came(search.study.scans.get()) == [search]  # twice is once
        elsewhere = factories.scan(factories.patient(clinic=factories.clinic(name="Another")))
        assert priors.exam_came(elsewhere) == []


class TestTheOutbox:
    def test_a_file_goes_once_its_pacs_is_up(self, orthanc: peers.Orthanc, tmp_path: Path) -> None:
        goal = pacs(sends=True, port=1)
        (path,) = write(tmp_path / "made", [ct(0)])
        sending = outbox.queue_file(path=path, connection=goal)
        assert outbox.queue_file(path=path, connection=goal) == sending
        errand_round.do_due()
        sending.refresh_from_db()
        assert (sending.state, sending.refusal["code"]) == (ErrandState.QUEUED, "nothing_listens")
        Connection.objects.update(port=orthanc.dicom_port)
        Sending.objects.update(not_before=timezone.now())
        errand_round.do_due()
        sending.refresh_from_db()
        assert (sending.state, sending.refusal, sending.instances) == (ErrandState.DONE, None, 1)
        assert orthanc.sop_uids() == {uid("instance", 0)}
        assert set(Passed.objects.values_list("kind", flat=True)) == {PassedKind.SENT, PassedKind.REFUSED}
        outbox.again(sending=sending, by=factories.member(Role.ADMINISTRATOR))
        errand_round.do_due()
        assert len(orthanc.instances()) == 1
        orthanc.empty()


class TestResultsGoOut:
    @pytest.fixture
    def patient(self) -> Patient:
        of = factories.patient(clinic=Clinic.objects.first() or factories.clinic())
        place = (0.0, 0.0, 0.0)
        scan = archived_exam(of, ((place, 9.0),), seed=2)
        row = corrections_measure.store_by_machine(factories.finding(factories.nodule(of), scan, place))
        assert row is not None
        assert row.refusal is None
        readings.exam_came(scan)
        return of

    def sign(self, of: Patient) -> Reading:
        by = factories.member(Role.RADIOLOGIST, at=of.clinic)
        readings.begin(patient=of, by=by)
        opened = readings.open_reading(of)
        assert opened is not None
        return readings.sign(reading=opened, shown_sha256=sha256_of(content_of(of, opened.scan)), by=by)

    def test_what_is_signed_goes_to_the_pacs_and_what_is_added_as_well(
        self, patient: Patient, orthanc: peers.Orthanc
    ) -> None:
        pacs(clinic=patient.clinic, sends=True, port=orthanc.dicom_port)
        reading = self.sign(patient)
        assert Sending.objects.get().reading == reading
        assert errand_round.do_due() == 1
        first = set(MadeObject.objects.values_list("sop_instance_uid", flat=True))
        assert first
        assert orthanc.sop_uids() == first
        readings.addend(reading=reading, text="Compared with the outside exam.", by=reading.signed_by)
        assert errand_round.do_due() == 1
        assert orthanc.sop_uids() == set(MadeObject.objects.values_list("sop_instance_uid", flat=True)) > first
        assert not Sending.objects.exclude(state=ErrandState.DONE).exists()
        orthanc.empty()

    def test_a_signature_that_is_taken_back_by_the_database_sends_nothing(self, patient: Patient) -> None:
        pacs(clinic=patient.clinic, sends=True)
        with transaction.atomic():
            self.sign(patient)
            assert Sending.objects.count() == 1
            transaction.set_rollback(True)
        assert not Sending.objects.exists()


def test_a_test_of_a_connection_says_in_a_sentence_what_is_wrong(orthanc: peers.Orthanc) -> None:
    who = factories.member(Role.ADMINISTRATOR)
    good = pacs(port=orthanc.dicom_port)
    assert connections.test(connection=good, by=who) is None
    web = pacs(
        name="Web",
        kind=ConnectionKind.DICOMWEB,
        url=orthanc.dicomweb,
        user=peers.USER,
        secret=sealing.seal("no"),
        receives=False,
    )
    refusal = connections.test(connection=web, by=who)
    assert refusal is not None
    assert refusal.code == "sign_in_failed"
    web.refresh_from_db()
    assert web.test_refusal["code"] == "sign_in_failed"
    assert "no" not in str(web.test_refusal["facts"].values())
    states = {one.connection.name: one.state for one in selectors.standings(selectors.in_use())}
    assert states == {"PACS": "answers", "Web": "refuses"}


@dataclass
class Receiver:
    port: int
    stop: Callable[[], None]


@pytest.fixture
def receiver(storage: None) -> Iterator[Receiver]:
    """The receiver as ``manage.py receive`` runs it, in a thread of this process."""
    told_to_stop, up, ports = threading.Event(), threading.Event(), list[int]()

    def on(port: int) -> None:
        ports.append(port)
        up.set()

    def run() -> None:
        try:
            receiving.listen(stopped=told_to_stop.is_set, on=on)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert up.wait(20)
    yield Receiver(ports[0], told_to_stop.set)
    told_to_stop.set()
    thread.join(20)
    assert not thread.is_alive()


def until(true: Callable[[], object], within_s: float = 30.0) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not come true"
        time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
class TestEndToEnd:
    @pytest.fixture
    def connected(self, orthanc: peers.Orthanc) -> Iterator[Connection]:
        scanner = pacs(name="Scanner", title="SCANNER", host="127.0.0.1")
        goal = pacs(port=orthanc.dicom_port, queries=True, priors=2, clinic=scanner.clinic)
        yield goal
        orthanc.empty()

    def send(self, port: int, folder: Path) -> None:
        told = peers.dcmtk("storescu", "-xt", "-aet", "SCANNER", "-aec", "NODULES", "+sd", "127.0.0.1", port, folder)
        assert told.returncode == 0, told.stdout

    def test_the_prior_follows_and_the_comparison_is_there_without_a_hand(
        self, connected: Connection, receiver: Receiver, orthanc: peers.Orthanc, simulated_patient: Path
    ) -> None:
        orthanc.know("NODULES", receiver.port)
        orthanc.upload(sorted((simulated_patient / "prior").iterdir()))
        self.send(receiver.port, simulated_patient / "current")
        until(lambda: ImportBatch.objects.count() == 1)
        do(RunKind.INTAKE)
        assert errand_round.do_due() == 1
        search = PriorSearch.objects.get()
        assert (search.state, search.found, search.brought) == (ErrandState.DONE, 1, 1)
        until(lambda: ImportBatch.objects.count() == 2)
        do(RunKind.INTAKE, RunKind.LUNGS, RunKind.REGISTER, RunKind.MATCH, RunKind.MEASURE, RunKind.GROWTH)
        assert Study.objects.count() == 2
        assert Scan.objects.filter(superseded_at=None).count() == 2
        comparison = Comparison.objects.get()
        assert comparison.interval_days == 182
        assert comparison.registrations.get().residual_mm < 5
        assert comparison.grade
        kinds = set(Passed.objects.values_list("kind", flat=True))
        assert kinds == {PassedKind.RECEIVED, PassedKind.QUERIED, PassedKind.RETRIEVED}

    @pytest.mark.parametrize("way", ["get", "dicomweb"])
    def test_a_prior_that_contradicts_the_known_person_is_held(
        self, way: str, orthanc: peers.Orthanc, tmp_path: Path
    ) -> None:
        if way == "get":
            pacs(port=orthanc.dicom_port, queries=True, retrieve_by="get")
        else:
            web = {"url": orthanc.dicomweb, "user": peers.USER, "secret": sealing.seal(peers.PASSWORD)}
            pacs(kind=ConnectionKind.DICOMWEB, title="", host="", port=None, receives=False, queries=True, **web)
        # The PACS says no day of birth, so that only the images can contradict.
        others = {"PatientName": "Someone^Else", "PatientBirthDate": "", "PatientSex": "M", "StudyDate": "20190115"}
        earlier = [
            ct(n, SOPInstanceUID=uid("earlier", n), AcquisitionDate="20190115", **EARLIER, **others) for n in range(5)
        ]
        orthanc.upload(write(tmp_path / "earlier", earlier))
        batch = write(tmp_path / "now", stack(5))
        uploaded = intake.receive_folder(source=batch[0].parent, by=None, clinic=Clinic.objects.get())
        do(RunKind.INTAKE)
        assert errand_round.do_due() == 1
        assert PriorSearch.objects.get().state == ErrandState.DONE
        do(RunKind.INTAKE)
        held = HeldExam.objects.get()
        assert held.study_uid == uid("earlier")
        assert held.batch != uploaded
        assert Study.objects.count() == 1
        assert not list((tmp_path / "inbox").glob(".bringing/*"))
        orthanc.empty()

    def test_what_we_move_and_what_lies_on_the_shelf_have_names_of_uids_only(
        self, connected: Connection, receiver: Receiver, orthanc: peers.Orthanc, tmp_path: Path
    ) -> None:
        orthanc.know("NODULES", receiver.port)
        orthanc.upload(write(tmp_path / "x", stack(3)))
        came = network_ask.move_study(Peer("ORTHANC", "127.0.0.1", orthanc.dicom_port, "NODULES"), uid("study"))
        assert came.instances == 3
        until(lambda: ImportBatch.objects.count() == 1)
        names = {path.name for path in Path(ImportBatch.objects.get().path).iterdir()}
        assert names == {f"{uid('instance', number)}{ENDING}" for number in range(3)}
        shutil.rmtree(ImportBatch.objects.get().path)
