"""What is kept of an upload before a worker reads it, and what is refused at the door."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from nodules_app.lifecycles import RunState
from nodules_app.models import AuditEvent, ImportBatch, Instance, Nodule, Patient, Role, Run, Study, User
from nodules_app.services import housekeeping, intake, nodules, runs
from nodules_app.services.pipeline.execute import execute
from tests import factories
from tests.integration.browsing import signed_in
from tests.unit.dicom.made import as_bytes, ct, stack, uid

pytestmark = pytest.mark.django_db


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def inbox(settings: Settings, tmp_path: Path) -> Path:
    settings.INBOX_DIR = tmp_path / "inbox"
    return settings.INBOX_DIR


@pytest.fixture
def sender() -> User:
    return factories.member(Role.COORDINATOR)


def sent(*names: str, content: bytes = b"x") -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name, content) for name in names]


def test_files_are_kept_under_their_own_names(inbox: Path, sender: User) -> None:
    batch = intake.receive_upload(files=sent("IM001.dcm", "IM002.dcm"), by=sender)
    assert sorted(path.name for path in Path(batch.path).iterdir()) == ["IM001.dcm", "IM002.dcm"]
    assert (batch.source_name, batch.owned, batch.by) == ("2 files", True, sender)
    assert Run.objects.get().import_batch == batch
    assert AuditEvent.objects.get(verb="import.asked").by == sender


def test_two_files_of_one_name_are_both_kept(inbox: Path, sender: User) -> None:
    batch = intake.receive_upload(files=sent("IM001.dcm", "IM001.dcm"), by=sender)
    assert len(list(Path(batch.path).iterdir())) == 2


def test_a_file_that_bears_the_name_given_to_a_double_is_kept_too(inbox: Path, sender: User) -> None:
    batch = intake.receive_upload(files=sent("2-a.dcm", "a.dcm", "a.dcm"), by=sender)
    assert len(list(Path(batch.path).iterdir())) == 3


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_name_leads_out_of_the_inbox(tmp_path: Path, name: str) -> None:
    kept = tmp_path / intake._harmless_name(name, 3, tmp_path)
    assert kept.parent == tmp_path
    assert kept.name not in {"", ".", ".."}
    kept.touch()
    kept.unlink()


def test_nothing_sent_is_said(inbox: Path, sender: User) -> None:
    with pytest.raises(intake.NothingSent, match="No file was chosen"):
        intake.receive_upload(files=[], by=sender)


def test_too_much_at_once_is_refused_before_anything_is_kept(inbox: Path, sender: User, settings: Settings) -> None:
    settings.UPLOAD_LIMIT_BYTES = 10
    with pytest.raises(intake.UploadTooLarge):
        intake.receive_upload(files=sent("IM001.dcm", content=b"x" * 11), by=sender)
    assert not inbox.exists()
    assert not ImportBatch.objects.exists()


def test_a_full_disk_is_said_before_anything_is_kept(
    inbox: Path, sender: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: DiskUsage(100, 99, 1))
    with pytest.raises(intake.DiskFull):
        intake.receive_upload(files=sent("IM001.dcm"), by=sender)
    assert list(inbox.iterdir()) == []


class FullFile(SimpleUploadedFile):
    """A file during whose keeping the disk fills up."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"DICM"
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_meanwhile_is_said_and_leaves_no_half_upload(inbox: Path, sender: User) -> None:
    with pytest.raises(intake.DiskFull):
        intake.receive_upload(files=[FullFile("IM001.dcm", b"x")], by=sender)
    assert list(inbox.iterdir()) == []
    assert not ImportBatch.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestReading:
    @pytest.fixture(autouse=True)
    def storage(self, inbox: Path, settings: Settings, tmp_path: Path) -> None:
        settings.ARCHIVE_DIR = tmp_path / "archive"
        settings.CACHE_DIR = tmp_path / "cache"

    def read(self, *contents: bytes) -> Run:
        files = [SimpleUploadedFile(f"IM{number}.dcm", content) for number, content in enumerate(contents)]
        run = intake.latest_run(intake.receive_upload(files=files, by=factories.member()))
        assert run is not None
        execute(run.code)
        run.refresh_from_db()
        return run

    def test_an_upload_that_was_refused_leaves_nothing_in_the_inbox(self, inbox: Path) -> None:
        assert self.read(b"no DICOM", b"at all").state == RunState.REFUSED
        assert list(inbox.iterdir()) == []

    def test_the_same_images_under_another_series_are_refused_in_a_sentence(self, inbox: Path) -> None:
        assert self.read(*map(as_bytes, stack(5))).state == RunState.SUCCEEDED
        run = self.read(*map(as_bytes, stack(5, SeriesInstanceUID=uid("renamed"))))
        assert run.state == RunState.REFUSED
        assert "5 image(s) of series - are stored here as images of another series" in run.refusal["sentence"]
        assert Instance.objects.count() == 5

    def test_an_exam_without_a_patient_number_does_not_lose_the_other(self, inbox: Path) -> None:
        nobodys = {"PatientID": "", "StudyInstanceUID": uid("nobody"), "SeriesInstanceUID": uid("nobody's")}
        anonymous = [ct(number, SOPInstanceUID=uid("nobody", number), **nobodys) for number in range(5)]
        run = self.read(*map(as_bytes, [*stack(5), *anonymous]))
        assert run.state == RunState.SUCCEEDED
        assert Instance.objects.count() == 5
        assert "no_patient_number" in [notice["code"] for notice in ImportBatch.objects.get().notices]
        assert self.read(*map(as_bytes, anonymous)).refusal["code"] == "no_patient_number"

    def test_an_exam_stored_under_another_number_does_not_lose_the_other(self, inbox: Path) -> None:
        assert self.read(*map(as_bytes, stack(5))).state == RunState.SUCCEEDED
        renumbered = stack(5, PatientID="someone else")
        other = {"StudyInstanceUID": uid("later"), "SeriesInstanceUID": uid("later's")}
        later = [ct(number, SOPInstanceUID=uid("later", number), **other) for number in range(5)]
        run = self.read(*map(as_bytes, [*renumbered, *later]))
        assert run.state == RunState.SUCCEEDED
        assert set(Study.objects.values_list("study_uid", flat=True)) == {uid("study"), uid("later")}
        assert set(Patient.objects.values_list("identifier", flat=True)) == {stack(1)[0].PatientID}
        said = ImportBatch.objects.latest("pk").notices
        assert [notice["code"] for notice in said if notice["refused"]] == ["exam_of_another_patient"]

    def test_a_delivery_of_nothing_but_such_an_exam_is_refused(self, inbox: Path) -> None:
        assert self.read(*map(as_bytes, stack(5))).state == RunState.SUCCEEDED
        run = self.read(*map(as_bytes, stack(5, PatientID="someone else")))
        assert run.refusal["code"] == "exam_of_another_patient"
        assert Patient.objects.count() == 1

    def test_a_reading_that_failed_can_be_asked_for_again_on_the_page(self, inbox: Path) -> None:
        batch = intake.receive_upload(files=sent("IM001.dcm"), by=factories.member())
        run = runs.claim(batch.runs.get().code)
        assert run is not None
        runs.end(run, "fail", failure="OSError")
        client = signed_in()
        again = reverse("run-again", kwargs={"code": run.code})
        page = client.get(reverse("imports")).content.decode()
        assert again in page
        assert "nothing was stored twice" not in page
        client.post(again)
        run.refresh_from_db()
        assert run.state == RunState.QUEUED


