"""What several integration tests share: a simulated patient, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker, Settings

from nodules_app.lifecycles import RunState
from nodules_app.models import Run
from nodules_app.services.demo_clinic import prepare_demo_clinic
from nodules_app.services.pipeline.execute import execute
from tests import kept, peers
from tests.emptying import empty_the_tables
from tests.providers import Gateway, MailServer, gateway, mail_server

SECRET = "a secret of the test"


@pytest.fixture(scope="session")
def simulated_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two CTs of one simulated patient as DICOM, coarse but measurable, and ``truth.json``."""
    folder = tmp_path_factory.mktemp("simulated") / "patient"
    call_command("simulate", str(folder), size="coarse", verbosity=0)
    return folder


def work() -> None:
    """Do every run that waits, in the order in which they were asked for."""
    while (run := Run.objects.filter(state=RunState.QUEUED).order_by("pk").first()) is not None:
        execute(run.code)
        run.refresh_from_db()
        assert run.state in (RunState.SUCCEEDED, RunState.REFUSED), f"{run.kind}: {run.failure}"


@pytest.fixture(scope="session")
def main_job(
    simulated_patient: Path,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> kept.Moment:
    """The simulated patient in the demo clinic after every run of the main job, done once."""
    folder = tmp_path_factory.mktemp("main-job")
    with django_db_blocker.unblock(), kept.files_under(folder):
        prepare_demo_clinic(simulated_patient)
        work()
        done = kept.keep(folder)
        empty_the_tables()
    return done


@pytest.fixture
def mail(settings: Settings) -> Iterator[MailServer]:
    """A mail server that really listens; the product sends by it."""
    with mail_server() as server:
        settings.SMTP = settings.SMTP | {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": server.port}
        settings.MAIL_FROM = "desk@clinic.example"
        settings.SENDING_TIMEOUT_S = 3.0
        yield server


@pytest.fixture
def texts(settings: Settings) -> Iterator[Gateway]:
    """A message gateway that really listens; the product sends by it."""
    with gateway(SECRET) as server:
        settings.GATEWAY_URL, settings.GATEWAY_SECRET = f"http://127.0.0.1:{server.port}/messages", SECRET
        settings.SENDING_TIMEOUT_S = 3.0
        yield server


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Orthanc]:
    """A real PACS for the tests of one file; a test that fills it empties it."""
    with peers.orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running
