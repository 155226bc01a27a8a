"""What several integration tests share: a simulated patient, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from tests import peers
from tests.providers import Gateway, MailServer, gateway, mail_server

SECRET = "a secret of the test"


@pytest.fixture(scope="session")
def simulated_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two CTs of one simulated patient as DICOM, coarse but measurable, and ``truth.json``."""
    folder = tmp_path_factory.mktemp("simulated") / "patient"
    call_command("simulate", str(folder), size="coarse", verbosity=0)
    return folder


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