def test_what_a_dying_web_process_left_is_removed_after_a_day(inbox: Path, sender: User) -> None:
    batch = intake.receive_upload(files=sent("IM001.dcm", "IM002.dcm"), by=sender)
    (inbox / "half-sent").mkdir()
    (inbox / "half-sent" / "IM001.dcm").write_bytes(b"DICM")
    assert housekeeping.drop_orphaned_uploads() == 0
    assert housekeeping.drop_orphaned_uploads(now_s=time.time() + housekeeping.ORPHANED_AFTER_S + 60) == 1
    assert [folder.name for folder in inbox.iterdir()] == [Path(batch.path).name]


@pytest.mark.parametrize(
    ("limit_gb", "gone"), [(0.0, set()), (1.0, set()), (2.5e-6, {"oldest"}), (1e-6, {"oldest", "older"})]
)
def test_the_volumes_looked_at_longest_ago_make_room(
    tmp_path: Path, settings: Settings, limit_gb: float, gone: set[str]
) -> None:
    settings.CACHE_DIR, settings.CACHE_LIMIT_GB = tmp_path, limit_gb
    now_s = time.time()
    for days, name in enumerate(("today", "older", "oldest")):
        folder = tmp_path / "volumes" / name
        folder.mkdir(parents=True)
        (folder / "array.npy").write_bytes(bytes(1000))
        os.utime(folder / "array.npy", times=2 * (now_s - 2 * days * 86_400,))
    assert housekeeping.drop_old_volumes(now_s=now_s) == len(gone)
    assert {folder.name for folder in (tmp_path / "volumes").iterdir()} == {"today", "older", "oldest"} - gone


def test_a_mark_with_the_tracking_uid_of_another_patient_gets_its_own() -> None:
    first, second = (factories.scan(factories.patient()) for _ in range(2))
    for scan in (first, second):
        nodules.mark_nodule(scan=scan, lps_mm=(0.0, 0.0, 0.0), by=None, tracking_uid="1.7")
    assert Nodule.objects.count() == 2
    assert Nodule.objects.filter(tracking_uid="1.7").count() == 1
