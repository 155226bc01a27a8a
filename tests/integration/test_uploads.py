"""What is kept of an upload before a worker reads it, and what is refused at the door."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django import Settings

from nodules_app.models import AuditEvent, ImportBatch, Run, User
from nodules_app.services import intake

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
    return User.objects.create_user("coordinator")


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
